from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from domain.errors import ConfigurationError
from service.cli import app
from service.evaluation.evaluate import run_history, run_scenario
from service.evaluation.history import history_days, load_history
from service.evaluation.history_table import read_history
from service.evaluation.owner_events import UNKNOWN_ONSET_DAYS, read_owner_events
from service.evaluation.truth import DAY_NS, lives_of
from service.settings import Settings
from simulator.history_file import write_history
from simulator.owner_files import write_register, write_truth
from simulator.scenario import Scenario, SensorFault, Transport
from simulator.scenario_file import load_scenario
from tests.lengths import either

HEADER = "time,asset,sensor,channel,value,unit\n"
EVENTS = "asset,kind,start,end,mode,sensor,announced\n"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    story = load_scenario("small")
    silent = SensorFault("dropout", "weg-1", "gnd1", 8.5, 2.0)
    assets = tuple(replace(asset, waveform_every_h=0) for asset in story.assets)
    return replace(story, days=either(18, long=30), transport=Transport(), assets=assets, sensor_faults=(silent,))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["own.csv", "own.csv.gz", "own.parquet"])
def test_a_written_history_is_read_back_to_the_last_digit(scenario: Scenario, tmp_path: Path, name: str) -> None:
    short = replace(scenario, days=12)
    count = write_history(short, tmp_path / name)
    again = tmp_path / f"again-{name}"
    write_history(short, again)
    assert (tmp_path / name).read_bytes() == again.read_bytes()
    table, plain = read_history(tmp_path / name), tmp_path / "plain.csv"
    write_history(short, plain)
    other = read_history(plain)
    assert len(table.value) == count > 3000
    np.testing.assert_array_equal(table.value, other.value)
    np.testing.assert_array_equal(table.time_ns, other.time_ns)
    assert table.keys == other.keys
    assert (np.diff(table.time_ns) >= 0).all()


@pytest.mark.slow
def test_an_owners_history_is_judged_like_the_scenario_it_came_from(scenario: Scenario, tmp_path: Path) -> None:
    """Only the register's and the truth's files travel, so every figure rests on what an owner could have written."""
    write_history(scenario, tmp_path / "own.csv.gz")
    write_register(scenario, tmp_path)
    write_truth(scenario, tmp_path)
    register = [tmp_path / "assets.csv", tmp_path / "sensors.csv"]
    history = load_history(tmp_path / "own.csv.gz", tmp_path / "own-events.csv", register=register, asset_type="other")
    direct, own = run_scenario(scenario, Settings()), run_history(history, Settings())
    assert own.truth.assets == direct.truth.assets
    assert [life.onset_ns for life in lives_of(own.truth)] == [life.onset_ns for life in lives_of(direct.truth)]
    assert own.truth.events == direct.truth.events
    assert own.records[0].alarms == direct.records[0].alarms != ()
    np.testing.assert_array_equal(own.records[0].chance_90, direct.records[0].chance_90)


def test_without_a_register_the_table_says_what_there_is(tmp_path: Path) -> None:
    rows = "".join(
        f"2025-01-{1 + h // 24:02d}T{h % 24:02d}:00:00Z,b,,natural_frequency_1,{3 + h / 1e3},Hz\n" for h in range(49)
    )
    (tmp_path / "own.csv").write_text(HEADER + rows)
    (tmp_path / "events.csv").write_text(EVENTS)
    history = load_history(tmp_path / "own.csv", tmp_path / "events.csv", register=(), asset_type="bridge")
    (channel,) = history.register.channels
    assert (channel.sensor, channel.interval_s, history.register.assets[0].type) == ("s1", 3600.0, "bridge")
    assert [len(day) for day in history_days(history)] == [1, 1, 1]
    assert (history.truth.end_ns - history.truth.start_ns) // DAY_NS == 3
    assert not history.truth.knows_future


def test_events_become_damages_repairs_works_and_faults(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        EVENTS
        + "b,failure,2025-01-01,2025-03-01,cracks,,\n"
        + "b,failure,,2025-09-01,cracks,,\n"
        + "b,damage,2025-11-01,,rust,,\n"
        + "b,repair,2025-03-01,2025-04-01,,,\n"
        + "b,sensor_swap,2025-05-01,2025-05-02,,acc1,true\n"
        + "b,stuck_sensor,2025-06-01,2025-06-09,,acc1,\n"
        + ",storm,2025-02-01,2025-02-02,,,\n"
    )
    told = read_owner_events(path, {"b"})
    first, second, third = told.damages
    assert first.failure_ns is not None
    assert second.failure_ns is not None
    assert (first.failure_ns - first.onset_ns) // DAY_NS == 59
    assert (second.failure_ns - second.onset_ns) // DAY_NS == UNKNOWN_ONSET_DAYS
    assert (third.mode, third.failure_ns) == ("rust", None)
    assert len(told.repairs) == 1
    assert [(e.kind, e.is_sensor_fault, e.announced) for e in told.events] == [
        ("sensor_swap", False, True), ("stuck_sensor", True, False), ("storm", False, False),
    ]  # fmt: skip
    assert [(works.kind, works.sensor) for works in told.works] == [("sensor swap", "acc1")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x,failure,2025-01-01,2025-03-01,,,", "events.csv:2: column asset: got 'x', expected one of b"),
        ("b,failure,2025-03-01,2025-01-01,,,", "expected a time after start"),
        ("b,failure,2025-01-01,,,,", "column end: got nothing"),
        ("b,damage,,,,,", "column start: got nothing"),
        ("b,storm,soon,2025-01-01,,,", "expected ISO 8601"),
        ("b,storm,1735689600000,1735776000000,,,", "expected a time from 1700 to 2200; a number is seconds"),
        ("b,stuck_sensor,2025-01-01,2025-01-02,,,", "column sensor: got nothing"),
        ("b,works,2025-01-01,2025-01-02,,,maybe", "expected true or false"),
    ],
)
def test_an_event_that_cannot_be_is_named_with_its_line(tmp_path: Path, row: str, words: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text(EVENTS + row + "\n")
    with pytest.raises(ConfigurationError) as caught:
        read_owner_events(path, {"b"})
    assert words in str(caught.value)


def test_a_line_for_excel_above_the_events_is_told(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("sep=,\n" + EVENTS + "b,repair,2025-03-01,2025-04-01,,,\n")
    with pytest.raises(ConfigurationError, match=r"events\.csv:1: got the line 'sep=,', by which Excel .*; remove the"):
        read_owner_events(path, {"b"})


@pytest.mark.parametrize("name", ["away.csv", "away.csv.gz", "away.parquet", "folder"])
def test_a_file_that_is_not_there_is_not_told_as_one_of_another_kind(tmp_path: Path, name: str) -> None:
    """Who mistyped a name was told to save the table as CSV."""
    if name == "folder":
        (tmp_path / name).mkdir()
    words = rf"{name}' cannot be read \((No such file or directory|Is a directory)\); give a file that is there"
    with pytest.raises(ConfigurationError, match=words):
        read_history(tmp_path / name)
    with pytest.raises(ConfigurationError, match=words):
        read_owner_events(tmp_path / name, {"b"})


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string(), pa.timestamp("s"), pa.timestamp("ms", "UTC")])
def test_numbers_as_times_are_seconds_in_parquet_too(tmp_path: Path, kind: pa.DataType) -> None:
    """Whole numbers were taken for nanoseconds, so that two years became a moment of 1970."""
    seconds = [1_735_689_600, 1_735_693_200]
    each = 1000 if kind == pa.timestamp("ms", "UTC") else 1
    times = pa.array([each * moment for moment in seconds], pa.int64())
    columns = {"asset": ["b", "b"], "channel": ["tilt"] * 2, "value": [1.0, 2.0], "unit": ["mrad"] * 2}
    pq.write_table(pa.table({"time": times.cast(kind), **columns}), tmp_path / "own.parquet")
    assert read_history(tmp_path / "own.parquet").time_ns.tolist() == [moment * 10**9 for moment in seconds]


def test_spaces_around_names_and_missing_numbers_are_taken_as_meant(tmp_path: Path) -> None:
    rows = "2025-01-01,b,s,tilt,1,mrad\n2025-01-02,b,s,tilt,NaN,mrad\n2025-01-03,b,s,tilt,,mrad\n"
    (tmp_path / "own.csv").write_text(HEADER.replace(",", ", ") + rows)
    assert read_history(tmp_path / "own.csv").value.tolist() == [1.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,asset,channel,value\n", "missing: unit"),
        (HEADER, "got no value"),
        (HEADER + "soon,b,s,tilt,1,mrad\n", "line 2: column time: got 'soon', expected ISO 8601"),
        (HEADER + "2025-01-01,b,s,tilt,much,mrad\n", "line 2: column value: got 'much', expected a number or nothing"),
        (HEADER + "2025-01-01,b,s,tilt,1_0,mrad\n", "line 2: column value: got '1_0', expected a number or nothing"),
        (HEADER + "2025-01-01,b,s,tilt,inf,mrad\n", "expected a finite number"),
        (HEADER + "\n\n2025-01-01,b,s,tilt,much,mrad\n", "line 4: column value"),
        (HEADER + "1735689600000,b,s,tilt,1,mrad\n", "line 2: column time: got '1735689600000', expected a time"),
        (HEADER + "1735689600000000000,b,s,tilt,1,mrad\n", "a number is seconds since 1970"),
        (HEADER + "0001-01-01,b,s,tilt,1,mrad\n", "expected a time from 1700 to 2200"),
        ("time,asset,channel,value,unit,value\n2025-01-01,b,tilt,1,mrad,2\n", "column 'value' more than once"),
        (HEADER + "2025-01-01,b,s,tilt,1,mrad\n2025-01-02,b,s,tilt,1,deg\n", "expected 'mrad' as before"),
        (HEADER + "2025-01-01,b b,s,tilt,1,mrad\n", "column asset"),
        (HEADER + "2025-01-01,b\n", "line 2: got 2 cells, expected 6"),
        ("sep=;\n" + HEADER.replace(",", ";"), "own.csv: line 1: got the line 'sep=;', by which Excel names"),
    ],
)
def test_a_history_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_history(path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [[], ["small", "--history", "x.csv", "--events", "y.csv"], ["--history", "x.csv"]]
)
def test_a_command_without_one_thing_to_judge_is_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["evaluate", *arguments])
    assert isinstance(result.exception, ConfigurationError)
