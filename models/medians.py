"""Medians and upper quantiles of groups of values, all groups at once."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray

__all__ = ["MEDIAN_TO_SD", "grouped_median", "grouped_quantiles", "grouped_upper"]

# Standard deviation of a normal distribution over its median absolute deviation.
MEDIAN_TO_SD: Final = 1.4826


def grouped_median(group: npt.NDArray[np.intp], value: FloatArray, groups: int) -> FloatArray:
    """float64[groups]: the median of the values in each group; NaN where there is none."""
    value, some, first, number = _ordered(group, value, groups)
    median = np.full(groups, np.nan)
    median[some] = 0.5 * (value[first + (number - 1) // 2] + value[first + number // 2])
    return median


def grouped_upper(group: npt.NDArray[np.intp], value: FloatArray, groups: int, share: float) -> FloatArray:
    """float64[groups]: the least of the values in each group that `share` of them do not exceed; NaN where none is."""
    value, some, first, number = _ordered(group, value, groups)
    upper = np.full(groups, np.nan)
    upper[some] = value[first + np.ceil(share * number).astype(np.intp) - 1]
    return upper


def grouped_quantiles(group: npt.NDArray[np.intp], value: FloatArray, groups: int, shares: FloatArray) -> FloatArray:
    """float64[groups, Q]: of each group the values nearest to these shares of its order; 0 where there is none.

    Examples
    --------
    >>> of, value = np.array([0, 0, 0, 2]), np.array([3.0, 1.0, 2.0, 7.0])
    >>> grouped_quantiles(of, value, 3, np.array([0.0, 0.5, 1.0])).tolist()
    [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [7.0, 7.0, 7.0]]
    """
    value, some, first, number = _ordered(group, value, groups)
    found = np.zeros((groups, len(shares)))
    place = np.rint(shares * (number[:, np.newaxis] - 1)).astype(np.intp)
    found[some] = value[first[:, np.newaxis] + place]
    return found


class _Ordered(NamedTuple):
    """Values in the order of group and size; of each group that has some its number, first place and count."""

    value: FloatArray
    some: npt.NDArray[np.intp]
    first: npt.NDArray[np.intp]
    number: npt.NDArray[np.intp]


def _ordered(group: npt.NDArray[np.intp], value: FloatArray, groups: int) -> _Ordered:
    number = np.bincount(group, minlength=groups)
    some = np.flatnonzero(number)
    first = np.cumsum(number) - number
    return _Ordered(value[np.lexsort((value, group))], some, first[some], number[some])
