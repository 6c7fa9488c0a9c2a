"""Bridges: natural frequencies that follow temperature, vibration that follows traffic.

Theory of operation. A mode's frequency is `sqrt(stiffness / mass)`. Concrete and asphalt lose stiffness
as the deck warms; below freezing the wet parts (asphalt, bearings, soil at the supports) stiffen much
faster, behind the inertia of the thick section, which gives the bend that Peeters and De Roeck found on
the Z24 bridge (Earthquake Engng Struct. Dyn. 30, 2001). Humid concrete is heavier, and so is a bridge full
of vehicles. A deck that is warmer on top than in its heart bows and works its bearings (gradient effect), and
friction lets go as the motion grows, so that a mode is softer and better damped the more it moves (amplitude
dependence). Vibration velocity is a sum of powers: vehicles arrive at random, so their share of the
variance grows with their number (Campbell's theorem); wind buffeting grows with the square of the wind;
and for the same force a softer mode moves more, velocity variance going as `1 / frequency`.

Damage: `stiffness_loss` of the span takes 19 % of the first mode's stiffness at the failure level (10 %
of its frequency; higher modes, with their nodes near the damage, lose less). `loosening` of the joint or
bearing rattles: 2.5 times the vibration, twice the kurtosis, and 2 % of the second frequency. `crack_growth`
in the span opens and closes with each vehicle: it takes as much of the first mode as `stiffness_loss`, rubs
(damping rises by 80 %) and knocks (kurtosis by 40 %). `scour` of a pier softens its foundation: 10 % of the
first frequency, and 3.33 mrad of tilt (angular distortion 1/300) where a tilt meter hangs.

A movable bridge has a drive beside its span, see `simulator.drives`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from simulator.conditions import ChannelSpec, Conditions, SensorSpec
from simulator.damage import Severities, severity_of
from simulator.drives import Drive, draw_drive, drive_channels, drive_response

__all__ = ["Bridge", "ModalState", "draw_bridge", "draw_movable_bridge", "modal_state"]

_REFERENCE_DEGC: Final = 10.0
# Stiffness lost per kelvin between deck surface and heart, and as friction lets go: with 15 K and in a rush hour a
# quarter of a percent of frequency each. Judgement: real records show shifts of this order, rarely apart.
_GRADIENT_PER_K: Final = 0.0003
_SLIP_SOFTENING: Final = 0.006
_SLIP_DAMPING: Final = 0.2
# Of the average motion, and the motion (in averages) at which half of all contacts slip.
_MEAN_SLIP: Final = 0.2
_HALF_SLIP: Final = 4.0
_FROST_WIDTH_K: Final = 0.8
# Stiffness lost at the failure level by mode: 1 - 0.9**2 for the first.
_MODE_LOSS: Final = (0.19, 0.11, 0.06)
_CRACK_LOSS: Final = (0.19, 0.05, 0.10)
_SCOUR_LOSS: Final = (0.19, 0.08, 0.02)
_SCOUR_TILT_MRAD: Final = 3.33


@dataclass(frozen=True, slots=True)
class Bridge:
    """One bridge's constants.

    Attributes
    ----------
    frequency_hz : tuple of float
        Natural frequencies at 10 Cel, sound, empty; three modes.
    damping_ratio : tuple of float
        Of the same modes.
    warm_softening_per_k, frost_stiffening_per_k : float
        Share of stiffness lost per kelvin of the deck, and gained per kelvin of frost.
    vibration_mm_s : float
        Root mean square velocity from traffic at average load.
    wind_mm_s : float
        From wind, at 10 m/s.
    frequency_noise : float
        Standard deviation of an hourly identification, as a share.
    waveform_every_h : int
        Hours between blocks of its waveform sensor; 0: it has none.
    drive : Drive or None
        Of a movable bridge.
    has_tilt_meter : bool
        True with a tilt meter on a pier.
    tilt_mrad, thermal_tilt_mrad_k : float
        As built at 10 Cel, and per kelvin of its heart.
    """

    frequency_hz: tuple[float, float, float]
    damping_ratio: tuple[float, float, float]
    warm_softening_per_k: float
    frost_stiffening_per_k: float
    vibration_mm_s: float
    wind_mm_s: float
    frequency_noise: float
    waveform_every_h: int = 0
    drive: Drive | None = None
    has_tilt_meter: bool = False
    tilt_mrad: float = 0.0
    thermal_tilt_mrad_k: float = 0.01

    @property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """Accelerometer, climate, loop counter; then what this bridge has: drive monitor, tilt meter, waveforms."""
        accelerometer = SensorSpec(
            "acc1",
            "midspan",
            (
                ChannelSpec("natural_frequency_1", "Hz", relative_noise=self.frequency_noise, decimals=4, low=0.0),
                ChannelSpec(
                    "natural_frequency_2", "Hz", relative_noise=1.2 * self.frequency_noise, decimals=4, low=0.0
                ),
                ChannelSpec(
                    "vibration_rms.z", "mm/s", relative_noise=0.06, absolute_noise=0.003, decimals=4, low=0.0,
                    follows_gain=True,
                ),
                ChannelSpec("kurtosis.z", "1", relative_noise=0.07, decimals=2, low=1.0),
            ),
        )  # fmt: skip
        climate = SensorSpec(
            "env1",
            "deck, north side",
            (
                ChannelSpec("temperature", "Cel", absolute_noise=0.15, decimals=1),
                ChannelSpec("deck_temperature", "Cel", absolute_noise=0.1, decimals=1),
                ChannelSpec("humidity", "%RH", absolute_noise=1.0, decimals=1, low=0.0, high=100.0),
            ),
        )
        counter = SensorSpec("lus1", "approach", (ChannelSpec("traffic_count", "1/h", decimals=0, low=0.0),))
        sensors = [accelerometer, climate, counter]
        if self.drive is not None:
            cycles = ChannelSpec("cycles", "1/h", decimals=0, low=0.0)
            sensors.append(SensorSpec("drv1", "drive room", (*drive_channels(), cycles)))
        if self.has_tilt_meter:
            tilt = ChannelSpec("tilt.x", "mrad", absolute_noise=0.03, decimals=3, follows_gain=True)
            sensors.append(SensorSpec("tlt1", "pier 2", (tilt,)))
        if self.waveform_every_h:
            samples = ChannelSpec("waveform.z", "m/s2")
            sensors.append(SensorSpec("acc2", "quarter span", (samples,), "waveform", self.waveform_every_h * 3600))
        return tuple(sensors)

    def respond(self, conditions: Conditions, severities: Severities) -> FloatArray:
        """Give clean values of acc1, env1, lus1, drv1 and tlt1."""
        hours = len(conditions)
        state = modal_state(self, conditions, severities)
        values = [
            state.frequency_hz[0],
            state.frequency_hz[1],
            state.velocity_mm_s,
            state.kurtosis,
            conditions.air_temperature_degc,
            conditions.deck_temperature_degc,
            conditions.humidity_pct,
            conditions.traffic_per_h,
        ]
        if self.drive is not None:
            values += drive_response(
                self.drive,
                air_temperature_degc=conditions.air_temperature_degc,
                duty=conditions.duty,
                wear=severity_of(severities, "bearing_wear", "drive", hours),
                gear=severity_of(severities, "gear_wear", "drive", hours),
                running=conditions.passages_per_h > 0,
            )
            values.append(conditions.passages_per_h)
        if self.has_tilt_meter:
            warmth_k = conditions.core_temperature_degc - _REFERENCE_DEGC
            scour = severity_of(severities, "scour", "pier", hours)
            values.append(
                self.tilt_mrad
                + self.thermal_tilt_mrad_k * warmth_k
                + 0.04 * conditions.level
                + _SCOUR_TILT_MRAD * scour
            )
        return np.stack(values)


@dataclass(frozen=True, slots=True, eq=False)
class ModalState:
    """What a bridge does, before any instrument looks.

    Attributes
    ----------
    frequency_hz : float64[3, N]
        Natural frequencies.
    damping_ratio : float64[3, N]
        Of the same modes.
    velocity_mm_s : float64[N]
        Root mean square vibration velocity at midspan.
    kurtosis : float64[N]
        Of the same vibration; 3 for dense traffic.
    """

    frequency_hz: FloatArray
    damping_ratio: FloatArray
    velocity_mm_s: FloatArray
    kurtosis: FloatArray


def modal_state(bridge: Bridge, conditions: Conditions, severities: Severities) -> ModalState:
    """Work out modes and vibration of a bridge from its surroundings and damage."""
    hours = len(conditions)
    loss = severity_of(severities, "stiffness_loss", "span", hours)
    loose = severity_of(severities, "loosening", "joint", hours)
    crack = severity_of(severities, "crack_growth", "span", hours)
    scour = severity_of(severities, "scour", "pier", hours)

    frost_k = _FROST_WIDTH_K * np.logaddexp(0.0, -conditions.core_temperature_degc / _FROST_WIDTH_K)
    works = conditions.works_mm_s / bridge.vibration_mm_s
    blow = bridge.wind_mm_s * (conditions.wind_m_s / 10.0) ** 2 / bridge.vibration_mm_s
    amplitude = np.sqrt(conditions.load + blow**2 + works**2)
    slip = _HALF_SLIP * (amplitude / (amplitude + _HALF_SLIP) - _MEAN_SLIP)
    material = (
        1.0
        - _GRADIENT_PER_K * (conditions.surface_temperature_degc - conditions.core_temperature_degc)
        - _SLIP_SOFTENING * slip
        - bridge.warm_softening_per_k * (conditions.deck_temperature_degc - _REFERENCE_DEGC)
        + bridge.frost_stiffening_per_k * frost_k
        + 0.0012 * conditions.level
    )
    mass = (
        1.0
        + 0.002 * (conditions.slow_humidity_pct - 80.0) / 10.0
        + 0.0008 * (conditions.load - 1.0)
        + 0.006 * conditions.resurfaced
    )
    nominal = np.array(bridge.frequency_hz)[:, np.newaxis]
    lost = sum(
        np.array(share)[:, np.newaxis] * severity
        for share, severity in ((_MODE_LOSS, loss), (_CRACK_LOSS, crack), (_SCOUR_LOSS, scour))
    )
    stiffness = material * np.maximum(1.0 - lost, 0.2)
    frequency = nominal * np.sqrt(stiffness / mass)
    frequency[1] *= 1.0 - 0.02 * loose
    damping = np.array(bridge.damping_ratio)[:, np.newaxis] * (
        1.0 + 0.4 * loss + 0.3 * loose + 0.8 * crack + _SLIP_DAMPING * slip
    )

    softer = nominal[0] / frequency[0]
    traffic = bridge.vibration_mm_s**2 * conditions.load * softer
    wind = (bridge.wind_mm_s * (conditions.wind_m_s / 10.0) ** 2) ** 2 * softer
    rattle = 1.0 + 1.5 * loose
    velocity = rattle * np.sqrt(traffic + wind + (0.04 * bridge.vibration_mm_s) ** 2 + conditions.works_mm_s**2)
    sparse = 0.9 / np.sqrt(0.3 + conditions.load)
    kurtosis = (3.0 + sparse) * (1.0 + loose + 0.4 * crack)
    return ModalState(frequency, damping, velocity, kurtosis)


def draw_bridge(chance: np.random.Generator, *, movable: bool = False) -> Bridge:
    """Draw a bridge of 20 to 60 m; a leaf of a movable one is shorter and stiffer."""
    span_m = chance.uniform(12.0, 22.0) if movable else chance.uniform(20.0, 60.0)
    # f1 = 95.4 L**-0.933 (Cantieni, EMPA report 211, 1984: 224 Swiss road bridges), scatter left out.
    first = 95.4 * span_m**-0.933
    return Bridge(
        frequency_hz=(
            float(first),
            float(first * chance.uniform(1.5, 1.9)),
            float(first * chance.uniform(2.6, 3.2)),
        ),
        damping_ratio=(
            float(chance.uniform(0.010, 0.018)),
            float(chance.uniform(0.010, 0.016)),
            float(chance.uniform(0.008, 0.014)),
        ),
        warm_softening_per_k=float(chance.uniform(0.0010, 0.0022)),
        frost_stiffening_per_k=float(chance.uniform(0.004, 0.009)),
        vibration_mm_s=float(chance.uniform(0.3, 0.8)),
        wind_mm_s=float(chance.uniform(0.05, 0.15)),
        frequency_noise=float(chance.uniform(0.002, 0.0045)),
        drive=draw_drive(chance, vibration_mm_s=1.6, heating_k=9.0) if movable else None,
    )


def draw_movable_bridge(chance: np.random.Generator) -> Bridge:
    """Draw a bridge with a leaf that opens."""
    return draw_bridge(chance, movable=True)
