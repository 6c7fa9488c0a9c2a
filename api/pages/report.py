"""Reports to print: one page about a structure, and one for the council about all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from api.access import reads_pages
from api.figures import euros, local_date, number, percent
from api.languages import Language
from api.page_rows import SHAPES, alarm_row, decision_row, risk_row
from api.pages.asset import register_facts
from api.pages.asset_charts import asset_charts, channel_choices
from api.pages.events import event_rows
from api.pages.frame import PageQuestion, page_language, render
from api.pages.live import follows
from api.pages.promise import promise_texts
from api.pages.savings import savings_eur
from api.plans import all_decisions
from api.questions import AssetPath, Rooms, registered
from api.terms import term
from domain.records import RiskState
from storage.overview_rows import FleetTally, ListFilter

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[*reads_pages(), follows()])

_TOP: Final = 8
_ALARMS: Final = 5
_DECISIONS: Final = 5
_SENSORS: Final = 200
_QUARTER: Final = timedelta(days=91)
_DAYS: Final = 90


@router.get("/assets/{asset_id}/report")
def show_asset_report(
    request: Request, rooms: Rooms, asset_id: AssetPath, question: Annotated[PageQuestion, Query()]
) -> Response:
    """Lay out one page of paper about a structure."""
    language = page_language(request, question)
    asset = registered(asset_id, rooms)
    risk = rooms.store.risk(asset.id)
    sensors = rooms.store.sensors(asset=asset.id, limit=_SENSORS)
    alarms = rooms.store.alarms(asset=asset.id, limit=_ALARMS)
    decisions = rooms.decisions.decisions(asset=asset.id, limit=_DECISIONS)
    events = event_rows(rooms, asset, alarms, decisions, language)
    explained = None if risk is None else rooms.explain(risk, rooms.store)
    plan = None if explained is None else explained.plan
    return render(
        "asset_report.html",
        request,
        rooms,
        question,
        asset=asset,
        type=term("asset_type", asset.type, language),
        facts=register_facts(asset, language),
        risk=None if risk is None else risk_row(asset, risk, language, rooms.now_ns()),
        alarms=[alarm_row(alarm, language) for alarm in alarms],
        decisions=[decision_row(decision, language) for decision in decisions],
        charts=asset_charts(rooms, risk, (), None, _DAYS, events, language, plan=plan),
        channels=len(channel_choices(sensors, language)),
        channels_all=len(sensors),
    )


@router.get("/report")
def show_council_report(request: Request, rooms: Rooms, question: Annotated[PageQuestion, Query()]) -> Response:
    """Lay out one page of paper about all structures."""
    language = page_language(request, question)
    tally = rooms.overview.tally()
    now_ns = rooms.now_ns()
    urgent = rooms.overview.ranked(ListFilter(states=(RiskState.ACT, RiskState.WATCH)), limit=_TOP)
    wanting = tally.states.get(RiskState.ACT, 0) + tally.states.get(RiskState.WATCH, 0)
    since_ns = rooms.wall_clock_ns() - int(_QUARTER.total_seconds()) * 10**9
    recent = [decision for decision in all_decisions(rooms) if decision.decided_at_ns >= since_ns]
    saved = savings_eur(rooms)
    return render(
        "council_report.html",
        request,
        rooms,
        question,
        rows=[risk_row(asset, risk, language, now_ns) for _, asset, risk in urgent],
        more=number(wanting - len(urgent), language) if wanting > len(urgent) else "",
        groups=_groups(tally, language),
        total=tally.assets,
        total_figure=number(tally.assets, language),
        decided=[
            (term("verb", verb, language), number(sum(decision.verb == verb for decision in recent), language))
            for verb in dict.fromkeys(decision.verb for decision in recent)
        ],
        since=local_date(since_ns, language),
        figures=promise_texts(rooms, tally, language),
        saved="" if saved is None else euros(saved, language),
    )


def _groups(tally: FleetTally, language: Language) -> list[dict[str, Any]]:
    """Give how many structures stand in each state; they add up, since one that was never assessed is unknown too."""
    unknown = RiskState.INSUFFICIENT_DATA
    return [
        {
            "state": state.value,
            "shape": SHAPES[state],
            "state_label": term("state", state, language),
            "provisional": False,
            "count": number(count, language),
            "share": percent(count / tally.assets, language) if tally.assets else "",
        }
        for state in RiskState
        for count in [tally.states.get(state, 0) + (tally.unassessed if state is unknown else 0)]
    ]
