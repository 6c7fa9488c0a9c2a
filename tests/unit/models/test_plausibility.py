"""Values that no structure can give are named, repaired where that is certain, and never evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.identifiers import AssetId, SensorId
from domain.register import AssetType, Role, Works
from models.catalogue import HOUR_NS
from models.compiling import compile_catalogue
from models.layout import REGRESSORS
from models.plausibility import FAULTS, may_speak
from tests.lengths import either
from tests.unit.models.conftest import START_NS, make_register

HEALTHY = 12 * 24
DAY_NS = 24 * HOUR_NS


def drive(registers: Callable[..., Any], fleet_tools: Any) -> tuple[Any, dict[str, FloatArray], FloatArray]:
    """A drive whose sensor gives vibration and warmth, after twelve sound days.

    With it what it says in the weeks to come, in g and thirty degrees too warm, and the vibration in its own unit.
    """
    register, numbers = registers(["vibration_rms", "motor_temperature", "temperature"], kind=AssetType.LOCK)
    channels = tuple(
        replace(row, sensor=SensorId("drive")) if row.role is Role.CONDITION else row for row in register.channels
    )
    numbers = {row.key: numbers[old.key] for row, old in zip(channels, register.channels, strict=True)}
    catalogue = compile_catalogue(replace(register, channels=channels), numbers)
    rng = np.random.default_rng(21)
    hours = HEALTHY + 30 * 24
    vibration = 0.5 * np.exp(rng.normal(scale=0.05, size=hours))
    # So noisy that thirty degrees more are no impossible value.
    motor = 15.0 + rng.normal(scale=8.0, size=hours)
    air = 5.0 + rng.normal(scale=0.3, size=hours)
    values = {"vibration_rms": vibration, "motor_temperature": motor, "temperature": air}
    run = fleet_tools.run(catalogue).feed(part(values, 0, HEALTHY))
    motor[HEALTHY:] += 30.0
    own_unit = vibration[HEALTHY:].copy()
    vibration[HEALTHY:] *= 9.80665
    return run, part(values, HEALTHY, hours), own_unit


def part(values: dict[str, FloatArray], begin: int, end: int) -> dict[str, FloatArray]:
    return {name: column[begin:end] for name, column in values.items()}


def motor_deviation(run: Any) -> float:
    row = [key.channel for key in run.catalogue.channels].index("motor_temperature")
    return float(run.state.deviation[run.catalogue.judged.tolist().index(row)])


@pytest.mark.slow
def test_what_a_sensor_says_beside_a_wrong_unit_is_doubted_for_two_weeks(
    registers: Callable[..., Any], fleet_tools: Any
) -> None:
    """A motor too warm, and too noisy for that to be impossible, was an alarm of a worn drive."""
    sound, values, own_unit = drive(registers, fleet_tools)
    run = sound.branch().feed(part(values, 0, 10 * 24))
    assert run.kinds() == ["sensor.units"]
    assert motor_deviation(run) < 10.0
    motor_only = part({**values, "vibration_rms": own_unit}, 0, 10 * 24)
    assert motor_deviation(sound.branch().feed(motor_only)) > 15.0
    run.feed(part(values, 10 * 24, either(24, long=30) * 24))
    assert motor_deviation(run) > 20.0


def motor_of(run: Any, values: dict[str, FloatArray], change: Callable[[FloatArray], FloatArray]) -> Any:
    """Some hours more, of which what the motor's thermometer says is changed."""
    return run.branch().feed({**values, "motor_temperature": change(values["motor_temperature"])})


def hours_of_a_motor(hours: int, *, seed: int = 5) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    air = 5.0 + 3.0 * np.sin(np.arange(hours) * 2 * np.pi / 24)
    return {"motor_temperature": air + 3.0 + rng.normal(scale=1.5, size=hours), "temperature": air}


def fahrenheit(values: FloatArray) -> FloatArray:
    return 1.8 * values + 32.0


@pytest.mark.slow
def test_a_motor_in_fahrenheit_is_named_and_taken_back(start_run: Callable[..., Any]) -> None:
    """Forty degrees more are less than what is odd of a motor, and were an alarm of a worn drive within four days."""
    sound = start_run(["motor_temperature", "temperature"], kind=AssetType.LOCK).feed(hours_of_a_motor(HEALTHY))
    values = hours_of_a_motor(10 * 24, seed=6)
    run = motor_of(sound, values, fahrenheit)
    assert run.kinds() == ["sensor.units"]
    assert run.changes[0].reasons[0].facts["factor"] == pytest.approx(1.8)
    as_ever = motor_of(sound, values, lambda values: values)
    assert motor_deviation(run) == pytest.approx(motor_deviation(as_ever), abs=0.5)
    hot = motor_of(sound, values, lambda values: values + 20.0)
    assert not [kind for kind in hot.kinds() if kind.startswith("sensor.")]
    assert motor_deviation(hot) > 18.0


@pytest.mark.slow
def test_fahrenheit_is_not_looked_for_where_the_weather_is_not_known(start_run: Callable[..., Any]) -> None:
    """Under works nothing explains, and a warm spring looked like Fahrenheit beside the winter before."""
    names = ["motor_temperature", "temperature"]
    begins_ns = START_NS + (HEALTHY + 24) * HOUR_NS
    works = (Works(AssetId("b000"), "works nearby", begins_ns, begins_ns + 9 * DAY_NS),)
    values = hours_of_a_motor(10 * 24, seed=6)
    at_work = (
        start_run(names, kind=AssetType.LOCK, works=works).feed(hours_of_a_motor(HEALTHY)).feed(part(values, 0, 24))
    )
    assert motor_of(at_work, part(values, 24, 240), fahrenheit).kinds() == []
    blind = start_run(names, kind=AssetType.LOCK).feed(hours_of_a_motor(HEALTHY))
    blind.feed({"motor_temperature": values["motor_temperature"][:48]})
    blind.feed({"motor_temperature": fahrenheit(values["motor_temperature"][48:96])})
    assert "sensor.units" not in blind.kinds()


def hours_of_a_bridge(seed: int, hours: int) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    return {
        "vibration_rms": 0.5 * np.exp(rng.normal(scale=0.05, size=hours)),
        "natural_frequency_1": 3.0 * np.exp(rng.normal(scale=0.003, size=hours)),
        "temperature": 12.0 + 3.0 * np.sin(np.arange(hours) * 2 * np.pi / 24),
    }


@pytest.fixture(scope="module")
def healthy(fleet_tools: Any) -> Any:
    """Twelve healthy days of vibration and a frequency."""
    run = fleet_tools.run(compile_catalogue(*make_register(["vibration_rms", "natural_frequency_1", "temperature"])))
    return run.feed(hours_of_a_bridge(17, HEALTHY))


def bridge(healthy: Any, change: Callable[[FloatArray], FloatArray], *, hours: int = 96) -> Any:
    """Some hours more, of which the vibration is changed."""
    values = hours_of_a_bridge(18, hours)
    return healthy.branch().feed({**values, "vibration_rms": change(values["vibration_rms"])})


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "told"), [(1000.0, 1000.0), (1 / 9.80665, 0.101972), (9.80665, 9.80665)])
def test_a_wrong_unit_is_named_and_divided_out(healthy: Any, factor: float, told: float) -> None:
    run = bridge(healthy, lambda values: values * factor)
    assert run.kinds() == ["sensor.units"]
    change = next(change for change in run.changes if change.raised)
    assert change.subject == "s-vibration_rms/vibration_rms"
    assert change.reasons[0].facts["factor"] == pytest.approx(told)
    row = [key.channel for key in run.catalogue.channels].index("vibration_rms")
    judged = run.catalogue.judged.tolist().index(row)
    assert abs(run.state.deviation[judged]) < 0.1


@pytest.mark.parametrize(("factor", "kinds"), [(3.6, ["sensor.units"]), (2.7, [])])
def test_damage_of_an_hour_is_no_wrong_unit_unless_a_factor_fits_well(
    healthy: Any, factor: float, kinds: list[str]
) -> None:
    """What passes the way to failure in an hour by a factor of km/h was an alarm of the structure."""
    run = bridge(healthy, lambda values: values * factor)
    assert [kind for kind in run.kinds() if kind.startswith("sensor.")] == kinds


@pytest.mark.parametrize("times", [3.2, 10.0, 15.0])
def test_works_that_nobody_announced_are_no_wrong_unit(healthy: Any, times: float) -> None:
    """They shook a road three times as much, by day, and were named for a factor of 3.6 on the first."""

    def worked_on(values: FloatArray) -> FloatArray:
        hour = np.arange(len(values)) % 24
        return np.where((hour >= 7) & (hour < 17), times, 1.0) * values

    run = bridge(healthy, worked_on, hours=192)
    assert run.kinds() == []


def test_a_storm_is_no_wrong_unit(healthy: Any) -> None:
    """Fourteen bridges of one fleet were named for one, for a night that shook them all."""
    run = bridge(healthy, lambda values: np.where(np.arange(len(values)) // 16 == 2, 9.0 * values, values))
    assert run.kinds() == []


@pytest.mark.slow
def test_a_wrong_unit_is_found_while_the_reference_is_made(start_run: Callable[..., Any]) -> None:
    """Ten days of the first month in g were half of what was sound."""
    # Where traffic is counted: else a week goes before the reference.
    names = ["vibration_rms", "natural_frequency_1", "temperature", "traffic_count"]
    hour = np.arange(10 * 24)
    traffic = np.random.default_rng(19).poisson(50.0, size=len(hour)).astype(np.float64)
    deviations = []
    for factor in (1.0, 9.80665):
        values = hours_of_a_bridge(17, len(hour))
        values["traffic_count"] = traffic
        in_g = (hour >= 46) & (hour < 72)
        values["vibration_rms"] = values["vibration_rms"] * np.where(in_g, factor, 1.0)
        run = start_run(names).feed(part(values, 0, 72))
        assert not run.state.is_commissioned(run.catalogue).any()
        assert run.kinds() == (["sensor.units"] if factor > 1.0 else [])
        run.feed(part(values, 72, len(hour)))
        row = [key.channel for key in run.catalogue.channels].index("vibration_rms")
        deviations.append(float(run.state.deviation[run.catalogue.judged.tolist().index(row)]))
    assert deviations[1] == pytest.approx(deviations[0], abs=1e-6)
    # What is merely far off may be how the structure is: only a factor is certain enough.
    values = hours_of_a_bridge(17, len(hour))
    values["vibration_rms"] = values["vibration_rms"] * np.where(hour >= 48, 40.0, 1.0)
    assert start_run(names).feed({**values, "traffic_count": traffic}).kinds() == []


def test_a_fault_that_ends_is_cleared(healthy: Any) -> None:
    run = bridge(healthy, lambda values: np.where(np.arange(96) < 30, 1000.0 * values, values))
    assert [(change.kind, change.raised) for change in run.changes] == [("sensor.units", True), ("sensor.units", False)]


def test_an_impossible_value_is_held_back_and_named(healthy: Any) -> None:
    run = bridge(healthy, lambda values: 40.0 * values)
    assert run.kinds() == ["sensor.implausible"]
    assert run.state.raised_ns.max() == 0


def test_a_single_spike_is_held_back_without_a_word(healthy: Any) -> None:
    run = bridge(healthy, lambda values: np.where(np.arange(96) == 5, 15.0 * values, values))
    assert run.kinds() == []


def hours_of_a_pier(seed: int, hours: int, level_mrad: float) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    air = 10.0 + 4.0 * np.sin(np.arange(hours) * 2 * np.pi / 24) + rng.normal(scale=0.3, size=hours)
    tilt = level_mrad + 0.02 * (air - 10.0) + rng.normal(scale=0.03, size=hours)
    return {"tilt": tilt, "temperature": air}


@pytest.mark.slow
@pytest.mark.parametrize("level_mrad", [0.8, -2.5, 12.0])
def test_a_tilt_meter_mounted_the_other_way_round_is_named_and_turned_back(
    start_run: Callable[..., Any], level_mrad: float
) -> None:
    """Its value became its opposite: an alarm of settlement within a week, or an impossible value that was believed."""
    hours = HEALTHY + 25 * 24
    values = hours_of_a_pier(3, hours, level_mrad)
    sound = start_run(["tilt", "temperature"]).feed(part(values, 0, HEALTHY))
    as_ever = sound.branch().feed(part(values, HEALTHY, hours))
    turned = part({**values, "tilt": -values["tilt"]}, HEALTHY, hours)
    run = sound.branch().feed(turned)
    assert run.kinds() == ["sensor.units"]
    assert run.changes[0].reasons[0].code == "sensor_turned"
    assert run.state.deviation[0] == pytest.approx(as_ever.state.deviation[0], abs=0.02)
    assert as_ever.kinds() == []
    # Mounted as before, it is over after a day.
    again = run.feed(part(values, HEALTHY, HEALTHY + 30))
    assert [change.raised for change in again.changes] == [True, False]


@pytest.mark.parametrize("silent_hours", [0, 60])
def test_a_turned_sign_stays_named_by_night_and_without_a_thermometer(
    start_run: Callable[..., Any], silent_hours: int
) -> None:
    """Each night it lay so near its opposite that it passed for right: its level followed, and was alarmed later."""
    hours = HEALTHY + 12 * 24
    values = hours_of_a_pier(3, hours, 0.75)
    values["tilt"] += 0.14 * (values["temperature"] - 10.0)
    assert np.min(values["tilt"]) < 0.1
    turns = HEALTHY + 30
    values["tilt"][turns:] *= -1.0
    values["temperature"][turns - silent_hours // 2 : turns + silent_hours // 2] = np.nan
    run = start_run(["tilt", "temperature"]).feed(values)
    assert [kind for kind in run.kinds() if kind != "data.silent"] == ["sensor.units"]
    assert abs(run.state.deviation[0]) < 0.1 * run.state.distance[0]


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "told"), [(180 / np.pi / 1000, 0.0572958), (1000 * np.pi / 180, 17.4533)])
def test_an_angle_in_another_unit_is_named(start_run: Callable[..., Any], factor: float, told: float) -> None:
    """A tilt that turned from milliradians to degrees, or back, was an impossible value that nobody could explain."""
    hours = HEALTHY + 10 * 24
    values = hours_of_a_pier(3, hours, 12.0)
    values["tilt"][HEALTHY:] *= factor
    run = start_run(["tilt", "temperature"]).feed(values)
    assert run.kinds() == ["sensor.units"]
    assert run.changes[0].reasons[0].facts["factor"] == pytest.approx(told)


@pytest.mark.parametrize("step_mrad", [-1.1, -2.2, 1.6])
def test_a_pier_that_sets_within_an_hour_is_not_turned(start_run: Callable[..., Any], step_mrad: float) -> None:
    """What does not land where the sign would take it is damage, at a third of the way to failure as at two thirds."""
    hours = HEALTHY + 12 * 24
    values = hours_of_a_pier(3, hours, 0.8)
    values["tilt"][HEALTHY:] += step_mrad
    run = start_run(["tilt", "temperature"]).feed(values)
    assert not [kind for kind in run.kinds() if kind.startswith("sensor.")]
    assert run.state.deviation[0] == pytest.approx(step_mrad, abs=0.1)


@pytest.mark.parametrize(("factor", "kind"), [(3.6, "sensor.units"), (40.0, "sensor.implausible")])
def test_the_first_frost_explains_no_fault_away(start_run: Callable[..., Any], factor: float, kind: str) -> None:
    """What frost does was not known, so that the wrong unit became its effect, and the fault was over."""
    hours = HEALTHY + 8 * 24
    values = hours_of_a_bridge(17, hours)
    values["temperature"] -= 24.0 * np.clip((np.arange(hours) - HEALTHY - 24) / 48, 0.0, 1.0)
    sound = start_run(["vibration_rms", "temperature"]).feed(part(values, 0, HEALTHY))
    values["vibration_rms"] *= factor
    run = sound.feed(part(values, HEALTHY, hours))
    assert [(change.kind, change.raised) for change in run.changes] == [(kind, True)]
    assert abs(run.state.coefficients[0, REGRESSORS.index("frost")]) < 0.3


@pytest.mark.slow
def test_damage_that_grows_within_days_is_no_fault(healthy: Any) -> None:
    run = bridge(healthy, lambda values: values * np.exp(np.linspace(0.0, 0.92, len(values))), hours=10 * 24)
    assert not [kind for kind in run.kinds() if kind.startswith("sensor.")]


@pytest.mark.slow
def test_a_jump_of_a_temperature_near_nought_is_no_wrong_unit(start_run: Callable[..., Any]) -> None:
    """Any value divided by a million lies near a motor at 8 degrees, which once passed for micro-degrees."""
    rng = np.random.default_rng(4)
    motor = 8.0 + rng.normal(scale=0.5, size=HEALTHY + 48)
    motor[HEALTHY:] += 120.0
    air = 5.0 + rng.normal(scale=0.3, size=HEALTHY + 48)
    run = start_run(["motor_temperature", "temperature"]).feed({"motor_temperature": motor, "temperature": air})
    assert run.kinds() == ["sensor.implausible"]


def shaken(values: FloatArray, by: float) -> FloatArray:
    """Give vibration beside machines that work from seven to five, five days a week."""
    hour = np.arange(len(values))
    at_work = (hour % 24 >= 7) & (hour % 24 < 17) & (hour // 24 % 7 < 5)
    return np.where(at_work, np.hypot(values, by), values)


@pytest.mark.slow
def test_what_is_back_every_week_is_one_alarm_until_it_stays_away_for_a_week(healthy: Any) -> None:
    """What was wrong in working hours alone was named six Mondays in turn, each time as a new alarm."""
    weeks = 4 * 7 * 24
    run = bridge(
        healthy, lambda values: np.where(np.arange(len(values)) < weeks, shaken(values, 500.0), values), hours=900
    )
    assert [(change.kind, change.raised) for change in run.changes] == [
        ("sensor.units", True),
        ("sensor.units", False),
    ] * 2
    ended = (run.changes[-1].at_ns - healthy.now_ns) / DAY_NS
    assert 4 * 7 - 3 + 7 < ended < 4 * 7 + 7


def test_under_announced_works_a_fault_lasts_a_day_before_it_is_named(start_run: Callable[..., Any]) -> None:
    """Machines rest at night, a gateway in the wrong unit does not; a diversion is announced for months."""
    names = ["vibration_rms", "natural_frequency_1", "temperature"]
    begins_ns = START_NS + (HEALTHY + 48) * HOUR_NS
    works = (Works(AssetId("b000"), "works nearby", begins_ns, begins_ns + 7 * DAY_NS),)
    sound = start_run(names, works=works).feed(hours_of_a_bridge(17, HEALTHY))
    at_work = np.arange(200) >= 48
    assert bridge(sound, lambda values: np.where(at_work, shaken(values, 5.0), values), hours=200).kinds() == []
    mistaken = bridge(sound, lambda values: np.where(at_work, 9.80665, 1.0) * values, hours=200)
    assert mistaken.kinds() == ["sensor.units"]
    assert (mistaken.changes[0].at_ns - begins_ns) / HOUR_NS == 25


UNITS, IMPLAUSIBLE = FAULTS


@pytest.mark.parametrize(
    ("often", "seldom", "later", "kinds"),
    [
        (1000.0, 40.0, None, [UNITS]),
        (1000.0, 40.0, 40.0, [UNITS, IMPLAUSIBLE]),
        (40.0, 1000.0, None, [IMPLAUSIBLE]),
        (40.0, 1000.0, 1000.0, [IMPLAUSIBLE, UNITS]),
    ],
)
def test_a_fault_keeps_its_name_until_nearly_all_its_values_say_another(
    healthy: Any, often: float, seldom: float, later: float | None, kinds: list[str]
) -> None:
    """An instrument at random levels met a factor now and then, and changed its name with every hour."""
    hour = np.arange(96)
    mixed = np.where(hour % 3 == 2, seldom, often)
    run = bridge(healthy, lambda values: values * np.where(hour < 48, mixed, mixed if later is None else later))
    assert [kind for kind in run.kinds() if kind in FAULTS] == kinds


def test_a_channel_speaks_again_after_a_calm_day_though_its_alarm_stands(healthy: Any) -> None:
    """Or damage of a structure whose instrument fails now and then would wait for the alarm."""
    friday, monday = 11 * 24 + 18, 13 * 24 + 23
    heard = []
    for hours in (friday, monday):
        run = bridge(healthy, lambda values: shaken(values, 20.0), hours=hours)
        assert run.kinds() == ["sensor.implausible"] * 2
        assert (run.state.fault_ns > 0).any()
        row = run.catalogue.judged.tolist().index(
            [key.channel for key in run.catalogue.channels].index("vibration_rms")
        )
        heard.append(bool(may_speak(run.state, np.full(len(run.catalogue.judged), run.now_ns))[row]))
    assert heard == [False, True]
