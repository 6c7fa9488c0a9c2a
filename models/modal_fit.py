"""Frequency, damping and their uncertainty of a mode, from its peak in an averaged spectrum.

Theory of operation. A lightly damped mode under broadband excitation has a spectrum that falls off beside its natural
frequency `f` as a Cauchy curve of half width `damping ratio * f`; the window smears it, and something else lies under
it. The bins of an averaged spectrum scatter about that model as a gamma distribution does, so its parameters follow
from Whittle's likelihood by Fisher scoring (P. Whittle, Ark. Mat. 2, 1953, 423-434). The smeared curve is made from
the mass that it has in quarters of a bin, which stays right for a curve narrower than a bin, weighed by the
window's power. Neighbouring bins of a Hann-windowed spectrum are correlated (4/9 and 1/36 for a flat spectrum, F. J.
Harris, Proc. IEEE 66, 1978, 51-83), which the information of independent bins leaves out: the covariance is that of a
misspecified likelihood, bread, meat and bread (White, Econometrica 50, 1982, 1-25).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray, IndexArray

__all__ = ["HALF_WINDOW", "PeakFit", "fit_peaks"]

# Bins on either side of a peak that are looked at, at most.
HALF_WINDOW: Final = 20
_PARTS: Final = 4
_REACH: Final = 3
_ITERATIONS: Final = 25
# A thousandth of a bin, and of the logarithms: far below the uncertainty of any average.
_SETTLED: Final = 1e-3
_LARGEST_STEP: Final = np.array([0.7, 0.4, 0.5, 0.7])
# Narrower than this, a curve cannot be told from a line; wider than the window, not from the floor.
_LOG_WIDTH: Final = (np.log(0.02), np.log(float(HALF_WINDOW)))
# Width and floor are known to a factor of e**2 or so beforehand, which keeps the scoring away from its edges.
_PRIOR: Final = np.array([1e-6, 1e-6, 0.25, 0.25])
_LARGEST_EXCESS: Final = 4.0
_NEXT, _NEXT_BUT_ONE = 4.0 / 9.0, 1.0 / 36.0


def _window_power() -> FloatArray:
    """Power of a Hann window's spectrum in quarters of a bin, summing to 1."""
    offset = np.arange(-_REACH * _PARTS, _REACH * _PARTS + 1) / _PARTS
    at_one = np.abs(np.abs(offset) - 1.0) < 1e-9  # noqa: PLR2004 - rounding; there the limit is one half
    shape = np.where(at_one, 0.5, np.sinc(offset) / np.where(at_one, 1.0, 1.0 - offset**2))
    return np.asarray(shape**2 / np.sum(shape**2))


_WINDOW: Final = _window_power()
_BINS: Final = np.arange(-HALF_WINDOW, HALF_WINDOW + 1, dtype=np.float64)
_EDGES: Final = (
    np.arange(-(HALF_WINDOW + _REACH) * _PARTS, (HALF_WINDOW + _REACH) * _PARTS + 2, dtype=np.float64) - 0.5
) / _PARTS


@dataclass(frozen=True, slots=True, eq=False)
class PeakFit:
    """Parameters of some peaks; a bin is the unit of frequency.

    Attributes
    ----------
    place, place_sd : float64[P]
        Natural frequency, and its standard uncertainty.
    half_width : float64[P]
        Half the width at half power.
    log_width_sd : float64[P]
        Standard uncertainty of its logarithm.
    share : float64[P]
        Area under the curve, in the spectrum's unit times bins.
    floor : float64[P]
        What lies under it.
    """

    place: FloatArray
    place_sd: FloatArray
    half_width: FloatArray
    log_width_sd: FloatArray
    share: FloatArray
    floor: FloatArray

    def take(self, rows: slice) -> PeakFit:
        """Give some of the peaks."""
        return PeakFit(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})


def fit_peaks(
    power: FloatArray, peak: IndexArray, used: BoolArray, weight: FloatArray, inflation: FloatArray
) -> PeakFit:
    """Fit one mode to each of some peaks, of one spectrum or of many.

    A peak's answer depends on its own row alone, so peaks of many structures are fitted in one call.

    Parameters
    ----------
    power : float64[P, K]
        Averaged power of the `K = 2 * HALF_WINDOW + 1` bins around each peak, positive where used.
    peak : int32[P]
        Bins of the peaks.
    used : bool[P, K]
        Bins that belong to each peak; False outside the spectrum.
    weight : float64[P]
        Blocks' worth of averaging behind each peak.
    inflation : float64[P]
        By how much the variance exceeds that of a stationary signal, at least 1.

    Returns
    -------
    PeakFit
    """
    power = np.where(used, power, 1.0)
    top = power[:, HALF_WINDOW]
    lowest = np.min(np.where(used, power, np.inf), axis=-1)
    above = used & (power > 0.5 * top[:, np.newaxis])
    width = np.maximum(0.5 * (np.count_nonzero(above, axis=-1) - 1.5), 0.3)
    theta = np.stack([np.log(top * np.pi * (width + 0.7)), np.zeros(len(peak)), np.log(width), np.log(lowest)], axis=1)
    start = theta.copy()
    moving = np.arange(len(peak))
    for _ in range(_ITERATIONS):
        if not len(moving):
            break
        before = theta[moving]
        theta[moving] = _improve(
            before, start[moving], power[moving], used[moving], peak[moving], weight[moving, np.newaxis]
        )
        moving = moving[np.abs(theta[moving] - before).max(axis=-1) > _SETTLED]
    _, slopes = _model(theta, peak)
    slopes = np.where(used[..., np.newaxis], slopes, 0.0)
    covariance = _covariance(slopes, weight, inflation)
    return PeakFit(
        place=peak + theta[:, 1],
        place_sd=np.sqrt(covariance[:, 1, 1]),
        half_width=np.exp(theta[:, 2]),
        log_width_sd=np.sqrt(covariance[:, 2, 2]),
        share=np.exp(theta[:, 0]),
        floor=np.exp(theta[:, 3]),
    )


def _improve(
    theta: FloatArray, start: FloatArray, power: FloatArray, used: BoolArray, peak: IndexArray, weight: FloatArray
) -> FloatArray:
    """Take one step of Fisher scoring, float64[P, 4]."""
    modelled, slopes = _model(theta, peak)
    misfit = np.where(used, np.clip(power / modelled - 1.0, -1.0, _LARGEST_EXCESS), 0.0)
    slopes = np.where(used[..., np.newaxis], slopes, 0.0)
    information = weight[..., np.newaxis] * np.einsum("pki,pkj->pij", slopes, slopes)
    information[:, range(4), range(4)] += _PRIOR
    score = weight * np.einsum("pki,pk->pi", slopes, misfit) - _PRIOR * (theta - start)
    step = np.linalg.solve(information, score[..., np.newaxis])[..., 0]
    better = theta + np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
    better[:, 2] = np.clip(better[:, 2], *_LOG_WIDTH)
    better[:, 1] = np.clip(better[:, 1], -2.0, 2.0)
    return np.asarray(better)


def _model(theta: FloatArray, peak: IndexArray) -> tuple[FloatArray, FloatArray]:
    """Give the expected power, float64[P, K], and the slopes of its logarithm, float64[P, K, 4]."""
    size, place, width, floor = (theta[:, [which]] for which in range(4))
    size, width, floor = np.exp(size), np.exp(width), np.exp(floor)
    distance = (_EDGES - place) / width
    below = np.arctan(distance) / np.pi
    curve = 1.0 / (np.pi * width * (1.0 + distance**2))
    mass = np.stack([np.diff(below), -np.diff(curve), -np.diff(distance * width * curve)], axis=1)
    around = np.lib.stride_tricks.sliding_window_view(mass, len(_WINDOW), axis=-1)[:, :, ::_PARTS]
    smeared = np.einsum("pckw,w->pck", around, _PARTS * _WINDOW)
    # Acceleration leans towards higher frequencies beside a resonance.
    # Below 0 Hz there is no bin that is used, and the lean would have a pole.
    apart = np.maximum((_BINS - place) / (peak[:, np.newaxis] + place), -1.0)
    lean = (1.0 + apart) ** 4 / (1.0 + 0.5 * apart) ** 2
    smeared *= (size * np.maximum(lean, 0.0))[:, np.newaxis, :]
    modelled = smeared[:, 0] + floor
    slopes = np.stack([smeared[:, 0], smeared[:, 1], smeared[:, 2], np.broadcast_to(floor, modelled.shape)], axis=-1)
    return modelled, slopes / modelled[..., np.newaxis]


def _covariance(slopes: FloatArray, weight: FloatArray, inflation: FloatArray) -> FloatArray:
    """float64[P, 4, 4]: covariance of the parameters, with what correlation of bins and gusts of traffic add."""
    bread = np.einsum("pki,pkj->pij", slopes, slopes)
    meat = bread.copy()
    for lag, correlation in ((1, _NEXT), (2, _NEXT_BUT_ONE)):
        cross = np.einsum("pki,pkj->pij", slopes[:, lag:], slopes[:, :-lag])
        meat += correlation * (cross + cross.transpose(0, 2, 1))
    bread = weight[:, np.newaxis, np.newaxis] * bread
    bread[:, range(4), range(4)] += _PRIOR
    inverse = np.linalg.inv(bread)
    factor = (weight * inflation)[:, np.newaxis, np.newaxis]
    return np.asarray(inverse @ (factor * meat) @ inverse)
