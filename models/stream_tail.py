"""How strange a score is among the scores a stream has shown so far.

Scores of different views and sensors have no common scale. What they share is their rank: the chance that a healthy
row scores at least as high. Within the scores seen this is the empirical survival function. Beyond its upper quantile
there are too few scores to count, and the survival is continued as an exponential, the limit law of thresholds
exceeded by light tails (Pickands, Ann. Statist. 3 (1975) 119-131, shape zero). Its scale is known from k excesses
only; with the scale integrated out the chance to exceed by x falls as ``(1 + x / sum of excesses)^-k``, which is
heavy for few and exponential for many. Heavier tails than that make the chances too small; every new extreme then
widens the tail, so that a stream that is often extreme stops being so.

The result is the strength of the surprise in nats, ``-ln(chance)``: zero or more, unit exponential under health.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from domain.arrays import FloatArray

__all__ = ["MEMORY_ROWS", "EmpiricalTail"]

# Ten thousand scores are a month of five minutes; a longer memory would hold what the stream no longer is.
MEMORY_ROWS: Final = 10_000
# Refitted when a hundredth is new: sorting then costs a few microseconds a row.
_REFIT_ROWS: Final = 20
_REFITS_PER_MEMORY: Final = 100
# Fewer scores than this say nothing about rarity.
_FEWEST_ROWS: Final = 100
# The tail begins where one score in ten lies above: further out, its mean excess hangs on a few scores.
_TAIL_SHARE: Final = 0.1
# The mean excess is not believed below this share of the distance from median to tail, lest ties make a cliff.
_LEAST_EXCESS: Final = 0.05
_LEAST_LOG_EXCESS: Final = 0.01
_ROUNDING: Final = 1e-9


class EmpiricalTail:
    """Survival function of one stream's scores, with an exponential beyond its upper quantile.

    It holds the last `MEMORY_ROWS` scores it learned, and is refitted at fixed numbers of scores learned, so that the
    answer does not depend on how the stream was cut. A class, because a copy of the memory for each row would cost
    more than everything else together.
    """

    __slots__ = (
        "_excesses",
        "_learned",
        "_log_scale",
        "_memory",
        "_next_refit",
        "_scale",
        "_sorted",
        "_start",
        "_start_strength",
    )

    def __init__(self) -> None:
        self._memory: list[float] = []
        self._learned = 0
        self._sorted: FloatArray = np.zeros(0)
        self._next_refit = _FEWEST_ROWS
        self._start = math.inf
        self._start_strength = 0.0
        self._scale = 1.0
        self._log_scale = 1.0
        self._excesses = 1

    def strength(self, score: float) -> float:
        """Give ``-ln`` of the chance of a score this high or higher.

        Parameters
        ----------
        score : float
            Finite; higher is stranger.

        Returns
        -------
        float
            Nats, at least 0; 0 while fewer than `_FEWEST_ROWS` scores are known.
        """
        known = len(self._sorted)
        if known == 0:
            return 0.0
        if score > self._start:
            return self._start_strength + self._excesses * math.log1p(
                (score - self._start) / (self._excesses * self._scale)
            )
        above = known - int(self._sorted.searchsorted(score))
        return -math.log(min((above + 1) / (known + 1), 1.0))

    def cautious_strength(self, score: float) -> float:
        """Give the strength of a score where tails may be as heavy as a power of it.

        Parameters
        ----------
        score : float
            Finite; higher is stranger.

        Returns
        -------
        float
            Nats, at least 0 and hardly ever more than `strength`: beyond the upper quantile the logarithm of the score
            is taken to be exponential (Hill, Ann. Statist. 3 (1975) 1163-1174), its scale integrated out as there.
        """
        if len(self._sorted) == 0 or score <= self._start or self._start <= 0.0:
            return self.strength(score)
        return self._start_strength + self._excesses * math.log1p(
            math.log(score / self._start) / (self._excesses * self._log_scale)
        )

    def learn(self, score: float) -> None:
        """Remember a score, in the place of the oldest when the memory is full."""
        if len(self._memory) < MEMORY_ROWS:
            self._memory.append(score)
        else:
            self._memory[self._learned % MEMORY_ROWS] = score
        self._learned += 1
        if self._learned >= self._next_refit:
            self._refit()

    def _refit(self) -> None:
        ordered = np.sort(np.array(self._memory))
        known = len(ordered)
        start = float(ordered[math.ceil((1.0 - _TAIL_SHARE) * known) - 1])
        excess = ordered[ordered > start] - start
        mean_excess = float(excess.sum()) / (len(excess) + 1)
        least = _LEAST_EXCESS * (start - float(ordered[known // 2]))
        self._scale = max(mean_excess, least, _ROUNDING * max(abs(start), _ROUNDING))
        log_excess = np.log(ordered[ordered > start] / start) if start > 0.0 else excess
        self._log_scale = max(float(log_excess.sum()) / (len(excess) + 1), _LEAST_LOG_EXCESS)
        self._start = start
        self._excesses = max(len(excess), 1)
        self._start_strength = -math.log(max(len(excess), 1) / known)
        self._sorted = ordered
        self._next_refit = self._learned + max(_REFIT_ROWS, known // _REFITS_PER_MEMORY)
