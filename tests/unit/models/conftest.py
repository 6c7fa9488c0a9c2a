"""Small registers and a hand-cranked chain for the tests of the models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from domain.arrays import FeatureTable, FloatArray
from domain.identifiers import AssetId, ChannelKey, ChannelName, GatewayId, SensorId
from domain.register import Asset, AssetType, Channel, Direction, Register, Role, Works
from models.alarms import AlarmChange
from models.catalogue import HOUR_NS, Catalogue
from models.chain import HopScores, step_fleet, step_hop
from models.compiling import compile_catalogue
from models.fleet_memory import FleetMemory
from models.state import ModelState, initial_state

START_NS = 472_224 * HOUR_NS  # 2023-11-15, on the hour

UNITS = {
    "temperature": ("Cel", Role.ENVIRONMENT, Direction.BOTH),
    "deck_temperature": ("Cel", Role.ENVIRONMENT, Direction.BOTH),
    "surface_temperature": ("Cel", Role.ENVIRONMENT, Direction.BOTH),
    "base_temperature": ("Cel", Role.ENVIRONMENT, Direction.BOTH),
    "humidity": ("%RH", Role.ENVIRONMENT, Direction.BOTH),
    "rain": ("mm/h", Role.ENVIRONMENT, Direction.BOTH),
    "traffic_count": ("1/h", Role.OPERATION, Direction.BOTH),
    "cycles": ("1/h", Role.OPERATION, Direction.BOTH),
    "runtime": ("%", Role.OPERATION, Direction.BOTH),
    "speed": ("%", Role.OPERATION, Direction.BOTH),
    "vibration_rms": ("mm/s", Role.CONDITION, Direction.UP),
    "strain": ("um/m", Role.CONDITION, Direction.BOTH),
    "tilt": ("mrad", Role.CONDITION, Direction.BOTH),
    "motor_temperature": ("Cel", Role.CONDITION, Direction.UP),
    "base_moisture": ("%", Role.CONDITION, Direction.UP),
}


def make_channel(asset: str, name: str, *, threshold: float | None = None, interval_s: float = 3600.0) -> Channel:
    unit, role, direction = UNITS.get(name, ("Hz", Role.CONDITION, Direction.DOWN))
    return Channel(
        AssetId(asset),
        SensorId(f"s-{name}"),
        ChannelName(name),
        unit,
        GatewayId("gw1"),
        interval_s,
        role,
        direction,
        failure_threshold=threshold,
    )


def make_register(
    names: list[str],
    *,
    assets: int = 1,
    works: tuple[Works, ...] = (),
    kind: AssetType = AssetType.BRIDGE,
    sensors: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Register, dict[ChannelKey, int]]:
    """Make a register of channels with a sensor each, but for those that share one of `sensors`."""
    rows = tuple(
        Asset(AssetId(f"b{number:03d}"), f"Bridge {number}", kind, built_year=1975) for number in range(assets)
    )
    channels = tuple(
        replace(channel, sensor=SensorId(sensors.get(channel.channel, channel.sensor)))
        for channel in (make_channel(row.id, name) for row in rows for name in names)
    )
    numbers = {channel.key: 1000 + 7 * place for place, channel in enumerate(channels)}
    return Register(rows, channels, works), numbers


@dataclass
class Run:
    """A chain that is fed hours of values by channel name."""

    catalogue: Catalogue
    state: ModelState
    changes: list[AlarmChange] = field(default_factory=list)
    scores: list[HopScores] = field(default_factory=list)
    now_ns: int = START_NS
    memory: FleetMemory = field(default_factory=FleetMemory)

    def feed(self, values: dict[str, npt.NDArray[np.float64]]) -> Run:
        """Step through hours of one asset; NaN is a silent hour, an absent name a silent channel."""
        names = [key.channel for key in self.catalogue.channels]
        hours = len(next(iter(values.values())))
        table = np.column_stack([values.get(name, np.full(hours, np.nan)) for name in names])
        for row in table:
            valid = np.isfinite(row)
            whole_day = (self.now_ns // HOUR_NS + 1) % 24 == 0
            if valid.any() or whole_day:
                features = hop(self.catalogue, np.nan_to_num(row), valid, self.now_ns)
                self.state, scores, changes = step_hop(self.catalogue, self.state, features)
                self.changes.extend(changes)
                self.scores.append(scores)
            self.now_ns += HOUR_NS
            if whole_day:
                self.state, changes = step_fleet(self.catalogue, self.state, self.memory, self.now_ns)
                self.changes.extend(changes)
        return self

    def branch(self) -> Run:
        """Give a run that has lived the same so far; what either lives from here on, the other does not know.

        They may share the state: stepping changes no input, which `tests/properties/test_models_chain.py` holds.
        """
        memory = FleetMemory.decode(self.memory.encode())
        return replace(self, changes=list(self.changes), scores=list(self.scores), memory=memory)

    def kinds(self) -> list[str]:
        return [change.kind for change in self.changes if change.raised]

    def told(self, kind: str) -> list[tuple[str, bool, int]]:
        """Give subject, whether raised, and hour of each change of an alarm."""
        rows = [change for change in self.changes if change.kind == kind]
        return [(change.subject, change.raised, (change.at_ns - START_NS) // HOUR_NS) for change in rows]


def hop(catalogue: Catalogue, value: FloatArray, valid: npt.NDArray[np.bool_], start_ns: int) -> FeatureTable:
    starts = np.full(len(catalogue.assets), start_ns, np.int64)
    return FeatureTable.of_single(starts, catalogue.hop_ns, value, valid)


@pytest.fixture
def start_run() -> Callable[..., Run]:
    def start(names: list[str], **more: Any) -> Run:
        catalogue = compile_catalogue(*make_register(names, **more))
        return Run(catalogue, initial_state(catalogue))

    return start


@dataclass(frozen=True)
class Weather:
    """Hours of weather and traffic, and the temperature inside a structure that lags behind the air."""

    air: FloatArray
    inside: FloatArray
    humidity: FloatArray
    traffic: FloatArray


def weather_of(rng: np.random.Generator, days: int, *, start_day: int = 0) -> Weather:
    hours = np.arange(days * 24)
    day = hours / 24 + start_day
    front = wander(rng, len(hours), 0.9 * 3.5, 3.0)
    sun = (3 + 2.5 * np.sin(2 * np.pi * (day - 100) / 365.25)) * np.sin(2 * np.pi * (hours % 24 - 9) / 24)
    air = 10.0 - 8.5 * np.cos(2 * np.pi * (day - 20) / 365.25) + front + sun
    inside = np.empty_like(air)
    inside[0] = air[0]
    for hour in range(1, len(air)):
        inside[hour] = inside[hour - 1] + (air[hour] - inside[hour - 1]) / 18.0
    humidity = np.clip(82.0 - 0.8 * (air - 10.0) + rng.normal(scale=4.0, size=len(hours)), 20.0, 100.0)
    rush = 60.0 + 800.0 * np.exp(-((((hours % 24) - 13.0) / 5.0) ** 2))
    traffic = rush * np.where((hours // 24) % 7 < 5, 1.0, 0.6) * np.exp(rng.normal(scale=0.15, size=len(hours)))
    return Weather(air, inside, humidity, traffic)


def wander(rng: np.random.Generator, hours: int, scale: float, memory_days: float) -> FloatArray:
    """A slow noise that forgets itself within `memory_days`."""
    keep = float(np.exp(-1 / (24 * memory_days)))
    shocks = rng.normal(scale=scale * np.sqrt(1 - keep * keep), size=hours)
    path = np.empty(hours)
    value = 0.0
    for hour in range(hours):
        value = keep * value + shocks[hour]
        path[hour] = value
    return path


@pytest.fixture
def make_weather() -> Callable[..., Weather]:
    return weather_of


@pytest.fixture
def registers() -> Callable[..., tuple[Register, dict[ChannelKey, int]]]:
    return make_register


@dataclass(frozen=True)
class FleetTools:
    """What a run of several assets side by side is made of."""

    weather: Callable[..., Weather] = weather_of
    wander: Callable[..., FloatArray] = wander
    step: Callable[..., tuple[ModelState, HopScores, list[AlarmChange]]] = step_hop
    end_day: Callable[..., tuple[ModelState, list[AlarmChange]]] = step_fleet
    hop: Callable[..., FeatureTable] = hop

    @staticmethod
    def run(catalogue: Catalogue) -> Run:
        return Run(catalogue, initial_state(catalogue))

    @staticmethod
    def start(names: list[str], *, assets: int) -> Run:
        catalogue = compile_catalogue(*make_register(sorted(names), assets=assets))
        return Run(catalogue, initial_state(catalogue))


@pytest.fixture(scope="session")
def fleet_tools() -> FleetTools:
    return FleetTools()
