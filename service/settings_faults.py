"""What is wrong with settings, in words that name the place and the value, and never a secret."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, SecretStr

from storage.influx_target import without_password

__all__ = ["fault_in_words", "unreadable_variables"]

_HIDDEN: Final = "'***'"
_OUR_RULE: Final = "Value error, expected "


def fault_in_words(model: type[BaseModel], item: Mapping[str, Any]) -> str:
    """Put one fault that pydantic found into words.

    Parameters
    ----------
    model : type
        The settings.
    item : mapping
        One of `ValidationError.errors`.
    """
    if not item["loc"]:  # a rule over several settings, which names them itself
        return str(item["msg"]).removeprefix("Value error, ")
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{key}: no such setting; docs/settings.md lists them all"
    got, expected = _shown(_type_at(model, item["loc"]), item["input"]), item["msg"].removeprefix(_OUR_RULE)
    return f"{key}: got {got}, expected: {expected if expected != item['msg'] else expected.lower()}"


def unreadable_variables(model: type[BaseModel], prefix: str, environment: Mapping[str, str]) -> list[str]:
    """Name the variables that hold a list or a section and are no JSON, each in words; empty when all can be read."""
    found = []
    for variable, text in sorted(environment.items()):
        name = variable.upper()
        if not name.startswith(prefix):
            continue
        wanted = _type_at(model, name.removeprefix(prefix).lower().split("__"))
        if _is_section(wanted):
            example = f'a JSON object such as {{"port": 1}}, or a variable for each setting ({name}__...)'
        elif get_origin(wanted) is tuple:
            example = 'a JSON list such as ["a", "b"]'
        else:
            continue
        try:
            json.loads(text)
        except ValueError:
            found.append(f"{variable}: got {_shown(wanted, text)}, expected {example}")
    return found


def _type_at(model: type[BaseModel], place: typing.Sequence[object]) -> object:
    """Give the type of the setting at a place, the nearest one above where it goes into a value; None for none."""
    wanted: object = model
    for part in place:
        if not _is_section(wanted):
            return wanted
        field = typing.cast("type[BaseModel]", wanted).model_fields.get(str(part))
        if field is None:
            return None
        wanted = field.annotation
    return wanted


def _is_section(wanted: object) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, BaseModel)


def _shown(wanted: object, value: object) -> str:
    """Show a value, unless it is a secret or may hold one."""
    choices = get_args(wanted) if get_origin(wanted) in {typing.Union, types.UnionType} else (wanted,)
    if SecretStr in choices:
        return _HIDDEN
    if _is_section(wanted):
        return f"a value of type {type(value).__name__}"
    return repr(without_password(value) if isinstance(value, str) else value)
