"""What the alarms would have saved: the same failures under three ways of working.

Only failures inside the run cost anything, so that a run is not charged for what comes after it. A planned
repair before the failure replaces the emergency one; the crew needs its lead time. Every condition alarm, true
or false, is looked at once, which costs a share of the planned repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from domain.figures import Figure
from service.evaluation.alarm_figures import JudgedLife
from service.evaluation.intervals import nothing, over_lives
from service.evaluation.truth import DAY_NS, YEAR_DAYS

__all__ = ["INSPECTION_SHARE", "MoneyFigures", "grade_money"]

# One visit with a measuring van or a diver, as a share of the planned repair; judgement.
INSPECTION_SHARE: Final = 0.02
# Intervals of preventive maintenance among which the cheapest, chosen with hindsight, is compared with.
_INTERVAL_YEARS: Final = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


class MoneyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The money part of a scoreboard, in euros over all runs together.

    Attributes
    ----------
    interval_years : float or None
        The best interval of fixed maintenance; None where not maintaining at all is cheaper than any.
    saved : Figure
        Share of the cost of running to failure; `count` is the number of failures.
    saved_at_most : float or None
        The same with every failure repaired as planned and no alarm in vain.
    saved_of_most : float or None
        `saved` as a share of `saved_at_most`.
    saved_against_interval : float or None
        Share of the cost of the best fixed interval.
    """

    run_to_failure_eur: float
    fixed_interval_eur: float
    interval_years: float | None
    with_alarms_eur: float
    inspections_eur: float
    perfect_eur: float
    saved: Figure
    saved_at_most: float | None
    saved_of_most: float | None
    saved_against_interval: float | None


def grade_money(judged: Sequence[JudgedLife]) -> MoneyFigures:
    """Reckon what each way of working costs."""
    rows = np.array([_costs(item) for item in judged]).reshape(-1, 4)
    breakdown, perfect, repairs, inspections = rows.sum(axis=0).tolist()
    with_alarms = repairs + inspections
    by_interval = {years: _fixed_interval(judged, years) for years in _INTERVAL_YEARS}
    best = min(by_interval, key=lambda years: by_interval[years])
    never = by_interval[best] >= breakdown
    fixed = breakdown if never else by_interval[best]
    failures = sum(item.life.has_failed for item in judged)
    most = 1.0 - perfect / breakdown if breakdown > 0 else None

    def saved(weight: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        cost = float(np.sum(weight * rows[:, 0]))
        return 1.0 - float(np.sum(weight * (rows[:, 2] + rows[:, 3]))) / cost if cost > 0 else np.nan

    share = over_lives(len(rows), saved) if failures else nothing()
    share = Figure(share.value, share.low, share.high, failures)
    return MoneyFigures(
        run_to_failure_eur=breakdown,
        fixed_interval_eur=fixed,
        interval_years=None if never else best,
        with_alarms_eur=with_alarms,
        inspections_eur=inspections,
        perfect_eur=perfect,
        saved=share,
        saved_at_most=most,
        saved_of_most=share.value / most if share.value is not None and most else None,
        saved_against_interval=1.0 - with_alarms / fixed if fixed > 0 else None,
    )


def _costs(item: JudgedLife) -> tuple[float, float, float, float]:
    """Give one life's cost without warning, with perfect warning, with ours, and of looking at our alarms."""
    asset = item.truth.assets[item.life.asset]
    looked = INSPECTION_SHARE * asset.planned_eur * (len(item.false) + len(item.true))
    if not item.life.has_failed:
        return 0.0, 0.0, 0.0, looked
    in_time = bool(item.true) and item.lead_days >= asset.crew_lead_days
    return asset.failure_eur, asset.planned_eur, asset.planned_eur if in_time else asset.failure_eur, looked


def _fixed_interval(judged: Sequence[JudgedLife], years: float) -> float:
    """Give the expected cost of a planned repair every so many years, its day independent of the damage.

    A visit between onset and failure prevents the failure; it falls there with the chance `growth / interval`.
    """
    total = 0.0
    for item in judged:
        asset, life = item.truth.assets[item.life.asset], item.life
        total += asset.planned_eur * (life.end_ns - life.start_ns) / DAY_NS / YEAR_DAYS / years
        if life.has_failed and life.onset_ns is not None and life.failure_ns is not None:
            growth_years = (life.failure_ns - life.onset_ns) / DAY_NS / YEAR_DAYS
            total += asset.failure_eur * max(0.0, 1.0 - growth_years / years)
    return total
