"""Lists as CSV: one row an item, nested members as columns of their own.

The columns are those of the kind of item, so every page of a list has the same ones.

Text that a spreadsheet would take for a formula gets an apostrophe before it: names and reasons come from outside.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel

from domain.records import HORIZONS_DAYS

__all__ = ["as_csv", "csv_columns"]

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
# The member that tells items of a nested list apart, and so names their columns.
_NAMED_BY: Final = "horizonDays"


def as_csv(listing: Mapping[str, Any], columns: Sequence[str] = ()) -> str:
    r"""Write the items of a page.

    Parameters
    ----------
    columns : sequence of str
        Columns that stand there in any case, in their order, such as `csv_columns` gives; what else the items hold
        comes behind them.

    Examples
    --------
    >>> as_csv({"items": [{"id": "a", "at": {"lat": 1.5, "lon": None}, "why": ["x", "=y"]}]})
    'id,at.lat,at.lon,why\r\na,1.5,,x; =y\r\n'
    >>> as_csv({"items": [{"id": "a", "at": None}]}, ["id", "at.lat", "at.lon"])
    'id,at.lat,at.lon\r\na,,\r\n'
    """
    known = set(columns)
    rows = [
        {name: value for name, value in _flat(item).items() if name in known or value is not None or not known}
        for item in listing["items"]
    ]
    names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    out = io.StringIO()
    table = csv.DictWriter(out, names, restval="")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def csv_columns(item: type[BaseModel], *, only: Collection[str] | None = None) -> list[str]:
    """Name the columns of a kind of item, whatever a page of it holds: a list without rows has them too.

    Parameters
    ----------
    only : collection of str, optional
        Members that were asked for; all where it is None.
    """
    return [column for column in _columns(item) if only is None or column.partition(".")[0] in only]


@cache
def _columns(item: type[BaseModel], prefix: str = "") -> tuple[str, ...]:
    """Name all columns of a kind of item."""
    columns: list[str] = []
    for name, field in item.model_fields.items():
        column, (inner, is_list) = f"{prefix}{field.alias or name}", _inner(field.annotation)
        if inner is None:
            columns.append(column)
        elif not is_list:
            columns += _columns(inner, f"{column}.")
        elif any((part.alias or part_name) == _NAMED_BY for part_name, part in inner.model_fields.items()):
            for horizon in HORIZONS_DAYS:
                start = f"{column}.{horizon}."
                columns += [name for name in _columns(inner, start) if name != f"{start}{_NAMED_BY}"]
        else:
            columns.append(column)
    return tuple(columns)


def _inner(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    """Give the model that a member holds, where it does, and whether it holds a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    is_list = get_origin(annotation) is list
    for part in get_args(annotation):
        inner, is_list_inside = _inner(part)
        if inner is not None:
            return inner, is_list or is_list_inside
    return None, False


def _flat(item: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    row: dict[str, object] = {}
    for name, value in item.items():
        column = f"{prefix}{name}"
        if isinstance(value, dict):
            row |= _flat(value, f"{column}.")
        elif isinstance(value, list) and any(isinstance(part, dict) and _NAMED_BY in part for part in value):
            for part in value:
                named = {key: inner for key, inner in part.items() if key != _NAMED_BY}
                row |= _flat(named, f"{column}.{part[_NAMED_BY]}.")
        elif isinstance(value, list):
            row[column] = _text("; ".join(str(part) for part in value))
        elif isinstance(value, bool):
            row[column] = str(value).lower()
        else:
            row[column] = _text(value) if isinstance(value, str) else value
    return row


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value
