"""One regression of remaining life, and which features it learns to look at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.life_expert import LifeExpert, LifeUnit, draw_expert, learn_unit, regress, relevance


def units(count: int, seed: int, telling: int) -> list[LifeUnit]:
    """Units whose life bends with one of five features; the others are noise of the same size."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        remaining = np.linspace(1.0, 0.0, 40)
        features = rng.normal(size=(40, 5))
        features[:, telling] = 3.0 * remaining**2 - 1.0 + 0.1 * rng.normal(size=40)
        made.append(LifeUnit(features, remaining))
    return made


def taught(expert: LifeExpert, what: list[LifeUnit]) -> LifeExpert:
    for unit in what:
        expert = learn_unit(expert, regress(expert, unit.features), unit.remaining)
    return expert


def error(expert: LifeExpert, what: list[LifeUnit]) -> float:
    off: FloatArray = np.concatenate(
        [regress(expert, unit.features) @ expert.coefficient - unit.remaining for unit in what]
    )
    return float(np.sqrt(np.mean(off**2)))


@pytest.mark.parametrize("telling", [0, 3])
def test_the_feature_that_tells_is_stretched_and_noise_is_not(telling: int) -> None:
    stretch = relevance(draw_expert(5, 0.7, np.random.default_rng(1)), units(12, 2, telling))
    assert np.mean(stretch**2) == pytest.approx(1.0)
    assert stretch.argmax() == telling
    assert stretch[telling] > 2.0 * np.delete(stretch, telling).max()
    assert stretch.min() > 0.3, "what the first units do not show can still be learned"


def test_a_stretched_expert_errs_less_on_units_it_has_not_seen() -> None:
    first, later, unseen = units(12, 3, 2), units(12, 4, 2), units(30, 5, 2)
    plain = draw_expert(5, 0.7, np.random.default_rng(6))
    stretched = replace(plain, frequency=plain.frequency * relevance(plain, first)[:, np.newaxis])
    known = [*first, *later]
    assert error(taught(stretched, known), unseen) < 0.95 * error(taught(plain, known), unseen)


def test_units_that_show_nothing_leave_all_features_alike() -> None:
    pilot = draw_expert(5, 0.7, np.random.default_rng(7))
    assert np.array_equal(relevance(pilot, []), np.ones(5))
    failed = LifeUnit(np.random.default_rng(8).normal(size=(20, 5)), np.zeros(20))
    assert np.array_equal(relevance(pilot, [failed]), np.ones(5))


def test_a_pilot_is_not_changed() -> None:
    pilot = draw_expert(5, 0.7, np.random.default_rng(9))
    before = pilot.frequency.copy()
    relevance(pilot, units(3, 10, 1))
    assert np.array_equal(pilot.frequency, before)
    assert not pilot.gram.any()
    assert not pilot.coefficient.any()


def test_features_beyond_those_it_looks_at_change_nothing() -> None:
    pilot = draw_expert(3, 0.7, np.random.default_rng(11))
    seen = units(6, 12, 1)
    more = [LifeUnit(np.concatenate([unit.features, unit.features * 7.0], axis=1), unit.remaining) for unit in seen]
    assert np.array_equal(relevance(pilot, seen), relevance(pilot, more))
