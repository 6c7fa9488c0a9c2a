"""What explains must be believable too: a thermometer that changed its unit is found before it explains anything.

Air and decks do not change by 15 K within a few hours, nor humidity by 40 points. A value that does is compared with
the last believed one as other units would have it: Fahrenheit, kelvin, hundreds and thousands.
Where one fits, it is taken back; where none does, the value is not used until it has lasted for a day. A mistake is
named when it has lasted for six hours, and ends with a day of values that are right as they come.

What no air, deck, moisture, wind, rain, pace or traffic can be, once units are taken
back, explains nothing and is no value to learn from. It is named when it has lasted for six hours, and ends with a day
of possible ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, FloatArray
from domain.records import Reason
from models.alarms import AlarmChange, since_when
from models.catalogue import DRIVERS, HOUR_NS, HUMIDITY, WEATHER, Catalogue
from models.memory import ModelState, scatter, with_columns

__all__ = ["hold_impossible", "screen_drivers"]

# A mistaken value is factor times the right one, plus offset: Fahrenheit and kelvin for temperatures, then for all.
# Factors nearer to 1 are left out: a front changes humidity by as much.
_FACTORS: Final = np.array([1.8, 1.0, 1e3, 1e-3, 1e2, 1e-2])
_OFFSETS: Final = np.array([32.0, 273.15, 0.0, 0.0, 0.0, 0.0])
_ONLY_TEMPERATURES: Final = 2
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
_REASONS: Final = {"sensor.units": "sensor_units", "sensor.implausible": "sensor_impossible"}
# What weather and operation can be, in the drivers' units; a value outside comes from a sensor in trouble.
_POSSIBLE: Final = np.array(
    [(-60.0, 60.0), (-60.0, 90.0), (0.0, 110.0), (0.0, 1e5), (-10.0, 210.0), (0.0, 110.0), (0.0, 1000.0)]
)


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
    value = features.value[rows] * catalogue.driver_factor[rows] + catalogue.driver_offset[rows]
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
    mistaken = odd & (nearest <= np.array(_NEAR)[kind])
    since = state.mistaken_ns[rows]
    moved_ns = since_when(odd, since, end_ns)
    lasting = end_ns - np.abs(moved_ns)
    held = odd & ~mistaken & (lasting < _BELIEVED_NS)
    used = np.where(mistaken, right[place, best], value)
    kept = ~held & ~_is_beyond(catalogue, rows, used)
    mistake = np.where(mistaken, best, np.where(odd | (lasting < _CALM_NS), was, _NONE)).astype(np.int8)
    mistake = np.where(odd & ~mistaken & kept, _NONE, mistake).astype(np.int8)
    raised = state.mistake_ns[rows]
    standing = (mistake != _NONE) & ((raised > 0) | (mistaken & (lasting >= _NAMED_NS)))
    changes = [
        _change(
            catalogue,
            int(rows[which]),
            int(end_ns[which]),
            int(raised[which]),
            kind="sensor.units",
            facts={"factor": float(f"{_FACTORS[best[which]]:.6g}")},
        )
        for which in np.flatnonzero(standing != (raised > 0)).tolist()
    ]
    back = (used - catalogue.driver_offset[rows]) / catalogue.driver_factor[rows]
    repaired = scatter(features.value, rows, np.where(mistaken, back, features.value[rows]))
    return (
        with_columns(
            state,
            good_value=scatter(state.good_value, rows, np.where(kept, used, good)),
            good_ns=scatter(state.good_ns, rows, np.where(kept, end_ns, good_ns)),
            mistake=scatter(state.mistake, rows, mistake),
            mistaken_ns=scatter(state.mistaken_ns, rows, moved_ns),
            mistake_ns=scatter(state.mistake_ns, rows, np.where(standing, np.where(raised > 0, raised, end_ns), 0)),
        ),
        replace(features, value=repaired),
        np.asarray(scatter(believed, rows, kept), np.bool_),
        changes,
    )


def _change(
    catalogue: Catalogue, row: int, at_ns: int, raised_ns: int, *, kind: str, facts: dict[str, str | float | int]
) -> AlarmChange:
    """Raise an alarm about a channel, or clear the one that was raised then; 0: none was."""
    key = catalogue.channels[row]
    about: dict[str, str | float | int] = {"sensor": key.sensor, "channel": key.channel}
    reason = Reason("heard_again", about) if raised_ns else Reason(_REASONS[kind], about | facts)
    asset, subject = int(catalogue.asset_of_channel[row]), f"{key.sensor}/{key.channel}"
    return AlarmChange(asset, kind, subject, not raised_ns, at_ns, (reason,), raised_ns or at_ns)


def _is_beyond(catalogue: Catalogue, rows: npt.NDArray[np.intp], value: FloatArray) -> BoolArray:
    """bool[R]: tell which values, in the unit of their driver, cannot be."""
    low, high = _POSSIBLE[catalogue.driver[rows]].T
    return np.asarray((value < low) | (value > high))


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
        With new `beyond_ns` and `impossible_ns`.
    believed : bool[C]
        Without such values.
    list of AlarmChange
        `sensor.implausible`, raised and cleared, by channel.
    """
    rows = np.flatnonzero(heard & (catalogue.driver >= 0))
    value = features.value[rows] * catalogue.driver_factor[rows] + catalogue.driver_offset[rows]
    beyond = _is_beyond(catalogue, rows, value)
    since, raised = state.beyond_ns[rows], state.impossible_ns[rows]
    end_ns = features.end_ns[catalogue.asset_of_channel[rows]]
    moved_ns = since_when(beyond, since, end_ns)
    lasting = end_ns - np.abs(moved_ns)
    standing = np.where(raised > 0, beyond | (lasting < _CALM_NS), beyond & (lasting >= _NAMED_NS))
    changes = [
        _change(
            catalogue,
            int(rows[which]),
            int(end_ns[which]),
            int(raised[which]),
            kind="sensor.implausible",
            facts={
                "measured": float(f"{features.value[rows[which]]:.6g}"),
                "unit": catalogue.units[int(rows[which])],
            },
        )
        for which in np.flatnonzero(standing != (raised > 0)).tolist()
    ]
    impossible_ns = np.where(standing, np.where(raised > 0, raised, end_ns), 0)
    state = with_columns(
        state,
        beyond_ns=scatter(state.beyond_ns, rows, moved_ns),
        impossible_ns=scatter(state.impossible_ns, rows, impossible_ns),
    )
    return state, np.asarray(scatter(believed, rows, believed[rows] & ~beyond), np.bool_), changes
