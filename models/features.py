"""Numbers from raw waveforms: what a vibration sensor says in one block, as five features.

The mean is removed first, because an accelerometer shows gravity and its own offset as a constant.
Root mean square says how much the structure moves, the peak how far, crest factor and kurtosis whether
the movement comes in knocks (3 for a Gaussian signal, 1.5 for a sine), and the dominant frequency where
its energy lies. All sums run along each block's own contiguous axis, so a block gives the same bits in
whatever batch it comes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import fft

from domain.arrays import FloatArray
from domain.errors import ShapeError
from domain.register import WAVEFORM_CHANNELS

__all__ = ["FEATURES", "analyse_waveforms", "waveform_features"]

FEATURES: Final[tuple[str, ...]] = tuple(name for name, _ in WAVEFORM_CHANNELS)

# Below this share of the largest sample, what is left after removing the mean is rounding of the mean itself.
_CONSTANT_SHARE: Final = 1e-12
# A peak needs both neighbours above the lowest bin.
_SHORTEST_SPECTRUM: Final = 4
# Samples that are worked on at once: 320 kB, a part of what a core has to itself.
_PART_SAMPLES: Final = 40960


def waveform_features(samples: FloatArray, sampling_rate_hz: float) -> FloatArray:
    """Compute the features of each waveform in a batch.

    Parameters
    ----------
    samples : float64[B, N]
        Waveforms in one unit, finite, N at least 1.
    sampling_rate_hz : float
        Samples a second, positive.

    Returns
    -------
    float64[B, 5]
        In the order of `FEATURES`: root mean square and peak in the unit of the samples, both without the
        mean; crest factor, peak over root mean square, at least 1; kurtosis, fourth central moment over
        squared variance, not reduced by 3, at least 1; dominant frequency in Hz, the highest bin of the
        Hann-windowed spectrum without its lowest bin, refined by a parabola through the logarithms of its
        neighbours. A constant waveform gives 0, 0, 1, 1 and 0: no movement, no knocks, no frequency.

    Raises
    ------
    ShapeError
        If `samples` is not two-dimensional, has no samples, or the sampling rate is not positive.

    References
    ----------
    Kurtosis of bearings: Dyer and Stewart, J. Mech. Des. 100 (1978) 229-235. Interpolation of the peak:
    Smith and Serra, PARSHL, ICMC (1987).

    Examples
    --------
    >>> time_s = np.arange(1000) / 500.0
    >>> np.round(waveform_features(np.sin(2 * np.pi * 12.5 * time_s)[np.newaxis], 500.0), 3).tolist()
    [[0.707, 1.0, 1.414, 1.5, 12.5]]
    """
    return analyse_waveforms(samples, sampling_rate_hz)[0]


def analyse_waveforms(samples: FloatArray, sampling_rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """Compute features and spectrum of each waveform in a batch, with one transform for both.

    Parameters and errors are those of `waveform_features`.

    Returns
    -------
    features : float64[B, 5]
        As `waveform_features` gives them.
    magnitude : float64[B, N // 2 + 1]
        Absolute values of the Hann-windowed spectrum, each row to a scale of its own: for shapes, not for sizes. No
        columns where N is below 4.
    """
    if samples.ndim != 2 or samples.shape[1] == 0:  # noqa: PLR2004 - [B, N]
        msg = f"samples has shape {samples.shape}, expected [B, N] with N at least 1; give one row a block"
        raise ShapeError(msg)
    if not sampling_rate_hz > 0:
        msg = f"sampling rate is {sampling_rate_hz} Hz, expected a positive number; check the block's fs_hz"
        raise ShapeError(msg)
    samples = np.ascontiguousarray(samples, dtype=np.float64)
    count, length = samples.shape
    features = np.empty((count, len(FEATURES)))
    spectrum = np.empty((count, length // 2 + 1 if length >= _SHORTEST_SPECTRUM else 0))
    # A dozen arrays of one part's size come and go: while they stay in the cache it takes half the time.
    rows = max(1, _PART_SAMPLES // length)
    for start in range(0, count, rows):
        part = slice(start, start + rows)
        _analyse(samples[part], sampling_rate_hz, features[part], spectrum[part])
    return features, spectrum


def _analyse(samples: FloatArray, sampling_rate_hz: float, features: FloatArray, spectrum: FloatArray) -> None:
    """Compute features and spectrum of some rows into arrays of theirs; a row depends on its own samples alone."""
    largest = np.max(np.abs(samples), axis=-1)
    scale = np.where(largest > 0, largest, 1.0)
    # Scaled to at most 1, so that fourth powers neither overflow nor vanish.
    centred = samples / scale[:, np.newaxis]
    centred = centred - np.mean(centred, axis=-1)[:, np.newaxis]
    squares = centred * centred
    variance = np.mean(squares, axis=-1)
    moving = variance > _CONSTANT_SHARE**2
    divisor = np.where(moving, variance, 1.0)
    peak = np.max(np.abs(centred), axis=-1)
    features[:, 0] = np.where(moving, np.sqrt(variance) * scale, 0.0)
    features[:, 1] = np.where(moving, peak * scale, 0.0)
    features[:, 2] = np.where(moving, peak / np.sqrt(divisor), 1.0)
    features[:, 3] = np.where(moving, np.mean(squares * squares, axis=-1) / divisor**2, 1.0)
    length = samples.shape[1]
    if not spectrum.shape[1]:
        features[:, 4] = 0.0
        return
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    np.abs(fft.rfft(centred * window, axis=-1), out=spectrum)
    features[:, 4] = np.where(moving, _dominant_frequency(spectrum, length, sampling_rate_hz), 0.0)


def _dominant_frequency(spectrum: FloatArray, length: int, sampling_rate_hz: float) -> FloatArray:
    """Find the frequency of the highest peak of each row, refined between the bins."""
    highest = 1 + np.argmax(spectrum[:, 1:], axis=-1)
    inside = np.clip(highest, 1, spectrum.shape[1] - 2)
    rows = np.arange(len(spectrum))
    floor = np.finfo(np.float64).tiny
    left, middle, right = (np.log(np.maximum(spectrum[rows, inside + step], floor)) for step in (-1, 0, 1))
    curvature = left - 2 * middle + right
    offset = np.where(curvature < 0, 0.5 * (left - right) / np.where(curvature < 0, curvature, -1.0), 0.0)
    refined = np.where(inside == highest, highest + np.clip(offset, -0.5, 0.5), highest)
    return np.asarray(refined * sampling_rate_hz / length, dtype=np.float64)
