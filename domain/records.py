"""Rows that are stored and served: assessments, alarms, decisions, refusals.

Times are int64 Unix nanoseconds, UTC; names ending in `_at_ns` are event time unless said otherwise.
`revision` is the journal's sequence that last touched the row: it only grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId

__all__ = [
    "HORIZONS_DAYS",
    "Alarm",
    "AlarmState",
    "DataQuality",
    "DeadLetter",
    "Decision",
    "DecisionVerb",
    "FailureProbability",
    "Quarantined",
    "Reason",
    "RemainingLife",
    "RiskAssessment",
    "RiskState",
    "SensorStatus",
    "SeriesPoint",
]

HORIZONS_DAYS: Final = (30, 90, 365)


class RiskState(StrEnum):
    """What a planner should do; the order of the ranking."""

    ACT = "act"
    WATCH = "watch"
    INSUFFICIENT_DATA = "insufficient-data"
    OK = "ok"


class DataQuality(StrEnum):
    """How far the readings behind an assessment can be trusted."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = "none"


class AlarmState(StrEnum):
    """Where an alarm stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    CLEARED = "cleared"


class DecisionVerb(StrEnum):
    """What a person may decide (design.md D11)."""

    ACKNOWLEDGE = "acknowledge"
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    INSPECT = "inspect"
    PLAN = "plan"
    REPAIR = "repair"
    ACCEPT_NORMAL = "accept-normal"
    CORRECT_CONDITION = "correct-condition"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason in a form that any language can put into words.

    Attributes
    ----------
    code : str
        Which sentence, from the fixed list in `api.wording`.
    facts : dict of str to str, float or int
        What fills it; units are in the names of the keys or in a `unit` fact.
    """

    code: str
    facts: dict[str, str | float | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailureProbability:
    """Probability of failure within a horizon, with its 80 % interval; all in [0, 1], low <= value <= high."""

    horizon_days: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RemainingLife:
    """Quantiles of the remaining useful life, in days; q10 <= q50 <= q90."""

    q10_days: float
    q50_days: float
    q90_days: float


@dataclass(frozen=True, slots=True)
class RiskAssessment:
    """One risk statement about one asset; immutable once it is not provisional.

    Attributes
    ----------
    assessment_id : str
        Asset and event time, so that the same readings always give the same identifier.
    assessed_at_ns : int
        End of the last hop it rests on; for a provisional one the newest reading.
    provisional : bool
        True while the newest hop is still open.
    health_index : float or None
        1 healthy, 0 at the failure threshold.
    failure_mode : str or None
        The mode that dominates; None without a commissioned condition indicator.
    indicative_condition : int or None
        1 to 6, from sensors; never an inspected NEN 2767 score.
    expected_cost_of_waiting_eur : float or None
        Expected extra cost of waiting 90 days, in euros.
    reasons : tuple of Reason
        Most telling first.
    journal_seq : int
        The journal entry whose commit produced it.
    """

    assessment_id: str
    asset: AssetId
    assessed_at_ns: int
    provisional: bool
    state: RiskState
    data_quality: DataQuality
    probability_of_failure: tuple[FailureProbability, ...]
    remaining_life: RemainingLife | None
    failure_mode: str | None
    health_index: float | None
    indicative_condition: int | None
    expected_cost_of_waiting_eur: float | None
    advice: str
    reasons: tuple[Reason, ...]
    model_version: str
    journal_seq: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """A call to look.

    Attributes
    ----------
    id : str
        Asset, kind and time of raising: the same readings give the same identifier.
    kind : str
        `condition.<mode>`, `sensor.<fault>`, `data.<what>`, `gateway.<what>` or `clock.<what>`.
    subject : str
        The sensor or channel it is about; empty when it is the asset.
    """

    id: str
    asset: AssetId
    kind: str
    raised_at_ns: int
    cleared_at_ns: int | None
    state: AlarmState
    subject: str = ""
    reasons: tuple[Reason, ...] = ()
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided; one link in the chain of the decision log.

    Attributes
    ----------
    seq : int
        The journal entry that holds it.
    decided_at_ns : int
        When it was recorded, by the wall clock.
    due_on : str or None
        ISO date, for `plan`.
    previous_hash, hash : str
        SHA-256 in hex; `hash` covers all other fields and `previous_hash`.
    organisation : str
        For which organisation it was made; empty: the owner of the asset.
    alarm_kind : str
        Kind of the alarm it is about, which is what a label of it means; empty without an alarm.
    """

    id: str
    seq: int
    asset: AssetId
    verb: DecisionVerb
    decided_by: str
    reason: str
    decided_at_ns: int
    alarm_id: str | None = None
    assessment_id: str | None = None
    due_on: str | None = None
    condition: int | None = None
    previous_hash: str = ""
    hash: str = ""
    organisation: str = ""
    alarm_kind: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message, or one value in it, that was refused; `head` is its first bytes."""

    id: str
    topic: str
    gateway: GatewayId
    code: str
    reason: str
    head: bytes
    received_at_ns: int
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A sender that the register does not know, with all that waits for its onboarding."""

    gateway: GatewayId
    asset: AssetId
    sensor: SensorId
    messages: int
    first_received_ns: int
    last_received_ns: int
    reason: str
    example: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class SensorStatus:
    """How one channel of the register is doing."""

    asset: AssetId
    sensor: SensorId
    channel: ChannelName
    unit: str
    gateway: GatewayId
    role: str
    interval_s: float
    quality: DataQuality
    last_time_ns: int | None
    last_value: float | None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One channel in one hop: measured, and what was expected at that environment."""

    start_ns: int
    value: float
    count: int
    expected: float | None
    band: float | None
