"""How clearly each regime shows the slow components, and means over time that count every row by how clearly it does.

The same wear moves a sensor by less in one regime than in another, and noise differs as well: at full load a
temperature may tell three times as much as at idle. Slow components are found over all rows, as if every regime
showed them alike. Here each column of each regime gets a gain, by which what the components say it should read is
multiplied, and a noise of its own. A row is then worth, for each component, what its own regime can tell: means over
time are weighted least squares, in information form. Rows of a clear regime count for more, and a component that the
present regime hardly shows keeps the value that others gave it.

Gains are shrunk towards 1. Where all regimes show the components alike the means are the plain ones, but for a pull
towards 0 of what no row tells anything of.

References
----------
T. Kailath, A. Sayed, B. Hassibi, Linear Estimation (2000), chapter 3: weighted least squares and information form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray, IndexArray
from models.life_features import CourseMeans, means_of_course, smooth_exponentially
from models.slow_components import SlowComponents

__all__ = ["RegimeSignal", "find_regime_signal", "heard_components", "weighted_means"]

# A gain of 1 counts as so many rows of a column whose signal is as large as its noise. Cross-validated errors with 5
# and 100 are within half a per cent.
_GAIN_ROWS: Final = 25.0
# Variance of a regime's noise, in squared spreads of the regime, that a column has at least.
_LEAST_NOISE: Final = 1e-3
# Noise and gain depend on each other; the second round changes the last digits that matter.
_ROUNDS: Final = 2
# Rows on either side that tell what a row should show.
_NEIGHBOURS: Final = 20.0
# A component varies by at least so much, in variances of its noise: one without signal is pulled to 0, not divided by.
_LEAST_SIGNAL: Final = 1e-3
# Rows behind a mean of none, so that the prior is divided by something.
_LEAST_COUNTED: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class RegimeSignal:
    """What a row of each regime tells of the components; `R` regimes, `V` columns, `K` components.

    Attributes
    ----------
    middle : float64[R, V]
        What a column reads where all components are 0, in spreads of its regime.
    loading : float64[R, V, K]
        How far one unit of a component moves a column, in spreads of the regime.
    weight : float64[R, V, K]
        The same over the variance of the column's noise.
    precision : float64[R, K, K]
        Of what one row tells: the inverse of its covariance.
    prior : float64[K]
        Of each component, before any row: the inverse of its variance.
    """

    middle: FloatArray
    loading: FloatArray
    weight: FloatArray
    precision: FloatArray
    prior: FloatArray


def find_regime_signal(
    rows: Sequence[FloatArray], regime: Sequence[IndexArray], components: SlowComponents, *, regimes: int
) -> RegimeSignal:
    """Learn gain and noise of each column in each regime.

    Parameters
    ----------
    rows : sequence of float64[N, V]
        Of each unit in order of time, in spreads of the regime (`models.operating_regimes.normalise_by_regime`).
    regime : sequence of int32[N]
        The rows' regimes, 0 to `regimes` - 1.
    components : SlowComponents
        Found over the same rows.
    """
    variance = np.maximum(components.signal_to_noise, _LEAST_SIGNAL)
    told = np.concatenate([_neighbours(unit @ components.direction) for unit in rows])
    # A mean of so many rows has that much less noise; what is noise then is pulled to 0.
    told /= 1.0 + 1.0 / (2.0 * _NEIGHBOURS * variance)
    told -= told.mean(axis=0)
    expected = told @ components.loading.T
    seen, label = np.concatenate(rows), np.concatenate(regime)
    shape = (regimes, seen.shape[1])
    gain, noise, middle = np.ones(shape), np.tile(components.noise_variance, (regimes, 1)), np.zeros(shape)
    for one in range(regimes):
        here = label == one
        if not here.any():
            continue
        centre = expected[here].mean(axis=0)
        apart, moved = seen[here] - seen[here].mean(axis=0), expected[here] - centre
        for _ in range(_ROUNDS):
            gain[one] = (np.sum(apart * moved, axis=0) / noise[one] + _GAIN_ROWS) / (
                np.sum(moved * moved, axis=0) / noise[one] + _GAIN_ROWS
            )
            noise[one] = np.mean((apart - gain[one] * moved) ** 2, axis=0) + _LEAST_NOISE
        middle[one] = seen[here].mean(axis=0) - gain[one] * centre
    loading = gain[:, :, np.newaxis] * components.loading
    weight = loading / noise[:, :, np.newaxis]
    return RegimeSignal(middle, loading, weight, np.einsum("rvk,rvl->rkl", loading, weight), 1.0 / variance)


def weighted_means(signal: RegimeSignal, rows: FloatArray, regime: IndexArray) -> CourseMeans:
    """Give the components of one unit as means over time, each row counted by what its regime tells.

    Parameters
    ----------
    rows : float64[N, V]
        In order of time, in spreads of the regime.
    regime : int32[N]
        The rows' regimes.

    Returns
    -------
    CourseMeans
        Row n of each is a function of rows up to n.
    """
    said = np.einsum("nvk,nv->nk", signal.weight[regime], rows - signal.middle[regime])
    components = said.shape[1]
    both = np.concatenate([said, signal.precision[regime].reshape(len(rows), components * components)], axis=1)
    prior = np.diag(signal.prior)

    def solved(mean: FloatArray, counted: FloatArray) -> FloatArray:
        """From means of what rows say and how precisely, over so many rows, to the components."""
        precision = mean[:, components:].reshape(len(mean), components, components)
        precision = precision + prior / counted[:, np.newaxis, np.newaxis]
        return np.asarray(np.linalg.solve(precision, mean[:, :components, np.newaxis])[..., 0], np.float64)

    return means_of_course(both, solved)


def heard_components(
    signal: RegimeSignal, weights: FloatArray, heard: BoolArray, rows: FloatArray, regime: IndexArray
) -> FloatArray:
    """Give the components of several units, as means over the cells that were heard of them.

    Parameters
    ----------
    weights : float64[M, N]
        How much each row counts in each of `M` means, not normalised; 0 for a row without a cell.
    heard : bool[N, V]
        False for a cell that is missing; weights and cells are alike for all units.
    rows : float64[U, N, V]
        In order of time, in spreads of the regime.
    regime : int32[U, N]
        The rows' regimes.

    Returns
    -------
    float64[U, M, K]
        0 where nothing was heard: the mean of all rows that were learned from.
    """
    total, squares = weights.sum(axis=1), np.square(weights).sum(axis=1)
    share = weights / np.where(total > 0.0, total, 1.0)[:, np.newaxis]
    counted = np.maximum(total**2 / np.where(squares > 0.0, squares, 1.0), _LEAST_COUNTED)
    means, components = len(weights), signal.weight.shape[2]
    said = np.zeros((len(rows), means, components))
    precision = np.zeros((*said.shape, components)) + np.diag(signal.prior) / counted[:, np.newaxis, np.newaxis]
    # Columns are mostly heard in the same rows; those that are take one product.
    patterns, pattern_of = np.unique(heard, axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        columns = np.flatnonzero(pattern_of == number)
        cells = rows[:, :, columns]
        for one in range(len(signal.middle)):
            loading, weight = signal.loading[one, columns], signal.weight[one, columns]
            part = (share * pattern)[np.newaxis] * (regime == one)[:, np.newaxis]
            count = part.sum(axis=2)[..., np.newaxis]
            said += (part @ cells - count * signal.middle[one, columns]) @ weight
            precision += count[..., np.newaxis] * (loading.T @ weight)
    return np.asarray(np.linalg.solve(precision, said[..., np.newaxis])[..., 0], np.float64)


def _neighbours(component: FloatArray) -> FloatArray:
    """float64[N, K]: what the rows on both sides of each row say of it, its own left out; 0 for a row alone."""
    if len(component) == 1:
        return np.zeros_like(component)
    before = smooth_exponentially(component, _NEIGHBOURS)[:-1]
    after = smooth_exponentially(component[::-1], _NEIGHBOURS)[-2::-1]
    return np.concatenate([after[:1], (before[:-1] + after[1:]) / 2.0, before[-1:]])
