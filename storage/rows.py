"""Many rows in few statements, spelt alike for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import sqlite

from storage.entries import QUALITIES, SensorColumns
from storage.json_codec import to_json
from storage.tables import channel_table

__all__ = ["plain_text", "update_sensors", "upsert"]

# Rows in one statement to PostgreSQL: some hundreds of kilobytes of JSON.
_ROWS: Final = 1000
# Each column is read by its own type: numbers to the bit, bytes as hexadecimal, JSON as it stands.
_RECORDS: Final = 'json_populate_recordset(CAST(NULL AS "{table}"), CAST(:rows AS json))'


def plain_text(words: str, length: int) -> str:
    """Give the first characters of a text from outside, without those that PostgreSQL cannot hold."""
    return words[:length].replace("\0", "\N{REPLACEMENT CHARACTER}")


def upsert(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite those whose key is there; of several with one key the last counts."""
    keys = [item.name for item in table.primary_key]
    last = {tuple(row[key] for key in keys): row for row in rows}
    if not last:
        return
    if db.dialect.name == "postgresql":
        names = ", ".join(f'"{item.name}"' for item in table.columns)
        key = ", ".join(f'"{name}"' for name in keys)
        rest = [f'"{item.name}"' for item in table.columns if item.name not in keys]
        settings = ", ".join(f"{name} = excluded.{name}" for name in rest)
        found = f"SELECT {names} FROM {_RECORDS.format(table=table.name)}"  # noqa: S608 -- our own names
        _send(
            db,
            f'INSERT INTO "{table.name}" ({names}) {found} ON CONFLICT ({key}) DO UPDATE SET {settings}',
            list(last.values()),
        )
        return
    insert = sqlite.insert(table)
    changed = {item.name: insert.excluded[item.name] for item in table.columns if item.name not in keys}
    db.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), [dict(row) for row in last.values()])


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
    settings = ", ".join(f"{name} = newest.{name}" for name in names[1:])
    statement = (
        f"UPDATE {channel_table.name} SET {settings} FROM {_RECORDS.format(table=channel_table.name)} AS newest "  # noqa: S608 -- our own names
        f"WHERE {channel_table.name}.number = newest.number"
    )
    _send(db, statement, [dict(zip(names, row, strict=True)) for row in rows])


def _send(db: Connection, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Send rows to PostgreSQL as one JSON text a statement.

    A driver that sends each row by itself waits for the network as often as there are rows, and one parameter a value
    costs ten times what writing the row does.
    """
    for first in range(0, len(rows), _ROWS):
        some = [
            {name: f"\\x{value.hex()}" if isinstance(value, bytes) else value for name, value in row.items()}
            for row in rows[first : first + _ROWS]
        ]
        db.execute(text(statement), {"rows": to_json(some)})


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
