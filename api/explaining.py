"""An explanation in words and as a body."""

from __future__ import annotations

from typing import Final

from api.answers import risk_item
from api.figures import euros, percent
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
from api.texts import text
from api.times import rfc3339
from api.wording import say_reasons
from domain.explanations import Explanation
from domain.register import Asset

__all__ = ["explanation_item", "explanation_text"]

_SAME: Final = 1e-9
_LAST_WEEK: Final = 52
# Weeks that have a name, by how far they are.
_NEAR_WEEKS: Final = {0: "this_week", 1: "next_week"}
_TELLING_SHARE: Final = 0.05
# More than before any damage was seen.
_TELLING_STRETCH: Final = 0.08
# From this chance on damage is planned for as if it were certain, as the models do.
_LIKELY_DAMAGE: Final = 0.5


def explanation_text(explanation: Explanation, language: Language) -> list[str]:
    """Put an explanation into sentences: its reasons first, then what adds up, the plan and the look-alike."""

    def put(key: str, **facts: str) -> str:
        return text(EXPLANATION_SENTENCES[key], language, context="explanation").format(**facts)

    found = say_reasons(explanation.assessment.reasons, language)
    for cause in explanation.causes:
        if cause.share >= _TELLING_SHARE:
            share = percent(cause.share, language)
            if cause.cause in {"later", "unseen"}:
                found.append(put(cause.cause, share=share))
            else:
                found.append(put("cause", share=share, cause=term("mode", cause.cause, language)))
    stretch = _stretch_told(explanation)
    if abs(stretch - 1.0) >= _TELLING_STRETCH:
        found.append(put("life_wider") if stretch > 1.0 else put("life_narrower"))
    plan = explanation.plan
    cost = euros(plan.waiting_a_week_eur, language)
    if plan.best_week >= _LAST_WEEK:
        found.append(put("no_week"))
    elif plan.best_week in _NEAR_WEEKS:
        found.append(put(_NEAR_WEEKS[plan.best_week], cost=cost))
    else:
        found.append(put("week", week=str(plan.best_week), cost=cost))
    if plan.inspection_eur >= 1.0:
        found.append(put("inspection", cost=euros(plan.inspection_eur, language)))
    if explanation.look_alike is not None:
        ended = term("alarm_state", explanation.look_alike.ended.value, language)
        found.append(put("look_alike", asset=explanation.look_alike.asset, ended=ended))
    if explanation.missing:
        count = len(explanation.missing)
        found.append(put("missing_one") if count == 1 else put("missing", number=str(count)))
    return found


def _stretch_told(explanation: Explanation) -> float:
    """Give how much wider the told life is than the degradation model says: only that of damage is stretched."""
    basis, life = explanation.assessment.basis, explanation.assessment.remaining_life
    is_of_damage = any(row.is_open or row.damaged >= _LIKELY_DAMAGE for row in explanation.changes)
    return basis.life_stretch if basis is not None and life is not None and is_of_damage else 1.0


def explanation_item(asset: Asset, explanation: Explanation, language: Language, now_ns: int) -> ExplanationItem:
    """Answer with one explanation."""
    alike, plan = explanation.look_alike, explanation.plan
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
        ),
        plan=PlanItem(
            cost_eur=list(plan.cost_eur),
            first_week=plan.first_week,
            best_week=plan.best_week,
            waiting_a_week_eur=plan.waiting_a_week_eur,
            inspection_eur=plan.inspection_eur,
        ),
        missing=list(explanation.missing),
        life_stretch=_stretch_told(explanation),
        reproduced=explanation.difference <= _SAME,
    )
