"""Noise and spikes are told from how a channel's values follow each other, on every kind of channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.register import AssetType
from models.catalogue import HOUR_NS
from models.compiling import compile_catalogue
from models.memory import with_columns
from tests.unit.models.conftest import START_NS, make_register, weather_of

QUIET_DAYS, DAYS = 8, 15
HOURS = DAYS * 24
FROM = QUIET_DAYS * 24
NAMES = ["vibration_rms", "natural_frequency_1", "temperature", "humidity", "traffic_count"]


def two_weeks(**changed: Callable[[Any, Any], Any]) -> dict[str, FloatArray]:
    """Two weeks of a bridge and its weather; from the ninth day on a channel is changed."""
    rng = np.random.default_rng(23)
    weather = weather_of(rng, DAYS, start_day=120)
    values = {
        "vibration_rms": 0.3 * np.sqrt(weather.traffic / 300.0) * np.exp(rng.normal(scale=0.08, size=HOURS)),
        "natural_frequency_1": 3.0 * np.exp(rng.normal(scale=0.002, size=HOURS)),
        "temperature": weather.air + rng.normal(scale=0.15, size=HOURS),
        "humidity": weather.humidity,
        "traffic_count": np.round(weather.traffic),
    }
    for name, change in changed.items():
        values[name][FROM:] = change(values[name][FROM:], rng)
    return values


@pytest.fixture(scope="module")
def quiet(fleet_tools: Any) -> Any:
    """The bridge after its days before any change."""
    run = fleet_tools.run(compile_catalogue(*make_register(NAMES)))
    return run.feed({name: column[:FROM] for name, column in two_weeks().items()})


def site(quiet: Any, **changed: Callable[[Any, Any], Any]) -> Any:
    return quiet.branch().feed({name: column[FROM:] for name, column in two_weeks(**changed).items()})


def subjects(run: Any) -> list[tuple[str, str]]:
    return [(change.kind, change.subject) for change in run.changes if change.raised]


def test_a_sound_site_is_neither_noisy_nor_spiky(quiet: Any) -> None:
    assert subjects(site(quiet)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("vibration_rms", lambda values, rng: values * np.exp(rng.normal(scale=0.6, size=len(values)))),
        ("natural_frequency_1", lambda values, rng: values * np.exp(rng.normal(scale=0.01, size=len(values)))),
        ("temperature", lambda values, rng: values + rng.normal(scale=2.0, size=len(values))),
    ],
)
def test_noise_is_named_and_does_not_count(quiet: Any, name: str, noise: Any) -> None:
    run = site(quiet, **{name: noise})
    assert subjects(run) == [("sensor.noisy", f"s-{name}/{name}")]
    assert run.state.raised_ns.max() == 0


def test_what_has_shown_damage_is_not_noisy_but_rattles(quiet: Any) -> None:
    """A loose joint was alarmed, and three months later its sensor, which was sound, was named noisy."""

    def rattles(values: Any, rng: Any) -> Any:
        return values * np.exp(rng.normal(scale=0.6, size=len(values)))

    assert subjects(site(quiet, vibration_rms=rattles)) == [("sensor.noisy", "s-vibration_rms/vibration_rms")]
    alarmed = quiet.branch()
    alarmed.state = with_columns(alarmed.state, raised_ns=np.full_like(alarmed.state.raised_ns, alarmed.now_ns))
    assert subjects(site(alarmed, vibration_rms=rattles)) == []
    # What explains is no witness of damage.
    noisy = site(alarmed, temperature=lambda values, rng: values + rng.normal(scale=3.0, size=len(values)))
    assert ("sensor.noisy", "s-temperature/temperature") in subjects(noisy)


@pytest.mark.parametrize(("times", "is_noisy"), [(4.0, False), (40.0, True)])
def test_what_is_no_vibration_hardly_rattles(start_run: Callable[..., Any], times: float, *, is_noisy: bool) -> None:
    """An anchor that had moved was alarmed for months, and noise of sixty times the usual had no name in them."""
    rng = np.random.default_rng(8)
    run = start_run(["strain"], kind=AssetType.QUAY).feed({"strain": 20.0 + rng.normal(size=FROM)})
    run.state = with_columns(run.state, raised_ns=np.full_like(run.state.raised_ns, run.now_ns))
    run.feed({"strain": 20.0 + times * rng.normal(size=5 * 24)})
    assert (("sensor.noisy", "s-strain/strain") in subjects(run)) == is_noisy


def test_noise_that_ends_is_cleared(quiet: Any) -> None:
    def ends(values: Any, rng: Any) -> Any:
        noise = np.exp(rng.normal(scale=0.6, size=len(values)))
        return np.where(np.arange(len(values)) < 60, values * noise, values)

    run = site(quiet, vibration_rms=ends)
    assert [(change.kind, change.raised) for change in run.changes] == [("sensor.noisy", True), ("sensor.noisy", False)]


@pytest.mark.slow
def test_what_is_rough_in_each_storm_is_told_a_few_times_and_noise_is_named_even_then(
    start_run: Callable[..., Any],
) -> None:
    """A slender viaduct was named noisy in each storm, 23 times in two years."""
    rng = np.random.default_rng(41)
    hours = 180 * 24
    storms = (np.arange(hours) // 24) % 12 >= 10
    run = start_run(["vibration_rms"])
    run.feed({"vibration_rms": np.exp(0.05 * np.where(storms, 2.6, 1.0) * rng.normal(size=hours))})
    raised = [change.at_ns for change in run.changes if change.raised and change.kind == "sensor.noisy"]
    assert 1 <= len(raised) <= 4
    assert max(raised) < START_NS + 60 * 24 * HOUR_NS
    run.changes.clear()
    run.feed({"vibration_rms": np.exp(0.5 * rng.normal(size=3 * 24))})
    assert subjects(run) == [("sensor.noisy", "s-vibration_rms/vibration_rms")]


@pytest.mark.slow
def test_a_rack_shakes_as_its_bridge_opens(start_run: Callable[..., Any]) -> None:
    """In weeks of many openings it was noisy every second day; what it does between them still counts."""
    rng = np.random.default_rng(42)
    days = 60
    share = np.repeat(np.where(np.arange(days) < 20, 0.04, 0.3), 24)
    cycles = (rng.random(days * 24) < share).astype(float)
    shakes = np.exp(rng.normal(scale=0.04, size=days * 24)) * np.where(cycles > 0, 0.8, 0.35)
    run = start_run(["vibration_rms", "cycles"])
    run.feed({"vibration_rms": shakes, "cycles": cycles})
    assert not [change for change in run.changes if change.subject == "s-vibration_rms/vibration_rms"]
    run.feed({"vibration_rms": shakes[-72:] * np.exp(0.5 * rng.normal(size=72)), "cycles": cycles[-72:]})
    assert subjects(run) == [("sensor.noisy", "s-vibration_rms/vibration_rms")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("vibration_rms", 3.0), ("natural_frequency_1", 0.1), ("temperature", 9.0)])
def test_spikes_are_named_and_are_not_noise(quiet: Any, name: str, size: float) -> None:
    run = site(quiet, **{name: lambda values, _: values + size * (np.arange(len(values)) % 23 == 5)})
    assert subjects(run) == [("sensor.spikes", f"s-{name}/{name}")]
    raised = next(change for change in run.changes if change.raised)
    assert raised.reasons[0].facts["spikes"] == 3


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_frequency_of_nought_is_a_spike_and_its_neighbours_go_on_to_count(quiet: Any, value: float) -> None:
    """No logarithm has it, so that it was passed over without a word, one hour in two as well."""
    run = site(quiet, natural_frequency_1=lambda values, _: np.where(np.arange(len(values)) % 5 == 3, value, values))
    assert subjects(run) == [("sensor.spikes", "s-natural_frequency_1/natural_frequency_1")]
    (raised,) = [change for change in run.changes if change.raised]
    assert (raised.at_ns - START_NS) // HOUR_NS == FROM + 3 * 5 + 4


def test_days_of_spikes_are_over_two_weeks_after_the_last(quiet: Any) -> None:
    """They were counted without end: thirty days of them stood for another two months."""
    values = two_weeks()
    day = {name: column[FROM : FROM + 24] for name, column in values.items()}
    values["natural_frequency_1"] = np.zeros(HOURS)
    run = quiet.branch().feed({name: column[FROM : FROM + 72] for name, column in values.items()})
    assert run.kinds() == ["sensor.spikes", "sensor.stuck"]
    for _ in range(15):
        run.feed(day)
    (over,) = [change for change in run.changes if change.kind == "sensor.spikes" and not change.raised]
    # The last that counted was that of the second day: then it was stuck.
    assert (over.at_ns - START_NS) // HOUR_NS - FROM - 48 == pytest.approx(14.5 * 24, abs=12)


@pytest.mark.slow
def test_spikes_that_came_and_went_take_more_of_them_the_next_time(quiet: Any) -> None:
    """A frequency that was taken for its neighbour's now and then raised two alarms a year."""
    values = two_weeks()
    day = {name: column[FROM : FROM + 24] for name, column in values.items()}

    def day_with(noughts: int) -> dict[str, FloatArray]:
        wild = day["natural_frequency_1"].copy()
        wild[5 : 5 + 3 * noughts : 3] = 0.0
        return {**day, "natural_frequency_1": wild}

    run = quiet.branch()
    for noughts in (4, *(0,) * 16, 4, *(0,) * 16, 4, *(0,) * 16, 5):
        run.feed(day_with(noughts))
    days = [((change.at_ns - START_NS) // HOUR_NS - FROM) // 24 for change in run.changes if change.raised]
    assert days == [0, 17, 51]


@pytest.mark.slow
def test_a_counter_that_fails_makes_no_vibration_noisy(quiet: Any) -> None:
    """What explained the vibration was gone for hours at a time, and what it left unexplained passed for noise."""
    run = site(
        quiet,
        traffic_count=lambda values, rng: np.where(rng.random(len(values)) < 0.6, np.nan, values),
    )
    assert [kind for kind, subject in subjects(run) if "vibration" in subject] == []


def spring(fleet_tools: Any, *, every_h: int, noise_k: float = 0.15, noise: float = 0.002) -> Any:
    """A bridge asked every few hours from January to July; noise on its thermometer or frequency from May on."""
    rng = np.random.default_rng(29)
    days = 200
    weather = weather_of(rng, days, start_day=10)
    late = np.arange(days * 24) >= 120 * 24
    asked = np.where(np.arange(days * 24) % every_h == 0, 1.0, np.nan)
    stiffness = np.exp(rng.normal(size=days * 24) * np.where(late, noise, 0.002) - 0.002 * (weather.air - 10.0))
    values = {
        "natural_frequency_1": 3.0 * stiffness * asked,
        "temperature": (weather.air + rng.normal(size=days * 24) * np.where(late, noise_k, 0.15)) * asked,
    }
    register, numbers = make_register(list(values))
    seldom = tuple(replace(channel, interval_s=3600.0 * every_h) for channel in register.channels)
    return fleet_tools.run(compile_catalogue(replace(register, channels=seldom), numbers)).feed(values)


@pytest.mark.slow
@pytest.mark.parametrize("every_h", [1, 3, 6, 12, 24])
def test_days_that_grow_warmer_are_no_noise_however_seldom_it_is_asked(fleet_tools: Any, every_h: int) -> None:
    assert subjects(spring(fleet_tools, every_h=every_h)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("every_h", "noise_k", "noise"), [(3, 8.0, 0.015), (6, 25.0, 0.05)])
def test_noise_is_named_where_it_is_asked_every_few_hours(
    fleet_tools: Any, every_h: int, noise_k: float, noise: float
) -> None:
    told = subjects(spring(fleet_tools, every_h=every_h, noise_k=noise_k))
    assert ("sensor.noisy", "s-temperature/temperature") in told
    told = subjects(spring(fleet_tools, every_h=every_h, noise=noise))
    assert told == [("sensor.noisy", "s-natural_frequency_1/natural_frequency_1")]


def test_a_level_on_the_move_is_no_noise(quiet: Any) -> None:
    run = site(quiet, natural_frequency_1=lambda values, _: values * np.linspace(1.0, 0.93, len(values)))
    assert not [kind for kind, _ in subjects(run) if kind.startswith("sensor.")]


@pytest.mark.parametrize("name", ["temperature", "humidity", "vibration_rms", "natural_frequency_1"])
def test_a_wild_value_every_night_is_told_as_spikes(quiet: Any, name: str) -> None:
    """A gateway that starts anew says -999 once: what cannot be was passed over, and nobody was told."""
    run = site(quiet, **{name: lambda values, _: np.where(np.arange(len(values)) % 24 == 3, -999.0, values)})
    assert subjects(run) == [("sensor.spikes", f"s-{name}/{name}")]
    # They are over two weeks later, also where bursts are no spikes.
    day = {key: column[FROM : FROM + 24] for key, column in two_weeks().items()}
    for _ in range(16):
        run.feed(day)
    assert [change.raised for change in run.changes if change.kind == "sensor.spikes"] == [True, False]


def test_one_loss_of_a_thermometer_is_no_spikes_beside_it(quiet: Any) -> None:
    run = site(quiet, temperature=lambda values, _: np.where(np.arange(len(values)) < 40, -999.0, values))
    assert subjects(run) == [("sensor.implausible", "s-temperature/temperature")]


def test_a_hygrometer_that_comes_to_say_more_than_can_be_has_no_spikes(quiet: Any) -> None:
    """Of every night, when it passed the end for an hour or two, one was counted."""
    run = site(quiet, humidity=lambda values, _: np.where(np.arange(len(values)) % 24 < 2, 113.0, values))
    assert run.kinds() == []


def hours_of_a_lock(days: int) -> dict[str, FloatArray]:
    rng = np.random.default_rng(31)
    air = 8.0 + 4.0 * np.sin(np.arange(days * 24) * 2 * np.pi / 24) + rng.normal(scale=0.3, size=days * 24)
    motor = 0.7 * air + 12.0 + rng.normal(scale=1.5, size=days * 24)
    return {"motor_temperature": motor, "temperature": air}


@pytest.mark.slow
def test_what_was_deaf_for_weeks_is_not_noisy_once_it_is_mended(start_run: Callable[..., Any]) -> None:
    """The quiet was learnt within ten days and its end told as noise for a month and more."""
    values = hours_of_a_lock(60)
    deaf = slice(32 * 24, 52 * 24)
    values["motor_temperature"][deaf] *= 0.001
    run = start_run(["motor_temperature", "temperature"], kind=AssetType.LOCK).feed(values)
    assert run.kinds() == []


def test_what_is_in_another_unit_is_not_noisy_as_well(start_run: Callable[..., Any]) -> None:
    """A thousand times the value is a thousand times the scatter: it was named twice, and held back though repaired."""
    values = hours_of_a_lock(18)
    values["motor_temperature"][12 * 24 : 16 * 24] *= 1000.0
    run = start_run(["motor_temperature", "temperature"], kind=AssetType.LOCK).feed(values)
    assert [(change.kind, change.raised) for change in run.changes] == [("sensor.units", True), ("sensor.units", False)]


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.1, 1.0])
def test_a_drive_is_watched_while_it_works(start_run: Callable[..., Any], noise: float) -> None:
    """It opens twice a day in winter and every other hour in summer, and hums at rest; its gauge gets noisy or not."""
    rng = np.random.default_rng(11)
    hours = np.arange(60 * 24)
    opens = np.where(hours < 40 * 24, np.isin(hours % 24, (10, 15)), (hours % 24 > 5) & (hours % 2 == 0))
    scatter = np.where(hours < 45 * 24, 0.1, noise)
    run = start_run(["vibration_rms", "cycles", "temperature"], sensors={"vibration_rms": "drive", "cycles": "drive"})
    run.feed(
        {
            "vibration_rms": np.where(opens, 2.0, 0.1) * np.exp(scatter * rng.normal(size=len(hours))),
            "cycles": np.where(opens, 1.0 + rng.integers(0, 3, len(hours)), 0.0),
            "temperature": 8.0 + 3.0 * np.sin(hours * 2 * np.pi / 24),
        }
    )
    assert [row[1] for row in run.told("sensor.noisy")] == ([True] if noise > 0.5 else [])


@pytest.mark.slow
@pytest.mark.parametrize("rubs", [True, False])
def test_a_motor_that_heats_up_with_each_opening_is_not_noisy(start_run: Callable[..., Any], *, rubs: bool) -> None:
    """A drive that rubbed was named noisy, and failed without an alarm of the condition."""
    rng, day = np.random.default_rng(12), np.arange(60 * 24) / 24
    course = np.sin((day - 0.4) * 2 * np.pi)
    opens = (course > 0.0) * rng.integers(0, 2, len(day))
    warmer = 1.0 + 6.0 * np.clip((day - 40.0) / 15.0, 0.0, None) * rubs
    scatter = np.where((day > 40.0) & (not rubs), 8.0, 0.6)
    air = 10.0 + 3.0 * course
    motor = air + (4.0 + 2.0 * opens) * warmer + scatter * rng.normal(size=len(day))
    run = start_run(["motor_temperature", "temperature"], kind=AssetType.LOCK)
    run.feed({"motor_temperature": motor, "temperature": air})
    assert run.kinds() == (["condition.drive_wear"] if rubs else ["sensor.noisy"])
