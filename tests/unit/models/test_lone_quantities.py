"""What a lone quantity's instrument may have done: less where a level outgrew drift, all it can where it stepped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.layout import PAST_DAYS
from models.lone_quantities import possible_drift

DRIFT = 0.3
SPREAD = 0.04


def possible(course: np.ndarray, *, drift: float = DRIFT, spread: float = SPREAD) -> float:
    """What the instrument may have done to the last level of a course, one value a day."""
    past = np.zeros((1, PAST_DAYS))
    before = course[-2::-1][:PAST_DAYS]
    past[0, : len(before)] = before
    one = np.ones(1)
    return float(possible_drift(one * course[-1], past, np.array([0]), one * spread, one * drift)[0])


def grown(days: float, growth: float, *, level: float) -> np.ndarray:
    """A course that is at `level` today and began so many days ago."""
    elapsed = np.maximum(np.arange(-150.0, 1.0) + days, 0.0)
    return np.asarray(level * (elapsed / days) ** growth)


@pytest.mark.parametrize("growth", [0.8, 1.0, 1.6, 2.4])
@pytest.mark.parametrize("days", [28.0, 40.0, 56.0])
def test_what_grew_within_weeks_is_not_all_the_instruments(days: float, growth: float) -> None:
    assert possible(grown(days, growth, level=0.35)) < 0.75 * DRIFT


@pytest.mark.parametrize("level", [0.3, 0.6])
@pytest.mark.parametrize("days_ago", range(1, 110, 4))
def test_a_step_may_be_the_instruments_whenever_it_was(days_ago: int, level: float) -> None:
    course = np.where(np.arange(-150, 1) > -days_ago, level, 0.0)
    assert possible(course) == DRIFT


def test_what_grows_as_slowly_as_an_instrument_drifts_may_all_be_the_instruments() -> None:
    assert possible(grown(100.0, 1.0, level=DRIFT)) == DRIFT


def test_what_stood_there_before_may_be_the_instruments_too() -> None:
    grew = grown(28.0, 1.0, level=0.2)
    assert possible(grew) < possible(grew + 0.1) <= DRIFT


def test_growth_within_the_noise_leaves_the_instrument_all() -> None:
    assert possible(grown(28.0, 1.0, level=0.35), spread=0.25) == DRIFT


@settings(deadline=None)
@given(st.lists(st.floats(-2.0, 3.0), min_size=PAST_DAYS + 1, max_size=PAST_DAYS + 1), st.floats(0.0, 0.5))
def test_an_instrument_never_did_more_than_it_can_nor_less_than_nothing(course: list[float], drift: float) -> None:
    assert 0.0 <= possible(np.array(course), drift=drift) <= drift
