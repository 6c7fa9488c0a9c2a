"""Explaining an assessment: computed again from what is stored with it, and compared with what was told."""

from __future__ import annotations

from typing import Final

from domain.basis import AssessmentBasis
from domain.explanations import CauseShare, Explanation, LookAlike, ModeChange
from domain.records import Alarm, RiskAssessment, RiskState
from models.basis import Recomputed, days_to_alarm, recompute, shares_of_risk
from models.frequency_changes import CHANGE_CODES, change_reason, computed_change
from models.plan import plan_repair
from models.risk import WAITING_SHARE
from models.witnesses import CALM_STRENGTH
from storage.protocols import AdvisoryStore, TimedKey

__all__ = ["SAME", "difference_of", "explain"]

# Numbers that differ by less are the same on another generation of processors (design.md D3).
SAME: Final = 1e-9
# Newest alarms of the kind that are looked through for one that was like this.
_EARLIER_ALARMS: Final = 100
# A case that calls for nothing has none to be compared with.
_COMPARED_STATES: Final = frozenset({RiskState.ACT, RiskState.WATCH})
_GROWTH_PER_SEVERITY: Final = 28.0


def explain(assessment: RiskAssessment, store: AdvisoryStore) -> Explanation | None:
    """Explain an assessment.

    Parameters
    ----------
    store : AdvisoryStore
        Where earlier alarms and what was said then are looked up, as the reader may see it: the fleet's history, a
        second stage over stored rows.

    Returns
    -------
    Explanation or None
        None for an assessment that was made before its basis was stored.
    """
    basis = assessment.basis
    if basis is None:
        return None
    numbers = recompute(basis)
    return Explanation(
        assessment=assessment,
        causes=tuple(CauseShare(*row) for row in shares_of_risk(basis, numbers)),
        channels=tuple(sorted(basis.channels, key=lambda row: -row.contribution)),
        changes=tuple(
            ModeChange(
                mode=mode.mode,
                severity=mode.severity,
                damaged=damaged,
                share_of_alarm=mode.evidence / mode.threshold,
                is_open=mode.raised_at_ns is not None,
                days_to_alarm=None if mode.raised_at_ns is not None else days_to_alarm(mode),
                clears_below=CALM_STRENGTH,
                doubt_share=mode.doubt / mode.threshold,
                verdicts=mode.verdicts,
                alarm_severity=mode.alarm_severity,
            )
            for mode, damaged in zip(basis.modes, numbers.damaged, strict=True)
        ),
        look_alike=_look_alike(assessment, basis, store),
        plan=plan_repair(
            numbers.failed,
            sound=numbers.sound,
            damaged=max(numbers.damaged, default=0.0),
            planned_eur=basis.planned_eur,
            failure_eur=basis.failure_eur,
            crew_lead_days=basis.crew_lead_days,
        ),
        missing=basis.missing,
        difference=max(difference_of(assessment, numbers), _difference_of_changes(assessment, basis)),
        waiting_limit_eur=WAITING_SHARE * basis.planned_eur,
        frequencies=tuple(computed_change(row) for row in basis.changes),
    )


def _look_alike(assessment: RiskAssessment, basis: AssessmentBasis, store: AdvisoryStore) -> LookAlike | None:
    """Find the earlier alarm of the same kind whose severity and growth were nearest; None where nothing is wrong."""
    place = _place(basis, assessment.failure_mode)
    if place is None or assessment.state not in _COMPARED_STATES:
        return None
    kind = f"condition.{assessment.failure_mode}"
    before = TimedKey(assessment.assessed_at_ns, "")
    found: list[tuple[float, float, Alarm]] = []
    for alarm in store.alarms(kind=kind, after=before, limit=_EARLIER_ALARMS):
        if alarm.asset == assessment.asset:
            continue
        said = store.risk_history(alarm.asset, after=TimedKey(alarm.raised_at_ns + 1, ""), limit=1)
        other = _place(said[0].basis, assessment.failure_mode) if said and said[0].basis is not None else None
        if other is not None:
            apart = abs(other[0] - place[0]) + _GROWTH_PER_SEVERITY * abs(other[1] - place[1])
            found.append((apart, other[0], alarm))
    if not found:
        return None
    _, severity, alarm = min(found, key=lambda row: (row[0], row[2].id))
    return LookAlike(alarm.asset, alarm.id, alarm.raised_at_ns, severity, alarm.state, alarm.cleared_at_ns)


def difference_of(assessment: RiskAssessment, numbers: Recomputed) -> float:
    """Give the largest relative difference between what was told and what comes out now."""
    told = [part for chance in assessment.probability_of_failure for part in (chance.value, chance.low, chance.high)]
    again = numbers.probability.ravel().tolist()
    lives = (assessment.remaining_life, numbers.life)
    if (lives[0] is None) != (lives[1] is None):
        return float("inf")
    for life, numbers_of in zip(lives, (told, again), strict=True):
        if life is not None:
            numbers_of += [life.q10_days, life.q50_days, life.q90_days]
    if assessment.health_index is not None:
        told.append(assessment.health_index)
        again.append(1.0 - numbers.severity)
    if assessment.expected_cost_of_waiting_eur is not None:
        told.append(assessment.expected_cost_of_waiting_eur)
        again.append(numbers.waiting_eur)
    if (assessment.indicative_condition or 0) != numbers.condition:
        return float("inf")
    return max(abs(a - b) / max(abs(a), abs(b), 1e-300) for a, b in zip(told, again, strict=True))


def _difference_of_changes(assessment: RiskAssessment, basis: AssessmentBasis) -> float:
    """Give 0 where what is told of changed frequencies follows from the basis, else infinity.

    An assessment tells the most telling reasons only: a change of the basis may be left out, none may be added.
    """
    follows = [change_reason(row) for row in basis.changes]
    told = [reason for reason in assessment.reasons if reason.code in CHANGE_CODES]
    return 0.0 if all(reason in follows for reason in told) else float("inf")


def _place(basis: AssessmentBasis | None, mode: str | None) -> tuple[float, float] | None:
    """Severity and its growth a day over four weeks."""
    for row in basis.modes if basis is not None else ():
        if row.mode == mode:
            return row.severity, (row.seen[0] - row.seen[3]) / 28.0
    return None
