"""Quantities of one sensor that no damage moves together: the instrument has drifted, and may have made up their harm.

Damage moves each quantity towards its own harm: frequencies fall, vibration and impulsiveness rise. An instrument that
drifts makes all that it measures read more, or all of it less, whatever harm is. So where a quantity that is harmed by
rising has risen and, at the same sensor, one that is harmed by falling has risen too, beyond what its instrument and
load can do to it alone, they *oppose* each other; likewise downwards.

From the first such day on what a drift that way can make up is no evidence of damage: of a sensor that reads more, all
that is harmed by rising, or by either. What it can only hide stays evidence. Nothing that the sensor says teaches where
its quantities lie (`models.settling`). After ten days, where both have gone clearly too far, the whole sensor is named:
an asset that nothing else speaks for has insufficient data then. Both end when the quantities have not opposed each
other for a while.

What follows load may be quieter than ever because a road is closed, and without a thermometer a winter takes any level
away from harm: neither can oppose.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from domain.records import Reason
from models.alarms import AlarmChange, turn_alarms
from models.catalogue import HOUR_NS, Catalogue
from models.lost_sensitivity import may_leave_harm
from models.memory import ModelState, scatter, with_columns

__all__ = ["find_opposed", "is_drifting", "is_opposed", "may_be_made_up", "opposed_facts"]

_DAY_NS: Final = 24 * HOUR_NS
# Shares of the failure level, and spreads, from which quantities oppose each other; away from harm beyond what
# `models.thresholds` gives its instrument. Judgement: what is material for two that agree, and a little more.
_SOME_HARM: Final = 0.08
_SOME_AWAY: Final = 0.05
_SOME_SPREADS: Final = 2.0
# And from which an instrument is named.
_CLEAR_HARM: Final = 0.15
_CLEAR_AWAY: Final = 0.10
_CLEAR_SPREADS: Final = 2.5
_LASTING_NS: Final = 10 * _DAY_NS
# Without opposing each other for so long they do no more; of what is named what moves back is held for two weeks.
_OVER_NS: Final = 5 * _DAY_NS
_NAMED_OVER_NS: Final = 15 * _DAY_NS
# Where a quantity has lain for months it is not going: a mean of the past with this memory, in days.
_LONG_DAYS: Final = 120.0
_LEAST_SPREAD: Final = 0.02


def is_opposed(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[J]: tell which judged channels are of a sensor whose quantities oppose each other."""
    return np.asarray(state.opposed_ns[catalogue.sensor_of_channel[catalogue.judged]] > 0)


def may_be_made_up(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[J]: tell which of them a drift that way moves towards harm, or away from where either side is harm."""
    way = state.opposed_way[catalogue.sensor_of_channel[catalogue.judged]]
    return is_opposed(catalogue, state) & (way * catalogue.direction[catalogue.judged] >= 0.0)


def is_drifting(catalogue: Catalogue, state: ModelState) -> BoolArray:
    """bool[J]: tell which judged channels are of a sensor that is named for it, and have a level."""
    is_named = state.opposed_alarm_ns[catalogue.sensor_of_channel[catalogue.judged]] > 0
    return np.asarray(is_named & np.isfinite(state.deviation))


def opposed_facts(catalogue: Catalogue, state: ModelState, sensor: int) -> dict[str, str | float | int]:
    """Give the facts of a sensor's newest residuals: which channel is furthest towards harm, and which away from it.

    Parameters
    ----------
    sensor : int
        Row of its first channel.
    """
    places = np.flatnonzero(catalogue.sensor_of_channel[catalogue.judged] == sensor)
    share = _shares(catalogue, state, np.isfinite(state.residual))[places]
    names = [catalogue.channels[row].channel for row in catalogue.judged[places].tolist()]
    return {"towards": names[int(np.argmax(share))], "away": names[int(np.argmin(share))]}


def find_opposed(
    catalogue: Catalogue, state: ModelState, active: BoolArray, day_end_ns: int
) -> tuple[ModelState, list[AlarmChange]]:
    """Find sensors whose quantities oppose each other on this day, and name those of which it lasts.

    Parameters
    ----------
    active : bool[J]
        Channels with a residual of this day; a sensor without one stays as it is.
    day_end_ns : int
        End of the day.

    Returns
    -------
    ModelState
        With new `opposed_ns`, `opposed_last_ns`, `opposed_way`, `opposed_alarm_ns` and `long_share`; the one passed in
        is not changed.
    list of AlarmChange
        `sensor.drift` about whole sensors, raised and cleared.
    """
    judged = catalogue.judged
    sensors, place = np.unique(catalogue.sensor_of_channel[judged][active], return_inverse=True)
    direction = catalogue.direction[judged]
    share = _shares(catalogue, state, active)
    spread = np.maximum(state.residual_sd, _LEAST_SPREAD)
    before = np.where(np.isnan(state.long_share), share, state.long_share)
    away = np.where(
        may_leave_harm(catalogue, state), np.minimum(before, 0.0) - share - catalogue.drift_share[judged], 0.0
    )

    def is_any(which: BoolArray) -> BoolArray:
        return np.asarray(np.bincount(place[which[active]], minlength=len(sensors)) > 0)

    def oppose(harm: float, beyond: float, spreads: float, way: int) -> BoolArray:
        is_towards = (share >= harm) & (share >= spreads * spread)
        is_away = (away >= beyond) & (-share >= spreads * spread)
        return is_any(is_towards & (direction == way)) & is_any(is_away & (direction == -way))

    up, down = (oppose(_SOME_HARM, _SOME_AWAY, _SOME_SPREADS, way) for way in (1, -1))
    is_clear = oppose(_CLEAR_HARM, _CLEAR_AWAY, _CLEAR_SPREADS, 1)
    is_clear |= oppose(_CLEAR_HARM, _CLEAR_AWAY, _CLEAR_SPREADS, -1)
    today = up | down
    rows = sensors.astype(np.intp)
    raised = state.opposed_alarm_ns[rows]
    last = np.where(today, day_end_ns, state.opposed_last_ns[rows])
    since = np.where(today & (state.opposed_ns[rows] == 0), day_end_ns, state.opposed_ns[rows])
    since = np.where(day_end_ns - last > np.where(raised > 0, _NAMED_OVER_NS, _OVER_NS), 0, since)
    standing = (since > 0) & ((raised > 0) | (today & is_clear & (day_end_ns - since >= _LASTING_NS)))
    way = np.where(today, np.where(up, 1, -1), state.opposed_way[rows])

    def why(at: int) -> Reason:
        return Reason("sensor_opposed", opposed_facts(catalogue, state, int(rows[at])))

    ends_ns = np.full(len(rows), day_end_ns, np.int64)
    alarm_ns, changes = turn_alarms(
        catalogue, rows, ends_ns, "sensor.drift", raised, standing, why, again="sensor_agrees_again", is_whole=True
    )
    return (
        with_columns(
            state,
            opposed_ns=scatter(state.opposed_ns, rows, since),
            opposed_last_ns=scatter(state.opposed_last_ns, rows, last),
            opposed_way=scatter(state.opposed_way, rows, np.where(since > 0, way, 0).astype(np.int8)),
            opposed_alarm_ns=scatter(state.opposed_alarm_ns, rows, alarm_ns),
            long_share=np.where(active, before - np.expm1(-1.0 / _LONG_DAYS) * (share - before), state.long_share),
        ),
        changes,
    )


def _shares(catalogue: Catalogue, state: ModelState, active: BoolArray) -> FloatArray:
    """float64[J]: how far towards harm each is, as a share of the failure level; 0 where either side is harm."""
    has_side = active & (catalogue.direction[catalogue.judged] != 0.0)
    return np.where(has_side, state.residual, 0.0)
