"""What a vibration does at its own hours of the week beyond what is counted.

Cars are counted and lorries shake: their hours differ, so a course of the day and of the week is left over that counts
do not explain. Warmth goes with the hour as well, and was learnt in its place: vibration seemed to change by half its
way to failure for ten kelvins, and the next season looked like damage, or hid it. Hours that follow each other err
alike, so the filter was sure of what a few days had shown.

So where traffic is counted, the mean of what counts leave over is learnt for each hour of a weekday and of a day of the
weekend (`models.usual_load.slot_of`), around a mean of a week that no weather explains. Where those differ by a tenth
of the way to failure once a week is known, they are taken off before warmth explains, and the channel begins anew, as
four days may be a weekend (ADR 0053). What the hours of a weekday have in common is no course: it stays in the level,
and so does damage.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, TimeArray
from models.catalogue import Catalogue
from models.environment import Explained
from models.layout import DAY_HOURS, REGRESSORS
from models.memory import ModelState, scatter, with_columns
from models.usual_load import SETTLED_SPREADS, slot_of

__all__ = ["learn_own_hours", "own_hours"]

# Values that a mean is of, and that it takes to be known.
_MEMORY: Final = 14
_KNOWN: Final = 2
# What one value may be off by, at most, in what it teaches, as a share of the way to failure.
_MOST_OFF: Final = 0.3
# From what spread of the hours on, as a share of the way to failure, they are taken off; and whether they are.
_DIFFER: Final = 0.1
_UNKNOWN, _USED, _LEFT = 0, 1, -1
_WEEK_HOURS: Final = 7 * DAY_HOURS
# Values by when a week must have told: behind that a reference that begins anew could have damage in it.
_LATEST_HOURS: Final = 2 * _WEEK_HOURS
_LOAD: Final = REGRESSORS.index("load")
_BY_COUNTS: Final = np.array([REGRESSORS.index(name) for name in ("load", "load_lagged", "idle")])


def own_hours(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], start_ns: TimeArray) -> FloatArray:
    """float64[R]: what the hour adds to the logarithm of some judged channels; 0 where it is not known, or is nothing.

    Parameters
    ----------
    start_ns : int64[A]
        Start of the hop.
    """
    found = np.zeros(len(rows))
    some, places = _places(catalogue, rows)
    used = state.hours_use[places] == _USED
    some, places = some[used], places[used]
    if not len(some):
        return found
    slot = slot_of(start_ns)[catalogue.asset_of_judged[rows[some]]]
    mean = state.hours_mean[places].astype(np.float64)
    found[some] = mean[np.arange(len(some)), slot] - mean[:, :DAY_HOURS].sum(axis=1) / DAY_HOURS
    return found


def learn_own_hours(
    catalogue: Catalogue,
    state: ModelState,
    rows: npt.NDArray[np.intp],
    start_ns: TimeArray,
    *,
    value: FloatArray,
    explained: Explained,
    off: FloatArray,
) -> tuple[ModelState, BoolArray]:
    """Learn what counts leave over at this hour.

    A channel that has a reference made without its hours, as one whose counter spoke later, goes on without them.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels whose values are believed.
    start_ns : int64[A]
        Start of the hop.
    value : float64[R]
        As logarithms.
    explained : Explained
        What explains them.
    off : float64[R]
        How many spreads each is from what was expected with the level as it runs; NaN where nothing was.

    Returns
    -------
    ModelState
        With new `hours_level`, `hours_mean`, `hours_values` and `hours_use`.
    bool[J]
        Channels that have hours from now on.
    """
    begins = np.zeros(len(catalogue.judged), np.bool_)
    some, places = _places(catalogue, rows)
    is_counted = explained.met[some, _LOAD] & ~explained.stale[some][:, _BY_COUNTS].any(axis=1)
    is_settled = ~(np.abs(off[some]) > SETTLED_SPREADS) & is_counted & (state.hours_use[places] != _LEFT)
    told, count = state.hours_values[places].sum(axis=1, dtype=np.int64), state.count[rows[some]]
    learns = is_settled & ((told > 0) | (count == 0))
    some, places, told, count = some[learns], places[learns], told[learns], count[learns]
    if not len(some):
        return state, begins
    chosen = rows[some]
    scale, slot = state.scale[chosen], slot_of(start_ns)[catalogue.asset_of_judged[chosen]]
    of_counts = explained.regressors[some][:, _BY_COUNTS] * state.coefficients[chosen][:, _BY_COUNTS]
    without = value[some] - of_counts.sum(axis=1)
    before = state.hours_mean[places, slot].astype(np.float64)
    # A reference that begins anew has a level of its own.
    level = np.where(count > 0, state.hours_level[places], without - before)
    most_off = _MOST_OFF * np.where(np.isnan(scale), np.inf, scale)
    off_mean = np.clip(without - level - before, -most_off, most_off)
    values = np.minimum(state.hours_values[places, slot] + 1, _MEMORY)
    pace = np.maximum(1.0 / _WEEK_HOURS, 1.0 / (told + 1))
    mean, heard, use = state.hours_mean.copy(), state.hours_values.copy(), state.hours_use.copy()
    mean[places, slot] = before + off_mean / values
    heard[places, slot] = values
    is_week = (heard[places] >= _KNOWN).all(axis=1)
    decided = (use[places] == _UNKNOWN) & (is_week | (told >= _LATEST_HOURS))
    new, whole = places[decided], is_week[decided]
    differ = whole & _differ(mean[new].astype(np.float64), scale[decided])
    use[new] = np.where(differ, _USED, _LEFT)
    begins[catalogue.shaken[new[differ]]] = True
    level = scatter(state.hours_level, places, level + pace * off_mean)
    return with_columns(state, hours_level=level, hours_mean=mean, hours_values=heard, hours_use=use), begins


def _places(catalogue: Catalogue, rows: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """intp[S'] twice: which of some rows of judged channels, ascending, may have hours, and where those stand."""
    place = np.searchsorted(catalogue.shaken, rows)
    place[place == len(catalogue.shaken)] = -1
    some = np.flatnonzero(catalogue.shaken[place] == rows) if len(catalogue.shaken) else np.zeros(0, np.intp)
    return some, place[some]


def _differ(hours: FloatArray, scale: FloatArray) -> BoolArray:
    """bool[R]: tell where hours differ, by more than chance makes their means differ, by a share of the way to failure.

    Parameters
    ----------
    hours : float64[R, 48]
        Means of the hours of a week.
    scale : float64[R]
        Distance to failure.

    Notes
    -----
    Neighbouring hours differ by what chance does (von Neumann, Ann. Math. Stat. 12 (1941) 367-395); a course is smooth.
    """
    spread = np.var(hours, axis=1)
    by_chance = 0.5 * np.mean(np.diff(hours, axis=1) ** 2, axis=1)
    return np.asarray(spread - by_chance > (_DIFFER * scale) ** 2)
