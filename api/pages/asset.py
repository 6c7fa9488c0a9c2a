"""One structure: how it stands, why, what was measured, and what people decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.access import needs
from api.figures import euros
from api.languages import Language
from api.page_rows import alarm_row, day, decision_row, risk_row, sensor_row
from api.pages.asset_charts import ChannelChoice, asset_charts, channel_choices, event_rows
from api.pages.decide_form import DecideForm, may_decide, verb_choices
from api.pages.explanation import explanation_rows
from api.pages.frame import PageQuestion, page_language, render
from api.questions import AssetPath, Rooms, registered
from api.rooms import ApiRooms
from api.terms import term
from api.texts import text
from domain.access import Right
from domain.records import RiskAssessment
from domain.register import Asset

__all__ = ["AssetQuestion", "register_facts", "router", "show_asset"]

router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ_RISKS)])

# What one screen can hold; the API pages through the rest.
_ALARMS_SHOWN: Final = 50
_SENSORS_SHOWN: Final = 200
_DECISIONS_SHOWN: Final = 20
_EVENTS_SHOWN: Final = 30
_TREND_NS: Final = 30 * 86_400_000_000_000
_NOTHING_TYPED: Final = DecideForm()
_PERIODS: Final = (7, 30, 90, 365)


class AssetQuestion(PageQuestion):
    """What the page of a structure may be asked: which channel is drawn, over how many days."""

    channel: Annotated[str, Field(max_length=256)] = ""
    days: Literal["7", "30", "90", "365"] = "30"
    decided: Annotated[str, Field(max_length=64)] = ""


@router.get("/assets/{asset_id}")
def show_asset_page(
    request: Request, rooms: Rooms, asset_id: AssetPath, question: Annotated[AssetQuestion, Query()]
) -> Response:
    """Show one structure."""
    return show_asset(request, rooms, registered(asset_id, rooms), question)


def show_asset(
    request: Request,
    rooms: ApiRooms,
    asset: Asset,
    question: AssetQuestion,
    *,
    form: DecideForm = _NOTHING_TYPED,
    status: int = 200,
) -> Response:
    """Lay out the page of one structure, with the decision form as it was typed so far."""
    language = page_language(request, question)
    risk = rooms.store.risk(asset.id)
    now_ns = rooms.now_ns()
    before = rooms.overview.earlier([asset.id], now_ns - _TREND_NS).get(asset.id)
    sensors = rooms.store.sensors(asset=asset.id, limit=_SENSORS_SHOWN)
    alarms = rooms.store.alarms(asset=asset.id, limit=_ALARMS_SHOWN)
    decisions = rooms.decisions.decisions(asset=asset.id, limit=_DECISIONS_SHOWN)
    choices = channel_choices(sensors, language)
    chosen = _chosen(choices, question, risk)
    explanation = None if risk is None else rooms.explain(risk, rooms.store)
    events = event_rows(alarms, decisions, rooms.works(asset.id), language)
    return render(
        "asset.html",
        request,
        rooms,
        question,
        status=status,
        form=form,
        verbs=verb_choices(language, with_alarm=False) if may_decide(request) else [],
        decided=question.decided,
        assessment="" if risk is None else risk.assessment_id,
        here=f"/assets/{asset.id}",
        asset=asset,
        type=term("asset_type", asset.type, language),
        facts=register_facts(asset, language),
        risk=None if risk is None else risk_row(asset, risk, language, now_ns, before=before),
        alarms=[alarm_row(alarm, language) for alarm in alarms],
        sensors=[sensor_row(status, language, now_ns) for status in sensors],
        decisions=[decision_row(decision, language) for decision in decisions],
        events=events[:_EVENTS_SHOWN],
        charts=asset_charts(
            rooms,
            risk,
            sensors,
            None if chosen is None else chosen.status,
            int(question.days),
            events,
            language,
            plan=None if explanation is None else explanation.plan,
        ),
        explanation=None if explanation is None else explanation_rows(explanation, language),
        choices=choices,
        chosen="" if chosen is None else chosen.code,
        days=question.days,
        periods=[(str(days), text("{days} days", language, days=days)) for days in _PERIODS],
    )


def register_facts(asset: Asset, language: Language) -> list[tuple[str, str]]:
    """List what the register says, where it says it."""
    cost, emergency, inspected = (
        asset.planned_repair_cost_eur,
        asset.emergency_repair_cost_eur,
        asset.condition_inspected,
    )
    condition = f"{inspected} ({text('inspected', language)} {day(asset.inspected_on, language)})"
    shown = [
        (text("Built", language), "" if asset.built_year is None else str(asset.built_year)),
        (text("Planned repair", language), "" if cost is None else euros(cost, language)),
        (text("Emergency repair", language), "" if emergency is None else euros(emergency, language)),
        (text("Condition, 1 good to 6 bad", language), "" if inspected is None else condition),
        *asset.external_ids.items(),
    ]
    return [(name, value) for name, value in shown if value]


def _chosen(
    choices: Sequence[ChannelChoice], question: AssetQuestion, risk: RiskAssessment | None
) -> ChannelChoice | None:
    """Choose the channel to draw: the one asked for, else the one that drove the assessment, else the first."""
    wanted = [question.channel]
    if risk is not None:
        wanted += [f"{reason.facts.get('sensor')}/{reason.facts.get('channel')}" for reason in risk.reasons]
    by_code = {choice.code: choice for choice in choices}
    return next((by_code[code] for code in wanted if code in by_code), choices[0] if choices else None)
