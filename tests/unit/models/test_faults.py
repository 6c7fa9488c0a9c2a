"""Silence of what rests: a machine at rest has nothing to say, and one that works and says nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import BoolArray
from tests.lengths import either

HOURS = np.arange(20 * 24)
JITTER = np.modf(HOURS * 0.754877666)[0]
BY_DAY = HOURS % 24 >= 8
NOW_AND_THEN = HOURS % 4 == 0


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
