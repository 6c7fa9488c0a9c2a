"""Old rows removed in small steps, each a transaction of its own, so that whoever commits meanwhile hardly waits.

A function here removes a part of what is old at each step of its iterator and gives how many rows that were; between
steps the caller may pause or stop. The counting twin says how many rows there would be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Column, Engine, Table, delete, func, select

from storage.database import translated
from storage.journal import Journal
from storage.tables import assessment_table

__all__ = [
    "Horizon",
    "count_arrivals",
    "count_assessments",
    "count_before",
    "count_hops",
    "remove_arrivals",
    "remove_assessments",
    "remove_before",
    "remove_hops",
]

# Rows in one step: a few milliseconds under the journal's lock.
_STEP: Final = 200


class Horizon(NamedTuple):
    """What is old in the journal's kept hops.

    Attributes
    ----------
    before_ns : int
        By the clock in use, event time.
    age_ns : int
        The same as an age: an asset that is behind the others, as in a replay, keeps so much of its own newest.
    """

    before_ns: int
    age_ns: int


# Kept hops -----------------------------------------------------------------------------------------


def count_hops(journal: Journal, horizon: Horizon) -> int:
    """Count the closed hops whose readings are old."""
    with journal.reading() as db:
        query = "SELECT count(*) FROM hop WHERE asset = ? AND start_ns < ?"
        return sum(int(db.execute(query, pair).fetchone()[0]) for pair in _hop_bounds(db, horizon))


def remove_hops(journal: Journal, horizon: Horizon) -> Iterator[int]:
    """Remove the readings of closed hops that are old, and what had come late for them."""
    with journal.reading() as db:
        bounds = list(_hop_bounds(db, horizon))
    for asset, before_ns in bounds:
        removed = _STEP
        while removed == _STEP:
            with journal.transaction() as db:
                removed = db.execute(
                    "DELETE FROM hop WHERE asset = ? AND start_ns IN "
                    "(SELECT start_ns FROM hop WHERE asset = ? AND start_ns < ? ORDER BY start_ns LIMIT ?)",
                    (asset, asset, before_ns, _STEP),
                ).rowcount
                db.execute("DELETE FROM late_hop WHERE asset = ? AND start_ns < ?", (asset, before_ns))
            yield removed


def _hop_bounds(db: sqlite3.Connection, horizon: Horizon) -> Iterator[tuple[str, int]]:
    """Give each asset with the start before which its hops are old, from the ends of the key alone."""
    asset = ""
    while row := db.execute("SELECT asset FROM hop WHERE asset > ? ORDER BY asset LIMIT 1", (asset,)).fetchone():
        asset = row[0]
        newest = db.execute("SELECT max(start_ns) FROM hop WHERE asset = ?", (asset,)).fetchone()[0]
        yield asset, min(horizon.before_ns, newest - horizon.age_ns)


# Keys of messages without a usable time ------------------------------------------------------------


def count_arrivals(journal: Journal, received_before_ns: int) -> int:
    """Count the keys of messages that came before a moment."""
    with journal.reading() as db:
        query = "SELECT count(*) FROM arrival WHERE received_ns < ?"
        return int(db.execute(query, (received_before_ns,)).fetchone()[0])


def remove_arrivals(journal: Journal, received_before_ns: int) -> Iterator[int]:
    """Remove the keys of messages that came before a moment, the oldest first."""
    while True:
        with journal.reading() as db:
            rows = db.execute(
                "SELECT hash FROM arrival WHERE received_ns < ? ORDER BY received_ns LIMIT ?",
                (received_before_ns, _STEP),
            ).fetchall()
        if not rows:
            return
        with journal.transaction() as db:
            db.executemany("DELETE FROM arrival WHERE hash = ?", rows)
        yield len(rows)


# Operational store ---------------------------------------------------------------------------------


def count_before(engine: Engine, time: Column[int], before_ns: int) -> int:
    """Count the rows of a table whose time is before a moment."""
    with translated(engine), engine.connect() as db:
        return int(db.execute(select(func.count()).select_from(time.table).where(time < before_ns)).scalar_one())


def remove_before(engine: Engine, time: Column[int], before_ns: int) -> Iterator[int]:
    """Remove the rows of a table, with a key `id`, whose time is before a moment."""
    table: Table = time.table
    key = table.c.id
    some = select(key).where(time < before_ns).order_by(time).limit(_STEP)
    while True:
        with translated(engine), engine.begin() as db:
            ids = list(db.execute(some).scalars())
            if not ids:
                return
            db.execute(delete(table).where(key.in_(ids)))
        yield len(ids)


def count_assessments(engine: Engine, assessed_before_ns: int, kept: frozenset[str]) -> int:
    """Count the old assessments on which no decision rests."""
    return sum(len(ids) for ids in _old_assessments(engine, assessed_before_ns, kept))


def remove_assessments(engine: Engine, assessed_before_ns: int, kept: frozenset[str]) -> Iterator[int]:
    """Remove old assessments; those in `kept`, on which a decision rests, stay."""
    for ids in _old_assessments(engine, assessed_before_ns, kept):
        with translated(engine), engine.begin() as db:
            db.execute(delete(assessment_table).where(assessment_table.c.id.in_(ids)))
        yield len(ids)


def _old_assessments(engine: Engine, before_ns: int, kept: frozenset[str]) -> Iterator[list[str]]:
    """Walk over the old ones, an asset at a time, along the index of its history."""
    table = assessment_table.c
    asset = ""
    while True:
        with translated(engine), engine.connect() as db:
            query = select(table.asset).where(table.asset > asset).order_by(table.asset).limit(1)
            found = db.execute(query).scalar_one_or_none()
        if found is None:
            return
        asset, after_ns = found, -(2**63)
        while True:
            old = select(table.id, table.assessed_at_ns).where(
                table.asset == asset, table.assessed_at_ns > after_ns, table.assessed_at_ns < before_ns
            )
            with translated(engine), engine.connect() as db:
                rows = db.execute(old.order_by(table.assessed_at_ns).limit(_STEP)).all()
            if not rows:
                break
            after_ns = rows[-1].assessed_at_ns
            if ids := [row.id for row in rows if row.id not in kept]:
                yield ids
