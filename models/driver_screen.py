"""What explains must be believable too: a thermometer that changed its unit is found before it explains anything.

Air and decks do not change by 15 K within a few hours, nor humidity by 40 points. A value that does is compared with
the last believed one as other units would have it: Fahrenheit, kelvin, hundreds and thousands; and, where three of them
follow each other, with the other sign. Where one fits, and brings the value nearer to what the days before were, it is
taken back; where none does, the value is not used until it has lasted for a day. A mistake is named when it has lasted
for six hours, and ends with a day of values that are right as they come.

What no air, deck, moisture, wind, rain, pace or traffic can be, once units are taken back, explains nothing and is no
value to learn from; nor is a counter that counts four times as many as in its busiest hour, twenty times where a
machine's cycles come in bursts. It is named when it has lasted for six hours, and ends with a day of possible ones.
Until such a day no value of a counter explains anything; what it has said for four weeks since it was named is
believed: a new road was opened.

A counter of traffic that counts less than a quarter of its calmest hour explains nothing either, and has no name: its
road is closed, or it counts in thousands. What a road does under traffic that it never had is not known, and a closed
road does little, so little is lost. Weeks of that become its calmest hour, and are believed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, FloatArray
from domain.records import Reason
from models.alarms import AlarmChange, since_when, turn_alarms
from models.catalogue import HOUR_NS, Catalogue
from models.drivers import DRIVERS, HUMIDITY, LOAD, WEATHER
from models.memory import ModelState, scatter, with_columns

__all__ = ["counts_beyond", "hold_impossible", "is_impossible", "screen_drivers"]

# A mistaken value is factor times the right one, plus offset: Fahrenheit, kelvin and a turned sign for temperatures,
# then for all. Factors nearer to 1 are left out: a front changes humidity by as much.
_TURNED: Final = -1.0
# Values on the other side of nought, one behind the other, by which a sign has turned.
_TURNED_VALUES: Final = 3
_FACTORS: Final = np.array([1.8, 1.0, _TURNED, 1e3, 1e-3, 1e2, 1e-2])
_OFFSETS: Final = np.array([32.0, 273.15, 0.0, 0.0, 0.0, 0.0, 0.0])
_ONLY_TEMPERATURES: Final = 3
_CHECKED: Final = np.isin(np.arange(len(DRIVERS)), WEATHER)
# What is odd, and how near a value in the right unit must be: K, and points of humidity.
_ODD: Final = (15.0, 40.0)
_NEAR: Final = (6.0, 25.0)
_FACTOR_SHARE: Final = 0.5
_FRESH_NS: Final = 6 * HOUR_NS
_NAMED_NS: Final = 6 * HOUR_NS
_BELIEVED_NS: Final = 24 * HOUR_NS
_CALM_NS: Final = 24 * HOUR_NS
_NONE: Final = -1
# What weather and operation can be, in the drivers' units; a value outside comes from a sensor in trouble.
_POSSIBLE: Final = np.array(
    [(-60.0, 60.0), (-60.0, 90.0), (0.0, 110.0), (0.0, 1e5), (-10.0, 210.0), (0.0, 110.0), (0.0, 1000.0)]
)
# How far beyond, in any of these units, no instrument drifts.
_FAR: Final = 100.0
# Of counters: how many times their busiest hour so far cannot be, values until that is known, and how fast it moves
# afterwards: by no more than a tenth in one up, by half in sixty days down.
_CROWD: Final = 4.0
_CROWD_OF_CYCLES: Final = 20.0
_BUSY_VALUES: Final = 168
_BUSIER: Final = 1.1
_BUSY_HALF_NS: Final = 60 * 24 * HOUR_NS
# Which share of a counter's calmest hour is none that it has; what that hour must have for the rule; and how fast it
# comes down in such hours, by half in eight days.
_EMPTY: Final = 0.25
_LEAST_CALM: Final = 6.0
_EMPTIER_HALF_NS: Final = 8 * 24 * HOUR_NS
_NEW_NORMAL_NS: Final = 28 * 24 * HOUR_NS


def screen_drivers(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, believed: BoolArray
) -> tuple[ModelState, FeatureTable, BoolArray, list[AlarmChange]]:
    """Look at one hop of temperatures and humidities before they explain anything.

    Returns
    -------
    ModelState
        With new `good_value`, `good_ns`, `mistake`, `mistaken_ns` and `mistake_ns`.
    FeatureTable
        With mistakes taken back.
    believed : bool[C]
        Without the values that nothing explains.
    list of AlarmChange
        `sensor.units`, raised and cleared, by channel.
    """
    checked = (catalogue.driver >= 0) & _CHECKED[catalogue.driver]
    rows = np.flatnonzero(believed & checked)
    if not len(rows):
        return state, features, believed, []
    kind = (catalogue.driver[rows] == HUMIDITY).astype(np.intp)
    value = catalogue.in_driver_unit(rows, features.value[rows])
    end_ns = features.end_ns[catalogue.asset_of_channel[rows]]
    good, good_ns = state.good_value[rows], state.good_ns[rows]
    was = state.mistake[rows]
    right = (value[:, np.newaxis] - _OFFSETS) / _FACTORS
    off = np.abs(right - good[:, np.newaxis])
    # Divided by a thousand everything is near 0, and so may be the last value: a factor must fit as a share too.
    share = off[:, _ONLY_TEMPERATURES:] > _FACTOR_SHARE * np.abs(good)[:, np.newaxis]
    off[:, _ONLY_TEMPERATURES:] = np.where(share, np.inf, off[:, _ONLY_TEMPERATURES:])
    off[kind == 1, :_ONLY_TEMPERATURES] = np.inf
    place = np.arange(len(rows))
    # A unit once found is kept as long as it fits: another may come nearer by chance.
    fits = (was != _NONE) & (good_ns > 0) & (off[place, np.maximum(was, 0)] <= np.array(_NEAR)[kind])
    best = np.where(fits, was, np.argmin(off, axis=-1)).astype(np.int8)
    nearest = off[place, best]
    plain = np.abs(value - good)
    fresh = (good_ns > 0) & (end_ns - good_ns <= _FRESH_NS)
    # A mistake that lasts is looked for after a silence too.
    odd = (fresh & (plain > np.array(_ODD)[kind])) | (fits & (nearest < plain))
    # Back from a wild value that was believed it comes as from another unit: the days before tell which of both it is.
    is_nearer = ~(np.abs(right[place, best] - state.slow[rows]) >= np.abs(value - state.slow[rows]))
    mistaken = odd & (nearest <= np.array(_NEAR)[kind]) & ((was != _NONE) | is_nearer)
    since = state.mistaken_ns[rows]
    # Noise falls on the other side of nought now and then; a sign that has turned stays turned.
    stays = (since > 0) & (end_ns - since >= _TURNED_VALUES * catalogue.interval_ns[rows])
    mistaken &= (_FACTORS[best] != _TURNED) | (was == best) | stays
    moved_ns = since_when(odd, since, end_ns)
    lasting = end_ns - np.abs(moved_ns)
    held = odd & ~mistaken & (lasting < _BELIEVED_NS)
    used = np.where(mistaken, right[place, best], value)
    kept = ~held & ~is_impossible(catalogue, rows, used)
    mistake = np.where(mistaken, best, np.where(odd | (lasting < _CALM_NS), was, _NONE)).astype(np.int8)
    mistake = np.where(odd & ~mistaken & kept, _NONE, mistake).astype(np.int8)
    raised = state.mistake_ns[rows]
    standing = (mistake != _NONE) & ((raised > 0) | (mistaken & (lasting >= _NAMED_NS)))

    def why(which: int) -> Reason:
        factor = float(f"{_FACTORS[best[which]]:.6g}")
        return Reason("sensor_turned") if factor == _TURNED else Reason("sensor_units", {"factor": factor})

    mistake_ns, changes = turn_alarms(catalogue, rows, end_ns, "sensor.units", raised, standing, why)
    back = (used - catalogue.driver_offset[rows]) / catalogue.driver_factor[rows]
    repaired = scatter(features.value, rows, np.where(mistaken, back, features.value[rows]))
    return (
        with_columns(
            state,
            good_value=scatter(state.good_value, rows, np.where(kept, used, good)),
            good_ns=scatter(state.good_ns, rows, np.where(kept, end_ns, good_ns)),
            mistake=scatter(state.mistake, rows, mistake),
            mistaken_ns=scatter(state.mistaken_ns, rows, moved_ns),
            mistake_ns=scatter(state.mistake_ns, rows, mistake_ns),
        ),
        replace(features, value=repaired),
        np.asarray(scatter(believed, rows, kept), np.bool_),
        changes,
    )


def counts_beyond(catalogue: Catalogue, state: ModelState, value: FloatArray) -> BoolArray:
    """bool[C]: tell which channels of a machine's work say what cannot be, at such values in their own units.

    For a look before `hold_impossible`, which names what lasts.
    """
    rows = np.flatnonzero(catalogue.is_duty)
    in_unit = catalogue.in_driver_unit(rows, value[rows])
    beyond = is_impossible(catalogue, rows, in_unit) | _is_crowded(catalogue, state, rows, in_unit)
    return np.asarray(scatter(np.zeros(len(value), np.bool_), rows, beyond | (state.impossible_ns[rows] > 0)), np.bool_)


def is_impossible(
    catalogue: Catalogue, rows: npt.NDArray[np.intp], value: FloatArray, *, far: bool = False
) -> BoolArray:
    """bool[R]: tell which values, in the unit of their driver, cannot be, or are far beyond that."""
    low, high = _POSSIBLE[catalogue.driver[rows]].T
    margin = _FAR * far
    return np.asarray((value < low - margin) | (value > high + margin))


def hold_impossible(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, *, heard: BoolArray, believed: BoolArray
) -> tuple[ModelState, BoolArray, list[AlarmChange]]:
    """Hold back what nothing that explains can be, behind `screen_drivers`.

    Parameters
    ----------
    features : FeatureTable
        With mistaken units taken back.
    heard, believed : bool[C]
        Channels with a valid value, before and behind that screen.

    Returns
    -------
    ModelState
        With new `beyond_ns`, `impossible_ns`, `busiest`, `calmest` and `busy_values`.
    believed : bool[C]
        Without such values, and without those of a counter on the day that follows one.
    list of AlarmChange
        `sensor.implausible`, raised and cleared, by channel.
    """
    rows = np.flatnonzero(heard & (catalogue.driver >= 0))
    value = catalogue.in_driver_unit(rows, features.value[rows])
    since, raised = state.beyond_ns[rows], state.impossible_ns[rows]
    end_ns = features.end_ns[catalogue.asset_of_channel[rows]]
    is_new = (raised > 0) & (end_ns - raised >= _NEW_NORMAL_NS)
    crowded = _is_crowded(catalogue, state, rows, value)
    beyond = is_impossible(catalogue, rows, value) | (crowded & ~is_new)
    moved_ns = since_when(beyond, since, end_ns)
    lasting = end_ns - np.abs(moved_ns)
    standing = np.where(raised > 0, beyond | (lasting < _CALM_NS), beyond & (lasting >= _NAMED_NS))

    def why(which: int) -> Reason:
        return _why_impossible(catalogue, state, features, int(rows[which]), is_crowded=bool(crowded[which]))

    impossible_ns, changes = turn_alarms(catalogue, rows, end_ns, "sensor.implausible", raised, standing, why)
    # A counter that is a thousand times too high is possible at night.
    is_doubted = (catalogue.driver[rows] == LOAD) & (state.busy_values[rows] >= _BUSY_VALUES) & (lasting < _CALM_NS)
    empty = _is_empty(catalogue, state, rows, value)
    kept = believed[rows] & ~beyond & ~is_doubted & ~empty
    busiest, calmest, values = _move_hours(catalogue, state, features, rows, value, learns=kept, empty=empty)
    state = with_columns(
        state,
        beyond_ns=scatter(state.beyond_ns, rows, moved_ns),
        impossible_ns=scatter(state.impossible_ns, rows, impossible_ns),
        busiest=scatter(state.busiest, rows, busiest),
        calmest=scatter(state.calmest, rows, calmest),
        busy_values=scatter(state.busy_values, rows, values),
    )
    return state, np.asarray(scatter(believed, rows, kept), np.bool_), changes


def _is_crowded(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], value: FloatArray) -> BoolArray:
    """bool[R]: tell which counters count many times what they ever did in an hour."""
    is_known = (catalogue.driver[rows] == LOAD) & (state.busy_values[rows] >= _BUSY_VALUES)
    most = np.where(catalogue.is_duty[rows], _CROWD_OF_CYCLES, _CROWD) * state.busiest[rows]
    return np.asarray(is_known & (state.busiest[rows] > 0.0) & (value > most))


def _is_empty(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], value: FloatArray) -> BoolArray:
    """bool[R]: tell which counters of traffic count far less than they ever did in an hour."""
    is_known = (catalogue.driver[rows] == LOAD) & ~catalogue.is_duty[rows] & (state.busy_values[rows] >= _BUSY_VALUES)
    calmest = state.calmest[rows]
    return np.asarray(is_known & (calmest >= _LEAST_CALM) & (value < _EMPTY * calmest))


def _move_hours(
    catalogue: Catalogue,
    state: ModelState,
    features: FeatureTable,
    rows: npt.NDArray[np.intp],
    value: FloatArray,
    *,
    learns: BoolArray,
    empty: BoolArray,
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int32]]:
    """float64[R] twice, int32[R]: move counters' busiest and calmest hours, and how many values they are known from.

    Parameters
    ----------
    learns : bool[R]
        Whether a value counts.
    empty : bool[R]
        Hours emptier than the calmest: it comes down in them.
    """
    busiest, calmest, values = state.busiest[rows], state.calmest[rows], state.busy_values[rows]
    asset = catalogue.asset_of_channel[rows]
    hop_ns = features.end_ns[asset] - features.start_ns[asset]
    learns = learns & (catalogue.driver[rows] == LOAD)
    is_first = values < _BUSY_VALUES
    fading, rising = busiest * np.exp2(-hop_ns / _BUSY_HALF_NS), calmest * np.exp2(hop_ns / _BUSY_HALF_NS)
    most = np.where(is_first, np.maximum(value, busiest), np.clip(value, fading, busiest * _BUSIER))
    least = np.where(is_first, np.fmin(value, calmest), np.clip(value, calmest / _BUSIER, rising))
    least = np.where(learns, least, calmest)
    emptied = calmest * np.exp2(-hop_ns / _EMPTIER_HALF_NS)
    count = np.where(learns & is_first, values + 1, values).astype(np.int32)
    return np.where(learns, most, busiest), np.where(empty, emptied, least), count


def _why_impossible(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, row: int, *, is_crowded: bool
) -> Reason:
    """Give the reason why a value does not count, in the channel's own unit."""
    facts: dict[str, str | float | int] = {
        "measured": float(f"{features.value[row]:.6g}"),
        "unit": catalogue.units[row],
    }
    if not is_crowded:
        return Reason("sensor_impossible", facts)
    busiest = (state.busiest[row] - catalogue.driver_offset[row]) / catalogue.driver_factor[row]
    return Reason("sensor_crowded", facts | {"busiest": float(f"{busiest:.6g}")})
