"""The journal's file: opened, checked, and written under one lock, with errors that say what helps.

WAL mode, so that others read while one writes, and `synchronous=FULL`, so that a commit is on the disk when
it returns. Every process and thread opens its own connection; SQLite's write lock orders them. While any is open,
nobody may put another file in its place (`storage.locks`).

SQLite notices damage to its own structure, not to what is stored in it: so each row carries a checksum of all its
columns (`storage.row_checksum`). That of entries, kept hops, checkpoints, snapshots and channels is compared whenever
they are read, that of the others by `schouw doctor` and a backup (`storage.journal_damage`).
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from domain.errors import StorageCorrupt, StorageUnavailable
from storage.locks import hold_journal
from storage.row_checksum import row_checksum
from storage.wal import use_wal

__all__ = ["JournalFile"]

_SCHEMA_VERSION: Final = 7
_BUSY_TIMEOUT_S: Final = 10.0
# SQLite asks after so many of its steps whether to go on.
_PROGRESS_STEPS: Final = 10_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    outcome BLOB NOT NULL,
    crc INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_kind ON entry (kind, seq) WHERE kind IN ('register', 'decision');
CREATE TABLE IF NOT EXISTS channel (
    number INTEGER PRIMARY KEY,
    asset TEXT NOT NULL, sensor TEXT NOT NULL, channel TEXT NOT NULL,
    UNIQUE (asset, sensor, channel)
);
CREATE TABLE IF NOT EXISTS hop (
    asset TEXT NOT NULL, start_ns INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (asset, start_ns)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS arrival (hash BLOB PRIMARY KEY, received_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    gateway TEXT NOT NULL, asset TEXT NOT NULL, sensor TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE, topic TEXT NOT NULL, payload BLOB NOT NULL, received_ns INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS held_sender ON held (asset, sensor, id);
CREATE TABLE IF NOT EXISTS part (
    topic TEXT NOT NULL, block TEXT NOT NULL, part INTEGER NOT NULL,
    payload BLOB NOT NULL, received_ns INTEGER NOT NULL,
    PRIMARY KEY (topic, block, part)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""

# Names and keys of those who decided (`storage.persons`), and hashes of requests that must be carried out once.
_FROM_VERSION_2 = """
CREATE TABLE IF NOT EXISTS person (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, key BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS once (key BLOB PRIMARY KEY, asked BLOB NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;
"""
# What came for hops that had closed, and where scoring them again begins.
_FROM_VERSION_3 = """
CREATE TABLE IF NOT EXISTS late_hop (
    asset TEXT NOT NULL, start_ns INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (asset, start_ns, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint (
    asset TEXT NOT NULL, at_ns INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (asset, at_ns, seq)
);
"""
# Old keys of messages are found without looking at all of them.
_FROM_VERSION_4 = "CREATE INDEX IF NOT EXISTS arrival_received ON arrival (received_ns);"
# A save in parts, each of its rows beside the one in force; what was saved before is of both kinds.
_FROM_VERSION_5 = """
CREATE TABLE IF NOT EXISTS snapshot (
    asset TEXT NOT NULL, part TEXT NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER,
    PRIMARY KEY (asset, part, seq)
);
"""
# Refusals that are counted by the hour.
_FROM_VERSION_6 = """
CREATE TABLE IF NOT EXISTS refusal_hour (
    hash BLOB PRIMARY KEY, topic TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, start_ns INTEGER NOT NULL,
    told INTEGER NOT NULL, more INTEGER NOT NULL, last_ns INTEGER NOT NULL, crc INTEGER NOT NULL
) WITHOUT ROWID;
"""
# Up to here a snapshot was one row an asset.
_WHOLE_SNAPSHOTS: Final = 5
_MOVE_SNAPSHOTS = """
INSERT INTO snapshot
SELECT asset, part, seq, body, iif(crc = row_checksum(named, seq, body), row_checksum(asset, part, seq, body), crc)
FROM (
    SELECT asset AS named, trim(asset) AS asset, CASE asset WHEN '' THEN 'clock' WHEN ' ' THEN 'fleet' ELSE 'whole' END
        AS part, seq, body, crc
    FROM snapshot_before
);
DROP TABLE snapshot_before;
"""
_CHECKED: Final = ("entry", "hop", "snapshot", "meta", "channel", "arrival", "held", "part", "tally", "person", "once")


class JournalFile:
    """One connection to the file; `storage.journal.Journal` is what is used.

    Parameters
    ----------
    path : Path
        The file; it is made when it is not there.

    Raises
    ------
    StorageUnavailable
        If the file cannot be opened or written.
    StorageCorrupt
        If it is not a journal, or one of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # One connection serves one thread at a time; the lock makes a mistake slow instead of wrong.
        self._lock = threading.RLock()
        self._use = hold_journal(path)
        try:
            with _translated(path):
                self._db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
                try:
                    self._prepare()
                except BaseException:
                    self._db.close()
                    raise
        except BaseException:
            self._use.release()
            raise

    def _prepare(self) -> None:
        """Set how the file is written, and make its tables when it is new."""
        self._db.create_function("row_checksum", -1, row_checksum, deterministic=True)
        use_wal(self._db)
        self._db.execute("PRAGMA synchronous=FULL")
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > _SCHEMA_VERSION:
            raise StorageCorrupt(
                f"journal {self.path.name} has version {version}, expected at most {_SCHEMA_VERSION}; "
                "it was written by a newer Schouw: install that version"
            )
        if version < _SCHEMA_VERSION:
            self._db.execute("BEGIN IMMEDIATE")
            # Another process may have been first.
            version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if version < _SCHEMA_VERSION:
                self._change_schema(version)
            self._db.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
            self._db.execute("COMMIT")

    def _change_schema(self, version: int) -> None:
        """Make what a version did not have; rows that are there get no checksum they did not have."""
        change = (_SCHEMA if version == 0 else "") + _FROM_VERSION_2 + _FROM_VERSION_3 + _FROM_VERSION_4
        is_moved = 0 < version <= _WHOLE_SNAPSHOTS
        if is_moved:
            change += "ALTER TABLE snapshot RENAME TO snapshot_before;"
        self._execute(change + _FROM_VERSION_5 + _FROM_VERSION_6)
        for table in (*_CHECKED, *(("snapshot_before",) if is_moved else ())):
            if "crc" not in {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN crc INTEGER")
        if is_moved:
            self._execute(_MOVE_SNAPSHOTS)

    def _execute(self, statements: str) -> None:
        for statement in statements.split(";")[:-1]:
            self._db.execute(statement)

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        with self._lock:
            self._db.close()
            self._use.release()

    def check(self, *, seconds: float | None = None) -> list[str]:
        """Let SQLite look for damage; an empty list means that it found none.

        Parameters
        ----------
        seconds : float, optional
            Look no longer than this, and not at the order of indexes: for a start, which must not take minutes.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        pragma = "integrity_check" if deadline is None else "quick_check"
        rows: list[str] = []
        with self._lock:
            if deadline is not None:
                limit = deadline
                self._db.set_progress_handler(lambda: time.monotonic() > limit, _PROGRESS_STEPS)
            try:
                rows.extend(str(row[0]) for row in self._db.execute(f"PRAGMA {pragma}(20)"))
            except sqlite3.OperationalError as error:
                if deadline is None or error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    rows.append(str(error))
            except sqlite3.DatabaseError as error:
                rows.append(str(error))
            finally:
                self._db.set_progress_handler(None, 0)
        return [row for row in rows if row != "ok"]

    def used_bytes(self) -> int:
        """Give how much of the file is in use; pages that pruning freed are written again first."""
        with self.reading() as db:
            names = ("page_count", "freelist_count", "page_size")
            pages, free, size = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
        return (pages - free) * size

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the one write lock of the file; commits at the end, or undoes everything on an error."""
        with self._lock, _translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for looking."""
        with self._lock, _translated(self.path):
            yield self._db

    def read_number(self, key: str) -> int:
        """Give one number that the journal keeps about itself; 0 when it was never written."""
        with self.reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return int(row[0]) if row else 0

    @staticmethod
    def write_number(db: sqlite3.Connection, key: str, value: int) -> None:
        """Write one number within a transaction."""
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (key, value, row_checksum(key, value)))


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, split by what helps."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageUnavailable(
            f"journal {path.name}: got {error}; free the disk or the lock, then it goes on by itself"
        ) from error
    except sqlite3.DatabaseError as error:
        raise StorageCorrupt(
            f"journal {path.name}: got {error}; stop, run `schouw doctor`, and restore a backup"
        ) from error
