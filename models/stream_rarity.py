"""How far a value lies from any value the stream has shown before.

A value may be ordinary for its time of day and still be one that the stream never takes: in a gap between its modes of
operation, or beyond its range. The score is the distance to the k-th nearest value in memory, which estimates the
inverse of their density (Loftsgaarden and Quesenberry, Ann. Math. Stat. 36 (1965) 1049-1051). The most recent rows
are left out, so that a level held for some rows is not its own witness. Once a value has been seen k times it is no
longer rare: a spike that comes back every day is normal by its fourth day.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from typing import Final

__all__ = ["ValueRarity"]

_NEIGHBOURS: Final = 3
# A month of five minutes.
_MEMORY_ROWS: Final = 8000
_RECENT_ROWS: Final = 5


class ValueRarity:
    """Values of one channel, sorted, and those too recent to be compared with."""

    __slots__ = ("_order", "_recent", "_sorted")

    def __init__(self) -> None:
        self._sorted: list[float] = []
        self._order: deque[float] = deque()
        self._recent: deque[float] = deque()

    def step(self, value: float) -> float:
        """Judge a value by what was learned before it, then learn it.

        Parameters
        ----------
        value : float
            Finite, in the channel's unit.

        Returns
        -------
        float
            Root mean square distance to the nearest `_NEIGHBOURS` values, in the channel's unit; 0 while too few
            are known.
        """
        score = self._distance(value)
        self._recent.append(value)
        if len(self._recent) > _RECENT_ROWS:
            old = self._recent.popleft()
            insort(self._sorted, old)
            self._order.append(old)
            if len(self._order) > _MEMORY_ROWS:
                gone = self._order.popleft()
                del self._sorted[bisect_left(self._sorted, gone)]
        return score

    def _distance(self, value: float) -> float:
        known = self._sorted
        if len(known) <= _NEIGHBOURS:
            return 0.0
        at = bisect_left(known, value)
        nearby = known[max(at - _NEIGHBOURS, 0) : at + _NEIGHBOURS]
        nearest = sorted(abs(other - value) for other in nearby)[:_NEIGHBOURS]
        return math.sqrt(sum(distance * distance for distance in nearest) / _NEIGHBOURS)
