"""What is measured in degrees Celsius is about as warm as the air around it, whatever a few days seem to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.layout import REGRESSORS

NAMES = ["motor_temperature", "temperature"]
NOW, LAGGED = REGRESSORS.index("air_now"), REGRESSORS.index("air_lagged")


def motor(days: int, middle_degc: Callable[[FloatArray], FloatArray]) -> dict[str, FloatArray]:
    """A motor in the air, warmer by day by work that nobody counts: more each day of a week, then as on its third."""
    rng, hour = np.random.default_rng(11), np.arange(days * 24)
    day, course = hour / 24, np.sin((hour - 9) * 2 * np.pi / 24)
    air = middle_degc(day) + 4.0 * course
    work = 10.0 * np.clip(course, 0.0, None) * np.where(day < 6, 1.0 + 0.4 * day, 1.8)
    return {"motor_temperature": air + 6.0 + work + rng.normal(scale=0.6, size=len(hour)), "temperature": air}


@pytest.mark.slow
def test_a_motor_is_not_expected_to_freeze_behind_a_heat_wave(start_run: Callable[..., Any]) -> None:
    """It was expected 19 degrees colder than it was, two thirds of the way to its failure."""
    run = start_run(NAMES)
    run.feed(motor(60, lambda day: np.where(day < 5, 16.0 + 3.0 * day, np.maximum(35.0 - day, 0.0))))
    assert not run.kinds()
    assert 5.0 < run.state.coefficients[0, [NOW, LAGGED]].sum() < 16.0
    assert np.abs(run.state.deviation / run.state.distance)[0] < 0.3


@pytest.mark.slow
def test_a_thermometer_that_comes_later_moves_no_level(start_run: Callable[..., Any]) -> None:
    """What it explains from then on was in the level before."""
    data = motor(40, lambda day: np.full_like(day, 20.0))
    data["temperature"][: 20 * 24] = np.nan
    run = start_run(NAMES).feed({name: values[: 20 * 24 + 30] for name, values in data.items()})
    assert np.abs(run.state.deviation / run.state.distance)[0] < 0.1
