"""Bodies of explanations."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Answer, RiskItem, Time
from domain.records import AlarmState

__all__ = ["CauseItem", "ChangeItem", "ChannelPartItem", "ExplanationItem", "LookAlikeItem", "ModeItem", "PlanItem"]


class CauseItem(Answer):
    """Part of one cause in the chance of failure within 90 days."""

    cause: Annotated[
        str,
        Field(
            description="A failure mode; `later`: damage that has not begun, by class and by what the fleet has shown; "
            "or `unseen`: what no sensor sees, by class, age and inspection."
        ),
    ]
    chance: Annotated[float, Field(description="Of this cause alone, within 90 days.")]
    share: Annotated[float, Field(description="Part of the whole; the shares add up to 1.")]


class ChannelPartItem(Answer):
    """One channel: from its reading to its part in the severity of its failure mode."""

    mode: str
    sensor: str
    channel: str
    unit: str
    measured: float
    expected: Annotated[float, Field(description="What is normal at that temperature, traffic and time, in `unit`.")]
    band: Annotated[float, Field(description="Half the width of the 80 % band around `expected`, in `unit`.")]
    deviation: Annotated[float, Field(description="Of its level, as share of the way to failure; harm is positive.")]
    common_shock: Annotated[float, Field(description="What like assets do too; taken off.")]
    bent: Annotated[float, Field(description="What warmth does beyond its bends, as far as it was learnt; taken off.")]
    placed: Annotated[float, Field(description="Where it lies beside its reference in good health; taken off.")]
    residual: Annotated[float, Field(description="What is left; with the three before it, it is `deviation`.")]
    usual: Annotated[float, Field(description="Standard deviation of what is left in good health.")]
    weight: Annotated[float, Field(description="Part in the severity of its mode; parts of a mode add up to 1.")]
    contribution: Annotated[float, Field(description="Contributions of a mode add up to its severity.")]


class ChangeItem(Answer):
    """A natural frequency whose level is not what it was, weather taken out: a statement, never an alarm."""

    sensor: str
    channel: str
    since: Annotated[Time, Field(description="End of the day from which on half of the evidence was there.")]
    change_share: Annotated[float, Field(description="Of the level of its first hundred days; negative: lower.")]
    band_share: Annotated[float, Field(description="Half the width of the 80 % band around it.")]
    share_of_failure: Annotated[
        float | None,
        Field(description="Of the way to the failure level; 0: the other way, null: not known yet."),
    ]
    is_material: Annotated[bool, Field(description="Far enough on that way that an alarm may follow.")]


class ModeItem(Answer):
    """One failure mode: how far it is, and what would change that."""

    mode: str
    severity: Annotated[float, Field(description="Share of the way to the failure level.")]
    chance_of_damage: float
    share_of_alarm: Annotated[float, Field(description="Evidence so far over what an alarm takes.")]
    alarm_severity: Annotated[
        float, Field(description="Share of the way to the failure level from which an alarm is raised.")
    ]
    alarm_open: bool
    days_to_alarm: Annotated[
        float | None, Field(description="Were each coming day like the last ones; null: open already, or never.")
    ]
    doubt_share: Annotated[
        float, Field(description="Part of what an alarm takes that is there because people dismissed such alarms.")
    ]
    dismissed_here: Annotated[int, Field(description="Alarms of this mode that people dismissed on this asset.")]
    judged_here: Annotated[int, Field(description="Alarms of this mode that people confirmed or dismissed here.")]
    dismissed_on_type: Annotated[int, Field(description="The same on all assets of this type of the organisation.")]
    judged_on_type: int


class LookAlikeItem(Answer):
    """The most similar earlier alarm of this kind on another asset, and how it ended."""

    asset: str
    alarm_id: str
    raised_at: Time
    severity: float
    ended: Annotated[AlarmState, Field(description="What became of it: `open`: it has not ended.")]
    cleared_at: Annotated[Time | None, Field(description="When it ended, event time, UTC; null while it lasts.")]


class PlanItem(Answer):
    """What repairing in each week of the coming year is expected to cost."""

    cost_eur: Annotated[list[float], Field(description="Of repairing in week 0 to 52 from now.")]
    first_week: Annotated[int, Field(description="First week that the crew can make.")]
    best_week: Annotated[int, Field(description="Cheapest week; 52: not within a year.")]
    waiting_a_week_eur: Annotated[float, Field(description="What a week of waiting costs; negative when waiting pays.")]
    inspection_eur: Annotated[
        float, Field(description="The most that knowing whether there is damage is worth, before deciding.")
    ]
    planned_eur: Annotated[
        float | None,
        Field(description="The planned repair that this was computed with: the register's of then, or its type's."),
    ]
    failure_eur: Annotated[
        float | None, Field(description="The failure that this was computed with: emergency repair and closure.")
    ]
    crew_lead_days: Annotated[float | None, Field(description="Days until the crew can be there; likewise.")]
    waiting_limit_eur: Annotated[
        float, Field(description="Where waiting 90 days costs more, the state is `act` without an alarm too.")
    ]


class ExplanationItem(Answer):
    """Why one assessment says what it says."""

    assessment: RiskItem
    text: Annotated[list[str], Field(description="The explanation in words, in the language of `Content-Language`.")]
    causes: list[CauseItem]
    modes: list[ModeItem]
    channels: list[ChannelPartItem]
    changes: Annotated[list[ChangeItem], Field(description="Natural frequencies of which a change is stated.")]
    look_alike: LookAlikeItem | None
    plan: PlanItem
    temperature_degc: Annotated[
        float | None,
        Field(description="Of the structure or the air, at which `expected` of the channels is normal, in °C."),
    ]
    missing: Annotated[list[str], Field(description="Condition indicators, `sensor/channel`, that say nothing yet.")]
    life_stretch: Annotated[
        float,
        Field(
            description="How much wider the interval of the remaining life is told than the degradation model says, by "
            "how steadily damages of the fleet grow, and as recorded failures and repairs showed; 1 where neither an "
            "alarm stands nor damage is likely."
        ),
    ]
    reproduced: Annotated[
        bool, Field(description="True when the stored basis gives the assessment's numbers again, within 1e-9.")
    ]
