"""Weather and traffic that a whole fleet shares, measured or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.signal import lfilter

from domain.arrays import FloatArray

__all__ = ["Weather", "delayed", "draw_weather", "red_noise", "usual_traffic"]

_YEAR_H: Final = 8766.0
# Groundwater: what falls runs off within some weeks.
_GROUND_H: Final = 24.0 * 25
_STORM_MEMORY_H: Final = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Weather:
    """Hour by hour, float64[N] each.

    Attributes
    ----------
    air_degc, humidity_pct : float64[N]
        What thermometers and hygrometers read.
    sun, ground, storm : float64[N]
        What nobody measures: sun in [0, 1], groundwater around 0 with a spread of about 1, force of storms from 0.
    storms : tuple of (first hour, hours)
    """

    air_degc: FloatArray
    humidity_pct: FloatArray
    sun: FloatArray
    ground: FloatArray
    storm: FloatArray
    storms: tuple[tuple[int, int], ...]


def red_noise(chance: np.random.Generator, hours: int, memory_h: float, spread: float) -> FloatArray:
    """float64[N]: noise with a memory, of a given standard deviation from its first hour on."""
    keep = float(np.exp(-1.0 / memory_h))
    steps = chance.standard_normal(hours) * spread * np.sqrt(1.0 - keep**2)
    steps[0] = chance.standard_normal() * spread
    return np.asarray(lfilter([1.0], [1.0, -keep], steps), np.float64)


def delayed(values: FloatArray, memory_h: float) -> FloatArray:
    """float64[N]: what a mass feels that follows with a delay."""
    keep = float(np.exp(-1.0 / memory_h))
    start = np.array([keep * values[0]])
    return np.asarray(lfilter([1.0 - keep], [1.0, -keep], values, zi=start)[0], np.float64)


def draw_weather(chance: np.random.Generator, hours: int, first_hour_of_year: float) -> Weather:
    """Draw the weather of one place: milder or harsher, calmer or stormier than the next."""
    hour = np.arange(hours) + first_hour_of_year
    season = np.cos(2 * np.pi * (hour / _YEAR_H - 0.56))
    day = np.cos(2 * np.pi * (hour - 14.5) / 24.0)
    cloud = np.clip(0.5 + red_noise(chance, hours, 20.0, 0.35), 0.0, 1.0)
    height = np.clip(0.45 + 0.4 * season, 0.0, 1.0)
    sun = np.clip(np.cos(2 * np.pi * (hour - 12.7) / 24.0) + 0.4 * season, 0.0, None) * height * (1.0 - 0.8 * cloud)
    air = chance.uniform(7.5, 12.5) + chance.uniform(6.0, 9.5) * season
    air += day * (1.0 + 3.5 * height * (1.0 - cloud)) + red_noise(chance, hours, 80.0, chance.uniform(2.5, 4.0))
    humidity = np.clip(88.0 - 22.0 * sun - 10.0 * height + red_noise(chance, hours, 40.0, 6.0), 20.0, 100.0)
    wet = (chance.random(hours) < 0.012 * (0.6 + cloud)) * chance.exponential(1.0, hours)
    ground = delayed(wet, _GROUND_H) - 0.012 * delayed(height, _GROUND_H)
    ground = (ground - np.mean(ground)) / np.std(ground)
    force, storms = np.zeros(hours), []
    for _ in range(int(chance.poisson(chance.uniform(3.0, 9.0) * hours / _YEAR_H))):
        first, length = int(chance.integers(0, hours - 100)), int(chance.integers(15, 80))
        force[first : first + length] += chance.uniform(0.6, 1.8) * np.hanning(length)
        storms.append((first, length))
    return Weather(air, humidity, sun, ground, delayed(force, _STORM_MEMORY_H), tuple(sorted(storms)))


def usual_traffic(chance: np.random.Generator, hours: int, first_weekday_hour: int) -> FloatArray:
    """float64[N]: vehicles, ships or turns an hour on one asset, on the days that people work and on others."""
    hour = np.arange(hours) + first_weekday_hour
    of_day, of_week = hour % 24, (hour // 24) % 7
    shape = 0.1 + np.exp(-(((of_day - 8.2) / 2.5) ** 2)) + 0.9 * np.exp(-(((of_day - 16.8) / 3.0) ** 2))
    shape = shape * np.where(of_week >= 5, chance.uniform(0.45, 0.8), 1.0)
    drift = np.exp(red_noise(chance, hours, 24.0 * 40, 0.08) + red_noise(chance, hours, 10.0, 0.12))
    return np.asarray(chance.uniform(15.0, 900.0) * shape * drift)
