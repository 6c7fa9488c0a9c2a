"""Medians and upper quantiles of groups of values, all groups at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray

__all__ = ["MEDIAN_TO_SD", "grouped_median", "grouped_quantiles", "grouped_upper"]

# Standard deviation of a normal distribution over its median absolute deviation.
MEDIAN_TO_SD: Final = 1.4826


def grouped_median(group: npt.NDArray[np.intp], value: FloatArray, groups: int) -> FloatArray:
    """float64[groups]: the median of the values in each group; NaN where there is none."""
    order = np.lexsort((value, group))
    value = value[order]
    number = np.bincount(group, minlength=groups)
    first = np.cumsum(number) - number
    median = np.full(groups, np.nan)
    some = np.flatnonzero(number)
    low, high = first[some] + (number[some] - 1) // 2, first[some] + number[some] // 2
    median[some] = 0.5 * (value[low] + value[high])
    return median


def grouped_upper(group: npt.NDArray[np.intp], value: FloatArray, groups: int, share: float) -> FloatArray:
    """float64[groups]: the least of the values in each group that `share` of them do not exceed; NaN where none is."""
    order = np.lexsort((value, group))
    number = np.bincount(group, minlength=groups)
    first = np.cumsum(number) - number
    upper = np.full(groups, np.nan)
    some = np.flatnonzero(number)
    upper[some] = value[order][first[some] + np.ceil(share * number[some]).astype(np.intp) - 1]
    return upper


def grouped_quantiles(group: npt.NDArray[np.intp], value: FloatArray, groups: int, shares: FloatArray) -> FloatArray:
    """float64[groups, Q]: of each group the values nearest to these shares of its order; 0 where there is none.

    Examples
    --------
    >>> of, value = np.array([0, 0, 0, 2]), np.array([3.0, 1.0, 2.0, 7.0])
    >>> grouped_quantiles(of, value, 3, np.array([0.0, 0.5, 1.0])).tolist()
    [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [7.0, 7.0, 7.0]]
    """
    order = np.lexsort((value, group))
    number = np.bincount(group, minlength=groups)
    first = np.cumsum(number) - number
    found = np.zeros((groups, len(shares)))
    some = np.flatnonzero(number)
    place = np.rint(shares * (number[some, np.newaxis] - 1)).astype(np.intp)
    found[some] = value[order][first[some, np.newaxis] + place]
    return found
