"""Traffic that nobody counts has its hours all the same, and they are not taken for the warmth of the day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.catalogue import HOUR_NS
from models.compiling import compile_catalogue
from models.layout import REGRESSORS
from models.state import carry_state
from models.usual_load import course_is_known, usual_course
from tests.unit.models.conftest import START_NS, make_register, weather_of

NAMES = ["vibration_rms", "natural_frequency_1", "temperature"]
DAYS = 120


def uncounted(days: int = DAYS, *, loss_from: int = DAYS, loss: float = 0.0, every: int = 3) -> dict[str, FloatArray]:
    """A bridge from spring on that shakes with its traffic, which nobody counts, and not with warmth."""
    rng, hour = np.random.default_rng(5), np.arange(days * 24)
    weather = weather_of(rng, days, start_day=80)
    # The calendar begins on a Wednesday.
    traffic = 30.0 + 500.0 * np.exp(-((((hour % 24) - 14.0) / 5.0) ** 2)) * np.where((hour // 24 + 2) % 7 < 5, 1.0, 0.6)
    grown = loss * np.clip((hour / 24 - loss_from) / 30.0, 0.0, 1.0)
    values = {
        "vibration_rms": 0.3 * np.sqrt(traffic / 300.0) * np.exp(rng.normal(scale=0.1, size=len(hour)) + grown),
        "natural_frequency_1": 3.0 * np.exp(-0.0006 * (weather.air - 10.0) + rng.normal(scale=0.002, size=len(hour))),
        "temperature": weather.air + rng.normal(scale=0.15, size=len(hour)),
    }
    return {name: np.where(hour % every == 0, column, np.nan) for name, column in values.items()}


def way(run: Any, name: str = "vibration_rms") -> float:
    names = [run.catalogue.channels[row].channel for row in run.catalogue.judged]
    return float((run.state.deviation / run.state.distance)[names.index(name)])


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 3])
def test_warmth_explains_none_of_the_course_of_the_day(start_run: Callable[..., Any], every: int) -> None:
    """Ten kelvins seemed to shake a bridge four times as much: in summer it was twice as far off as failure is."""
    run = start_run(NAMES).feed(uncounted(every=every))
    names = [run.catalogue.channels[row].channel for row in run.catalogue.judged]
    effect = run.state.coefficients[names.index("vibration_rms")]
    assert effect[REGRESSORS.index("load")] == pytest.approx(0.5, abs=0.1)
    assert np.max(np.abs(effect[[REGRESSORS.index("air_now"), REGRESSORS.index("air_lagged")]])) < 0.3
    assert abs(way(run)) < 0.2
    assert not [kind for kind in run.kinds() if kind.startswith("condition")]


@pytest.mark.slow
def test_damage_is_no_course_of_the_day(start_run: Callable[..., Any]) -> None:
    run = start_run(NAMES).feed(uncounted(loss_from=60, loss=0.6))
    assert way(run) == pytest.approx(0.6 / np.log(2.5), abs=0.12)


def test_a_reference_is_made_of_days_whose_hours_are_known(start_run: Callable[..., Any]) -> None:
    """Nights and a weekend nobody explained looked like a level that moves by a third of its way in a day."""
    run, values = start_run(NAMES), uncounted(16, every=1)
    counts = []
    for day in range(16):
        run.feed({name: column[day * 24 : day * 24 + 24] for name, column in values.items()})
        counts.append(int(run.state.count[0]))
    assert counts == [24, 48, 72, 96, 96, 96, 0, 24, 48, 72, *[96] * 6]
    assert run.state.deviation_sd[0] / run.state.distance[0] < 0.13
    assert abs(way(run)) < 0.1


def test_what_is_counted_needs_no_week(start_run: Callable[..., Any]) -> None:
    values = uncounted(9, every=1)
    run = start_run([*NAMES, "traffic_count"]).feed({**values, "traffic_count": 300.0 * values["vibration_rms"] ** 2})
    assert not course_is_known(run.catalogue, run.state).any()
    assert run.state.count.tolist() == [96, 96]


def test_a_counter_makes_an_end_of_it(start_run: Callable[..., Any]) -> None:
    counted = compile_catalogue(*make_register([*NAMES, "traffic_count"]))
    assert not counted.feels_traffic.any()
    run = start_run(NAMES)
    assert [run.catalogue.channels[row].channel for row in np.flatnonzero(run.catalogue.feels_traffic)] == [NAMES[0]]
    on_machine = compile_catalogue(*make_register(["vibration_rms", "motor_temperature"]))
    assert not on_machine.feels_traffic.any()


@pytest.mark.parametrize(("names", "is_kept"), [([*NAMES, "traffic_count"], False), ([*NAMES, "tilt"], True)])
def test_hours_of_a_vibration_are_no_hours_of_a_new_counter(
    start_run: Callable[..., Any], names: list[str], *, is_kept: bool
) -> None:
    run = start_run(NAMES).feed(uncounted(3))
    numbers = {key: 1000 + place for place, key in enumerate(run.catalogue.channels)}
    register, _ = make_register(names)
    for channel in register.channels:
        known = np.flatnonzero([key == channel.key for key in run.catalogue.channels])
        numbers[channel.key] = int(run.catalogue.channel_number[known[0]]) if len(known) else 99
    state = carry_state(run.catalogue, run.state, compile_catalogue(register, numbers))
    assert (state.load_hours.sum() > 0.0) == is_kept
    assert np.isfinite(state.load_usual).any() == is_kept


def test_an_hour_that_nobody_knows_is_a_middling_one(start_run: Callable[..., Any]) -> None:
    run = start_run(NAMES)
    assert np.isnan(usual_course(run.state, np.array([START_NS]), np.array([0]))).all()
    run.feed(uncounted(2))
    known = run.now_ns - 24 * HOUR_NS + np.arange(24) * HOUR_NS
    course = [float(usual_course(run.state, np.array([start]), np.array([0]))[0]) for start in known.tolist()]
    assert [course[hour] for hour in range(24) if hour % 3] == [4.0] * 16
    assert max(course) == max(course[12], course[15]) > 4.5
    saturday = START_NS + 3 * 24 * HOUR_NS
    assert usual_course(run.state, np.array([saturday]), np.array([0]))[0] == course[0]
