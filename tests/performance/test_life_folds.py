"""What the cross-validation of remaining lives does to histories, and that it says something."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.performance.life_folds import cross_validate, varied
from tests.unit.models.test_life_learning import lives

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def test_a_variant_keeps_units_and_times_and_does_what_it_says() -> None:
    courses = [replace(one, values=np.tile(one.values, (1, 4))[:, :24]) for one in lives(4, seed=1)]
    for kinds in ({"plain"}, {"regimes"}, {"noise"}, {"gains", "modes"}):
        made = varied(courses, kinds, 3)
        assert [one.elapsed.tolist() for one in made] == [one.elapsed.tolist() for one in courses]
        assert all(np.all(np.isfinite(one.values)) for one in made)
        settings = np.unique(np.round(np.concatenate([one.values[:, 0] for one in made]), 1))
        assert (len(settings) == 6) == bool(kinds & {"regimes", "noise", "gains"})


def test_units_held_out_are_forecast_better_than_by_a_guess() -> None:
    found = cross_validate(lives(12, seed=2), 1, folds=2)
    assert 0.0 < found.error < 30.0
    assert found.loss > 0.0
    assert 0.0 <= found.coverage <= 1.0 < found.width


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "cmapss").exists(), reason="no ../shared/data/cmapss: the histories are not shipped")
def test_the_command_prints_a_row_for_each() -> None:
    command = [sys.executable, "-m", "tests.performance.life_folds", str(DATA), "modes+noise"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "modes+noise" in done.stdout
