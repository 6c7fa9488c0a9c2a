"""Every channel watched by itself: noise and spikes, told from how its values follow each other.

A channel's *change* is what a value differs from the mean of its two neighbours: neither a level on the move, nor a
trend, nor the course of a day shows in it, and no other channel is needed, so a counter that fails does not make a
vibration look noisy. What is usual is learnt from the channel itself, slowly, and ten times slower while it is not
usual: a channel that is deaf for weeks, or says thousandths, must not be noisy for months once it is mended.

What follows the sun has a course of the day that shows where values are hours apart, and the more the warmer the
season: less than that is no trouble. A condition indicator follows it by what is learnt of the effect of warmth.

- *noisy*: over the last day of hourly values the mean change is more than twice the usual one. Changes count for at
  most four times the usual one, so that a few spikes are not noise.
- *spikes*: single values that stand more than six usual changes away from neighbours which agree, more than three of
  them in ten days, while it is not noisy; natural frequencies of nought, which no structure has; and what cannot be for
  once, as a gateway sends it when it starts anew: the first of such values in a row of what explains, by far
  (`models.driver_screen`; where they last they have a name), and what is below nought and has no logarithm. These count
  for nothing else.

What a machine shakes by is watched while it works, and what is usual of its warmth goes by work alone: between work and
rest a drive changes twentyfold, and a motor by what it heats up, and where openings were few in the first weeks a busy
summer was noise every second day. What shakes beside a machine whose openings are counted, as the rack of a bridge, is
watched in hours that have none.

What has ended by itself takes more the next time, by a quarter for each time in about a year: a slender bridge is rough
in each storm. A frequency that is taken for its neighbour's now and then takes more single values, not larger ones
alone. Noise of ten times the usual is named however often, and so are spikes that come every day.

What is loose or cracked rattles. While an alarm of the condition is open that a channel is a witness of, it is not
named noisy: its values have shown damage, and go on to count. But what is no vibration hardly rattles: strain, a gap or
moisture that moves by ten times the usual is noisy even then. A motor that rubs heats up with each opening, and cools
down again: it is not noisy while its level stands far towards harm, where noise takes none.

Not watched, but for what cannot be, is what rests in good health and comes in bursts (rain, wind, humidity near its
end, openings of a bridge): bursts are neither noise nor spikes. Nor is a channel while it is named as clipped: what
stays at the end of its range moves less than it will once the range is wide enough. Nor while it is named as in another
unit: that has its name, and what is taken back is no louder than it was.

Both are named by an alarm and lower the grade of the channel (`models.grades`). While it is noisy a condition indicator
is held back from learning and from evidence; spikes are not, because an innovation counts for at most three standard
deviations anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, FloatArray
from domain.records import Reason
from models.alarms import AlarmChange, turn_alarms
from models.catalogue import HOUR_NS, Catalogue
from models.clipping import is_clipping
from models.deviation import harm
from models.driver_screen import is_impossible
from models.drivers import AIR, LOAD, WEATHER
from models.layout import REGRESSORS
from models.linking import any_of
from models.memory import ModelState, scatter, with_columns
from models.plausibility import is_repaired

__all__ = ["watch"]

_DAY_S: Final = 86_400.0
# Changes from which what is usual is known, and how slowly it moves afterwards.
_LEARNT: Final = 48
# The first changes count in full, whatever they are.
_FIRST: Final = 8
_USUAL_VALUES: Final = 240.0
_SLOWER: Final = 10.0
# Changes from which a channel that hardly moves is no longer usual either: a month of hours, by when what it said in
# its wild first days is forgotten.
_LONG_LEARNT: Final = 720
# A change counts for at most this many usual ones.
_MOST_USUAL: Final = 3.0
_MOST_RATIO: Final = 4.0
_ROUGHNESS_VALUES: Final = 24.0
_ROUGH: Final = 2.2
_SMOOTH: Final = 1.5
# What each alarm that ended by itself adds to what the next one takes, and what it comes to at most.
_HIGHER: Final = 1.25
_MOST_ROUGH: Final = 3.5
_MOST_SPIKE: Final = 24.0
_MOST_SPIKES: Final = 12.0
_YEAR_S: Final = 365.0 * _DAY_S
# What strain, gaps and moisture that have shown damage move by at most: of noise of ten times the usual most changes
# count for as much as one can.
_RATTLES: Final = 3.5
# From what part of the way to failure on, and by how many standard deviations, a motor is hot.
_HOT_SHARE: Final = 0.3
_HOT_SCORE: Final = 3.0
_SPIKE: Final = 6.0
# What its neighbours may differ by, as a share of it; a step differs from one of them by all of it.
_NEIGHBOURS_AGREE: Final = 0.5
_SPIKE_MEMORY_S: Final = 10.0 * _DAY_S
_SPIKES: Final = 3.0
_NO_SPIKES: Final = 0.7
# Changes smaller than these are no trouble, in shares of the way to failure, and in the drivers' units; what follows
# the sun may do more where its values are further apart than an hour.
_LEAST_SHARE: Final = 0.005
_LEAST_OF_DRIVER: Final = np.array([0.2, 0.3, 1.0, 0.1, 1.5, 0.5, np.inf])
# Effects that go up and down with a day, for ten degrees.
_OF_THE_DAY: Final = tuple(REGRESSORS.index(name) for name in ("air_now", "sun"))
_KELVIN_A_REGRESSOR: Final = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """What some channels did in this hop: float64[R] twice; the change is NaN where a neighbour is missing."""

    change: FloatArray
    apart: FloatArray


def watch(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, believed: BoolArray, rests: BoolArray
) -> tuple[ModelState, list[AlarmChange]]:
    """Look at one hop of all channels.

    Parameters
    ----------
    believed : bool[C]
        Channels with a valid value that are not stuck.
    rests : bool[C]
        Channels on a machine that is known to rest (`models.faults`).

    Returns
    -------
    ModelState
        With new `recent`, `usual_change`, `changes`, `roughness`, `spikes`, `noisy_ns`, `spiky_ns` and `passed`; the
        one passed in is not changed.
    list of AlarmChange
        `sensor.noisy` and `sensor.spikes`, raised and cleared, by channel.
    """
    value = _scaled(catalogue, features.value)
    is_counter = (catalogue.driver == LOAD) & ~catalogue.is_duty
    watched = (catalogue.is_judged | (catalogue.driver >= 0)) & (~catalogue.is_resting | is_counter)
    watched &= ~is_clipping(catalogue, state, np.arange(len(value)))
    watched &= ~((rests & catalogue.felt_at_work) | (catalogue.feels_openings & _opens(catalogue, features)))
    watched[catalogue.judged] &= ~is_repaired(state) | (state.noisy_ns[catalogue.judged] > 0)
    nought = believed & watched & catalogue.is_frequency & (features.value <= 0.0)
    negative = catalogue.is_judged & catalogue.is_log & (features.value < 0.0)
    nought |= believed & watched & negative & (state.same_count == 1)
    nought |= _is_wild(catalogue, state, features)
    value = np.where(believed & watched, value, np.nan)
    rows = np.flatnonzero(np.isfinite(value) | nought | (believed & (state.spiky_ns > 0)))
    end_ns = features.end_ns[catalogue.asset_of_channel[rows]]
    seen = _changed(state, rows, value[rows])
    usual, count = state.usual_change[rows], state.changes[rows]
    known = (count >= _LEARNT) & np.isfinite(seen.change)
    ratio = np.where(known, seen.change / np.where(known, usual, 1.0), 0.0)
    tells = known & ~rests[rows]
    before = state.roughness[rows]
    moved = before + (np.minimum(ratio, _MOST_RATIO) - before) / _ROUGHNESS_VALUES
    roughness = np.where(tells, moved, before)
    elapsed_s = np.maximum(end_ns - state.recent_ns[rows], 0) / 1e9
    passed = state.passed[rows] * np.exp(-elapsed_s / _YEAR_S)
    higher = _HIGHER**passed
    is_spike = (
        known
        & (ratio > np.minimum(_SPIKE * higher, _MOST_SPIKE))
        & (seen.apart < _NEIGHBOURS_AGREE * seen.change)
        & (before < _SMOOTH)
    )
    is_spike |= nought[rows]
    # No more than it takes: weeks of spikes are over as long after the last as three are.
    was_spiky = state.spiky_ns[rows] > 0
    enough = np.where(was_spiky, _SPIKES, np.minimum(_SPIKES * higher, _MOST_SPIKES))
    spikes = np.minimum(state.spikes[rows] * np.exp(-elapsed_s / _SPIKE_MEMORY_S) + is_spike, enough)
    was_noisy = state.noisy_ns[rows] > 0
    rattles = np.where(catalogue.is_log[rows], np.inf, _RATTLES)
    rough = np.minimum(_ROUGH * higher, _MOST_ROUGH)
    begins = np.where(_shows_damage(catalogue, state)[rows], rattles, rough)
    begins = np.where(_is_hot(catalogue, state)[rows], np.inf, begins)
    noisy = roughness > np.where(was_noisy, _SMOOTH, begins)
    spiky = spikes >= np.where(was_spiky, _NO_SPIKES, enough)
    change = np.where(rests[rows], np.nan, seen.change)
    usual, count = _learn(_least_usual(catalogue, state, rows), change, usual, count, roughness)

    def why_noisy(place: int) -> Reason:
        return Reason("sensor_noisy", {"times": round(float(roughness[place]), 1)})

    def why_spiky(place: int) -> Reason:
        return Reason("sensor_spikes", {"spikes": round(float(spikes[place])), "days": 10})

    noisy_ns, changes = turn_alarms(catalogue, rows, end_ns, "sensor.noisy", state.noisy_ns[rows], noisy, why_noisy)
    spiky_ns, more = turn_alarms(catalogue, rows, end_ns, "sensor.spikes", state.spiky_ns[rows], spiky, why_spiky)
    passed += (was_noisy & (noisy_ns == 0)) | (was_spiky & (spiky_ns == 0))
    recent = np.stack([value[rows], state.recent[rows, 0]], axis=1)
    recent = np.where(np.isfinite(value[rows])[:, np.newaxis], recent, state.recent[rows])
    return (
        with_columns(
            state,
            recent=scatter(state.recent, rows, recent),
            recent_ns=scatter(state.recent_ns, rows, end_ns),
            usual_change=scatter(state.usual_change, rows, usual),
            changes=scatter(state.changes, rows, count),
            roughness=scatter(state.roughness, rows, roughness),
            spikes=scatter(state.spikes, rows, spikes),
            noisy_ns=scatter(state.noisy_ns, rows, noisy_ns),
            spiky_ns=scatter(state.spiky_ns, rows, spiky_ns),
            passed=scatter(state.passed, rows, passed),
        ),
        changes + more,
    )


def _opens(catalogue: Catalogue, features: FeatureTable) -> BoolArray:
    """bool[C]: tell which channels are of an asset that counts openings in this hop."""
    if not catalogue.feels_openings.any():
        return np.zeros(len(catalogue.channels), np.bool_)
    counts = catalogue.counts_openings & features.valid & (features.value > catalogue.runs_from)
    return any_of(catalogue.asset_of_channel, counts)


def _shows_damage(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[C]: tell which channels are witnesses of an open alarm of the condition."""
    shows = np.zeros(len(catalogue.channels), np.bool_)
    shows[catalogue.judged] = state.raised_ns[catalogue.pair_of_judged] > 0
    return shows


def _is_hot(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[C]: tell which motors are much warmer than they were."""
    every = np.arange(len(catalogue.judged))
    off = harm(catalogue, state.deviation, every)
    hot = np.zeros(len(catalogue.channels), np.bool_)
    hot[catalogue.judged] = (off > _HOT_SHARE * state.distance) & (off > _HOT_SCORE * state.deviation_sd)
    return np.asarray(hot & catalogue.follows_load)


def _is_wild(catalogue: Catalogue, state: ModelState, features: FeatureTable) -> BoolArray:
    """bool[C]: tell which of what explains begins to be what cannot be, in this hop."""
    rows = np.flatnonzero(features.valid & (state.beyond_ns > 0))
    wild = np.zeros(len(catalogue.channels), np.bool_)
    in_unit = catalogue.in_driver_unit(rows, features.value[rows])
    begins = state.beyond_ns[rows] == features.end_ns[catalogue.asset_of_channel[rows]]
    # What drifts beyond the end of what can be, or is named already, is no gateway's filling.
    named = (state.impossible_ns[rows] > 0) | (state.mistake_ns[rows] > 0)
    wild[rows] = begins & ~named & is_impossible(catalogue, rows, in_unit, far=True)
    return wild


def _scaled(catalogue: Catalogue, value: FloatArray) -> FloatArray:
    """float64[C]: logarithms where effects multiply and of counts, else the value in the driver's or its own unit."""
    is_count = catalogue.driver == LOAD
    in_unit = np.where(catalogue.driver >= 0, value * catalogue.driver_factor + catalogue.driver_offset, value)
    positive = np.where(catalogue.is_log & catalogue.is_judged, value, 1.0)
    logarithm = np.log(np.where(positive > 0.0, positive, np.nan))
    counted = np.log1p(np.maximum(np.where(is_count, in_unit, 0.0), 0.0))
    return np.where(catalogue.is_log & catalogue.is_judged, logarithm, np.where(is_count, counted, in_unit))


def _changed(state: ModelState, rows: npt.NDArray[np.intp], value: FloatArray) -> _Change:
    """Compare the value before this one with its two neighbours."""
    middle, first = state.recent[rows, 0], state.recent[rows, 1]
    return _Change(np.abs(middle - 0.5 * (first + value)), np.abs(first - value))


def _learn(
    least: FloatArray,
    change: FloatArray,
    usual: FloatArray,
    count: npt.NDArray[np.int32],
    roughness: FloatArray,
) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Move what is usual, at first as a mean, then slowly; never below what is no trouble."""
    there = np.isfinite(change)
    start = np.isnan(usual)
    limited = np.minimum(change, np.where(start | (count < _FIRST), np.inf, _MOST_USUAL * usual))
    weight = np.where(count < _LEARNT, 1.0 / (count + 1.0), 1.0 / _USUAL_VALUES)
    unusual = (roughness > _SMOOTH) | ((count >= _LONG_LEARNT) & (roughness < 1.0 / _ROUGH))
    weight = np.where((count >= _LEARNT) & unusual, weight / _SLOWER, weight)
    moved = np.where(start, change, usual + weight * (limited - usual))
    return np.where(there, np.maximum(moved, least), usual), (count + there).astype(np.int32)


def _least_usual(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp]) -> FloatArray:
    """float64[R]: changes that are no trouble, positive."""
    driver = catalogue.driver[rows]
    of_scale = np.where(np.isnan(catalogue.scale[rows]), 0.0, _LEAST_SHARE * catalogue.scale[rows])
    least = np.where(driver >= 0, _LEAST_OF_DRIVER[driver], of_scale)
    slow = np.flatnonzero(catalogue.interval_ns[rows] > HOUR_NS)
    if len(slow):
        of_day = _course_of_day(catalogue.interval_ns[rows[slow]] / HOUR_NS)
        least[slow] *= np.where(np.isin(driver[slow], WEATHER), of_day, 1.0)
        least[slow] = np.maximum(least[slow], _by_warmth(catalogue, state, rows[slow]) * of_day)
    return np.maximum(least, np.finfo(np.float64).tiny)


def _by_warmth(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp]) -> FloatArray:
    """float64[R]: what the course of a warm day does within an hour, by the effect of warmth; 0 where not judged."""
    judged = np.flatnonzero(catalogue.is_judged[rows])
    place = np.searchsorted(catalogue.judged, rows[judged])
    effect = np.zeros(len(rows))
    effect[judged] = sum(np.abs(np.nan_to_num(state.coefficients[place, column])) for column in _OF_THE_DAY)
    return np.asarray(effect * _LEAST_OF_DRIVER[AIR] / _KELVIN_A_REGRESSOR, np.float64)


def _course_of_day(hours: FloatArray) -> FloatArray:
    """float64[R]: how much more a daily wave shows in changes of values so far apart than an hour apart; 1 at least.

    Examples
    --------
    >>> np.round(_course_of_day(np.array([1.0, 3.0, 6.0, 12.0, 24.0])), 1).tolist()
    [1.0, 8.6, 29.3, 58.7, 1.0]
    """
    wave = 1.0 - np.cos(2.0 * np.pi * hours / 24.0)
    return np.asarray(np.maximum(wave / (1.0 - np.cos(2.0 * np.pi / 24.0)), 1.0))
