"""What a quantity usually is at this time of the day, and how far from it a row is.

People and weather live by the day, and so do the loads on what they build. The day is cut into bins; each keeps a mean
and a mean absolute deviation that fade over some days, and a row is compared with the bins around its time. A single
row moves a bin by a few deviations at most, so that an outlier is not learned at its full size. Where a bin knows
little, the stream's own overall mean and deviation stand in. A stream without a clock has one bin.

The score is the absolute residual over the deviation usual at that time: dimensionless, 1 on average.
"""

from __future__ import annotations

from typing import Final

__all__ = ["DailyProfile"]

_DAY_S: Final = 86400.0
_BINS: Final = 96
# Weights halve in six days: a week of habit, and a change of season is followed.
_HALF_LIFE_DAYS: Final = 6.0
_LONGEST_PAUSE_DAYS: Final = 5
# Rows that the overall mean and deviation are worth against what a bin has seen itself.
_PRIOR_MEAN_ROWS: Final = 1.0
_PRIOR_DEVIATION_ROWS: Final = 2.0
# The overall level follows the last rows; two thousand are a week of five minutes.
_LEVEL_ROWS: Final = 2000
_CLIP_DEVIATIONS: Final = 5.0
_UNCLIPPED_ROWS: Final = 20
_SILENT_ROWS: Final = 10
_LEAST_SHARE: Final = 0.1
# What a sum of many rows may be off by; a stream that stands still has no deviation.
_ROUNDING: Final = 1e-9
_TINY: Final = 1e-12


class DailyProfile:
    """Mean and deviation by time of day, of one channel.

    Parameters
    ----------
    has_clock : bool
        Whether times are times: without a clock there is one bin.
    """

    __slots__ = ("_bins", "_day", "_deviation", "_level", "_rows", "_spread", "_total", "_weight")

    def __init__(self, *, has_clock: bool) -> None:
        self._bins = _BINS if has_clock else 1
        self._weight = [0.0] * self._bins
        self._total = [0.0] * self._bins
        self._deviation = [0.0] * self._bins
        self._level = 0.0
        self._spread = 0.0
        self._rows = 0
        self._day = 0

    def step(self, time_s: float, value: float) -> tuple[float, float]:
        """Judge a value by what was learned before it, then learn it.

        Parameters
        ----------
        time_s : float
            Unix seconds.
        value : float
            Finite, in the channel's unit.

        Returns
        -------
        expected : float
            Usual value at this time of day, in the channel's unit.
        score : float
            Absolute residual in usual deviations; 0 for the first `_SILENT_ROWS` rows.
        """
        if self._rows == 0:
            self._level = value
        self._fade(int(time_s // _DAY_S))
        here = int(time_s % _DAY_S / _DAY_S * self._bins) % self._bins
        around = ((here - 1) % self._bins, here, (here + 1) % self._bins) if self._bins > 1 else (here,)
        weight = sum(self._weight[at] for at in around)
        total = sum(self._total[at] for at in around)
        deviation = sum(self._deviation[at] for at in around)
        expected = (total + _PRIOR_MEAN_ROWS * self._level) / (weight + _PRIOR_MEAN_ROWS)
        usual = (deviation + _PRIOR_DEVIATION_ROWS * self._spread) / (weight + _PRIOR_DEVIATION_ROWS)
        residual = value - expected
        if abs(residual) <= _ROUNDING * (abs(value) + abs(expected)):
            residual = 0.0
        size = abs(residual)
        least = _LEAST_SHARE * self._spread + _TINY * (1.0 + abs(self._level))
        score = size / (usual + least) if self._rows > _SILENT_ROWS else 0.0
        if self._rows > _UNCLIPPED_ROWS and usual > 0.0 and size > _CLIP_DEVIATIONS * usual:
            size = _CLIP_DEVIATIONS * usual
        self._weight[here] += 1.0
        self._total[here] += expected + (size if residual > 0.0 else -size)
        self._deviation[here] += size
        distance = abs(value - self._level)
        self._rows += 1
        share = max(1.0 / self._rows, 1.0 / _LEVEL_ROWS)
        self._level += share * (value - self._level)
        self._spread += share * (distance - self._spread)
        return expected, score

    def _fade(self, day: int) -> None:
        """Let the weights fade once a day; a clock that steps back fades nothing.

        A row that comes some days late leaves the day as it is, as rows of two days may take turns. From further back
        the day begins anew: it was the row before that had a time of nonsense.
        """
        if self._rows == 0:
            self._day = day
        passed = day - self._day
        if passed < -_LONGEST_PAUSE_DAYS:
            self._day = day
        if passed <= 0:
            return
        keep = 0.5 ** (min(passed, _LONGEST_PAUSE_DAYS) / _HALF_LIFE_DAYS)
        self._weight = [keep * x for x in self._weight]
        self._total = [keep * x for x in self._total]
        self._deviation = [keep * x for x in self._deviation]
        self._day = day
