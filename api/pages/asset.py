"""One structure: how it stands, why, what was measured, and what people decided."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from api.figures import euros
from api.languages import Language
from api.page_rows import alarm_row, day, decision_row, risk_row, sensor_row
from api.pages.frame import PageQuestion, page_language, render
from api.questions import AssetPath, Rooms, registered
from api.terms import term
from api.texts import text
from domain.register import Asset

__all__ = ["register_facts", "router"]

router = APIRouter(include_in_schema=False)

# What one screen can hold; the API pages through the rest.
_ALARMS_SHOWN: Final = 50
_SENSORS_SHOWN: Final = 200
_DECISIONS_SHOWN: Final = 20
_TREND_NS: Final = 30 * 86_400_000_000_000


@router.get("/assets/{asset_id}")
def show_asset_page(
    request: Request, rooms: Rooms, asset_id: AssetPath, question: Annotated[PageQuestion, Query()]
) -> Response:
    """Show one structure."""
    language = page_language(request, question)
    asset = registered(asset_id, rooms)
    risk = rooms.store.risk(asset.id)
    now_ns = rooms.now_ns()
    before = rooms.overview.earlier([asset.id], now_ns - _TREND_NS).get(asset.id)
    return render(
        "asset.html",
        request,
        rooms,
        question,
        asset=asset,
        type=term("asset_type", asset.type, language),
        facts=register_facts(asset, language),
        risk=None if risk is None else risk_row(asset, risk, language, now_ns, before=before),
        alarms=[alarm_row(alarm, language) for alarm in rooms.store.alarms(asset=asset.id, limit=_ALARMS_SHOWN)],
        sensors=[
            sensor_row(status, language, now_ns) for status in rooms.store.sensors(asset=asset.id, limit=_SENSORS_SHOWN)
        ],
        decisions=[
            decision_row(decision, language)
            for decision in rooms.decisions.decisions(asset=asset.id, limit=_DECISIONS_SHOWN)
        ],
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
