"""How readings stand in the series file: one row for all that a sensor said at one moment.

A waveform gives five readings of one time, a weather station as many as it has instruments. A row each would cost five
entries in the tree of the table; packed into one they cost one, and half the room on disk. What a sensor says
of the same time in another message is merged into the row, and the first value of a channel stays.

Rows are keyed by a *sensor number*: the lowest lasting number among the channels of the sensor when the first of them
was registered. A channel keeps the sensor number that it was given, whatever the register becomes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from domain.arrays import IndexArray, ReadingColumns
from storage.transactions import transaction

__all__ = ["SCHEMA", "ReadingRows", "pack_rows", "take_over"]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS channel (
    number INTEGER PRIMARY KEY, asset TEXT NOT NULL, sensor TEXT NOT NULL, channel TEXT NOT NULL, unit TEXT NOT NULL,
    sensor_number INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS channel_asset ON channel (asset, sensor, channel);
CREATE TABLE IF NOT EXISTS sensor_reading (
    sensor_number INTEGER NOT NULL, time_ns INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (sensor_number, time_ns)
) WITHOUT ROWID;
"""

_READING: Final = np.dtype([("channel", "<i4"), ("value", "<f8"), ("flags", "u1")])
_INSERT: Final = (
    "INSERT INTO sensor_reading VALUES (?, ?, ?) "
    "ON CONFLICT (sensor_number, time_ns) DO UPDATE SET body = merged(body, excluded.body)"
)
# Readings of the earlier layout that are taken over in one transaction.
_STEP: Final = 20_000
_Bodies: TypeAlias = npt.NDArray[Any]


class ReadingRows:
    """The readings of an open series file; whoever calls holds the transaction.

    Parameters
    ----------
    db : sqlite3.Connection
        With `SCHEMA` in it.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known = 0
        self._sensor_of: npt.NDArray[np.int64] | None = None
        db.create_function("merged", 2, self._merged)

    def register(self, rows: Sequence[tuple[int, str, str, str, str]]) -> None:
        """Write number, asset, sensor, channel and unit of channels; numbers that are known are given these names."""
        self._sensor_of = None
        self._db.executemany(
            "INSERT INTO channel VALUES (:number, :asset, :sensor, :channel, :unit, coalesce("
            "(SELECT sensor_number FROM sensor_reading WHERE sensor_number = :number LIMIT 1), "
            "(SELECT min(sensor_number) FROM channel WHERE asset = :asset AND sensor = :sensor), :number)) "
            "ON CONFLICT (number) DO UPDATE SET asset = :asset, sensor = :sensor, channel = :channel, unit = :unit",
            [dict(zip(("number", "asset", "sensor", "channel", "unit"), row, strict=True)) for row in rows],
        )

    def forget(self) -> None:
        """Look sensor numbers up again, because the transaction that wrote them was undone."""
        self._sensor_of = None

    def write(self, readings: ReadingColumns) -> int:
        """Write readings; give how many of them were here before, and stay as they were."""
        if not len(readings):
            return 0
        rows, self._known = pack_rows(readings, self._sensor_numbers(readings.channel))
        self._db.executemany(_INSERT, rows)
        return self._known

    def count(self) -> int:
        """Count the readings."""
        return _readings(self._db.execute("SELECT sum(length(body)) FROM sensor_reading").fetchone())

    def count_old(self, before_ns: int) -> int:
        """Count the readings from before a moment of event time."""
        query = "SELECT sum(length(body)) FROM sensor_reading WHERE sensor_number = ? AND time_ns < ?"
        return sum(_readings(self._db.execute(query, (number, before_ns)).fetchone()) for number in self.sensors())

    def remove_old(self, sensor_number: int, before_ns: int, rows: int) -> tuple[int, bool]:
        """Remove the oldest rows of a sensor from before a moment.

        Parameters
        ----------
        rows : int
            Removed at most.

        Returns
        -------
        readings : int
            Removed.
        more : bool
            Whether there may be more of them.
        """
        oldest = "SELECT time_ns, body FROM sensor_reading WHERE sensor_number = ? AND time_ns < ? ORDER BY 1 LIMIT ?"
        count, last_ns, bytes_ = self._db.execute(
            f"SELECT count(*), max(time_ns), sum(length(body)) FROM ({oldest})",  # noqa: S608 -- a text of ours
            (sensor_number, before_ns, rows),
        ).fetchone()
        if not count:
            return 0, False
        self._db.execute(
            "DELETE FROM sensor_reading WHERE sensor_number = ? AND time_ns <= ?", (sensor_number, last_ns)
        )
        return bytes_ // _READING.itemsize, count == rows

    def oldest_ns(self) -> int | None:
        """Give the time of the oldest reading; None when there is none."""
        query = "SELECT min(time_ns) FROM sensor_reading WHERE sensor_number = ?"
        found = [self._db.execute(query, (number,)).fetchone()[0] for number in self.sensors()]
        return min((int(time_ns) for time_ns in found if time_ns is not None), default=None)

    def sensors(self) -> list[int]:
        """List the sensor numbers."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT sensor_number FROM channel ORDER BY 1")]

    def page(self, sensor_number: int, after_ns: int, rows: int) -> ReadingColumns:
        """Give the readings of a sensor's next rows behind a time, by time and channel; empty: there are none."""
        found = self._db.execute(
            "SELECT time_ns, body FROM sensor_reading WHERE sensor_number = ? AND time_ns > ? ORDER BY time_ns LIMIT ?",
            (sensor_number, after_ns, rows),
        ).fetchall()
        bodies = _unpacked(b"".join(body for _, body in found))
        sizes = [len(body) // _READING.itemsize for _, body in found]
        time_ns = np.repeat(np.array([time for time, _ in found], np.int64), sizes)
        return ReadingColumns(
            bodies["channel"].astype(np.int32), time_ns, bodies["value"].astype(np.float64), bodies["flags"].copy()
        )

    def _sensor_numbers(self, channel: IndexArray) -> npt.NDArray[np.int64]:
        """Give the sensor number of each reading; a channel that was never registered here stands by itself."""
        highest = int(channel.max())
        if self._sensor_of is None or highest >= len(self._sensor_of):
            known = self._db.execute("SELECT number, sensor_number FROM channel").fetchall()
            table = np.arange(max([highest, *(number for number, _ in known)]) + 1)
            for number, sensor_number in known:
                table[number] = sensor_number
            self._sensor_of = table
        return self._sensor_of[channel]

    def _merged(self, here: bytes, fresh: bytes) -> bytes:
        """Join the bodies of one row, by channel; what is here stays. Called by SQLite."""
        old, new = _unpacked(here), _unpacked(fresh)
        added = new[~np.isin(new["channel"], old["channel"])]
        self._known += len(new) - len(added)
        joined = np.concatenate([old, added])
        return joined[np.argsort(joined["channel"], kind="stable")].tobytes()


def pack_rows(
    readings: ReadingColumns, sensor_number: npt.NDArray[np.int64]
) -> tuple[Iterator[tuple[int, int, bytes]], int]:
    """Pack readings into rows.

    Parameters
    ----------
    readings : ReadingColumns
        `N` readings in the order of arrival.
    sensor_number : int64[N]
        Of each.

    Returns
    -------
    rows : iterator of (sensor number, time in Unix nanoseconds, body)
        In the order of the table, each key once.
    dropped : int
        Readings left out because another of the same channel and time came before them.
    """
    order = np.lexsort((readings.channel, readings.time_ns, sensor_number))
    sensor, time_ns, channel = sensor_number[order], readings.time_ns[order], readings.channel[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (np.diff(sensor) != 0) | (np.diff(time_ns) != 0)
    is_first = begins.copy()
    is_first[1:] |= np.diff(channel) != 0
    kept = order[is_first]
    bodies = np.empty(len(kept), _READING)
    bodies["channel"], bodies["value"], bodies["flags"] = channel[is_first], readings.value[kept], readings.flags[kept]
    packed = bodies.tobytes()
    starts = np.flatnonzero(begins)
    cuts = (np.flatnonzero(begins[is_first]) * _READING.itemsize).tolist()
    parts = (packed[start:end] for start, end in zip(cuts, [*cuts[1:], len(packed)], strict=True))
    return zip(sensor[starts].tolist(), time_ns[starts].tolist(), parts, strict=True), len(order) - len(kept)


def take_over(db: sqlite3.Connection, rows: ReadingRows) -> None:
    """Bring a file of the earlier layout, a row for each reading, into this one; goes on where it was broken off.

    Several processes may do it at once.
    """
    with transaction(db):
        if "sensor_number" not in {row[1] for row in db.execute("PRAGMA table_info(channel)")}:
            db.execute("ALTER TABLE channel ADD COLUMN sensor_number INTEGER NOT NULL DEFAULT -1")
            db.execute(
                "UPDATE channel SET sensor_number = (SELECT min(number) FROM channel AS other "
                "WHERE other.asset = channel.asset AND other.sensor = channel.sensor)"
            )
    while _take_over_some(db, rows):
        pass


def _take_over_some(db: sqlite3.Connection, rows: ReadingRows) -> bool:
    """Move some readings, or take away the table that they stood in; False when there is none."""
    if not _has_earlier_table(db):
        return False
    with transaction(db):
        if not _has_earlier_table(db):
            return False
        found = db.execute(
            "SELECT number, time_ns, value, flags FROM reading ORDER BY number, time_ns LIMIT ?", (_STEP,)
        ).fetchall()
        if not found:
            db.execute("DROP TABLE reading")
            return False
        number, time_ns, value, flags = (np.array(column) for column in zip(*found, strict=True))
        rows.write(ReadingColumns(number.astype(np.int32), time_ns, value.astype(np.float64), flags.astype(np.uint8)))
        db.execute("DELETE FROM reading WHERE (number, time_ns) <= (?, ?)", found[-1][:2])
    return True


def _has_earlier_table(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'reading'").fetchone() is not None


def _unpacked(body: bytes) -> _Bodies:
    return np.frombuffer(body, _READING)


def _readings(row: tuple[int | None]) -> int:
    """Count the readings in so many bytes; SQLite's sum of no rows is nothing."""
    return (row[0] or 0) // _READING.itemsize
