"""Works that last for weeks: what a structure shows under them is judged beside how they begin.

Announced works explain a change, so that nothing is learnt under them and nothing counts. A diversion or machines on
the ground beside it may last for months, though, and damage does not wait: it would be told when they end, and a
chance of failure as it stood on the first day would stand as long.

So of works of two weeks and more, which move no reference, the first week tells what they do by themselves: the mean of
what each condition indicator shows beyond its level. That is their *step*. It is expected for as long as these works
last, and what comes on top of it moves the level again, as on any other day. When they end the step goes with them, so
that a change which outlasts them is a sign, as it was. What they do to the course of a day is not known: a level is
less sure by a part of its step.

Works that begin or end while others last give another step. A channel whose reference was moved by other works in the
meantime has none, nor has one that was placed for these works: its reference has them in it, and moves where they end.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, FloatArray, TimeArray
from models.catalogue import HOUR_NS, Catalogue
from models.memory import ModelState, scatter, with_columns

__all__ = [
    "Works",
    "add_to_step",
    "follow_long_works",
    "is_judged_under_works",
    "is_made_under_works",
    "step_of",
    "step_variance",
    "works_of",
]

_DAY_NS: Final = 24 * HOUR_NS
_LONG_NS: Final = 14 * _DAY_NS
# A week has all its days in it.
_LEARNT_NS: Final = 7 * _DAY_NS
# Of the values of that week so many must have come, and some at least.
_HEARD_SHARE: Final = 0.5
_LEAST_VALUES: Final = 4
# Of a step, and of the way to failure, a level is less sure by. Judgement.
_UNSURE_OF_STEP: Final = 0.25
_UNSURE_OF_WAY: Final = 0.03
# In place of the values that told a step, where a reference was made or moved under the works.
_MOVED: Final = -1


class Works(NamedTuple):
    """What works touch in a hop.

    Attributes
    ----------
    at_work, moving, easing, drawn_out : bool[C]
        Under announced works; under those that move the reference; under such as do no more than grease; under nothing
        but long ones that move none.
    changed_ns : int64[A]
        When the newest of the long works that last began, or one ended since; 0 where none last.
    """

    at_work: BoolArray
    moving: BoolArray
    easing: BoolArray
    drawn_out: BoolArray
    changed_ns: TimeArray


def _long_works(catalogue: Catalogue) -> BoolArray:
    """bool[W]: choose the works of a whole structure that last for weeks and move no reference."""
    lasts_ns = catalogue.works_end_ns - catalogue.works_start_ns
    return np.asarray((lasts_ns >= _LONG_NS) & ~catalogue.works_moves & (catalogue.works_sensor < 0))


def works_of(catalogue: Catalogue, features: FeatureTable) -> Works:
    """Tell which channels works touch in a hop."""
    asset = catalogue.works_asset
    begun = features.end_ns[asset] > catalogue.works_start_ns
    lasting = begun & (features.start_ns[asset] < catalogue.works_end_ns)
    is_long = _long_works(catalogue)
    moves = lasting & catalogue.works_moves
    at_work, moving, short = (_touched(catalogue, chosen) for chosen in (lasting, moves, lasting & ~is_long))
    easing = moving & ~_touched(catalogue, moves & ~catalogue.works_ease)
    changed_ns = np.zeros(len(catalogue.assets), np.int64)
    lasts = np.zeros(len(catalogue.assets), np.bool_)
    lasts[asset[lasting & is_long]] = True
    turned_ns = np.where(lasting, catalogue.works_start_ns, catalogue.works_end_ns)
    np.maximum.at(changed_ns, asset[begun & is_long], turned_ns[begun & is_long])
    changed_ns = np.where(lasts, np.maximum(changed_ns, 1), 0)
    drawn_out = lasts[catalogue.asset_of_channel] & ~short
    return Works(at_work, moving, easing, drawn_out, changed_ns)


def _touched(catalogue: Catalogue, chosen: BoolArray) -> BoolArray:
    """bool[C]: the channels that some works, bool[W], are on: of their sensor, or of the whole structure."""
    whole = np.zeros(len(catalogue.assets), np.bool_)
    whole[catalogue.works_asset[chosen & (catalogue.works_sensor < 0)]] = True
    sensor = np.zeros(len(catalogue.channels), np.bool_)
    sensor[catalogue.works_sensor[chosen & (catalogue.works_sensor >= 0)]] = True
    return np.asarray(whole[catalogue.asset_of_channel] | sensor[catalogue.sensor_of_channel])


def is_judged_under_works(
    catalogue: Catalogue, state: ModelState, at_ns: TimeArray, lasting: npt.NDArray[np.intp]
) -> BoolArray:
    """bool[A]: tell which assets' condition indicators, some at least, are judged although works last.

    Parameters
    ----------
    at_ns : int64[A]
        End of the last hop.
    lasting : intp[N]
        Works that last then.
    """
    since_ns = state.works_since_ns
    of_judged = catalogue.asset_of_judged
    told = (since_ns > 0) & (at_ns[of_judged] - since_ns > _LEARNT_NS) & (state.works_values != 0)
    found = np.zeros(len(catalogue.assets), np.bool_)
    found[of_judged[told]] = True
    found[catalogue.works_asset[lasting[~_long_works(catalogue)[lasting]]]] = False
    return found


def step_of(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], works: Works, start_ns: TimeArray
) -> tuple[BoolArray, FloatArray]:
    """Say what long works do to some channels, and of which of them it is known.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels.
    start_ns : int64[A]
        Start of the hop.

    Returns
    -------
    bool[R]
        May be judged under the long works that last.
    float64[R]
        What is expected on top; 0 elsewhere.
    """
    if not works.drawn_out.any():
        return np.zeros(len(rows), np.bool_), np.zeros(len(rows))
    channel, asset = catalogue.judged[rows], catalogue.asset_of_judged[rows]
    same = works.drawn_out[channel] & (state.works_since_ns[rows] == works.changed_ns[asset])
    heard = state.works_values[rows] >= _values_wanted(catalogue)[rows]
    told = same & heard & (start_ns[asset] - works.changed_ns[asset] >= _LEARNT_NS)
    moved = works.drawn_out[channel] & ((state.works_values[rows] == _MOVED) | (state.settle[rows] > 0))
    return told | moved, np.where(told & ~moved, state.works_step[rows], 0.0)


def _values_wanted(catalogue: Catalogue) -> FloatArray:
    """float64[J]: values of the first week that it takes."""
    wanted = np.floor(_HEARD_SHARE * _LEARNT_NS / catalogue.interval_ns[catalogue.judged])
    return np.asarray(np.maximum(wanted, _LEAST_VALUES))


def follow_long_works(catalogue: Catalogue, state: ModelState, works: Works) -> tuple[ModelState, BoolArray]:
    """Begin and end the steps of long works.

    Returns
    -------
    ModelState
        With new `works_*`; the one passed in is not changed.
    bool[J]
        Channels whose long works are over, and whose reference was made or moved under them: it must move.
    """
    if not (works.changed_ns.any() or state.works_since_ns.any()):
        return state, np.zeros(len(catalogue.judged), np.bool_)
    changed_ns = works.changed_ns[catalogue.asset_of_judged]
    has_moved = state.works_values == _MOVED
    over = (state.works_since_ns > 0) & (changed_ns == 0)
    anew = (over | (state.works_since_ns != changed_ns)) & ~(has_moved & ~over)
    values = np.where(anew, 0, state.works_values)
    has_no_reference = ~state.is_commissioned(catalogue) & (values < _values_wanted(catalogue))
    moves = ((state.settle > 0) | has_no_reference) & (changed_ns > 0)
    state = with_columns(
        state,
        works_since_ns=changed_ns,
        works_values=np.where(moves, _MOVED, values).astype(np.int32),
        works_step=np.where(moves | anew, 0.0, state.works_step),
    )
    return state, np.asarray(over & has_moved)


def is_made_under_works(state: ModelState, rows: npt.NDArray[np.intp]) -> BoolArray:
    """bool[R]: tell which channels have a reference with the long works in it, beside which nothing is special."""
    return np.asarray(state.works_values[rows] == _MOVED)


def add_to_step(state: ModelState, rows: npt.NDArray[np.intp], beyond: FloatArray) -> ModelState:
    """Take in what some channels show beyond their level in the first days of long works.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels whose values are believed, and are not judged.
    beyond : float64[R]
        The value less what was expected of it and its deviation; NaN where nothing was.
    """
    tells = np.isfinite(beyond)
    some = rows[tells]
    if not len(some):
        return state
    values = state.works_values[some] + 1
    step = state.works_step[some] + (beyond[tells] - state.works_step[some]) / values
    return with_columns(
        state,
        works_values=scatter(state.works_values, some, values.astype(np.int32)),
        works_step=scatter(state.works_step, some, step),
    )


def step_variance(state: ModelState, rows: npt.NDArray[np.intp]) -> FloatArray:
    """float64[R]: by how much a level of some judged channels is less sure under long works."""
    under = (state.works_since_ns[rows] > 0) & ~is_made_under_works(state, rows)
    unsure = (_UNSURE_OF_STEP * state.works_step[rows]) ** 2 + (_UNSURE_OF_WAY * state.scale[rows]) ** 2
    return np.asarray(np.where(under, np.nan_to_num(unsure), 0.0))
