"""What a counter usually counts at an hour of the week.

Traffic has its hours, on weekdays and at weekends, so the mean of the logarithm of counts is learnt for each of those
hours (UTC, 48 of them). It is the best guess of a counter that is silent. Whether one that counts otherwise explains
anything is for the structure to say (`models.counter_trust`).

Where nobody counts, a vibration of the structure stands for the traffic: the mean of its logarithm at each hour, less
that of all hours of a weekday, is the course of the traffic. Without it the warmth of the day was learnt in its place:
traffic and warmth rise together every morning, so vibration seemed to rise by a factor of four for ten kelvins, and to
fall by as much behind a warm day, and the first warm week looked like damage or hid it. No level is in that course, and
so no damage: what all hours have in common is left out. What such a structure was like while its first week taught the
hours is not its reference: nights and weekends, which nothing explained yet, looked like a level that moves by half its
way in a day, and warmth was learnt in their place once more. With the week its indicators begin anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, FloatArray, TimeArray
from models.catalogue import HOUR_NS, Catalogue
from models.drivers import LOAD
from models.layout import DAY_HOURS
from models.memory import ModelState, begun_anew, with_columns

__all__ = [
    "AGREES",
    "DISBELIEVED",
    "LOAD_OFFSET",
    "SETTLED_SPREADS",
    "UsualLoad",
    "counters_of",
    "course_is_known",
    "follow_load",
    "forget_load",
    "is_uncounted",
    "learn_course",
    "look_at_load",
    "renew_load",
    "slot_of",
    "usual_course",
]

_WEEK_DAYS: Final = 7
# 1970 began on a Thursday; the last two days of seven are the weekend.
_FIRST_WEEKDAY: Final = 3
_WEEKEND_FROM: Final = 5
# Hours that a mean is of, and that it takes to be known.
_MEMORY_HOURS: Final = 14.0
_KNOWN_HOURS: Final = 4.0
# What one hour may be off by, at most, in what it teaches: counts, which differ more at night, and vibration, whose
# level may move while its course is learnt.
_MOST_OFF: Final = 1.0
_MOST_OFF_FELT: Final = 0.3
# How many spreads a value may be from its level for it to teach the hours.
SETTLED_SPREADS: Final = 2.5
# A structure shakes as the root of the traffic; its course lies around this logarithm of counts, which is the nought of
# what load explains by.
_COUNTS_A_SHAKE: Final = 2.0
LOAD_OFFSET: Final = 4.0
# What is within a factor of 1.6 of what is usual may be believed: any day is as uneven, and by less than that no
# structure tells a counter that lies from machines at work beside it.
AGREES: Final = float(np.log(1.6))
# From this evidence against it on a counter explains nothing, and from this on nothing is learnt from it.
DISBELIEVED: Final = 3.0
_DOUBTED: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class UsualLoad:
    """The load of some assets in a hop beside what is usual.

    Attributes
    ----------
    log_count : float64[A]
        What is usual now, as ``log(1 + count)`` with counts in 1/h; NaN where that is not known.
    apart : float64[A]
        What was counted minus that; 0 where either is not known.
    is_believed : bool[A]
        False where counts explain nothing.
    learns : bool[A]
        Whether what is counted now is learnt from.
    """

    log_count: FloatArray
    apart: FloatArray
    is_believed: BoolArray
    learns: BoolArray


def slot_of(start_ns: TimeArray) -> npt.NDArray[np.int64]:
    """int64[A]: place of an hour of the week among the 48.

    Examples
    --------
    >>> friday_noon_ns, saturday_ns = (86400 + 43200) * 10**9, 2 * 86400 * 10**9
    >>> slot_of(np.array([0, friday_noon_ns, saturday_ns])).tolist()
    [0, 12, 24]
    """
    hour = start_ns // HOUR_NS
    weekday = (hour // DAY_HOURS + _FIRST_WEEKDAY) % _WEEK_DAYS
    return np.asarray(hour % DAY_HOURS + DAY_HOURS * (weekday >= _WEEKEND_FROM), np.int64)


def look_at_load(state: ModelState, start_ns: TimeArray, load: FloatArray, counted: BoolArray) -> UsualLoad:
    """Compare a hop's counts with what is usual at that hour.

    Parameters
    ----------
    start_ns : int64[A]
        Start of the hop.
    load : float64[A]
        In 1/h.
    counted : bool[A]
        Assets of which traffic was counted in this hop.
    """
    every, slot = np.arange(len(load)), slot_of(start_ns)
    is_known = state.load_hours[every, slot] >= _KNOWN_HOURS
    usual = np.where(is_known, state.load_usual[every, slot], np.nan).astype(np.float64)
    apart = np.where(counted & is_known, np.log1p(np.maximum(load, 0.0)) - usual, 0.0)
    learns = counted & (state.load_doubt < _DOUBTED)
    agrees = counted & is_known & (np.abs(apart) < AGREES)
    return UsualLoad(usual, apart, agrees | (state.load_doubt < DISBELIEVED), learns)


def follow_load(
    state: ModelState,
    start_ns: TimeArray,
    hop_ns: TimeArray,
    said: FloatArray,
    learns: BoolArray,
    *,
    most_off: float = _MOST_OFF,
) -> ModelState:
    """Learn what is usual at this hour.

    Parameters
    ----------
    said : float64[A]
        Logarithm of one more than the count, or of the vibration that stands for it.
    learns : bool[A]
        Assets of which one is there and believed.
    most_off : float
        What an hour may be off by, at most, in what it teaches.

    Returns
    -------
    ModelState
        With new `load_usual` and `load_hours`.
    """
    rows = np.flatnonzero(learns)
    if not len(rows):
        return state
    slot, hours = slot_of(start_ns)[rows], hop_ns[rows] / HOUR_NS
    taught = np.minimum(state.load_hours[rows, slot] + hours, _MEMORY_HOURS)
    weight = hours / taught
    before = state.load_usual[rows, slot].astype(np.float64)
    usual, known_hours = state.load_usual.copy(), state.load_hours.copy()
    off = np.clip(said[rows] - before, -most_off, most_off)
    usual[rows, slot] = np.where(np.isnan(before), said[rows], before + weight * off)
    known_hours[rows, slot] = taught
    return with_columns(state, load_usual=usual, load_hours=known_hours)


def learn_course(
    catalogue: Catalogue,
    state: ModelState,
    features: FeatureTable,
    rows: npt.NDArray[np.intp],
    value: FloatArray,
    off: FloatArray,
) -> ModelState:
    """Learn the hours of traffic that nobody counts from the vibration that stands for it.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels whose values are believed.
    value : float64[R]
        In the model's unit.
    off : float64[R]
        How many spreads each is from what was expected with the level as it runs; NaN where nothing was. No hour is
        known from a level on the move.
    """
    felt = np.flatnonzero(catalogue.feels_traffic[catalogue.judged[rows]] & ~(np.abs(off) > SETTLED_SPREADS))
    felt = felt[is_uncounted(state, catalogue.asset_of_judged[rows[felt]])]
    asset = catalogue.asset_of_judged[rows[felt]]
    said, learns = np.zeros(len(catalogue.assets)), np.zeros(len(catalogue.assets), np.bool_)
    said[asset], learns[asset] = value[felt] - np.nan_to_num(state.deviation[rows[felt]]), True
    return follow_load(state, features.start_ns, features.hop_ns, said, learns, most_off=_MOST_OFF_FELT)


def course_is_known(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[A]: tell of which assets traffic that nobody counts was felt for a week, as often as its vibration comes.

    Once it is known that stays so.
    """
    felt = np.flatnonzero(catalogue.feels_traffic)
    felt = felt[is_uncounted(state, catalogue.asset_of_channel[felt])]
    asset = catalogue.asset_of_channel[felt]
    hop_ns = catalogue.hop_ns[asset]
    values = state.load_hours[asset].sum(axis=1) * (HOUR_NS / hop_ns)
    known = np.zeros(len(catalogue.assets), np.bool_)
    known[asset] = values * np.maximum(catalogue.interval_ns[felt], hop_ns) >= _WEEK_DAYS * DAY_HOURS * HOUR_NS
    return known


def usual_course(state: ModelState, start_ns: TimeArray, rows: npt.NDArray[np.intp]) -> FloatArray:
    """float64[R]: traffic that nobody counts, as ``log(1 + count)`` around 4, by the structure's own usual hours.

    Parameters
    ----------
    start_ns : int64[A]
        Start of the hop.
    rows : intp[R]
        Assets; NaN for those that nothing is known of.
    """
    slot = slot_of(start_ns)[rows]
    usual = state.load_usual[rows].astype(np.float64)
    known = np.isfinite(usual)
    weekday = np.where(known[:, :DAY_HOURS], usual[:, :DAY_HOURS], 0.0)
    number = known[:, :DAY_HOURS].sum(axis=1)
    middle = np.where(number > 0, weekday.sum(axis=1) / np.maximum(number, 1), np.nan)
    every = np.arange(len(rows))
    # A weekend that is not known yet is taken for a weekday, and an hour that is not for a middling one.
    now = usual[every, slot]
    now = np.where(np.isnan(now), usual[every, slot % DAY_HOURS], now)
    course = np.where(np.isnan(now), 0.0, _COUNTS_A_SHAKE * (now - middle))
    return np.asarray(np.where(np.isnan(middle), np.nan, LOAD_OFFSET + course))


def is_uncounted(state: ModelState, assets: npt.NDArray[Any]) -> BoolArray:
    """bool[R]: tell of which assets, int[R], no load was ever counted."""
    return np.asarray(state.driver_ns[assets, LOAD] == 0)


def counters_of(catalogue: Catalogue, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """int64[A]: the first of some channels, ascending, that counts each asset's traffic; -1 for none."""
    counting = rows[(catalogue.driver[rows] == LOAD) & ~catalogue.is_duty[rows]]
    counter = np.full(len(catalogue.assets), -1, np.int64)
    counter[catalogue.asset_of_channel[counting[::-1]]] = counting[::-1]
    return counter


def renew_load(catalogue: Catalogue, state: ModelState, renewed: BoolArray) -> ModelState:
    """Begin anew with assets of which a counter, of channels bool[C], is being renewed."""
    if not renewed.any():
        return state
    counters = np.flatnonzero(renewed & (catalogue.driver == LOAD) & ~catalogue.is_duty)
    return forget_load(state, np.unique(catalogue.asset_of_channel[counters]))


def forget_load(state: ModelState, assets: npt.NDArray[Any]) -> ModelState:
    """Forget the hours of traffic of some assets, int[R], and what is held against who counts it."""
    return begun_anew(state, ("load_usual", "load_hours", "load_doubt"), assets)
