"""How well an owner's own statements came true, from what people recorded: confirmed, dismissed, repaired, failed.

The records are put into the form that simulated runs are judged in (`service.evaluation`), so that the figures mean
the same as in docs/evaluation.md. An asset's time is cut into lives: from its first statement, or a repair, to its
failure (`failed_on` of a decision; another day for the same failure corrects it), the next repair, or now. What nobody
recorded counts as no failure; what a repair prevented is not known and has no label. Chances are taken from the
statements of every thirtieth day (UTC), so that their number stays small, remaining lives from every day of the year
before a failure.

Nothing is said about chances and lives before `FAILURES_NEEDED` failures had a statement before them: a few failures
fit any forecast.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from domain.calibration import (
    AlarmPrecision,
    Calibration,
    ForecastCalibration,
    LifeCalibration,
    ReliabilityPoint,
)
from domain.identifiers import AssetId
from domain.records import PLANNING_HORIZON_DAYS, Alarm, AlarmState, Decision, DecisionVerb
from models.life_book import AHEAD_NS
from service.evaluation.forecast_figures import ForecastFigures, LifeFigures, grade_forecast, grade_life
from service.evaluation.intervals import share
from service.evaluation.truth import (
    DAY_NS,
    Case,
    RaisedAlarm,
    RunRecord,
    TrueAsset,
    TrueDamage,
    Truth,
    day_ends,
    lives_of,
)
from storage.overview_rows import Overview, StatedChance
from storage.protocols import AdvisoryStore, DecisionLog

__all__ = ["FAILURES_NEEDED", "calibrate"]

FAILURES_NEEDED: Final = 10
_EVERY_DAYS: Final = 30
_LOOK_BACK_NS: Final = 365 * DAY_NS
_PAGE: Final = 500
_ALARMS_MOST: Final = 1000
_VERDICTS: Final = (DecisionVerb.CONFIRM, DecisionVerb.DISMISS)
_DETECTOR: Final = "schouw"


def calibrate(store: AdvisoryStore, overview: Overview, log: DecisionLog, now_ns: int) -> Calibration:
    """Compare what was stated with what people recorded.

    Parameters
    ----------
    store, overview, log
        As one organisation sees them; nothing else is asked.
    now_ns : int
        The clock that data age by: until when outcomes are known.

    Returns
    -------
    Calibration
        With None for what there are too few outcomes for.
    """
    decisions = list(_decisions(log))
    outcomes = _outcomes(store, decisions)
    stated = [row for row in overview.stated(_EVERY_DAYS * DAY_NS) if row.at_ns < now_ns]
    from_ns = min((row.at_ns for row in stated), default=now_ns)
    truth = _truth({row.asset for row in stated}, outcomes, from_ns, now_ns)
    whole = Case(truth, lives_of(truth), _chances(truth, stated))
    failed = {whole.truth.assets[life.asset].id for life in whole.lives if life.has_failed}
    failures = sum(life.has_failed for life in whole.lives)
    is_enough = failures >= FAILURES_NEEDED
    return Calibration(
        from_ns=from_ns,
        to_ns=now_ns,
        lives=len(whole.lives),
        failures=failures,
        repairs=len(truth.repairs),
        failures_needed=FAILURES_NEEDED,
        model_versions=tuple(sorted({row.model_version for row in stated})),
        forecast=_forecast(grade_forecast([whole])) if is_enough else None,
        life=_life(_end_of_lives(failed, outcomes, from_ns, now_ns, store, overview)) if is_enough else None,
        alarms=_precisions(store, decisions),
    )


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """When assets failed and were repaired: event times, ascending."""

    failures: Mapping[str, Sequence[int]]
    repairs: Mapping[str, Sequence[int]]


def _decisions(log: DecisionLog) -> Iterator[Decision]:
    seq = 0
    while page := log.decisions_after(seq, limit=_PAGE):
        yield from page
        seq = page[-1].seq


def _outcomes(store: AdvisoryStore, decisions: Sequence[Decision]) -> _Outcomes:
    failures: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    repairs: defaultdict[str, set[int]] = defaultdict(set)
    for decision in decisions:
        if decision.failed_ns is not None:
            failures[decision.asset].append((decision.failed_ns, _event_time(store, decision)))
        if decision.verb is DecisionVerb.REPAIR:
            repairs[decision.asset].add(_event_time(store, decision))
    return _Outcomes(
        {asset: _corrected(records, repairs[asset]) for asset, records in failures.items()},
        {asset: sorted(times) for asset, times in repairs.items()},
    )


def _corrected(records: Sequence[tuple[int, int]], repairs: AbstractSet[int]) -> list[int]:
    """Give the days of failure, each as it was recorded last.

    A day before an earlier record, or hardly behind it, is of the same failure when no repair lies between both days.

    Parameters
    ----------
    records : sequence of (int, int)
        Each day, and when it was recorded, as they were recorded.
    """
    found: list[tuple[int, int]] = []
    for failed_ns, recorded_ns in records:
        for place, (said_ns, first_ns) in enumerate(found):
            low, high = sorted((failed_ns, said_ns))
            if failed_ns <= first_ns + AHEAD_NS and not any(low < repair < high for repair in repairs):
                found[place] = failed_ns, first_ns
                break
        else:
            found.append((failed_ns, recorded_ns))
    return sorted(failed_ns for failed_ns, _ in found)


def _event_time(store: AdvisoryStore, decision: Decision) -> int:
    """Place a decision, made by the wall's clock, on the time of the asset: in a replay years lie between them."""
    known = None if decision.assessment_id is None else store.assessment(decision.assessment_id)
    return decision.decided_at_ns if known is None else known.assessed_at_ns


def _truth(names: Iterable[str], outcomes: _Outcomes, from_ns: int, now_ns: int) -> Truth:
    """Write down what happened to some assets; damage counts as there from the beginning of the life that it ended."""
    assets = tuple(sorted(names))
    damages, repairs = [], []
    for name in assets:
        repaired = [time for time in outcomes.repairs.get(name, ()) if from_ns < time < now_ns]
        repairs += [(name, time, time) for time in repaired]
        for begin, end in pairwise([from_ns, *repaired, now_ns]):
            first = next((time for time in outcomes.failures.get(name, ()) if begin < time <= end), None)
            if first is not None:
                damages.append(TrueDamage(name, "", "", begin, first))
    return Truth(
        name="own outcomes",
        start_ns=from_ns,
        end_ns=now_ns,
        assets=tuple(
            TrueAsset(name, is_monitored=True, planned_eur=0.0, failure_eur=0.0, crew_lead_days=0.0, sensors=0)
            for name in assets
        ),
        damages=tuple(damages),
        events=(),
        knows_future=False,
        repairs=tuple(repairs),
    )


def _chances(truth: Truth, stated: Sequence[StatedChance]) -> RunRecord:
    """Put the statements of every thirtieth day into a table of assets and days."""
    at_ns = np.unique(np.array([row.at_ns for row in stated], np.int64))
    place = {asset.id: row for row, asset in enumerate(truth.assets)}
    chance = np.full((len(place), len(at_ns)), np.nan)
    days = np.searchsorted(at_ns, np.array([row.at_ns for row in stated], np.int64))
    chance[[place[row.asset] for row in stated], days] = [row.chance_90 for row in stated]
    return RunRecord(_DETECTOR, (), at_ns, chance, np.full((*chance.shape, 3), np.nan))


def _end_of_lives(
    names: Iterable[str],
    outcomes: _Outcomes,
    from_ns: int,
    now_ns: int,
    store: AdvisoryStore,
    overview: Overview,
) -> LifeFigures:
    """Grade the remaining lives stated of what failed, from the alarm that stood then or was confirmed."""
    truth = _truth(names, outcomes, from_ns, now_ns)
    at_ns = day_ends(from_ns, now_ns)
    life_days = np.full((len(truth.assets), len(at_ns), 3), np.nan)
    alarms: list[RaisedAlarm] = []
    place = {day: number for number, day in enumerate(at_ns.tolist())}
    for row, asset in enumerate(truth.assets):
        failures = [damage.failure_ns for damage in truth.damages if damage.asset == asset.id and damage.failure_ns]
        for said in overview.daily(AssetId(asset.id), min(failures) - _LOOK_BACK_NS):
            day = place.get(said.assessed_at_ns)
            if day is not None and said.remaining_life is not None:
                life = said.remaining_life
                life_days[row, day] = life.q10_days, life.q50_days, life.q90_days
        alarms += [
            RaisedAlarm(asset.id, alarm.kind, alarm.subject, alarm.raised_at_ns, alarm.cleared_at_ns)
            for alarm in store.alarms(asset=AssetId(asset.id), limit=_ALARMS_MOST)
            if _called_for(alarm, failures)
        ]
    record = RunRecord(_DETECTOR, tuple(alarms), at_ns, np.full(life_days.shape[:2], np.nan), life_days)
    return grade_life([Case(truth, lives_of(truth), record)], from_alarm=True)


def _called_for(alarm: Alarm, failures: Sequence[int]) -> bool:
    """Tell whether an alarm was one of a damage: confirmed, or standing at a failure and not dismissed."""
    if alarm.state is AlarmState.CONFIRMED:
        return True
    stood = any(
        alarm.raised_at_ns < failure and (alarm.cleared_at_ns is None or alarm.cleared_at_ns >= failure)
        for failure in failures
    )
    return stood and alarm.state is not AlarmState.DISMISSED


def _precisions(store: AdvisoryStore, decisions: Sequence[Decision]) -> tuple[AlarmPrecision, ...]:
    """Count the last verdict on each alarm, by type of asset and kind; assets that left the register are left out."""
    verdicts: dict[str, Decision] = {}
    for decision in decisions:
        if decision.verb in _VERDICTS and decision.alarm_id is not None:
            verdicts[decision.alarm_id] = decision
    types: dict[AssetId, str | None] = {}
    counts: Counter[tuple[str, str, DecisionVerb]] = Counter()
    for name, verdict in verdicts.items():
        if verdict.asset not in types:
            asset = store.asset(verdict.asset)
            types[verdict.asset] = None if asset is None else asset.type.value
        known = None if verdict.alarm_kind else store.alarm(name)
        kind = verdict.alarm_kind or (known.kind if known is not None else "")
        asset_type = types[verdict.asset]
        if kind and asset_type is not None:
            counts[asset_type, kind, verdict.verb] += 1
    found = []
    for asset_type, kind in sorted({(asset_type, kind) for asset_type, kind, _ in counts}):
        confirmed, dismissed = (counts[asset_type, kind, verb] for verb in _VERDICTS)
        figure = share(confirmed, confirmed + dismissed)
        found.append(AlarmPrecision(asset_type, kind, confirmed, dismissed, figure))
    return tuple(found)


def _forecast(figures: ForecastFigures) -> ForecastCalibration:
    return ForecastCalibration(
        horizon_days=PLANNING_HORIZON_DAYS,
        statements=sum(item.days for item in figures.reliability),
        base_rate=figures.base_rate or 0.0,
        brier=figures.brier,
        skill=figures.skill,
        reliability=tuple(
            ReliabilityPoint(
                low=item.low,
                high=item.high,
                stated=item.stated,
                happened=item.happened,
                happened_low=item.happened_low,
                happened_high=item.happened_high,
                statements=item.days,
                lives=item.lives,
            )
            for item in figures.reliability
        ),
    )


def _life(figures: LifeFigures) -> LifeCalibration:
    return LifeCalibration(
        coverage=figures.coverage,
        width_days=figures.width_days,
        error_days=figures.error_days,
    )
