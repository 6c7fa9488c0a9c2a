"""What is told about the algorithm, and the log of one decision."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas import AlarmItem, Answer, DecisionItem, RiskItem, SeriesPointItem
from domain.records import AlarmState

__all__ = ["AlgorithmAnswer", "DecisionLog", "Figures"]


class Figures(Answer):
    """Counts over all assets, and what was promised against what was achieved."""

    assets: int
    assets_without_data: int
    watched_years: Annotated[float, Field(description="Of all assets together.")]
    false_alarms_per_year_promised: Annotated[float, Field(description="For one asset.")]
    false_alarms_per_year_achieved: Annotated[
        float | None, Field(description="False alarms over `watchedYears`; null before there are any years.")
    ]
    false_alarms_per_year_low: Annotated[
        float | None, Field(description="Lower end of the exact 90 % Poisson interval of the achieved rate.")
    ]
    false_alarms_per_year_high: Annotated[
        float | None, Field(description="Upper end; a promise within the two is not contradicted by what was counted.")
    ]
    dismissed_alarms: Annotated[int, Field(description="False alarms that people dismissed.")]
    expired_alarms: Annotated[int, Field(description="False alarms that went away before anybody confirmed them.")]


class ModelCard(Answer):
    """What the model is for, how it works, how good it was here, and what it cannot do."""

    title: str
    organisation: str
    model_version: Annotated[str, Field(description="Of the newest assessments; `none` before there is one.")]
    intended_use: str
    method: str
    figures: Figures
    limits: list[str]
    human_oversight: str


class DataSheet(Answer):
    """Which data go in, and how good they are."""

    title: str
    organisation: str
    channels: int
    quantities: Annotated[dict[str, int], Field(description="Channels by quantity and unit.")]
    quality: Annotated[dict[str, int], Field(description="Channels by the grade of their data.")]
    personal_data: str


class PlacedSensor(Answer):
    """One channel of a sensor in public space."""

    asset: str
    name: str | None
    lat: float | None
    lon: float | None
    sensor: str
    measures: str
    unit: str
    every_seconds: float


class AlgorithmAnswer(Answer):
    """What the algorithm is."""

    register_entry: Annotated[
        dict[str, Any] | None,
        Field(
            description="Entry of the Dutch Algorithm Register, publication standard 1.0, with its own names; null "
            "while something that it requires is missing."
        ),
    ]
    missing: Annotated[list[str], Field(description="Fields of the entry that only the owner knows and has not said.")]
    model_card: ModelCard
    data_sheet: DataSheet
    sensors: list[PlacedSensor]


class ChannelHops(Answer):
    """The newest values of one channel before an assessment."""

    sensor: str
    channel: str
    unit: str
    last_hops: list[SeriesPointItem]


class Outcome(Answer):
    """What came after a decision."""

    alarm_state: AlarmState | None
    later_decisions: list[DecisionItem]


class DecisionLog(Answer):
    """One decision from the readings to what came of it."""

    title: str
    organisation: str
    readings: list[ChannelHops]
    assessment: RiskItem | None
    journal_entry: Annotated[int | None, Field(description="Entry of the journal that the assessment rests on.")]
    alarm: AlarmItem | None
    decision: DecisionItem
    outcome: Outcome
