"""Instruments whose range ends too soon: waveforms that touch its limit, and values that stay at its end.

A waveform says by itself that it touched the limit (`ReadingFlag.CLIPPED`); what is computed from it is too small. A
quantity without waveforms has an end of its range where it

- repeats one value and comes back to it: on the third visit it is an end, and no sensor that was stuck once;
- goes beyond that value on one side only; and
- seldom repeats any other: else it is coarse, as a thermometer of whole degrees is.

Nought and a hundred (per cent) are ends of quantities and not of instruments, what cannot be (-999, 65535) is what a
gateway says for nothing, and what rests in good health (no rain, no traffic, full air) is left out. So is the floor of
a vibration, which no damage hides below: an accelerometer on a machine that nobody counts says it each night.

*Clipping* is named when a fifth of about a day of hourly values is clipped, which one long spell reaches in six hours,
and is over at a twentieth. Machines at announced works shake beyond any range: nothing counts meanwhile. It is one
alarm a sensor, whose range is the cause, and its clipped channels are of medium grade. Their values go on to count:
what lies beyond a range is at least its end, and damage that drives a value there stays in sight. What stays there for
as long as a stuck channel would (`models.faults`) counts no more, and is of low grade: two months of one value unlearn
half of what warmth does. No second alarm says so, and what was seen before stands.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, FloatArray
from domain.records import Reason
from models.alarms import AlarmChange, turn_alarms
from models.catalogue import Catalogue
from models.driver_screen import is_impossible
from models.memory import ModelState, scatter, with_columns
from models.plausibility import NEVER_DISTANCES

__all__ = ["find_clipping", "is_clipping", "is_told_as_clipping"]

# Values that the share of clipped ones is of, and the shares at which it is named and over.
_MEMORY_VALUES: Final = np.float32(24.0)
_CLIPS: Final = np.float32(0.2)
_NO_CLIPS: Final = np.float32(0.05)
_FORGOTTEN: Final = np.float32(0.001)
# Visits that make a value an end, and how many may follow without changing anything more.
_VISITS: Final = 3
_VISIT_VALUES: Final = 2
_MOST_VISITS: Final = 100
# Other values that must have been seen, of which this share may lie beyond an end, and this share may repeat.
_BESIDE_VALUES: Final = np.float32(240.0)
_LEAST_BESIDE: Final = 24.0 / 240.0
_BEYOND: Final = 0.02
_SELDOM: Final = 0.1
_ABOVE, _BELOW, _REPEATED = range(3)
_FULL_PCT: Final = 100.0
# Beyond what an end is kept in lies no value of an instrument.
_LARGEST: Final = float(np.finfo(np.float32).max)


def is_clipping(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[Any]) -> BoolArray:
    """bool[R]: tell which channels an open alarm of clipping is about.

    Parameters
    ----------
    rows : int[R]
        Positions of channels.
    """
    is_open = state.clipping_ns[catalogue.sensor_of_channel[rows]] > 0
    return np.asarray(is_open & (state.clipped_share[rows] >= _NO_CLIPS))


def is_told_as_clipping(catalogue: Catalogue, state: ModelState, value: FloatArray) -> BoolArray:
    """bool[C]: tell which values lie at an end of a range that an open alarm names already."""
    open_about = is_clipping(catalogue, state, np.arange(len(value)))
    return np.asarray(open_about & (_as_end(value) == state.range_end))


def find_clipping(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, at_work: BoolArray
) -> tuple[ModelState, list[AlarmChange]]:
    """Look at one hop of all channels.

    Parameters
    ----------
    state : ModelState
        Knows already how often the hop's values have been repeated.
    at_work : bool[C]
        Channels under announced works.

    Returns
    -------
    ModelState
        With new `range_end`, `end_visits`, `beside_end`, `clipped_share` and `clipping_ns`.
    list of AlarmChange
        `sensor.clipping`, raised and cleared, by sensor.
    """
    asset, sensor = catalogue.asset_of_channel, catalogue.sensor_of_channel
    heard = features.valid & np.isfinite(features.value) & ~at_work
    state, at_end = _follow_ends(catalogue, state, features.value, heard)
    clipped, share, was_open = features.clipped | at_end, state.clipped_share, state.clipping_ns > 0
    # Most hops have nothing that is clipped, or was of late.
    if not (share.any() or clipped.any() or was_open.any()):
        return state, []
    moved = share + (clipped - share) / _MEMORY_VALUES
    # What is over for long is forgotten, and need not be looked at.
    share = np.where(heard, np.where(moved < _FORGOTTEN, 0.0, moved), share).astype(np.float32)
    most = np.zeros(len(share), np.float32)
    np.maximum.at(most, sensor, share)
    speaks = np.bincount(sensor, weights=heard, minlength=len(share)) > 0
    standing = np.where(speaks, most >= np.where(was_open, _NO_CLIPS, _CLIPS), was_open)

    def why(row: int) -> Reason:
        mine = np.flatnonzero(sensor == row)
        worst = int(mine[np.argmax(share[mine])])
        facts: dict[str, str | float | int] = {"share": round(float(share[worst]), 2)}
        if not at_end[worst]:
            return Reason("sensor_clipping", facts)
        value = float(f"{features.value[worst]:.6g}")
        facts |= {"channel": catalogue.channels[worst].channel, "value": value, "unit": catalogue.units[worst]}
        return Reason("sensor_range_ends", facts)

    clipping_ns, changes = turn_alarms(
        catalogue,
        np.arange(len(share)),
        features.end_ns[asset],
        "sensor.clipping",
        state.clipping_ns,
        standing,
        why,
        is_whole=True,
    )
    return with_columns(state, clipped_share=share, clipping_ns=clipping_ns), changes


def _follow_ends(
    catalogue: Catalogue, state: ModelState, value: FloatArray, heard: BoolArray
) -> tuple[ModelState, BoolArray]:
    """Learn where the range of each channel ends, and tell which values, bool[C], are at such an end now."""
    watched = (catalogue.is_judged | (catalogue.driver >= 0)) & ~catalogue.is_resting & ~catalogue.is_found
    may_be = watched & heard & (value != 0.0) & (value != _FULL_PCT) & (np.abs(value) < _LARGEST)
    is_told = np.zeros(len(value), np.bool_)
    # Few channels have ever repeated a value.
    rows = np.flatnonzero(may_be & (np.isfinite(state.range_end) | (state.same_count > 1)))
    rows = rows[~_cannot_be(catalogue, state, rows, value[rows])]
    if not len(rows):
        return state, is_told
    here, end, beside = _as_end(value[rows]), state.range_end[rows], state.beside_end[rows]
    at_end, repeated = here == end, state.same_count[rows] > 1
    # A value may pass an end by chance: a visit begins when it repeats.
    arrives = at_end & (state.same_count[rows] == _VISIT_VALUES)
    visits = np.minimum(state.end_visits[rows] + arrives, _MOST_VISITS)
    sign = np.stack([here > end, here < end, repeated], axis=1)
    elsewhere = ~at_end & np.isfinite(end)
    beside = np.where(elsewhere[:, np.newaxis], beside + (sign - beside) / _BESIDE_VALUES, beside)
    seen = beside[:, _ABOVE] + beside[:, _BELOW]
    beyond = np.minimum(beside[:, _ABOVE], beside[:, _BELOW])
    is_none = np.isnan(end) | (beyond > _BEYOND * seen) | (beside[:, _REPEATED] > _SELDOM * seen)
    anew = ~at_end & repeated & is_none
    is_floor = catalogue.is_log[rows] & (catalogue.direction[rows] > 0.0) & (beside[:, _ABOVE] > beside[:, _BELOW])
    is_told[rows] = at_end & ~is_none & ~is_floor & (visits >= _VISITS) & (seen >= _LEAST_BESIDE)
    visits = np.where(anew, 1, visits).astype(np.int8)
    beside = np.where(anew[:, np.newaxis], 0.0, beside).astype(np.float32)
    state = with_columns(
        state,
        range_end=scatter(state.range_end, rows, np.where(anew, here, end)),
        end_visits=scatter(state.end_visits, rows, visits),
        beside_end=scatter(state.beside_end, rows, beside),
    )
    return state, is_told


def _as_end(value: FloatArray) -> npt.NDArray[np.float32]:
    """float32[N]: values as ends are kept; what no instrument says is the largest that there is."""
    return np.clip(value, -_LARGEST, _LARGEST).astype(np.float32)


def _cannot_be(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], value: FloatArray) -> BoolArray:
    """bool[R]: tell which values no instrument's range ends at: beyond all weather, or far from any structure."""
    in_unit = catalogue.in_driver_unit(rows, value)
    cannot = (catalogue.driver[rows] >= 0) & is_impossible(catalogue, rows, in_unit)
    at = np.flatnonzero(catalogue.is_judged[rows])
    place = np.searchsorted(catalogue.judged, rows[at])
    is_log = catalogue.is_log[rows[at]]
    with np.errstate(divide="ignore", invalid="ignore"):
        judged = np.where(is_log, np.log(value[at]), value[at])
    far = np.abs(judged - state.expected[place]) > NEVER_DISTANCES * state.distance[place]
    cannot[at] |= far | np.isnan(judged)
    return np.asarray(cannot)
