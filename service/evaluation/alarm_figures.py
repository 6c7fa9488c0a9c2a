"""How the alarms did: false ones by cause, failures found, delay and lead.

A condition alarm belongs to the life in which it was raised. Before the onset it is false, from the onset to
the failure it is true, and what is raised behind the end of a life counts for nothing. One that stood since
before the onset stays false: it called when there was nothing to see.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from domain.figures import Figure
from service.evaluation.intervals import nothing, rate, share
from service.evaluation.modes import mode_is_named_by
from service.evaluation.truth import DAY_NS, YEAR_DAYS, Case, Life, RaisedAlarm, Truth

__all__ = ["SLOW_DAYS", "AlarmFigures", "JudgedLife", "cause_of", "grade_alarms", "judge_lives"]

# A failure that takes at least this long from onset gives a planner a season.
SLOW_DAYS: Final = 90.0
# How long after its end an event still counts as the cause of an alarm: persistence and thaw take weeks.
_AFTERMATH_NS: Final = 30 * DAY_NS


class AlarmFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The alarm part of a scoreboard; docs/evaluation.md defines each figure.

    Attributes
    ----------
    healthy_years : float
        Asset-years before any damage.
    false_per_year : Figure
        False condition alarms per healthy asset-year.
    false_causes : dict of str to int
        The same alarms by what was going on.
    worst_assets : dict of str to int
        False alarms of the five worst assets.
    found, found_slow, found_fast : Figure
        Share of the failures with a true alarm before them.
    named : Figure
        Share of found failures of which an alarm named the right mode.
    delay_days, lead_days, lead_days_slow, lead_days_fast : Figure
        Medians, with the 10 and 90 % quantiles as low and high.
    in_time : Figure
        Share of the failures found at least the crew's lead before.
    by_mode : dict of str to [int, int]
        Found and all failures of each mode.
    """

    healthy_years: float
    false_per_year: Figure
    false_causes: dict[str, int]
    worst_assets: dict[str, int]
    found: Figure
    found_slow: Figure
    found_fast: Figure
    named: Figure
    delay_days: Figure
    lead_days: Figure
    lead_days_slow: Figure
    lead_days_fast: Figure
    in_time: Figure
    by_mode: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class JudgedLife:
    """One life with its condition alarms sorted out, each in the order of raising."""

    truth: Truth
    life: Life
    false: tuple[RaisedAlarm, ...]
    true: tuple[RaisedAlarm, ...]

    @property
    def delay_days(self) -> float:
        """Days from the onset to the first true alarm; NaN without one."""
        if not self.true or self.life.onset_ns is None:
            return np.nan
        return (self.true[0].raised_ns - self.life.onset_ns) / DAY_NS

    @property
    def lead_days(self) -> float:
        """Days from the first true alarm to the failure; NaN without either."""
        if not self.true or self.life.failure_ns is None:
            return np.nan
        return (self.life.failure_ns - self.true[0].raised_ns) / DAY_NS

    @property
    def is_slow(self) -> bool:
        """True for a failure at least `SLOW_DAYS` after its onset."""
        life = self.life
        return (
            life.onset_ns is not None
            and life.failure_ns is not None
            and life.failure_ns - life.onset_ns >= SLOW_DAYS * DAY_NS
        )


def judge_lives(cases: Sequence[Case]) -> list[JudgedLife]:
    """Sort the condition alarms of every life into false and true ones."""
    judged = []
    for case in cases:
        by_asset: dict[str, list[RaisedAlarm]] = {}
        for alarm in sorted(case.record.alarms, key=lambda alarm: (alarm.raised_ns, alarm.kind, alarm.subject)):
            if alarm.is_condition:
                by_asset.setdefault(alarm.asset, []).append(alarm)
        for life in case.lives:
            mine = [
                alarm
                for alarm in by_asset.get(case.truth.assets[life.asset].id, [])
                if life.start_ns <= alarm.raised_ns < life.end_ns
            ]
            false = tuple(alarm for alarm in mine if alarm.raised_ns < life.healthy_end_ns)
            judged.append(JudgedLife(case.truth, life, false, tuple(mine[len(false) :])))
    return judged


def cause_of(truth: Truth, alarm: RaisedAlarm) -> str:
    """Name what was going on when a false alarm was raised: the most particular event of the 30 days before.

    Returns
    -------
    str
        A fault of one of the asset's sensors before works on the asset, works before weather, the latest
        begun first; `unexplained` when nothing was going on.
    """
    going_on = [
        event
        for event in truth.events
        if event.asset in {"", alarm.asset} and event.start_ns <= alarm.raised_ns <= event.end_ns + _AFTERMATH_NS
    ]
    if not going_on:
        return "unexplained"
    event = max(going_on, key=lambda event: (event.is_sensor_fault, bool(event.asset), event.start_ns, event.kind))
    if event.is_sensor_fault:
        return f"sensor fault: {event.kind}"
    if not event.asset:
        return event.kind
    return f"{event.kind}, {'announced' if event.announced else 'unannounced'}"


def grade_alarms(judged: Sequence[JudgedLife]) -> AlarmFigures:
    """Count the alarms of all lives of all runs together."""
    healthy_days = sum((item.life.healthy_end_ns - item.life.start_ns) / DAY_NS for item in judged)
    false = [(item.truth, alarm) for item in judged for alarm in item.false]
    failed = [item for item in judged if item.life.has_failed]
    found = [item for item in failed if item.true]
    named = [item for item in found if any(mode_is_named_by(item.life.mode, alarm.kind) for alarm in item.true)]
    in_time = [item for item in found if item.lead_days >= item.truth.assets[item.life.asset].crew_lead_days]
    slow = [item for item in failed if item.is_slow]
    fast = [item for item in failed if not item.is_slow]
    by_mode = {
        mode: (sum(bool(i.true) for i in failed if i.life.mode == mode), sum(i.life.mode == mode for i in failed))
        for mode in sorted({item.life.mode for item in failed})
    }
    return AlarmFigures(
        healthy_years=healthy_days / YEAR_DAYS,
        false_per_year=rate(len(false), healthy_days / YEAR_DAYS),
        false_causes=dict(Counter(cause_of(truth, alarm) for truth, alarm in false).most_common()),
        worst_assets=dict(Counter(f"{truth.name}/{alarm.asset}" for truth, alarm in false).most_common(5)),
        found=share(len(found), len(failed)),
        found_slow=share(sum(bool(item.true) for item in slow), len(slow)),
        found_fast=share(sum(bool(item.true) for item in fast), len(fast)),
        named=share(len(named), len(found)),
        delay_days=_spread([item.delay_days for item in judged if item.true]),
        lead_days=_spread([item.lead_days for item in found]),
        lead_days_slow=_spread([item.lead_days for item in slow if item.true]),
        lead_days_fast=_spread([item.lead_days for item in fast if item.true]),
        in_time=share(len(in_time), len(failed)),
        by_mode=by_mode,
    )


def _spread(days: Sequence[float]) -> Figure:
    """Give the median of some durations, with the middle 80 % of them."""
    if not days:
        return nothing()
    low, middle, high = np.quantile(np.array(days), [0.1, 0.5, 0.9]).tolist()
    return Figure(middle, low, high, len(days))
