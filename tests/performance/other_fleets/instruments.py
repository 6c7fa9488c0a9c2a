"""What a faulty instrument sends, and when: values, clocks, and messages that wait in a gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray, TimeArray
from tests.performance.other_fleets.story import Happening

__all__ = ["HOUR_NS", "Instrument", "Trace", "spoil"]

HOUR_NS: Final = 3_600_000_000_000
_SPIKE_SHARE: Final = 0.015


@dataclass(frozen=True, slots=True)
class Trace:
    """One channel of an instrument.

    Attributes
    ----------
    way : float
        What counts as much in `unit`: the way to failure, or ten kelvin.
    noise : float
        Standard deviation of an hour, in `unit`.
    """

    name: str
    unit: str
    way: float
    noise: float


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """What one instrument sends in a run.

    Attributes
    ----------
    values : float64[C, N]
        By hour; NaN where nothing is sent.
    time_ns : int64[N]
        What its clock says.
    held_until : int64[N]
        Hour at whose end the gateway sends it; its own hour where nothing is held.
    """

    name: str
    traces: tuple[Trace, ...]
    values: FloatArray
    time_ns: TimeArray
    held_until: TimeArray


def spoil(instrument: Instrument, fault: Happening, chance: np.random.Generator) -> Instrument:
    """Give what the instrument sends with a fault."""
    hours = np.arange(instrument.values.shape[1])
    during: BoolArray = (hours >= 24.0 * fault.first_day) & (hours < 24.0 * fault.last_day)
    if not during.any():
        return instrument
    time_ns, held_until = instrument.time_ns, instrument.held_until
    if fault.kind == "clock_step":
        time_ns = np.where(during, time_ns + round(fault.size * HOUR_NS), time_ns)
    elif fault.kind == "backfill":
        held_until = np.where(during, int(hours[during][-1]), held_until)
    values = np.where(during, _spoilt(instrument, fault, hours, int(np.argmax(during)), chance), instrument.values)
    return Instrument(instrument.name, instrument.traces, values, time_ns, held_until)


def _spoilt(
    instrument: Instrument, fault: Happening, hours: TimeArray, first: int, chance: np.random.Generator
) -> FloatArray:
    values = instrument.values
    way = np.array([trace.way for trace in instrument.traces])[:, np.newaxis]
    noise = np.array([trace.noise for trace in instrument.traces])[:, np.newaxis]
    if fault.kind == "stuck_sensor":
        return np.broadcast_to(values[:, first, np.newaxis], values.shape)
    if fault.kind == "dropout":
        return np.full(values.shape, np.nan)
    if fault.kind == "intermittent":
        return np.where(chance.random(len(hours)) < fault.size, np.nan, values)
    if fault.kind == "drift":
        return values + fault.size * way * (hours / 24.0 - fault.first_day) / fault.days
    if fault.kind == "noise":
        return values + fault.size * noise * chance.standard_normal(values.shape)
    if fault.kind == "spikes":
        struck = chance.random(values.shape) < _SPIKE_SHARE
        return values + np.where(struck, fault.size * way * chance.choice([-1.0, 1.0], values.shape), 0.0)
    if fault.kind == "unit_mistake":
        warm = np.array([trace.unit == "Cel" for trace in instrument.traces])[:, np.newaxis]
        return np.where(warm, 1.8 * values + 32.0, fault.size * values)
    return values
