"""Tunnels: fans that clear the air, pumps that keep the low point dry.

Fans run with traffic and heat. A pump works off what rain brings down, hours later, and the ground water
that always comes; the tunnel's own air is a damped copy of the weather. Damage: `bearing_wear` of `fan1`
or `fan2` (`simulator.drives`), and `pump_wear` of `pump1`: a worn impeller moves half as much at the
failure level, so it runs twice as long for the same rain, and shakes 2.5 times as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.arrays import FloatArray
from simulator.conditions import ChannelSpec, Conditions, SensorSpec
from simulator.damage import Severities, severity_of
from simulator.drives import Drive, draw_drive, drive_channels, drive_response

__all__ = ["Tunnel", "draw_tunnel"]


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One tunnel: two fans and a pump.

    Attributes
    ----------
    ground_water_pct, rain_pct_mm : float
        Pump running time in dry weather, and per millimetre of rain in the ground.
    """

    fan1: Drive
    fan2: Drive
    pump: Drive
    ground_water_pct: float
    rain_pct_mm: float

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """A monitor on each machine, climate in the tube, loop counter."""
        runtime = ChannelSpec("runtime", "%", absolute_noise=0.8, decimals=1, low=0.0, high=100.0)
        return (
            SensorSpec("fan1", "tube, km 0.3", (*drive_channels(), runtime)),
            SensorSpec("fan2", "tube, km 0.7", (*drive_channels(), runtime)),
            SensorSpec("pmp1", "low point", (*drive_channels(kurtosis=False), runtime)),
            SensorSpec(
                "env1",
                "tube, midway",
                (
                    ChannelSpec("temperature", "Cel", absolute_noise=0.15, decimals=1),
                    ChannelSpec("humidity", "%RH", absolute_noise=1.0, decimals=1, low=0.0, high=100.0),
                ),
            ),
            SensorSpec("lus1", "portal", (ChannelSpec("traffic_count", "1/h", decimals=0, low=0.0),)),
        )

    def respond(self, conditions: Conditions, severities: Severities) -> FloatArray:
        """Give clean values of fan1, fan2, pmp1, env1 and lus1."""
        hours = len(conditions)
        inside = 6.0 + 0.35 * conditions.air_temperature_degc + 0.35 * conditions.core_temperature_degc
        heat_k = np.maximum(conditions.air_temperature_degc - 20.0, 0.0)
        ventilation = np.clip(18.0 + 22.0 * conditions.load + 1.5 * heat_k, 0.0, 100.0)
        values: list[FloatArray] = []
        for component, fan in (("fan1", self.fan1), ("fan2", self.fan2)):
            values += drive_response(
                fan,
                air_temperature_degc=inside,
                duty=ventilation / 40.0,
                wear=severity_of(severities, "bearing_wear", component, hours),
                gear=np.zeros(hours),
                running=ventilation > 0,
            )
            values.append(ventilation)
        worn = severity_of(severities, "pump_wear", "pump1", hours)
        inflow = self.ground_water_pct + self.rain_pct_mm * conditions.wetness_mm + 0.6 * conditions.level
        pumping = np.clip(inflow / (1.0 - 0.5 * worn), 0.0, 100.0)
        values += drive_response(
            self.pump,
            air_temperature_degc=inside,
            duty=pumping / self.ground_water_pct * 0.5 + 0.5,
            wear=worn,
            gear=np.zeros(hours),
            running=pumping > 0,
            kurtosis=False,
        )
        return np.stack(
            [
                *values,
                pumping,
                inside,
                np.clip(0.75 * conditions.humidity_pct + 8.0, 0.0, 100.0),
                conditions.traffic_per_h,
            ]
        )


def draw_tunnel(chance: np.random.Generator) -> Tunnel:
    """Draw a short urban tunnel."""
    return Tunnel(
        fan1=draw_drive(chance, vibration_mm_s=1.5, heating_k=18.0),
        fan2=draw_drive(chance, vibration_mm_s=1.5, heating_k=18.0),
        pump=draw_drive(chance, vibration_mm_s=1.8, heating_k=12.0),
        ground_water_pct=float(chance.uniform(9.0, 14.0)),
        rain_pct_mm=float(chance.uniform(0.25, 0.45)),
    )
