"""Time series in one SQLite file: readings as they were accepted, and hops as they were scored.

The default of design.md D4; InfluxDB takes its place behind the same protocol. Keys are (channel
number, time), and the first value of a key stays, so writing an entry twice changes nothing.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from domain.arrays import ReadingColumns
from domain.errors import StorageCorrupt, StorageUnavailable
from domain.identifiers import AssetId, ChannelName, SensorId
from domain.records import SeriesPoint
from storage.entries import BatchBody, HopColumns, PackedReadings, decode_readings, encode_readings
from storage.hop_values import HopValues
from storage.journal import Entry
from storage.wal import use_wal

__all__ = ["SqliteSeries"]

_BUSY_TIMEOUT_S: Final = 10.0
_CACHE_KIB: Final = 65_536
_TIMES: Final = {"reading": "time_ns", "hop": "start_ns"}
# Rows that retention removes in one step.
_STEP: Final = 2000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS position (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS channel (
    number INTEGER PRIMARY KEY, asset TEXT NOT NULL, sensor TEXT NOT NULL, channel TEXT NOT NULL, unit TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS channel_asset ON channel (asset, sensor, channel);
CREATE TABLE IF NOT EXISTS reading (
    number INTEGER NOT NULL, time_ns INTEGER NOT NULL, value REAL NOT NULL, flags INTEGER NOT NULL,
    PRIMARY KEY (number, time_ns)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hop (
    number INTEGER NOT NULL, start_ns INTEGER NOT NULL, value REAL NOT NULL, count INTEGER NOT NULL,
    expected REAL, band REAL, novelty REAL,
    PRIMARY KEY (number, start_ns)
) WITHOUT ROWID;
"""


class SqliteSeries:
    """One connection to the series file; implements `SeriesStore`, and is written by the projector.

    Parameters
    ----------
    path : Path
        The file; it is made when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with _translated(path):
            self._db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            use_wal(self._db)
            self._db.executescript(_SCHEMA)
            # Entries leave the journal once they are here, so a power cut may not take them back.
            self._db.execute("PRAGMA synchronous=FULL")
            # Rows of one hop go to as many places in the file as there are channels; they should stay in memory.
            self._db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._db.close()

    def position(self) -> int:
        """Give the sequence of the last projected entry."""
        with self._lock, _translated(self._path):
            row = self._db.execute("SELECT seq FROM position WHERE name = 'series'").fetchone()
            return int(row[0]) if row else 0

    def project(self, entries: Sequence[Entry]) -> None:
        """Write readings and hops of entries that follow the position, all or nothing."""
        if not entries:
            return
        with self._lock, _translated(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for entry in entries:
                    self._project_one(entry)
                self._db.execute("INSERT OR REPLACE INTO position VALUES ('series', ?)", (entries[-1].seq,))
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _project_one(self, entry: Entry) -> None:
        outcome = entry.outcome
        if outcome.register is not None:
            self._db.executemany(
                "INSERT OR REPLACE INTO channel VALUES (?, ?, ?, ?, ?)",
                [
                    (number, channel.asset, channel.sensor, channel.channel, channel.unit)
                    for channel, number in zip(outcome.register.channels, outcome.register_numbers, strict=True)
                ],
            )
        if isinstance(entry.body, BatchBody):
            readings = decode_readings(entry.body.readings)
            added = self._db.executemany(
                "INSERT OR IGNORE INTO reading VALUES (?, ?, ?, ?)",
                zip(
                    readings.channel.tolist(),
                    readings.time_ns.tolist(),
                    readings.value.tolist(),
                    readings.flags.tolist(),
                    strict=True,
                ),
            ).rowcount
            self._count("known", len(readings) - max(added, 0))
        if outcome.hops.channel:
            self._db.executemany("INSERT OR REPLACE INTO hop VALUES (?, ?, ?, ?, ?, ?, ?)", _hop_rows(outcome.hops))

    def _count(self, name: str, more: int) -> None:
        """Add to a count that stands among the positions, within a transaction."""
        if more:
            self._db.execute(
                "INSERT INTO position VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = seq + excluded.seq",
                (name, more),
            )

    def gone_count(self) -> int:
        """Count the readings that were accepted and are not here: erased by retention, or here before."""
        with self._lock, _translated(self._path):
            query = "SELECT coalesce(sum(seq), 0) FROM position WHERE name IN ('known', 'erased')"
            return int(self._db.execute(query).fetchone()[0])

    def count_old(self, table: Literal["reading", "hop"], before_ns: int) -> int:
        """Count the rows from before a moment of event time."""
        time = _TIMES[table]
        with self._lock, _translated(self._path):
            query = f"SELECT count(*) FROM {table} WHERE number = ? AND {time} < ?"  # noqa: S608 -- names of ours
            return sum(int(self._db.execute(query, (number, before_ns)).fetchone()[0]) for number in self._numbers())

    def remove_old(self, table: Literal["reading", "hop"], before_ns: int) -> Iterator[int]:
        """Remove the rows from before a moment of event time, a part at each step; gives how many."""
        time = _TIMES[table]
        some = f"SELECT {time} FROM {table} WHERE number = ?1 AND {time} < ?2 ORDER BY {time} LIMIT ?3"  # noqa: S608 -- names of ours
        with self._lock, _translated(self._path):
            numbers = self._numbers()
        for number in numbers:
            removed = _STEP
            while removed == _STEP:
                with self._lock, _translated(self._path):
                    self._db.execute("BEGIN IMMEDIATE")
                    try:
                        removed = self._db.execute(
                            f"DELETE FROM {table} WHERE number = ?1 AND {time} IN ({some})",  # noqa: S608 -- see above
                            (number, before_ns, _STEP),
                        ).rowcount
                        if table == "reading":
                            self._count("erased", removed)
                        self._db.execute("COMMIT")
                    except BaseException:
                        if self._db.in_transaction:
                            self._db.execute("ROLLBACK")
                        raise
                if removed:
                    yield removed

    def oldest_ns(self, table: Literal["reading", "hop"]) -> int | None:
        """Give the event time of the oldest row; None when there is none."""
        query = f"SELECT min({_TIMES[table]}) FROM {table} WHERE number = ?"  # noqa: S608 -- names of ours
        with self._lock, _translated(self._path):
            found = [self._db.execute(query, (number,)).fetchone()[0] for number in self._numbers()]
        return min((int(time_ns) for time_ns in found if time_ns is not None), default=None)

    def _numbers(self) -> list[int]:
        return [int(row[0]) for row in self._db.execute("SELECT number FROM channel ORDER BY number")]

    def channel_names(self, asset: AssetId) -> Sequence[tuple[SensorId, ChannelName, str]]:
        """List sensor, channel and unit of all that was ever stored for an asset."""
        with self._lock, _translated(self._path):
            rows = self._db.execute(
                "SELECT sensor, channel, unit FROM channel WHERE asset = ? ORDER BY sensor, channel", (asset,)
            ).fetchall()
        return [(SensorId(sensor), ChannelName(channel), unit) for sensor, channel, unit in rows]

    def hops(
        self,
        asset: AssetId,
        sensor: SensorId,
        channel: ChannelName,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        after_ns: int | None = None,
        limit: int = 1000,
    ) -> Sequence[SeriesPoint]:
        """List one channel's closed hops in `[start_ns, end_ns)`, oldest first, behind `after_ns`."""
        low = max(start_ns if start_ns is not None else -(2**63), after_ns + 1 if after_ns is not None else -(2**63))
        with self._lock, _translated(self._path):
            rows = self._db.execute(
                "SELECT hop.start_ns, hop.value, hop.count, hop.expected, hop.band FROM hop "
                "JOIN channel ON channel.number = hop.number "
                "WHERE channel.asset = ? AND channel.sensor = ? AND channel.channel = ? "
                "AND hop.start_ns >= ? AND hop.start_ns < ? ORDER BY hop.start_ns LIMIT ?",
                (asset, sensor, channel, low, end_ns if end_ns is not None else 2**63 - 1, limit),
            ).fetchall()
        return [SeriesPoint(*row) for row in rows]

    def hop_values(self, asset: AssetId, *, start_ns: int, end_ns: int) -> Sequence[HopValues]:
        """Give what all channels of an asset had in their closed hops in `[start_ns, end_ns)`, oldest first."""
        with self._lock, _translated(self._path):
            found = []
            names = self._db.execute("SELECT number, sensor, channel FROM channel WHERE asset = ?", (asset,)).fetchall()
            for number, sensor, channel in names:
                rows = self._db.execute(
                    "SELECT start_ns, value, count FROM hop WHERE number = ? AND start_ns >= ? AND start_ns < ? "
                    "ORDER BY start_ns",
                    (number, start_ns, end_ns),
                ).fetchall()
                if rows:
                    found.append(HopValues.of(sensor, channel, rows))
        return found

    def reading_count(self) -> int:
        """Count the stored readings, for `schouw doctor`."""
        with self._lock, _translated(self._path):
            return int(self._db.execute("SELECT count(*) FROM reading").fetchone()[0])

    def refused_count(self) -> int:
        """Count the rows that were refused for good: this store takes all."""
        return 0

    def readings(self, *, batch: int = 10_000) -> Iterator[tuple[str, str, str, int, float, str, int]]:
        """Walk over all readings as (asset, sensor, channel, time_ns, value, unit, flags), by channel and time."""
        after: tuple[int, int] = (-1, -(2**63))
        while True:
            with self._lock, _translated(self._path):
                rows = self._db.execute(
                    "SELECT c.asset, c.sensor, c.channel, r.time_ns, r.value, c.unit, r.flags, r.number FROM reading r "
                    "JOIN channel c ON c.number = r.number WHERE (r.number, r.time_ns) > (?, ?) "
                    "ORDER BY r.number, r.time_ns LIMIT ?",
                    (*after, batch),
                ).fetchall()
            if not rows:
                return
            for row in rows:
                yield row[:7]
            after = (rows[-1][7], rows[-1][3])

    def channels(self) -> dict[int, tuple[str, str, str, str]]:
        """Give asset, sensor, channel and unit of every lasting number."""
        with self._lock, _translated(self._path):
            rows = self._db.execute(
                "SELECT number, asset, sensor, channel, unit FROM channel ORDER BY number"
            ).fetchall()
        return {number: (asset, sensor, channel, unit) for number, asset, sensor, channel, unit in rows}

    def packed_readings(self, *, page: int) -> Iterator[PackedReadings]:
        """Walk over all readings in columns, so many at a time."""
        for rows in self._pages("SELECT number, time_ns, value, flags FROM reading WHERE (number, time_ns)", page):
            number, time_ns, value, flags = (np.asarray(column) for column in zip(*rows, strict=True))
            yield encode_readings(
                ReadingColumns(number.astype(np.int32), time_ns.astype(np.int64), value, flags.astype(np.uint8))
            )

    def packed_hops(self, *, page: int) -> Iterator[HopColumns]:
        """Walk over all hops in columns, so many at a time."""
        query = "SELECT number, start_ns, value, count, expected, band, novelty FROM hop WHERE (number, start_ns)"
        for rows in self._pages(query, page):
            columns = [
                np.asarray(column, dtype=np.float64 if n > 1 else np.int64)
                for n, column in enumerate(zip(*rows, strict=True))
            ]
            number, start_ns, value, count, expected, band, novelty = columns
            yield HopColumns(
                channel=number.astype("<i4").tobytes(),
                start_ns=start_ns.astype("<i8").tobytes(),
                value=value.astype("<f8").tobytes(),
                count=count.astype("<i4").tobytes(),
                expected=expected.astype("<f8").tobytes(),
                band=band.astype("<f8").tobytes(),
                novelty=novelty.astype("<f8").tobytes(),
            )

    def _pages(self, query: str, page: int) -> Iterator[list[tuple[Any, ...]]]:
        """Read a table in the order of its key, its first two columns."""
        after: tuple[int, int] = (-1, -(2**63))
        while True:
            with self._lock, _translated(self._path):
                rows = self._db.execute(f"{query} > (?, ?) ORDER BY 1, 2 LIMIT ?", (*after, page)).fetchall()
            if not rows:
                return
            yield rows
            after = rows[-1][:2]


def _hop_rows(hops: HopColumns) -> Iterator[tuple[Any, ...]]:
    """Give rows for SQLite; it stores NaN as NULL by itself."""
    return zip(
        np.frombuffer(hops.channel, "<i4").tolist(),
        np.frombuffer(hops.start_ns, "<i8").tolist(),
        np.frombuffer(hops.value, "<f8").tolist(),
        np.frombuffer(hops.count, "<i4").tolist(),
        np.frombuffer(hops.expected, "<f8").tolist(),
        np.frombuffer(hops.band, "<f8").tolist(),
        np.frombuffer(hops.novelty, "<f8").tolist(),
        strict=True,
    )


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageUnavailable(
            f"time series {path.name}: got {error}; free the disk or the lock, then it goes on"
        ) from error
    except sqlite3.DatabaseError as error:
        raise StorageCorrupt(f"time series {path.name}: got {error}; run `schouw doctor`") from error
