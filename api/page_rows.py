"""What stands in the rows of a page: stored records as texts in one language, ready to be laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.answers import age_seconds
from api.figures import chance, chance_range, euros, local_time, long_date, number, quantity, span, span_range
from api.languages import Language
from api.terms import alarm_title, channel_name, subject_name, term, unit_symbol
from api.texts import capital, text
from api.times import parse_date
from api.wording import say_advice_of, say_reasons
from domain.measurements import DataQuality, SensorStatus
from domain.records import PLANNING_HORIZON_DAYS, Alarm, Decision, RiskAssessment, RiskState
from domain.register import Asset
from storage.overview_rows import grade_now

__all__ = [
    "SHAPES",
    "AlarmRow",
    "Chance",
    "DecisionRow",
    "RiskRow",
    "SensorRow",
    "Trend",
    "alarm_row",
    "day",
    "decision_row",
    "risk_row",
    "sensor_row",
]

_SECONDS_PER_DAY: Final = 86_400.0
# Younger than this is now: whole minutes would read as nought.
_JUST_NOW_S: Final = 60
# Two points of a percent: less is no change that a planner would act on.
_SAME_SHARE: Final = 0.02
# Width of the 80 % interval up to which a chance may be called fairly certain, and uncertain.
_NARROW_SHARE: Final = 0.2
_WIDE_SHARE: Final = 0.5
# One shape per state, so that colour is never the only sign.
SHAPES: Final = {
    RiskState.ACT: "▲",
    RiskState.WATCH: "◆",
    RiskState.INSUFFICIENT_DATA: "?",
    RiskState.OK: "●",
}

# Data that tell too little to say that nothing is in sight.
_POOR: Final = frozenset({DataQuality.LOW, DataQuality.NONE})


@dataclass(frozen=True, slots=True)
class Chance:
    """Probability of failure within one horizon, in words."""

    days: int
    value: str
    interval: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Trend:
    """How the chance of failure moved in thirty days: `up`, `down` or `same`, with a word and what it was."""

    way: str
    shape: str
    label: str


@dataclass(frozen=True, slots=True)
class RiskRow:
    """One assessment as texts; None where nothing is known."""

    asset: str
    name: str
    type: str
    state: str
    shape: str
    state_label: str
    provisional: bool
    chance: Chance | None
    chances: tuple[Chance, ...]
    trend: Trend | None
    certainty: str
    life: str | None
    life_range: str
    health: str | None
    indicative: int | None
    inspected: int | None
    inspected_on: str
    cost: str | None
    quality: str
    quality_label: str
    age: str
    assessed_at: str
    advice: str
    reasons: tuple[str, ...]
    mode: str | None
    model_version: str


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm as texts."""

    title: str
    subject: str
    state: str
    is_open: bool
    raised: str
    cleared: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SensorRow:
    """One channel as texts; `value` is None when it was never heard."""

    sensor: str
    channel: str
    value: str | None
    age: str
    quality: str
    quality_label: str


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision as texts."""

    id: str
    verb: str
    due: str
    by: str
    reason: str
    when: str


def risk_row(
    asset: Asset, risk: RiskAssessment, language: Language, now_ns: int, *, before: RiskAssessment | None = None
) -> RiskRow:
    """Put one assessment into texts; `before` is the one of thirty days ago, for the trend.

    Without any data the state reads `No data`, so that it cannot be taken for a healthy structure.
    """
    chances = tuple(
        Chance(
            item.horizon_days,
            chance(item.value, language),
            chance_range(item.low, item.high, language),
            item.value,
            item.low,
            item.high,
        )
        for item in risk.probability_of_failure
    )
    listed = next((item for item in chances if item.days == PLANNING_HORIZON_DAYS), None)
    life = risk.remaining_life
    cost = risk.expected_cost_of_waiting_eur
    # Measured, and nothing that is there now ends it within the ten years that are looked ahead.
    is_told = risk.state is not RiskState.INSUFFICIENT_DATA and risk.data_quality not in _POOR
    is_measured = risk.health_index is not None and is_told
    no_end = text("no end in sight", language) if is_measured else None
    silent = risk.state is RiskState.INSUFFICIENT_DATA and risk.data_quality is DataQuality.NONE
    return RiskRow(
        asset=asset.id,
        name=asset.name,
        type=term("asset_type", asset.type, language),
        state=risk.state,
        shape=SHAPES[risk.state],
        state_label=term("quality", "none", language) if silent else term("state", risk.state, language),
        provisional=risk.provisional,
        chance=listed,
        chances=chances,
        trend=_trend(listed, before, language),
        certainty="" if listed is None else _certainty(listed, language, is_measured=not silent),
        life=no_end if life is None else span(life.q50_days, language),
        life_range=(text("within ten years", language) if no_end else "")
        if life is None
        else span_range(life.q10_days, life.q90_days, life.q50_days, language),
        health=None if risk.health_index is None else number(risk.health_index, language, decimals=2),
        indicative=risk.indicative_condition,
        inspected=asset.condition_inspected,
        inspected_on=day(asset.inspected_on, language),
        cost=None if cost is None else euros(cost, language),
        quality=risk.data_quality,
        quality_label=term("quality", risk.data_quality, language),
        age=_age(risk.assessed_at_ns, now_ns, language),
        assessed_at=local_time(risk.assessed_at_ns, language),
        advice=say_advice_of(risk, language),
        reasons=tuple(say_reasons(risk.reasons, language)),
        mode=None if risk.failure_mode is None else term("mode", risk.failure_mode, language),
        model_version=risk.model_version,
    )


def alarm_row(alarm: Alarm, language: Language) -> AlarmRow:
    """Put one alarm into texts."""
    title = alarm_title(alarm.kind, language)
    return AlarmRow(
        title=capital(title),
        subject=subject_name(alarm.subject, language),
        state=term("alarm_state", alarm.state, language),
        is_open=alarm.cleared_at_ns is None,
        raised=local_time(alarm.raised_at_ns, language),
        cleared="" if alarm.cleared_at_ns is None else local_time(alarm.cleared_at_ns, language),
        reasons=tuple(say_reasons(alarm.reasons, language)),
    )


def sensor_row(status: SensorStatus, language: Language, now_ns: int) -> SensorRow:
    """Put one channel into texts."""
    heard = status.last_time_ns is not None and status.last_value is not None
    symbol, grade = unit_symbol(status.unit, language), grade_now(status, now_ns)
    fell_silent = heard and grade is not status.quality
    return SensorRow(
        sensor=status.sensor,
        channel=channel_name(status.channel, language),
        value=quantity(_reading(status.last_value or 0.0, language), symbol) if heard else None,
        age="" if status.last_time_ns is None else _age(status.last_time_ns, now_ns, language),
        quality=grade,
        quality_label=text("silent", language) if fell_silent else term("quality", grade, language),
    )


def decision_row(decision: Decision, language: Language) -> DecisionRow:
    """Put one decision into texts."""
    due = day(decision.due_on, language)
    verb = term("verb", decision.verb, language)
    return DecisionRow(
        id=decision.id,
        verb=capital(verb),
        due=text("due {day}", language, day=due) if due else "",
        by=decision.decided_by,
        reason=decision.reason,
        when=local_time(decision.decided_at_ns, language),
    )


def day(iso: str | None, language: Language) -> str:
    """Write a stored date; what is no date is shown as the owner wrote it."""
    if iso is None:
        return ""
    try:
        return long_date(parse_date(iso), language)
    except ValueError:
        return iso


def _age(time_ns: int, now_ns: int, language: Language) -> str:
    age_s = age_seconds(time_ns, now_ns)
    if age_s < _JUST_NOW_S:
        return text("just now", language)
    return text("{age} old", language, age=span(age_s / _SECONDS_PER_DAY, language))


def _trend(now: Chance | None, before: RiskAssessment | None, language: Language) -> Trend | None:
    """Compare the chance with that of thirty days ago; None where either is missing."""
    was = None
    if before is not None:
        was = next((item for item in before.probability_of_failure if item.horizon_days == PLANNING_HORIZON_DAYS), None)
    if now is None or was is None:
        return None
    said = chance(was.value, language)
    if now.share - was.value > _SAME_SHARE:
        return Trend("up", "↗", text("30 days ago {chance}", language, chance=said))
    if was.value - now.share > _SAME_SHARE:
        return Trend("down", "↘", text("30 days ago {chance}", language, chance=said))
    return Trend("same", "→", text("as it was 30 days ago", language))


def _certainty(item: Chance, language: Language, *, is_measured: bool) -> str:
    """Say in a word how wide the interval of a chance is; an estimate without data is never called certain."""
    if not is_measured:
        return text("without measurements", language)
    width = item.high - item.low
    if width <= _NARROW_SHARE:
        return text("fairly certain", language)
    return text("uncertain", language) if width <= _WIDE_SHARE else text("very uncertain", language)


def _reading(value: float, language: Language) -> str:
    whole = len(f"{abs(value):.0f}")
    return number(value, language, decimals=max(4 - whole, 0), minimum_decimals=0)
