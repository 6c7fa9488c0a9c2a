"""Rows that are stored and served: assessments, alarms, decisions, refusals.

Times are int64 Unix nanoseconds, UTC; names ending in `_at_ns` are event time unless said otherwise.
`revision` is the journal's sequence that last touched the row: it only grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal, get_args

from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId

__all__ = [
    "EVENT_VERBS",
    "HORIZONS_DAYS",
    "Alarm",
    "AlarmState",
    "AssessmentBasis",
    "ChangeBasis",
    "ChannelBasis",
    "DataQuality",
    "DeadLetter",
    "Decision",
    "DecisionVerb",
    "EventVerb",
    "FailureProbability",
    "ModeBasis",
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


# What can be said of all structures of an event at once; the other verbs speak of one.
EventVerb = Literal[DecisionVerb.ACKNOWLEDGE, DecisionVerb.CONFIRM, DecisionVerb.DISMISS, DecisionVerb.INSPECT]
EVENT_VERBS: Final[tuple[DecisionVerb, ...]] = get_args(EventVerb)


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
class ModeBasis:
    """What is known of one failure mode: the history that its prognosis rests on.

    Attributes
    ----------
    severity, severity_sd : float
        Share of the way to failure, 1 at the failure level, and what a sound asset deviates by.
    seen : tuple of float
        Severities of today and of the days before that the degradation model looks back on.
    silent_days : float
        Since the newest severity.
    onsets_per_day : float
        How often damage of this mode begins here.
    evidence, threshold, strength : float
        Evidence so far, what an alarm takes, and the smoothed standard score behind it.
    raised_at_ns : int or None
        Of the open alarm.
    doubt : float
        Part of `threshold` that is there because people dismissed such alarms.
    verdicts : tuple of int
        Alarms of this mode that people dismissed and judged on this asset, and in its class.
    fast_days : int
        For how many coming days evidence counts as of quantities that rose together, were they like today.
    instrument : float
        How far its instrument can move the lone quantity that the severity is; 0 where it is joined of several.
    """

    mode: str
    severity: float
    severity_sd: float
    seen: tuple[float, ...]
    silent_days: float
    onsets_per_day: float
    evidence: float
    threshold: float
    strength: float
    raised_at_ns: int | None
    doubt: float = 0.0
    verdicts: tuple[int, int, int, int] = (0, 0, 0, 0)
    fast_days: int = 0
    instrument: float = 0.0


@dataclass(frozen=True, slots=True)
class ChannelBasis:
    """One channel's way from its reading to its part in the severity of its mode.

    Attributes
    ----------
    measured, expected, band : float
        Last value, what is normal at that environment, and half the width of its 80 % band, in `unit`.
    deviation : float
        Of its level from its reference, as share of the way to failure, positive towards harm.
    common_shock, bent, placed, residual : float
        The part that like assets share, what warmth does beyond its bends, where the level lies beside its reference in
        good health (both 0 in records from before they were learnt), and what is left; they add up to `deviation`.
    usual : float
        Standard deviation of what is left in good health, as like assets and its own calm months show.
    weight, contribution : float
        Part in the severity of its mode, and what it brings; contributions of a mode add up to its severity.
    """

    mode: str
    sensor: str
    channel: str
    unit: str
    measured: float
    expected: float
    band: float
    deviation: float
    common_shock: float
    residual: float
    usual: float
    weight: float
    contribution: float
    bent: float = 0.0
    placed: float = 0.0


@dataclass(frozen=True, slots=True)
class ChangeBasis:
    """A natural frequency whose level is not what it was, weather taken out; a statement, never an alarm.

    Attributes
    ----------
    since_ns : int
        End of the day from which on half of the evidence was there.
    change, change_sd : float
        Natural logarithm of the level over that of the first hundred days, and its standard error.
    direction : float
        Of harm: 1 up, -1 down, 0 both.
    distance : float or None
        Of the failure level from the commissioned one, as a logarithm, positive; None before commissioning.
    """

    sensor: str
    channel: str
    since_ns: int
    change: float
    change_sd: float
    direction: float
    distance: float | None


@dataclass(frozen=True, slots=True)
class AssessmentBasis:
    """Everything that an assessment's numbers follow from.

    Attributes
    ----------
    rate_per_year : float
        Failures a year by class, age and inspection.
    planned_eur, failure_eur : float
        Cost of a planned repair, and of a failure with its closure.
    crew_lead_days : float
        Until a crew can be there.
    borrows_climate : bool
        True without a temperature sensor: the weather is taken from like assets.
    missing : tuple of str
        Condition indicators, `sensor/channel`, that say nothing yet.
    begins_per_year : float
        How often damage that sensors see begins here; 0 in assessments before model version 3.4.
    life_stretch : float
        How much wider than the degradation model says the remaining life is stated, as recorded ends showed; 1
        without any.
    changes : tuple of ChangeBasis
        Natural frequencies of which a change is stated; none in assessments before model version 3.25.
    """

    rate_per_year: float
    planned_eur: float
    failure_eur: float
    crew_lead_days: float
    temperature_degc: float | None
    borrows_climate: bool
    modes: tuple[ModeBasis, ...]
    channels: tuple[ChannelBasis, ...]
    missing: tuple[str, ...]
    begins_per_year: float = 0.0
    life_stretch: float = 1.0
    changes: tuple[ChangeBasis, ...] = ()


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
    basis : AssessmentBasis or None
        What it was computed from; None for assessments of model version 1.
    journal_seq : int
        The journal entry whose commit produced it.
    revised : bool
        True when readings that came late were scored again; an earlier assessment of the same time stays as it is.
    replaces : str or None
        Of a revised one: `assessment_id` of the one it takes the place of, where there was one.
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
    basis: AssessmentBasis | None = None
    journal_seq: int = 0
    revision: int = 0
    revised: bool = False
    replaces: str | None = None


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
    event_id : str
        Identifier of the oldest alarm of the event it belongs to, where many structures were struck at once; empty
        where it came by itself.
    is_echo : bool
        True where it stood in its event from the moment it was raised: another alarm has spoken for it already.
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
    event_id: str = ""
    is_echo: bool = False


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
    failed_on : str or None
        ISO date on which the asset failed, as it was found out; the outcome that stated chances are compared with.
    event_id : str
        The event at many structures that was decided about, of which the alarm is one; empty for one alarm alone.
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
    failed_on: str | None = None
    event_id: str = ""

    @property
    def failed_ns(self) -> int | None:
        """Start (UTC) of the day on which it failed; None where it did not."""
        if self.failed_on is None:
            return None
        return int(datetime.fromisoformat(self.failed_on).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


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
    """How one channel of the register is doing.

    `skew_s` is how far its sensor's clock is behind ours: the median of arrival minus device time, None: not known.
    """

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
    skew_s: float | None = None


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One channel in one hop: measured, and what was expected at that environment."""

    start_ns: int
    value: float
    count: int
    expected: float | None
    band: float | None
