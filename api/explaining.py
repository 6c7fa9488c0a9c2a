"""An explanation in words and as a body: what adds up, what would change the advice, what it rests on."""

from __future__ import annotations

import math
from typing import Final

from api.answers import risk_item
from api.figures import euros, local_time, percent, span
from api.languages import Language
from api.schemas_explanation import (
    CauseItem,
    ChangeItem,
    ChannelPartItem,
    ExplanationItem,
    LookAlikeItem,
    ModeItem,
    PlanItem,
)
from api.sentences import EXPLANATION_SENTENCES
from api.terms import term
from api.texts import capital, text
from api.times import rfc3339
from api.wording import say_reasons
from domain.explanations import Explanation, ModeChange, RepairPlan
from domain.records import RiskState
from domain.register import Asset

__all__ = ["explanation_item", "explanation_text", "say_changes", "say_difference"]

_SAME: Final = 1e-9
_LAST_WEEK: Final = 52
# Weeks that have a name, by how far they are.
_NEAR_WEEKS: Final = {0: "this_week", 1: "next_week"}
_TELLING_SHARE: Final = 0.05
# More than before any damage was seen.
_TELLING_STRETCH: Final = 0.08
# Evidence below this share of what an alarm takes is not worth a word.
_LEAST_EVIDENCE: Final = 0.005
# Fewer euros are not worth a word either.
_LEAST_EUR: Final = 1.0
# From this chance on damage is planned for as if it were certain, as the models do.
_LIKELY_DAMAGE: Final = 0.5


def explanation_text(explanation: Explanation, language: Language) -> list[str]:
    """Put an explanation into sentences: its reasons first, then what adds up, the plan and the look-alike."""
    found = say_reasons(explanation.assessment.reasons, language)
    for cause in explanation.causes:
        if cause.share >= _TELLING_SHARE:
            share = percent(cause.share, language)
            if cause.cause in {"later", "unseen"}:
                found.append(_put(cause.cause, language, share=share))
            else:
                found.append(_put("cause", language, share=share, cause=term("mode", cause.cause, language)))
    stretch = _stretch_told(explanation)
    if abs(stretch - 1.0) >= _TELLING_STRETCH:
        found.append(_put("life_wider", language) if stretch > 1.0 else _put("life_narrower", language))
    found += _say_plan(explanation.plan, language)
    found += say_changes(explanation, language)
    if explanation.look_alike is not None:
        alike = explanation.look_alike
        found.append(_put(f"look_alike_{alike.ended.value}", language, asset=alike.asset))
    told = explanation.assessment
    used, missing = len(explanation.channels), len(explanation.missing)
    which = "used" if used > 1 else "used_one" if used else "used_none"
    time = local_time(told.assessed_at_ns, language)
    found.append(_put(which, language, time=time, number=str(used), version=told.model_version))
    if missing:
        found.append(_put("missing_one", language) if missing == 1 else _put("missing", language, number=str(missing)))
    return found


def say_difference(explanation: Explanation, language: Language) -> str:
    """Say whether the numbers computed again are those that were told, and by how much they are apart otherwise."""
    apart = explanation.difference
    if apart == 0.0 or math.isinf(apart):
        return _put("not_so" if apart else "same", language)
    written = f"{apart:.1e}"
    if language is Language.DUTCH:
        written = written.replace(".", ",")
    return _put("rounded" if apart <= _SAME else "apart", language, difference=written)


def _put(key: str, language: Language, **facts: str) -> str:
    return text(EXPLANATION_SENTENCES[key], language, context="explanation").format(**facts)


def _say_plan(plan: RepairPlan, language: Language) -> list[str]:
    """Say which week is the cheapest, what missing it costs, and what an inspection is worth."""
    if plan.first_week >= _LAST_WEEK:
        found = [_put("no_crew", language)]
    elif plan.best_week >= _LAST_WEEK:
        found = [_put("no_week", language)]
    else:
        said = _put(_NEAR_WEEKS.get(plan.best_week, "week"), language, week=str(plan.best_week))
        if 0 < plan.first_week == plan.best_week:
            said += " " + text("That is the first week in which the crew can come.", language)
        found = [said]
    if plan.week_after_best_eur is not None and plan.week_after_best_eur >= _LEAST_EUR:
        found.append(_put("week_later", language, cost=euros(plan.week_after_best_eur, language)))
    if plan.inspection_eur >= _LEAST_EUR:
        found.append(_put("inspection", language, cost=euros(plan.inspection_eur, language)))
    return found


def say_changes(explanation: Explanation, language: Language) -> list[str]:
    """Say what would change the advice."""
    rows = explanation.changes
    found = [_say_change(row, language) for row in rows if row.is_open or row.share_of_alarm >= _LEAST_EVIDENCE]
    state = explanation.assessment.state
    if state is RiskState.INSUFFICIENT_DATA or any(row.is_open for row in rows):
        return found
    which = "waiting_less" if state is RiskState.ACT else "waiting_more"
    return [*found, _put(which, language, cost=euros(explanation.waiting_limit_eur, language))]


def _say_change(row: ModeChange, language: Language) -> str:
    name = capital(term("mode", row.mode, language))
    if row.is_open:
        return text("{mode}: the alarm ends after two calm weeks, or by a decision.", language, mode=name)
    share = percent(row.share_of_alarm, language)
    said = text("{mode}: {share} of the evidence that an alarm takes.", language, mode=name, share=share)
    if row.severity < row.alarm_severity:
        level = percent(row.alarm_severity, language)
        said += " " + text("No alarm is raised below {level} of the way to failure.", language, level=level)
    if row.days_to_alarm is not None:
        # Evidence is weighed once a day.
        days = span(max(row.days_to_alarm, 1.0), language)
        said += " " + text("If it goes on like this, in about {days}.", language, days=days)
    return said


def _stretch_told(explanation: Explanation) -> float:
    """Give how much wider the told life is than the degradation model says: only that of damage is stretched."""
    basis, life = explanation.assessment.basis, explanation.assessment.remaining_life
    is_of_damage = any(row.is_open or row.damaged >= _LIKELY_DAMAGE for row in explanation.changes)
    return basis.life_stretch if basis is not None and life is not None and is_of_damage else 1.0


def explanation_item(asset: Asset, explanation: Explanation, language: Language, now_ns: int) -> ExplanationItem:
    """Answer with one explanation."""
    alike, plan, basis = explanation.look_alike, explanation.plan, explanation.assessment.basis
    return ExplanationItem(
        assessment=risk_item(asset, explanation.assessment, language, now_ns),
        text=explanation_text(explanation, language),
        causes=[CauseItem(cause=row.cause, chance=row.chance, share=row.share) for row in explanation.causes],
        modes=[
            ModeItem(
                mode=row.mode,
                severity=row.severity,
                chance_of_damage=row.damaged,
                share_of_alarm=row.share_of_alarm,
                alarm_severity=row.alarm_severity,
                alarm_open=row.is_open,
                days_to_alarm=row.days_to_alarm,
                doubt_share=row.doubt_share,
                dismissed_here=row.verdicts[0],
                judged_here=row.verdicts[1],
                dismissed_on_type=row.verdicts[2],
                judged_on_type=row.verdicts[3],
            )
            for row in explanation.changes
        ],
        channels=[
            ChannelPartItem(
                mode=row.mode,
                sensor=row.sensor,
                channel=row.channel,
                unit=row.unit,
                measured=row.measured,
                expected=row.expected,
                band=row.band,
                deviation=row.deviation,
                common_shock=row.common_shock,
                bent=row.bent,
                placed=row.placed,
                residual=row.residual,
                usual=row.usual,
                weight=row.weight,
                contribution=row.contribution,
            )
            for row in explanation.channels
        ],
        changes=[
            ChangeItem(
                sensor=row.sensor,
                channel=row.channel,
                since=rfc3339(row.since_ns),
                change_share=row.change_share,
                band_share=row.band_share,
                share_of_failure=row.share_of_failure,
                is_material=row.is_material,
            )
            for row in explanation.frequencies
        ],
        look_alike=None
        if alike is None
        else LookAlikeItem(
            asset=alike.asset,
            alarm_id=alike.alarm_id,
            raised_at=rfc3339(alike.raised_at_ns),
            severity=alike.severity,
            ended=alike.ended,
            cleared_at=None if alike.cleared_at_ns is None else rfc3339(alike.cleared_at_ns),
        ),
        plan=PlanItem(
            cost_eur=list(plan.cost_eur),
            first_week=plan.first_week,
            best_week=plan.best_week,
            waiting_a_week_eur=plan.waiting_a_week_eur,
            inspection_eur=plan.inspection_eur,
            planned_eur=None if basis is None else basis.planned_eur,
            failure_eur=None if basis is None else basis.failure_eur,
            crew_lead_days=None if basis is None else basis.crew_lead_days,
            waiting_limit_eur=explanation.waiting_limit_eur,
        ),
        temperature_degc=None if basis is None else basis.temperature_degc,
        missing=list(explanation.missing),
        life_stretch=_stretch_told(explanation),
        reproduced=explanation.difference <= _SAME,
    )
