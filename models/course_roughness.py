"""How steadily the fleet's damages grow, and how much wider or narrower lives are told for it.

Some fleets' damages grow steadily; others rest, go on by fits and starts, or are measured by quantities that show them
unequally from week to week. The degradation model takes one size of error around a course for all, and its intervals of
life are too wide for the former and too narrow for the latter. So the fleet is asked once a day, of each pair with an
open alarm: how far is the severity of a week ago from the middle between today's and that of two weeks ago, as a share
of today's? A steady course has nothing there however fast it grows, and the noise of a sound structure is small by
then. No outcome is needed for it, so it is learnt where nobody records failures; where people do, it is what their
records start from (`models.life_book`). Chances stay as they are: narrower errors made them worse on simulated fleets.

Errors of a severity stay for weeks, so most of one is in all three severities and no difference shows it; by the
errors of `models.degradation` it is known how much does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from models.day_tables import DayTables, table_as_of, table_before, with_table

__all__ = ["CourseRoughness"]

# Taken for the departure before anything is seen, as a share of the severity; what that is worth in days of damaged
# pairs, and how long a day is remembered, in days. Judgement.
_USUAL_SHARE: Final = 0.08
_PRIOR_PAIR_DAYS: Final = 150.0
_MEMORY_DAYS: Final = 365.0
# Of errors around a course as `models.degradation` has them (most of their variance stays for 25 days): the standard
# deviation of second differences over a week, of means of two days; and what its mean absolute value is of that.
_SEEN_OF_IT: Final = 1.16 * 0.798
# How wide intervals of life are that cover 80 %, beside those of the degradation model, by that share within bounds: a
# line drawn through simulated fleets, of which the two simulators have a side each.
_LEAST_SHARE, _MOST_SHARE = 0.05, 0.14
_STRETCH_AT_NONE, _STRETCH_PER_SHARE = 0.58, 4.5
# A damage is under way when its severity is between these, and was so much four weeks before.
_UNDER_WAY: Final = (0.2, 1.2)
_BEFORE: Final = 0.1
_BEFORE_DAYS: Final = 28
_WEEK: Final = 7
# A departure beyond this share counts as this: a sensor was swapped, or works moved a level.
_FARTHEST: Final = 0.4


@dataclass(slots=True, eq=False)
class CourseRoughness:
    """What damages under way have shown; never changed.

    Attributes
    ----------
    tables : dict of int to float64[1, 2]
        At each day's end, oldest first: the sum of absolute departures as shares of the severity, and how many pairs
        and days they are of, both fading.
    """

    tables: DayTables = field(default_factory=dict)

    def learnt(self, severity_past: FloatArray, counts: BoolArray, day_end_ns: int) -> CourseRoughness:
        """Give what is known after a day; a day that was learnt, or lies before one, teaches nothing again.

        Parameters
        ----------
        severity_past : float64[P, D]
            Severities by day, today's first; D at least 30.
        counts : bool[P]
            Pairs with a severity of this day, and with an open alarm.
        """
        if self.tables and day_end_ns <= max(self.tables):
            return self
        today = severity_past[:, 0]
        going = counts & (today > _UNDER_WAY[0]) & (today < _UNDER_WAY[1]) & (severity_past[:, _BEFORE_DAYS] > _BEFORE)
        before = table_before(self.tables, day_end_ns)
        kept = np.zeros((1, 2)) if before is None else before * (1.0 - 1.0 / _MEMORY_DAYS)
        past = severity_past[going]
        now, week, fortnight = (past[:, day] + past[:, day + 1] for day in (0, _WEEK, 2 * _WEEK))
        apart = np.minimum(np.abs(now - 2.0 * week + fortnight) / (2.0 * today[going]), _FARTHEST)
        table = kept + np.array([[float(np.sum(apart)), float(len(apart))]])
        return CourseRoughness(with_table(self.tables, day_end_ns, table))

    def departure(self, day_end_ns: int) -> float:
        """Tell how far damages depart from a steady course, as a share of how far they have come, as of a day."""
        table = table_as_of(self.tables, day_end_ns)
        apart, pairs = (0.0, 0.0) if table is None else table[0].tolist()
        return float((apart / _SEEN_OF_IT + _PRIOR_PAIR_DAYS * _USUAL_SHARE) / (pairs + _PRIOR_PAIR_DAYS))

    def stretch(self, day_end_ns: int) -> float:
        """Tell how much wider intervals of life are than the degradation model's, as of a day; 0.8 to 1.21."""
        share = min(max(self.departure(day_end_ns), _LEAST_SHARE), _MOST_SHARE)
        return _STRETCH_AT_NONE + _STRETCH_PER_SHARE * share
