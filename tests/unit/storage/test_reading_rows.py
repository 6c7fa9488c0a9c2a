"""Readings packed into a row for each sensor and moment, and files of the layout before."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.arrays import ReadingColumns
from storage.entries import Outcome, decode_readings
from storage.hop_columns import HopColumns
from storage.series import SqliteSeries
from storage.transactions import transaction
from tests.conformance.test_series import TEMPERATURE_NUMBER, columns, entry, register

HUMIDITY_NUMBER = 10 + len("humidity")

_EARLIER = """
CREATE TABLE position (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE channel (
    number INTEGER PRIMARY KEY, asset TEXT NOT NULL, sensor TEXT NOT NULL, channel TEXT NOT NULL, unit TEXT NOT NULL
);
CREATE INDEX channel_asset ON channel (asset, sensor, channel);
CREATE TABLE reading (
    number INTEGER NOT NULL, time_ns INTEGER NOT NULL, value REAL NOT NULL, flags INTEGER NOT NULL,
    PRIMARY KEY (number, time_ns)
) WITHOUT ROWID;
INSERT INTO position VALUES ('series', 7), ('known', 3);
INSERT INTO channel VALUES
    (4, 'brug-1', 's1', 'temperature', 'Cel'), (5, 'brug-1', 's1', 'humidity', '%RH'),
    (9, 'brug-1', 's2', 'tilt', 'rad');
INSERT INTO reading VALUES
    (4, -1, 0.1, 0), (4, 10, 0.2, 2), (5, 10, 0.3, 0), (5, 11, -0.0, 4), (9, 10, 0.4, 0), (9, 12, 1e300, 0);
"""


def _rows(series: SqliteSeries) -> int:
    return int(series._db.execute("SELECT count(*) FROM sensor_reading").fetchone()[0])


def _series(folder: Path) -> contextlib.closing[SqliteSeries]:
    return contextlib.closing(SqliteSeries(folder / "series.sqlite"))


def test_what_a_sensor_says_of_one_moment_is_one_row_also_in_another_batch(tmp_path: Path) -> None:
    with _series(tmp_path) as series:
        series.project([register(1, "temperature", "humidity")])
        series.project([entry(2, columns([(TEMPERATURE_NUMBER, 5, 1.0), (TEMPERATURE_NUMBER, 6, 2.0)]))])
        series.project([entry(3, columns([(HUMIDITY_NUMBER, 5, 3.0), (TEMPERATURE_NUMBER, 5, 9.0)]))])
        assert [(row[2], row[3], row[4]) for row in series.readings()] == [
            ("humidity", 5, 3.0),
            ("temperature", 5, 1.0),
            ("temperature", 6, 2.0),
        ]
        assert (_rows(series), series.reading_count(), series.gone_count()) == (2, 3, 1)


def test_a_repeat_within_one_entry_counts_as_known_and_the_first_stays(tmp_path: Path) -> None:
    with _series(tmp_path) as series:
        twice = columns([(TEMPERATURE_NUMBER, 5, 1.0), (TEMPERATURE_NUMBER, 5, 2.0)])
        series.project([register(1, "temperature"), entry(2, twice)])
        assert [row[4] for row in series.readings()] == [1.0]
        assert (series.reading_count(), series.gone_count()) == (1, 1)


def test_readings_of_a_channel_that_is_registered_later_are_found(tmp_path: Path) -> None:
    with _series(tmp_path) as series:
        series.project([register(1, "humidity")])
        series.project([entry(2, columns([(TEMPERATURE_NUMBER, 5, 1.0), (HUMIDITY_NUMBER, 5, 2.0)]))])
        series.project([register(3, "temperature", "humidity")])
        series.project([entry(4, columns([(TEMPERATURE_NUMBER, 6, 3.0), (HUMIDITY_NUMBER, 6, 4.0)]))])
        assert [(row[2], row[4]) for row in series.readings()] == [
            ("humidity", 2.0),
            ("humidity", 4.0),
            ("temperature", 1.0),
            ("temperature", 3.0),
        ]


def test_a_register_that_was_undone_leaves_no_trace_in_what_follows(tmp_path: Path) -> None:
    with _series(tmp_path) as series:
        series.project([register(1, "humidity")])
        cut = HopColumns(channel=np.array([TEMPERATURE_NUMBER], "<i4").tobytes())
        with pytest.raises(ValueError, match="shorter"):
            series.project([register(2, "temperature", "humidity"), entry(3, outcome=Outcome(hops=cut))])
        assert series.position() == 1
        series.project([register(2, "temperature", "humidity"), entry(3, columns([(TEMPERATURE_NUMBER, 5, 1.0)]))])
        assert [(row[2], row[4]) for row in series.readings()] == [("temperature", 1.0)]


def test_a_file_of_the_earlier_layout_is_taken_over_whole(tmp_path: Path) -> None:
    path = tmp_path / "series.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(_EARLIER)
    with _series(tmp_path) as series, _series(tmp_path) as other:
        expected = [
            ("brug-1", "s1", "temperature", -1, 0.1, "Cel", 0),
            ("brug-1", "s1", "temperature", 10, 0.2, "Cel", 2),
            ("brug-1", "s1", "humidity", 10, 0.3, "%RH", 0),
            ("brug-1", "s1", "humidity", 11, -0.0, "%RH", 4),
            ("brug-1", "s2", "tilt", 10, 0.4, "rad", 0),
            ("brug-1", "s2", "tilt", 12, 1e300, "rad", 0),
        ]
        assert list(series.readings()) == list(other.readings()) == expected
        assert (series.position(), series.reading_count(), series.gone_count(), _rows(series)) == (7, 6, 3, 5)
        assert not series._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'reading'").fetchall()
        series.project([entry(8, columns([(4, 11, 0.5), (9, 12, 0.0)]))])
        assert (_rows(series), series.reading_count(), series.gone_count()) == (5, 7, 4)


def test_a_takeover_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "series.sqlite"
    with _series(tmp_path) as series:
        series.project([register(1, "temperature"), entry(2, columns([(TEMPERATURE_NUMBER, 5, 1.0)]))])
        series._db.execute(
            "CREATE TABLE reading (number INTEGER, time_ns INTEGER, value REAL, flags INTEGER, "
            "PRIMARY KEY (number, time_ns)) WITHOUT ROWID"
        )
        many = [(TEMPERATURE_NUMBER, number, 0.5, 0) for number in range(100, 45_100)]
        with transaction(series._db):
            series._db.executemany("INSERT INTO reading VALUES (?, ?, ?, ?)", many)
    with contextlib.closing(SqliteSeries(path)) as again:
        assert again.reading_count() == 45_001
        assert sum(len(decode_readings(page).value) for page in again.packed_readings(page=1000)) == 45_001


def test_retention_counts_readings_and_removes_the_oldest_rows(tmp_path: Path) -> None:
    rows = [(number, time_ns, 1.0) for time_ns in range(50) for number in (TEMPERATURE_NUMBER, HUMIDITY_NUMBER)]
    with _series(tmp_path) as series:
        series.project([register(1, "temperature", "humidity"), entry(2, columns(rows))])
        assert (series.oldest_ns("reading"), series.count_old("reading", 20)) == (0, 40)
        assert sum(series.remove_old("reading", 20)) == 40
        assert (series.oldest_ns("reading"), series.reading_count(), series.gone_count()) == (20, 60, 40)
        assert sum(series.remove_old("reading", 20)) == 0


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([4, 5, 9]), st.integers(-2, 3), st.floats(allow_nan=False)), max_size=12),
        max_size=5,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_batches_the_first_of_a_key_stays_and_every_reading_is_accounted_for(
    batches: list[list[tuple[int, int, float]]],
) -> None:
    with contextlib.closing(SqliteSeries(Path(":memory:"))) as series:
        series._rows.register([(4, "a", "s1", "x", ""), (5, "a", "s1", "y", ""), (9, "a", "s2", "z", "")])
        first: dict[tuple[str, int], float] = {}
        names = {4: "x", 5: "y", 9: "z"}
        for seq, batch in enumerate(batches, start=1):
            series.project([entry(seq, columns(batch))])
            for number, time_ns, value in batch:
                first.setdefault((names[number], time_ns), value)
        found = {(row[2], row[3]): row[4] for row in series.readings()}
        assert {key: repr(value) for key, value in found.items()} == {key: repr(value) for key, value in first.items()}
        assert series.reading_count() + series.gone_count() == sum(map(len, batches))


def test_rows_of_no_readings_are_none(tmp_path: Path) -> None:
    with _series(tmp_path) as series:
        assert series._rows.write(ReadingColumns.empty()) == 0
        assert not len(series._rows.page(0, -(2**63), 10))
        assert np.array_equal(series._rows.sensors(), [])
