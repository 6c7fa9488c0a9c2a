"""What is believed while it is learned what is usual: no single absurd value, and all that lasts or comes back."""

from __future__ import annotations

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.stream_belief import Belief, like_most


def _usual(rows: int = 400) -> FloatArray:
    return 5.0 + 0.1 * np.random.default_rng(1).normal(size=rows)


def _refused(values: FloatArray, first: int = 12) -> list[int]:
    """Give the rows that are not believed, of one quantity."""
    belief = Belief(values[:first, np.newaxis])
    early = np.flatnonzero(~like_most(values[:first, np.newaxis])[:, 0]).tolist()
    return early + [row for row in range(first, len(values)) if not belief.step(values[row : row + 1])[0]]


@pytest.mark.parametrize("absurd", [0.0, -127.0, 9999.0, 3.4e38])
def test_a_single_absurd_value_is_refused_wherever_it_stands(absurd: float) -> None:
    for row in (0, 5, 11, 12, 200):
        values = _usual()
        values[row] = absurd
        assert _refused(values) == [row]


def test_noise_with_heavy_tails_is_believed() -> None:
    assert not _refused(5.0 + np.random.default_rng(2).standard_t(4, size=2000))


def test_what_lasts_is_believed_when_it_is_half_of_the_neighbours() -> None:
    values = _usual()
    values[200:] += 50.0
    assert _refused(values) == list(range(200, 215))


def test_what_comes_for_the_third_time_is_believed_unless_it_is_far_beyond() -> None:
    values = _usual()
    values[[50, 51, 100, 150, 250]] = 17.0
    values[200] = 9999.0
    assert _refused(values) == [50, 51, 100, 200]


def test_the_first_rows_count_as_well() -> None:
    values = _usual()
    values[[3, 8, 60, 90]] = 17.0
    assert _refused(values) == [3, 8]
    values[10] = 17.0
    assert not _refused(values)


def test_what_was_believed_before_is_believed_again_after_a_long_calm() -> None:
    values = _usual()
    values[:100] *= 10.0
    values[390] = 50.0
    assert 390 not in _refused(values)


def test_of_values_that_are_all_the_same_a_small_step_is_believed() -> None:
    values = np.full(100, 5.0)
    values[60:] = 7.0
    assert not _refused(values)
    values[30] = 9999.0
    assert _refused(values) == [30]


def test_missing_values_are_passed_over_and_a_quantity_may_come_late() -> None:
    values = _usual()
    values[:40] = np.nan
    values[::3] = np.nan
    values[[41, 200]] = 9999.0
    # The very first value of a late quantity has no neighbours that could tell.
    assert _refused(values) == [200]
