"""Means of the last innovations are judged by what they usually are, whether or not the noise hangs together."""

from __future__ import annotations

import numpy as np
import pytest

from models.stream_compensation import CompensatedReference
from models.stream_level import LevelVerdict

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
