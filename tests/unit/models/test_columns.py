"""Channels worked on side by side: the algebra is right, and company changes no channel's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from models.columns import carry, dot, downdate, gather, places_of, put, total
from models.deviation import measure_deviation
from models.environment import Explained
from models.layout import COLUMNS, REGRESSORS
from models.memory import with_columns
from models.regressor_groups import groups_of
from models.triangles import fold, unfold
from tests.frequencies import fold_in, frequencies

CHANNELS = 600


@pytest.mark.parametrize("size", [1, 2, 12])
def test_products_are_those_of_whole_matrices(size: int) -> None:
    rng = np.random.default_rng(size)
    half = rng.standard_normal((7, size, size))
    matrices = half @ half.transpose(0, 2, 1)
    matrices = 0.5 * (matrices + matrices.transpose(0, 2, 1))
    vector, gain, rest = rng.standard_normal((3, size, 7))
    lower = np.ascontiguousarray(fold(matrices).T)
    assert carry(lower, vector) == pytest.approx(np.einsum("rkl,lr->kr", matrices, vector))
    assert dot(gain, rest) == pytest.approx(np.sum(gain * rest, axis=0))
    downdate(lower, gain, rest)
    outer = np.einsum("kr,lr->rkl", gain, rest)
    assert unfold(lower.T, size) == pytest.approx(matrices - outer - outer.transpose(0, 2, 1))


def test_nothing_added_is_nought() -> None:
    assert dot(np.empty((0, 3, 2)), np.empty((0, 2))).tolist() == np.zeros((3, 2)).tolist()
    assert total(np.empty((0, 2))).tolist() == [0.0, 0.0]


def test_what_was_gathered_is_put_back_and_nothing_else() -> None:
    table = np.arange(40.0).reshape(5, 8)
    rows, places = np.array([1, 4]), np.array([0, 3, 7], np.int32)
    taken = gather(table, rows, places)
    assert taken.tolist() == [[8.0, 32.0], [11.0, 35.0], [15.0, 39.0]]
    put(table, rows, places, -taken)
    changed = table != np.arange(40.0).reshape(5, 8)
    assert np.argwhere(changed).tolist() == [[1, 0], [1, 3], [1, 7], [4, 0], [4, 3], [4, 7]]


def test_a_chosen_triangle_is_that_of_the_chosen_matrix() -> None:
    whole = np.random.default_rng(3).standard_normal((1, 6, 6))
    chosen = (0, 2, 5)
    assert np.array_equal(fold(whole)[:, places_of(chosen)], fold(whole[:, chosen, :][:, :, chosen]))


def test_every_channel_is_in_one_group_that_has_all_it_met() -> None:
    rng = np.random.default_rng(4)
    met = rng.random((3_000, len(REGRESSORS))) < rng.choice([0.2, 0.9], (3_000, 1))
    met[:2_000] = met[[0]]
    met[:, 0] = True
    groups = list(groups_of(met))
    assert sorted(np.concatenate([group.some for group in groups]).tolist()) == list(range(3_000))
    assert all(group.met == tuple(sorted({*group.met, 0})) for group in groups)
    assert all(not met[group.some][:, [k for k in range(12) if k not in group.met]].any() for group in groups)
    # The two thousand that met the same are not burdened with what others met.
    assert {group.met for group in groups if 0 in group.some} == {tuple(np.flatnonzero(met[0]).tolist())}


@pytest.mark.slow
def test_company_changes_no_number_of_a_channel() -> None:
    """Channels of six climates in batches of all, of some and of one, whose drivers come, go stale and are met late."""
    rng = np.random.default_rng(5)
    catalogue, together = frequencies(CHANNELS)
    apart = together
    climates = rng.random((6, len(REGRESSORS))) < 0.6
    late = rng.integers(0, 150, (6, len(REGRESSORS)))
    climate = np.repeat(np.arange(6), [300, 200, 60, 30, 9, 1])
    few = [np.arange(300), np.arange(300, 599), np.array([599])]
    for hour in range(130):
        met = climates & (late <= hour)
        met[:, 0] = True
        stale = met & (rng.random(met.shape) < 0.1)
        stale[:, 0] = False
        design = np.where(met, rng.standard_normal(met.shape), 0.0)
        design[:, 0] = 1.0
        y = np.log(3.0) + 0.02 * design[climate].sum(axis=1) + rng.normal(scale=0.01, size=CHANNELS)
        frozen = rng.random(CHANNELS) < 0.1
        explained = Explained(design[climate], stale[climate], met[climate])
        everybody = np.arange(CHANNELS)
        together = fold_in(catalogue, together, y, everybody, explained=explained, frozen=frozen, hour=hour)
        together = measure_deviation(catalogue, together, everybody, explained)
        for rows in few:
            own = explained.take(rows)
            apart = fold_in(catalogue, apart, y[rows], rows, explained=own, frozen=frozen[rows], hour=hour)
            apart = measure_deviation(catalogue, apart, rows, own)
    for name in COLUMNS:
        assert getattr(together, name).tobytes() == getattr(apart, name).tobytes(), name
    assert np.isfinite(together.deviation).all()


def test_a_column_nobody_knows_is_refused() -> None:
    _, state = frequencies(1)
    changed = with_columns(state, noise=np.array([2.0]))
    assert (changed.noise.tolist(), changed.scale is state.scale, state.noise.tolist()) == ([2.0], True, [0.0])
    with pytest.raises(TypeError, match="'loudness'"):
        with_columns(state, loudness=np.array([2.0]))
