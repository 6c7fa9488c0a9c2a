"""Where a sound level lies and how much it wanders there: what four days of commissioning could not tell of a channel.

A reference of four days is made in one mood of a structure, and levels wander for weeks. So a sound channel lies
somewhat beside its reference for good, and one wanders more than another of its kind. Both show in the months in
which nothing is the matter, and are learnt from them alone:

- the *place* is the mean of what is left of the deviation, shrunk towards nothing: it is known by the number of calm
  days, against a prior worth some. It is taken off like the common shock is, and what is not known of it widens what is
  usual;
- the *wandering* around it is a mean square, weighed against what like channels do, by the independent draws that the
  calm days held.

Damage is not learnt: a channel teaches nothing while its failure mode has any evidence or an alarm, or while it stands
out; a day counts for at most two of its usual deviations, as one of all calm days so far, in the end of a year's; and
no place is further than a lone quantity must go to be material. So damage hides at most that much, and less the faster
it comes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from domain.arrays import BoolArray, FloatArray
from models.evidence import DRAW_DAYS

__all__ = ["Settling", "learn_settling", "place_variance", "taught_share", "wander_variance"]

# Calm days that the prior of the place is worth, and how far it is expected to lie from the reference: sound channels
# of simulated fleets lie 0.03 to 0.1 of the way from it.
_PLACE_DAYS: Final = 25.0
_PLACE_SPREAD: Final = 0.07
_FURTHEST_PLACE: Final = 0.1
# Seasons cancel over a year.
_MEMORY_DAYS: Final = 365.0
# Draws, each independent of the last, that like channels are worth.
_LIKE_DRAWS: Final = 8.0
# What one day counts for at most, in usual deviations, and the mean square of a normal variable held within that.
_MOST_SPREADS: Final = 2.0
_HELD_SQUARE: Final = 0.92


class Settling(NamedTuple):
    """What is remembered of each channel: float64[J], levels in shares of the failure level, positive towards harm.

    Attributes
    ----------
    place : float64[J]
        Where it lies beside its reference in good health.
    days : float64[J]
        Calm days that taught it, a year at most.
    square : float64[J]
        Mean square of its deviations from there.
    """

    place: FloatArray
    days: FloatArray
    square: FloatArray


def place_variance(memory: Settling) -> FloatArray:
    """float64[J]: variance of what is not known of the place yet."""
    return np.asarray(_PLACE_SPREAD**2 * (1.0 - taught_share(memory)))


def taught_share(memory: Settling) -> FloatArray:
    """float64[J]: how much of what calm days can teach of a channel they have taught; from 0, below 1."""
    return np.asarray(memory.days / (_PLACE_DAYS + memory.days))


def wander_variance(memory: Settling, like: FloatArray) -> FloatArray:
    """float64[J]: variance of a sound level around its place.

    Parameters
    ----------
    like : float64[J]
        What it is for like channels.

    Examples
    --------
    >>> quiet = Settling(np.zeros(2), np.array([0.0, 320.0]), np.array([0.0, 0.01]))
    >>> np.round(wander_variance(quiet, np.full(2, 0.04)), 4).tolist()
    [0.04, 0.015]
    """
    draws = memory.days / DRAW_DAYS
    return np.asarray((_LIKE_DRAWS * like + draws * memory.square) / (_LIKE_DRAWS + draws))


def learn_settling(before: Settling, residual: FloatArray, spread: FloatArray, calm: BoolArray) -> Settling:
    """Fold one day in.

    Parameters
    ----------
    residual, spread : float64[J]
        What is left of the deviation without the place, and what is usual.
    calm : bool[J]
        Channels with a residual of this day that nothing speaks against; the others stay as they are.

    Examples
    --------
    >>> memory = Settling(np.zeros(1), np.zeros(1), np.zeros(1))
    >>> for _ in range(300):
    ...     left = np.array([-0.06]) - memory.place
    ...     memory = learn_settling(memory, left, np.array([0.1]), np.array([True]))
    >>> np.round(memory.place, 3).tolist(), memory.days.tolist()
    ([-0.055], [300.0])
    """
    held = np.clip(residual, -_MOST_SPREADS * spread, _MOST_SPREADS * spread)
    days = np.minimum(before.days + 1.0, _MEMORY_DAYS)
    place = np.clip(before.place + held / (days + _PLACE_DAYS), -_FURTHEST_PLACE, _FURTHEST_PLACE)
    square = before.square + (held**2 / _HELD_SQUARE - before.square) / days
    return Settling(
        np.where(calm, place, before.place), np.where(calm, days, before.days), np.where(calm, square, before.square)
    )
