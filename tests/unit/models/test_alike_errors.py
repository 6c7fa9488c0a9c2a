"""Hours of real structures err alike: what they teach is as unsure as that, and damage is followed all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.layout import REGRESSORS
from models.triangles import diagonal
from tests.unit.models.conftest import weather_of

HANGS_H = 8.0
DAYS = 40


def hanging(rng: np.random.Generator, hours: int) -> FloatArray:
    """Errors of standard deviation 1 that hang together for hours."""
    keep = np.exp(-1.0 / HANGS_H)
    error = np.empty(hours)
    at = rng.normal()
    for hour, step in enumerate(rng.normal(size=hours) * np.sqrt(1.0 - keep**2)):
        at = keep * at + step
        error[hour] = at
    return error


def frequencies(seed: int, *, days: int = DAYS, falls: float = 0.0) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    weather = weather_of(rng, days, start_day=30 * seed)
    fall = falls * np.clip((np.arange(days * 24) / 24 - days + 12) / 10, 0.0, 1.0)
    hertz = 3.0 * np.exp(-0.0004 * (weather.inside - 10.0) + 0.003 * hanging(rng, days * 24) + np.log(0.9) * fall)
    return {"natural_frequency_1": hertz, "temperature": weather.air}


def off(run: Any) -> FloatArray:
    """How far the level is, in its standard deviations and in ways to failure."""
    state = run.state
    return np.array([(state.deviation / state.deviation_sd)[0], (-state.deviation / state.distance)[0]])


def unsure_effect(run: Any) -> float:
    """How unsure the effect of ten degrees of air is, in ways to failure."""
    variance = run.state.covariance[0, diagonal(len(REGRESSORS))][REGRESSORS.index("air_now")]
    return float(np.sqrt(variance) / run.state.distance[0])


@pytest.mark.slow
def test_hourly_values_teach_little_more_than_four_a_day(start_run: Callable[..., Any]) -> None:
    """They taught effects two and a half times as surely, as if each hour had an error of its own."""
    names = ["natural_frequency_1", "temperature"]
    values = frequencies(1, days=30)
    seldom = np.where(np.arange(30 * 24) % 6 == 0, values["natural_frequency_1"], np.nan)
    hourly = unsure_effect(start_run(names).feed(values))
    assert hourly < unsure_effect(start_run(names).feed({**values, "natural_frequency_1": seldom})) < 1.5 * hourly


@pytest.mark.slow
def test_a_sound_level_is_no_surer_than_it_is_right(start_run: Callable[..., Any]) -> None:
    names = ["natural_frequency_1", "temperature"]
    scores = [off(start_run(names).feed(frequencies(seed)))[0] for seed in range(6)]
    assert np.sqrt(np.mean(np.square(scores))) < 1.0


@pytest.mark.slow
def test_a_damage_of_ten_days_is_followed_within_days(start_run: Callable[..., Any]) -> None:
    run = start_run(["natural_frequency_1", "temperature"]).feed(frequencies(3, falls=0.8))
    assert 0.65 < off(run)[1] < 0.9
