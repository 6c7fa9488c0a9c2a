"""What surrounds one asset hour by hour, and what its sensors are like: the words structures speak.

A structure is pure physics: given `Conditions` and severities it answers with clean channel values.
Chance enters before it (weather, traffic) and after it (each channel's measurement noise), so a test can
ask a structure for its temperature slope or its failure level without averaging noise away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from domain.arrays import FloatArray
from simulator.damage import Severities

__all__ = ["ChannelSpec", "Conditions", "SensorSpec", "Structure", "steady_conditions"]


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """Hourly surroundings of one asset, all float64[N].

    Attributes
    ----------
    air_temperature_degc, surface_temperature_degc, deck_temperature_degc, core_temperature_degc,
    base_temperature_degc : float64[N]
        The site's, plus the asset's own micro-climate.
    humidity_pct, slow_humidity_pct, wind_m_s, rain_mm_h, wetness_mm : float64[N]
        The site's weather.
    traffic_per_h, passages_per_h : float64[N]
        Vehicles that passed, and openings made, in the hour.
    duty : float64[N]
        Smoothed openings of the last hours, relative to their average over the year.
    load : float64[N]
        Traffic relative to the asset's average hour.
    level : float64[N]
        A slow wandering of the structure nobody measures, unit variance.
    resurfaced : float64[N]
        0 before new asphalt, 1 after.
    works_mm_s : float64[N]
        Root mean square vibration that machines beside the asset add.
    """

    air_temperature_degc: FloatArray
    surface_temperature_degc: FloatArray
    deck_temperature_degc: FloatArray
    core_temperature_degc: FloatArray
    base_temperature_degc: FloatArray
    humidity_pct: FloatArray
    slow_humidity_pct: FloatArray
    wind_m_s: FloatArray
    rain_mm_h: FloatArray
    wetness_mm: FloatArray
    traffic_per_h: FloatArray
    passages_per_h: FloatArray
    duty: FloatArray
    load: FloatArray
    level: FloatArray
    resurfaced: FloatArray
    works_mm_s: FloatArray

    def __len__(self) -> int:
        return len(self.air_temperature_degc)


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """One channel as its maker would describe it.

    Attributes
    ----------
    name : str
        Channel with its axis, `vibration_rms.z`.
    relative_noise, absolute_noise : float
        Standard deviation of an hourly value: a share of it, plus an amount in `unit`.
    decimals : int
        Digits that the gateway sends.
    low, high : float
        Range of the instrument.
    follows_gain : bool
        True where another instrument in its place would read a little higher or lower.
    role, direction : str
        For the owner's register; empty where the default of the quantity holds.
    failure_threshold : float or None
        Absolute level that the owner has set in the register; None: the owner set none.
    """

    name: str
    unit: str
    relative_noise: float = 0.0
    absolute_noise: float = 0.0
    decimals: int = 2
    low: float = -np.inf
    high: float = np.inf
    follows_gain: bool = False
    role: str = ""
    direction: str = ""
    failure_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """An instrument: its channels are read at one moment and travel in one message.

    Attributes
    ----------
    kind : str
        `readings`, or `waveform` for one that sends raw samples only.
    """

    id: str
    position: str
    channels: tuple[ChannelSpec, ...]
    kind: Literal["readings", "waveform"] = "readings"
    interval_s: int = 3600


class Structure(Protocol):
    """Physics of one asset."""

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """Instruments in the order in which `respond` answers."""
        ...

    def respond(self, conditions: Conditions, severities: Severities) -> FloatArray:
        """Give the clean values float64[C, N] of all channels of the sensors that send readings; NaN when idle."""
        ...


def steady_conditions(
    hours: int = 1, *, temperature_degc: float = 10.0, traffic_per_h: float = 400.0, passages_per_h: float = 1.0
) -> Conditions:
    """Make unchanging mild weather at average load: the reference at which failure levels are stated."""

    def flat(value: float) -> FloatArray:
        return np.full(hours, value)

    return Conditions(
        air_temperature_degc=flat(temperature_degc),
        surface_temperature_degc=flat(temperature_degc),
        deck_temperature_degc=flat(temperature_degc),
        core_temperature_degc=flat(temperature_degc),
        base_temperature_degc=flat(temperature_degc),
        humidity_pct=flat(80.0),
        slow_humidity_pct=flat(80.0),
        wind_m_s=flat(0.0),
        rain_mm_h=flat(0.0),
        wetness_mm=flat(0.0),
        traffic_per_h=flat(traffic_per_h),
        passages_per_h=flat(passages_per_h),
        duty=flat(1.0),
        load=flat(1.0),
        level=flat(0.0),
        resurfaced=flat(0.0),
        works_mm_s=flat(0.0),
    )
