"""The habits of a single channel of which nobody said when it was healthy.

Two views: what is usual at this time of the day (`models.stream_profile`), and which values the channel ever takes
(`models.stream_rarity`). A view's score becomes a strength by the tail of the stream's own past scores
(`models.stream_tail`), and the two are joined as the sides of a right angle: one strong view is enough, two fair ones
help each other. Habits move on: a new level is strange when it comes and a habit some days later.

An alarm takes more care than the score. Both views see the same outlier, so the joined strength counts it twice; and
the distance to known values shrinks while more become known. So the evidence of an alarm is the joined strength by the
tail of its own past.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from models.stream_profile import DailyProfile
from models.stream_rarity import ValueRarity
from models.stream_reference import ReferenceVerdict
from models.stream_tail import MEMORY_ROWS, EmpiricalTail

__all__ = ["ChannelHabits"]

_LN2: Final = math.log(2.0)
# Of N scores in memory none can be shown to be rarer than one in N, as conformal p-values have it: what lies beyond is
# equally strange. So an event of some rows is one event, however it rises.
_MOST: Final = math.log(MEMORY_ROWS)
# Thirty scores in the upper tenth give the scale of the tail to a fifth; before that nothing is said aloud.
_FEWEST_ROWS: Final = 300


class ChannelHabits:
    """Two views of one channel, each against the tail of its own past.

    Parameters
    ----------
    has_clock : bool
        Whether times are times.
    """

    __slots__ = ("_evidence_tail", "_profile", "_profile_tail", "_rarity", "_rarity_tail", "_rows", "healthy_rows")

    def __init__(self, *, has_clock: bool) -> None:
        self.healthy_rows = 0
        self._rows = 0
        self._profile = DailyProfile(has_clock=has_clock)
        self._rarity = ValueRarity()
        self._profile_tail = EmpiricalTail()
        self._rarity_tail = EmpiricalTail()
        self._evidence_tail = EmpiricalTail()

    def step(self, time_s: float, values: FloatArray, environment: FloatArray) -> ReferenceVerdict:
        """Judge a row by what was learned before it, then learn it.

        Parameters
        ----------
        time_s : float
            Unix seconds.
        values : float64[1]
            In the channel's unit, NaN where missing.
        environment : float64[0]
            Not used.

        Returns
        -------
        ReferenceVerdict
        """
        value = float(values[0])
        if math.isnan(value):
            return ReferenceVerdict(np.full(1, np.nan), 0.0, 0.0, has_evidence=False)
        expected, unusual = self._profile.step(time_s, value)
        rare = self._rarity.step(value)
        joined = math.hypot(self._profile_tail.strength(unusual), self._rarity_tail.strength(rare))
        cautious = math.hypot(self._profile_tail.cautious_strength(unusual), self._rarity_tail.cautious_strength(rare))
        self._profile_tail.learn(unusual)
        self._rarity_tail.learn(rare)
        evidence = self._evidence_tail.strength(cautious)
        self._evidence_tail.learn(cautious)
        self._rows += 1
        # Of two independent unit exponentials the hypotenuse is beyond r with chance near 2 exp(-r): a corner each.
        strength = min(max(joined - _LN2, 0.0), _MOST)
        return ReferenceVerdict(np.array([expected]), strength, evidence, has_evidence=self._rows > _FEWEST_ROWS)
