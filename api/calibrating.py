"""How well the owner's own statements came true: asked once a day and after each decision, and put into answers."""

from __future__ import annotations

from typing import Final

from api.languages import Language
from api.rooms import ApiRooms
from api.schemas_calibration import (
    AlarmPrecisionItem,
    CalibrationAnswer,
    EstimateItem,
    ForecastCalibrationItem,
    LifeCalibrationItem,
    ReliabilityItem,
)
from api.scoped import OrganisationDecisions
from api.texts import text
from api.times import rfc3339
from domain.calibration import Calibration
from domain.figures import Figure
from domain.register import AssetType

__all__ = ["calibration_answer", "calibration_of", "summary"]

_DAY_NS: Final = 86_400 * 10**9


def calibration_of(rooms: ApiRooms) -> Calibration:
    """Give the figures of the organisation whose rooms these are, made anew when a decision or a day was added."""
    log = rooms.decisions
    owner = log.organisation.id if isinstance(log, OrganisationDecisions) else None
    newest = rooms.decisions.decisions(limit=1)
    now_ns = rooms.now_ns()
    stamp = (newest[0].seq if newest else 0, now_ns // _DAY_NS)
    kept = rooms.calibrations.get(owner)
    if kept is not None and kept[0] == stamp:
        return kept[1]
    made = rooms.calibrate(rooms.store, rooms.overview, rooms.decisions, now_ns // _DAY_NS * _DAY_NS)
    rooms.calibrations[owner] = (stamp, made)
    return made


def summary(made: Calibration, language: Language) -> str:
    """Say in a sentence whether there is enough to go by."""
    if made.forecast is None:
        return text(
            "Not enough outcomes yet: {failures} of {needed} failures recorded.",
            language,
            failures=made.failures,
            needed=made.failures_needed,
        )
    return text(
        "From {failures} recorded failures and {lives} lives.", language, failures=made.failures, lives=made.lives
    )


def calibration_answer(made: Calibration, organisation: str, language: Language) -> CalibrationAnswer:
    """Answer with the figures of one organisation."""
    forecast, life = made.forecast, made.life
    return CalibrationAnswer(
        organisation=organisation,
        since=None if made.from_ns == made.to_ns else rfc3339(made.from_ns),
        until=rfc3339(made.to_ns),
        lives=made.lives,
        failures=made.failures,
        repairs=made.repairs,
        failures_needed=made.failures_needed,
        summary=summary(made, language),
        model_versions=list(made.model_versions),
        forecast=None
        if forecast is None
        else ForecastCalibrationItem(
            horizon_days=forecast.horizon_days,
            statements=forecast.statements,
            base_rate=forecast.base_rate,
            brier_score=_estimate(forecast.brier),
            brier_skill=_estimate(forecast.skill),
            reliability=[
                ReliabilityItem(
                    low=point.low,
                    high=point.high,
                    stated=point.stated,
                    happened=point.happened,
                    happened_low=point.happened_low,
                    happened_high=point.happened_high,
                    statements=point.statements,
                    lives=point.lives,
                )
                for point in forecast.reliability
            ],
        ),
        remaining_life=None
        if life is None
        else LifeCalibrationItem(
            coverage=_estimate(life.coverage),
            width_days=_estimate(life.width_days),
            error_days=_estimate(life.error_days),
        ),
        alarms=[
            AlarmPrecisionItem(
                asset_type=AssetType(row.asset_type),
                kind=row.kind,
                confirmed=row.confirmed,
                dismissed=row.dismissed,
                precision=_estimate(row.precision),
            )
            for row in made.alarms
        ],
    )


def _estimate(figure: Figure) -> EstimateItem:
    return EstimateItem(value=figure.value, low=figure.low, high=figure.high, count=figure.count)
