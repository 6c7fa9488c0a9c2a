"""Stored records turned into answers: field by field, in the language asked for."""

from __future__ import annotations

from typing import Final

from api.languages import Language
from api.rooms import Readiness
from api.schemas import (
    AlarmItem,
    AssetItem,
    AssetSummary,
    DeadLetterItem,
    DecisionItem,
    ProbabilityItem,
    QuarantinedItem,
    RemainingLifeItem,
    RiskItem,
    SensorItem,
    SeriesPointItem,
)
from api.schemas_service import PartItem, ReadinessAnswer
from api.times import rfc3339
from api.wording import say_advice_of, say_reasons
from domain.measurements import DeadLetter, Quarantined, SensorStatus, SeriesPoint
from domain.records import Alarm, Decision, RiskAssessment
from domain.register import Asset
from storage.overview_rows import grade_now

__all__ = [
    "age_seconds",
    "alarm_item",
    "asset_item",
    "dead_letter_item",
    "decision_item",
    "quarantined_item",
    "readiness_answer",
    "risk_item",
    "sensor_item",
    "series_point_item",
]

_NS_PER_S: Final = 1e9
# A millisecond: finer than any delivery, and it keeps the figure short.
_AGE_DECIMALS: Final = 3


def age_seconds(time_ns: int, now_ns: int) -> float:
    """Give how long ago a time was; 0 when it lies ahead of the clock."""
    return round(max(now_ns - time_ns, 0) / _NS_PER_S, _AGE_DECIMALS)


def _time(time_ns: int | None) -> str | None:
    return None if time_ns is None else rfc3339(time_ns)


def asset_item(asset: Asset) -> AssetItem:
    """Answer with one asset."""
    return AssetItem(
        id=asset.id,
        name=asset.name,
        type=asset.type,
        lat=asset.lat,
        lon=asset.lon,
        built_year=asset.built_year,
        planned_repair_cost_eur=asset.planned_repair_cost_eur,
        emergency_repair_cost_eur=asset.emergency_repair_cost_eur,
        closure_hours=asset.closure_hours,
        closure_cost_eur_per_hour=asset.closure_cost_eur_per_hour,
        crew_lead_days=asset.crew_lead_days,
        inspected_condition=asset.condition_inspected,
        inspected_on=asset.inspected_on,
        external_ids=asset.external_ids,
    )


def risk_item(asset: Asset, risk: RiskAssessment, language: Language, now_ns: int) -> RiskItem:
    """Answer with one assessment of one asset."""
    life = risk.remaining_life
    return RiskItem(
        asset=AssetSummary(id=asset.id, name=asset.name, type=asset.type),
        assessment_id=risk.assessment_id,
        assessed_at=rfc3339(risk.assessed_at_ns),
        provisional=risk.provisional,
        state=risk.state,
        data_quality=risk.data_quality,
        probability_of_failure=[
            ProbabilityItem(horizon_days=item.horizon_days, value=item.value, low=item.low, high=item.high)
            for item in risk.probability_of_failure
        ],
        remaining_life_days=None
        if life is None
        else RemainingLifeItem(q10=life.q10_days, q50=life.q50_days, q90=life.q90_days),
        health_index=risk.health_index,
        failure_mode=risk.failure_mode,
        indicative_condition=risk.indicative_condition,
        inspected_condition=asset.condition_inspected,
        inspected_on=asset.inspected_on,
        expected_cost_of_waiting_eur=risk.expected_cost_of_waiting_eur,
        advice=say_advice_of(risk, language),
        advice_code=risk.advice,
        reasons=say_reasons(risk.reasons, language),
        reason_codes=[reason.code for reason in risk.reasons],
        revised=risk.revised,
        replaces=risk.replaces,
        model_version=risk.model_version,
        data_age_seconds=age_seconds(risk.assessed_at_ns, now_ns),
        revision=risk.revision,
    )


def alarm_item(alarm: Alarm, language: Language) -> AlarmItem:
    """Answer with one alarm."""
    return AlarmItem(
        id=alarm.id,
        asset=alarm.asset,
        kind=alarm.kind,
        subject=alarm.subject,
        raised_at=rfc3339(alarm.raised_at_ns),
        cleared_at=_time(alarm.cleared_at_ns),
        state=alarm.state,
        reasons=say_reasons(alarm.reasons, language),
        reason_codes=[reason.code for reason in alarm.reasons],
        event_id=alarm.event_id or None,
        revision=alarm.revision,
    )


def decision_item(decision: Decision) -> DecisionItem:
    """Answer with one link of the decision log."""
    return DecisionItem(
        id=decision.id,
        asset=decision.asset,
        verb=decision.verb,
        decided_by=decision.decided_by,
        reason=decision.reason,
        decided_at=rfc3339(decision.decided_at_ns),
        alarm_id=decision.alarm_id,
        assessment_id=decision.assessment_id,
        due_on=decision.due_on,
        condition=decision.condition,
        failed_on=decision.failed_on,
        event_id=decision.event_id or None,
        previous_hash=decision.previous_hash,
        hash=decision.hash,
    )


def dead_letter_item(letter: DeadLetter) -> DeadLetterItem:
    """Answer with one refused message; bytes that are no text stand as escapes."""
    return DeadLetterItem(
        id=letter.id,
        topic=letter.topic,
        gateway=letter.gateway,
        code=letter.code,
        reason=letter.reason,
        head=letter.head.decode("utf-8", "backslashreplace"),
        received_at=rfc3339(letter.received_at_ns),
    )


def quarantined_item(sender: Quarantined) -> QuarantinedItem:
    """Answer with one unknown sender."""
    return QuarantinedItem(
        gateway=sender.gateway,
        asset=sender.asset,
        sensor=sender.sensor,
        messages=sender.messages,
        first_received_at=rfc3339(sender.first_received_ns),
        last_received_at=rfc3339(sender.last_received_ns),
        reason=sender.reason,
        example=sender.example,
    )


def sensor_item(status: SensorStatus, now_ns: int) -> SensorItem:
    """Answer with one channel of the register."""
    last = status.last_time_ns
    return SensorItem(
        asset=status.asset,
        sensor=status.sensor,
        channel=status.channel,
        unit=status.unit,
        gateway=status.gateway,
        role=status.role,
        interval_seconds=status.interval_s,
        quality=grade_now(status, now_ns),
        last_time=_time(last),
        last_value=status.last_value,
        data_age_seconds=None if last is None else age_seconds(last, now_ns),
        clock_skew_seconds=None if status.skew_s is None else round(status.skew_s, _AGE_DECIMALS),
    )


def series_point_item(point: SeriesPoint) -> SeriesPointItem:
    """Answer with one hop of one channel."""
    return SeriesPointItem(
        start=rfc3339(point.start_ns),
        value=point.value,
        count=point.count,
        expected=point.expected,
        band=point.band,
    )


def readiness_answer(readiness: Readiness) -> ReadinessAnswer:
    """Answer with the state of every part."""
    return ReadinessAnswer(
        ready=readiness.ready,
        parts=[
            PartItem(name=part.name, ok=part.ok, detail=part.detail, since=_time(part.since_ns))
            for part in readiness.parts
        ],
    )
