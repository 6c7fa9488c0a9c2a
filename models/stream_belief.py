"""Which values are to be believed while nothing is known yet but the values themselves.

A logger that starts, a broken wire and a fill value write 9999, -127 or 3.4e38 where a measurement should be. A learner
that takes one of them for a measurement has a scale that nothing is ever large on. So while it is learned what is
usual, a value is missing that lies further than twenty usual deviations from the median of its neighbours, and outside
of all that was believed before: the rule of Hampel (The influence curve and its role in robust estimation, JASA 69
(1974) 383-393), at a distance that no noise has. The usual deviation is 1.4826 times the median absolute one, which is
the standard deviation of normal noise.

What lasts is no glitch, and what comes back is none either: pumps start and decks freeze. The neighbours are kept as
they were measured, so that a new level is the usual one when it has lasted for half of them, and what has come for the
third time is believed, unless it is far beyond what came before.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray

__all__ = ["Belief", "like_most"]

# Of noise by a law of Student with three degrees of freedom two rows in ten thousand are further out.
_FAR: Final = 20.0
_NORMAL: Final = 1.4826
# Of values that are all the same, one that is as far from them as they are from nought, or as one unit, is far.
_ALIKE: Final = 1.0 / _FAR
_RECENT_ROWS: Final = 30
# Fewer neighbours do not tell what is usual.
_FEWEST: Final = 8
_ACCIDENTS: Final = 2


def like_most(rows: FloatArray) -> BoolArray:
    """Tell which of the first values are like most of them.

    Parameters
    ----------
    rows : float64[N, X]
        N rows of X quantities, in units of their own; NaN where missing.

    Returns
    -------
    bool[N, X]
        True where missing, and in quantities of which fewer than eight values are known.

    Examples
    --------
    >>> like_most(np.array([[9999.0], *[[20.0 + 0.1 * row] for row in range(9)]]))[:3, 0].tolist()
    [False, True, True]
    """
    return np.stack([_look_back(column)[0] for column in rows.T], axis=1)


class Belief:
    """What is usual of some quantities of one stream.

    Parameters
    ----------
    first_rows : float64[N, X]
        The first rows of X quantities, in units of their own; NaN where missing.
    """

    __slots__ = ("_accidents", "_at", "_highest", "_is_far", "_lowest", "_recent")

    def __init__(self, first_rows: FloatArray) -> None:
        quantities = first_rows.shape[1]
        is_like, peaks = zip(*(_look_back(column) for column in first_rows.T), strict=True)
        believed = np.where(np.stack(is_like, axis=1), first_rows, np.nan)
        # What is not known yet is within no range.
        self._lowest = np.fmin.reduce(believed, axis=0, initial=np.inf)
        self._highest = np.fmax.reduce(believed, axis=0, initial=-np.inf)
        self._recent = np.full((quantities, _RECENT_ROWS), np.nan)
        kept = first_rows[-_RECENT_ROWS:]
        self._recent[:, : len(kept)] = kept.T
        self._at = len(kept) % _RECENT_ROWS
        # How far off the last accidents were.
        self._accidents = np.array([([np.nan] * _ACCIDENTS + of)[-_ACCIDENTS:] for of in peaks])
        self._is_far: BoolArray = np.zeros(quantities, np.bool_)

    def step(self, values: FloatArray) -> BoolArray:
        """Tell which values of a row are to be believed, float64[X], and remember them; True where missing."""
        believed: BoolArray = np.ones(len(values), np.bool_)
        outside = (values < self._lowest) | (values > self._highest)
        for quantity in np.flatnonzero(outside | (self._is_far & ~np.isnan(values))).tolist():
            believed[quantity] = self._is_believed(quantity, float(values[quantity]))
        self._recent[:, self._at] = values
        self._at = (self._at + 1) % _RECENT_ROWS
        return believed

    def middle(self, quantity: int) -> float:
        """Give the median of what was measured of a quantity of late; NaN where nothing was."""
        known = _known(self._recent[quantity])
        return _median(known) if known else math.nan

    def _is_believed(self, quantity: int, value: float) -> bool:
        if not self._lowest[quantity] <= value <= self._highest[quantity]:
            known = _known(self._recent[quantity])
            if len(known) < _FEWEST:
                return True
            if self._is_accident(quantity, value, known):
                return False
        self._is_far[quantity] = False
        self._lowest[quantity] = min(self._lowest[quantity], value)
        self._highest[quantity] = max(self._highest[quantity], value)
        return True

    def _is_accident(self, quantity: int, value: float, known: list[float]) -> bool:
        """Tell whether a value is far from its neighbours, and further than what came twice before."""
        middle, reach = _reach(known)
        distance = abs(value - middle)
        if distance <= reach:
            return False
        before = self._accidents[quantity]
        if self._is_far[quantity]:
            # Rows of one accident.
            before[-1] = max(before[-1], distance)
            return True
        if distance <= _FAR * before.min():
            return False
        self._is_far[quantity] = True
        before[:-1] = before[1:]
        before[-1] = distance
        return True


def _look_back(column: FloatArray) -> tuple[BoolArray, list[float]]:
    """Tell which values, float64[N], are like most, and how far off each accident among them was."""
    known = _known(column)
    if len(known) < _FEWEST:
        return np.ones(len(column), np.bool_), []
    middle, reach = _reach(known)
    distance = np.abs(column - middle)
    peaks = _peaks(distance, reach)
    if len(peaks) > _ACCIDENTS:
        reach = max(reach, _FAR * sorted(peaks)[_ACCIDENTS])
        peaks = _peaks(distance, reach)
    return ~(distance > reach), peaks


def _peaks(distance: FloatArray, reach: float) -> list[float]:
    """Give the largest of each run of distances that are out of reach."""
    peaks: list[float] = []
    was_far = False
    for far in distance.tolist():
        if far > reach:
            peaks = [*peaks[:-1], max(peaks[-1], far)] if was_far else [*peaks, far]
        was_far = far > reach
    return peaks


def _known(values: FloatArray) -> list[float]:
    """Give the values that are there, in order of their size."""
    return sorted(value for value in values.tolist() if not math.isnan(value))


def _reach(known: list[float]) -> tuple[float, float]:
    """Give the median of values in order of their size, and how far from it a value is still like them."""
    middle = _median(known)
    usual = _NORMAL * _median(sorted(abs(value - middle) for value in known))
    return middle, _FAR * (usual or _ALIKE * max(abs(middle), 1.0))


def _median(ordered: list[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])
