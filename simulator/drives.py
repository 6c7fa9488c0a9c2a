"""Rotating machinery: the drive of a lock gate or a bridge leaf, a tunnel fan, a pump.

Vibration velocity grows a little with load and in proportion with wear; a worn rolling contact strikes,
so kurtosis leaves 3 as well, and friction heats the motor. The failure level is 2.5 times the sound
vibration, the step from zone B to zone D in ISO 20816-3, at which kurtosis has doubled and the motor
runs 22 K hotter. Worn gears shake as much, but mesh rather than strike: kurtosis is half as far from 3 and the
heat half as much. A machine that stood still for the whole hour has no vibration to report: NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from simulator.conditions import ChannelSpec

__all__ = ["Drive", "draw_drive", "drive_channels", "drive_response"]

_WORN_VIBRATION: Final = 1.5
_WORN_KURTOSIS: Final = 3.2
_WORN_HEAT_K: Final = 22.0


@dataclass(frozen=True, slots=True)
class Drive:
    """A machine as it left the workshop.

    Attributes
    ----------
    vibration_mm_s : float
        Root mean square velocity on its bearing at average load.
    heating_k : float
        Motor above its room at average duty.
    room_k : float
        Room above outside air.
    """

    vibration_mm_s: float
    heating_k: float
    room_k: float


def draw_drive(chance: np.random.Generator, *, vibration_mm_s: float, heating_k: float) -> Drive:
    """Draw one machine of a kind; makers' tolerances of some 15 %."""
    spread = chance.normal(0.0, 0.15, 2)
    return Drive(
        vibration_mm_s=float(vibration_mm_s * np.exp(spread[0])),
        heating_k=float(heating_k * np.exp(spread[1])),
        room_k=float(chance.uniform(1.0, 4.0)),
    )


def drive_channels(*, kurtosis: bool = True) -> tuple[ChannelSpec, ...]:
    """Describe what a condition monitor on a machine reports, in the order of `drive_response`."""
    vibration = ChannelSpec(
        "vibration_rms.x", "mm/s", relative_noise=0.05, absolute_noise=0.02, decimals=3, low=0.0, follows_gain=True
    )
    shape = ChannelSpec("kurtosis.x", "1", relative_noise=0.05, decimals=2, low=1.0)
    motor = ChannelSpec("motor_temperature", "Cel", absolute_noise=0.6, decimals=1)
    return (vibration, shape, motor) if kurtosis else (vibration, motor)


def drive_response(
    drive: Drive,
    *,
    air_temperature_degc: FloatArray,
    duty: FloatArray,
    wear: FloatArray,
    gear: FloatArray,
    running: BoolArray,
    kurtosis: bool = True,
) -> list[FloatArray]:
    """Give clean vibration, kurtosis and motor temperature of one machine.

    Parameters
    ----------
    duty : float64[N]
        Load relative to average, not negative.
    wear, gear : float64[N]
        Severity of wear of its bearing and of its gears, 0 sound, 1 at the failure level.
    running : bool[N]
        False where it stood still all hour.

    Returns
    -------
    list of float64[N]
        In the order of `drive_channels`; vibration and kurtosis are NaN where not running.
    """
    warmth = 1.0 - 0.004 * (air_temperature_degc - 10.0)  # cold grease shakes more
    vibration = drive.vibration_mm_s * warmth * (0.85 + 0.15 * duty) * (1.0 + _WORN_VIBRATION * (wear + gear))
    friction = wear + 0.5 * gear
    motor = air_temperature_degc + drive.room_k + drive.heating_k * duty + _WORN_HEAT_K * friction * (0.5 + 0.5 * duty)
    values = [np.where(running, vibration, np.nan)]
    if kurtosis:
        values.append(np.where(running, 3.2 + _WORN_KURTOSIS * (wear + 0.5 * gear), np.nan))
    values.append(motor)
    return values
