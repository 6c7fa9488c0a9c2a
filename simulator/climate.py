"""The weather of one Dutch site, hour by hour, and what it does to a structure's temperature.

Theory of operation. Air temperature is a yearly wave, a daily wave that follows the sun, and fronts:
two Ornstein-Uhlenbeck processes (a passing front, about 3 days; a blocked pattern, about 12). Cloud,
rain and wind each have their own process, tied to the fronts where nature ties them. Humidity is not
drawn but follows from a dew point (Magnus formula), so it falls when the afternoon warms, as it does
outside. Sizes are those of De Bilt, KNMI normals 1991-2020: mean 10.5 Cel, January 3.6, July 18.2,
about 850 mm of rain in a year, mean wind near 4 m/s.

A structure follows with inertia: each part is a first-order lag behind the sol-air temperature
(air, plus sunshine absorbed, less the night sky's radiation), with a time constant of its own.

The grid begins `SPIN_UP_H` hours before the scenario, so that the lags have forgotten how they began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy  # loads `scipy.signal`, a third of a start, where it is first used: a register needs none

from domain.arrays import FloatArray
from simulator.randomness import HOURS_PER_YEAR, relaxed_noise

__all__ = ["SPIN_UP_H", "WEATHER_KINDS", "Climate", "WeatherEvent", "lag", "make_climate", "raised_window"]

SPIN_UP_H: Final = 60 * 24

WEATHER_KINDS: Final = ("frost_spell", "heat_wave", "storm")

_HOUR_NS: Final = 3_600 * 10**9
_YEAR_H: Final = 365.2425 * 24
# Coldest day of the normals, about 20 January, as hours into the year; 1970-01-01 began a year.
_COLDEST_H: Final = 20 * 24
_SOLAR_DECLINATION_DEG: Final = 23.44

# Time constants in hours: asphalt surface, concrete deck, the heart of a thick section, a road's base.
_SURFACE_LAG_H: Final = 1.2
_DECK_LAG_H: Final = 6.0
_CORE_LAG_H: Final = 30.0
_BASE_LAG_H: Final = 60.0
# Sunshine absorbed, K per W/m2: absorptivity over the heat transfer coefficient (ASHRAE sol-air temperature).
_SURFACE_SUN_K_M2_W: Final = 0.030
_DECK_SUN_K_M2_W: Final = 0.016
_NIGHT_SKY_K: Final = 2.5
# Above this the moist process rains: about one hour in twelve.
_RAIN_LEVEL: Final = 1.35


@dataclass(frozen=True, slots=True)
class WeatherEvent:
    """Weather on purpose, over the whole site.

    Attributes
    ----------
    kind : str
        `storm` adds wind (m/s) and rain, `heat_wave` and `frost_spell` shift air temperature (K).
    start_h, hours : float
        Hours since the start of the scenario, and the length.
    strength : float
        Peak of the addition, positive.
    """

    kind: str
    start_h: float
    hours: float
    strength: float


@dataclass(frozen=True, slots=True, eq=False)
class Climate:
    """Hourly weather; element `i` is hour `i - SPIN_UP_H` of the scenario, at the hour itself, UTC.

    Attributes
    ----------
    air_temperature_degc, humidity_pct, wind_m_s, rain_mm_h : float64[N]
        What a weather station sees; humidity in [0, 100].
    surface_temperature_degc, deck_temperature_degc, core_temperature_degc, base_temperature_degc : float64[N]
        Behind the weather with growing inertia: asphalt, concrete deck, heart of a section, road base.
    slow_humidity_pct : float64[N]
        Humidity as concrete takes it up, lagging by ten days.
    wetness_mm : float64[N]
        Rain still in the ground: each hour's rain fades with a time constant of four days.
    """

    air_temperature_degc: FloatArray
    humidity_pct: FloatArray
    wind_m_s: FloatArray
    rain_mm_h: FloatArray
    surface_temperature_degc: FloatArray
    deck_temperature_degc: FloatArray
    core_temperature_degc: FloatArray
    base_temperature_degc: FloatArray
    slow_humidity_pct: FloatArray
    wetness_mm: FloatArray


def lag(driver: FloatArray, time_constant_h: float) -> FloatArray:
    """Follow a driver as a first-order system does, exactly for a driver that is linear between hours.

    Parameters
    ----------
    driver : float64[N]
        Hourly input; the system starts in balance with its first value.
    time_constant_h : float
        Hours, positive.

    Returns
    -------
    float64[N]
        The lagged response, same unit. A wave of angular frequency w comes out smaller by
        `sqrt(1 + (w T)**2)` and later by `atan(w T) / w`.
    """
    memory = float(np.exp(-1.0 / time_constant_h))
    held = (1.0 - memory) * time_constant_h
    now, before = 1.0 - held, held - memory
    response, _ = scipy.signal.lfilter([now, before], [1.0, -memory], driver, zi=np.array([(1.0 - now) * driver[0]]))
    result: FloatArray = response
    return result


def raised_window(elapsed_h: FloatArray, start_h: float, hours: float) -> FloatArray:
    """Rise from 0 to 1 and back within `[start_h, start_h + hours]`, without a corner; float64[N]."""
    share = np.clip((elapsed_h - start_h) / hours, 0.0, 1.0)
    window: FloatArray = 0.5 - 0.5 * np.cos(2.0 * np.pi * share)
    return window


def make_climate(
    *,
    seed: int,
    start_ns: int,
    years: int,
    latitude_deg: float,
    longitude_deg: float,
    mean_temperature_degc: float,
    events: Sequence[WeatherEvent] = (),
) -> Climate:
    """Make the weather of a site.

    Parameters
    ----------
    seed : int
        The scenario's seed.
    start_ns : int
        First hour of the scenario, Unix nanoseconds; decides season and sun, not the chance.
    years : int
        Blocks of 8760 hours, spin-up included; more years leave the earlier ones unchanged.
    latitude_deg, longitude_deg : float
        WGS 84, for the sun.
    mean_temperature_degc : float
        Yearly mean of the air.
    events : sequence of WeatherEvent
        What is added on purpose.

    Returns
    -------
    Climate
        Arrays of `years * 8760` hours.
    """

    def process(label: str, time_constant_h: float) -> FloatArray:
        return relaxed_noise(seed, "climate", label, years=years, time_constant_h=time_constant_h)

    elapsed_h = np.arange(years * HOURS_PER_YEAR, dtype=np.float64) - SPIN_UP_H
    since_1970_h = start_ns / _HOUR_NS + elapsed_h
    winter = np.cos(2.0 * np.pi * (since_1970_h - _COLDEST_H) / _YEAR_H)  # 1 in January, -1 in July
    sun = _sun_height(since_1970_h, latitude_deg, longitude_deg)

    front, pattern, sky = process("front", 70.0), process("pattern", 290.0), process("sky", 20.0)
    cloud = 1.0 / (1.0 + np.exp(-(0.6 + 1.3 * sky + 0.5 * winter)))
    sunshine_w_m2 = 990.0 * sun**1.15 * (1.0 - 0.75 * cloud)

    storm = np.zeros_like(elapsed_h)
    shift_k = np.zeros_like(elapsed_h)
    for event in events:
        size = event.strength * raised_window(elapsed_h, event.start_h, event.hours)
        if event.kind == "storm":
            storm += size
        else:
            shift_k += size if event.kind == "heat_wave" else -size

    daily_mean = mean_temperature_degc - 7.3 * winter + (2.4 + 0.4 * winter) * front + 2.0 * pattern + shift_k
    # The air lags the sun by about two hours and loses what a clear night sky takes.
    daily_wave = lag(sunshine_w_m2, 2.5) * 0.022 - 1.6 * (1.0 - cloud) - 2.1 + 1.5 * winter
    air = daily_mean + daily_wave

    wind = 4.3 * (1.0 + 0.18 * winter) * np.exp(0.42 * process("wind", 14.0) - 0.09) * (0.85 + 0.35 * sun) + storm
    wet = 0.8 * process("shower", 5.0) + 0.45 * sky + 0.4 * front
    rain = np.where(wet > _RAIN_LEVEL, 1.9 * np.maximum(wet - _RAIN_LEVEL, 0.0) ** 1.1 + 0.1, 0.0) + 0.15 * storm
    # Showers of a warm sky are heavier.
    rain *= 1.0 - 0.25 * winter

    dew_point = daily_mean - 4.3 + 2.0 * winter + 1.6 * process("moisture", 40.0) + 1.5 * (cloud - 0.6)
    humidity = np.clip(100.0 * _vapour_pressure(np.minimum(dew_point, air)) / _vapour_pressure(air), 15.0, 100.0)
    humidity = np.maximum(humidity, np.minimum(80.0 + 12.0 * rain, 97.0) * (rain > 0.0))

    night_sky = _NIGHT_SKY_K * (1.0 - cloud)
    surface = lag(air + _SURFACE_SUN_K_M2_W * sunshine_w_m2 - night_sky, _SURFACE_LAG_H)
    deck = lag(air + _DECK_SUN_K_M2_W * sunshine_w_m2 - night_sky, _DECK_LAG_H)
    return Climate(
        air_temperature_degc=air,
        humidity_pct=humidity,
        wind_m_s=wind,
        rain_mm_h=rain,
        surface_temperature_degc=surface,
        deck_temperature_degc=deck,
        core_temperature_degc=lag(deck, _CORE_LAG_H),
        base_temperature_degc=lag(surface, _BASE_LAG_H),
        slow_humidity_pct=lag(humidity, 240.0),
        wetness_mm=lag(rain, 96.0) * 96.0,
    )


def _sun_height(since_1970_h: FloatArray, latitude_deg: float, longitude_deg: float) -> FloatArray:
    """Sine of the sun's elevation, 0 at night; declination as a cosine of the year, good to a degree."""
    declination = -np.radians(_SOLAR_DECLINATION_DEG) * np.cos(2.0 * np.pi * (since_1970_h + 10.0 * 24.0) / _YEAR_H)
    hour_angle = 2.0 * np.pi * (since_1970_h / 24.0 + longitude_deg / 360.0 - 0.5)
    latitude = np.radians(latitude_deg)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    above: FloatArray = np.maximum(height, 0.0)
    return above


def _vapour_pressure(temperature_degc: FloatArray) -> FloatArray:
    """Saturation vapour pressure over water in hPa, Magnus form (Alduchov and Eskridge 1996)."""
    pressure: FloatArray = 6.1094 * np.exp(17.625 * temperature_degc / (temperature_degc + 243.04))
    return pressure
