"""A fleet and a story drawn by the seed: which assets there are, which go wrong, and all that is no damage.

A scenario file may name every asset and event itself, or say how many there should be (`[fleet]`, `[story]`).
Then another seed is another fleet with another story of the same kind, so that pooled runs are independent and
nothing can be learnt by heart. What is drawn is written out as if the file had named it: the same records, the
same truth. Weather keeps to its season whatever the first day is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np

from simulator.conditions import SensorSpec
from simulator.damage import DEFAULT_GROWTH, DEFAULT_STEP
from simulator.randomness import random_stream
from simulator.scenario import DAY_NS, AssetPlan, Damage, Event, SensorFault
from simulator.structures import KINDS

__all__ = ["FleetPlan", "StoryPlan", "draw_damage", "draw_events", "draw_faults", "fleet_names"]

# What the identifiers of drawn assets begin with.
_PREFIX: Final[Mapping[str, str]] = {
    "bridge": "brug",
    "lock": "sluis",
    "movable_bridge": "beweegbaar",
    "quay": "kade",
    "road": "weg",
    "tunnel": "tunnel",
    "unmonitored": "los",
    "weather_mast": "weer",
}
_YEAR_DAYS: Final = 365.25
# Days of the year between which weather of a kind begins; above 365 is the next year.
_SEASONS: Final = {"storm": (270.0, 450.0), "heat_wave": (150.0, 240.0), "frost_spell": (340.0, 420.0)}
# Length in days and strength of drawn events, from and to.
_EVENT_SIZES: Final = {
    "storm": ((0.8, 3.0), (10.0, 20.0)),
    "heat_wave": ((4.0, 14.0), (5.0, 11.0)),
    "frost_spell": ((4.0, 16.0), (6.0, 14.0)),
    "diversion": ((5.0, 60.0), (0.15, 1.7)),
    "works": ((5.0, 40.0), (0.1, 0.8)),
    "resurfacing": ((2.0, 6.0), (1.0, 1.0)),
    "sensor_swap": ((0.1, 0.3), (0.9, 1.12)),
}
# Length in days of drawn sensor faults, and their strengths: one of these, either way for drift.
_FAULT_SIZES: Final[Mapping[str, tuple[float, float, tuple[float, ...]]]] = {
    "backfill": (1.0, 6.0, (0.0,)),
    "clipping": (20.0, 60.0, (0.5, 1.0, 2.0)),
    "clock_step": (2.0, 20.0, (1.0, -1.0, 2.0, -720.0, 8784.0)),
    "drift": (40.0, 200.0, (-30.0, -15.0, -8.0, 8.0, 15.0, 30.0)),
    "dropout": (2.0, 30.0, (0.0,)),
    "intermittent": (10.0, 40.0, (0.3, 0.6, 0.9)),
    "noise": (10.0, 60.0, (4.0, 8.0)),
    "spikes": (10.0, 60.0, (15.0, 30.0)),
    "stuck_sensor": (5.0, 40.0, (0.0,)),
    "unit_mistake": (3.0, 20.0, (1000.0, 0.001, 3.6, 9.80665)),
}
# Drawn unless a file says otherwise: `clipping` came later, and what is drawn for a seed stays what it was.
_USUAL_FAULTS: Final = tuple(sorted(set(_FAULT_SIZES) - {"clipping"}))
# Days at the start without a fault, and at the end without an onset.
_FIRST_FAULT_DAY: Final = 20.0
_LAST_ONSET_DAYS: Final = 40.0


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """How many assets of each kind.

    Attributes
    ----------
    counts : mapping of str to int
        By kind, see `simulator.structures.KINDS`.
    waveform_sensors, tilt_meters : int
        Bridges (movable ones last) that carry one; waveforms come every `waveform_every_h` hours.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    waveform_sensors: int = 0
    waveform_every_h: int = 12
    tilt_meters: int = 0
    assets_per_gateway: int = 6


@dataclass(frozen=True, slots=True)
class StoryPlan:
    """How much goes wrong, and how much else happens.

    Attributes
    ----------
    damaged_share : float
        Share of the assets that can be damaged which are.
    fast_share : float
        Share of the damages that grow in `fast_days` from onset to failure, the others in `slow_days`.
    sound_days : float
        Days at the start without an onset.
    *_per_year : float
        For the whole site.
    *_per_asset_year, *_per_sensor_year : float
        Resurfacing strikes roads only.
    announced_share : float
        Share of works, diversions, resurfacings and swaps that the owner wrote down beforehand.
    fault_kinds : tuple of str
    """

    damaged_share: float = 0.0
    fast_share: float = 0.3
    slow_days: tuple[float, float] = (150.0, 450.0)
    fast_days: tuple[float, float] = (25.0, 70.0)
    sound_days: float = 60.0
    storms_per_year: float = 0.0
    heat_waves_per_year: float = 0.0
    frost_spells_per_year: float = 0.0
    diversions_per_asset_year: float = 0.0
    works_per_asset_year: float = 0.0
    resurfacings_per_asset_year: float = 0.0
    swaps_per_asset_year: float = 0.0
    announced_share: float = 0.5
    faults_per_sensor_year: float = 0.0
    fault_kinds: tuple[str, ...] = _USUAL_FAULTS


def fleet_names(plan: FleetPlan) -> list[tuple[str, str, str]]:
    """List identifier, kind and gateway of every drawn asset.

    Examples
    --------
    >>> fleet_names(FleetPlan({"road": 2}))
    [('weg-001', 'road', 'gw-weg-1'), ('weg-002', 'road', 'gw-weg-1')]
    """
    return [
        (f"{_PREFIX[kind]}-{number:03d}", kind, f"gw-{_PREFIX[kind]}-{(number - 1) // plan.assets_per_gateway + 1}")
        for kind in sorted(plan.counts)
        for number in range(1, plan.counts[kind] + 1)
    ]


def draw_damage(plan: StoryPlan, seed: int, days: int, assets: Sequence[AssetPlan]) -> list[Damage]:
    """Draw which assets are damaged, how, and how fast."""
    chance = random_stream(seed, "story", "damage")
    candidates = [asset for asset in assets if KINDS[asset.kind].modes]
    struck = chance.permutation(len(candidates))[: round(plan.damaged_share * len(candidates))]
    last = days - _LAST_ONSET_DAYS
    if last <= plan.sound_days:
        return []
    damages = []
    for index in sorted(struck.tolist()):
        asset = candidates[index]
        modes = KINDS[asset.kind].modes
        mode = str(chance.choice(sorted(modes)))
        component = str(chance.choice(modes[mode]))
        low, high = plan.fast_days if chance.random() < plan.fast_share else plan.slow_days
        onset = _rounded(chance.uniform(plan.sound_days, last))
        growth_days = _rounded(float(np.exp(chance.uniform(np.log(low), np.log(high)))))
        step = DEFAULT_STEP.get(mode, 0.0)
        damages.append(Damage(asset.id, mode, component, onset, onset + growth_days, DEFAULT_GROWTH[mode], step))
    return damages


def draw_events(
    plan: StoryPlan, seed: int, start_ns: int, days: int, sensors: Mapping[str, Sequence[SensorSpec]], roads: set[str]
) -> list[Event]:
    """Draw weather in its season, and works, traffic and swaps on assets that have sensors."""
    events = []
    for kind, rate in (
        ("storm", plan.storms_per_year),
        ("heat_wave", plan.heat_waves_per_year),
        ("frost_spell", plan.frost_spells_per_year),
    ):
        events += _weather(kind, rate, seed, start_ns, days)
    for asset, carried in sensors.items():
        swappable = [s.id for s in carried if any(channel.follows_gain for channel in s.channels)]
        for kind, rate in (
            ("diversion", plan.diversions_per_asset_year),
            ("works", plan.works_per_asset_year),
            ("resurfacing", plan.resurfacings_per_asset_year if asset in roads else 0.0),
            ("sensor_swap", plan.swaps_per_asset_year if swappable else 0.0),
        ):
            chance = random_stream(seed, "story", kind, asset)
            for _ in range(int(chance.poisson(rate * days / _YEAR_DAYS)) if carried else 0):
                length, strength = (float(chance.uniform(*span)) for span in _EVENT_SIZES[kind])
                start = _rounded(chance.uniform(0.0, days))
                sensor = str(chance.choice(swappable)) if kind == "sensor_swap" else ""
                announced = bool(chance.random() < plan.announced_share)
                events.append(
                    Event(kind, start, _rounded(length), round(strength, 3), asset, sensor, announced=announced)
                )
    return events


def draw_faults(
    plan: StoryPlan, seed: int, days: int, sensors: Mapping[str, Sequence[SensorSpec]]
) -> list[SensorFault]:
    """Draw faults of sensors that send readings; two on one sensor never overlap, and the first days have none."""
    if days <= _FIRST_FAULT_DAY:
        return []
    faults = []
    for asset, carried in sensors.items():
        for sensor in carried:
            if sensor.kind != "readings":
                continue
            chance = random_stream(seed, "story", "fault", asset, sensor.id)
            free = _FIRST_FAULT_DAY
            for start in sorted(
                chance.uniform(
                    _FIRST_FAULT_DAY, days, int(chance.poisson(plan.faults_per_sensor_year * days / _YEAR_DAYS))
                )
            ):
                kind = str(chance.choice(plan.fault_kinds))
                low, high, strengths = _FAULT_SIZES[kind]
                length, strength = float(chance.uniform(low, high)), float(chance.choice(strengths))
                if start < free:
                    continue
                faults.append(SensorFault(kind, asset, sensor.id, _rounded(start), _rounded(length), strength))
                free = start + length + 10.0
    return faults


def _weather(kind: str, rate: float, seed: int, start_ns: int, days: int) -> list[Event]:
    first, last = _SEASONS[kind]
    start_day = start_ns / DAY_NS
    years = [datetime.fromtimestamp(t // 10**9, UTC).year for t in (start_ns, start_ns + days * DAY_NS)]
    events = []
    for year in range(years[0] - 1, years[1] + 1):
        chance = random_stream(seed, "story", kind, year)
        new_year = datetime(year, 1, 1, tzinfo=UTC).timestamp() / 86_400.0
        for _ in range(int(chance.poisson(rate))):
            start = _rounded(new_year + chance.uniform(first, last) - start_day)
            length, strength = (float(chance.uniform(*span)) for span in _EVENT_SIZES[kind])
            if 0.0 <= start < days:
                events.append(Event(kind, start, _rounded(length), round(strength, 2)))
    return sorted(events, key=lambda event: event.start_day)


def _rounded(day: float) -> float:
    """Keep a tenth of a day: what a person would write down."""
    return round(float(day), 1)
