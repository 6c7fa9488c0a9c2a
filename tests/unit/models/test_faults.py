"""Silence of what rests: a machine at rest has nothing to say, and one that works and says nothing is lost.

Where it says the floor of its instrument instead, it is no more stuck than it would be silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import BoolArray, FloatArray
from domain.register import AssetType, Direction, Role
from models.compiling import compile_catalogue
from tests.lengths import either
from tests.unit.models.conftest import make_register

HOURS = np.arange(20 * 24)
JITTER = np.modf(HOURS * 0.754877666)[0]
BY_DAY = HOURS % 24 >= 8
NOW_AND_THEN = HOURS % 4 == 0
MACHINE = ["vibration_rms", "cycles", "runtime"]


def silences(
    start_run: Callable[..., Any], works: BoolArray, heard: BoolArray, *, interval_s: int = 3600
) -> list[tuple[str, bool, int]]:
    """Feed a drive with its counter, and give subject, whether raised, and hour of each alarm of silence."""
    run = start_run(["vibration_rms", "cycles", "temperature"])
    run.catalogue = replace(run.catalogue, interval_ns=np.full(3, interval_s * 10**9))
    vibration = np.where(heard, 2.0 + JITTER[: len(works)], np.nan)
    run.feed({"vibration_rms": vibration, "cycles": np.where(works, 3.0, 0.0), "temperature": JITTER[: len(works)]})
    told: list[tuple[str, bool, int]] = run.told("data.silent")
    return told


@pytest.mark.slow
@pytest.mark.parametrize("interval_s", [600, 3600])
@pytest.mark.parametrize("hours_of_grace", [0, 1, 2])
def test_a_machine_that_begins_to_work_is_given_time_to_speak(
    start_run: Callable[..., Any], hours_of_grace: int, interval_s: int
) -> None:
    """After a night at rest the counter moves first; the drive was called silent until it had spoken for a day."""
    spoken = BY_DAY & (8 + hours_of_grace <= HOURS % 24)
    hours = either(6, long=20) * 24
    assert silences(start_run, BY_DAY[:hours], spoken[:hours], interval_s=interval_s) == []


@pytest.mark.parametrize("works", [BY_DAY, NOW_AND_THEN], ids=["by day", "one hour in four"])
def test_a_sensor_that_misses_its_machines_work_is_silent_also_while_it_rests(
    start_run: Callable[..., Any], works: BoolArray
) -> None:
    lost_from, hours = either((5 * 24, 8 * 24), long=(10 * 24, 20 * 24))
    rows = silences(start_run, works[:hours], (works & (lost_from > HOURS))[:hours])
    assert [row[:2] for row in rows] == [("s-vibration_rms", True)]
    assert lost_from < rows[0][2] <= lost_from + 12


@pytest.mark.slow
def test_a_machine_that_rests_for_more_than_two_weeks_asks_for_a_test_run(start_run: Callable[..., Any]) -> None:
    works = BY_DAY & (HOURS < 3 * 24)
    rows = silences(start_run, works, works)
    assert [row[:2] for row in rows] == [("s-vibration_rms", True)]
    assert rows[0][2] == 3 * 24 + 14 * 24 + 1


@pytest.mark.slow
def test_a_machine_whose_counter_is_lost_may_rest(start_run: Callable[..., Any]) -> None:
    run = start_run(["vibration_rms", "cycles", "temperature"])
    lost = HOURS >= 10 * 24
    run.feed(
        {
            "vibration_rms": np.where(BY_DAY & ~lost, 2.0 + JITTER, np.nan),
            "cycles": np.where(lost, np.nan, np.where(BY_DAY, 3.0 + JITTER, 0.0)),
            "temperature": JITTER,
        }
    )
    assert [change.subject for change in run.changes if change.kind == "data.silent"] == ["s-cycles"]


def test_a_machine_whose_counter_cannot_be_may_rest(start_run: Callable[..., Any]) -> None:
    """A register at 65535 said that the drive worked day and night: each channel of it was told as silent, and gaps."""
    run = start_run(["vibration_rms", "cycles", "temperature"])
    wrong = HOURS[: 12 * 24] >= 9 * 24
    works = (HOURS % 6 == 0)[: 12 * 24]
    run.feed(
        {
            "vibration_rms": np.where(works, 2.0 + JITTER[: 12 * 24], np.nan),
            "cycles": np.where(wrong, 65535.0 - np.round(9.0 * JITTER[: 12 * 24]), np.where(works, 3.0, 0.0)),
            "temperature": JITTER[: 12 * 24],
        }
    )
    assert run.kinds() == ["sensor.implausible"]


def test_a_sensor_whose_channels_die_hours_apart_is_lost_once(start_run: Callable[..., Any]) -> None:
    """The one that died first was told by itself, and taken back when the sensor was told three hours later."""
    run = start_run(["strain", "humidity", "temperature"], sensors={"strain": "box", "humidity": "box"})
    hours, last = HOURS[:96], 48
    run.feed(
        {
            "strain": np.where(hours <= last, 2.0 + JITTER[:96], np.nan),
            "humidity": np.where(hours <= last + 3, 60.0 + JITTER[:96], np.nan),
            "temperature": JITTER[:96],
        }
    )
    assert run.told("data.silent") == [("box", True, last + 3 + 7)]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("humidity", 0.0, True), ("humidity", 55.0, True), ("humidity", 100.0, False), ("traffic_count", 0.0, False)],
)
def test_what_rests_at_its_end_is_not_stuck_but_a_dead_hygrometer_is(
    start_run: Callable[..., Any], name: str, value: float, *, told: bool
) -> None:
    """Fog lasts for days and roads are closed; a hygrometer that says nought is broken."""
    hours = 4 * 24
    before = {"humidity": 80.0 + JITTER, "traffic_count": 100.0 + np.round(50.0 * JITTER)}[name][:hours]
    run = start_run([name, "temperature"])
    run.feed({name: before, "temperature": JITTER[:hours]})
    run.feed({name: np.full(hours, value), "temperature": JITTER[hours : 2 * hours]})
    assert run.told("sensor.stuck") == ([(f"s-{name}/{name}", True, hours + 48)] if told else [])


@pytest.mark.parametrize(("duty", "at_rest"), [("speed", 2.0), ("runtime", 1.3)])
def test_a_gauge_that_says_some_tenths_at_rest_is_no_work(
    start_run: Callable[..., Any], duty: str, at_rest: float
) -> None:
    """A fan's speed is measured to some tenths: each night at rest its vibration was called silent."""
    hours = 8 * 24
    works = BY_DAY[:hours]
    run = start_run(["vibration_rms", duty, "temperature"], kind=AssetType.TUNNEL)
    jitter = JITTER[:hours]
    run.feed(
        {
            "vibration_rms": np.where(works, 2.0 + jitter, np.nan),
            duty: np.where(works, 40.0 + 5.0 * jitter, at_rest * jitter),
            "temperature": jitter,
        }
    )
    assert run.told("data.silent") == []
    assert run.told("data.gaps") == []


@pytest.mark.parametrize(
    ("sensors", "running_pct", "role"),
    [
        ({}, 30.0, Role.CONDITION),
        (dict.fromkeys(MACHINE, "drive"), 4.0, Role.CONDITION),
        (dict.fromkeys(MACHINE, "drive"), 4.0, Role.OPERATION),
    ],
)
def test_a_pump_beside_a_gate_says_nothing_of_its_drive(
    fleet_tools: Any, sensors: dict[str, str], running_pct: float, role: Role
) -> None:
    """The pump levels water at all hours and is judged by its running time; the drive is felt when the gate moves.

    Nor does the drive's own share of running, which is some per cent while no opening is counted.
    """
    register, numbers = make_register(MACHINE, kind=AssetType.LOCK, sensors=sensors)
    channels = tuple(
        replace(channel, role=role, direction=Direction.UP if role is Role.CONDITION else channel.direction)
        if channel.channel == "runtime"
        else channel
        for channel in register.channels
    )
    run = fleet_tools.run(compile_catalogue(replace(register, channels=channels), numbers))
    hours = 8 * 24
    works, jitter = BY_DAY[:hours], JITTER[:hours]
    run.feed(
        {
            "vibration_rms": np.where(works, 2.0 + jitter, np.nan),
            "cycles": np.where(works, 3.0, 0.0),
            "runtime": running_pct + jitter,
        }
    )
    assert run.told("data.silent") == []
    assert run.told("data.gaps") == []


@pytest.mark.slow
def test_behind_a_dead_counter_no_wear_is_hidden(start_run: Callable[..., Any]) -> None:
    """It says nought, but the drive shakes as it does at work: so it works."""
    drive = {"vibration_rms": "drive", "cycles": "drive"}
    rng, hours = np.random.default_rng(9), np.arange(60 * 24)
    works = hours % 24 >= 8
    worn = np.interp(hours / 24, [0.0, 25.0, 45.0], [1.0, 1.0, 2.5])
    run = start_run(["vibration_rms", "cycles", "temperature"], sensors=drive, kind=AssetType.LOCK)
    run.feed(
        {
            "vibration_rms": np.where(works, worn * 2.0 * np.exp(0.1 * rng.normal(size=len(hours))), np.nan),
            "cycles": np.where(works & (hours < 20 * 24), 3.0, 0.0),
            "temperature": 8.0 + 3.0 * np.sin(hours * 2 * np.pi / 24),
        }
    )
    assert "condition.drive_wear" in run.kinds()


def test_one_fan_that_rests_says_nothing_of_another_whose_gauge_is_lost(start_run: Callable[..., Any]) -> None:
    run = start_run(["vibration_rms", "speed", "runtime", "temperature"], kind=AssetType.TUNNEL)
    hours = 8 * 24
    lost = np.arange(hours) < 12
    run.feed(
        {
            "vibration_rms": 2.0 + 0.1 * JITTER[:hours],
            "speed": np.where(lost, 40.0, np.nan),
            "runtime": np.zeros(hours),
            "temperature": JITTER[:hours],
        }
    )
    assert run.state.updated_ns[0] == run.now_ns


FLOOR_MM_S = 0.06


def fan_of_a_week(start_run: Callable[..., Any], works: BoolArray, shakes: FloatArray) -> Any:
    """Feed a fan whose accelerometer speaks at all hours, and whose work is counted on a box of its own."""
    box = {"vibration_rms": "fan", "runtime": "box", "temperature": "weather"}
    run = start_run(["vibration_rms", "runtime", "temperature"], sensors=box, kind=AssetType.TUNNEL)
    vibration = np.where(works, shakes, FLOOR_MM_S)
    run.feed({"vibration_rms": vibration, "runtime": np.where(works, 80.0, 0.0), "temperature": JITTER[: len(works)]})
    return run


def test_the_floor_of_an_accelerometer_is_neither_stuck_nor_the_end_of_its_range(
    start_run: Callable[..., Any],
) -> None:
    """A jet fan that stood still over the weekend was stuck each Monday, and a pump clipped forty times."""
    hours = HOURS[: 16 * 24]
    works = np.isin(hours % 24, (7, 8, 9, 15, 16, 17)) & (hours // 24 % 7 < 4)
    run = fan_of_a_week(start_run, works, 2.0 + 0.4 * JITTER[: len(hours)])
    assert run.kinds() == []


def test_what_says_one_value_while_its_machine_works_is_stuck(start_run: Callable[..., Any]) -> None:
    """Hours at rest tell nothing of it, so it takes two days of work."""
    hours = HOURS[: 14 * 24]
    stuck_from = 8 * 24
    shakes = np.where(hours < stuck_from, 2.0 + 0.4 * JITTER[: len(hours)], FLOOR_MM_S)
    run = fan_of_a_week(start_run, hours % 24 >= 12, shakes)
    ((subject, is_raised, hour),) = run.told("sensor.stuck")
    assert (subject, is_raised) == ("fan/vibration_rms", True)
    assert hour - stuck_from == pytest.approx(4 * 24, abs=24)


@pytest.mark.slow
def test_what_a_drive_hums_at_rest_is_no_level_of_it(start_run: Callable[..., Any]) -> None:
    """Its level was that of rest, and a busy summer took it past the owner's limit."""
    rng, hours = np.random.default_rng(7), np.arange(45 * 24)
    opens = np.where(hours < 25 * 24, np.isin(hours % 24, (10, 15)), (hours % 24 > 5) & (hours % 2 == 0))
    drive = {"vibration_rms": "drive", "cycles": "drive"}
    run = start_run(["vibration_rms", "cycles", "traffic_count", "temperature"], sensors=drive)
    run.feed(
        {
            "vibration_rms": np.where(opens, 2.0, 0.1) * np.exp(0.1 * rng.normal(size=len(hours))),
            "cycles": np.where(opens, 1.0 + rng.integers(0, 3, len(hours)), 0.0),
            "traffic_count": 300.0 + 200.0 * np.sin(hours * 2 * np.pi / 24),
            "temperature": 8.0 + 3.0 * np.sin(hours * 2 * np.pi / 24),
        }
    )
    assert run.kinds() == []
    assert np.exp(run.state.expected[0]) == pytest.approx(2.0, abs=0.2)
    assert abs(run.state.deviation[0]) < 0.1 * run.state.distance[0]


def test_a_drive_whose_counter_is_lost_is_believed_at_all_hours(start_run: Callable[..., Any]) -> None:
    drive = {"vibration_rms": "drive", "cycles": "drive"}
    run = start_run(["vibration_rms", "cycles", "temperature"], sensors=drive)
    night_of = {day: slice(24 * (day - 1) + 5, 24 * day + 5) for day in (4, 5)}
    works, jitter = BY_DAY, JITTER[: len(HOURS)]
    vibration, cycles = np.where(works, 2.0, 1.5) + 0.1 * jitter, np.where(works, 3.0, 0.0)
    for day, counted in ((4, True), (5, False)):
        hours = slice(0, night_of[4].stop) if counted else night_of[5]
        counts = cycles[hours] if counted else np.full(24, np.nan)
        run.feed({"vibration_rms": vibration[hours], "cycles": counts, "temperature": jitter[hours]})
        since_h = (run.now_ns - int(run.state.updated_ns[0])) // (3600 * 10**9)
        assert since_h == (5 if counted else 0), day
