"""The cheapest week: expected cost of repairing in each week of the coming year, and what an inspection is worth.

Repairing in week ``w`` costs the planned repair when the asset holds until then, and the failure with its closure when
it does not. What a year of deferral saves is the share of the planned repair that its new life and the interest on
its cost are worth. So the cost of a damaged asset rises with every week, and that of a sound one falls: its cheapest
week is the last one, which says "not this year". No week comes before the crew can.

An inspection tells sound from damaged. It is worth what the best week costs as things are known now, less the mean
of what the best weeks cost once it is known which of the two holds: the most to pay for a perfect inspection.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import FloatArray
from domain.explanations import RepairPlan

__all__ = ["WEEK_DAYS", "plan_repair"]

_WEEKS: Final = 53
WEEK_DAYS: Final[FloatArray] = 7.0 * np.arange(_WEEKS, dtype=np.float64)
# A planned repair lasts about twenty years, and money costs 3 % a year.
_DEFERRAL_PER_YEAR: Final = 1.0 / 20.0 + 0.03


def plan_repair(
    failed: FloatArray,
    *,
    sound: FloatArray,
    damaged: float,
    planned_eur: float,
    failure_eur: float,
    crew_lead_days: float,
) -> RepairPlan:
    """Find the cheapest week to repair one asset.

    Parameters
    ----------
    failed, sound : float64[W]
        Chance of failure within `WEEK_DAYS`, as known now and were it sound.
    damaged : float
        Chance that there is damage.

    Examples
    --------
    >>> doomed = np.minimum(WEEK_DAYS / 100.0, 1.0)
    >>> plan = plan_repair(
    ...     doomed, sound=0.0 * doomed, damaged=1.0, planned_eur=1e5, failure_eur=3e5, crew_lead_days=10.0
    ... )
    >>> plan.first_week, plan.best_week, plan.waiting_a_week_eur > 0.0
    (2, 2, True)
    """
    first = min(int(np.ceil(max(crew_lead_days, 0.0) / 7.0)), _WEEKS - 1)

    def cost(chance: FloatArray) -> FloatArray:
        repair = planned_eur * (1.0 - _DEFERRAL_PER_YEAR * WEEK_DAYS / 365.25)
        total = chance * failure_eur + (1.0 - chance) * repair
        return np.asarray(np.where(np.arange(_WEEKS) < first, total[first], total), np.float64)

    now = cost(failed)
    best = first + int(np.argmin(now[first:]))
    known = now[best]
    if 0.0 < damaged < 1.0:
        worse = np.clip((failed - (1.0 - damaged) * sound) / damaged, 0.0, 1.0)
        known = damaged * np.min(cost(worse)) + (1.0 - damaged) * np.min(cost(sound))
    later = now[min(first + 1, _WEEKS - 1)]
    return RepairPlan(
        cost_eur=tuple(now.tolist()),
        first_week=first,
        best_week=best,
        waiting_a_week_eur=float(later - now[first]),
        inspection_eur=float(max(now[best] - known, 0.0)),
    )
