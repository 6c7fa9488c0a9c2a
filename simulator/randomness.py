"""Seeded randomness that does not care about order: every draw has an address.

A stream of random numbers belongs to a seed and a path of labels ("weather", "front", 3), not to
the moment at which it is asked for. So any asset and any day can be made on its own, and comes out the
same to the last bit as in a run from the first day. Two kinds of slow noise are built on it:

- `relaxed_noise`, an Ornstein-Uhlenbeck process on a fixed hourly grid, for what has one history
  for the whole site (weather). Its driving noise is drawn a year at a time, so asking for more years
  leaves the earlier ones as they were.
- `wander`, a sum of cosines with random phases, for what each asset has for itself. It can be
  evaluated at any hour without a history, which is what a hundred thousand sensors need.
"""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
import scipy  # loads `scipy.signal`, a third of a start, where it is first used: a register needs none

from domain.arrays import FloatArray

__all__ = ["HOURS_PER_YEAR", "random_stream", "relaxed_noise", "wander"]

HOURS_PER_YEAR: Final = 8760

# Enough for a distribution close to normal (kurtosis 2.9 at 16 equal terms).
_COSINES: Final = 16


def random_stream(seed: int, *path: str | int) -> np.random.Generator:
    """Open the stream of random numbers at an address.

    Parameters
    ----------
    seed : int
        The scenario's seed, not negative.
    path : str or int
        Labels from coarse to fine; text counts by its CRC-32, so it does not depend on the process.

    Examples
    --------
    >>> random_stream(1, "road", 3).integers(1000) == random_stream(1, "road", 3).integers(1000)
    np.True_
    """
    key = tuple(zlib.crc32(label.encode()) if isinstance(label, str) else label for label in path)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def relaxed_noise(seed: int, *path: str | int, years: int, time_constant_h: float) -> FloatArray:
    """Draw an Ornstein-Uhlenbeck process of unit variance on an hourly grid.

    Parameters
    ----------
    years : int
        Blocks of 8760 hours; a longer series begins with the shorter one, bit for bit.
    time_constant_h : float
        Lag at which the autocorrelation has fallen to 1/e, in hours, positive.

    Returns
    -------
    float64[years * 8760]
        Zero mean, unit variance, autocorrelation `exp(-lag / time_constant_h)`.
    """
    driven = np.concatenate([random_stream(seed, *path, year).standard_normal(HOURS_PER_YEAR) for year in range(years)])
    memory = float(np.exp(-1.0 / time_constant_h))
    # The first value has the stationary variance: divide out the factor that the filter will apply to it.
    fresh = float(np.sqrt(1.0 - memory**2))
    driven[0] /= fresh
    series: FloatArray = scipy.signal.lfilter([fresh], [1.0, -memory], driven)
    return series


def wander(stream: np.random.Generator, elapsed_h: FloatArray, *, shortest_h: float, longest_h: float) -> FloatArray:
    """Evaluate a smooth random walk about zero at any hours.

    Parameters
    ----------
    stream : numpy.random.Generator
        Gives periods and phases; the same address gives the same curve whatever hours are asked for.
    elapsed_h : float64[N]
        Hours since the start of the scenario.
    shortest_h, longest_h : float
        Range of periods, in hours; each octave carries the same variance.

    Returns
    -------
    float64[N]
        Zero mean and unit variance over many streams.
    """
    # One period per equal slice of the logarithmic range, so that no stream lacks its slow part.
    slices = (np.arange(_COSINES) + stream.random(_COSINES)) / _COSINES
    period_h = shortest_h * (longest_h / shortest_h) ** slices
    phase = stream.uniform(0.0, 2.0 * np.pi, _COSINES)
    angle = np.multiply.outer(elapsed_h, 2.0 * np.pi / period_h) + phase
    total: FloatArray = np.sqrt(2.0 / _COSINES) * np.cos(angle).sum(axis=1)
    return total
