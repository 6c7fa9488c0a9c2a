"""Sensors that come and go: one alarm with the share they miss, and none where nothing is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import BoolArray, FeatureTable
from models.alarms import AlarmChange
from models.catalogue import HOUR_NS
from models.chain import step_hop
from models.grades import QUALITIES, channel_grades
from models.state import initial_state

HOURS = np.arange(16 * 24)
JITTER = np.modf(HOURS * 0.754877666)[0]
BEGIN, END = 5 * 24, 11 * 24
TROUBLED = (HOURS >= BEGIN) & (HOURS < END)


def heard_for(start_run: Callable[..., Any], heard: BoolArray) -> Any:
    """Feed a strain that is heard in some hours, beside a thermometer that always is."""
    day = np.sin(HOURS * 2 * np.pi / 24)
    run = start_run(["strain", "temperature"])
    return run.feed({"strain": np.where(heard, 40.0 * day + JITTER, np.nan), "temperature": 10.0 + 5.0 * day + JITTER})


@pytest.mark.parametrize("missing", [0.3, 0.6, 0.9])
def test_a_sensor_that_comes_and_goes_is_one_alarm_that_says_how_much_it_misses(
    start_run: Callable[..., Any], missing: float
) -> None:
    missed = np.random.default_rng(round(10 * missing)).random(len(HOURS)) < missing
    run = heard_for(start_run, ~(TROUBLED & missed))
    rows = run.told("data.gaps")
    assert [row[:2] for row in rows] == [("s-strain", True), ("s-strain", False)]
    assert BEGIN < rows[0][2] <= BEGIN + 3 * 24
    assert END < rows[1][2] <= END + 5 * 24 + 1
    (raised,) = (change for change in run.changes if change.kind == "data.gaps" and change.raised)
    assert raised.reasons[0].code == "sensor_gaps"
    assert 0.1 <= raised.reasons[0].facts["share"] <= missing + 0.1
    # What it says is neither rough nor a silence again and again.
    assert len(run.told("data.silent")) <= 2
    assert run.told("sensor.noisy") == run.told("sensor.spikes") == []


def test_its_channels_are_to_be_used_with_care_while_it_does(start_run: Callable[..., Any]) -> None:
    run = heard_for(start_run, ~(TROUBLED & (HOURS % 3 == 0)) & (HOURS < END))
    assert [row[:2] for row in run.told("data.gaps")] == [("s-strain", True)]
    grades = channel_grades(run.catalogue, run.state, np.arange(2))
    assert [QUALITIES[grade].value for grade in grades] == ["medium", "high"]


def test_an_outage_is_a_silence_and_no_habit(start_run: Callable[..., Any]) -> None:
    run = heard_for(start_run, ~TROUBLED)
    assert run.told("data.gaps") == []
    assert [row[:2] for row in run.told("data.silent")] == [("s-strain", True), ("s-strain", False)]


def test_a_missed_hour_now_and_then_is_nothing_to_tell(start_run: Callable[..., Any]) -> None:
    run = heard_for(start_run, HOURS % 17 > 0)
    assert run.told("data.gaps") == run.told("data.silent") == []


def test_of_one_that_comes_and_goes_a_silence_of_three_days_is_told_too(start_run: Callable[..., Any]) -> None:
    run = heard_for(start_run, ~(TROUBLED & (HOURS % 3 == 0)) & (HOURS < END))
    assert [row[:2] for row in run.told("data.silent")] == [("s-strain", True)]
    assert END + 3 * 24 - 2 <= run.told("data.silent")[0][2] <= END + 3 * 24 + 1


def stepped(start_run: Callable[..., Any], counts: list[int], *, interval_s: int = 3600) -> list[AlarmChange]:
    """Step a lone strain through hops with so many readings each; hops without any are stepped too."""
    run = start_run(["strain"])
    catalogue = replace(run.catalogue, interval_ns=np.full(1, interval_s * 10**9))
    state, found = initial_state(catalogue), []
    for hour, count in enumerate(counts):
        start_ns = np.full(1, run.now_ns + hour * HOUR_NS)
        value, valid = np.array([JITTER[hour % len(JITTER)]]), np.array([count > 0])
        features = FeatureTable(
            start_ns, catalogue.hop_ns, value, valid, np.array([count], np.int32), np.zeros(1, np.bool_)
        )
        state, _, changes = step_hop(catalogue, state, features)
        found += changes
    return [change for change in found if change.kind.startswith("data.")]


@pytest.mark.parametrize("pattern", [[2, 0], [0, 2], [1, 0, 2, 1, 2, 0]], ids=str)
def test_readings_a_moment_before_or_behind_the_hour_leave_no_gap(
    start_run: Callable[..., Any], pattern: list[int]
) -> None:
    assert stepped(start_run, [1] * 24 + pattern * 60) == []


@pytest.mark.parametrize("interval_h", [2, 6])
@pytest.mark.slow
def test_a_slow_sensor_is_not_expected_more_often_than_it_speaks(
    start_run: Callable[..., Any], interval_h: int
) -> None:
    shift = np.round(2.0 * JITTER[:100] - 1.0).astype(int)
    counts = np.zeros(interval_h * 102, np.int64)
    counts[interval_h * np.arange(1, 101) + shift] = 1
    assert stepped(start_run, counts.tolist(), interval_s=3600 * interval_h) == []
    # Where it keeps every third to itself it misses a third.
    counts[(interval_h * np.arange(1, 101) + shift)[2::3]] = 0
    (gaps,) = stepped(start_run, counts.tolist(), interval_s=3600 * interval_h)
    assert (gaps.kind, gaps.subject) == ("data.gaps", "s-strain")
    assert gaps.reasons[0].facts["share"] == pytest.approx(1 / 3, abs=0.25)


def drive(start_run: Callable[..., Any], works: BoolArray, heard: BoolArray) -> Any:
    """Feed a drive that is felt in some hours, and a counter that always speaks."""
    run = start_run(["vibration_rms", "cycles"])
    run.feed({"vibration_rms": np.where(heard, 2.0 + JITTER, np.nan), "cycles": np.where(works, 3.0 + JITTER, 0.0)})
    return run


def test_a_machine_that_rests_leaves_no_gaps(start_run: Callable[..., Any]) -> None:
    works = HOURS % 5 < 2
    assert drive(start_run, works, works).told("data.gaps") == []


def test_a_drive_that_speaks_two_hours_into_its_work_leaves_no_gap(start_run: Callable[..., Any]) -> None:
    works = HOURS % 24 >= 8
    assert drive(start_run, works, HOURS % 24 >= 10).told("data.gaps") == []


def test_a_sensor_that_misses_some_of_its_machines_work_comes_and_goes(start_run: Callable[..., Any]) -> None:
    works = HOURS % 24 >= 8
    early = TROUBLED & (HOURS < 8 * 24)
    run = drive(start_run, works, works & ~(early & (HOURS % 6 > 0)))
    assert [row[:2] for row in run.told("data.gaps")] == [("s-vibration_rms", True), ("s-vibration_rms", False)]


def test_a_lost_sensor_is_one_alarm_though_one_of_its_channels_may_rest(start_run: Callable[..., Any]) -> None:
    """Each of its channels was told first, and the sensor two weeks later, when its drive had rested long enough."""
    of_drive = dict.fromkeys(["motor_temperature", "runtime"], "drv1")
    run = start_run([*of_drive, "temperature"], sensors=of_drive)
    works, night = HOURS % 24 >= 8, BEGIN + 4
    run.feed(
        {
            "motor_temperature": np.where(works & (night > HOURS), 40.0 + JITTER, np.nan),
            "runtime": np.where(night > HOURS, np.where(works, 30.0 + JITTER, 0.0), np.nan),
            "temperature": JITTER,
        }
    )
    assert run.told("data.silent") == [("drv1", True, night + 6)]
    # It was the counter that was heard last.
    (lost,) = (change for change in run.changes if change.kind == "data.silent")
    assert lost.reasons[0].facts["days"] == 0.25
