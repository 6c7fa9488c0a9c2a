"""What is told about how well the owner's own statements came true."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Answer, Probability, Time
from domain.register import AssetType

__all__ = [
    "AlarmPrecisionItem",
    "CalibrationAnswer",
    "EstimateItem",
    "ForecastCalibrationItem",
    "LifeCalibrationItem",
    "ReliabilityItem",
]


class EstimateItem(Answer):
    """A figure with its 90 % interval; null where there was nothing to measure it on."""

    value: float | None
    low: float | None
    high: float | None
    count: Annotated[int, Field(description="Cases behind it: lives, failures or alarms.")]


class ReliabilityItem(Answer):
    """One bin of the reliability curve: what was stated against what happened."""

    low: Annotated[Probability, Field(description="Chances from here.")]
    high: Annotated[Probability, Field(description="Chances below here; the last bin includes it.")]
    stated: Annotated[Probability, Field(description="Mean of the stated chances.")]
    happened: Annotated[Probability, Field(description="Share that failed within the horizon.")]
    happened_low: Annotated[Probability, Field(description="Lower end of its 90 % interval, each life one case.")]
    happened_high: Annotated[Probability, Field(description="Upper end of the same.")]
    statements: int
    lives: Annotated[int, Field(description="Lives of assets with a statement in this bin.")]


class ForecastCalibrationItem(Answer):
    """The stated chance of failure against what happened; statements of every thirtieth day."""

    horizon_days: int
    statements: int
    base_rate: Annotated[Probability, Field(description="Share of the statements that a failure followed in time.")]
    brier_score: Annotated[EstimateItem, Field(description="Mean squared error of the stated chance; 0 is perfect.")]
    brier_skill: Annotated[
        EstimateItem, Field(description="1 - that error over the error of always stating the base rate.")
    ]
    reliability: list[ReliabilityItem]


class LifeCalibrationItem(Answer):
    """The stated remaining life of what failed, from its alarm on; each failure counts once."""

    coverage: Annotated[
        EstimateItem, Field(description="Share of days with the true life in the 80 % interval; 0.8 is meant.")
    ]
    width_days: Annotated[EstimateItem, Field(description="Mean width of that interval.")]
    error_days: Annotated[EstimateItem, Field(description="Median absolute error of the stated median.")]


class AlarmPrecisionItem(Answer):
    """What people made of the alarms of one kind on one type of asset."""

    asset_type: AssetType
    kind: Annotated[str, Field(examples=["condition.settlement"])]
    confirmed: int
    dismissed: int
    precision: Annotated[EstimateItem, Field(description="Confirmed share of those that people judged.")]


class CalibrationAnswer(Answer):
    """How well statements came true, from the outcomes that people recorded here; of no other organisation."""

    organisation: str
    since: Annotated[Time | None, Field(description="First statement; null before there is one.")]
    until: Annotated[Time, Field(description="Until when outcomes are known.")]
    lives: Annotated[int, Field(description="Assets, each from a beginning to its failure, a repair, or `until`.")]
    failures: Annotated[int, Field(description="Recorded with `failedOn`; what nobody recorded did not fail.")]
    repairs: Annotated[int, Field(description="Recorded; what they prevented is not known and not counted.")]
    failures_needed: Annotated[int, Field(description="From here on `forecast` and `remainingLife` are given.")]
    summary: Annotated[str, Field(description="The same in a sentence, in the language of `Content-Language`.")]
    model_versions: Annotated[list[str], Field(description="Versions that made the statements.")]
    forecast: Annotated[ForecastCalibrationItem | None, Field(description="Null: not enough outcomes yet.")]
    remaining_life: Annotated[LifeCalibrationItem | None, Field(description="Null: not enough outcomes yet.")]
    alarms: Annotated[list[AlarmPrecisionItem], Field(description="By type of asset and kind; last verdict counts.")]
