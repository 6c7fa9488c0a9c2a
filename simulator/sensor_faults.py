"""Instruments that lie, fall silent or keep the wrong time: what each named fault does to sound readings.

Faults of values work on what a sensor would have sent; faults of messages (`clock_step`, `backfill`) leave the
values alone and are carried out where messages are made (`simulator.messages`). Sizes are in standard deviations
of the channel's own hourly noise, so that one strength means as much on a thermometer as on an accelerometer.

===============  =====================================================================================
`stuck_sensor`   repeats the values of its first hour; what rests in that hour is silent throughout
`dropout`        sends nothing
`intermittent`   sends nothing in a share `strength` of the hours, by chance
`drift`          wanders away steadily, to `strength` deviations at the end
`spikes`         in one hour out of fifty jumps by `strength` deviations, either way
`noise`          has `strength` times its noise
`clipping`       has a range that ends `strength` deviations above the value of its first hour (the nearest in which
                 its machine runs); of waveforms at `strength` times what they are on average (RMS), either way
`unit_mistake`   sends values times `strength` under the old unit; temperatures in Fahrenheit
`clock_step`     its clock is `strength` hours ahead (negative: behind)
`backfill`       keeps its readings and sends them all at the end, marked as such
===============  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from simulator.conditions import ChannelSpec
from simulator.scenario import SensorFault

__all__ = ["FAULT_STRENGTHS", "HOLDING_FAULTS", "LONGEST_BACKFILL_DAYS", "MESSAGE_FAULTS", "hours_of", "spoil"]

# Strength where the file gives none, and what it may be; what has no strength has 0.
FAULT_STRENGTHS: Final[dict[str, tuple[float, float, float]]] = {
    "backfill": (0.0, 0.0, 0.0),
    "clipping": (1.0, 0.1, 1000.0),
    "clock_step": (1.0, -100_000.0, 100_000.0),
    "drift": (8.0, -1000.0, 1000.0),
    "dropout": (0.0, 0.0, 0.0),
    "intermittent": (0.5, 0.0, 1.0),
    "noise": (5.0, 1.0, 1000.0),
    "spikes": (25.0, 0.0, 1000.0),
    "stuck_sensor": (0.0, 0.0, 0.0),
    "unit_mistake": (1000.0, 1e-9, 1e9),
}
MESSAGE_FAULTS: Final = frozenset({"backfill", "clock_step"})
# Faults that go by the value of their first hour.
HOLDING_FAULTS: Final = frozenset({"clipping", "stuck_sensor"})
# A gateway's memory: more than this it does not keep.
LONGEST_BACKFILL_DAYS: Final = 31.0

_SPIKE_SHARE: Final = 0.02
# Counters have no noise of their own; a fault moves them by this share.
_LEAST_SHARE: Final = 0.02


def hours_of(fault: SensorFault, elapsed_h: FloatArray) -> BoolArray:
    """Tell in which hours a fault lasts; bool[N]."""
    first = fault.start_day * 24.0
    return np.asarray((elapsed_h >= first) & (elapsed_h < first + fault.days * 24.0), np.bool_)


def spoil(
    fault: SensorFault,
    values: FloatArray,
    channels: Sequence[ChannelSpec],
    elapsed_h: FloatArray,
    *,
    chance: np.random.Generator,
    held: FloatArray,
) -> FloatArray:
    """Give what a faulty sensor sends instead.

    Parameters
    ----------
    values : float64[C, N]
        What it would have sent, sound; NaN where idle.
    channels : sequence of ChannelSpec
        Its C channels.
    elapsed_h : float64[N]
        Hours since the start of the scenario.
    chance : numpy.random.Generator
        Fresh for this fault and these hours.
    held : float64[C]
        Sound values of the fault's first hour.

    Returns
    -------
    float64[C, N]
        Rounded as the gateway sends; equal to `values` outside the fault's time.
    """
    during = hours_of(fault, elapsed_h)
    if not during.any() or fault.kind in MESSAGE_FAULTS:
        return values
    size = _sizes(values, channels)
    if fault.kind == "stuck_sensor":
        spoilt = np.broadcast_to(held[:, np.newaxis], values.shape)
    elif fault.kind == "clipping":
        spoilt = np.minimum(values, held[:, np.newaxis] + fault.strength * _sizes(held[:, np.newaxis], channels))
    elif fault.kind == "dropout":
        spoilt = np.full(values.shape, np.nan)
    elif fault.kind == "intermittent":
        spoilt = np.where(chance.random(values.shape[1]) < fault.strength, np.nan, values)
    elif fault.kind == "drift":
        share = np.clip((elapsed_h / 24.0 - fault.start_day) / fault.days, 0.0, 1.0)
        spoilt = values + fault.strength * share * size
    elif fault.kind == "spikes":
        struck = chance.random(values.shape[1]) < _SPIKE_SHARE
        spoilt = values + np.where(struck, fault.strength * size * chance.choice([-1.0, 1.0], values.shape), 0.0)
    elif fault.kind == "noise":
        extra = np.sqrt(fault.strength**2 - 1.0)
        spoilt = values + extra * size * chance.standard_normal(values.shape)
    elif fault.kind == "unit_mistake":
        is_temperature = np.array([channel.unit == "Cel" for channel in channels])[:, np.newaxis]
        spoilt = np.where(is_temperature, 1.8 * values + 32.0, fault.strength * values)
    else:
        raise ValueError(f"got sensor fault {fault.kind!r}, expected one of {', '.join(sorted(FAULT_STRENGTHS))}")
    if fault.kind in {"drift", "spikes", "noise"}:
        low, high = (np.array([getattr(c, end) for c in channels])[:, np.newaxis] for end in ("low", "high"))
        spoilt = np.clip(spoilt, low, high)
    rounded = np.stack([np.round(row, channel.decimals) for row, channel in zip(spoilt, channels, strict=True)])
    return np.where(during, rounded, values)


def _sizes(values: FloatArray, channels: Sequence[ChannelSpec]) -> FloatArray:
    """float64[C, N]: standard deviation of each value's own noise."""
    relative = np.array([channel.relative_noise for channel in channels])[:, np.newaxis]
    absolute = np.array([channel.absolute_noise for channel in channels])[:, np.newaxis]
    least = np.where(relative + absolute > 0.0, 0.0, _LEAST_SHARE)
    sizes: FloatArray = (relative + least) * np.abs(values) + absolute
    return sizes
