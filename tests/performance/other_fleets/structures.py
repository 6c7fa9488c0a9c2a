"""What is measured on which kind of structure, and what its sensors feel besides damage.

Every condition indicator works in shares of the way to its failure: damage, weather, traffic and wear of the instrument
add up in shares, and the sum becomes a value by a factor or an amount. How large each is differs from asset to asset,
and so does how far the indicator has moved when its component fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from domain.register import AssetType
from tests.performance.other_fleets.weather import Weather, delayed, red_noise

__all__ = ["COMPONENTS", "FLEET", "QUANTITIES", "Quantity", "natural_share"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A condition indicator of a kind of structure.

    Attributes
    ----------
    low, high : float
        Where it may start.
    way : float
        From start to failure: the logarithm of a factor where `is_factor`, else an amount in `unit`.
    noise, wander : float
        Standard deviation of an hour, and of what goes on for weeks, in shares of the way.
    warmth, traffic, storm : float
        Usual size of what 10 K, a factor e of traffic, and a storm do to it, in shares of the way.
    works_idle : bool
        False: nothing is measured while its machine rests.
    """

    sensor: str
    name: str
    unit: str
    component: str
    low: float
    high: float
    way: float
    is_factor: bool
    noise: float
    wander: float
    warmth: float
    traffic: float = 0.0
    storm: float = 0.03
    works_idle: bool = True


# How many of each kind, and the failure mode by which each component fails.
FLEET: Final = {
    AssetType.BRIDGE: 20,
    AssetType.ROAD: 14,
    AssetType.TUNNEL: 8,
    AssetType.QUAY: 9,
    AssetType.LOCK: 9,
}
COMPONENTS: Final = {
    AssetType.BRIDGE: {"span": "stiffness_loss", "pier": "settlement"},
    AssetType.ROAD: {"surface": "pavement_fatigue", "base": "base_saturation"},
    AssetType.TUNNEL: {"fan": "equipment_wear", "lining": "lining_deformation"},
    AssetType.QUAY: {"wall": "wall_movement"},
    AssetType.LOCK: {"drive": "drive_wear", "gate": "gate_deformation"},
}
_RMS: Final = float(np.log(2.5))
QUANTITIES: Final = {
    AssetType.BRIDGE: (
        Quantity("acc1", "natural_frequency_1", "Hz", "span", 1.8, 6.0, -0.105, True, 0.06, 0.025, -0.12, -0.03),
        Quantity("acc1", "vibration_rms.z", "mm/s", "span", 0.4, 3.0, _RMS, True, 0.12, 0.03, 0.04, 0.35, 0.1),
        Quantity("str1", "strain", "um/m", "span", -60.0, 90.0, 280.0, False, 0.05, 0.03, 0.3, 0.05),
        Quantity("tlt1", "tilt.x", "mrad", "pier", -2.0, 2.0, 3.2, False, 0.04, 0.035, 0.12),
        Quantity("tlt1", "displacement", "mm", "pier", 4.0, 20.0, 24.0, False, 0.04, 0.03, 0.25),
    ),
    AssetType.ROAD: (
        Quantity("acc1", "vibration_rms.z", "mm/s", "surface", 0.5, 4.0, _RMS, True, 0.12, 0.04, 0.12, 0.3),
        Quantity("str1", "strain", "um/m", "surface", 20.0, 160.0, 290.0, False, 0.06, 0.03, 0.35, 0.1),
        Quantity("moi1", "base_moisture", "%", "base", 6.0, 16.0, 10.5, False, 0.05, 0.05, -0.05, 0.0, 0.2),
    ),
    AssetType.TUNNEL: (
        Quantity("fan1", "vibration_rms.x", "mm/s", "fan", 0.8, 2.5, _RMS, True, 0.1, 0.03, 0.05, 0.25, 0.0, False),
        Quantity("fan1", "kurtosis", "1", "fan", 2.8, 3.6, 0.72, True, 0.2, 0.03, 0.0, 0.02, 0.0, False),
        Quantity("fan1", "motor_temperature", "Cel", "fan", 35.0, 55.0, 29.0, False, 0.06, 0.04, 0.3, 0.2),
        Quantity("con1", "displacement", "mm", "lining", 2.0, 9.0, 22.0, False, 0.03, 0.02, 0.1),
        Quantity("con1", "strain", "um/m", "lining", 10.0, 90.0, 300.0, False, 0.03, 0.03, 0.15),
    ),
    AssetType.QUAY: (
        Quantity("tlt1", "tilt.x", "mrad", "wall", -3.0, 3.0, 3.4, False, 0.04, 0.04, 0.12, 0.0, 0.25),
        Quantity("jnt1", "displacement", "mm", "wall", 6.0, 18.0, 23.0, False, 0.04, 0.03, 0.12, 0.0, 0.2),
    ),
    AssetType.LOCK: (
        Quantity(
            "mot1", "vibration_rms.x", "mm/s", "drive", 0.7, 2.8, _RMS, True, 0.12, 0.04, -0.08, 0.12, 0.12,
            works_idle=False,
        ),
        Quantity("mot1", "kurtosis", "1", "drive", 2.9, 3.8, 0.7, True, 0.22, 0.03, 0.0, 0.0, 0.03, False),
        Quantity("mot1", "motor_temperature", "Cel", "drive", 28.0, 45.0, 31.0, False, 0.06, 0.04, 0.3, 0.25),
        Quantity("gat1", "strain", "um/m", "gate", 30.0, 150.0, 310.0, False, 0.06, 0.03, 0.15, 0.0, 0.15),
        Quantity("gat1", "displacement", "mm", "gate", 3.0, 12.0, 26.0, False, 0.05, 0.03, 0.15, 0.0, 0.1),
    ),
}  # fmt: skip

# Where what warmth does bends, in degrees: most things stiffen in the cold, asphalt softens above a mild day.
_BEND_DEGC: Final = {AssetType.ROAD: (9.0, 19.0)}
_COLD_BEND_DEGC: Final = (-3.0, 6.0)
_BEND_WIDTH_K: Final = 2.5
# How unlike the assets of a kind are, as a spread of the logarithm.
_UNLIKE: Final = 0.45
_SUN: Final = 0.04
_GROUND: Final = 0.04


def natural_share(
    kind: AssetType, quantity: Quantity, weather: Weather, traffic: FloatArray, common: FloatArray,
    chance: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """Give all that moves an indicator in good health, in shares of its way to failure; float64[N].

    Parameters
    ----------
    traffic : float64[N]
        As a share of what is usual, not negative.
    common : float64[N]
        Wandering, of spread 1, that the quantities of the component share.
    """
    hours = len(traffic)

    def unlike(size: float) -> float:
        return float(size * np.exp(_UNLIKE * chance.standard_normal()))

    felt = delayed(weather.air_degc + 4.0 * weather.sun, chance.uniform(3.0, 60.0))
    low, high = _BEND_DEGC.get(kind, _COLD_BEND_DEGC)
    bend = chance.uniform(low, high)
    side = 1.0 if kind in _BEND_DEGC else -1.0
    beyond = _BEND_WIDTH_K * np.logaddexp(0.0, side * (felt - bend) / _BEND_WIDTH_K) / 10.0
    warmth = unlike(quantity.warmth)
    share = warmth * (felt - 10.0) / 10.0 + 0.15 * warmth * ((felt - 10.0) / 10.0) ** 2
    share = share + side * unlike(quantity.warmth) * chance.uniform(0.0, 1.8) * beyond
    share = share + unlike(_SUN) * chance.choice([-1.0, 1.0]) * delayed(weather.sun, 4.0)
    share = share + unlike(_GROUND) * weather.ground + unlike(quantity.storm) * weather.storm
    # A dying engine shakes nothing: what traffic does ends at a tenth of the usual.
    share = share + unlike(quantity.traffic) * np.log(np.maximum(traffic, 0.1))
    wander = red_noise(chance, hours, 24.0 * chance.uniform(10.0, 50.0), 1.0)
    share = share + unlike(quantity.wander) * (0.6 * common + 0.8 * wander)
    noise = red_noise(chance, hours, chance.uniform(1.0, 8.0), 0.6) + 0.8 * chance.standard_t(5, hours) / np.sqrt(5 / 3)
    return np.asarray(share + unlike(quantity.noise) * noise, np.float64)
