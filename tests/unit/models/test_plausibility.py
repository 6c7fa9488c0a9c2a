"""Values that no structure can give are named, repaired where that is certain, and never evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.identifiers import SensorId
from domain.register import AssetType, Role
from models.compiling import compile_catalogue
from tests.lengths import either
from tests.unit.models.conftest import make_register

HEALTHY = 12 * 24


def drive(registers: Callable[..., Any], fleet_tools: Any) -> tuple[Any, dict[str, FloatArray], FloatArray]:
    """A drive whose sensor gives vibration and warmth, after twelve sound days.

    With it what it says in the weeks to come, in g and Fahrenheit, and the vibration in its own unit.
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
    # So noisy that forty degrees more are no impossible value.
    motor = 15.0 + rng.normal(scale=8.0, size=hours)
    air = 5.0 + rng.normal(scale=0.3, size=hours)
    values = {"vibration_rms": vibration, "motor_temperature": motor, "temperature": air}
    run = fleet_tools.run(catalogue).feed(part(values, 0, HEALTHY))
    motor[HEALTHY:] = 1.8 * motor[HEALTHY:] + 32.0
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
    """Fahrenheit on a motor, too noisy to be impossible, was an alarm of a worn drive."""
    sound, values, own_unit = drive(registers, fleet_tools)
    run = sound.branch().feed(part(values, 0, 10 * 24))
    assert run.kinds() == ["sensor.units"]
    assert motor_deviation(run) < 10.0
    motor_only = part({**values, "vibration_rms": own_unit}, 0, 10 * 24)
    assert motor_deviation(sound.branch().feed(motor_only)) > 20.0
    run.feed(part(values, 10 * 24, either(24, long=30) * 24))
    assert motor_deviation(run) > 20.0


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
