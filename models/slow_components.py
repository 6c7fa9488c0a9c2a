"""Slow components: the directions in which sensors move slowly together, told from their noise.

Wear moves many sensors a little and slowly; noise moves each a lot from row to row. The covariance of the steps
between neighbouring rows is twice that of the noise; what the covariance of all rows has on top is signal. The
directions with the most signal for their noise solve ``signal v = ratio noise v`` (slow feature analysis). They
need no label and weigh themselves: a constant, noisy or irrelevant column gets next to no weight, and each way in
which the machines wear differently adds a direction of its own.

References
----------
L. Wiskott, T. Sejnowski, Slow feature analysis: unsupervised learning of invariances, Neural Computation 14 (2002).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray, IndexArray

__all__ = ["SlowComponents", "find_slow_components"]

# Noise of each column counts as at least one per cent of its spread, so that a counter without noise is not everything.
_LEAST_NOISE: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class SlowComponents:
    """Directions from most to least signal for their noise; `V` columns, `K` components.

    Attributes
    ----------
    direction : float64[V, K]
        Scaled so that the noise of each component has unit variance from row to row.
    signal_to_noise : float64[K]
        Variance of the slow signal in units of the noise's, descending; slightly negative where there is none.
    loading : float64[V, K]
        How far one unit of each component moves each column.
    noise_variance : float64[V]
        Of each column from row to row, positive.
    """

    direction: FloatArray
    signal_to_noise: FloatArray
    loading: FloatArray
    noise_variance: FloatArray


def find_slow_components(rows: FloatArray, unit: IndexArray, *, most: int) -> SlowComponents:
    """Find the slowest directions of some rows.

    Parameters
    ----------
    rows : float64[N, V]
        Finite, about unit spread by column; rows in order of time within each unit. N at least 1, V may be 0.
    unit : int32[N]
        Which unit each row belongs to; a unit's rows stand together.
    most : int
        Give at most so many components, fewer where there are fewer columns.
    """
    step = np.diff(rows, axis=0)[unit[1:] == unit[:-1]]
    noise = step.T @ step / (2.0 * max(len(step), 1))
    centred = rows - rows.mean(axis=0)
    signal = centred.T @ centred / len(rows) - noise
    # With the noise's Cholesky factor L the pencil becomes the symmetric problem of inv(L) signal inv(L').
    noise_at_least = noise + _LEAST_NOISE * np.eye(rows.shape[1])
    whiten = np.linalg.inv(np.linalg.cholesky(noise_at_least))
    ratio, vector = np.linalg.eigh(whiten @ signal @ whiten.T)
    direction = (whiten.T @ vector)[:, ::-1][:, :most]
    # An eigenvector has no sign of its own; give its largest weight the positive one.
    if direction.size:
        largest = np.take_along_axis(direction, np.argmax(np.abs(direction), axis=0)[np.newaxis], axis=0)
        direction = direction * np.sign(largest)
    # Noise and signal are both diagonal in the components: what a column gets of each is the noise times its direction.
    loading = noise_at_least @ direction
    return SlowComponents(np.ascontiguousarray(direction), ratio[::-1][:most], loading, np.diag(noise_at_least).copy())
