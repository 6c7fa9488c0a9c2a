"""What each regime shows of slow wear: found again where it is known, and counted by how much it tells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from domain.arrays import FloatArray, IndexArray
from models.life_features import plain_means
from models.life_map import LifeCourse, commission_map, map_course
from models.operating_regimes import find_regimes, normalise_by_regime, regime_of
from models.regime_signal import RegimeSignal, find_regime_signal, heard_components, weighted_means
from models.slow_components import find_slow_components
from tests.unit.models.test_life_learning import lives

COLUMNS = 6
LOADING = np.array([[1.0, 0.8, -1.0, 1.0, 0.9, -0.7], [0.6, -1.0, 0.8, 0.7, -0.9, -1.0]])


class Fleet(NamedTuple):
    """Units that wear by two slow walks, and what two regimes show of them."""

    rows: list[FloatArray]
    regime: list[IndexArray]
    wear: list[FloatArray]


def fleet(gain: FloatArray, noise: FloatArray, *, units: int = 20, seed: int = 1) -> Fleet:
    """Rows of units whose columns show wear by `gain` and have noise of `noise`, both float64[2, COLUMNS]."""
    rng = np.random.default_rng(seed)
    found = Fleet([], [], [])
    for _ in range(units):
        wear = np.cumsum(rng.normal(0.0, 0.03, (200, 2)), axis=0)
        regime = rng.integers(0, 2, 200).astype(np.int32)
        found.wear.append(wear)
        found.regime.append(regime)
        found.rows.append(gain[regime] * (wear @ LOADING) + noise[regime] * rng.normal(size=(200, COLUMNS)))
    return found


def learned(what: Fleet) -> tuple[RegimeSignal, FloatArray]:
    """The signal, and the directions it is told in."""
    unit = np.repeat(np.arange(len(what.rows), dtype=np.int32), [len(rows) for rows in what.rows])
    components = find_slow_components(np.concatenate(what.rows), unit, most=2)
    return find_regime_signal(what.rows, what.regime, components, regimes=2), components.direction


def test_gain_and_noise_of_each_regime_are_found_again() -> None:
    gain = np.ones((2, COLUMNS))
    gain[1, :3] = 0.5
    noise = np.full((2, COLUMNS), 0.3)
    noise[1, 3:] = 0.9
    signal, _ = learned(fleet(gain, noise))
    # Weight is gain over noise variance, in units that both regimes share.
    told = np.sum(signal.weight[1] * signal.weight[0], axis=1) / np.sum(signal.weight[0] ** 2, axis=1)
    assert told == pytest.approx((gain[1] / noise[1] ** 2) / (gain[0] / noise[0] ** 2), rel=0.25)


def test_regimes_that_show_the_same_give_the_plain_means() -> None:
    alike = fleet(np.ones((2, COLUMNS)), np.full((2, COLUMNS), 0.3))
    signal, direction = learned(alike)
    plain = plain_means(alike.rows[0] @ direction)
    counted = weighted_means(signal, alike.rows[0], alike.regime[0])
    # A component's scale is its own; the features are standardised.
    for one, other in zip(counted.memories, plain.memories, strict=True):
        for component in range(2):
            assert np.corrcoef(one[5:, component], other[5:, component])[0, 1] > 0.995


def test_wear_is_seen_better_where_clear_rows_count_for_more() -> None:
    noise = np.full((2, COLUMNS), 0.3)
    noise[1] = 1.5
    what = fleet(np.ones((2, COLUMNS)), noise)
    signal, direction = learned(what)

    def unseen(means: list[FloatArray]) -> float:
        """Share of wear that the short memories leave open, over all units."""
        seen, wear = np.concatenate(means), np.concatenate(what.wear)
        seen = np.concatenate([seen, np.ones((len(seen), 1))], axis=1)
        rest = wear - seen @ np.linalg.lstsq(seen, wear, rcond=None)[0]
        return float(np.sum(rest**2) / np.sum((wear - wear.mean(axis=0)) ** 2))

    plain = unseen([plain_means(rows @ direction).memories[0] for rows in what.rows])
    counted = unseen(
        [weighted_means(signal, rows, mine).memories[0] for rows, mine in zip(what.rows, what.regime, strict=True)]
    )
    assert counted < 0.8 * plain


def test_means_are_weighted_least_squares_row_by_row() -> None:
    rng = np.random.default_rng(3)
    shown = RegimeSignal(
        middle=rng.normal(size=(2, 4)),
        loading=np.zeros((2, 4, 2)),
        weight=rng.normal(size=(2, 4, 2)),
        precision=np.array([[[2.0, 0.3], [0.3, 1.0]], [[0.5, 0.0], [0.0, 4.0]]]),
        prior=np.array([0.2, 3.0]),
    )
    rows, regime = rng.normal(size=(45, 4)), rng.integers(0, 2, 45).astype(np.int32)
    found = weighted_means(shown, rows, regime)
    for row in (0, 3, 44):
        keep = 1.0 - 2.0 / 11.0
        share = keep ** np.arange(row, -1, -1.0)
        said, precision = np.zeros(2), np.zeros((2, 2))
        for one, part in enumerate(share / share.sum()):
            said += part * shown.weight[regime[one]].T @ (rows[one] - shown.middle[regime[one]])
            precision += part * shown.precision[regime[one]]
        precision += np.diag(shown.prior) / min(row + 1, 10)
        assert found.memories[0][row] == pytest.approx(np.linalg.solve(precision, said), rel=1e-9)
    first = [shown.weight[mine].T @ (what - shown.middle[mine]) for what, mine in zip(rows, regime, strict=True)]
    middle = np.mean(shown.precision[regime[:20]], axis=0) + np.diag(shown.prior) / 20.0
    assert found.start[44] == pytest.approx(np.linalg.solve(middle, np.mean(first[:20], axis=0)), rel=1e-9)


def test_components_of_heard_cells_are_weighted_least_squares_cell_by_cell() -> None:
    """Each cell is an observation of its own, and one that is missing is none."""
    rng = np.random.default_rng(4)
    loading, noise = rng.normal(size=(2, 4, 2)), rng.uniform(0.5, 2.0, size=(2, 4, 1))
    shown = RegimeSignal(
        middle=rng.normal(size=(2, 4)),
        loading=loading,
        weight=loading / noise,
        precision=np.zeros((2, 2, 2)),
        prior=np.array([0.2, 3.0]),
    )
    rows, regime = rng.normal(size=(3, 12, 4)), rng.integers(0, 2, (3, 12)).astype(np.int32)
    heard = rng.random((12, 4)) < 0.6
    heard[:, 3], heard[5] = False, False
    weights = np.where(heard.any(axis=1), rng.uniform(size=(2, 12)), 0.0)
    found = heard_components(shown, weights, heard, rows, regime)
    for unit, mean in np.ndindex(3, 2):
        total = weights[mean].sum()
        precision = np.diag(shown.prior) * np.sum(weights[mean] ** 2) / total**2
        said = np.zeros(2)
        for row, column in np.argwhere(heard):
            one = regime[unit, row]
            shows, share = loading[one, column], weights[mean, row] / total / noise[one, column, 0]
            precision += share * np.outer(shows, shows)
            said += share * shows * (rows[unit, row, column] - shown.middle[one, column])
        assert found[unit, mean] == pytest.approx(np.linalg.solve(precision, said), rel=1e-9)
    assert not heard_components(shown, np.zeros((2, 12)), np.zeros((12, 4), np.bool_), rows, regime).any()


def test_a_row_is_described_without_later_ones() -> None:
    courses = lives(20, seed=31, regimes=3)
    life_map = commission_map(courses)
    assert life_map.signal is not None
    whole = map_course(life_map, courses[0])
    for rows in (1, 2, 19, 40):
        part = LifeCourse(courses[0].elapsed[:rows], courses[0].values[:rows])
        assert map_course(life_map, part) == pytest.approx(whole[:rows], rel=1e-9, abs=1e-12)


def test_one_regime_takes_plain_means() -> None:
    assert commission_map(lives(20, seed=32)).signal is None


def test_settings_alone_leave_nothing_to_show() -> None:
    courses = [
        LifeCourse(course.elapsed, np.repeat(course.values[:, :1], 2, axis=1)) for course in lives(20, 33, regimes=3)
    ]
    features = map_course(commission_map(courses), courses[0])
    assert features.shape == (len(courses[0].elapsed), 1)
    assert np.all(np.isfinite(features))


def test_histories_of_one_row_are_taken() -> None:
    courses = lives(20, seed=34, regimes=3)
    rows = np.concatenate([course.values for course in courses])
    unit = np.repeat(np.arange(20, dtype=np.int32), [len(course.elapsed) for course in courses])
    regimes = find_regimes(rows, unit)
    label = regime_of(regimes, rows)
    normal = normalise_by_regime(regimes, rows, label)
    components = find_slow_components(normal, unit, most=3)
    signal = find_regime_signal([normal, normal[:1]], [label, label[:1]], components, regimes=len(regimes.centre))
    assert np.all(np.isfinite(weighted_means(signal, normal[:1], label[:1]).start))
