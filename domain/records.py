"""What is said of an asset, stored and served: assessments, alarms, and what people decided.

Times are int64 Unix nanoseconds, UTC; names ending in `_at_ns` are event time unless said otherwise.
`revision` is the journal's sequence that last touched the row: it only grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal, get_args

from domain.basis import AssessmentBasis
from domain.identifiers import AssetId
from domain.measurements import DataQuality

__all__ = [
    "EVENT_VERBS",
    "HORIZONS_DAYS",
    "PLANNING_HORIZON_DAYS",
    "STANDING_STATES",
    "YEARS",
    "Alarm",
    "AlarmState",
    "Decision",
    "DecisionVerb",
    "EventVerb",
    "FailureProbability",
    "Reason",
    "RemainingLife",
    "RiskAssessment",
    "RiskState",
    "is_about_condition",
]

HORIZONS_DAYS: Final = (30, 90, 365)
# The one by which structures are listed, plans made and forecasts judged.
PLANNING_HORIZON_DAYS: Final = 90
# In which a time or a day may lie: int64 nanoseconds reach from 1677 to 2262, and whole centuries keep a message and a
# pattern readable.
YEARS: Final = range(1700, 2200)


class RiskState(StrEnum):
    """What a planner should do; the order of the ranking."""

    ACT = "act"
    WATCH = "watch"
    INSUFFICIENT_DATA = "insufficient-data"
    OK = "ok"


class AlarmState(StrEnum):
    """Where an alarm stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    CLEARED = "cleared"


# Of alarms that are not over, neither by themselves nor by what a person said.
STANDING_STATES: Final = (AlarmState.OPEN, AlarmState.ACKNOWLEDGED, AlarmState.CONFIRMED)


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


def is_about_condition(alarm_kind: str) -> bool:
    """Tell whether alarms of a kind are about the structure; else about a sensor, its data, a gateway or a clock.

    Examples
    --------
    >>> is_about_condition("condition.settlement"), is_about_condition("sensor.stuck")
    (True, False)
    """
    return alarm_kind.startswith("condition.")


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
        True where another alarm has spoken for it already: one of its event, in which it stood from the moment it was
        raised, or one of the same kind about the same sensor, which stood then.
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
