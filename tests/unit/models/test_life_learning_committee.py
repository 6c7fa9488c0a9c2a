from __future__ import annotations

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.errors import ShapeError
from models.life_expert import LifeUnit
from models.life_features import count_features
from models.life_interval import collect_statements, spread_statement
from models.life_learning import LifeCommittee, form_committee, learn_life, predict_held_out, predict_life


def units(count: int, seed: int, components: int = 3) -> list[LifeUnit]:
    """Units whose life follows the first component alone; all else is noise."""
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(count):
        remaining = np.linspace(1.0, 0.0, 30)
        features = rng.normal(size=(30, count_features(components)))
        features[:, 1] = 2.0 * np.sqrt(remaining) + 0.1 * rng.normal(size=30)
        result.append(LifeUnit(features, remaining))
    return result


def taught(what: list[LifeUnit], components: int = 3) -> LifeCommittee:
    committee = form_committee(components, np.random.default_rng(5))
    for unit in what:
        committee, _ = learn_life(committee, unit)
    return committee


def test_a_committee_that_learned_nothing_says_nothing() -> None:
    committee = form_committee(2, np.random.default_rng(0))
    assert not np.any(predict_life(committee, np.ones((4, count_features(2)))))


def test_a_unit_is_predicted_before_it_is_learned() -> None:
    committee = taught(units(6, seed=1))
    unit = units(1, seed=2)[0]
    before = predict_life(committee, unit.features)
    after, said = learn_life(committee, unit)
    assert np.array_equal(said, before)
    assert np.array_equal(predict_life(committee, unit.features), before), "the committee passed in has changed"
    assert not np.array_equal(predict_life(after, unit.features), before)


def test_experts_that_look_at_noise_are_retired() -> None:
    committee = taught(units(40, seed=3, components=8), components=8)
    assert committee.units_learned == 40
    assert {len(expert.frequency) for expert in committee.experts} == {count_features(1)}


def test_predictions_stay_within_nought_and_one() -> None:
    committee = taught(units(5, seed=4))
    wild = np.random.default_rng(6).normal(0.0, 8.0, size=(200, count_features(3)))
    said = predict_life(committee, wild)
    assert np.all((said >= 0.0) & (said <= 1.0))


def test_features_of_another_committee_are_refused() -> None:
    committee = taught(units(2, seed=7))
    with pytest.raises(ShapeError, match=r"got features of shape \(4, 5\), expected \(N, 13\)"):
        predict_life(committee, np.ones((4, 5)))
    with pytest.raises(ShapeError, match=r"got features of shape \(4, 5\)"):
        learn_life(committee, LifeUnit(np.ones((4, 5)), np.ones(4)))
    with pytest.raises(ShapeError, match=r"got features of shape \(4, 5\)"):
        predict_held_out(committee, [LifeUnit(np.ones((4, 5)), np.ones(4))])


def statements_of(error: FloatArray, predicted: float = 0.5) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    return [(np.array([predicted]), np.array([predicted + one]), np.zeros(1)) for one in error]


def test_quantiles_are_those_of_like_errors_with_one_unit_more() -> None:
    error = np.linspace(-0.2, 0.2, 81)
    point, (low, middle, high) = spread_statement(collect_statements(statements_of(error)), 0.5, 0.0)
    assert middle == pytest.approx(0.5, abs=0.005)
    # One more unit, of unknown error, widens the 80 % interval of 81 by half a unit on either side.
    assert low == pytest.approx(0.5 - 0.16, abs=0.008)
    assert high == pytest.approx(0.5 + 0.16, abs=0.008)
    assert low < point < middle


def test_a_unit_counts_once_however_often_it_speaks() -> None:
    few = statements_of(np.linspace(-0.1, 0.1, 21))
    loud = [*few, (np.full(500, 0.5), np.full(500, 0.9), np.zeros(500))]
    _, (_, middle, high) = spread_statement(collect_statements(loud), 0.5, 0.0)
    assert middle == pytest.approx(0.5, abs=0.02)
    assert high < 0.65


def test_errors_far_away_or_at_another_age_do_not_count() -> None:
    near = statements_of(np.linspace(-0.02, 0.02, 40))
    far = statements_of(np.linspace(-0.5, 0.5, 40), predicted=0.8)
    old = [(said, true, age + 3.0) for said, true, age in statements_of(np.linspace(-0.5, 0.5, 40))]
    alone = spread_statement(collect_statements(near), 0.5, 0.0)
    together = spread_statement(collect_statements([*near, *far, *old]), 0.5, 0.0)
    assert np.allclose([together[0], *together[1]], [alone[0], *alone[1]], atol=1e-6)


def test_nothing_to_compare_with_gives_the_whole_range() -> None:
    assert spread_statement(collect_statements([]), 0.4, 0.0) == (0.4, (0.0, 0.4, 1.0))
    elsewhere = collect_statements(statements_of(np.zeros(30), predicted=0.0))
    assert spread_statement(elsewhere, 1.0, 40.0) == (1.0, (0.0, 1.0, 1.0))
