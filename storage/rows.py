"""Many rows in few statements, spelt alike for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    Connection,
    Float,
    Integer,
    String,
    Table,
    bindparam,
    column,
    update,
    values,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.entries import SensorChange
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


def update_sensors(db: Connection, changes: Mapping[int, tuple[int, SensorChange]]) -> None:
    """Write the newest that came from channels, by their number; those that left the register are passed over."""
    rows = [
        (number, change.time_ns, change.value, change.quality.value, seq) for number, (seq, change) in changes.items()
    ]
    names = ("number", "last_time_ns", "last_value", "quality", "revision")
    if not rows:
        return
    if db.dialect.name != "postgresql":
        statement = update(channel_table).where(channel_table.c.number == bindparam("b_number"))
        statement = statement.values({name: bindparam(f"b_{name}") for name in names[1:]})
        db.execute(statement, [{f"b_{name}": value for name, value in zip(names, row, strict=True)} for row in rows])
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
