"""Condition indicators that read further from harm than any structure goes: the instrument is loose, or deaf.

Damage moves a quantity towards its failure level. One that moved one and a half times as far the other way tells of no
structure: its instrument has come loose or lost its sensitivity, or the structure was renewed or closed and nobody
said. What such a channel says is no evidence of health. Day after day it would look soundest where least is seen, so it
stops speaking while it is named, and an asset that nothing else speaks for has insufficient data.

It is named when it has been that far off on every day that it was heard for ten days, beyond what weather can explain
(six standard errors of the deviation), and ends when it is back within three tenths of the way. What was learnt of
where the channel lies, how much it wanders and what warmth does to it was learnt from a loose instrument, and is
forgotten: having wandered by two ways to failure would excuse any damage afterwards. What follows load may rest for
months, and without a thermometer a winter takes any level far away: neither is looked at.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from domain.records import Reason
from models.alarms import AlarmChange, turn_alarms
from models.catalogue import HOUR_NS, Catalogue
from models.environment import has_climate
from models.memory import ModelState, scatter, with_columns
from models.recommissioning import forget_learnt

__all__ = [
    "find_lost_sensitivity",
    "goes_too_far",
    "is_lost",
    "may_leave_harm",
    "times_from_harm",
    "was_away_from_harm",
]

_DAY_NS: Final = 24 * HOUR_NS
# How far away from harm is too far, in ways to failure. Judgement: of 800 channels of four simulated fleets over two
# years the furthest of a sound instrument was 1.3, as a median of ten days.
_TOO_FAR: Final = 1.5
_ERRORS: Final = 6.0
_LASTING_NS: Final = 10 * _DAY_NS
# Where it is back, and from where a step back to what is normal is no fault.
_BACK: Final = 0.3
_AWAY: Final = 0.9


def may_leave_harm(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[J]: tell which judged channels have a side without harm, and cannot be taken there by load or winter."""
    judged = catalogue.judged
    has_side = (catalogue.direction[judged] != 0.0) & ~catalogue.follows_load[judged]
    return np.asarray(has_side & has_climate(state)[catalogue.asset_of_judged])


def goes_too_far(catalogue: Catalogue, state: ModelState, deviation: FloatArray) -> BoolArray:
    """bool[J]: tell which judged channels would be further from harm than any structure, at such deviations.

    Parameters
    ----------
    deviation : float64[J]
        From the reference, in the model's unit; NaN goes nowhere.
    """
    return may_leave_harm(catalogue, state) & (_ways_from_harm(catalogue, state, deviation) > _TOO_FAR)


def times_from_harm(catalogue: Catalogue, state: ModelState, row: int) -> float:
    """Tell how far from harm a judged channel stands, in ways to failure, to a tenth."""
    place = np.searchsorted(catalogue.judged, row)
    return round(float(_ways_from_harm(catalogue, state, state.deviation, place)), 1)


def was_away_from_harm(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[J]: tell which judged channels stand so far from harm that a step back to normal is no fault."""
    return np.asarray(_ways_from_harm(catalogue, state, state.deviation) > _AWAY)


def is_lost(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[J]: tell which judged channels are named, and have a level: what learns anew stands nowhere."""
    return np.asarray((state.drift_ns[catalogue.judged] > 0) & np.isfinite(state.deviation))


def find_lost_sensitivity(
    catalogue: Catalogue, state: ModelState, heard: BoolArray, day_end_ns: int
) -> tuple[ModelState, list[AlarmChange]]:
    """Name judged channels that have gone too far away from harm, and those that are back.

    Parameters
    ----------
    heard : bool[J]
        Channels with a deviation of this day that nothing else is known against; the others stay as they are.
    day_end_ns : int
        End of the day.

    Returns
    -------
    ModelState
        With new `apart_ns` and `drift_ns` of judged channels, and without what was learnt of those that are named;
        the one passed in is not changed.
    list of AlarmChange
        `sensor.drift`, raised and cleared, by channel.
    """
    places = np.flatnonzero(heard & may_leave_harm(catalogue, state))
    rows = catalogue.judged[places].astype(np.intp)
    away = _ways_from_harm(catalogue, state, state.deviation, places)
    error = state.deviation_sd[places] / state.distance[places]
    raised, since = state.drift_ns[rows], state.apart_ns[rows]
    line = np.where(raised > 0, _BACK, np.maximum(_TOO_FAR, _ERRORS * error))
    since = np.where(away > line, np.where(since > 0, since, day_end_ns), 0)
    standing = (since > 0) & ((raised > 0) | (day_end_ns - since >= _LASTING_NS))

    def why(at: int) -> Reason:
        return Reason("sensor_far_from_harm", {"times": times_from_harm(catalogue, state, int(rows[at]))})

    ends_ns = np.full(len(rows), day_end_ns, np.int64)
    drift_ns, changes = turn_alarms(
        catalogue, rows, ends_ns, "sensor.drift", raised, standing, why, again="sensor_near_again"
    )
    named = with_columns(
        state, apart_ns=scatter(state.apart_ns, rows, since), drift_ns=scatter(state.drift_ns, rows, drift_ns)
    )
    return forget_learnt(named, places[standing]), changes


def _ways_from_harm(
    catalogue: Catalogue, state: ModelState, deviation: FloatArray, places: Any = np.s_[:]
) -> FloatArray:
    """float64[...]: how far from harm judged channels are at such deviations, in ways to failure; NaN where unknown."""
    direction = catalogue.direction[catalogue.judged[places]]
    return np.asarray(-direction * deviation[places] / state.distance[places])
