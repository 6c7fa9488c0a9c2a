"""One asset of the fleet: what happens to it, what its instruments would measure, and what they send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from domain.register import AssetType, Direction
from ingest.channels import channel_defaults
from tests.performance.other_fleets.instruments import HOUR_NS, Instrument, Trace, spoil
from tests.performance.other_fleets.story import (
    Damage,
    Happening,
    draw_damage,
    draw_faults,
    draw_happenings,
    severity,
)
from tests.performance.other_fleets.structures import QUANTITIES, Quantity, natural_share
from tests.performance.other_fleets.weather import Weather, red_noise, usual_traffic

__all__ = ["DrawnAsset", "draw_asset"]

_WITH_CLIMATE: Final = 0.85
_WITH_COUNTER: Final = 0.8
_WITHOUT_TILT: Final = 0.5
# How far an indicator is when its component fails: components differ, and so do the indicators of one.
_UNLIKE_COMPONENTS: Final = 0.2
_UNLIKE_QUANTITIES: Final = 0.2
_GAINS: Final = (0.6, 1.6)
# Works beside a structure shake it; what they do to its strain is a part of that.
_WORKS_ON_STRAIN: Final = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class DrawnAsset:
    """What was drawn for one asset; times of its instruments count from the start of the run."""

    instruments: list[Instrument]
    happenings: list[Happening]
    faults: list[Happening]
    damage: Damage | None


def draw_asset(
    kind: AssetType, weather: Weather, weekday_hour: int, days: int, chance: np.random.Generator
) -> DrawnAsset:
    """Draw an asset.

    Parameters
    ----------
    weekday_hour : int
        Hours from Monday 0:00 to the start of the run.
    days : int
        Length of the run.
    """
    hours = 24 * days
    day = np.arange(hours) / 24.0
    quantities = QUANTITIES[kind]
    if kind is AssetType.BRIDGE and chance.random() < _WITHOUT_TILT:
        quantities = tuple(quantity for quantity in quantities if quantity.component == "span")
    sensors = list(dict.fromkeys(quantity.sensor for quantity in quantities))
    happenings = draw_happenings(chance, kind, sensors, days)
    damage = draw_damage(chance, kind, days)
    if damage is not None and all(quantity.component != damage.component for quantity in quantities):
        damage = None
    traffic = usual_traffic(chance, hours, weekday_hour)
    usual = float(np.mean(traffic))
    for happening in happenings:
        if happening.kind == "diversion":
            traffic = np.where(
                (day >= happening.first_day) & (day < happening.last_day), traffic * happening.size, traffic
            )
    counted, rests, load = _operation(kind, traffic, usual, chance)
    common = {quantity.component: red_noise(chance, hours, 24.0 * 30, 1.0) for quantity in quantities}
    shown = {quantity.component: np.exp(_UNLIKE_COMPONENTS * chance.standard_normal()) for quantity in quantities}
    parts: dict[str, list[tuple[Trace, FloatArray]]] = {}
    for quantity in quantities:
        share = natural_share(kind, quantity, weather, load, common[quantity.component], chance)
        share = share + _by_works(quantity, happenings, day)
        if damage is not None and damage.component == quantity.component:
            gain = np.clip(shown[quantity.component] * np.exp(_UNLIKE_QUANTITIES * chance.standard_normal()), *_GAINS)
            share = share + gain * severity(damage, day)
        part = _measured(quantity, share, chance)
        if not quantity.works_idle:
            part[1][rests] = np.nan
        parts.setdefault(quantity.sensor, []).append(part)
    for sensor, name, unit, values in counted:
        parts.setdefault(sensor, []).append((Trace(name, unit, float(np.mean(values)), 0.0), values))
    if chance.random() < _WITH_CLIMATE:
        parts["env1"] = _climate(kind, weather, chance)
    faults = draw_faults(chance, list(parts), days)
    instruments = []
    for sensor, mine in parts.items():
        hour = np.arange(hours)
        instrument = Instrument(
            sensor, tuple(trace for trace, _ in mine), np.stack([row for _, row in mine]), hour * HOUR_NS, hour
        )
        for fault in faults:
            if fault.sensor == sensor:
                instrument = spoil(instrument, fault, chance)
        instruments.append(instrument)
    return DrawnAsset(instruments, happenings, faults, damage)


def _operation(
    kind: AssetType, traffic: FloatArray, usual: float, chance: np.random.Generator
) -> tuple[list[tuple[str, str, str, FloatArray]], BoolArray, FloatArray]:
    """Give what counts its use, when its machines rest, and the load as a share of the usual."""
    never = np.zeros(len(traffic), np.bool_)
    if kind in {AssetType.BRIDGE, AssetType.ROAD}:
        counted = [("trf1", "traffic_count", "1/h", chance.poisson(traffic).astype(np.float64))]
        return (counted if chance.random() < _WITH_COUNTER else []), never, traffic / usual
    if kind is AssetType.LOCK:
        turns = chance.poisson(2.5 * traffic / usual).astype(np.float64)
        return [("mot1", "cycles", "1/h", turns)], turns == 0.0, np.maximum(turns, 0.5) / 2.5
    if kind is AssetType.TUNNEL:
        pace = np.clip(np.round(35.0 * traffic / usual + 15.0 + red_noise(chance, len(traffic), 30.0, 8.0)), 0.0, 100.0)
        pace = np.where(pace < 20.0, 0.0, pace)
        return [("fan1", "speed", "%", pace)], pace == 0.0, np.maximum(pace, 10.0) / 50.0
    return [], never, np.ones(len(traffic))


def _by_works(quantity: Quantity, happenings: list[Happening], day: FloatArray) -> FloatArray:
    """float64[N]: what works do to an indicator, in shares of its way to failure."""
    share = np.zeros(len(day))
    shaken = 1.0 if "vibration" in quantity.name else _WORKS_ON_STRAIN * (quantity.name == "strain")
    moved_by = {"resurfacing"} if quantity.component == "surface" else set()
    moved_by |= {"lubrication"} if quantity.component in {"drive", "fan"} else set()
    for happening in happenings:
        after = day >= happening.first_day
        if happening.kind == "works":
            share += happening.size * shaken * (after & (day < happening.last_day))
        elif happening.kind in moved_by or (happening.kind == "sensor_swap" and happening.sensor == quantity.sensor):
            share += happening.size * after
    return share


def _measured(quantity: Quantity, share: FloatArray, chance: np.random.Generator) -> tuple[Trace, FloatArray]:
    """Turn shares into values, rounded as an instrument does; where either way is harm, it goes either way."""
    base = float(chance.uniform(quantity.low, quantity.high))
    if quantity.is_factor:
        values, way = base * np.exp(quantity.way * share), abs(base * quantity.way)
    else:
        known = channel_defaults(quantity.name.partition(".")[0])
        is_two_sided = known is not None and known.direction is Direction.BOTH
        sign = chance.choice([-1.0, 1.0]) if is_two_sided else 1.0
        values, way = base + sign * quantity.way * share, abs(quantity.way)
    decimals = max(int(np.ceil(-np.log10(0.1 * way * quantity.noise))), 0)
    return Trace(quantity.name, quantity.unit, way, way * quantity.noise), np.round(values, decimals)


def _climate(kind: AssetType, weather: Weather, chance: np.random.Generator) -> list[tuple[Trace, FloatArray]]:
    hours = len(weather.air_degc)
    is_surface = kind is AssetType.ROAD
    air = weather.air_degc + chance.normal(0.0, 0.7) + red_noise(chance, hours, 30.0, 0.5)
    air = air + (9.0 * weather.sun if is_surface else 0.0) + 0.15 * chance.standard_normal(hours)
    found = [(Trace("surface_temperature" if is_surface else "temperature", "Cel", 10.0, 0.15), np.round(air, 1))]
    if not is_surface:
        humidity = np.clip(weather.humidity_pct + 1.5 * chance.standard_normal(hours), 0.0, 100.0)
        found.append((Trace("humidity", "%RH", 30.0, 1.5), np.round(humidity, 0)))
    return found
