"""A channel finds where it lies and how much it wanders in good health, and learns little of damage."""

from __future__ import annotations

import numpy as np
import pytest

from domain.arrays import BoolArray, FloatArray
from models.settling import Settling, learn_settling, place_variance, wander_variance

SPREAD = np.full(1, 0.1)
YEAR = 365


def nothing_known() -> Settling:
    return Settling(np.zeros(1), np.zeros(1), np.zeros(1))


def live(levels: FloatArray, memory: Settling | None = None, calm: BoolArray | None = None) -> Settling:
    memory = memory or nothing_known()
    calm = np.ones(len(levels), np.bool_) if calm is None else calm
    for level, quiet in zip(levels, calm, strict=True):
        left = np.array([level]) - memory.place
        memory = learn_settling(memory, left, SPREAD, np.array([quiet]))
    return memory


def wandering(days: int, spread: float) -> FloatArray:
    """Draws that go on for a fortnight."""
    chance = np.random.default_rng(4)
    return np.repeat(spread * chance.standard_normal(days // 14 + 1), 14)[:days]


@pytest.mark.parametrize("place", [-0.08, 0.0, 0.08])
def test_the_place_is_found_within_a_year_and_little_of_it_in_two_weeks(place: float) -> None:
    assert live(np.full(YEAR, place)).place[0] == pytest.approx(place, rel=0.1)
    assert abs(live(np.full(14, place)).place[0]) <= 0.4 * abs(place)


def test_what_is_not_known_of_the_place_widens_what_is_usual_until_it_is() -> None:
    unsure = [float(place_variance(live(np.zeros(days)))[0]) for days in (0, 25, YEAR)]
    assert unsure[1] == pytest.approx(0.5 * unsure[0])
    assert unsure[2] < 0.1 * unsure[0]


@pytest.mark.parametrize("own", [0.03, 0.1, 0.2])
def test_the_wandering_goes_from_that_of_like_channels_to_its_own(own: float) -> None:
    like = np.full(1, 0.1**2)
    usual = np.full(1, max(own, 0.1))
    memory = nothing_known()
    for level in wandering(2 * YEAR, own):
        memory = learn_settling(memory, np.array([level]) - memory.place, usual, np.ones(1, np.bool_))
    assert wander_variance(nothing_known(), like)[0] == pytest.approx(0.1**2)
    found = float(np.sqrt(wander_variance(memory, like)[0]))
    assert abs(found - own) <= 0.5 * abs(0.1 - own) + 0.02


@pytest.mark.parametrize(("days_to_failure", "most"), [(60, 0.05), (250, 0.1), (1500, 0.1)])
def test_damage_that_nothing_notices_is_learnt_a_tenth_at_most_and_less_the_faster(
    days_to_failure: int, most: float
) -> None:
    course = np.concatenate([np.zeros(YEAR // 2), np.linspace(0.0, 1.0, days_to_failure)])
    assert 0.0 < live(course).place[0] <= most


def test_a_jump_teaches_no_more_than_a_day_of_two_usual_deviations() -> None:
    before = live(np.zeros(100))
    after = live(np.full(1, 5.0), before)
    assert after.place[0] - before.place[0] <= 2.0 * SPREAD[0] / 100
    assert after.square[0] < 0.002


def test_a_day_that_is_not_calm_teaches_nothing() -> None:
    before = live(np.full(50, 0.05))
    after = live(np.full(50, 0.6), before, np.zeros(50, np.bool_))
    assert all(np.array_equal(new, old) for new, old in zip(after, before, strict=True))
