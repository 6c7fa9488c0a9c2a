"""Quay walls, a weather mast, and assets that nobody has put a sensor on.

A quay wall leans and its joint opens a little as the structure warms and the ground behind it fills with
rain. Damage: `settlement` of the wall, 3.33 mrad of tilt at the failure level (angular distortion 1/300,
first cracks: Skempton and MacDonald 1956) with 20 mm at the joint. A weather mast has no damage, and an
unmonitored asset no readings: both belong to a real register.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.arrays import FloatArray
from simulator.conditions import ChannelSpec, Conditions, SensorSpec
from simulator.damage import Severities, severity_of

__all__ = ["Quay", "Unmonitored", "WeatherMast", "draw_quay"]


@dataclass(frozen=True, slots=True)
class Quay:
    """One quay wall's constants.

    Attributes
    ----------
    tilt_mrad, joint_mm : float
        As built, at 10 Cel and dry ground.
    thermal_tilt_mrad_k, thermal_joint_mm_k : float
        Movement per kelvin of the wall's heart.
    """

    tilt_mrad: float
    joint_mm: float
    thermal_tilt_mrad_k: float
    thermal_joint_mm_k: float

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """Tilt meter, joint meter, thermometer in the coping."""
        return (
            SensorSpec(
                "tlt1", "coping", (ChannelSpec("tilt.x", "mrad", absolute_noise=0.03, decimals=3, follows_gain=True),)
            ),
            SensorSpec(
                "jnt1", "joint 4", (ChannelSpec("displacement", "mm", absolute_noise=0.08, decimals=2),)
            ),
            SensorSpec("env1", "coping", (ChannelSpec("temperature", "Cel", absolute_noise=0.15, decimals=1),)),
        )  # fmt: skip

    def respond(self, conditions: Conditions, severities: Severities) -> FloatArray:
        """Give clean values of tlt1, jnt1 and env1."""
        moved = severity_of(severities, "settlement", "wall", len(conditions))
        warmth_k = conditions.core_temperature_degc - 10.0
        tilt = (
            self.tilt_mrad
            + self.thermal_tilt_mrad_k * warmth_k
            + 0.002 * conditions.wetness_mm
            + 0.05 * conditions.level
            + 3.33 * moved
        )
        joint = self.joint_mm - self.thermal_joint_mm_k * warmth_k + 0.1 * conditions.level + 20.0 * moved
        return np.stack([tilt, joint, conditions.air_temperature_degc])


@dataclass(frozen=True, slots=True)
class WeatherMast:
    """The municipality's own weather station, from which others borrow."""

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """One instrument for all."""
        return (
            SensorSpec(
                "knm1",
                "10 m mast",
                (
                    ChannelSpec("temperature", "Cel", absolute_noise=0.1, decimals=1),
                    ChannelSpec("humidity", "%RH", absolute_noise=1.0, decimals=1, low=0.0, high=100.0),
                    ChannelSpec("wind_speed", "m/s", relative_noise=0.03, decimals=1, low=0.0),
                    ChannelSpec("rain", "mm/h", relative_noise=0.03, decimals=2, low=0.0),
                ),
            ),
        )

    def respond(self, conditions: Conditions, severities: Severities) -> FloatArray:
        """Give clean values of the mast."""
        return np.stack(
            [
                conditions.air_temperature_degc,
                conditions.humidity_pct,
                conditions.wind_m_s,
                conditions.rain_mm_h,
            ]
        )


@dataclass(frozen=True, slots=True)
class Unmonitored:
    """An asset in the register without a sensor: the answer to it must not be `healthy`."""

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """None."""
        return ()

    def respond(self, conditions: Conditions, severities: Severities) -> FloatArray:
        """Give no values: float64[0, N]."""
        return np.empty((0, len(conditions)))


def draw_quay(chance: np.random.Generator) -> Quay:
    """Draw a gravity wall on sand."""
    return Quay(
        tilt_mrad=float(chance.normal(0.0, 0.8)),
        joint_mm=float(chance.uniform(8.0, 16.0)),
        thermal_tilt_mrad_k=float(chance.uniform(0.008, 0.02)),
        thermal_joint_mm_k=float(chance.uniform(0.05, 0.12)),
    )
