"""Temperature in the units in which models tell what it does: tens of kelvins from a mild day, and depth of frost."""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np

from domain.arrays import FloatArray

__all__ = ["MILD_DEGC", "frost_of", "warmth_of"]

# What stands for a temperature that is not known: about the mean of a Dutch year.
MILD_DEGC: Final = 10.0
_WARMTH_K: Final = 10.0
_FROST_K: Final = 5.0

_Temperature = TypeVar("_Temperature", float, FloatArray)


def warmth_of(degc: _Temperature) -> _Temperature:
    """Give tens of kelvins above a mild day.

    Examples
    --------
    >>> warmth_of(25.0)
    1.5
    """
    return (degc - MILD_DEGC) / _WARMTH_K


def frost_of(degc: float | FloatArray) -> FloatArray:
    """float64, shaped as the temperatures: depth below freezing in units of five kelvins, 0 or less.

    Examples
    --------
    >>> frost_of(np.array([3.0, -10.0])).tolist()
    [0.0, -2.0]
    """
    return np.asarray(np.minimum(degc, 0.0) / _FROST_K)
