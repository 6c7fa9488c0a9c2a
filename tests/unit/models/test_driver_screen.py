"""A thermometer that changes its unit is found before it explains anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from domain.measurements import DataQuality
from domain.register import AssetType
from models.catalogue import HOUR_NS
from models.grades import QUALITIES, channel_grades
from tests.unit.models.conftest import START_NS

HEALTHY, HOURS = 6 * 24, 10 * 24
NAMES = ["natural_frequency_1", "natural_frequency_2", "temperature", "humidity"]


def bridge(start_run: Callable[..., Any], make_weather: Callable[..., Any], name: str, change: Any) -> Any:
    rng = np.random.default_rng(31)
    weather = make_weather(rng, HOURS // 24, start_day=60)
    values = {"temperature": weather.air, "humidity": weather.humidity}
    for channel, base_hz in (("natural_frequency_1", 3.0), ("natural_frequency_2", 4.4)):
        noise = rng.normal(scale=0.002, size=HOURS)
        values[channel] = base_hz * np.exp(-0.01 * (weather.inside - 10.0) / 10.0 + noise)
    values[name] = values[name].copy()
    values[name][HEALTHY:] = change(values[name][HEALTHY:])
    return start_run(NAMES).feed(values)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "change", "factor"),
    [
        ("temperature", lambda values: 1.8 * values + 32.0, 1.8),
        ("temperature", lambda values: values + 273.15, 1.0),
        ("humidity", lambda values: values / 100.0, 0.01),
    ],
)
def test_a_mistaken_unit_is_named_and_taken_back(
    start_run: Any, make_weather: Any, name: str, change: Any, factor: float
) -> None:
    sound = bridge(start_run, make_weather, name, lambda values: values)
    run = bridge(start_run, make_weather, name, change)
    assert [(row.kind, row.subject) for row in run.changes] == [("sensor.units", f"s-{name}/{name}")]
    assert run.changes[0].reasons[0].facts["factor"] == pytest.approx(factor)
    assert run.state.deviation == pytest.approx(sound.state.deviation, abs=1e-9)


@pytest.mark.slow
def test_a_mistake_that_ends_is_cleared(start_run: Any, make_weather: Any) -> None:
    def ends(values: Any) -> Any:
        return np.where(np.arange(len(values)) < 40, 1.8 * values + 32.0, values)

    run = bridge(start_run, make_weather, "temperature", ends)
    assert [(row.kind, row.raised) for row in run.changes] == [("sensor.units", True), ("sensor.units", False)]


def test_a_turned_sign_is_named_and_turned_back_for_as_long_as_it_lasts(start_run: Any) -> None:
    """Believed, -23 degrees in July took a gate to its failure, and what came behind it was Fahrenheit for good."""
    hour = np.arange(HOURS)
    right = 16.0 + 7.0 * np.sin((hour - 9) * 2 * np.pi / 24)
    turned = (hour >= HEALTHY + 15) & (hour < HEALTHY + 70)
    frequency = 3.0 * np.exp(np.random.default_rng(35).normal(scale=0.002, size=HOURS))
    names = ["natural_frequency_1", "temperature"]
    values = {"natural_frequency_1": frequency, "temperature": np.where(turned, -right, right)}
    run, sound = start_run(names).feed(values), start_run(names).feed({**values, "temperature": right})
    assert [(row.kind, row.raised) for row in run.changes] == [("sensor.units", True), ("sensor.units", False)]
    assert run.changes[0].reasons[0].code == "sensor_turned"
    # Its first hours are not used.
    assert run.state.deviation == pytest.approx(sound.state.deviation, abs=1e-4 * run.state.distance[0])


@pytest.mark.parametrize("hours", [1, 3])
def test_a_thermometer_back_from_a_wild_value_is_in_its_own_unit(start_run: Any, hours: int) -> None:
    """Just believable at -10 degrees, it came back to 5, which is -15 in Fahrenheit, and stayed there for good."""
    hour = np.arange(HOURS)
    air = 5.0 + 0.3 * np.sin(hour * 2 * np.pi / 24)
    wild = (hour >= HEALTHY) & (hour < HEALTHY + hours)
    air = np.where(wild, air - 14.8, np.where(hour == HEALTHY + hours, air + 0.7, air))
    frequency = 3.0 * np.exp(np.random.default_rng(35).normal(scale=0.002, size=HOURS))
    run = start_run(["natural_frequency_1", "temperature"]).feed({"natural_frequency_1": frequency, "temperature": air})
    assert run.kinds() == []
    assert run.state.driver_ns.max() == run.now_ns


def test_a_jump_that_no_unit_explains_waits_for_a_day(start_run: Any, make_weather: Any) -> None:
    run = bridge(start_run, make_weather, "temperature", lambda values: values + 16.0)
    assert run.kinds() == []
    # Used again: the driver's newest value is the last hour's.
    assert run.state.driver_ns.max() == run.now_ns


def test_a_cold_front_is_no_fault(start_run: Any, make_weather: Any) -> None:
    front = np.concatenate([np.linspace(0.0, -14.0, 4), np.full(HOURS - HEALTHY - 4, -14.0)])
    assert bridge(start_run, make_weather, "temperature", lambda values: values + front).kinds() == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("temperature", -9999.0), ("humidity", 1100.0), ("traffic_count", 3e5), ("traffic_count", -900.0)],
)
def test_what_cannot_be_explains_nothing_and_is_named(start_run: Any, name: str, wrong: float) -> None:
    """A hygrometer at 1,100 % and a counter in thousands were never used, and nobody was told."""
    rng, hour = np.random.default_rng(32), np.arange(HOURS)
    values = {
        "natural_frequency_1": 3.0 * np.exp(rng.normal(scale=0.002, size=HOURS)),
        "temperature": 12.0 + 3.0 * np.sin(hour * 2 * np.pi / 24),
        "humidity": 70.0 + rng.normal(size=HOURS),
        "traffic_count": np.round(200.0 + 20.0 * rng.normal(size=HOURS)),
    }
    broken = (hour >= HEALTHY) & (hour < HEALTHY + 40)
    values[name] = np.where(broken, wrong * 10.0 ** rng.integers(0, 4, HOURS), values[name])
    run = start_run(list(values)).feed({key: column[: HEALTHY + 40] for key, column in values.items()})
    (named,) = run.changes
    assert (named.kind, named.subject, named.raised) == ("sensor.implausible", f"s-{name}/{name}", True)
    assert (named.at_ns - START_NS) / HOUR_NS == HEALTHY + 7
    assert named.reasons[0].code == "sensor_impossible"
    assert named.reasons[0].facts["measured"] / wrong in {1.0, 10.0, 100.0, 1000.0}
    row = [key.channel for key in run.catalogue.channels].index(name)
    assert channel_grades(run.catalogue, run.state, np.array([row])).tolist() == [QUALITIES.index(DataQuality.LOW)]
    assert run.state.driver_ns.max(axis=0)[run.catalogue.driver[row]] == START_NS + HEALTHY * HOUR_NS
    run.feed({key: column[HEALTHY + 40 :] for key, column in values.items()})
    assert [change.raised for change in run.changes] == [True, False]
    assert (run.changes[-1].at_ns - START_NS) / HOUR_NS == HEALTHY + 40 + 25
    assert run.state.driver_ns.max(axis=0)[run.catalogue.driver[row]] == run.now_ns


def test_a_thermometer_that_was_always_impossible_is_believed_as_soon_as_it_is_mended(start_run: Any) -> None:
    """Its first value was taken for good, and for six hours the right ones were odd beside it."""
    rng = np.random.default_rng(33)
    frequency = 3.0 * np.exp(rng.normal(scale=0.002, size=50))
    air = np.where(np.arange(50) < 48, -9999.0, 12.0) + rng.random(50)
    run = start_run(["natural_frequency_1", "temperature"]).feed({"natural_frequency_1": frequency, "temperature": air})
    assert run.kinds() == ["sensor.implausible"]
    assert run.state.driver_ns.max() == run.now_ns


def counted(start_run: Any, name: str, days: int, change: Any) -> Any:
    """A structure whose counter is changed from the fifteenth day on."""
    rng, hour = np.random.default_rng(34), np.arange(days * 24)
    by_day = 0.07 + np.exp(-((((hour % 24) - 13.0) / 5.0) ** 2))
    most = 800.0 if name == "traffic_count" else 4.0
    count = np.round(most * by_day * np.exp(rng.normal(scale=0.1, size=len(hour))))
    values = {
        "natural_frequency_1": 3.0 * np.exp(rng.normal(scale=0.002, size=len(hour))),
        name: np.where(hour < 14 * 24, count, change(count, hour - 14 * 24)),
    }
    return start_run(list(values)).feed(values)


def used_ns(run: Any, name: str) -> int:
    row = [key.channel for key in run.catalogue.channels].index(name)
    return int(run.state.driver_ns.max(axis=0)[run.catalogue.driver[row]])


@pytest.mark.parametrize(
    ("name", "factor", "kinds"),
    [
        ("traffic_count", 9.80665, ["sensor.implausible"]),
        ("traffic_count", 1000.0, ["sensor.implausible"]),
        ("traffic_count", 3.0, []),
        ("traffic_count", 0.1, []),
        ("cycles", 100.0, ["sensor.implausible"]),
        ("cycles", 15.0, []),
    ],
)
def test_a_counter_many_times_its_busiest_hour_is_named_and_explains_nothing(
    start_run: Any, name: str, factor: float, kinds: list[str]
) -> None:
    """What shakes a bridge is explained by traffic: a counter ten times too high made its sound sensor look broken."""
    run = counted(start_run, name, 17, lambda count, _: np.round(count * factor))
    assert [kind for kind in run.kinds() if kind != "sensor.noisy"] == kinds
    if kinds:
        (named,) = [change for change in run.changes if change.kind == "sensor.implausible"]
        assert (named.at_ns - START_NS) / HOUR_NS < 15 * 24
        assert named.reasons[0].code == "sensor_crowded"
        assert named.reasons[0].facts["measured"] > 4.0 * named.reasons[0].facts["busiest"]
        # No value counts, those of the night neither.
        assert used_ns(run, name) <= named.at_ns
    else:
        assert used_ns(run, name) == run.now_ns


def test_a_counter_that_is_right_again_for_a_day_counts_again(start_run: Any) -> None:
    run = counted(start_run, "traffic_count", 21, lambda count, hour: np.where(hour < 72, 1000.0 * count, count))
    assert [change.raised for change in run.changes if change.kind == "sensor.implausible"] == [True, False]
    assert used_ns(run, "traffic_count") == run.now_ns


@pytest.mark.slow
def test_ten_times_the_traffic_for_four_weeks_is_believed(start_run: Any) -> None:
    run = counted(start_run, "traffic_count", 14 + 33, lambda count, _: 10.0 * count)
    changes = [change for change in run.changes if change.kind == "sensor.implausible"]
    assert [change.raised for change in changes] == [True, False]
    assert 28 <= (changes[1].at_ns - changes[0].at_ns) / HOUR_NS / 24 <= 30
    assert used_ns(run, "traffic_count") == run.now_ns


def test_what_a_counter_says_in_its_first_week_is_no_bound_yet(start_run: Any) -> None:
    """A counter that was installed on a Sunday night would be named on Monday morning."""
    rng, hour = np.random.default_rng(35), np.arange(7 * 24)
    frequency = 3.0 * np.exp(rng.normal(scale=0.002, size=len(hour)))
    traffic = np.where(hour < 30, 2.0, 600.0) * np.exp(rng.normal(scale=0.1, size=len(hour)))
    run = start_run(["natural_frequency_1", "traffic_count"])
    assert run.feed({"natural_frequency_1": frequency, "traffic_count": traffic}).kinds() == []


def road(
    start_run: Any, share: Callable[..., Any], *, days: int = 28, is_closed: bool = False, is_true: bool = False
) -> Any:
    """Feed a road that shakes with its traffic, of which the counter says another share from the fifteenth day on.

    What it says is what passes where `is_true`.
    """
    rng, hour = np.random.default_rng(36), np.arange(days * 24)
    traffic = 30.0 + 500.0 * np.exp(-((((hour % 24) - 13.0) / 5.0) ** 2)) * np.exp(
        rng.normal(scale=0.1, size=len(hour))
    )
    changed = hour >= 14 * 24
    passed = np.where(changed & is_closed, 3.0, traffic)
    if is_true:
        passed = np.where(changed, share(hour - 14 * 24), 1.0) * traffic
    values = {
        "vibration_rms": 0.2 * np.sqrt(passed / 300.0) * np.exp(rng.normal(scale=0.08, size=len(hour))),
        "traffic_count": np.round(np.where(changed, share(hour - 14 * 24), 1.0) * traffic),
    }
    return start_run(list(values), kind=AssetType.ROAD).feed(values)


def test_a_counter_that_counts_in_thousands_makes_nothing_look_broken(start_run: Any) -> None:
    """Nothing seemed to pass, so the road shook three times as much as it should: in g, or worn."""
    run = road(start_run, lambda _: 0.001)
    about = [change.subject for change in run.changes if change.raised]
    assert set(about) <= {"s-traffic_count/traffic_count"}
    assert used_ns(run, "traffic_count") == START_NS + 14 * 24 * HOUR_NS
    assert abs(run.state.deviation[0]) < 0.2 * run.state.distance[0]


def test_a_road_that_is_closed_is_sound(start_run: Any) -> None:
    run = road(start_run, lambda _: 0.0, is_closed=True)
    assert [kind for kind in run.kinds() if kind.startswith("condition")] == []
    assert run.state.deviation[0] < 0.2 * run.state.distance[0]


@pytest.mark.slow
def test_a_calm_night_is_no_empty_one_and_hours_like_any_count_at_once(start_run: Any) -> None:
    run = road(start_run, lambda hour: np.where(hour % 24 < 5, 0.5, 1.0))
    assert used_ns(run, "traffic_count") == run.now_ns
    run = road(start_run, lambda hour: np.where(hour < 72, 0.0, 1.0))
    assert used_ns(run, "traffic_count") == run.now_ns


@pytest.mark.slow
def test_a_road_with_a_tenth_of_its_traffic_for_weeks_has_a_new_calmest_hour(start_run: Any) -> None:
    run = road(start_run, lambda _: 0.1, days=14 + 28, is_true=True)
    assert used_ns(run, "traffic_count") == run.now_ns
    assert run.kinds() == []


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 2.5])
def test_a_counter_that_the_road_does_not_bear_out_explains_nothing_and_is_named(start_run: Any, share: float) -> None:
    """A third of the lanes were dead: the road shook as ever, and was half of the way to failure a week later."""
    run = road(start_run, lambda _: share, days=14 + 14)
    assert run.kinds() == ["sensor.miscounting"]
    change = run.changes[-1]
    assert (change.at_ns - START_NS) / HOUR_NS <= 16.5 * 24
    assert change.reasons[0].facts["times"] == pytest.approx(share, rel=0.35)
    assert np.max(np.abs(run.state.deviation / run.state.distance)) < 0.15


@pytest.mark.slow
def test_a_counter_that_counts_right_again_is_believed_again(start_run: Any) -> None:
    run = road(start_run, lambda hour: np.where(hour < 5 * 24, 0.3, 1.0), days=14 + 14)
    assert [(change.kind, change.raised) for change in run.changes] == [
        ("sensor.miscounting", True),
        ("sensor.miscounting", False),
    ]
    assert used_ns(run, "traffic_count") == run.now_ns


@pytest.mark.slow
def test_while_nobody_counts_what_is_usual_passes(start_run: Any) -> None:
    """A silent counter might have meant a road at rest, so that nothing about it was known until it spoke again."""
    run = road(start_run, lambda _: np.nan, days=14 + 14)
    assert run.kinds() == ["data.silent"]
    assert np.max(np.abs(run.state.deviation / run.state.distance)) < 0.1
    heard = road(start_run, lambda _: 1.0, days=14 + 14)
    assert run.state.residual_sd[0] < 5.0 * heard.state.residual_sd[0]


@pytest.mark.slow
def test_a_storm_on_a_holiday_is_no_counter_that_lies(start_run: Any) -> None:
    """The wind shook five bridges as usual traffic does, on the first of January: all five counters were named."""
    rng, hour = np.random.default_rng(38), np.arange(28 * 24)
    traffic = 30.0 + 500.0 * np.exp(-((((hour % 24) - 13.0) / 5.0) ** 2)) * np.exp(
        rng.normal(scale=0.1, size=len(hour))
    )
    calm = (hour >= 20 * 24) & (hour < 21 * 24)
    shaken = 0.2 * np.sqrt(traffic / 300.0) * np.exp(rng.normal(scale=0.08, size=len(hour)))
    values = {"vibration_rms": shaken, "traffic_count": np.round(np.where(calm, 0.3, 1.0) * traffic)}
    assert start_run(list(values), kind=AssetType.BRIDGE).feed(values).kinds() == []
