"""Whole databases copied while others work in them: a SQLite file, and the tables of the operational store."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table, delete, func, select

from domain.errors import StorageCorrupt, StorageUnavailable
from storage.access_tables import access_metadata
from storage.fingerprint import pages
from storage.rows import upsert
from storage.tables import metadata

__all__ = [
    "access_tables",
    "clear_tables",
    "copy_file",
    "copy_tables",
    "operational_tables",
    "sync_folder",
]

# So much of a file at a time, in SQLite's pages of 4 KiB.
_PAGES: Final = 4096


def copy_file(source: Path, target: Path, progress: Callable[[int, int], None] = lambda _done, _all: None) -> None:
    """Copy a SQLite database as it is at one moment, to disk, while others read and write it.

    A reading transaction is held meanwhile: without it SQLite would begin anew at every commit of another process.

    Parameters
    ----------
    source, target : Path
        The target is replaced when it is there.
    progress : callable
        Told how many pages are done, and how many there are.

    Raises
    ------
    StorageUnavailable
        If one cannot be read or the other not be written, for want of space for instance.
    StorageCorrupt
        If the source is no database.
    """
    target.unlink(missing_ok=True)
    try:
        with closing(_connect(source)) as read, closing(_connect(target)) as write:
            read.execute("BEGIN")
            read.execute("SELECT count(*) FROM sqlite_master").fetchone()
            read.backup(write, pages=_PAGES, progress=lambda _code, left, every: progress(every - left, every))
            read.execute("COMMIT")
            # One file that can be read from anywhere; whoever opens it for work switches it back.
            write.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        raise StorageUnavailable(f"copy of {source.name} to {str(target)!r}: got {error}; free the disk") from error
    except sqlite3.DatabaseError as error:
        raise StorageCorrupt(f"copy of {source.name}: got {error}; run `schouw doctor`") from error
    with target.open("rb") as written:
        os.fsync(written.fileno())


def operational_tables() -> list[Table]:
    """Give the tables of the operational store, those first that others refer to."""
    return list(metadata.sorted_tables)


def access_tables() -> list[Table]:
    """Give the tables of access: keys, sessions, and who did what."""
    return list(access_metadata.sorted_tables)


def copy_tables(source: Connection, target: Connection, tables: Sequence[Table]) -> None:
    """Copy the rows of tables into empty ones of the same columns, in any of our databases."""
    for table in tables:
        for rows in pages(source, table):
            upsert(target, table, [dict(row._mapping) for row in rows])  # noqa: SLF001 -- SQLAlchemy's own name
        number = table.autoincrement_column
        if number is not None and target.dialect.name == "postgresql":
            # The server counts by itself, and has not seen these numbers.
            sequence = func.pg_get_serial_sequence(table.name, number.name)
            newest = select(func.coalesce(func.max(number), 0) + 1).scalar_subquery()
            target.execute(select(func.setval(sequence, newest, False)))


def clear_tables(target: Connection, tables: Sequence[Table]) -> None:
    """Remove all rows, first those that refer to others."""
    for table in reversed(tables):
        target.execute(delete(table))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=10.0, isolation_level=None)
