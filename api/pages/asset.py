"""One structure: how it stands, why, what was measured, and what people decided."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from api.access import reads_pages
from api.figures import euros, number, span
from api.interactive import BUNDLE_PATH
from api.languages import Language
from api.page_rows import alarm_row, day, decision_row, risk_row, sensor_row
from api.pages.asset_material import AssetQuestion, read_material
from api.pages.decide_form import DecideForm, may_decide, verb_choices
from api.pages.explanation import explanation_rows
from api.pages.frame import address, page_language, render
from api.pages.live import follows
from api.questions import AssetPath, Rooms, registered
from api.rooms import ApiRooms
from api.terms import term
from api.texts import plural, text
from domain.register import Asset

__all__ = ["AssetQuestion", "register_facts", "router", "show_asset"]

router = APIRouter(include_in_schema=False, dependencies=[*reads_pages(), follows()])

# What one screen can hold; the API pages through the rest.
_EVENTS_SHOWN: Final = 30
_TREND_NS: Final = 30 * 86_400_000_000_000
_NOTHING_TYPED: Final = DecideForm()
_PERIODS: Final = (7, 30, 90, 365)
# From so many hours on, half an hour says nothing.
_WHOLE_HOURS: Final = 10.0


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
    found = read_material(rooms, asset, question, language)
    risk, chosen, explanation = found.risk, found.chosen, found.explanation
    now_ns = rooms.now_ns()
    before = rooms.overview.earlier([asset.id], now_ns - _TREND_NS).get(asset.id)
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
        alarms=[alarm_row(alarm, language) for alarm in found.alarms],
        sensors=[sensor_row(status, language, now_ns) for status in found.sensors],
        decisions=[decision_row(decision, language) for decision in found.decisions],
        events=found.events[:_EVENTS_SHOWN],
        charts=found.charts,
        bundle=BUNDLE_PATH,
        charts_at=address(f"/assets/{asset.id}/charts/_", question, decided=""),
        explanation=None if explanation is None else explanation_rows(explanation, language),
        choices=found.choices,
        chosen="" if chosen is None else chosen.code,
        days=question.days,
        periods=[(str(days), text("{days} days", language, days=days)) for days in _PERIODS],
    )


def _closure(asset: Asset, language: Language) -> str:
    """Say how long a failure closes and what an hour of that costs, where the register says both."""
    hours, hourly = asset.closure_hours, asset.closure_cost_eur_per_hour
    if not hours or not hourly:
        return ""
    is_whole = hours >= _WHOLE_HOURS or hours == round(hours)
    shown = number(hours, language, decimals=0 if is_whole else 1)
    length = plural("{count} hour", "{count} hours", 1 if hours == 1.0 else 2, language, count=shown)
    return text("{hours}, {cost} per hour", language, hours=length, cost=euros(hourly, language))


def _lead(asset: Asset, language: Language) -> str:
    lead = asset.crew_lead_days
    return "" if not lead else span(lead, language)


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
        (text("Closure after a failure", language), _closure(asset, language)),
        (text("Crew on site after", language), _lead(asset, language)),
        *asset.external_ids.items(),
    ]
    return [(name, value) for name, value in shown if value]
