"""What happens to the fleet: damage of several shapes and speeds, works, diversions, and faults of instruments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from domain.arrays import FloatArray
from domain.register import AssetType
from tests.performance.other_fleets.structures import COMPONENTS

__all__ = ["FAULT_KINDS", "Damage", "Happening", "draw_damage", "draw_faults", "draw_happenings", "severity"]

Shape = Literal["linear", "power", "exponential"]

_SHAPES: Final[tuple[Shape, ...]] = ("linear", "power", "exponential")
_DAMAGED_SHARE: Final = 0.4
_FAST_SHARE: Final = 0.3
_STEP_SHARE: Final = 0.2
_SLOW_DAYS: Final = (120.0, 500.0)
_FAST_DAYS: Final = (20.0, 60.0)
_SOUND_DAYS: Final = 70.0
_LAST_ONSET_DAYS: Final = 20.0
_WORST: Final = 1.3
_HAPPENINGS_PER_YEAR: Final = 0.8
_ANNOUNCED_SHARE: Final = 0.6
_FAULTS_PER_YEAR: Final = 0.15
FAULT_KINDS: Final = (
    "stuck_sensor", "drift", "noise", "spikes", "unit_mistake", "dropout", "intermittent", "clock_step", "backfill",
)  # fmt: skip
_HAPPENS_TO: Final = {
    AssetType.BRIDGE: ("diversion", "works", "sensor_swap"),
    AssetType.ROAD: ("diversion", "works", "resurfacing"),
    AssetType.TUNNEL: ("works", "lubrication", "sensor_swap"),
    AssetType.QUAY: ("works", "sensor_swap"),
    AssetType.LOCK: ("diversion", "lubrication", "works"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Damage:
    """A component that goes from sound to failed.

    Attributes
    ----------
    onset_day, life_days : float
        Failure is at their sum, which may lie behind the run.
    step : float
        Share of the way that is lost at once.
    shape, bend : Shape, float
        How it goes on: along a line, a power, or an exponential with `bend`.
    pace : float64[D]
        Share of the life that has passed on each day of it, from 0 to 1, by fits and starts.
    """

    component: str
    mode: str
    onset_day: float
    life_days: float
    step: float
    shape: Shape
    bend: float
    pace: FloatArray

    @property
    def failure_day(self) -> float:
        """Day of the run on which the component fails."""
        return self.onset_day + self.life_days


@dataclass(frozen=True, slots=True)
class Happening:
    """Works, a diversion or a fault of an instrument.

    Attributes
    ----------
    sensor : str
        Empty where it concerns the asset.
    size : float
        What it does: shares of the way, a factor on traffic, or a fault's strength.
    """

    kind: str
    sensor: str
    first_day: float
    days: float
    size: float
    is_announced: bool = False

    @property
    def last_day(self) -> float:
        """Day of the run on which it ends."""
        return self.first_day + self.days


def draw_damage(chance: np.random.Generator, kind: AssetType, days: int) -> Damage | None:
    """Draw the damage of an asset, or none; a run too short for an onset has none."""
    last = days - _LAST_ONSET_DAYS
    if chance.random() >= _DAMAGED_SHARE or last <= _SOUND_DAYS:
        return None
    component = str(chance.choice(list(COMPONENTS[kind])))
    low, high = _FAST_DAYS if chance.random() < _FAST_SHARE else _SLOW_DAYS
    life = float(np.exp(chance.uniform(np.log(low), np.log(high))))
    shape = _SHAPES[int(chance.integers(len(_SHAPES)))]
    bend = float(chance.uniform(0.6, 2.4) if shape == "power" else chance.uniform(1.0, 3.5))
    jumps = chance.gamma(0.3, 1.0, int(np.ceil(life)) + 1) + 0.3
    pace = np.concatenate([[0.0], np.cumsum(jumps) / np.sum(jumps)])
    return Damage(
        component,
        COMPONENTS[kind][component],
        float(chance.uniform(_SOUND_DAYS, last)),
        life,
        float(chance.uniform(0.2, 0.5)) if chance.random() < _STEP_SHARE else 0.0,
        shape,
        bend,
        pace,
    )


def severity(damage: Damage, day: FloatArray) -> FloatArray:
    """float64[N]: share of the way to failure: 0 when sound, 1 at failure."""
    passed = (day - damage.onset_day) / damage.life_days
    uneven = np.interp(passed, np.linspace(0.0, 1.0, len(damage.pace)), damage.pace)
    share = np.where(passed > 1.0, passed, uneven)
    if damage.shape == "power":
        grown = np.maximum(share, 0.0) ** damage.bend
    elif damage.shape == "exponential":
        grown = np.expm1(damage.bend * np.minimum(share, _WORST)) / np.expm1(damage.bend)
    else:
        grown = share
    whole = damage.step + (1.0 - damage.step) * grown
    return np.asarray(np.where(passed < 0.0, 0.0, np.minimum(whole, _WORST)), np.float64)


def draw_happenings(chance: np.random.Generator, kind: AssetType, sensors: list[str], days: int) -> list[Happening]:
    """Draw what happens to an asset that is no damage."""
    found = []
    for _ in range(int(chance.poisson(_HAPPENINGS_PER_YEAR * days / 365.25))):
        what = str(chance.choice(list(_HAPPENS_TO[kind])))
        lasts = {"resurfacing": 3.0, "sensor_swap": 0.2, "lubrication": 0.2}
        first, length = float(chance.uniform(20.0, days - 10.0)), lasts.get(what, float(chance.uniform(4.0, 50.0)))
        size = {
            "diversion": float(chance.choice([chance.uniform(0.15, 0.6), chance.uniform(1.3, 2.2)])),
            "works": float(chance.uniform(0.05, 0.4)),
            "resurfacing": float(chance.uniform(-0.4, -0.1)),
            "lubrication": float(chance.uniform(-0.2, -0.03)),
            "sensor_swap": float(chance.normal(0.0, 0.1)),
        }[what]
        sensor = str(chance.choice(sensors)) if what == "sensor_swap" else ""
        found.append(Happening(what, sensor, first, length, size, bool(chance.random() < _ANNOUNCED_SHARE)))
    return found


def draw_faults(chance: np.random.Generator, sensors: list[str], days: int) -> list[Happening]:
    """Draw the faults of an asset's instruments."""
    found = []
    for sensor in sensors:
        for _ in range(int(chance.poisson(_FAULTS_PER_YEAR * days / 365.25))):
            what = str(chance.choice(FAULT_KINDS))
            low, high = {"drift": (50.0, 180.0), "backfill": (0.5, 5.0)}.get(what, (2.0, 25.0))
            size = {
                "drift": float(chance.choice([-1.0, 1.0]) * chance.uniform(0.1, 0.5)),
                "noise": float(chance.uniform(3.0, 10.0)),
                "spikes": float(chance.uniform(0.5, 3.0)),
                "unit_mistake": float(chance.choice([1000.0, 0.001, 25.4, 3.6])),
                "intermittent": float(chance.uniform(0.3, 0.9)),
                "clock_step": float(chance.choice([1.0, -1.0, 5.0, -24.0 * 20, 24.0 * 365])),
            }.get(what, 0.0)
            found.append(
                Happening(what, sensor, float(chance.uniform(20.0, days)), float(chance.uniform(low, high)), size)
            )
    return found
