"""What a vibration does at its own hours, beyond what is counted, is neither warmth nor damage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.catalogue import HOUR_NS
from models.compiling import compile_catalogue
from models.layout import REGRESSORS
from models.own_hours import own_hours
from tests.unit.models.conftest import make_register

DAY_NS = 24 * HOUR_NS
CHANNELS = ["vibration_rms", "temperature", "traffic_count"]
WARMTH = [REGRESSORS.index("air_now"), REGRESSORS.index("air_lagged")]


def road(make_weather: Callable[..., Any], seed: int, days: int) -> dict[str, FloatArray]:
    """Cars that are counted, with two rushes a day, and lorries that shake at noon and stay at home at weekends.

    The first day is a Wednesday (`conftest.START_NS`).
    """
    rng = np.random.default_rng(seed)
    hour, day = np.arange(days * 24) % 24, np.arange(days * 24) // 24
    is_weekend = (day + 2) % 7 >= 5
    rushes = np.exp(-(((hour - 7) / 1.8) ** 2)) + np.exp(-(((hour - 16.5) / 2.2) ** 2))
    cars = (60.0 + 900.0 * rushes) * np.where(is_weekend, 0.7, 1.0) * np.exp(rng.normal(scale=0.1, size=len(hour)))
    lorries = (5.0 + 120.0 * np.exp(-(((hour - 13) / 4.5) ** 2))) * np.where(is_weekend, 0.15, 1.0)
    shaken = 0.45 * np.log1p(lorries / 20.0) + 0.1 * np.log(cars / 300.0)
    vibration = 0.8 * np.exp(shaken + rng.normal(scale=0.12, size=len(hour)))
    air = make_weather(rng, days, start_day=80).air
    return {"vibration_rms": vibration, "temperature": air, "traffic_count": cars}


def first_days(values: dict[str, FloatArray], days: int) -> dict[str, FloatArray]:
    return {name: column[: days * 24] for name, column in values.items()}


def rest(values: dict[str, FloatArray], days: int) -> dict[str, FloatArray]:
    return {name: column[days * 24 :] for name, column in values.items()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_hours_of_lorries_are_not_taken_for_warmth(
    start_run: Callable[..., Any], make_weather: Callable[..., Any], seed: int
) -> None:
    """It was 0.5 to 0.8 of the way to failure for ten kelvins, and in summer the level stood beyond failure."""
    run = start_run(CHANNELS).feed(road(make_weather, seed, 120))
    assert run.kinds() == []
    slope = run.state.coefficients[0, WARMTH].sum() / run.state.scale[0]
    assert abs(slope) < 0.15
    assert abs(run.state.deviation[0]) < 0.1 * run.state.distance[0]


@pytest.mark.slow
@pytest.mark.slow
def test_damage_is_no_course_of_hours(start_run: Callable[..., Any], make_weather: Callable[..., Any]) -> None:
    """What all hours have in common stays in the level."""
    apart = []
    for seed in range(4, 8):
        values = road(make_weather, seed, 60)
        sound = start_run(CHANNELS).feed(first_days(values, 30))
        later = rest(values, 30)
        as_ever = sound.branch().feed(later)
        worse = sound.branch().feed({**later, "vibration_rms": 1.3 * later["vibration_rms"]})
        apart.append(worse.state.deviation[0] - as_ever.state.deviation[0])
    assert np.mean(apart) == pytest.approx(np.log(1.3), abs=0.03)
    assert apart == pytest.approx([np.log(1.3)] * len(apart), abs=0.07)


@pytest.fixture(scope="module")
def month(fleet_tools: Any) -> Any:
    """A month of the road."""
    return fleet_tools.start(CHANNELS, assets=1).feed(road(fleet_tools.weather, 5, 30))


def test_the_course_of_weekdays_has_no_level(month: Any) -> None:
    rows = np.zeros(1, np.intp)
    starts = month.now_ns - month.now_ns % (7 * DAY_NS) + HOUR_NS * np.arange(7 * 24)
    course = np.array([own_hours(month.catalogue, month.state, rows, np.array([at]))[0] for at in starts])
    by_day = course.reshape(7, 24)
    # Weeks since 1970 begin on a Thursday, so that the weekend is the third day and the fourth.
    assert np.abs(by_day[[0, 1, 4, 5, 6]].mean(axis=1)).max() < 1e-6
    assert by_day[2:4].mean() < -0.15
    assert by_day[0, 13] - by_day[0, 2] > 0.4


def test_with_the_hours_the_reference_begins_anew(fleet_tools: Any) -> None:
    """Its first days, of which nobody knew the hours, may be a weekend."""
    values = road(fleet_tools.weather, 6, 12)
    run = fleet_tools.start(CHANNELS, assets=1)
    counts = []
    for day in range(12):
        run.feed({name: column[day * 24 : (day + 1) * 24] for name, column in values.items()})
        counts.append(int(run.state.count[0]))
    # The first Sunday is the fifth day.
    assert counts == [24, 48, 72, 96, 0, 24, 48, 72, 96, 96, 96, 96]


def test_a_counter_that_speaks_later_leaves_the_reference_as_it_is(fleet_tools: Any) -> None:
    """Else the damage that has grown by then would be normal from its first week on."""
    values = road(fleet_tools.weather, 7, 25)
    late = np.where(np.arange(25 * 24) < 8 * 24, np.nan, values["traffic_count"])
    run = fleet_tools.start(CHANNELS, assets=1).feed({**values, "traffic_count": late})
    assert not run.state.hours_values.any()
    assert run.state.count[0] == run.catalogue.commission_count[run.catalogue.judged[0]]


def test_a_week_that_lacks_an_hour_for_long_begins_nothing_anew(fleet_tools: Any) -> None:
    """A counter that is out each night until damage has grown would have made that normal."""
    values = road(fleet_tools.weather, 7, 30)
    hours = np.arange(30 * 24)
    counted = np.where((hours % 24 < 3) & (hours < 22 * 24), np.nan, values["traffic_count"])
    vibration = np.where(
        hours % 24 < 3, np.where(hours < 22 * 24, np.nan, values["vibration_rms"]), values["vibration_rms"]
    )
    run = fleet_tools.start(CHANNELS, assets=1).feed({**values, "traffic_count": counted, "vibration_rms": vibration})
    assert run.state.hours_use[0] == -1
    assert run.state.count[0] == run.catalogue.commission_count[run.catalogue.judged[0]]


def test_where_cars_say_what_shakes_there_is_no_course(fleet_tools: Any) -> None:
    """Noise makes hours differ by less than a tenth of the way: the level is to the bit what it was without hours."""
    values = road(fleet_tools.weather, 8, 12)
    rng = np.random.default_rng(8)
    shaken = 0.4 * np.log(values["traffic_count"] / 300.0) + rng.normal(scale=0.2, size=12 * 24)
    run = fleet_tools.start(CHANNELS, assets=1).feed({**values, "vibration_rms": 0.8 * np.exp(shaken)})
    assert run.state.hours_use[0] == -1
    assert run.state.count[0] == run.catalogue.commission_count[run.catalogue.judged[0]]
    without = fleet_tools.start(CHANNELS, assets=1)
    without.state.hours_use[:] = -1
    without.feed({**values, "vibration_rms": 0.8 * np.exp(shaken)})
    np.testing.assert_array_equal(run.state.coefficients, without.state.coefficients)
    np.testing.assert_array_equal(run.state.deviation, without.state.deviation)


def test_what_is_asked_every_few_hours_has_no_course() -> None:
    register, numbers = make_register(CHANNELS)
    seldom = tuple(replace(channel, interval_s=6 * 3600.0) for channel in register.channels)
    assert compile_catalogue(register, numbers).has_own_hours.sum() == 1
    assert compile_catalogue(replace(register, channels=seldom), numbers).has_own_hours.sum() == 0


def test_a_machine_shakes_by_its_own_work() -> None:
    sensors = {"vibration_rms": "drive", "cycles": "drive"}
    register, numbers = make_register(["vibration_rms", "cycles", "traffic_count"], sensors=sensors)
    assert compile_catalogue(register, numbers).has_own_hours.sum() == 0
