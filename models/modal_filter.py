"""The Kalman filter of modes: how a mode moves between periods, and what a peak teaches it.

The level wanders, its rate of change fades within two months, and two slopes say how the mode answers to temperature.
Noise beyond the peaks' own uncertainty is learned from each mode's innovations, so that what is served is as uncertain
as it proved to be. A frequency that jumped lets the level go, so that the slopes do not take damage for weather.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray
from models.modal_memory import CONFIRMED_SEEN, FROST, LEVEL, RATE, SLOPE, STATES, ModeTracks
from models.warmth import frost_of, warmth_of

__all__ = ["learn", "predict", "regressors", "starting_state"]

_DAY_S: Final = 86_400.0
# Frequencies move by up to 0.2 % a kelvin, and by several percent when asphalt freezes (Peeters and De Roeck, Earthq.
# Eng. Struct. Dyn. 30, 2001, 149-171).
_SLOPE_SD: Final = np.array([0.02, 0.02])
_RATE_SD_DAY: Final = 5e-5
_RATE_MEMORY_DAYS: Final = 60.0
_WANDER_PER_DAY: Final = 4e-4
_JUMP_SD: Final = 4.0
_INNOVATION_MEMORY: Final = 0.04
_LARGEST_INNOVATION: Final = 9.0


def regressors(temperature_degc: float) -> FloatArray:
    """Give what the filter's state is multiplied by at a temperature: float64[4]."""
    return np.array([1.0, 0.0, warmth_of(temperature_degc), frost_of(temperature_degc)])


def predict(tracks: ModeTracks, time_ns: int) -> ModeTracks:
    """Move the filters on to the end of the period that ends at `time_ns`."""
    days = max(time_ns - tracks.time_ns, 0) / 1e9 / _DAY_S if tracks.time_ns else 0.0
    if not days or not len(tracks):
        return tracks
    fades = float(np.exp(-days / _RATE_MEMORY_DAYS))
    step = np.eye(STATES)
    step[RATE, RATE] = fades
    # A rate that fades moves the level by its integral.
    step[LEVEL, RATE] = _RATE_MEMORY_DAYS * (1.0 - fades)
    covariance = step @ tracks.covariance @ step.T
    covariance[:, RATE, RATE] += _RATE_SD_DAY**2 * (1.0 - fades**2)
    covariance[:, LEVEL, LEVEL] += _WANDER_PER_DAY**2 * days
    return replace(tracks, mean=tracks.mean @ step.T, covariance=covariance)


def learn(
    tracks: ModeTracks,
    mode: npt.NDArray[np.intp],
    innovation: FloatArray,
    measured: FloatArray,
    spread: FloatArray,
    row: FloatArray,
) -> ModeTracks:
    """Fold the peaks into the filters of their modes.

    Parameters
    ----------
    tracks : ModeTracks
        `M` modes, not changed.
    mode : intp[N]
        Which of them was seen, each once.
    innovation : float64[N]
        Logarithm of its frequency, less the expected.
    measured, spread : float64[N]
        Variance of the peak, and of what was expected.
    row : float64[4]
        Regressors of this period.
    """
    if not len(mode):
        return tracks
    mean, covariance, noise = tracks.mean.copy(), tracks.covariance.copy(), tracks.noise.copy()
    jumped = innovation**2 > _JUMP_SD**2 * (spread + measured)
    covariance[mode, LEVEL, LEVEL] += np.where(jumped, innovation**2, 0.0)
    reach = covariance[mode] @ row
    total = reach @ row + measured
    gain = reach / total[:, np.newaxis]
    mean[mode] += gain * innovation[:, np.newaxis]
    after = covariance[mode] - gain[:, :, np.newaxis] * reach[:, np.newaxis, :]
    covariance[mode] = 0.5 * (after + after.transpose(0, 2, 1))
    # Against the peaks' own uncertainty, as the filter knows its own.
    square = np.minimum(innovation**2 / (spread + measured), _LARGEST_INNOVATION)
    wanted = np.maximum(tracks.noise[mode], 1.0) * square
    settled = (tracks.seen[mode] > CONFIRMED_SEEN) & ~jumped
    noise[mode] += np.where(settled, _INNOVATION_MEMORY * (wanted - noise[mode]), 0.0)
    return replace(tracks, mean=mean, covariance=covariance, noise=noise)


def starting_state(frequency_hz: FloatArray, variance: FloatArray, row: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give mean and covariance of the filters of modes that were seen once.

    Parameters
    ----------
    frequency_hz, variance : float64[N]
        Of the peaks, the variance that of the logarithm.
    row : float64[4]
        Regressors of this period.

    Returns
    -------
    mean : float64[N, 4]
    covariance : float64[N, 4, 4]
    """
    count = len(frequency_hz)
    covariance = np.zeros((count, STATES, STATES))
    slopes = row[SLOPE:]
    # The level at 10 degrees is as uncertain as the slopes are at today's temperature, and goes with them.
    covariance[:, LEVEL, LEVEL] = variance + np.sum((_SLOPE_SD * slopes) ** 2)
    covariance[:, LEVEL, SLOPE:] = covariance[:, SLOPE:, LEVEL] = -(_SLOPE_SD**2) * slopes
    covariance[:, RATE, RATE] = _RATE_SD_DAY**2
    covariance[:, [SLOPE, FROST], [SLOPE, FROST]] = _SLOPE_SD**2
    mean = np.zeros((count, STATES))
    mean[:, LEVEL] = np.log(frequency_hz)
    return mean, covariance
