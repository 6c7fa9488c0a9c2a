"""What the API answers and accepts, as JSON in camelCase; descriptions here become the OpenAPI document.

Nothing in here decides anything: `api.answers` fills these from stored records. Every number has its
unit in its name or description, every estimate its interval, every assessment its age.
"""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from domain.measurements import DataQuality
from domain.records import AlarmState, DecisionVerb, RiskState
from domain.register import AssetType

__all__ = [
    "AlarmItem",
    "Answer",
    "AssetItem",
    "AssetSummary",
    "ChannelItem",
    "DeadLetterItem",
    "DecisionItem",
    "Listing",
    "ProbabilityItem",
    "QuarantinedItem",
    "RemainingLifeItem",
    "RiskItem",
    "SensorItem",
    "SeriesListing",
    "SeriesPointItem",
    "Time",
]

ItemT = TypeVar("ItemT")

Time = Annotated[
    str,
    Field(
        description="RFC 3339, UTC.",
        examples=["2026-03-01T06:00:00Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
Day = Annotated[str, Field(description="ISO 8601 date.", examples=["2026-09-15"], json_schema_extra={"format": "date"})]
# Bounds of answers stand in the document only: a stored value beyond them is shown, not turned into an error.
Probability = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})]
Reasons = Annotated[
    list[str],
    Field(
        description="Why, most telling first, in the language of `Content-Language`.",
        examples=[["Two different measurements point to settlement."]],
    ),
]
ReasonCodes = Annotated[
    list[str],
    Field(description="Codes of `reasons`, in the same order, for machines.", examples=[["quantities_agree"]]),
]
Revision = Annotated[
    int, Field(description="Journal sequence that last touched this item; only grows.", examples=[48211])
]


class Answer(BaseModel):
    """Base of all bodies: camelCase outside, snake_case inside, and never changed once made."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, protected_namespaces=())


class Listing(Answer, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    next: Annotated[
        str | None, Field(description="Cursor of the next page, also in the `Link` header; null at the end.")
    ]
    next_since: Annotated[
        str | None,
        Field(description="Of a list of changes: where it ends; send it as `since` to get what changes later."),
    ] = None


class AssetSummary(Answer):
    """Which structure."""

    id: Annotated[str, Field(examples=["brug-042"])]
    name: Annotated[str, Field(examples=["Brug over de Dommel"])]
    type: AssetType


class AssetItem(AssetSummary):
    """A structure as its owner registered it."""

    lat: Annotated[float | None, Field(description="WGS 84 latitude in degrees.", examples=[51.44])]
    lon: Annotated[float | None, Field(description="WGS 84 longitude in degrees.", examples=[5.47])]
    built_year: int | None
    planned_repair_cost_eur: Annotated[float | None, Field(description="Planned repair, in euros.")]
    emergency_repair_cost_eur: Annotated[float | None, Field(description="Repair after failure, in euros.")]
    closure_hours: Annotated[float | None, Field(description="Hours of closure that an unplanned failure costs.")]
    closure_cost_eur_per_hour: Annotated[float | None, Field(description="Cost of closure, in euros an hour.")]
    crew_lead_days: Annotated[float | None, Field(description="Days from order to crew on site.")]
    inspected_condition: Annotated[
        int | None, Field(description="NEN 2767 score 1 (new) to 6 (worst) of the last inspection.")
    ]
    inspected_on: Day | None
    external_ids: Annotated[dict[str, str], Field(description="The owner's own identifiers, unchanged.")]


class ProbabilityItem(Answer):
    """Probability of failure within a horizon, with its 80 % interval."""

    horizon_days: Annotated[int, Field(description="Days from `assessedAt`.", examples=[90])]
    value: Annotated[Probability, Field(description="Best estimate.", examples=[0.31])]
    low: Annotated[Probability, Field(description="Lower bound of the 80 % interval.", examples=[0.18])]
    high: Annotated[Probability, Field(description="Upper bound of the 80 % interval.", examples=[0.47])]


class RemainingLifeItem(Answer):
    """Remaining useful life in days from `assessedAt`, as quantiles; q10 to q90 is the 80 % interval.

    From an alarm on it is the life of the damage that was alarmed, should there be one; a probability of failure counts
    that there may be none.
    """

    q10: Annotated[float, Field(description="Lower bound of the 80 % interval, in days.", examples=[60.0])]
    q50: Annotated[float, Field(description="Median, in days.", examples=[170.0])]
    q90: Annotated[
        float,
        Field(
            description="Upper bound of the 80 % interval, in days: the level that earlier statements have borne out.",
            examples=[420.0],
        ),
    ]


class RiskItem(Answer):
    """One assessment: the risk of one asset, seen from its newest readings."""

    asset: AssetSummary
    assessment_id: str
    assessed_at: Annotated[Time, Field(description="Event time of the newest readings it rests on, UTC.")]
    provisional: Annotated[
        bool, Field(description="True while the newest interval is still open; it may still change.")
    ]
    state: Annotated[
        RiskState,
        Field(
            description="`act`: an open condition alarm, or waiting costs more than the planned repair's share. "
            "`watch`: evidence grows, the alarm budget is not yet spent. `insufficient-data`: the sensors do not "
            "tell enough; this is not `ok`. `ok`: measured, and as expected."
        ),
    ]
    data_quality: Annotated[
        DataQuality, Field(description="How far the readings can be trusted; `none`: there are none.")
    ]
    probability_of_failure: Annotated[
        list[ProbabilityItem], Field(description="Within 30, 90 and 365 days; `low` to `high` is the 80 % interval.")
    ]
    remaining_life_days: Annotated[
        RemainingLifeItem | None,
        Field(
            description="By what is there now. Null without a `healthIndex` or in state `insufficient-data`: not "
            "known, which is not the same as long. Null elsewhere: `q10` lies beyond ten years, as far as is looked."
        ),
    ]
    health_index: Annotated[
        float | None, Field(description="1 healthy, 0 at the failure threshold; null: not measured.", examples=[0.62])
    ]
    failure_mode: Annotated[
        str | None, Field(description="The mode that dominates; null: no indicator has been learned yet.")
    ]
    indicative_condition: Annotated[
        int | None,
        Field(
            description="1 to 6, indicated by sensors; never an inspected NEN 2767 score. Null: not assessable.",
            json_schema_extra={"minimum": 1, "maximum": 6},
        ),
    ]
    inspected_condition: Annotated[
        int | None, Field(description="NEN 2767 score 1 to 6 of the last inspection, from the register.")
    ]
    inspected_on: Day | None
    expected_cost_of_waiting_eur: Annotated[
        float | None,
        Field(description="Expected extra cost of waiting 90 days, in euros. Null: not known.", examples=[41_500.0]),
    ]
    advice: Annotated[str, Field(description="What to do, in the language of `Content-Language`.")]
    advice_code: Annotated[str, Field(description="Code of `advice`, for machines.", examples=["inspect_soon"])]
    reasons: Reasons
    reason_codes: ReasonCodes
    revised: Annotated[bool, Field(description="True: scored again, with readings that came late.")]
    replaces: Annotated[
        str | None, Field(description="Of a revised one: the earlier assessment of this time, which stays as it is.")
    ]
    model_version: str
    data_age_seconds: Annotated[
        float,
        Field(
            description="From `assessedAt` to the last full quarter of an hour of the service's clock; 0 when it is "
            "newer than that. Work with `assessedAt` where this is too coarse.",
            json_schema_extra={"minimum": 0},
        ),
    ]
    revision: Revision


class AlarmItem(Answer):
    """A call to look."""

    id: str
    asset: Annotated[str, Field(description="Identifier of the asset.", examples=["brug-042"])]
    kind: Annotated[
        str,
        Field(
            description="`condition.<mode>`, `sensor.<fault>`, `data.<what>`, `gateway.<what>` or `clock.<what>`.",
            examples=["condition.settlement"],
        ),
    ]
    subject: Annotated[str, Field(description="Sensor or channel it is about; empty: the asset.")]
    raised_at: Annotated[Time, Field(description="Event time, UTC.")]
    cleared_at: Annotated[Time | None, Field(description="Event time, UTC; null while it lasts.")]
    state: AlarmState
    reasons: Annotated[
        list[str],
        Field(
            description="Why it was raised, most telling first, in the language of `Content-Language`; with the "
            "figures of that moment, which are not brought up to date: those of now stand with the asset.",
            examples=[["Two different measurements point to settlement."]],
        ),
    ]
    reason_codes: ReasonCodes
    event_id: Annotated[
        str | None,
        Field(
            description="Where something struck many structures at once (a storm, a power dip): the identifier of the "
            "oldest of its alarms, the same for all of them. Null for an alarm that came by itself."
        ),
    ]
    revision: Revision


class DecisionItem(Answer):
    """What a person decided; one link in the hash chain of the log."""

    id: str
    asset: str
    verb: DecisionVerb
    decided_by: Annotated[str, Field(examples=["J. de Vries"])]
    reason: Annotated[str, Field(examples=["Seen on site: the abutment has moved."])]
    decided_at: Annotated[Time, Field(description="When it was recorded, UTC.")]
    alarm_id: str | None
    assessment_id: str | None
    due_on: Day | None
    condition: Annotated[int | None, Field(description="NEN 2767 score 1 to 6, for `correct-condition`.")]
    failed_on: Annotated[Day | None, Field(description="The day on which it failed, where it did.")]
    event_id: Annotated[
        str | None, Field(description="Event at many structures that was decided about as one; null for one alarm.")
    ]
    previous_hash: Annotated[str, Field(description="`hash` of the link before; empty for the first.")]
    hash: Annotated[str, Field(description="SHA-256 over all stored fields and `previousHash`, in hex.")]


class DeadLetterItem(Answer):
    """A message, or one value in it, that was refused."""

    id: str
    topic: str
    gateway: str
    code: str
    reason: Annotated[str, Field(description="What was got, what was expected, what to do.")]
    head: Annotated[str, Field(description="The first bytes, as text where they are; others as \\x escapes.")]
    received_at: Annotated[Time, Field(description="When it arrived, UTC.")]


class QuarantinedItem(Answer):
    """A sender that the register does not know; its readings wait for onboarding."""

    gateway: str
    asset: str
    sensor: str
    messages: Annotated[int, Field(description="Messages that wait.")]
    first_received_at: Time
    last_received_at: Time
    reason: str
    example: str


class SensorItem(Answer):
    """One channel of the register and how it is doing."""

    asset: str
    sensor: str
    channel: str
    unit: str
    gateway: str
    role: Annotated[str, Field(description="`condition`, `environment` or `operation`.")]
    interval_seconds: Annotated[float, Field(description="Expected seconds between readings.")]
    quality: Annotated[
        DataQuality,
        Field(description="Grade of the sensor now; `none` where it is silent for four intervals and at least a day."),
    ]
    last_time: Annotated[Time | None, Field(description="Device time of the newest reading; null: never heard.")]
    last_value: Annotated[float | None, Field(description="The newest reading, in `unit`.")]
    data_age_seconds: Annotated[float | None, Field(description="The service's now minus `lastTime`.")]
    clock_skew_seconds: Annotated[
        float | None,
        Field(
            description="How far the sensor's clock is behind ours: median of arrival minus device time over its last "
            "messages, buffered ones left out. Null: not known, as in a replay."
        ),
    ]


class ChannelItem(Answer):
    """One channel that has stored values."""

    sensor: str
    channel: str
    unit: str


class SeriesPointItem(Answer):
    """One closed interval (hop) of one channel."""

    start: Annotated[Time, Field(description="Start of the hop, event time, UTC.")]
    value: Annotated[float, Field(description="The channel's summary in this hop, in `unit`.")]
    count: Annotated[int, Field(description="Readings behind it.")]
    expected: Annotated[float | None, Field(description="Expected at that temperature and load, in `unit`.")]
    band: Annotated[float | None, Field(description="Half the width of the 80 % band around `expected`, in `unit`.")]


class SeriesListing(Listing[SeriesPointItem]):
    """One channel over time, oldest first."""

    sensor: str
    channel: str
    unit: str
