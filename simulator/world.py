"""The simulated world of one scenario: what every sensor reads at every hour.

Values come in blocks of `BLOCK_HOURS`, one asset at a time. A block is a pure function of scenario, asset
and block number, always worked out at the same array shapes, so any day of any asset comes out the same
to the last bit whether it is the first thing asked for or the last. What is slow and common (weather, the
traffic's shape) is made once for all; what is slow and an asset's own needs no history (`wander`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Final, TypeVar

import numpy as np

from domain.arrays import FloatArray
from domain.register import AssetType
from simulator.bridges import Bridge, ModalState, modal_state
from simulator.climate import SPIN_UP_H, WEATHER_KINDS, Climate, WeatherEvent, lag, make_climate
from simulator.conditions import ChannelSpec, Conditions, SensorSpec, Structure
from simulator.damage import Severities, severity
from simulator.randomness import HOURS_PER_YEAR, random_stream, wander
from simulator.scenario import HOUR_NS, AssetPlan, Damage, Event, Scenario, SensorFault
from simulator.sensor_faults import HOLDING_FAULTS, MESSAGE_FAULTS, hours_of, spoil
from simulator.structures import KINDS, build_structure
from simulator.traffic import passage_shape, traffic_shape, working_hours

__all__ = ["BLOCK_HOURS", "World", "reading_sensors"]

BLOCK_HOURS: Final = 16 * 24

_NONE: Final = np.empty(0)

_BRIDGE_OPENINGS_PER_DAY: Final = 8.0
# Motor and gearbox are heavy: a working day warms them through.
_DUTY_LAG_H: Final = 8.0
# A lane is closed where machines work.
_WORKS_TRAFFIC: Final = 0.7


class World:
    """Weather, traffic and structures of a scenario, made on demand and kept for one block each.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario, see `simulator.scenario_file`.

    Attributes
    ----------
    structures : tuple of Structure
        One for each of the scenario's assets, in its order.
    channels : tuple of tuple of ChannelSpec
        For each asset the channels that send readings: the rows of `measured`.
    message_faults : mapping of str to list of SensorFault
        By asset, the faults that are carried out where messages are made.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.structures: tuple[Structure, ...] = tuple(build_structure(scenario.seed, a) for a in scenario.assets)
        self.channels: tuple[tuple[ChannelSpec, ...], ...] = tuple(
            tuple(c for sensor in reading_sensors(structure) for c in sensor.channels) for structure in self.structures
        )
        # By asset: with a hundred thousand sensors nobody can look through everything for each of them.
        self._damage = _by_asset(scenario.damage)
        self._events = _by_asset(scenario.events)
        self._faults = _by_asset(f for f in scenario.sensor_faults if f.kind not in MESSAGE_FAULTS)
        self.message_faults = _by_asset(f for f in scenario.sensor_faults if f.kind in MESSAGE_FAULTS)
        self._years = 0
        self._measured: dict[int, tuple[int, FloatArray]] = {}
        self._modal: dict[int, tuple[int, ModalState]] = {}
        self._make_site((scenario.days * 24 + SPIN_UP_H) // HOURS_PER_YEAR + 1)

    def measured(self, asset: int, block: int) -> FloatArray:
        """Give what an asset's sensors report, hour by hour.

        Parameters
        ----------
        asset : int
            Index into the scenario's assets.
        block : int
            Hours `block * BLOCK_HOURS` and on, since the start of the scenario; not negative, no upper end.

        Returns
        -------
        float64[C, BLOCK_HOURS]
            Rounded as sent; NaN where nothing is sent. Row order is `channels[asset]`.
        """
        kept = self._measured.get(asset)
        if kept is None or kept[0] != block:
            kept = (block, self._with_faults(asset, block, self._sound(asset, block)))
            self._measured[asset] = kept
        return kept[1]

    def measured_hour(self, asset: int, hour: int) -> FloatArray:
        """Give one hour of `measured`: float64[C]."""
        block, of_block = divmod(hour, BLOCK_HOURS)
        column: FloatArray = self.measured(asset, block)[:, of_block]
        return column

    def modal(self, asset: int, block: int) -> ModalState:
        """Give the modes and vibration of a bridge hour by hour, from which its waveforms are made."""
        kept = self._modal.get(asset)
        if kept is None or kept[0] != block:
            bridge = self.structures[asset]
            if not isinstance(bridge, Bridge):
                raise TypeError(f"asset {self.scenario.assets[asset].id!r} is no bridge and has no modes")
            kept = (block, modal_state(bridge, self.conditions(asset, block), self.severities(asset, block)))
            self._modal[asset] = kept
        return kept[1]

    def severities(self, asset: int, block: int) -> Severities:
        """Give the truth: each damage of an asset, hour by hour, each float64[BLOCK_HOURS]."""
        name = self.scenario.assets[asset].id
        days = _elapsed_h(block) / 24.0
        return {(d.mode, d.component): severity(d, days) for d in self._damage.get(name, ())}

    def conditions(self, asset: int, block: int) -> Conditions:
        """Give the surroundings of one asset during one block."""
        plan = self.scenario.assets[asset]
        elapsed_h = _elapsed_h(block)
        weather = self._weather(block)
        seed = self.scenario.seed
        chance = random_stream(seed, "micro-climate", plan.id)
        warmer_k = chance.normal(0.0, 0.4) + 0.35 * wander(chance, elapsed_h, shortest_h=4.0, longest_h=80.0)
        exposure = float(chance.uniform(0.8, 1.1))
        level = wander(random_stream(seed, "level", plan.id), elapsed_h, shortest_h=240.0, longest_h=4000.0)

        air = weather.air_temperature_degc
        factor, resurfaced, works_mm_s = self._works(plan, elapsed_h)
        first = block * BLOCK_HOURS + SPIN_UP_H
        hours = slice(first, first + BLOCK_HOURS)
        counts = random_stream(seed, "counts", plan.id, block)
        mood = wander(random_stream(seed, "traffic", plan.id), elapsed_h, shortest_h=6.0, longest_h=600.0)
        passages = plan.per_day if KINDS[plan.kind].type is AssetType.LOCK else _BRIDGE_OPENINGS_PER_DAY
        if KINDS[plan.kind].type is AssetType.LOCK:
            traffic = np.zeros(BLOCK_HOURS)
        else:
            wetter = 1.0 - 0.05 * np.minimum(weather.rain_mm_h, 2.0)
            expected = plan.per_day * self._traffic[hours] * factor * wetter * np.exp(0.06 * mood)
            traffic = counts.poisson(expected).astype(np.float64)
        return Conditions(
            air_temperature_degc=air + warmer_k,
            surface_temperature_degc=air + warmer_k + exposure * (weather.surface_temperature_degc - air),
            deck_temperature_degc=air + warmer_k + exposure * (weather.deck_temperature_degc - air),
            core_temperature_degc=weather.core_temperature_degc + warmer_k,
            base_temperature_degc=weather.base_temperature_degc + warmer_k,
            humidity_pct=weather.humidity_pct,
            slow_humidity_pct=weather.slow_humidity_pct,
            wind_m_s=weather.wind_m_s,
            rain_mm_h=weather.rain_mm_h,
            wetness_mm=weather.wetness_mm,
            traffic_per_h=traffic,
            passages_per_h=counts.poisson(passages * self._passages[hours] * factor).astype(np.float64),
            duty=self._duty[hours] * factor,
            load=traffic / max(plan.per_day / 24.0, 1.0),
            level=level,
            resurfaced=resurfaced,
            works_mm_s=works_mm_s * self._by_day[hours],
        )

    def _make_site(self, years: int) -> None:
        """Make weather and shapes for so many years; earlier years stay as they were."""
        scenario = self.scenario
        self._years = years
        self._climate: Climate = make_climate(
            seed=scenario.seed,
            start_ns=scenario.start_ns,
            years=years,
            latitude_deg=scenario.site.latitude_deg,
            longitude_deg=scenario.site.longitude_deg,
            mean_temperature_degc=scenario.site.mean_temperature_degc,
            events=[
                WeatherEvent(event.kind, event.start_day * 24.0, event.days * 24.0, event.strength)
                for event in scenario.events
                if event.kind in WEATHER_KINDS
            ],
        )
        hours = years * HOURS_PER_YEAR
        grid_start_ns = scenario.start_ns - SPIN_UP_H * HOUR_NS
        self._traffic = traffic_shape(grid_start_ns, hours)
        self._passages = passage_shape(grid_start_ns, hours)
        self._by_day = working_hours(grid_start_ns, hours)
        self._duty = lag(self._passages, _DUTY_LAG_H) * 24.0

    def _weather(self, block: int) -> Climate:
        """Cut one block out of the site's weather, making more years when it reaches beyond them."""
        first = block * BLOCK_HOURS + SPIN_UP_H
        if first + BLOCK_HOURS > self._years * HOURS_PER_YEAR:
            self._make_site((first + BLOCK_HOURS) // HOURS_PER_YEAR + 1)
        cut = slice(first, first + BLOCK_HOURS)
        return Climate(**{name.name: getattr(self._climate, name.name)[cut] for name in fields(Climate)})

    def _works(self, plan: AssetPlan, elapsed_h: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Give the factor on traffic, the state of the asphalt and the machines' vibration, each float64[N]."""
        factor, resurfaced = np.ones(len(elapsed_h)), np.zeros(len(elapsed_h))
        works_mm_s = np.zeros(len(elapsed_h))
        for event in self._events.get(plan.id, ()):
            first, last = event.start_day * 24.0, (event.start_day + event.days) * 24.0
            during = (elapsed_h >= first) & (elapsed_h < last)
            if event.kind == "diversion":
                factor = np.where(during, factor * event.strength, factor)
            elif event.kind == "works":
                factor = np.where(during, _WORKS_TRAFFIC * factor, factor)
                works_mm_s = np.where(during, np.hypot(works_mm_s, event.strength), works_mm_s)
            elif event.kind == "resurfacing":
                factor = np.where(during, 0.0, factor)
                resurfaced = np.where(elapsed_h >= last, 1.0, resurfaced)
        return factor, resurfaced, works_mm_s

    def _sound(self, asset: int, block: int) -> FloatArray:
        """Measure a block with sound sensors: physics, then the gain of each instrument, then noise."""
        plan, structure, channels = self.scenario.assets[asset], self.structures[asset], self.channels[asset]
        if not channels:
            return np.empty((0, BLOCK_HOURS))
        values = structure.respond(self.conditions(asset, block), self.severities(asset, block))
        values *= self._gains(plan, structure, _elapsed_h(block))
        noise = random_stream(self.scenario.seed, "noise", plan.id, block).standard_normal(values.shape)
        relative, absolute, low, high = (
            np.array([getattr(c, name) for c in channels])[:, np.newaxis]
            for name in ("relative_noise", "absolute_noise", "low", "high")
        )
        values += (relative * np.abs(values) + absolute) * noise
        values = np.clip(values, low, high)
        return np.stack([np.round(row, channel.decimals) for row, channel in zip(values, channels, strict=True)])

    def _gains(self, plan: AssetPlan, structure: Structure, elapsed_h: FloatArray) -> FloatArray:
        """Give each channel's gain: 1 until its sensor is swapped; float64[C, N]."""
        rows = []
        swaps = [event for event in self._events.get(plan.id, ()) if event.kind == "sensor_swap"]
        for sensor in reading_sensors(structure):
            gain = np.ones(len(elapsed_h))
            for swap in swaps:
                if swap.sensor == sensor.id:
                    gain = np.where(elapsed_h >= swap.start_day * 24.0, gain * swap.strength, gain)
            rows += [gain if channel.follows_gain else np.ones(len(elapsed_h)) for channel in sensor.channels]
        return np.stack(rows)

    def _with_faults(self, asset: int, block: int, values: FloatArray) -> FloatArray:
        """Let faulty sensors lie or fall silent."""
        plan = self.scenario.assets[asset]
        elapsed_h = _elapsed_h(block)
        for fault in self._faults.get(plan.id, ()):
            if not hours_of(fault, elapsed_h).any():
                continue
            row = 0
            for sensor in reading_sensors(self.structures[asset]):
                rows = slice(row, row + len(sensor.channels))
                row += len(sensor.channels)
                if sensor.id == fault.sensor:
                    first_h = int(np.ceil(fault.start_day * 24.0))
                    values[rows] = spoil(
                        fault,
                        values[rows],
                        sensor.channels,
                        elapsed_h,
                        chance=random_stream(
                            self.scenario.seed, "fault", fault.kind, plan.id, sensor.id, first_h, block
                        ),
                        held=self._held(asset, block, values, first_h, fault.kind)[rows]
                        if fault.kind in HOLDING_FAULTS
                        else _NONE,
                    )
        return values

    def _held(self, asset: int, block: int, values: FloatArray, hour: int, kind: str) -> FloatArray:
        """Give the sound values of an hour, which may lie in an earlier block; float64[C].

        A sensor that is stuck at rest says nothing; a range ends at a value, so that of the nearest hour with one.
        """
        held_block, of_block = divmod(hour, BLOCK_HOURS)
        sound = values if held_block == block else self._sound(asset, held_block)
        if kind == "stuck_sensor":
            return np.array(sound[:, of_block], np.float64)
        apart = np.where(np.isfinite(sound), np.abs(np.arange(BLOCK_HOURS) - of_block), BLOCK_HOURS)
        nearest = np.argmin(apart, axis=1)
        return np.array(sound[np.arange(len(sound)), nearest], np.float64)


def reading_sensors(structure: Structure) -> list[SensorSpec]:
    """List the sensors that send readings, in the order of the rows that the structure gives."""
    return [sensor for sensor in structure.sensors if sensor.kind == "readings"]


_Struck = TypeVar("_Struck", Damage, Event, SensorFault)


def _by_asset(items: Iterable[_Struck]) -> Mapping[str, list[_Struck]]:
    """Sort what strikes assets by the asset, in the order given."""
    found: dict[str, list[_Struck]] = {}
    for item in items:
        found.setdefault(item.asset, []).append(item)
    return found


def _elapsed_h(block: int) -> FloatArray:
    """float64[BLOCK_HOURS]: hours of a block since the start of the scenario."""
    hours: FloatArray = np.arange(block * BLOCK_HOURS, (block + 1) * BLOCK_HOURS, dtype=np.float64)
    return hours
