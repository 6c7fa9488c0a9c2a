"""Natural frequencies in an averaged spectrum, found without anybody choosing them.

A peak is a local maximum of the lightly smoothed spectrum that noise would hardly make: above the floor around it by
more than the highest of all bins of a noise spectrum exceeds in one of a thousand, and above the valleys beside it by
six standard deviations. To each a mode is fitted (`models.modal_fit`). What turns is not a mode: a line narrower than
a structure's damping allows whose power hardly scatters between blocks, one on the grid of the mains, and three or
more lines at multiples of one of them are machinery, and are told apart where the blocks are long enough to show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from domain.arrays import BoolArray, FloatArray, IndexArray
from models.modal_fit import HALF_WINDOW, PeakFit, fit_peaks
from models.modal_spectra import FIRST_BIN, SpectrumSum

__all__ = ["MOST_PEAKS", "ModalPeaks", "find_modes", "find_modes_of"]

MOST_PEAKS: Final = 12
_CHANCE_OF_NOISE: Final = 1e-3
_PROMINENCE_SD: Final = 6.0
# A bump of less than half again is no mode, however long one averages: spectra are not flat.
_LEAST_PROMINENCE: Final = 0.4
_SMOOTHING: Final = np.array([0.25, 0.5, 0.25])
# Variance of the smoothed spectrum over that of a bin, with the correlations of a Hann window.
_SMOOTHED_VARIANCE: Final = 0.60
_FLOOR_BINS: Final = 81
_FLOOR_QUANTILE: Final = 0.3
# A line's width in bins, and a mode's half width over its frequency: welded steel has 0.2 % and more.
_LINE_WIDTH: Final = 0.25
_LEAST_DAMPING: Final = 0.0005
_MOST_DAMPING: Final = 0.15
# Power of a Gaussian answer scatters by its own size from block to block.
_STEADY: Final = 0.5
_NARROW: Final = 0.6
_MAINS_HZ: Final = (50.0, 60.0)
_FAMILY: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class ModalPeaks:
    """Modes found in one averaged spectrum, by frequency.

    Attributes
    ----------
    frequency_hz, frequency_sd_hz : float64[M]
        Natural frequency and its standard uncertainty.
    damping_ratio, damping_sd : float64[M]
        In (0, 1), and its standard uncertainty.
    share : float64[M]
        Of the blocks' power, in this mode.
    prominence : float64[M]
        Peak over the floor around it.
    width_hz : float64[M]
        Half the width at half power with what the window adds: closer than this, two modes are one peak.
    tones_hz : float64[T]
        Lines that were taken for machinery.
    """

    frequency_hz: FloatArray
    frequency_sd_hz: FloatArray
    damping_ratio: FloatArray
    damping_sd: FloatArray
    share: FloatArray
    prominence: FloatArray
    width_hz: FloatArray
    tones_hz: FloatArray

    def __len__(self) -> int:
        return len(self.frequency_hz)


def find_modes(average: SpectrumSum) -> ModalPeaks:
    """Find the modes in an averaged spectrum.

    Parameters
    ----------
    average : SpectrumSum
        Of a few blocks or more; of fewer than two, nothing is found.

    Returns
    -------
    ModalPeaks
        At most `MOST_PEAKS` modes, by frequency; none where nothing stands out.
    """
    return find_modes_of([average])[0]


def find_modes_of(averages: Sequence[SpectrumSum]) -> list[ModalPeaks]:
    """Find the modes in the averaged spectra of many structures; each as `find_modes` does, to the bit."""
    views = [_peaks_of(average) for average in averages]
    here = [view for view in views if view is not None]
    if not here:
        return [_none() for _ in views]
    count = [len(view.peak) for view in here]
    fit = fit_peaks(
        np.concatenate([view.power for view in here]),
        np.concatenate([view.peak for view in here]),
        np.concatenate([view.used for view in here]),
        np.repeat([view.weight for view in here], count),
        np.repeat([view.gusts for view in here], count),
    )
    found, first = [], 0
    for average, view in zip(averages, views, strict=True):
        last = first + (0 if view is None else len(view.peak))
        found.append(_none() if view is None else _judge(average, fit.take(slice(first, last)), view))
        first = last
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Peaks:
    """The peaks of one averaged spectrum, before anything is fitted; see `models.modal_fit.fit_peaks`."""

    peak: IndexArray
    power: FloatArray
    used: BoolArray
    weight: float
    gusts: float
    over_floor: FloatArray
    scatter: FloatArray


def _peaks_of(average: SpectrumSum) -> _Peaks | None:
    """Find the peaks of one averaged spectrum; None where nothing stands out."""
    spectrum = average.first.astype(np.float64)
    spectrum /= max(float(spectrum.sum()), 1.0)
    if average.blocks < 2 or len(spectrum) <= 2 * FIRST_BIN or not spectrum.any():  # noqa: PLR2004
        return None
    scatter = average.scatter()
    # Blocks of different strength in a bin average less well than equal ones.
    weight = average.blocks / max(float(np.median(scatter[FIRST_BIN:])), 1.0)
    from scipy import ndimage  # noqa: PLC0415 -- see `_stand_out`

    smooth = ndimage.convolve1d(spectrum, _SMOOTHING, mode="nearest")
    floor = _floor(smooth, weight / _SMOOTHED_VARIANCE)
    peak = _stand_out(smooth, floor, weight / _SMOOTHED_VARIANCE)
    if not len(peak):
        return None
    around = peak[:, np.newaxis] + np.arange(-HALF_WINDOW, HALF_WINDOW + 1)
    return _Peaks(
        peak=peak,
        power=np.maximum(spectrum[np.clip(around, 0, len(spectrum) - 1)], np.finfo(np.float64).tiny),
        used=_belonging(spectrum, smooth, peak),
        weight=weight,
        gusts=max(average.kurtosis() / 3.0, 1.0),
        over_floor=smooth[peak] / floor[peak],
        scatter=scatter,
    )


def _none() -> ModalPeaks:
    nothing = np.empty(0)
    return ModalPeaks(nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing)


def _floor(smooth: FloatArray, weight: float) -> FloatArray:
    """Give what lies under the peaks: a low quantile of the surroundings, raised to the mean of noise."""
    quantile = float(special.gammaincinv(weight, _FLOOR_QUANTILE)) / weight
    kept = smooth[FIRST_BIN:]
    from scipy import ndimage  # noqa: PLC0415 -- see `_stand_out`

    found = ndimage.percentile_filter(kept, 100.0 * _FLOOR_QUANTILE, size=min(_FLOOR_BINS, len(kept)), mode="reflect")
    least = float(np.max(kept)) * 1e-12
    return np.concatenate([np.full(FIRST_BIN, np.inf), np.maximum(found / quantile, least)])


def _stand_out(smooth: FloatArray, floor: FloatArray, weight: float) -> IndexArray:
    """Find the bins of peaks that noise would hardly make, the most prominent ones, ascending."""
    # Highest of all bins of a noise spectrum of this many blocks.
    limit = float(special.gammainccinv(weight, _CHANCE_OF_NOISE / len(smooth))) / weight
    level = np.log(np.maximum(smooth, np.finfo(np.float64).tiny))
    level[:FIRST_BIN] = level[FIRST_BIN]
    least = max(_PROMINENCE_SD / np.sqrt(weight), _LEAST_PROMINENCE)
    from scipy import signal  # noqa: PLC0415 -- a third of what a start imports, and needed once a day

    peak, found = signal.find_peaks(level, prominence=least)
    high = smooth[peak] > limit * floor[peak]
    peak, prominence = peak[high], found["prominences"][high]
    order = np.argsort(-prominence, kind="stable")[:MOST_PEAKS]
    kept: IndexArray = np.sort(peak[order]).astype(np.int32)
    return kept


def _belonging(spectrum: FloatArray, smooth: FloatArray, peak: IndexArray) -> BoolArray:
    """bool[P, K]: bins around each peak up to the valleys beside it, and no more than a few of its widths."""
    used = np.zeros((len(peak), 2 * HALF_WINDOW + 1), np.bool_)
    edges = [FIRST_BIN - 1, *peak.tolist(), len(spectrum)]
    for row, at in enumerate(peak.tolist()):
        before, after = edges[row], edges[row + 2]
        low = before + 1 if row == 0 else before + int(np.argmin(smooth[before : at + 1]))
        high = after - 1 if row == len(peak) - 1 else at + int(np.argmin(smooth[at:after]))
        half = 1
        while half < HALF_WINDOW and max(smooth[max(at - half, low)], smooth[min(at + half, high)]) > smooth[at] / 2:
            half += 1
        reach = min(4 * half + 3, HALF_WINDOW)
        low, high = max(low, at - reach, FIRST_BIN), min(high, at + reach)
        used[row, HALF_WINDOW + low - at : HALF_WINDOW + high - at + 1] = True
    return used


def _judge(average: SpectrumSum, fit: PeakFit, view: _Peaks) -> ModalPeaks:
    """Tell modes from machinery and from what is no peak."""
    peak, scatter = view.peak, view.scatter
    bin_hz = average.bin_hz
    frequency = fit.place * bin_hz
    damping = fit.half_width / fit.place
    neighbours = np.clip(peak[:, np.newaxis] + np.array([-1, 0, 1]), 0, len(scatter) - 1)
    steady = scatter[neighbours].mean(axis=-1) < _STEADY
    line = fit.half_width < _LINE_WIDTH
    mains = np.zeros(len(peak), np.bool_)
    for grid_hz in _MAINS_HZ:
        multiple = np.maximum(np.rint(frequency / grid_hz), 1.0)
        mains |= np.abs(frequency - multiple * grid_hz) < np.maximum(0.5 * bin_hz, 0.001 * frequency)
    narrow = fit.half_width < _NARROW
    tone = (line & steady) | (mains & narrow) | (line & (damping < _LEAST_DAMPING)) | _family(frequency, narrow, bin_hz)
    # A wide hump without an inside, and an uncertainty as wide as the peak, are no mode.
    sound = (damping < _MOST_DAMPING) & (fit.half_width < HALF_WINDOW / 2) & (fit.place_sd < fit.half_width + 1.0)
    mode = sound & ~tone
    return ModalPeaks(
        frequency_hz=frequency[mode],
        frequency_sd_hz=fit.place_sd[mode] * bin_hz,
        damping_ratio=damping[mode],
        damping_sd=damping[mode] * fit.log_width_sd[mode],
        share=fit.share[mode],
        prominence=view.over_floor[mode],
        width_hz=np.hypot(fit.half_width[mode], 0.75) * bin_hz,
        tones_hz=frequency[tone],
    )


def _family(frequency_hz: FloatArray, narrow: BoolArray, bin_hz: float) -> BoolArray:
    """Mark narrow lines at multiples of one of them, where there are several such: a shaft or a gear turns."""
    marked = np.zeros(len(frequency_hz), np.bool_)
    for base in frequency_hz[narrow].tolist():
        multiple = np.rint(frequency_hz / base)
        member = narrow & (multiple >= 1.0) & (np.abs(frequency_hz - multiple * base) < 0.25 * bin_hz * multiple)
        if np.count_nonzero(member) >= _FAMILY:
            marked |= member
    return marked
