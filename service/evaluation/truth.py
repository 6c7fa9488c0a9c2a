"""What really happened, and what was said about it: the two sides that every figure compares.

`Truth` comes from a scenario (`service.evaluation.scenario_run`) or from an owner's own list of events
(`service.evaluation.history`). `RunRecord` holds what a detector said: its alarms and its daily risk, and
nothing else, so that a detector is judged by what a planner would have seen. An asset's time is cut into
*lives*: from the start of the watch, or a repair, to a failure, a repair or the end of the run. Time behind a
failure without a repair belongs to no life: nobody needs a warning there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray, TimeArray
from domain.records import HORIZONS_DAYS, PLANNING_HORIZON_DAYS, is_about_condition
from domain.register import Channel, Register, Role

__all__ = [
    "DAY_NS",
    "HORIZON_PLACE",
    "YEAR_DAYS",
    "Case",
    "Life",
    "RaisedAlarm",
    "RunRecord",
    "TrueAsset",
    "TrueDamage",
    "TrueEvent",
    "Truth",
    "condition_channels",
    "day_ends",
    "lives_of",
    "true_assets",
]

DAY_NS: Final = 86_400_000_000_000
YEAR_DAYS: Final = 365.25
# Chances are judged at one horizon.
HORIZON_PLACE: Final = HORIZONS_DAYS.index(PLANNING_HORIZON_DAYS)

# Where the register has no costs: the emergency repair costs three times the planned one (design.md, section 6).
_EMERGENCY_FACTOR: Final = 3.0
_PLANNED_EUR: Final = 50_000.0
_CREW_LEAD_DAYS: Final = 28.0


@dataclass(frozen=True, slots=True)
class TrueAsset:
    """One asset as the money is reckoned.

    Attributes
    ----------
    is_monitored : bool
        True when it has at least one condition indicator; the others are in no figure.
    planned_eur, failure_eur : float
        A planned repair; an emergency repair with its closure.
    crew_lead_days : float
        Warning that a planned repair needs.
    sensors : int
        Instruments that it carries.
    """

    id: str
    is_monitored: bool
    planned_eur: float
    failure_eur: float
    crew_lead_days: float
    sensors: int


@dataclass(frozen=True, slots=True)
class TrueDamage:
    """One damage: when it began, and when it reaches the failure level.

    Attributes
    ----------
    failure_ns : int or None
        May lie behind the end of the run where that is known; None: it is not known to fail.
    """

    asset: str
    mode: str
    component: str
    onset_ns: int
    failure_ns: int | None


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """Something that is no damage: weather, works, traffic, or a fault of a sensor.

    Attributes
    ----------
    asset : str
        Empty where it concerns all.
    is_sensor_fault : bool
        True where the instrument or its message is at fault, not the world.
    """

    asset: str
    kind: str
    sensor: str
    start_ns: int
    end_ns: int
    announced: bool
    is_sensor_fault: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is known about a run.

    Attributes
    ----------
    knows_future : bool
        True for a simulation: a life that does not fail is known not to, also behind the end. False for an
        owner's history: the last days of such a life have no label.
    repairs : tuple of (asset, start, end)
        An asset is as new from the end on.
    """

    name: str
    start_ns: int
    end_ns: int
    assets: tuple[TrueAsset, ...]
    damages: tuple[TrueDamage, ...]
    events: tuple[TrueEvent, ...]
    knows_future: bool = True
    repairs: tuple[tuple[str, int, int], ...] = ()

    @property
    def sensor_faults(self) -> tuple[TrueEvent, ...]:
        """Faults of sensors that could be seen: those that lie behind the end, or before the start, could not."""
        return tuple(
            event
            for event in self.events
            if event.is_sensor_fault and event.start_ns < self.end_ns and event.end_ns > self.start_ns
        )


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """One alarm as it stands in the alarm list, at event time."""

    asset: str
    kind: str
    subject: str
    raised_ns: int
    cleared_ns: int | None

    @property
    def is_condition(self) -> bool:
        """True for the one kind that spends the budget of false alarms."""
        return is_about_condition(self.kind)


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """What one detector said in one run.

    Attributes
    ----------
    at_ns : int64[D]
        Ends of the days (UTC) of the run.
    chance_90 : float64[A, D]
        Probability of failure within 90 days as last said by then; NaN where nothing was said.
    life_days : float64[A, D, 3]
        Quantiles 10, 50 and 90 % of the remaining life in days; NaN likewise.
    """

    detector: str
    alarms: tuple[RaisedAlarm, ...]
    at_ns: TimeArray
    chance_90: FloatArray
    life_days: FloatArray


@dataclass(frozen=True, slots=True)
class Life:
    """One asset from a beginning to an end.

    Attributes
    ----------
    asset : int
        Row in `Truth.assets`.
    onset_ns : int or None
        When its first damage began; None: it is sound all along.
    failure_ns : int or None
        When that damage fails, also behind `end_ns`.
    end_ns : int
        Failure, repair or the end of the run, whichever comes first; exclusive.
    """

    asset: int
    start_ns: int
    end_ns: int
    onset_ns: int | None = None
    failure_ns: int | None = None
    mode: str = ""
    component: str = ""

    @property
    def has_failed(self) -> bool:
        """True when the failure lies in the run."""
        return self.failure_ns is not None and self.failure_ns <= self.end_ns

    @property
    def healthy_end_ns(self) -> int:
        """End of its sound time, exclusive."""
        return self.end_ns if self.onset_ns is None else min(max(self.onset_ns, self.start_ns), self.end_ns)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One run of one detector beside the truth of that run."""

    truth: Truth
    lives: tuple[Life, ...]
    record: RunRecord


def true_assets(register: Register) -> tuple[TrueAsset, ...]:
    """Give the assets of a register with what money needs, defaults filled in."""
    judged = {channel.asset for channel in register.channels if channel.role is Role.CONDITION}
    sensors = {(channel.asset, channel.sensor) for channel in register.channels}
    found = []
    for asset in register.assets:
        # 0 stands for a cost that nobody knows, as in `models.consequence`.
        planned = asset.planned_repair_cost_eur or _PLANNED_EUR
        emergency = asset.emergency_repair_cost_eur or _EMERGENCY_FACTOR * planned
        closure = (asset.closure_hours or 0.0) * (asset.closure_cost_eur_per_hour or 0.0)
        lead = asset.crew_lead_days if asset.crew_lead_days is not None else _CREW_LEAD_DAYS
        found.append(
            TrueAsset(
                id=asset.id,
                is_monitored=asset.id in judged,
                planned_eur=planned,
                failure_eur=max(emergency, planned) + closure,
                crew_lead_days=lead,
                sensors=sum(owner == asset.id for owner, _ in sensors),
            )
        )
    return tuple(found)


def lives_of(truth: Truth) -> tuple[Life, ...]:
    """Cut the time of every monitored asset into lives; see the module."""
    return tuple(
        life for row, asset in enumerate(truth.assets) if asset.is_monitored for life in _lives(truth, row, asset.id)
    )


def _lives(truth: Truth, row: int, asset: str) -> list[Life]:
    repairs = sorted((start, end) for name, start, end in truth.repairs if name == asset)
    damages = [damage for damage in truth.damages if damage.asset == asset]
    lives = []
    begins = [truth.start_ns, *(end for _, end in repairs)]
    ends = [*(start for start, _ in repairs), truth.end_ns]
    for begin, end in zip(begins, ends, strict=True):
        mine = [d for d in damages if d.onset_ns < end and (d.failure_ns is None or d.failure_ns > begin)]
        if begin >= end:
            continue
        if not mine:
            lives.append(Life(row, begin, end))
            continue
        first_onset = min(d.onset_ns for d in mine)
        # The damage that ends the life; one that is not known to fail only marks the onset.
        worst = min(mine, key=lambda d: (d.failure_ns is None, d.failure_ns or 0, d.onset_ns))
        fails = worst.failure_ns
        life_end = end if fails is None else min(end, fails)
        lives.append(Life(row, begin, life_end, first_onset, fails, worst.mode, worst.component))
    return lives


def day_ends(start_ns: int, end_ns: int) -> TimeArray:
    """int64[D]: ends of the whole days (UTC) in a run."""
    first = -(-start_ns // DAY_NS) + 1
    return np.arange(first, end_ns // DAY_NS + 1, dtype=np.int64) * DAY_NS


def condition_channels(register: Register) -> Sequence[Channel]:
    """List the condition indicators of a register, in its order."""
    return [channel for channel in register.channels if channel.role is Role.CONDITION]
