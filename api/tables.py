"""Lists as CSV: one row an item, nested members as columns of their own.

Text that a spreadsheet would take for a formula gets an apostrophe before it: names and reasons come from outside.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["as_csv"]

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
# The member that tells items of a nested list apart, and so names their columns.
_NAMED_BY: Final = "horizonDays"


def as_csv(listing: Mapping[str, Any]) -> str:
    r"""Write the items of a page.

    Examples
    --------
    >>> as_csv({"items": [{"id": "a", "at": {"lat": 1.5, "lon": None}, "why": ["x", "=y"]}]})
    'id,at.lat,at.lon,why\r\na,1.5,,x; =y\r\n'
    """
    rows = [_flat(item) for item in listing["items"]]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    table = csv.DictWriter(out, columns or ["id"], restval="")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


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
