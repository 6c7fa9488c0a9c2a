"""Roads: water in the base, temperature in the layers, vibration under wheels.

Rain reaches the base through the seal and drains within days; in winter little evaporates, so the base is
wetter all season. While the base is frozen its water is locked and the road is stiff; in the days after,
the thaw sets it free above ground that cannot drain yet, the weak weeks of spring. Wheels shake a road
more when they are many (power adds up), when warm asphalt is soft and when a wet base gives way.

Damage: `moisture_ingress` into the base, a seal that leaks and a drain that clogs. At the failure level
the base holds 10 points more water (a granular base has then lost about half of its modulus), showers
reach it 1.5 times harder, and the vibration is 1.8 times that of a sound road. `pothole_growth` of the surface:
wheels fall into holes, 2.5 times the vibration at the failure level, and rain finds its way a little easier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from simulator.conditions import ChannelSpec, Conditions, SensorSpec
from simulator.damage import Severities, severity_of

__all__ = ["Road", "draw_road"]

_FROST_WIDTH_K: Final = 0.8


@dataclass(frozen=True, slots=True)
class Road:
    """One road section's constants.

    Attributes
    ----------
    moisture_pct : float
        Volumetric water of the base at 10 Cel, dry weather.
    seal_pct_mm : float
        Points of moisture per millimetre of rain in the ground.
    vibration_mm_s : float
        Root mean square velocity at average load.
    """

    moisture_pct: float
    seal_pct_mm: float
    vibration_mm_s: float

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """Probe in the base, weather mast beside the road, geophone in the shoulder, loop counter."""
        return (
            SensorSpec(
                "gnd1",
                "base, right lane",
                (
                    ChannelSpec("base_moisture", "%", absolute_noise=0.25, decimals=2, low=0.0, high=60.0),
                    ChannelSpec("base_temperature", "Cel", absolute_noise=0.1, decimals=1),
                ),
            ),
            SensorSpec(
                "wis1",
                "mast",
                (
                    ChannelSpec("temperature", "Cel", absolute_noise=0.15, decimals=1),
                    ChannelSpec("surface_temperature", "Cel", absolute_noise=0.3, decimals=1),
                    ChannelSpec("rain", "mm/h", relative_noise=0.05, decimals=2, low=0.0),
                ),
            ),
            SensorSpec(
                "acc1",
                "shoulder",
                (
                    ChannelSpec(
                        "vibration_rms.z",
                        "mm/s",
                        relative_noise=0.07,
                        absolute_noise=0.002,
                        decimals=4,
                        low=0.0,
                        follows_gain=True,
                    ),
                ),
            ),
            SensorSpec("lus1", "right lane", (ChannelSpec("traffic_count", "1/h", decimals=0, low=0.0),)),
        )

    def respond(self, conditions: Conditions, severities: Severities) -> FloatArray:
        """Give clean values of gnd1, wis1, acc1 and lus1."""
        leak = severity_of(severities, "moisture_ingress", "base", len(conditions))
        hole = severity_of(severities, "pothole_growth", "surface", len(conditions))
        sealed = 1.0 - 0.2 * conditions.resurfaced
        frozen = 1.0 / (1.0 + np.exp(conditions.base_temperature_degc / _FROST_WIDTH_K))
        thawing = np.exp(-(((conditions.base_temperature_degc - 1.5) / 1.2) ** 2))
        winter_points = -0.16 * (conditions.base_temperature_degc - 10.0)
        moisture = (
            self.moisture_pct
            + winter_points
            + self.seal_pct_mm * sealed * (1.0 + 0.5 * leak + 0.3 * hole) * conditions.wetness_mm
            + 10.0 * leak
            + 1.2 * thawing
            - 0.35 * self.moisture_pct * frozen  # a probe does not see ice
            + 0.35 * conditions.level
        )
        give = 1.0 + 0.02 * self.seal_pct_mm * sealed * conditions.wetness_mm + 0.06 * thawing - 0.12 * frozen
        soft_asphalt = np.exp(0.007 * (conditions.surface_temperature_degc - 10.0))
        rough = 1.0 - 0.2 * conditions.resurfaced
        vibration = (self.vibration_mm_s * np.sqrt(conditions.load + 0.01) * give * soft_asphalt * rough) * (
            1.0 + 0.8 * leak + 1.5 * hole
        )
        vibration = np.hypot(vibration, conditions.works_mm_s)
        return np.stack(
            [
                moisture,
                conditions.base_temperature_degc,
                conditions.air_temperature_degc,
                conditions.surface_temperature_degc,
                conditions.rain_mm_h,
                vibration,
                conditions.traffic_per_h,
            ]
        )


def draw_road(chance: np.random.Generator) -> Road:
    """Draw a road section on sand."""
    return Road(
        moisture_pct=float(chance.uniform(12.0, 17.0)),
        seal_pct_mm=float(chance.uniform(0.03, 0.07)),
        vibration_mm_s=float(chance.uniform(0.12, 0.3)),
    )
