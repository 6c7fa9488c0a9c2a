"""Trouble of sensors, found before their values are believed: stuck and silent.

*Stuck*: a channel that repeats one value to the last bit for two days and at least 24 hops. Quantities that
rest in good health (no traffic, no rain, air at 100 % humidity) are left out while they rest, and what is felt on a
machine says the floor of its instrument for as long as the machine rests: those hours count as none. What stood still
so long twice in some weeks and moved again is as coarse as what it measures: from then on it takes four times as long.
*Silent*: nothing valid for five intervals (a sensor that misses two is late, one that misses five is lost), and never
less than three hops; what is felt on a machine may be silent for as long as the machine rests, up to two weeks, and
until it has worked for more than two intervals and two hops: the first ship of the morning is no sign of a loss. Both
lower the quality of the data and neither is ever evidence about the structure. A sensor with all its channels silent is
one alarm; it clears once the sensor spoke for a day. Of one that is known to come and go (`models.gaps`) three days of
silence are an alarm of their own and less is part of that.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, IndexArray, TimeArray
from domain.records import Reason
from models.alarms import AlarmChange, turn_alarms
from models.catalogue import HOUR_NS, Catalogue
from models.clipping import is_told_as_clipping
from models.driver_screen import counts_beyond
from models.drivers import HUMIDITY
from models.gaps import count_gaps
from models.linking import any_of
from models.memory import ModelState, scatter, with_columns

__all__ = ["HeardHop", "find_faults", "hear_open", "is_silent", "is_stuck"]

_STUCK_NS: Final = 48 * HOUR_NS
_STUCK_HOPS: Final = 24
# Spells of standing still that tell of a coarse channel, of so many values, and how much longer it may stand then.
_COARSE_SPELLS: Final = np.float32(1.5)
_SPELL_VALUES: Final = np.float32(672.0)
_COARSE_TIMES: Final = 4
_FULL_AIR_PCT: Final = 95.0
_LATE_INTERVALS: Final = 2
_SILENT_INTERVALS: Final = 5
_SILENT_HOPS: Final = 3
_DAY_NS: Final = 24 * HOUR_NS
# An alarm of silence clears when there was none for so long.
_HEARD_NS: Final = _DAY_NS
# Of a sensor that comes and goes a silence that is told beside it.
_LONG_GAP_NS: Final = 3 * _DAY_NS
# A machine may rest: a bridge nobody asks to open, a pump in a dry spell. Longer than this asks for a test run.
_LONGEST_REST_NS: Final = 14 * _DAY_NS


class HeardHop(NamedTuple):
    """A hop by what was heard in it.

    Attributes
    ----------
    state : ModelState
        As of its end.
    believed : bool[C]
        Channels with a valid value that are not stuck.
    rests : bool[C]
        Channels on a machine that is known to rest.
    changes : list of AlarmChange
        Alarms raised and cleared, by channel.
    """

    state: ModelState
    believed: BoolArray
    rests: BoolArray
    changes: list[AlarmChange]


def is_stuck(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[C]: tell which channels have repeated one value for too long, as of their last value."""
    return _stands_still(catalogue, state, np.where(state.still_spells >= _COARSE_SPELLS, _COARSE_TIMES, 1))


def _stands_still(catalogue: Catalogue, state: ModelState, times: IndexArray | int) -> BoolArray:
    """bool[C]: tell which channels have repeated one value for so many times as long as is usual."""
    repeated = state.heard_ns - state.same_since_ns
    # Nothing passes, no rain falls, a machine runs at one speed, the air is full: that may last for days. Air is never
    # without any water.
    is_air = catalogue.driver == HUMIDITY
    full = is_air & (state.last_value >= _FULL_AIR_PCT)
    idle = ((state.last_value <= 0.0) & ~is_air) | catalogue.is_duty | full
    at_rest = catalogue.is_resting & idle
    return np.asarray((state.same_count >= times * _STUCK_HOPS) & (repeated >= times * _STUCK_NS) & ~at_rest)


def is_silent(catalogue: Catalogue, state: ModelState, at_ns: TimeArray) -> BoolArray:
    """bool[C]: tell which channels have been silent for too long.

    Parameters
    ----------
    at_ns : int64[A]
        Event time of each asset. A channel never heard counts from the asset's first hop.
    """
    return _silent_channels(catalogue, state, at_ns, _heard_since(catalogue, state), _patience(catalogue, state))


def _silent_channels(
    catalogue: Catalogue, state: ModelState, at_ns: TimeArray, since_ns: TimeArray, patience_ns: TimeArray
) -> BoolArray:
    asset = catalogue.asset_of_channel
    silent = (state.started_ns[asset] > 0) & (at_ns[asset] - since_ns > patience_ns)
    # What is found in a sensor's waveforms is silent when the waveforms are, and not when there was nothing to find.
    sensor = catalogue.sensor_of_channel
    speaking = np.bincount(sensor, weights=~silent & ~catalogue.is_found, minlength=len(sensor))[sensor] > 0
    return np.asarray(np.where(catalogue.is_found, ~speaking, silent))


def _heard_since(catalogue: Catalogue, state: ModelState) -> TimeArray:
    """int64[C]: when each channel was last heard; one never heard counts from the asset's first hop."""
    return np.asarray(np.where(state.heard_ns > 0, state.heard_ns, state.started_ns[catalogue.asset_of_channel]))


def _patience(catalogue: Catalogue, state: ModelState) -> TimeArray:
    """int64[C]: how long each channel may be silent."""
    hop_ns = catalogue.hop_ns[catalogue.asset_of_channel]
    patience_ns = np.maximum(_SILENT_INTERVALS * catalogue.interval_ns, _SILENT_HOPS * hop_ns)
    on_machine = _machine_says(catalogue, state, catalogue.is_duty)
    late_ns = _LATE_INTERVALS * np.maximum(catalogue.interval_ns, hop_ns)
    may_rest = on_machine & (state.missed_ns <= late_ns)
    return np.asarray(np.where(may_rest, np.maximum(patience_ns, _LONGEST_REST_NS), patience_ns))


def _lost_sensors(
    catalogue: Catalogue, state: ModelState, end_ns: TimeArray, since_ns: TimeArray, patience_ns: TimeArray
) -> BoolArray:
    """bool[C]: on the first channel of a sensor, whether it was silent for longer than one of its channels may be.

    Where one channel may rest and another never does, the latter tells.
    """
    first = catalogue.sensor_of_channel
    newest_ns, least_ns = np.zeros(len(first), np.int64), np.full(len(first), np.iinfo(np.int64).max)
    np.maximum.at(newest_ns, first, since_ns)
    np.minimum.at(least_ns, first, patience_ns)
    least_ns = np.where(state.gaps_ns > 0, np.maximum(least_ns, _LONG_GAP_NS), least_ns)
    return np.asarray((first == np.arange(len(first))) & (end_ns - newest_ns > least_ns))


def hear_open(catalogue: Catalogue, state: ModelState, latest_ns: TimeArray, newest_ns: TimeArray) -> ModelState:
    """Note what was heard in any hop that is still open, for a look at the newest of them.

    By the stream's own clock hops stay open for a day. A channel that speaks four times a day is in few of them, and
    nearly never in the newest.

    Parameters
    ----------
    latest_ns : int64[C]
        Newest device time of each channel.
    newest_ns : int64[A]
        Time that each asset is looked at.

    Returns
    -------
    ModelState
        To assess from, and to be thrown away: with `heard_ns`, and as much later `same_since_ns`, for nothing is said
        here of whether the values of those hops are the same.
    """
    heard_ns = np.maximum(state.heard_ns, np.minimum(latest_ns, newest_ns[catalogue.asset_of_channel]))
    same_since_ns = state.same_since_ns + (heard_ns - state.heard_ns)
    return with_columns(state, heard_ns=heard_ns, same_since_ns=same_since_ns)


def _machine_says(catalogue: Catalogue, state: ModelState, says: BoolArray) -> BoolArray:
    """bool[C]: tell of which condition indicators the machine says something by one of its duty channels.

    Those are the sensor's own that were ever heard, or the asset's where the sensor has none; and of either those that
    are its indicators only where there are no others, as a pump beside a gate says nothing of the gate's drive. Of a
    drive that counts its openings the counter says it: its share of running is 3 % in hours that have none.
    """
    known = catalogue.is_duty & (state.heard_ns > 0)
    of_works = known & ~catalogue.is_judged

    def told(place: IndexArray, decisive: tuple[BoolArray, ...]) -> BoolArray:
        said = any_of(place, known & says)
        for chosen in decisive:
            said = np.where(any_of(place, chosen), any_of(place, chosen & says), said)
        return said

    own = told(catalogue.sensor_of_channel, (of_works, known & catalogue.counts_openings))
    said = np.where(any_of(catalogue.sensor_of_channel, known), own, told(catalogue.asset_of_channel, (of_works,)))
    return np.asarray(catalogue.is_judged & said)


def _heard_duty(catalogue: Catalogue, state: ModelState, features: FeatureTable, intervals: int) -> BoolArray:
    """bool[C]: tell which duty channels said something that can be, until the end of this hop, within some intervals.

    A counter that is not heard, or says what cannot be, says nothing: a machine whose counter is lost may rest.
    """
    asset = catalogue.asset_of_channel
    longest_ns = intervals * np.maximum(catalogue.interval_ns, catalogue.hop_ns[asset])
    fresh = features.end_ns[asset] - state.heard_ns < longest_ns
    return fresh & ~counts_beyond(catalogue, state, state.last_value)


def _machine_rests(catalogue: Catalogue, state: ModelState, features: FeatureTable) -> BoolArray:
    """bool[C]: tell which channels are on a machine that is known to rest.

    Every duty channel of the sensor, or of the asset where the sensor has none, must say so. One that has said the same
    for two weeks may be dead, and a wear that nobody believes would be hidden behind it.

    Parameters
    ----------
    state : ModelState
        By `find_faults` of this hop.
    """
    sensor, asset = catalogue.sensor_of_channel, catalogue.asset_of_channel
    known = catalogue.is_duty & (state.heard_ns > 0)
    alive = state.heard_ns - state.same_since_ns < _LONGEST_REST_NS
    at_rest = _heard_duty(catalogue, state, features, _LATE_INTERVALS) & (state.last_value <= catalogue.runs_from)
    doubted = known & ~(at_rest & alive)
    has_own = any_of(sensor, known)
    rests = np.where(has_own, ~any_of(sensor, doubted), any_of(asset, known) & ~any_of(asset, doubted))
    return np.asarray(catalogue.on_machine & rests)


def find_faults(catalogue: Catalogue, state: ModelState, features: FeatureTable) -> HeardHop:
    """Note what was heard in this hop and which sensors are in trouble.

    Parameters
    ----------
    state : ModelState
        `started_ns` is set already.

    Returns
    -------
    HeardHop
        Its state with new `heard_ns`, `missed_ns`, `last_value`, `same_*`, `still_spells`, columns of gaps and `*_ns`
        of the faults' alarms.
    """
    asset = catalogue.asset_of_channel
    end_ns = features.end_ns[asset]
    valid = features.valid & np.isfinite(features.value)
    resting = _machine_says(catalogue, state, catalogue.is_duty)
    state, changes = count_gaps(catalogue, state, features, heard=valid, resting=resting)
    same = valid & (state.same_count > 0) & (features.value == state.last_value)
    moves_again = valid & ~same & _stands_still(catalogue, state, 1)
    count = np.where(valid, np.where(same, np.minimum(state.same_count, 1_000_000) + 1, 1), state.same_count)
    before = state
    state = with_columns(
        state,
        heard_ns=np.where(valid, end_ns, state.heard_ns),
        last_value=np.where(valid, features.value, state.last_value),
        same_since_ns=np.where(valid & ~same, features.start_ns[asset], state.same_since_ns),
        same_count=count.astype(np.int32),
        still_spells=state.still_spells * (1.0 - valid / _SPELL_VALUES) + moves_again.astype(np.float32),
    )
    rests = _machine_rests(catalogue, state, features)
    still = np.flatnonzero(same & rests & catalogue.felt_at_work)
    if len(still):
        later_ns = state.same_since_ns[still] + (state.heard_ns - before.heard_ns)[still]
        state = with_columns(
            state,
            same_since_ns=scatter(state.same_since_ns, still, later_ns),
            same_count=scatter(state.same_count, still, before.same_count[still]),
        )
    counts = _heard_duty(catalogue, state, features, 1) & (state.last_value > catalogue.runs_from)
    works = _machine_says(catalogue, state, counts)
    missed_ns = np.where(valid, 0, state.missed_ns + np.where(works, catalogue.hop_ns[asset], 0))
    state = with_columns(state, missed_ns=missed_ns)
    stuck = is_stuck(catalogue, state)
    # What stays at the end of its range has been told already.
    told = stuck & ((state.stuck_ns > 0) | ~is_told_as_clipping(catalogue, state, features.value))
    since_ns, patience_ns = _heard_since(catalogue, state), _patience(catalogue, state)
    silent = _silent_channels(catalogue, state, features.end_ns, since_ns, patience_ns)
    first = catalogue.sensor_of_channel
    head = _lost_sensors(catalogue, state, end_ns, since_ns, patience_ns)
    lost_ns = np.where(silent, end_ns, state.lost_ns)
    sensor_lost_ns = np.where(head, end_ns, state.sensor_lost_ns)
    whole = head | ((state.sensor_silent_ns > 0) & (end_ns - sensor_lost_ns < _HEARD_NS))
    # A channel by itself is told while its sensor speaks: if it does not, the sensor is lost, or soon will be.
    speaks = np.bincount(first, weights=valid, minlength=len(first))[first] > 0
    is_told = silent & (speaks | (state.silent_ns > 0)) & (state.gaps_ns[first] == 0)
    single = is_told | ((state.silent_ns > 0) & (end_ns - lost_ns < _HEARD_NS))

    def why_stuck(row: int) -> Reason:
        hours = (int(state.heard_ns[row]) - int(state.same_since_ns[row])) / HOUR_NS
        return Reason("sensor_stuck", {"value": float(state.last_value[row]), "hours": round(hours, 1)})

    def why_silent(row: int, rows: int | npt.NDArray[np.intp]) -> Reason:
        heard_ns = int(np.max(state.heard_ns[rows])) or int(state.started_ns[asset[row]])
        return Reason("sensor_silent", {"days": round((int(end_ns[row]) - heard_ns) / _DAY_NS, 2)})

    columns = {}
    for column, kind, is_whole, wanted, why in (
        ("stuck_ns", "sensor.stuck", False, np.where(valid, told, state.stuck_ns > 0), why_stuck),
        ("silent_ns", "data.silent", False, single & ~whole[first], lambda row: why_silent(row, row)),
        ("sensor_silent_ns", "data.silent", True, whole, lambda row: why_silent(row, np.flatnonzero(first == row))),
    ):
        columns[column], turned = turn_alarms(
            catalogue, np.arange(len(first)), end_ns, kind, getattr(state, column), wanted, why, is_whole=is_whole
        )
        changes += turned
    changes.sort(key=lambda change: (change.asset, change.subject, change.kind, change.raised))
    state = with_columns(state, lost_ns=lost_ns, sensor_lost_ns=sensor_lost_ns, **columns)
    return HeardHop(state, valid & ~stuck, rests, changes)
