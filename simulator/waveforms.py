"""Waveforms made from a structure's modes, not noise dressed up as one.

Each mode is a damped oscillator (`simulator.oscillator`) driven by a random force, so frequency and damping of the
signal are exactly those put in. The force is white over the band, and as strong as the vehicles that are on the bridge
at the moment: few at a time lift the kurtosis well above 3.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import scipy  # loads `scipy.signal`, a third of a start, where it is first used: a register needs none

from domain.arrays import FloatArray
from simulator.oscillator import make_oscillator

__all__ = ["WAVEFORM_SCALE_M_S2", "quantise", "synthesise_acceleration"]

# Step of the 16-bit samples: a range of 0.65 m/s2.
WAVEFORM_SCALE_M_S2: Final = 2e-5

# A vehicle is felt from the approach to the far joint.
_PASSAGE_S: Final = 4.0
# Below this, vehicles are so many that their coming and going cannot be told from steady noise.
_LEAST_EXCESS: Final = 0.02
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
    traffic = _traffic(chance, kurtosis, sampling_rate_hz, samples + 2)
    signal = _INSTRUMENT_M_S2 * chance.standard_normal(samples)
    for frequency, damping, velocity in zip(frequency_hz, damping_ratio, velocity_mm_s, strict=True):
        # Harmonic motion: acceleration is velocity times angular frequency; mm to m.
        size = velocity * 1e-3 * 2.0 * np.pi * frequency
        force = traffic * chance.standard_normal(samples + 2)
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
    mode = make_oscillator(frequency_hz, damping_ratio, sampling_rate_hz)
    before = np.sqrt(mode.variance) * chance.standard_normal()
    spread = np.sqrt(mode.variance - mode.next_to**2 / mode.variance)
    last = mode.next_to / mode.variance * before + spread * chance.standard_normal()
    weights = [1.0, -mode.first, -mode.second]
    position, _ = scipy.signal.lfilter([1.0], weights, force, zi=scipy.signal.lfiltic([1.0], weights, [last, before]))
    acceleration: FloatArray = np.diff(position, 2) / mode.acceleration_sd
    return acceleration


def _traffic(chance: np.random.Generator, kurtosis: float, sampling_rate_hz: float, samples: int) -> FloatArray:
    """Give the strength of the force, mean square 1: vehicles that pass at random times, each a half sine of power.

    By Campbell's theorem the power of `n` vehicles at a time has the relative variance `pi^2 / (8 n)`, and a Gaussian
    signal of slowly changing power has the kurtosis `3 (1 + relative variance)`: the kurtosis asked for says
    how dense the traffic is.
    """
    excess = kurtosis / 3.0 - 1.0
    if excess < _LEAST_EXCESS:
        return np.ones(samples)
    together = np.pi**2 / 8.0 / excess
    length = round(_PASSAGE_S * sampling_rate_hz)
    pulse = np.sin(np.pi * (np.arange(length) + 0.5) / length)
    count = int(chance.poisson(together * (samples + length) / length))
    power = np.zeros(samples + 2 * length)
    for start in chance.integers(0, samples + length, count).tolist():
        power[start : start + length] += pulse
    strength: FloatArray = np.sqrt(power[length : length + samples] / (together * pulse.mean()))
    return strength
