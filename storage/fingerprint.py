"""A count and a hash of each table, the same for the same rows in SQLite and in PostgreSQL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Table, select, tuple_

__all__ = ["Fingerprint", "pages", "table_fingerprint"]

_PAGE: Final = 2000


class Fingerprint(NamedTuple):
    """What tells that two tables hold the same.

    Attributes
    ----------
    rows : int
    sha256 : str
        Hexadecimal, over the rows in the order of their keys, each as canonical JSON.
    """

    rows: int
    sha256: str


def table_fingerprint(db: Connection, table: Table) -> Fingerprint:
    """Compute the fingerprint of a table as one transaction sees it."""
    digest, count = hashlib.sha256(), 0
    for rows in pages(db, table):
        for row in rows:
            digest.update(_canonical(row))
        count += len(rows)
    return Fingerprint(count, digest.hexdigest())


def pages(db: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """Walk over a table in the order of its key, so many rows at a time that memory stays flat."""
    keys = list(table.primary_key)
    query = select(table).order_by(*keys).limit(_PAGE)
    rows = db.execute(query).all()
    while rows:
        yield rows
        last = tuple(getattr(rows[-1], key.name) for key in keys)
        rows = db.execute(query.where(tuple_(*keys) > last)).all() if len(rows) == _PAGE else []


def _canonical(row: Row[Any]) -> bytes:
    return json.dumps([_plain(value) for value in row], sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _plain(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    # SQLite keeps no sign of zero.
    return value + 0.0 if isinstance(value, float) else value
