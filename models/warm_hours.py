"""What warmth does over a usual day, by which a thermometer that is silent is guessed.

The best guess of a temperature that is not heard is what it was about before (`models.environment`). Where it falls
silent each afternoon, as a transmitter that gets too hot does, what was heard is that of the nights, and the memory of
warmth fell by kelvins in a heat wave. So what each hour of the day adds to that memory is learnt, and hours that are
not heard are taken to be as usual, around it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray, TimeArray
from models.catalogue import HOUR_NS
from models.layout import DAY_HOURS

__all__ = ["follow_warm_hours", "usual_warmth"]

# Days over which an hour's share is learnt: a season is longer, a spell of weather shorter.
_MEMORY_DAYS: Final = 7.0


def usual_warmth(warm_hours: FloatArray, start_ns: TimeArray) -> FloatArray:
    """Tell what the hour adds to the remembered temperature; NaN until every hour of a day was heard.

    Parameters
    ----------
    warm_hours : float32[A, 24]
        As in `models.memory.ModelState`, in kelvins.
    start_ns : int64[A]
        Start of the hop.

    Returns
    -------
    float64[A]
        In kelvins; over a day they come to nought, so that a memory that goes by them stays where it is.
    """
    every = np.arange(len(warm_hours))
    hours = warm_hours.astype(np.float64)
    return np.asarray(hours[every, _hour_of(start_ns)] - hours.sum(axis=1) / DAY_HOURS)


def follow_warm_hours(
    warm_hours: FloatArray, start_ns: TimeArray, hop_ns: TimeArray, *, beyond: FloatArray, spoke: BoolArray
) -> FloatArray:
    """Learn what the hour adds.

    Parameters
    ----------
    warm_hours, start_ns
        As in `usual_warmth`.
    hop_ns : int64[A]
        How long a hop is.
    beyond : float64[A]
        What the temperature of the hop is beyond the remembered one, in kelvins.
    spoke : bool[A]
        Where it was heard.

    Returns
    -------
    float32[A, 24]
    """
    rows = np.flatnonzero(spoke & np.isfinite(beyond))
    if not len(rows):
        return warm_hours
    hour, share = _hour_of(start_ns)[rows], np.minimum(hop_ns[rows] / HOUR_NS, 1.0) / _MEMORY_DAYS
    before = warm_hours[rows, hour].astype(np.float64)
    followed = warm_hours.copy()
    followed[rows, hour] = np.where(np.isnan(before), beyond[rows], before + share * (beyond[rows] - before))
    return followed


def _hour_of(start_ns: TimeArray) -> TimeArray:
    return np.asarray(start_ns // HOUR_NS % DAY_HOURS)
