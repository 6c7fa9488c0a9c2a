"""The cases behind the figures, one line each: every failure, every false alarm, every faulty sensor.

They are what one looks at after the scoreboard: which failures were missed, which assets cry wolf, and how the
stated remaining life came near the truth as failure drew near.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np

from service.evaluation.alarm_figures import JudgedLife, cause_of
from service.evaluation.modes import mode_is_named_by
from service.evaluation.truth import DAY_NS, Case

__all__ = ["Details", "FailureCase", "FalseAlarm", "LifePoint", "list_details"]

# Days to failure at which stated lives are compared: weeks near it, months far from it.
_LIFE_EDGES_DAYS = np.array([0.0, 15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 270.0, 400.0])


class FailureCase(msgspec.Struct, frozen=True, kw_only=True):
    """One damaged life; the alarm is the first true one."""

    run: str
    asset: str
    mode: str
    component: str
    onset: str
    failure: str | None
    failed_in_run: bool
    growth_days: float | None
    alarm: str | None
    alarm_kind: str | None
    names_mode: bool
    delay_days: float | None
    lead_days: float | None


class FalseAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """One condition alarm in healthy time."""

    run: str
    asset: str
    kind: str
    raised: str
    cleared: str | None
    cause: str


class LifePoint(msgspec.Struct, frozen=True):
    """Stated remaining lives of damaged assets that had between `low_days` and `high_days` left.

    Medians over all such days of the stated 10, 50 and 90 % quantiles, and how many days.
    """

    low_days: float
    high_days: float
    stated_low: float
    stated_middle: float
    stated_high: float
    days: int


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """The cases of one detector over all runs."""

    failures: list[FailureCase]
    false_alarms: list[FalseAlarm]
    life_points: list[LifePoint]


def list_details(cases: Sequence[Case], judged: Sequence[JudgedLife]) -> Details:
    """List every case of one detector; `judged` are the lives of the cases, in their order."""
    return Details(
        failures=[_failure(item) for item in judged if item.life.onset_ns is not None],
        false_alarms=[
            FalseAlarm(
                run=item.truth.name,
                asset=alarm.asset,
                kind=alarm.kind,
                raised=_moment(alarm.raised_ns),
                cleared=None if alarm.cleared_ns is None else _moment(alarm.cleared_ns),
                cause=cause_of(item.truth, alarm),
            )
            for item in judged
            for alarm in item.false
        ],
        life_points=_life_points(cases, judged),
    )


def _failure(item: JudgedLife) -> FailureCase:
    life = item.life
    onset_ns = life.onset_ns or 0
    alarm = item.true[0] if item.true else None
    growth = None if life.failure_ns is None else (life.failure_ns - onset_ns) / DAY_NS
    return FailureCase(
        run=item.truth.name,
        asset=item.truth.assets[life.asset].id,
        mode=life.mode,
        component=life.component,
        onset=_moment(onset_ns),
        failure=None if life.failure_ns is None else _moment(life.failure_ns),
        failed_in_run=life.has_failed,
        growth_days=growth,
        alarm=None if alarm is None else _moment(alarm.raised_ns),
        alarm_kind=None if alarm is None else alarm.kind,
        names_mode=any(mode_is_named_by(life.mode, each.kind) for each in item.true),
        delay_days=_number(item.delay_days),
        lead_days=_number(item.lead_days),
    )


def _life_points(cases: Sequence[Case], judged: Sequence[JudgedLife]) -> list[LifePoint]:
    left: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = [np.empty(0)]
    said: list[np.ndarray[tuple[int, int], np.dtype[np.float64]]] = [np.empty((0, 3))]
    for item, case in zip(judged, [each for each in cases for _ in each.lives], strict=True):
        life = item.life
        if life.onset_ns is None or life.failure_ns is None:
            continue
        at_ns = case.record.at_ns
        days = np.flatnonzero((at_ns >= life.onset_ns) & (at_ns < life.end_ns))
        stated = case.record.life_days[life.asset, days]
        kept = np.isfinite(stated).all(axis=1)
        left.append((life.failure_ns - at_ns[days[kept]]) / DAY_NS)
        said.append(stated[kept])
    days_left, stated = np.concatenate(left), np.concatenate(said)
    points = []
    for low, high in zip(_LIFE_EDGES_DAYS[:-1].tolist(), _LIFE_EDGES_DAYS[1:].tolist(), strict=True):
        inside = (days_left > low) & (days_left <= high)
        if inside.any():
            q10, q50, q90 = np.median(stated[inside], axis=0).tolist()
            points.append(LifePoint(low, high, q10, q50, q90, int(inside.sum())))
    return points


def _number(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None


def _moment(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
