"""Temperature and its like, now and as a structure remembers them, and where a bend might lie.

A structure answers to its surroundings at once and behind its inertia. For each environmental quantity there is its
value now and exponential means of it: over some rows, which serves daily records, and over a day, which serves hourly
ones. The answer may bend: a deck stiffens when its asphalt and bearings freeze, at a temperature that nobody knows
beforehand. So there is a ladder of places where a bend may lie, spread over the range met in the first rows and
beyond it on both sides; it moves on with the weather, so that weather not met yet has its places already. Which memory
and which place are right is for `models.stream_level` to find out.

A quantity whose memory is known beforehand is given as it acts, and acts by a slope alone: a *line*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray

__all__ = ["KNOTS", "MEMORIES", "EnvironmentMemory", "Surroundings"]

_MEMORY_ROWS: Final = (2.0, 5.0)
_MEMORY_S: Final = 86400.0
# Now, the means over rows, the mean over a day.
MEMORIES: Final = 2 + len(_MEMORY_ROWS)
# Two and a half times the range met in two dozen steps: a few degrees each for a structure outdoors.
KNOTS: Final = 24
_BEYOND: Final = 0.75
_LONGEST_PAUSE_S: Final = 1e9
# A quantity that varied by a thousandth of a degree when the stream began may be a hundred degrees away in another
# season. What is further than this is a fill value, and its square would leave no digit of a covariance.
_BEYOND_SCALES: Final = 1e5


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """The environment of a row, in deviations from the middle of the first rows.

    Attributes
    ----------
    remembered : float64[M, E]
        Each quantity now, and its means.
    lines : float64[P]
        What is neither remembered nor bends.
    """

    remembered: FloatArray
    lines: FloatArray


class EnvironmentMemory:
    """Values and exponential means of the environment of one stream.

    Parameters
    ----------
    first_rows : float64[N, E + P]
        Values of the first rows, finite, from which middle, scale and ladder are chosen. They are not remembered: give
        them to `step` as well.
    lines : int, default 0
        How many quantities P, the last ones, are neither remembered nor bend.

    Attributes
    ----------
    knots : float64[K, E]
        Places of bends, in the scaled values that `step` gives.
    """

    __slots__ = ("_centre", "_held", "_scale", "_time_s", "knots")

    def __init__(self, first_rows: FloatArray, lines: int = 0) -> None:
        low, high = first_rows.min(axis=0), first_rows.max(axis=0)
        span = np.where(high > low, high - low, np.maximum(np.abs(low), 1.0))
        self._centre = np.median(first_rows, axis=0)
        self._scale = np.where(high > low, first_rows.std(axis=0), span)
        places = np.linspace(low - _BEYOND * span, high + _BEYOND * span, KNOTS)
        self.knots: FloatArray = ((places - self._centre) / self._scale)[:, : len(span) - lines]
        self._held: FloatArray | None = None
        self._time_s = 0.0

    def is_beyond(self, values: FloatArray) -> bool:
        """Tell whether any value of a row, float64[E + P], is too far from the first ones for any arithmetic."""
        return bool((np.abs(values - self._centre) > _BEYOND_SCALES * self._scale).any())

    def step(self, time_s: float, values: FloatArray) -> Surroundings:
        """Take in a row.

        Parameters
        ----------
        time_s : float
            Seconds.
        values : float64[E + P]
            Finite.

        Returns
        -------
        Surroundings
        """
        if self._held is None:
            self._held = np.tile(values, (MEMORIES, 1))
            self._time_s = time_s
        passed_s = min(max(time_s - self._time_s, 0.0), _LONGEST_PAUSE_S)
        self._time_s = time_s
        shares = np.array([1.0, *(1.0 / rows for rows in _MEMORY_ROWS), -math.expm1(-passed_s / _MEMORY_S)])
        self._held += shares[:, np.newaxis] * (values - self._held)
        scaled = (self._held - self._centre) / self._scale
        bending = self.knots.shape[1]
        return Surroundings(scaled[:, :bending], scaled[0, bending:])
