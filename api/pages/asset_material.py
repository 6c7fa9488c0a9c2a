"""What the page of a structure is made from: read once, for the whole page or for one chart of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from api.charts.timeline import EventRow
from api.languages import Language
from api.pages.asset_charts import AssetCharts, ChannelChoice, asset_charts, channel_choices
from api.pages.events import event_rows
from api.pages.frame import PageQuestion
from api.rooms import ApiRooms
from domain.explanations import Explanation
from domain.measurements import SensorStatus
from domain.records import Alarm, Decision, RiskAssessment
from domain.register import Asset

__all__ = ["AssetQuestion", "Material", "read_material"]

# What one screen can hold; the API pages through the rest.
_ALARMS_SHOWN: Final = 50
_SENSORS_SHOWN: Final = 200
_DECISIONS_SHOWN: Final = 20


class AssetQuestion(PageQuestion):
    """What the page of a structure may be asked: which channel is drawn, over how many days."""

    channel: Annotated[str, Field(max_length=256)] = ""
    days: Literal["7", "30", "90", "365"] = "30"
    decided: Annotated[str, Field(max_length=64)] = ""


@dataclass(frozen=True, slots=True)
class Material:
    """Rows of the stores about one structure, and the charts drawn from them."""

    risk: RiskAssessment | None
    sensors: Sequence[SensorStatus]
    alarms: Sequence[Alarm]
    decisions: Sequence[Decision]
    events: Sequence[EventRow]
    explanation: Explanation | None
    choices: Sequence[ChannelChoice]
    chosen: ChannelChoice | None
    charts: AssetCharts


def read_material(rooms: ApiRooms, asset: Asset, question: AssetQuestion, language: Language) -> Material:
    """Read what the stores know of a structure, and draw its charts."""
    risk = rooms.store.risk(asset.id)
    sensors = rooms.store.sensors(asset=asset.id, limit=_SENSORS_SHOWN)
    alarms = rooms.store.alarms(asset=asset.id, limit=_ALARMS_SHOWN)
    decisions = rooms.decisions.decisions(asset=asset.id, limit=_DECISIONS_SHOWN)
    events = event_rows(rooms, asset, alarms, decisions, language)
    explanation = None if risk is None else rooms.explain(risk, rooms.store)
    choices = channel_choices(sensors, language)
    chosen = _chosen(choices, question, risk)
    charts = asset_charts(
        rooms,
        risk,
        sensors,
        None if chosen is None else chosen.status,
        int(question.days),
        events,
        language,
        plan=None if explanation is None else explanation.plan,
    )
    return Material(risk, sensors, alarms, decisions, events, explanation, choices, chosen, charts)


def _chosen(
    choices: Sequence[ChannelChoice], question: AssetQuestion, risk: RiskAssessment | None
) -> ChannelChoice | None:
    """Choose the channel to draw: the one asked for, else the one that drove the assessment, else the first."""
    wanted = [question.channel]
    if risk is not None:
        wanted += [f"{reason.facts.get('sensor')}/{reason.facts.get('channel')}" for reason in risk.reasons]
    by_code = {choice.code: choice for choice in choices}
    return next((by_code[code] for code in wanted if code in by_code), choices[0] if choices else None)
