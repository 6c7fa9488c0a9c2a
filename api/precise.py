"""What the framework leaves open in the document's parameters, said precisely.

A parameter of a query cannot be null, only left out; a page has the service's own maximum; and `fields` takes the names
of members that the answer has. A request that fits the document is then taken, but for what no schema can say: that a
cursor was handed out, and that an identifier is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["make_precise"]

_REFERENCE: Final = "#/components/schemas/"


def make_precise(operation: dict[str, Any], schemas: Mapping[str, Any], *, page_size_max: int) -> None:
    """Complete the parameters of one operation in place.

    Parameters
    ----------
    operation : dict
        Of the document, with its answers.
    schemas : mapping
        Components of the document, by name.
    page_size_max : int
        Items on a page at most.
    """
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        if parameter["in"] in {"query", "header"} and "anyOf" in schema:
            kinds = [kind for kind in schema["anyOf"] if kind.get("type") != "null"]
            if len(kinds) == 1:
                schema = {key: value for key, value in schema.items() if key != "anyOf"} | kinds[0]
        if parameter["name"] == "pageSize":
            schema["maximum"] = page_size_max
        if parameter["name"] == "fields":
            names = "|".join(sorted({name for answer in _answers(operation) for name in _members(answer, schemas)}))
            schema["pattern"] = f"^ *({names}) *(, *({names}) *)*$"
        parameter["schema"] = schema


def _answers(operation: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the schemas of the JSON answer."""
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    yield from schema.get("anyOf", [schema])


def _members(answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    """Name what `fields` may choose: members of the answer, or of a list's items."""
    properties = schemas[answer["$ref"].removeprefix(_REFERENCE)]["properties"]
    items = properties.get("items", {}).get("items")
    yield from properties if items is None else _members(items, schemas)
