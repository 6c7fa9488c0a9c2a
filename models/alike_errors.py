"""Hours err alike: how much less values that follow each other say than values by themselves.

What nobody measures, as wind, wetness, what is parked on a bridge, lasts for hours, so that the errors of following
hours are alike. Of values whose errors correlate by `c` from one to the next, `(1 + c) / (1 - c)` say as much of a mean
as one whose error is its own (Bayley and Hammersley, J. R. Stat. Soc. Suppl. 8 (1946) 184-197).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import FloatArray

__all__ = ["BEHIND_H", "as_one", "behind_variance"]

# For how many hours errors are alike, and the least that values are apart. Judgement: between a simulator's errors,
# which are not alike at all, and those of structures that sway for a day of wind.
_ALIKE_H: Final = 4.5
_LEAST_APART_H: Final = 1.0 / 60.0
# Over how many hours values beside a level are told, at least.
BEHIND_H: Final = 24.0


def as_one(apart_h: FloatArray) -> FloatArray:
    """Tell how many values so many hours apart say as much as one whose error is its own; 1 at least.

    Examples
    --------
    >>> np.round(as_one(np.array([0.5, 1.0, 2.0, 6.0, 24.0])), 1).tolist()
    [18.0, 9.0, 4.6, 1.7, 1.0]
    """
    return np.asarray(1.0 / np.tanh(np.maximum(apart_h, _LEAST_APART_H) / (2.0 * _ALIKE_H)))


def behind_variance(noise: FloatArray, wander: FloatArray, apart_h: FloatArray) -> FloatArray:
    """Give the variance that noise leaves in what values of late lie beside a level.

    Parameters
    ----------
    noise : float64[R]
        Variance of a value.
    wander : float64[R]
        Variance by which a level wanders in an hour.
    apart_h : float64[R]
        Hours between values.

    Notes
    -----
    A level that wanders is told best by a mean that moves by `sqrt(wander apart / noise)` with each value, and its
    noise is half of that of a value's for each such step (Muth, J. Am. Stat. Assoc. 55 (1960) 299-306).

    Examples
    --------
    >>> np.round(behind_variance(np.array([1.0, 1.0]), np.array([0.0016, 0.0004]), np.array([1.0, 1.0])), 2).tolist()
    [0.18, 0.09]
    """
    share = np.minimum(np.sqrt(wander * apart_h / noise), np.minimum(apart_h / BEHIND_H, 1.0))
    return np.asarray(noise * np.minimum(0.5 * as_one(apart_h) * share, 1.0))
