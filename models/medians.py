"""Medians and upper quantiles of groups of values, all groups at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray

__all__ = ["MEDIAN_TO_SD", "grouped_median", "grouped_upper"]

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
