"""What Schouw remembers beside InfluxDB, in one small SQLite file.

How far each target has come, the channels by their lasting number, and the lines that were refused for good.

The position is kept here and not in InfluxDB, where retention would remove it. It moves, synced to disk, after
InfluxDB has answered: a crash in between writes the same points once more, which changes nothing.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from domain.errors import StorageCorrupt, StorageUnavailable
from storage.influx_lines import ChannelTags
from storage.influx_writer import RefusedLine
from storage.transactions import transaction
from storage.wal import use_wal

__all__ = ["InfluxLedger"]

_BUSY_TIMEOUT_S: Final = 10.0
_KEPT_REFUSALS: Final = 100_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS position (
    target TEXT PRIMARY KEY, seq INTEGER NOT NULL, refused INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS channel (
    number INTEGER PRIMARY KEY, asset TEXT NOT NULL, sensor TEXT NOT NULL, channel TEXT NOT NULL, unit TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refused (
    id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, line TEXT NOT NULL, reason TEXT NOT NULL
);
"""


class InfluxLedger:
    """One connection to the file.

    Parameters
    ----------
    path : Path
        The file; it is made when it is not there.
    target : str
        Name of the server and bucket; another one begins at the journal's first entry.
    """

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self._target = target
        self._lock = threading.Lock()
        with self._translated():
            self._db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            use_wal(self._db)
            self._db.executescript(_SCHEMA)
            # Entries leave the journal once they are projected, so a power cut may not take the position back.
            self._db.execute("PRAGMA synchronous=FULL")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._db.close()

    def position(self) -> int:
        """Give the sequence of the last projected entry."""
        with self._reading() as db:
            row = db.execute("SELECT seq FROM position WHERE target = ?", (self._target,)).fetchone()
            return int(row[0]) if row else 0

    def refused_count(self) -> int:
        """Count the lines that were ever refused."""
        with self._reading() as db:
            row = db.execute("SELECT refused FROM position WHERE target = ?", (self._target,)).fetchone()
            return int(row[0]) if row else 0

    def gone_count(self) -> int:
        """Count the readings that were accepted and never came here, because they were erased before."""
        with self._reading() as db:
            row = db.execute("SELECT seq FROM position WHERE target = ?", (f"{self._target} gone",)).fetchone()
            return int(row[0]) if row else 0

    def write_gone(self, count: int) -> None:
        """Remember how many readings never came here."""
        with self._reading() as db:
            db.execute("INSERT OR REPLACE INTO position VALUES (?, ?, 0)", (f"{self._target} gone", count))

    def refused(self, *, limit: int = 10) -> list[RefusedLine]:
        """Read the newest refused lines, newest first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT line, reason FROM refused WHERE target = ? ORDER BY id DESC LIMIT ?", (self._target, limit)
            ).fetchall()
        return [RefusedLine(*row) for row in rows]

    def channels(self) -> dict[int, ChannelTags]:
        """Give every channel that ever was in a register."""
        with self._reading() as db:
            rows = db.execute("SELECT number, asset, sensor, channel, unit FROM channel ORDER BY number").fetchall()
        return {number: ChannelTags(*names) for number, *names in rows}

    def move(self, seq: int, channels: Mapping[int, ChannelTags], refused: Sequence[RefusedLine]) -> None:
        """Remember that all up to an entry is written, with the channels as they are there, in one commit."""
        with self._lock, self._translated(), transaction(self._db):
            self._db.executemany(
                "INSERT OR REPLACE INTO channel VALUES (?, ?, ?, ?, ?)",
                [(number, *names) for number, names in channels.items()],
            )
            self._db.executemany(
                "INSERT INTO refused (target, line, reason) VALUES (?, ?, ?)",
                [(self._target, item.line, item.reason) for item in refused],
            )
            self._db.execute("DELETE FROM refused WHERE id <= (SELECT max(id) FROM refused) - ?", (_KEPT_REFUSALS,))
            self._db.execute(
                "INSERT INTO position VALUES (?, ?, ?) ON CONFLICT (target) DO UPDATE SET "
                "seq = excluded.seq, refused = refused + excluded.refused",
                (self._target, seq, len(refused)),
            )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            yield self._db

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        name = self._path.name
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StorageUnavailable(f"{name}: got {error}; free the disk or the lock, then it goes on") from error
        except sqlite3.DatabaseError as error:
            raise StorageCorrupt(
                f"{name}: got {error}; take it away, then the journal is written to InfluxDB anew"
            ) from error
