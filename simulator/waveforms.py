"""Waveforms made from a structure's modes, not noise dressed up as one.

Each mode is a damped oscillator driven by a random force. Sampled, an oscillator of natural frequency
`f` and damping ratio `z` is an autoregression of order two whose poles are `exp(2 pi f dt (-z +/- i sqrt(1 - z^2)))`
(impulse invariance), so frequency and damping of the signal are exactly those put in. Its second
difference behaves as acceleration does: nothing at zero frequency. The force is white over the band and
swells as vehicles come and go, which is what lifts the kurtosis of traffic vibration above 3.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter, lfiltic

from domain.arrays import FloatArray

__all__ = ["WAVEFORM_SCALE_M_S2", "quantise", "synthesise_acceleration"]

# Step of the 16-bit samples: a range of 0.65 m/s2.
WAVEFORM_SCALE_M_S2: Final = 2e-5

# A vehicle needs about two seconds to cross.
_PASSAGE_S: Final = 2.0
_INSTRUMENT_M_S2: Final = 1e-4


def synthesise_acceleration(
    chance: np.random.Generator,
    *,
    frequency_hz: FloatArray,
    damping_ratio: FloatArray,
    velocity_mm_s: FloatArray,
    kurtosis: float,
    sampling_rate_hz: float,
    samples: int,
) -> FloatArray:
    """Make a stretch of acceleration of a structure in its modes.

    Parameters
    ----------
    frequency_hz, damping_ratio : float64[M]
        Natural frequencies, below half the sampling rate, and damping ratios in (0, 1).
    velocity_mm_s : float64[M]
        Root mean square vibration velocity in each mode.
    kurtosis : float
        Of the vibration, at least 3; reached on average over many passages, not in each short block.
    samples : int
        Length; the signal is stationary from its first sample.

    Returns
    -------
    float64[samples]
        m/s2.
    """
    swell = _swell(chance, kurtosis, sampling_rate_hz, samples + 2)
    signal = _INSTRUMENT_M_S2 * chance.standard_normal(samples)
    for frequency, damping, velocity in zip(frequency_hz, damping_ratio, velocity_mm_s, strict=True):
        # Harmonic motion: acceleration is velocity times angular frequency; mm to m.
        size = velocity * 1e-3 * 2.0 * np.pi * frequency
        force = swell * chance.standard_normal(samples + 2)
        signal += size * _oscillate(chance, force, float(frequency), float(damping), sampling_rate_hz)
    return signal


def quantise(signal: FloatArray, scale: float) -> npt.NDArray[np.int16]:
    """Round to 16-bit steps of `scale`, holding at the limits as a converter does; int16[N]."""
    limit = np.iinfo(np.int16)
    return np.clip(np.round(signal / scale), limit.min, limit.max).astype(np.int16)


def _oscillate(
    chance: np.random.Generator, force: FloatArray, frequency_hz: float, damping_ratio: float, sampling_rate_hz: float
) -> FloatArray:
    """Drive one mode with a force of unit variance; acceleration of unit variance, float64[N - 2]."""
    angle = 2.0 * np.pi * frequency_hz / sampling_rate_hz
    radius = np.exp(-damping_ratio * angle)
    first = 2.0 * radius * np.cos(angle * np.sqrt(1.0 - damping_ratio**2))
    second = -(radius**2)
    # Autocovariance of the autoregression at lags 0, 1, 2 (Box and Jenkins, Time Series Analysis, section 3.2).
    variance = (1.0 - second) / ((1.0 + second) * ((1.0 - second) ** 2 - first**2))
    next_to = first / (1.0 - second) * variance
    after = first * next_to + second * variance
    spread = np.sqrt(variance)
    before = spread * chance.standard_normal()
    last = next_to / variance * before + np.sqrt(variance - next_to**2 / variance) * chance.standard_normal()
    position, _ = lfilter(
        [1.0], [1.0, -first, -second], force, zi=lfiltic([1.0], [1.0, -first, -second], [last, before])
    )
    acceleration: FloatArray = np.diff(position, 2) / np.sqrt(6.0 * variance - 8.0 * next_to + 2.0 * after)
    return acceleration


def _swell(chance: np.random.Generator, kurtosis: float, sampling_rate_hz: float, samples: int) -> FloatArray:
    """Give the strength of the force: mean square 1, log-normal, so that the vibration's kurtosis is as asked.

    A Gaussian signal whose power is multiplied by a slow log-normal factor of log-variance `v` has the
    kurtosis `3 exp(v)`.
    """
    log_variance = np.log(max(kurtosis, 3.0) / 3.0)
    memory = np.exp(-1.0 / (_PASSAGE_S * sampling_rate_hz))
    driven = np.sqrt(1.0 - memory**2) * chance.standard_normal(samples)
    wave, _ = lfilter([1.0], [1.0, -memory], driven, zi=[memory * chance.standard_normal()])
    strength: FloatArray = np.exp(0.5 * np.sqrt(log_variance) * wave - 0.25 * log_variance)
    return strength
