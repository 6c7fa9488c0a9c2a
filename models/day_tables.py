"""Tables of the second stage by day: what the fleet taught, kept so that days scored again meet what was known then.

A day's table is written once, by the first rows that come of that day, from the newest table before it; what comes late
reads it. Two years are kept, for an asset whose history comes behind the others'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np

from domain.arrays import FloatArray

__all__ = ["DayTables", "padded", "table_as_of", "table_before", "with_table"]

# Float64 tables by their day's end, in nanoseconds since 1970.
DayTables: TypeAlias = Mapping[int, FloatArray]

_KEPT_DAYS: Final = 750


def table_before(tables: DayTables, day_end_ns: int) -> FloatArray | None:
    """Give the newest table of an earlier day, as it was put in; None if there is none."""
    earlier = [day for day in tables if day < day_end_ns]
    return tables[max(earlier)] if earlier else None


def table_as_of(tables: DayTables, day_end_ns: int) -> FloatArray | None:
    """Give a day's table, or else the newest of an earlier day; None if there is neither."""
    known = tables.get(day_end_ns)
    return table_before(tables, day_end_ns) if known is None else known


def with_table(tables: DayTables, day_end_ns: int, table: FloatArray) -> dict[int, FloatArray]:
    """Give the tables with a day's among them, and without the oldest beyond 750; the mapping given is not changed."""
    kept = {**tables, day_end_ns: table}
    for old in sorted(kept)[:-_KEPT_DAYS]:
        del kept[old]
    return kept


def padded(table: FloatArray | None, length: int, unknown: FloatArray) -> FloatArray:
    """Give a copy of a day's table with rows for groups that came later; None has no rows yet.

    Parameters
    ----------
    length : int
        Rows of the copy, at least those of the table.
    unknown : float64[K]
        The row of a group of which nothing is known.
    """
    known = np.empty((0, len(unknown))) if table is None else table
    return np.concatenate([known, np.tile(unknown, (length - len(known), 1))])
