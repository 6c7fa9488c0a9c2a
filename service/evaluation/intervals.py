"""How sure a figure is: exact intervals for counts and shares, resampled assets for the rest.

All intervals are 90 %, two-sided. Days of one asset are not independent, so nothing here counts days: rates
count alarms, shares count failures, and what is computed over days is resampled by whole lives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy import special

from domain.arrays import FloatArray
from domain.figures import Figure
from domain.rates import CONFIDENCE, counted_rate

__all__ = ["binomial_interval", "nothing", "over_lives", "rate", "share"]

_TAIL: Final = (1.0 - CONFIDENCE) / 2.0
_RESAMPLES: Final = 200
_SEED: Final = 20_260_101


def nothing(count: int = 0) -> Figure:
    """Give the figure of which nothing was measured."""
    return Figure(None, None, None, count)


def rate(events: int, exposure: float) -> Figure:
    """Give events per exposure, with the exact Poisson interval.

    Examples
    --------
    >>> figure = rate(3, 30.0)
    >>> round(figure.value, 3), round(figure.low, 4), round(figure.high, 4)
    (0.1, 0.0273, 0.2585)
    """
    found = counted_rate(events, exposure)
    return nothing(events) if found is None else Figure(found.value, found.low, found.high, events)


def share(hits: int, count: int) -> Figure:
    """Give a share, with the exact binomial interval (Clopper and Pearson 1934).

    Examples
    --------
    >>> figure = share(9, 10)
    >>> round(figure.value, 3), round(figure.low, 3), round(figure.high, 3), figure.count
    (0.9, 0.606, 0.995, 10)
    """
    if count == 0:
        return nothing()
    return Figure(hits / count, *binomial_interval(hits, count), count)


def binomial_interval(hits: float, count: int) -> tuple[float, float]:
    """Give the exact binomial interval of a share; hits may be parts of cases, count is positive.

    Examples
    --------
    >>> low, high = binomial_interval(0.0, 10)
    >>> low, round(high, 3)
    (0.0, 0.259)
    """
    low = float(special.betaincinv(hits, count - hits + 1, _TAIL)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, count - hits, 1.0 - _TAIL)) if hits < count else 1.0
    return low, high


def over_lives(count: int, statistic: Callable[[FloatArray], float]) -> Figure:
    """Give a statistic of weighted lives, with an interval from resampling lives with replacement.

    Parameters
    ----------
    count : int
        Lives.
    statistic : callable
        Takes the weight of each life, float64[count], and gives the figure; NaN where it has none.
    """
    value = statistic(np.ones(count)) if count else np.nan
    if not np.isfinite(value):
        return nothing(count)
    chance = np.random.default_rng(_SEED)
    drawn = [
        statistic(np.bincount(chance.integers(0, count, count), minlength=count).astype(np.float64))
        for _ in range(_RESAMPLES)
    ]
    finite = np.array([number for number in drawn if np.isfinite(number)])
    if count < 2 or not len(finite):  # noqa: PLR2004 -- one life tells nothing about others
        return Figure(value, None, None, count)
    low, high = np.quantile(finite, [_TAIL, 1.0 - _TAIL]).tolist()
    return Figure(value, low, high, count)
