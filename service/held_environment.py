"""What explains a table whose columns speak in turn: the last word of each holds until it usually speaks again.

A table that is joined from two loggers has the temperature in one row and the frequency in the next, or an hourly
temperature beside values of every minute. A row is compared with what is known of its environment, so none of those
could be judged. A quantity that is in every row is never held: where it is missing once, it is missing.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import FloatArray

__all__ = ["HeldEnvironment"]

# Rows from one word of a quantity to the next: what is usual is their mean, at first of all and then of about so many.
_USUAL_OF: Final = 16.0
# From this mean on it speaks in turn, and its word holds for less than twice that.
_IN_TURN: Final = 1.5
_HOLDS_TURNS: Final = 2.0
# An outage counts as four turns, so that one or two make no way to speak. A silence of days is none at all.
_MOST_TURNS: Final = 4.0
_LONGEST_TURN: Final = 1440


class HeldEnvironment:
    """The environment of one stream.

    Parameters
    ----------
    quantities : int
        How many there are, E; may be none.
    """

    __slots__ = ("_age", "_last", "_turn", "_turns")

    def __init__(self, quantities: int) -> None:
        self._last = np.full(quantities, np.nan)
        self._age = np.zeros(quantities, np.int64)
        self._turn = np.ones(quantities)
        self._turns = np.zeros(quantities)

    def hold(self, environment: FloatArray) -> FloatArray:
        """Take in a row's environment, float64[E], NaN where missing, and give it with what still holds."""
        if not len(environment):
            return environment
        heard = np.isfinite(environment)
        self._age += 1
        ends = heard & np.isfinite(self._last) & (self._age <= _LONGEST_TURN)
        self._turns += ends
        share = 1.0 / np.clip(self._turns, 1.0, _USUAL_OF)
        # Nobody knows what is usual before the first word that follows another.
        counted = np.where(self._turns > 1.0, np.minimum(self._age, _MOST_TURNS * self._turn), self._age)
        self._turn = np.where(ends, self._turn + share * (counted - self._turn), self._turn)
        self._age[heard] = 0
        self._last = np.where(heard, environment, self._last)
        holds = (self._turn >= _IN_TURN) & (self._age < _HOLDS_TURNS * self._turn)
        return np.where(heard, environment, np.where(holds, self._last, np.nan))
