"""Locks: two gate drives that work as often as ships come.

Both drives make the same cycles, so one that wears stands out against its sibling; cold, ice and
heavy days move both. Damage: `bearing_wear` or `gear_wear` of `drive1` or `drive2`, see `simulator.drives`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.arrays import FloatArray
from simulator.conditions import ChannelSpec, Conditions, SensorSpec
from simulator.damage import Severities, severity_of
from simulator.drives import Drive, draw_drive, drive_channels, drive_response

__all__ = ["Lock", "draw_lock"]


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock: the drives of its upper and lower gate.

    Attributes
    ----------
    waveform_every_h : int
        Hours between blocks of an accelerometer on the upper gate's drive; 0: it has none.
    """

    upper: Drive
    lower: Drive
    waveform_every_h: int = 0

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """A monitor on each drive, the cycle counter of the controls, climate in the drive room, waveforms."""
        sensors = (
            SensorSpec("drv1", "upper gate", drive_channels()),
            SensorSpec("drv2", "lower gate", drive_channels()),
            SensorSpec("plc1", "controls", (ChannelSpec("cycles", "1/h", decimals=0, low=0.0),)),
            SensorSpec(
                "env1",
                "drive room",
                (
                    ChannelSpec("temperature", "Cel", absolute_noise=0.2, decimals=1),
                    ChannelSpec("humidity", "%RH", absolute_noise=1.0, decimals=1, low=0.0, high=100.0),
                ),
            ),
        )
        if not self.waveform_every_h:
            return sensors
        samples = ChannelSpec("waveform.x", "m/s2")
        return (*sensors, SensorSpec("acc1", "upper gate", (samples,), "waveform", self.waveform_every_h * 3600))

    def respond(self, conditions: Conditions, severities: Severities) -> FloatArray:
        """Give clean values of drv1, drv2, plc1 and env1."""
        hours = len(conditions)
        values: list[FloatArray] = []
        for component, drive in (("drive1", self.upper), ("drive2", self.lower)):
            values += drive_response(
                drive,
                air_temperature_degc=conditions.air_temperature_degc,
                duty=conditions.duty,
                wear=severity_of(severities, "bearing_wear", component, hours),
                gear=severity_of(severities, "gear_wear", component, hours),
                running=conditions.passages_per_h > 0,
            )
        return np.stack(
            [
                *values,
                conditions.passages_per_h,
                conditions.air_temperature_degc + 1.5,
                conditions.humidity_pct,
            ]
        )


def draw_lock(chance: np.random.Generator) -> Lock:
    """Draw a lock with electric gate drives."""
    return Lock(
        upper=draw_drive(chance, vibration_mm_s=1.9, heating_k=9.0),
        lower=draw_drive(chance, vibration_mm_s=1.9, heating_k=9.0),
    )
