"""Many rows in few statements, spelt alike for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnClause,
    Connection,
    Float,
    Integer,
    String,
    Table,
    column,
    update,
    values,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.entries import QUALITIES, SensorColumns
from storage.tables import channel_table

__all__ = ["plain_text", "update_sensors", "upsert"]

# PostgreSQL's protocol counts the values of a statement in 16 bits; the widest table has 12 columns.
_ROWS: Final = 1000


def plain_text(text: str, length: int) -> str:
    """Give the first characters of a text from outside, without those that PostgreSQL cannot hold."""
    return text[:length].replace("\0", "\N{REPLACEMENT CHARACTER}")


def upsert(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite those whose key is there; of several with one key the last counts."""
    keys = [item.name for item in table.primary_key]
    last = {tuple(row[key] for key in keys): row for row in rows}
    if not last:
        return
    is_postgresql = db.dialect.name == "postgresql"
    statement = (postgresql.insert if is_postgresql else sqlite.insert)(table)
    changed = {item.name: statement.excluded[item.name] for item in table.columns if item.name not in keys}
    statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    unique = [dict(row) for row in last.values()]
    if not is_postgresql:
        db.execute(statement, unique)
        return
    # A driver that sends each row by itself waits for the network as often as there are rows.
    for first in range(0, len(unique), _ROWS):
        db.execute(statement.values(unique[first : first + _ROWS]))


def update_sensors(db: Connection, pages: Sequence[tuple[int, SensorColumns]]) -> None:
    """Write the newest that came from channels, by their number; those that left the register are passed over.

    Parameters
    ----------
    pages : sequence of (int, SensorColumns)
        Sequence of the entry and what it brought, in order: of a channel that comes again the last counts.
    """
    rows = _newest(pages)
    names = ("number", "last_time_ns", "last_value", "quality", "revision")
    if not rows:
        return
    if db.dialect.name != "postgresql":
        settings = ", ".join(f"{name} = ?" for name in names[1:])
        # By the driver itself: preparing each row for SQLAlchemy takes five times as long as writing it.
        db.exec_driver_sql(
            f"UPDATE {channel_table.name} SET {settings} WHERE number = ?",  # noqa: S608 -- our own names
            [(*row[1:], row[0]) for row in rows],
        )
        return
    kinds = (Integer, BigInteger, Float, String, BigInteger)
    columns: list[ColumnClause[Any]] = [column(name, kind) for name, kind in zip(names, kinds, strict=True)]
    for first in range(0, len(rows), _ROWS):
        newest = values(*columns, name="newest").data(rows[first : first + _ROWS])
        db.execute(
            update(channel_table)
            .where(channel_table.c.number == newest.c.number)
            .values({name: newest.c[name] for name in names[1:]})
        )


def _newest(pages: Sequence[tuple[int, SensorColumns]]) -> list[tuple[int, int, float, str, int]]:
    """Give number, time, value, quality and sequence of the last row of each channel."""
    columns = [columns for _, columns in pages]
    number = np.frombuffer(b"".join(item.channel for item in columns), "<i4")
    # The first of the reversed rows is the last.
    last = len(number) - 1 - np.unique(number[::-1], return_index=True)[1]
    sequences = np.array([seq for seq, _ in pages], np.int64)
    seq = np.repeat(sequences, [len(item.quality) for item in columns])
    time_ns = np.frombuffer(b"".join(item.time_ns for item in columns), "<i8")
    value = np.frombuffer(b"".join(item.value for item in columns), "<f8")
    quality = np.frombuffer(b"".join(item.quality for item in columns), "u1")
    return list(
        zip(
            number[last].tolist(),
            time_ns[last].tolist(),
            value[last].tolist(),
            (QUALITIES[place].value for place in quality[last].tolist()),
            seq[last].tolist(),
            strict=True,
        )
    )
