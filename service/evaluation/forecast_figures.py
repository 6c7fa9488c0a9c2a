"""How good the stated risk was: failure within 90 days, and the remaining life.

Every day of every life with a statement is one row, but lives are what is counted: intervals come from
resampling lives, and remaining-life errors are averaged within a life first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from domain.arrays import BoolArray, FloatArray, IndexArray
from domain.figures import Figure
from domain.records import PLANNING_HORIZON_DAYS
from service.evaluation.alarm_figures import JudgedLife, judge_lives
from service.evaluation.intervals import binomial_interval, over_lives
from service.evaluation.truth import DAY_NS, Case, Life, Truth

__all__ = ["ForecastFigures", "LifeFigures", "ReliabilityBin", "grade_forecast", "grade_life"]

# Edges of the bins of stated chances: most days are far below 10 %, so bins are finer there.
_BIN_EDGES: Final = np.array([0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0])


class ReliabilityBin(msgspec.Struct, frozen=True):
    """Days on which a chance in `[low, high)` was stated: the mean of it, the share that failed, their number.

    Attributes
    ----------
    happened_low, happened_high : float
        90 % interval of that share, as if each life were one case: days of one life are not independent.
    lives : int
        Lives with such a day.
    """

    low: float
    high: float
    stated: float
    happened: float
    days: int
    happened_low: float
    happened_high: float
    lives: int


class ForecastFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The 90-day part of a scoreboard; `count` is the number of lives.

    Attributes
    ----------
    answered : float
        Share of labelled days with a statement.
    base_rate : float or None
        Share of answered days followed by a failure within 90 days.
    skill : Figure
        1 - Brier score / Brier score of always stating the base rate.
    calibration_error : Figure
        Mean distance between stated and happened over the bins, weighted by days.
    """

    answered: float
    base_rate: float | None
    auc: Figure
    brier: Figure
    skill: Figure
    calibration_error: Figure
    reliability: list[ReliabilityBin]


class LifeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The remaining-life part of a scoreboard; `count` is the number of lives.

    Attributes
    ----------
    answered : float
        Share of the days in question with a statement.
    coverage : Figure
        Share of days on which the true remaining life lay in the stated 80 % interval.
    width_days : Figure
        Mean width of that interval.
    error_days : Figure
        Median absolute error of the stated median.
    """

    answered: float
    coverage: Figure
    width_days: Figure
    error_days: Figure


def grade_forecast(cases: Sequence[Case]) -> ForecastFigures:
    """Grade the stated chance of failure within 90 days, over all lives of all runs."""
    stated, failed, owner = [], [], []
    number = labelled = 0
    for case in cases:
        for life in case.lives:
            days = _days_of(case, life)
            label, is_known = _label(case.truth, life, days, case.record.at_ns)
            chance = case.record.chance_90[life.asset, days]
            keep = is_known & np.isfinite(chance)
            labelled += int(is_known.sum())
            stated.append(chance[keep])
            failed.append(label[keep])
            owner.append(np.full(int(keep.sum()), number, np.int32))
            number += 1
    p = np.concatenate([*stated, np.empty(0)])
    y = np.concatenate([*failed, np.empty(0, np.bool_)])
    of = np.concatenate([*owner, np.empty(0, np.int32)])
    statistic = _statistics(p, y, of)
    return ForecastFigures(
        answered=len(p) / labelled if labelled else 0.0,
        base_rate=float(y.mean()) if len(y) else None,
        auc=over_lives(number, _auc_of(p, y, of)),
        brier=over_lives(number, statistic(lambda w, error, _: np.sum(w * error) / np.sum(w))),
        skill=over_lives(number, statistic(_skill)),
        calibration_error=over_lives(number, _calibration_of(p, y, of)),
        reliability=_bins(p, y, of),
    )


def grade_life(cases: Sequence[Case], *, from_alarm: bool) -> LifeFigures:
    """Grade the stated remaining life of damaged assets.

    Parameters
    ----------
    from_alarm : bool
        True: from the first true alarm to the failure, when a planner needs it. False: from the onset.
    """
    rows: list[tuple[float, float, float]] = []
    asked = answered = 0
    lives = zip(judge_lives(cases), [case for case in cases for _ in case.lives], strict=True)
    for judged, case in lives:
        begin_ns = _first_asked(judged, from_alarm=from_alarm)
        if begin_ns is None or judged.life.failure_ns is None:
            continue
        at_ns = case.record.at_ns
        days = np.flatnonzero((at_ns >= begin_ns) & (at_ns < judged.life.end_ns))
        stated = case.record.life_days[judged.life.asset, days]
        said = np.isfinite(stated).all(axis=1)
        asked, answered = asked + len(days), answered + int(said.sum())
        if not said.any():
            continue
        low, middle, high = stated[said].T
        left = (judged.life.failure_ns - at_ns[days][said]) / DAY_NS
        rows.append(
            (
                float(np.mean((low <= left) & (left <= high))),
                float(np.mean(high - low)),
                float(np.median(np.abs(middle - left))),
            )
        )
    table = np.array(rows).reshape(-1, 3)
    return LifeFigures(
        answered=answered / asked if asked else 0.0,
        coverage=_mean_over_lives(table[:, 0]),
        width_days=_mean_over_lives(table[:, 1]),
        error_days=over_lives(len(table), lambda weight: _weighted_median(table[:, 2], weight)),
    )


def _first_asked(judged: JudgedLife, *, from_alarm: bool) -> int | None:
    if from_alarm:
        return judged.true[0].raised_ns if judged.true else None
    return judged.life.onset_ns


def _days_of(case: Case, life: Life) -> IndexArray:
    """Give the days whose end lies in a life."""
    at_ns = case.record.at_ns
    return np.flatnonzero((at_ns > life.start_ns) & (at_ns < life.end_ns)).astype(np.int32)


def _label(
    truth: Truth, life: Life, days: IndexArray, at_ns: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[BoolArray, BoolArray]:
    """Tell for each day whether it failed within the horizon, and whether that is known."""
    horizon_ns = PLANNING_HORIZON_DAYS * DAY_NS
    left = (life.failure_ns - at_ns[days]) if life.failure_ns is not None else np.full(len(days), 2**62)
    fails = left <= horizon_ns
    if truth.knows_future and life.failure_ns is not None:
        return fails, np.ones(len(days), np.bool_)
    # A repair hides what would have been, and so does the end of an owner's history.
    seen_ns = truth.end_ns if life.end_ns == truth.end_ns else life.end_ns
    ended = life.end_ns < truth.end_ns or not truth.knows_future
    known = fails | (at_ns[days] + horizon_ns <= seen_ns) if ended else np.ones(len(days), np.bool_)
    return fails, np.asarray(known, np.bool_)


_RowStatistic = Callable[[FloatArray, FloatArray, BoolArray], float]


def _statistics(
    p: FloatArray, y: BoolArray, owner: IndexArray
) -> Callable[[_RowStatistic], Callable[[FloatArray], float]]:
    error = (p - y) ** 2

    def of_rows(rows: _RowStatistic) -> Callable[[FloatArray], float]:
        def of_lives(weight: FloatArray) -> float:
            w = weight[owner]
            return float(rows(w, error, y)) if w.sum() > 0 else np.nan

        return of_lives

    return of_rows


def _skill(w: FloatArray, error: FloatArray, y: BoolArray) -> float:
    base = np.sum(w * y) / np.sum(w)
    reference = base * (1.0 - base)
    return float(1.0 - np.sum(w * error) / np.sum(w) / reference) if reference > 0 else np.nan


def _auc_of(p: FloatArray, y: BoolArray, owner: IndexArray) -> Callable[[FloatArray], float]:
    """Chance that a day before a failure has a higher stated chance than another day; ties count half."""
    order = np.argsort(p, kind="stable")
    _, group = np.unique(p[order], return_inverse=True)
    fails, of = y[order], owner[order]
    groups = int(group[-1]) + 1 if len(group) else 0

    def statistic(weight: FloatArray) -> float:
        w = weight[of]
        bad = np.bincount(group, weights=w * fails, minlength=groups)
        good = np.bincount(group, weights=w * ~fails, minlength=groups)
        pairs = bad.sum() * good.sum()
        below = np.cumsum(good) - good
        return float(np.sum(bad * (below + 0.5 * good)) / pairs) if pairs > 0 else np.nan

    return statistic


def _place(p: FloatArray) -> IndexArray:
    return np.clip(np.searchsorted(_BIN_EDGES, p, side="right") - 1, 0, len(_BIN_EDGES) - 2).astype(np.int32)


def _calibration_of(p: FloatArray, y: BoolArray, owner: IndexArray) -> Callable[[FloatArray], float]:
    place = _place(p)

    def statistic(weight: FloatArray) -> float:
        w = weight[owner]
        gap = np.bincount(place, weights=w * (p - y), minlength=len(_BIN_EDGES) - 1)
        return float(np.sum(np.abs(gap)) / np.sum(w)) if w.sum() > 0 else np.nan

    return statistic


def _bins(p: FloatArray, y: BoolArray, owner: IndexArray) -> list[ReliabilityBin]:
    place = _place(p)
    found = []
    for index in range(len(_BIN_EDGES) - 1):
        mine = place == index
        if not np.any(mine):
            continue
        happened, lives = float(y[mine].mean()), len(np.unique(owner[mine]))
        low, high = binomial_interval(happened * lives, lives)
        found.append(
            ReliabilityBin(
                low=float(_BIN_EDGES[index]),
                high=float(_BIN_EDGES[index + 1]),
                stated=float(p[mine].mean()),
                happened=happened,
                days=int(np.sum(mine)),
                happened_low=low,
                happened_high=high,
                lives=lives,
            )
        )
    return found


def _mean_over_lives(values: FloatArray) -> Figure:
    return over_lives(len(values), lambda w: float(np.sum(w * values) / np.sum(w)) if w.sum() > 0 else np.nan)


def _weighted_median(values: FloatArray, weight: FloatArray) -> float:
    repeated = np.repeat(values, weight.astype(np.int64))
    return float(np.median(repeated)) if len(repeated) else np.nan
