"""Time series in one SQLite file: readings as they were accepted, and hops as they were scored.

The default of design.md D4; InfluxDB takes its place behind the same protocol. Keys are (channel
number, time), and the first value of a key stays, so writing an entry twice changes nothing. How readings are packed
is told in `storage.reading_rows`.
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
from domain.measurements import SeriesPoint
from storage.entries import BatchBody, PackedReadings, decode_readings, encode_readings
from storage.hop_columns import HopArrays, HopColumns
from storage.hop_values import HopValues
from storage.journal import Entry
from storage.reading_rows import SCHEMA, ReadingRows, take_over
from storage.transactions import transaction
from storage.wal import use_wal

__all__ = ["SqliteSeries"]

_BUSY_TIMEOUT_S: Final = 10.0
_CACHE_KIB: Final = 65_536
# Rows that retention removes in one step.
_STEP: Final = 2000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS position (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
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
            self._db.executescript(SCHEMA + _SCHEMA)
            self._rows = ReadingRows(self._db)
            take_over(self._db, self._rows)
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
            try:
                with transaction(self._db):
                    for entry in entries:
                        self._project_one(entry)
                    readings = [decode_readings(e.body.readings) for e in entries if isinstance(e.body, BatchBody)]
                    self._count("known", self._rows.write(ReadingColumns.concatenate(readings)))
                    self._db.execute("INSERT OR REPLACE INTO position VALUES ('series', ?)", (entries[-1].seq,))
            except BaseException:
                self._rows.forget()
                raise

    def _project_one(self, entry: Entry) -> None:
        """Write what an entry has beside readings."""
        outcome = entry.outcome
        if outcome.register is not None:
            channels = zip(outcome.register.channels, outcome.register_numbers, strict=True)
            self._rows.register([(n, item.asset, item.sensor, item.channel, item.unit) for item, n in channels])
        if outcome.hops.channel:
            # SQLite stores NaN as NULL by itself.
            rows = zip(*(column.tolist() for column in outcome.hops.arrays()), strict=True)
            self._db.executemany("INSERT OR REPLACE INTO hop VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

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
        """Count the readings or hops from before a moment of event time."""
        with self._lock, _translated(self._path):
            if table == "reading":
                return self._rows.count_old(before_ns)
            query = "SELECT count(*) FROM hop WHERE number = ? AND start_ns < ?"
            return sum(int(self._db.execute(query, (number, before_ns)).fetchone()[0]) for number in self._numbers())

    def remove_old(self, table: Literal["reading", "hop"], before_ns: int) -> Iterator[int]:
        """Remove the readings or hops from before a moment of event time, a part at each step; gives how many."""
        remove = self._remove_old_readings if table == "reading" else self._remove_old_hops
        with self._lock, _translated(self._path):
            numbers = self._rows.sensors() if table == "reading" else self._numbers()
        for number in numbers:
            has_more = True
            while has_more:
                with self._lock, _translated(self._path), transaction(self._db):
                    removed, has_more = remove(number, before_ns)
                if removed:
                    yield removed

    def _remove_old_readings(self, sensor_number: int, before_ns: int) -> tuple[int, bool]:
        removed, has_more = self._rows.remove_old(sensor_number, before_ns, _STEP)
        self._count("erased", removed)
        return removed, has_more

    def _remove_old_hops(self, number: int, before_ns: int) -> tuple[int, bool]:
        some = "SELECT start_ns FROM hop WHERE number = ? AND start_ns < ? ORDER BY start_ns LIMIT ?"
        removed = self._db.execute(
            f"DELETE FROM hop WHERE number = ? AND start_ns IN ({some})",  # noqa: S608 -- a text of ours
            (number, number, before_ns, _STEP),
        ).rowcount
        return removed, removed == _STEP

    def oldest_ns(self, table: Literal["reading", "hop"]) -> int | None:
        """Give the event time of the oldest reading or hop; None when there is none."""
        with self._lock, _translated(self._path):
            if table == "reading":
                return self._rows.oldest_ns()
            query = "SELECT min(start_ns) FROM hop WHERE number = ?"
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
            return self._rows.count()

    def refused_count(self) -> int:
        """Count the rows that were refused for good: this store takes all."""
        return 0

    def readings(self, *, batch: int = 10_000) -> Iterator[tuple[str, str, str, int, float, str, int]]:
        """Walk over all readings as (asset, sensor, channel, time_ns, value, unit, flags), by channel and time."""
        with self._lock, _translated(self._path):
            rows = self._db.execute(
                "SELECT number, sensor_number, asset, sensor, channel, unit FROM channel ORDER BY number"
            ).fetchall()
        for number, sensor_number, asset, sensor, channel, unit in rows:
            for page in self._reading_pages(sensor_number, batch):
                found = page.take(page.channel == number)
                columns = (found.time_ns.tolist(), found.value.tolist(), found.flags.tolist())
                for time_ns, value, flags in zip(*columns, strict=True):
                    yield asset, sensor, channel, time_ns, value, unit, flags

    def channels(self) -> dict[int, tuple[str, str, str, str]]:
        """Give asset, sensor, channel and unit of every lasting number."""
        with self._lock, _translated(self._path):
            rows = self._db.execute(
                "SELECT number, asset, sensor, channel, unit FROM channel ORDER BY number"
            ).fetchall()
        return {number: (asset, sensor, channel, unit) for number, asset, sensor, channel, unit in rows}

    def packed_readings(self, *, page: int) -> Iterator[PackedReadings]:
        """Walk over all readings in columns, those of so many moments of a sensor at a time."""
        with self._lock, _translated(self._path):
            sensors = self._rows.sensors()
        for sensor_number in sensors:
            for readings in self._reading_pages(sensor_number, page):
                yield encode_readings(readings)

    def _reading_pages(self, sensor_number: int, rows: int) -> Iterator[ReadingColumns]:
        """Walk over the readings of one sensor by time, so many moments at once."""
        after_ns = -(2**63)
        while True:
            with self._lock, _translated(self._path):
                page = self._rows.page(sensor_number, after_ns, rows)
            if not len(page):
                return
            yield page
            after_ns = int(page.time_ns[-1])

    def packed_hops(self, *, page: int) -> Iterator[HopColumns]:
        """Walk over all hops in columns, so many at a time."""
        query = "SELECT number, start_ns, value, count, expected, band, novelty FROM hop WHERE (number, start_ns)"
        for rows in self._pages(query, page):
            number, start_ns, *others = zip(*rows, strict=True)
            value, count, expected, band, novelty = (np.array(column, np.float64) for column in others)
            keys = np.array(number, np.int32), np.array(start_ns, np.int64)
            yield HopColumns.of(HopArrays(*keys, value, count.astype(np.int32), expected, band, novelty))

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
