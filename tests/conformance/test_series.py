"""What a store of time series promises; another implementation inherits the class and brings its own fixtures."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from domain.arrays import ReadingColumns, ReadingFlag
from domain.errors import StorageCorrupt, StorageUnavailable
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel, Direction, Register, Role
from storage.entries import BatchBody, Outcome, encode_readings
from storage.hop_columns import HopArrays, HopColumns
from storage.influx import InfluxSeries
from storage.influx_target import InfluxTarget
from storage.journal import Entry
from storage.protocols import ProjectedSeries
from storage.series import SqliteSeries
from tests.influx_server import InfluxServer

BRUG, SENSOR, TEMPERATURE = AssetId("brug-1"), SensorId("s1"), ChannelName("temperature")
NOTHING = ReadingColumns.empty()


def columns(rows: list[tuple[int, int, float]], *, flags: int = 0) -> ReadingColumns:
    return ReadingColumns(
        np.array([number for number, _, _ in rows], np.int32),
        np.array([time_ns for _, time_ns, _ in rows], np.int64),
        np.array([value for _, _, value in rows], np.float64),
        np.full(len(rows), flags, np.uint8),
    )


def entry(seq: int, readings: ReadingColumns = NOTHING, outcome: Outcome | None = None) -> Entry:
    return Entry(seq, "batch", BatchBody(readings=encode_readings(readings)), outcome or Outcome())


def register(seq: int, *names: str, unit: str = "Cel") -> Entry:
    channels = tuple(
        Channel(BRUG, SENSOR, ChannelName(name), unit, GatewayId("gw"), 3600.0, Role.ENVIRONMENT, Direction.BOTH)
        for name in names
    )
    numbers = [10 + len(name) for name in names]
    assets = (Asset(BRUG, "Brug", AssetType.BRIDGE),)
    return entry(seq, outcome=Outcome(register=Register(assets, channels), register_numbers=numbers))


def hops(seq: int, number: int, starts: list[int], *, expected: float = 1.5) -> Entry:
    count = len(starts)
    return entry(
        seq,
        outcome=Outcome(
            hops=HopColumns.of(
                HopArrays(
                    channel=np.full(count, number),
                    start_ns=np.array(starts),
                    value=np.array(starts, np.float64),
                    readings=np.full(count, 2),
                    expected=np.full(count, expected),
                    band=np.full(count, np.nan),
                    novelty=np.full(count, 0.5),
                )
            )
        ),
    )


TEMPERATURE_NUMBER = 10 + len(TEMPERATURE)


class SeriesConformance:
    """The promises."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> Callable[[], ProjectedSeries]:
        """Give what opens the store; a second call opens the same one again."""
        raise NotImplementedError

    @pytest.fixture
    def series(self, opening: Callable[[], ProjectedSeries]) -> Iterator[ProjectedSeries]:
        made = opening()
        yield made
        made.close()

    def test_the_position_moves_with_the_rows(
        self, series: ProjectedSeries, opening: Callable[[], ProjectedSeries]
    ) -> None:
        assert series.position() == 0
        series.project([register(1, TEMPERATURE), entry(2, columns([(TEMPERATURE_NUMBER, 5, 1.0)]))])
        series.project([])
        with contextlib.closing(opening()) as again:
            assert (again.position(), again.reading_count(), again.refused_count()) == (2, 1, 0)

    def test_writing_entries_again_changes_nothing(self, series: ProjectedSeries) -> None:
        entries = [
            register(1, TEMPERATURE),
            entry(2, columns([(TEMPERATURE_NUMBER, 5, 1.0), (TEMPERATURE_NUMBER, 6, 2.0)])),
            hops(3, TEMPERATURE_NUMBER, [0]),
        ]
        series.project(entries)
        before = (list(series.readings()), series.hops(BRUG, SENSOR, TEMPERATURE))
        series.project(entries)
        assert (list(series.readings()), series.hops(BRUG, SENSOR, TEMPERATURE)) == before
        assert series.position() == 3

    def test_a_failure_half_way_writes_nothing(self, series: ProjectedSeries) -> None:
        series.project([register(1, TEMPERATURE)])
        broken = entry(3, outcome=Outcome(hops=HopColumns(channel=np.array([TEMPERATURE_NUMBER], "<i4").tobytes())))
        with pytest.raises(ValueError, match="shorter"):
            series.project([entry(2, columns([(TEMPERATURE_NUMBER, 5, 1.0)])), broken])
        assert (series.position(), series.reading_count()) == (1, 0)

    def test_readings_come_back_by_channel_and_time_with_unit_and_flags(self, series: ProjectedSeries) -> None:
        humidity = 10 + len("humidity")
        series.project([register(1, TEMPERATURE, "humidity")])
        series.project([entry(2, columns([(TEMPERATURE_NUMBER, 9, 0.1), (humidity, 8, 0.2)]))])
        series.project([entry(3, columns([(TEMPERATURE_NUMBER, -5, -0.0)], flags=ReadingFlag.LATE))])
        expected = [
            (BRUG, SENSOR, "humidity", 8, 0.2, "Cel", 0),
            (BRUG, SENSOR, TEMPERATURE, -5, -0.0, "Cel", ReadingFlag.LATE),
            (BRUG, SENSOR, TEMPERATURE, 9, 0.1, "Cel", 0),
        ]
        for size in (1, 2, 10):
            assert list(series.readings(batch=size)) == expected

    def test_hops_are_paged_within_their_bounds(self, series: ProjectedSeries) -> None:
        series.project([register(1, TEMPERATURE), hops(2, TEMPERATURE_NUMBER, [30, 10, 20, 0, 40])])
        found = series.hops(BRUG, SENSOR, TEMPERATURE)
        assert [point.start_ns for point in found] == [0, 10, 20, 30, 40]
        assert (found[1].value, found[1].count, found[1].expected, found[1].band) == (10.0, 2, 1.5, None)
        some = series.hops(BRUG, SENSOR, TEMPERATURE, start_ns=10, end_ns=40)
        assert [point.start_ns for point in some] == [10, 20, 30]
        seen: list[int] = []
        while page := series.hops(BRUG, SENSOR, TEMPERATURE, after_ns=seen[-1] if seen else None, limit=2):
            seen += [point.start_ns for point in page]
        assert seen == [0, 10, 20, 30, 40]
        assert series.hops(AssetId("other"), SENSOR, TEMPERATURE) == []

    def test_a_hop_scored_anew_takes_the_place_of_the_old_one(self, series: ProjectedSeries) -> None:
        series.project([register(1, TEMPERATURE), hops(2, TEMPERATURE_NUMBER, [0])])
        series.project([hops(3, TEMPERATURE_NUMBER, [0], expected=2.5)])
        assert [point.expected for point in series.hops(BRUG, SENSOR, TEMPERATURE)] == [2.5]

    def test_what_was_learnt_from_comes_back_to_the_bit(self, series: ProjectedSeries) -> None:
        humidity = 10 + len("humidity")
        series.project([register(1, TEMPERATURE, "humidity"), hops(2, TEMPERATURE_NUMBER, [30, 10, 20, 0])])
        series.project([hops(3, humidity, [20, 7])])
        found = {item.channel: item for item in series.hop_values(BRUG, start_ns=7, end_ns=30)}
        assert {name: item.start_ns.tolist() for name, item in found.items()} == {
            TEMPERATURE: [10, 20],
            "humidity": [7, 20],
        }
        mine = found[TEMPERATURE]
        assert (mine.sensor, mine.value.tolist(), mine.readings.tolist()) == (SENSOR, [10.0, 20.0], [2, 2])
        kinds = [str(column.dtype) for column in (mine.start_ns, mine.value, mine.readings)]
        assert kinds == ["int64", "float64", "int32"]
        assert series.hop_values(BRUG, start_ns=31, end_ns=99) == []
        assert series.hop_values(AssetId("other"), start_ns=0, end_ns=99) == []

    def test_channels_that_left_the_register_keep_their_history(self, series: ProjectedSeries) -> None:
        series.project([register(1, TEMPERATURE, "humidity"), hops(2, TEMPERATURE_NUMBER, [0])])
        series.project([register(3, "humidity")])
        assert series.channel_names(BRUG) == [(SENSOR, "humidity", "Cel"), (SENSOR, TEMPERATURE, "Cel")]
        assert len(series.hops(BRUG, SENSOR, TEMPERATURE)) == 1


class TestSqliteSeries(SeriesConformance):
    @pytest.fixture
    def opening(self, tmp_path: Path) -> Callable[[], ProjectedSeries]:
        return lambda: SqliteSeries(tmp_path / "series.sqlite")

    def test_the_first_value_of_a_key_stays(self, series: SqliteSeries) -> None:
        series.project([register(1, TEMPERATURE), entry(2, columns([(TEMPERATURE_NUMBER, 5, 1.0)]))])
        series.project([entry(3, columns([(TEMPERATURE_NUMBER, 5, 9.0)]))])
        assert [row[4] for row in series.readings()] == [1.0]

    def test_a_full_disk_writes_nothing_and_says_so(self, series: SqliteSeries) -> None:
        series.project([register(1, TEMPERATURE)])
        pages = series._db.execute("PRAGMA page_count").fetchone()[0]
        series._db.execute(f"PRAGMA max_page_count={pages}")
        many = columns([(TEMPERATURE_NUMBER, number, 1.0) for number in range(5000)])
        with pytest.raises(StorageUnavailable, match="full"):
            series.project([entry(2, many)])
        assert (series.position(), series.reading_count()) == (1, 0)

    def test_a_file_that_is_no_database_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "series.sqlite").write_bytes(b"no database at all " * 100)
        with pytest.raises(StorageCorrupt, match=r"series\.sqlite"):
            SqliteSeries(tmp_path / "series.sqlite")


class TestInfluxSeries(SeriesConformance):
    @pytest.fixture
    def opening(self, tmp_path: Path, influx: InfluxServer) -> Callable[[], ProjectedSeries]:
        influx.create("conformance")
        target = InfluxTarget(url=influx.url, kind="1.8", bucket="conformance")
        return lambda: InfluxSeries(target, tmp_path / "influx.sqlite")
