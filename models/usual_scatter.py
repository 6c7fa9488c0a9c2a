"""How far severities of structures without an alarm scatter, beside the spread that is stated for them.

A spread is cautious: joined witnesses are taken to correlate by a half, and it grows by what a damaged structure does
among its like. So sound severities may scatter by a third of their spread, or by all of it, by how the fleet is built
and measured. Evidence and chances should not be cautious but right: where like structures hardly scatter, a tenth of
the way to failure is a sign, and where they wander it is none. So for each failure mode the fleet is asked once a day:
the median over its pairs without an alarm of severity over spread, whatever its sign, averaged over half a year. A
third of them damaged and unnoticed does not double it.

The scale is that of Student's distribution of `models.degradation`, whose median stands for one spread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy import special

from domain.arrays import BoolArray, FloatArray
from models.catalogue import Catalogue
from models.day_tables import DayTables, table_as_of, table_before, with_table
from models.degradation import SOUND_FREEDOM
from models.medians import grouped_median
from models.thresholds import MODES

__all__ = ["UsualScatter"]

# What the prior (all of the stated spread) is worth, and how long a day is remembered, in days.
_PRIOR_DAYS: Final = 30.0
_MEMORY_DAYS: Final = 180.0
_LEAST_SCATTER: Final = 0.3
# Half of what Student's distribution brings lies within this.
_MEDIAN: Final = float(special.stdtrit(SOUND_FREEDOM, 0.75))
_NOTHING_LEARNT: Final[FloatArray] = np.tile(np.array([_MEDIAN, 1.0]) * _PRIOR_DAYS, (len(MODES), 1))


@dataclass(slots=True, eq=False)
class UsualScatter:
    """What the fleet has shown of its severities' scatter; never changed.

    Attributes
    ----------
    tables : dict of int to float64[M, 2]
        At each day's end, oldest first: for each of `models.thresholds.MODES` the sum of the days' medians, and of the
        days, both fading.
    """

    tables: DayTables = field(default_factory=dict)

    def learnt(
        self, catalogue: Catalogue, severity: FloatArray, spread: FloatArray, counts: BoolArray, day_end_ns: int
    ) -> UsualScatter:
        """Give what is known after a day; a day that was learnt, or lies before one, teaches nothing again.

        Parameters
        ----------
        severity, spread : float64[P]
            Of this day; spread is positive.
        counts : bool[P]
            Pairs with a severity of this day, and without an alarm.
        """
        if self.tables and day_end_ns <= max(self.tables):
            return self
        before = _or_nothing(table_before(self.tables, day_end_ns))
        rows = np.flatnonzero(counts)
        mode = catalogue.pair_mode[rows].astype(np.intp)
        median = grouped_median(mode, np.abs(severity[rows]) / spread[rows], len(MODES))
        said = np.isfinite(median)
        fresh = before * (1.0 - 1.0 / _MEMORY_DAYS) + np.stack([np.nan_to_num(median), np.ones(len(MODES))], -1)
        return UsualScatter(with_table(self.tables, day_end_ns, np.where(said[:, np.newaxis], fresh, before)))

    def of_pairs(self, catalogue: Catalogue, day_end_ns: int) -> FloatArray:
        """float64[P]: how far sound severities scatter, as a share of their spread, as of a day; 0.3 to 1."""
        table = _or_nothing(table_as_of(self.tables, day_end_ns))
        share = table[:, 0] / (table[:, 1] * _MEDIAN)
        return np.asarray(np.clip(share, _LEAST_SCATTER, 1.0)[catalogue.pair_mode])


def _or_nothing(table: FloatArray | None) -> FloatArray:
    return _NOTHING_LEARNT if table is None else table
