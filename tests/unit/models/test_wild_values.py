"""One wild value while a channel is commissioned decides nothing, be it the first of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from domain.records import DecisionVerb
from models.chain import apply_decision

DAYS = 20
WILD = {"natural_frequency_1": 1.0, "vibration_rms": 30.0, "tilt": 20.0}


def sound(quantity: str, days: int = DAYS, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    hours = np.arange(24 * days)
    noise = rng.normal(size=len(hours))
    values = {
        "natural_frequency_1": 3.0 * np.exp(0.004 * noise),
        "vibration_rms": np.exp(0.1 * noise),
        "tilt": 5.0 + 0.05 * noise,
    }
    air = 15.0 + 4.0 * np.sin(hours * 2 * np.pi / 24) + rng.normal(size=len(hours))
    return {quantity: values[quantity], "temperature": air}


def told(run: Any) -> tuple[float, float]:
    """Give deviation and its uncertainty, in distances to failure."""
    return run.state.deviation[0] / run.state.distance[0], run.state.deviation_sd[0] / run.state.distance[0]


@pytest.mark.slow
@pytest.mark.parametrize("quantity", WILD)
@pytest.mark.parametrize("hour", [0, 1, 2, 5, 40, 80])
def test_a_channel_is_as_well_known_as_without_it(start_run: Callable[..., Any], quantity: str, hour: int) -> None:
    usual = sound(quantity)
    wild = {name: values.copy() for name, values in usual.items()}
    wild[quantity][hour] = WILD[quantity]
    without = told(start_run([quantity, "temperature"]).feed(usual))
    run = start_run([quantity, "temperature"]).feed(wild)
    deviation, spread = told(run)
    assert run.kinds() == []
    # It had been a third of the way to failure, and five times as uncertain.
    assert deviation == pytest.approx(without[0], abs=0.05)
    assert spread < 1.3 * without[1]


@pytest.mark.slow
def test_damage_behind_a_wild_first_value_is_found(start_run: Callable[..., Any]) -> None:
    values = sound("natural_frequency_1", days=40)
    values["natural_frequency_1"][0] = 1.0
    values["natural_frequency_1"][20 * 24 :] *= 1.0 - np.linspace(0.0, 0.09, 20 * 24)
    run = start_run(["natural_frequency_1", "temperature"]).feed(values)
    assert run.kinds() == ["condition.stiffness_loss"]


@pytest.mark.parametrize("verb", [DecisionVerb.REPAIR, DecisionVerb.ACCEPT_NORMAL])
@pytest.mark.slow
def test_the_first_value_behind_a_decision_may_be_wild(start_run: Callable[..., Any], verb: DecisionVerb) -> None:
    """Crews are at work just then."""
    run = start_run(["natural_frequency_1", "temperature"]).feed(sound("natural_frequency_1"))
    run.state, _ = apply_decision(run.catalogue, run.state, 0, verb, run.now_ns, None)
    values = sound("natural_frequency_1", seed=1)
    values["natural_frequency_1"][0] = 1.5
    run.feed(values)
    assert run.kinds() == []
    assert abs(told(run)[0]) < 0.1


def test_a_new_level_that_lasts_is_the_level(start_run: Callable[..., Any]) -> None:
    """Where two values were of a sensor not yet fixed, the reference is what came behind them."""
    values = sound("tilt")
    values["tilt"][:2] += 9.0
    run = start_run(["tilt", "temperature"]).feed(values)
    assert run.kinds() == []
    assert abs(told(run)[0]) < 0.1
