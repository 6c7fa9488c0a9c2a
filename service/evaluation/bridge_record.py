"""A made-up record of a bridge: one natural frequency a day, deck temperature, frost and a hidden step.

The frequency falls along a line with temperature, half at once and half behind the inertia of the structure, and
rises along a second line below a temperature that differs from record to record, as asphalt and bearings stiffen. The
noise is that of an operational modal analysis. It shares nothing with the detector's code, and its bend is drawn anew
each time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray

__all__ = ["BridgeRecord", "make_bridge_record"]

_LEAD_DAYS: Final = 30
_FREQUENCY_HZ: Final = 3.9
_MISSING_SHARE: Final = 0.1
_GAPS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class BridgeRecord:
    """One record.

    Attributes
    ----------
    temperature_degc : float64[N]
        One a day.
    natural_frequency_hz : float64[N]
        One a day; NaN on a day without one.
    step_day : int
        First day after the step.
    """

    temperature_degc: FloatArray
    natural_frequency_hz: FloatArray
    step_day: int


def make_bridge_record(
    generator: np.random.Generator,
    *,
    days: int = 456,
    step: float = 0.003,
    noise: float = 0.002,
    autocorrelation: float = 0.0,
    earliest_step_day: int = 130,
    latest_step_day: int = 400,
    has_gaps: bool = False,
) -> BridgeRecord:
    """Make a record.

    Parameters
    ----------
    generator : numpy.random.Generator
        Draws season of the start, weather, inertia's noise, bend, slopes and day of the step.
    days : int, default 456
        Length, fifteen months.
    step : float, default 0.003
        Share of the frequency that is lost; 0 for a healthy record.
    noise : float, default 0.002
        Standard deviation of the noise as a share of the frequency.
    autocorrelation : float, default 0.0
        Of the noise from one day to the next, in [0, 1).
    earliest_step_day, latest_step_day : int
        Range of the day of the step, the end excluded.
    has_gaps : bool, default False
        Whether frequencies are missing: on a tenth of the days, and three times for 5 to 19 days.

    Returns
    -------
    BridgeRecord
    """
    season = generator.uniform(0.0, 365.25)
    day = np.arange(-_LEAD_DAYS, days)
    weather = _wander(generator, len(day), keep=0.8, deviation=2.2)
    temperature = 11.0 - 9.0 * np.cos(2.0 * np.pi * (day + season - 15.0) / 365.25) + weather
    remembered = temperature.copy()
    for index in range(1, len(day)):
        remembered[index] = 0.5 * (remembered[index - 1] + temperature[index])
    bend_degc = generator.uniform(-3.0, 4.0)
    slope = -generator.uniform(0.0003, 0.0008)
    frost_slope = generator.uniform(0.002, 0.006)
    deviation = noise * math.sqrt(1.0 - autocorrelation**2)
    error = _wander(generator, len(day), keep=autocorrelation, deviation=deviation)
    relative = slope * (0.5 * temperature + 0.5 * remembered - 10.0)
    relative += frost_slope * np.maximum(bend_degc - remembered, 0.0) + error
    frequency = (_FREQUENCY_HZ * (1.0 + relative))[_LEAD_DAYS:]
    step_day = int(generator.integers(earliest_step_day, latest_step_day))
    frequency[step_day:] *= 1.0 - step
    if has_gaps:
        frequency[generator.random(days) < _MISSING_SHARE] = np.nan
        for _ in range(_GAPS):
            begin = int(generator.integers(0, days))
            frequency[begin : begin + int(generator.integers(5, 20))] = np.nan
    return BridgeRecord(temperature[_LEAD_DAYS:], frequency, step_day)


def _wander(generator: np.random.Generator, rows: int, *, keep: float, deviation: float) -> FloatArray:
    """Give first-order autocorrelated noise that starts at 0."""
    out = np.zeros(rows)
    for index in range(1, rows):
        out[index] = keep * out[index - 1] + generator.normal(0.0, deviation)
    return out
