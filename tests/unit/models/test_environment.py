"""What carries each driver, and what is known of it while that is not heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.register import AssetType
from models.catalogue import HOUR_NS
from models.compiling import compile_catalogue
from models.drivers import DRIVERS
from models.environment import climate_ns, update_environment
from models.explanation import temperature_of
from models.layout import REGRESSORS
from models.state import initial_state, put_state, state_digest, take_state
from models.warmth import warmth_of

DECK, LOAD = DRIVERS.index("deck"), DRIVERS.index("load")
SILENT = np.nan
START_NS = 472_224 * HOUR_NS


def deck_of(run: Any) -> tuple[float, float]:
    """Give the deck temperature that explains, and how many hours ago it was heard."""
    return float(run.state.driver_value[0, DECK]), float((run.now_ns - run.state.driver_ns[0, DECK]) / HOUR_NS)


def hours_of(**values: list[float]) -> dict[str, Any]:
    return {name: np.array(row) for name, row in values.items()}


def test_a_surface_and_its_base_have_no_mean(start_run: Callable[..., Any]) -> None:
    """In summer they are ten kelvins apart, and the mean jumped by five whenever one of them was not heard."""
    run = start_run(["surface_temperature", "base_temperature", "vibration_rms"], kind=AssetType.ROAD)
    heard = []
    for base in (20.0, SILENT, 20.0, SILENT, SILENT, 20.0):
        run.feed(hours_of(surface_temperature=[30.0], base_temperature=[base]))
        heard.append(deck_of(run))
    assert heard == [(30.0, 0.0)] * 6


def test_a_base_does_not_stand_in_for_a_surface_that_is_silent(start_run: Callable[..., Any]) -> None:
    run = start_run(["surface_temperature", "base_temperature", "vibration_rms"], kind=AssetType.ROAD)
    run.feed(hours_of(surface_temperature=[30.0, 31.0], base_temperature=[20.0, 20.1]))
    run.feed(hours_of(surface_temperature=[SILENT] * 30, base_temperature=(20.2 + 0.1 * np.arange(30)).tolist()))
    assert deck_of(run) == (31.0, 30.0)
    # It is told as lost, and no number of another thermometer is shown in its place.
    assert (run.now_ns - climate_ns(run.state)).tolist() == [30 * HOUR_NS]
    assert np.isnan(temperature_of(run.state, slice(None), run.now_ns)).all()
    run.feed(hours_of(surface_temperature=[28.0], base_temperature=[SILENT]))
    assert deck_of(run) == (28.0, 0.0)


@pytest.mark.parametrize(
    ("names", "carrier"),
    [
        (["base_temperature"], "base_temperature"),
        (["base_temperature", "surface_temperature"], "surface_temperature"),
        (["base_temperature", "deck_temperature", "surface_temperature"], "deck_temperature"),
        (["base_temperature", "deck_temperature"], "deck_temperature"),
    ],
)
def test_the_deck_then_the_surface_then_the_base_explain(
    start_run: Callable[..., Any], names: list[str], carrier: str
) -> None:
    values = {"base_temperature": 11.0, "surface_temperature": 22.0, "deck_temperature": 33.0}
    run = start_run([*names, "vibration_rms"], kind=AssetType.ROAD)
    run.feed(hours_of(**{name: [values[name]] for name in names}))
    assert deck_of(run) == (values[carrier], 0.0)


def test_what_was_never_heard_keeps_nobody_from_explaining(start_run: Callable[..., Any]) -> None:
    """A register may name a sensor that is not there yet, or that sends a number for no value."""
    run = start_run(["surface_temperature", "base_temperature", "vibration_rms"], kind=AssetType.ROAD)
    run.feed(hours_of(surface_temperature=[SILENT, -9999.0], base_temperature=[20.0, 20.1]))
    assert deck_of(run) == (20.1, 0.0)
    # From a number that cannot be to one that can is a day's way (`models.driver_screen`).
    warm = 30.0 + 0.1 * np.arange(26)
    run.feed(hours_of(surface_temperature=warm.tolist(), base_temperature=(warm - 10.0).tolist()))
    assert deck_of(run) == (warm[-1], 0.0)
    run.feed(hours_of(surface_temperature=[SILENT], base_temperature=[22.0]))
    assert deck_of(run) == (warm[-1], 1.0)


def test_thermometers_of_one_kind_are_averaged(registers: Callable[..., Any], fleet_tools: Any) -> None:
    register, numbers = registers(["deck_temperature", "vibration_rms"])
    second = replace(register.channels[0], sensor="s-second")
    catalogue = compile_catalogue(replace(register, channels=(*register.channels, second)), numbers | {second.key: 1})
    run = fleet_tools.run(catalogue)
    run.feed(hours_of(deck_temperature=[10.0]))
    assert deck_of(run) == (10.0, 0.0)
    assert run.state.has_explained.tolist() == [key.channel == "deck_temperature" for key in catalogue.channels]


def test_an_air_that_is_silent_is_not_shown_as_the_deck(start_run: Callable[..., Any]) -> None:
    run = start_run(["temperature", "deck_temperature", "vibration_rms"])
    run.feed(hours_of(temperature=[10.0], deck_temperature=[18.0]))
    assert temperature_of(run.state, 0, run.now_ns) == 10.0
    run.feed(hours_of(temperature=[SILENT] * 25, deck_temperature=(18.0 + 0.1 * np.arange(25)).tolist()))
    assert np.isnan(temperature_of(run.state, 0, run.now_ns))
    assert climate_ns(run.state, 0) == run.now_ns - 25 * HOUR_NS


@pytest.mark.parametrize(
    ("vehicles", "load"),
    [([400.0, SILENT, 300.0], [400.0, 400.0, 300.0]), ([SILENT, SILENT, 300.0], [2.0, 2.0, 300.0])],
)
def test_cycles_are_the_load_where_no_vehicles_were_ever_counted(
    start_run: Callable[..., Any], vehicles: list[float], load: list[float]
) -> None:
    run = start_run(["cycles", "motor_temperature", "traffic_count"])
    found = []
    for count in vehicles:
        run.feed(hours_of(cycles=[2.0], traffic_count=[count]))
        found.append(float(run.state.driver_value[0, LOAD]))
    assert found == load


def test_roads_side_by_side_are_explained_as_each_by_itself(registers: Callable[..., Any], fleet_tools: Any) -> None:
    """What is heard comes and goes, in an order of its own on each road."""
    names = ["surface_temperature", "base_temperature", "vibration_rms"]
    catalogue = compile_catalogue(*registers(names, assets=3, kind=AssetType.ROAD))
    rng = np.random.default_rng(5)
    values = np.abs(rng.normal(15.0, 4.0, size=(40, len(catalogue.channels))))
    valid = rng.random(values.shape) < 0.4
    together, apart = initial_state(catalogue), initial_state(catalogue)
    for hour, (value, is_valid) in enumerate(zip(values, valid, strict=True)):
        start_ns = START_NS + hour * HOUR_NS
        together, _, _ = fleet_tools.step(catalogue, together, fleet_tools.hop(catalogue, value, is_valid, start_ns))
        for road in np.arange(3, dtype=np.int32)[:, np.newaxis]:
            alone, rows = catalogue.take(road), catalogue.asset_of_channel == road
            table = fleet_tools.hop(alone, value[rows], is_valid[rows], start_ns)
            state, _, _ = fleet_tools.step(alone, take_state(catalogue, apart, road), table)
            put_state(catalogue, apart, road, state)
    assert len(set(together.driver_ns[:, DECK].tolist())) > 1
    assert state_digest(catalogue, apart) == state_digest(catalogue, together)


def summer(rng: np.random.Generator, weather: Any) -> dict[str, Any]:
    """Give a sound road whose asphalt softens in the sun, with a base that is cooler and smoother."""
    hours = np.arange(len(weather.air))
    surface = weather.air + 12.0 * np.maximum(np.sin(2 * np.pi * (hours % 24 - 8) / 24), 0.0)
    return {
        "surface_temperature": surface + rng.normal(scale=0.3, size=len(hours)),
        "base_temperature": 14.0 + 0.3 * (weather.inside - 14.0) + rng.normal(scale=0.1, size=len(hours)),
        "vibration_rms": 0.2 * np.exp(0.01 * (surface - 10.0) + rng.normal(scale=0.05, size=len(hours))),
    }


def by_day(hours: Any) -> Any:
    """Tell in which hours a transmitter that gets too hot is silent."""
    return np.abs(hours % 24 - 14) <= 4


@pytest.mark.slow
def test_a_base_that_comes_and_goes_moves_no_bit_of_an_indicator(
    start_run: Callable[..., Any], make_weather: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(7)
    values = summer(rng, make_weather(rng, 12, start_day=150))
    heard = start_run(list(values), kind=AssetType.ROAD).feed(values)
    hours = np.arange(12 * 24)
    values["base_temperature"] = np.where((hours > 200) & by_day(hours), SILENT, values["base_temperature"])
    lost = start_run(list(values), kind=AssetType.ROAD).feed(values)
    for name in ("deviation", "deviation_sd", "coefficients", "covariance", "residual", "evidence"):
        assert getattr(lost.state, name).tobytes() == getattr(heard.state, name).tobytes(), name


@pytest.mark.slow
def test_a_surface_that_comes_and_goes_does_not_make_a_sound_road_look_harmed(
    start_run: Callable[..., Any], make_weather: Callable[..., Any]
) -> None:
    """The mean fell to the base in such hours, and took the road 0.062 of the way to failure."""
    rng = np.random.default_rng(7)
    values = summer(rng, make_weather(rng, 45, start_day=150))
    hours = np.arange(45 * 24)
    lost = (hours >= 30 * 24) & by_day(hours)
    # With a counter, so that the course of the day is not taken for that of traffic.
    values["traffic_count"] = np.round(300.0 * np.exp(rng.normal(scale=0.1, size=len(hours))))
    values["surface_temperature"] = np.where(lost, SILENT, values["surface_temperature"])
    run = start_run(list(values), kind=AssetType.ROAD)
    furthest = 0.0
    for day in range(45):
        run.feed({name: value[day * 24 : day * 24 + 24] for name, value in values.items()})
        if day >= 30:
            furthest = max(furthest, float(np.max(np.abs(run.state.deviation / run.state.distance))))
    assert [kind for kind in run.kinds() if kind.startswith("condition")] == []
    assert furthest < 0.05


@pytest.mark.slow
def test_a_lost_thermometer_is_guessed_by_what_it_said_and_not_by_commissioning(
    start_run: Callable[..., Any], make_weather: Callable[..., Any]
) -> None:
    """A motor commissioned in March looked 0.8 of the way to failure in July, ten times further off than its band."""
    rng = np.random.default_rng(2)
    days, lost_days = 118, 14
    weather = make_weather(rng, days, start_day=75)
    motor = 30.0 + 1.2 * weather.air + 2.0 * np.log1p(weather.traffic) + rng.normal(size=days * 24)
    lost = np.arange(days * 24) >= (days - lost_days) * 24
    values = {
        "motor_temperature": motor,
        "temperature": np.where(lost, SILENT, weather.air),
        "traffic_count": weather.traffic,
    }
    run = start_run(list(values), kind=AssetType.LOCK)
    run.feed({name: value[~lost] for name, value in values.items()})
    with_weather = float(run.state.spread[0])
    scores, shares = [], []
    for hour in np.flatnonzero(lost):
        run.feed({name: value[hour : hour + 1] for name, value in values.items()})
        state = run.state
        scores.append(float((state.measured[0] - state.expected[0]) / state.spread[0]))
        shares.append(float(state.deviation[0] / state.distance[0]))
    assert np.sqrt(np.mean(np.square(scores[6:]))) < 1.5
    assert np.max(np.abs(shares)) < 0.4
    # What is not known widens the band, and does not go unsaid.
    assert state.spread[0] > 2.0 * with_weather
    assert [kind for kind in run.kinds() if kind != "data.silent"] == []


@pytest.mark.parametrize(("middle_degc", "may_freeze"), [(20.0, False), (4.0, True)])
def test_a_lost_thermometer_is_guessed_by_its_usual_day_and_not_by_its_last_hour(
    start_run: Callable[..., Any], fleet_tools: Any, middle_degc: float, *, may_freeze: bool
) -> None:
    hours = np.arange(6 * 24 + 15)
    course = 9.0 * np.sin((np.arange(24) - 9) * 2 * np.pi / 24)
    run = start_run(["strain", "temperature"])
    run.feed({"strain": hours * 0.1, "temperature": middle_degc + course[hours % 24]})
    nothing = np.zeros(2, np.bool_)
    for silent_h in (3, 9, 40 * 24):
        features = fleet_tools.hop(run.catalogue, np.zeros(2), nothing, run.now_ns + silent_h * HOUR_NS)
        _, environment = update_environment(run.catalogue, run.state, features, nothing, is_usual=np.ones(1, np.bool_))
        now, day, frost = (REGRESSORS.index(name) for name in ("air_now", "air_lagged", "frost"))
        regressors, stale = environment.regressors[0], environment.stale[0]
        assert stale[[now, day]].tolist() == [silent_h > 6] * 2
        # Within six hours it is that of its last one, the warmest.
        expected_k = course[(hours[-1] + silent_h) % 24] if silent_h > 6 else course[hours[-1] % 24]
        assert warmth_of(middle_degc + expected_k) == pytest.approx(regressors[now], abs=0.2 if silent_h > 6 else 1e-9)
        assert stale[frost] == (silent_h > 6 and (may_freeze or silent_h > 30 * 24))
