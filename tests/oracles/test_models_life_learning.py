"""Life learning against slow, obvious versions: row by row, one formula a line, or another library."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, optimize

from models.life_expert import LifeUnit
from models.life_features import count_features, describe_course, plain_means, smooth_exponentially
from models.life_interval import collect_statements, spread_statement
from models.life_learning import (
    coefficients_without,
    form_committee,
    learn_life,
    predict_held_out,
    predict_life,
    predict_without,
)
from models.slow_components import find_slow_components

RIDGE = 0.03


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 200])
@pytest.mark.parametrize("span", [1.0, 10.0, 100.0])
def test_smoothing_by_doubling_is_the_recursion(rows: int, span: float) -> None:
    values = np.random.default_rng(rows).normal(size=(rows, 2))
    keep, total, weight = 1 - 2 / (span + 1), np.zeros(2), 0.0
    expected = []
    for row in values:
        total = keep * total + (1 - keep) * row
        weight = keep * weight + (1 - keep)
        expected.append(total / weight)
    assert np.allclose(smooth_exponentially(values, span), expected, rtol=1e-12, atol=1e-14)


def test_the_course_is_described_as_written() -> None:
    component = np.random.default_rng(0).normal(size=(60, 2))
    elapsed = np.arange(60.0) * 5.0
    features = describe_course(plain_means(component), elapsed, usual_step=5.0)
    short, middle, long = (smooth_exponentially(component, span) for span in (10.0, 30.0, 100.0))
    for row in (0, 10, 19, 20, 59):
        start = component[: min(row + 1, 20)].mean(axis=0)
        expected = [np.log(row + 1)]
        for one in range(2):
            expected += [
                short[row, one],
                short[row, one] - middle[row, one],
                middle[row, one] - long[row, one],
                short[row, one] - start[one],
            ]
        assert np.allclose(features[row], expected, rtol=1e-12, atol=1e-12)


def test_slow_components_solve_the_generalised_eigenproblem() -> None:
    rng = np.random.default_rng(1)
    slow = np.cumsum(rng.normal(size=(400, 2)), axis=0) / 10
    rows = slow @ rng.normal(size=(2, 5)) + rng.normal(size=(400, 5))
    unit = np.repeat(np.arange(4, dtype=np.int32), 100)
    steps = np.concatenate([np.diff(rows[unit == one], axis=0) for one in range(4)])
    noise = sum(np.outer(step, step) for step in steps) / (2 * len(steps))
    signal = np.cov(rows.T, bias=True) - noise
    ratio, vector = linalg.eigh(signal, noise + 1e-4 * np.eye(5))
    found = find_slow_components(rows, unit, most=3)
    assert np.allclose(found.signal_to_noise, ratio[::-1][:3])
    assert np.allclose(np.abs(found.direction), np.abs(vector[:, ::-1][:, :3]))


def test_learning_by_units_is_recursive_least_squares_row_by_row() -> None:
    rng = np.random.default_rng(2)
    committee = form_committee(1, np.random.default_rng(3))
    expert = committee.experts[0]
    size = len(expert.moment)
    inverse, coefficient = np.eye(size) / RIDGE, np.zeros(size)
    test_features = rng.normal(size=(4, count_features(1)))

    def regressors(row: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        waves = [
            np.sqrt(2 / len(expert.phase)) * np.cos(float(row @ expert.frequency[:, one]) + phase)
            for one, phase in enumerate(expert.phase)
        ]
        return np.array([*waves, *(0.2 * row), 1.0])

    for _ in range(3):
        features, remaining = rng.normal(size=(12, count_features(1))), rng.uniform(size=12)
        committee, _ = learn_life(committee, LifeUnit(features, remaining))
        for row, life in zip(features, remaining, strict=True):
            phi = regressors(row)
            gain = inverse @ phi / (1 + phi @ inverse @ phi)
            coefficient = coefficient + gain * (life - phi @ coefficient)
            inverse = inverse - np.outer(gain, phi @ inverse)
    assert np.allclose(committee.experts[0].coefficient, coefficient, atol=1e-8)
    expected = np.clip([regressors(row) @ coefficient for row in test_features], 0.0, 1.0)
    alone = type(committee)((committee.experts[0],), committee.feature_count, committee.units_learned)
    assert np.allclose(predict_life(alone, test_features), expected, atol=1e-8)


@pytest.mark.parametrize("rows", [9, 700])
def test_holding_a_unit_out_is_never_having_learned_it(rows: int) -> None:
    """Be it shorter or longer than there are regressors."""
    rng = np.random.default_rng(4)
    units = [LifeUnit(rng.normal(size=(9, count_features(2))), rng.uniform(size=9)) for _ in range(4)]
    units[2] = LifeUnit(rng.normal(size=(rows, count_features(2))), rng.uniform(size=rows))
    with_it, without = form_committee(2, np.random.default_rng(5)), form_committee(2, np.random.default_rng(5))
    for number, unit in enumerate(units):
        with_it, _ = learn_life(with_it, unit)
        if number != 2:
            without, _ = learn_life(without, unit)
    assert len(with_it.experts) == len(without.experts)
    held_out = predict_held_out(with_it, units)[2]
    assert np.allclose(held_out, predict_life(without, units[2].features), atol=1e-9)
    others = rng.normal(size=(5, count_features(2)))
    asked = predict_without(with_it, coefficients_without(with_it, units), others, np.full(5, 2, np.int32))
    assert np.allclose(asked, predict_life(without, others), atol=1e-9), "asked about rows that were not learned"


def test_the_point_forecast_minimises_the_asymmetric_squared_error() -> None:
    rng = np.random.default_rng(6)
    said = [
        (np.array([0.5]), np.array([min(max(0.5 + error, 0.0), 1.0)]), np.zeros(1)) for error in rng.normal(0, 0.2, 200)
    ]
    life = np.array([true[0] for _, true, _ in said])

    def loss(point: float) -> float:
        return float(np.sum(np.where(life < point, 1.3, 1.0) * (life - point) ** 2))

    best = optimize.minimize_scalar(loss, bounds=(0, 1), method="bounded", options={"xatol": 1e-10}).x
    assert spread_statement(collect_statements(said), 0.5, 0.0)[0] == pytest.approx(best, abs=1e-6)
