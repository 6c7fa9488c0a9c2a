"""Means of the last innovations are as wide as they are said to be, and a scale is one of noise, not of rounding."""

from __future__ import annotations

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.stream_compensation import CompensatedReference
from models.stream_environment import KNOTS
from models.stream_level import LevelBank, LevelVerdict

ROWS = 20_000


@pytest.mark.parametrize("together", [0.0, 0.4, 0.8])
def test_the_mean_of_the_last_innovations_is_as_wide_as_is_said(together: float) -> None:
    chance = np.random.default_rng(3)
    reference = CompensatedReference(channels=1, commission=100)
    kick = np.sqrt(1.0 - together**2)
    innovation, scores = 0.0, []
    for _ in range(ROWS):
        innovation = together * innovation + kick * float(chance.standard_normal())
        verdict = LevelVerdict(expected=0.0, innovation=innovation, level=np.zeros(1), autocorrelation=together)
        reference._follow_fast(0, verdict)
        scores.append(reference._fast[:, 0] / reference._fast_spread[:, 0])
    assert np.sqrt(np.mean(np.square(scores), axis=0)) == pytest.approx(1.0, abs=0.1)


def test_first_rows_on_a_straight_line_or_all_the_same_have_no_scale_of_rounding() -> None:
    """The steps between interpolated rows differ by 1e-16: a scale on which all that comes after is far away."""
    knots = np.linspace(-2.0, 2.0, KNOTS)[:, np.newaxis]
    line: FloatArray = 4.9 + 0.001 * np.arange(30.0)
    assert 0.0 < np.diff(line).std() < 1e-12
    assert LevelBank(line, knots).scale == pytest.approx(line.std())
    assert LevelBank(np.full(30, 4.9), knots).scale == 4.9
    noisy = line + np.random.default_rng(4).normal(0.0, 1e-6, 30)
    assert LevelBank(noisy, knots).scale == pytest.approx(np.diff(noisy).std() / np.sqrt(2.0))
