"""Instruments that drift, told from what like instruments on like assets say under the same weather.

Only what explains is compared, thermometers and hygrometers: like assets share their weather, and nobody's structure
moves it. Traffic really changes on one road and not on another, and a condition indicator that wanders is what damage
looks like; neither says by itself that an instrument is at fault. Channels of one name on one type of asset are a
*group*; assets of the type `other` have nothing in common, and none.

- The first stage keeps a mean of the last days of each channel (`remember_slowly`), in which the course of a day and
  a passing cloud do not show.
- The second stage takes from it what the group did, by the median, since the channel's own reference was made
  (two weeks, then frozen, so that slow drift is not learnt away). What is left is how far it stands *apart*.
- It is compared only while what it does from day to day is what the others do: what does not share their weather, in
  another place or behind other walls, cannot drift away from it.
- It is named when it stands apart for ten days by more than three things together explain: what is worth naming at
  all; what like instruments were apart by in the last weeks, against a prior worth four of them; and a
  share of what the season itself did since then, because one place is a little more in the sun than another.

A drift is told and never corrected: which of the two is wrong is for people to say. It changes no risk. Announced works
on a sensor, and accepting a new normal, make its reference anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FeatureTable, FloatArray, IndexArray
from domain.records import Reason
from models.alarms import AlarmChange, turn_alarms
from models.catalogue import HOUR_NS, Catalogue
from models.day_tables import padded, table_before, with_table
from models.drivers import DRIVERS
from models.medians import grouped_median, grouped_upper
from models.memory import ModelState, scatter, with_columns

__all__ = ["DriftMemory", "compare_instruments", "remember_slowly"]

_DAY_NS: Final = 24 * HOUR_NS
_MEMORY_S: Final = 3.0 * 86_400.0
# What is not worth naming, and how far sound like instruments are taken to stand apart before they have shown it: K
# for temperatures, points for humidity. Judgement, set before any drift was looked at.
_LEAST: Final = {"air": 0.7, "deck": 1.0, "humidity": 4.0}
_PRIOR: Final = {"air": 0.3, "deck": 0.4, "humidity": 1.5}
_PRIOR_CHANNELS: Final = 4.0
_SCORE: Final = 4.0
# The spread is taken where four in five are below it, which is 1.28 standard deviations: a median of few is far too low
# now and then, and one in five may drift. It rises at once, and falls over weeks.
_SOUND_SHARE: Final = 0.8
_SOUND_SCORE: Final = 1.28
_SPREAD_DAYS: Final = 15.0
# Of the season's own course, what a place may follow more or less than like ones.
_EXPOSURE: Final = 0.08
# Where one drifts, three are left to tell.
_LEAST_GROUP: Final = 4
_LEARNING_DAYS: Final = 14
# Of the mean square of what like instruments do from day to day, what one may do by itself and still share their
# weather; with weather of its own it would do twice as much.
_SHARED: Final = 0.5
_SMOOTH_DAYS: Final = 4.0
_LASTING_NS: Final = 10 * _DAY_NS
# A standing alarm ends below this share of the line.
_ENDS: Final = 0.6

_MEDIAN, _SPREAD, _NUMBER = range(3)
# Of a group that is new: nobody in it.
_NEW_GROUP: Final[FloatArray] = np.array([np.nan, 0.0, 0.0])


@dataclass(slots=True, eq=False)
class DriftMemory:
    """What like instruments said together.

    Attributes
    ----------
    names : list of str
        Groups, in the order they were met.
    context : dict of int to float64[G, 3]
        For each day's end: median, what sound channels stand apart by, and how many spoke; in the driver's unit.
    """

    names: list[str] = field(default_factory=list)
    context: dict[int, FloatArray] = field(default_factory=dict)

    def copy(self) -> DriftMemory:
        """Copy it; tables are never written in place."""
        return DriftMemory(list(self.names), self.context)


def remember_slowly(catalogue: Catalogue, state: ModelState, features: FeatureTable, believed: BoolArray) -> ModelState:
    """Fold one hop into the slow means: the first stage's part.

    Parameters
    ----------
    believed : bool[C]
        Channels whose value of this hop may be believed.

    Returns
    -------
    ModelState
        With new `slow` and `slow_ns`; the one passed in is not changed.
    """
    rows = np.flatnonzero(catalogue.has_like)
    rows = rows[believed[rows]]
    value = catalogue.in_driver_unit(rows, features.value[rows])
    end_ns = features.end_ns[catalogue.asset_of_channel[rows]]
    before = state.slow[rows]
    elapsed_s = np.maximum(end_ns - state.slow_ns[rows], 0) / 1e9
    moved = before - np.expm1(-elapsed_s / _MEMORY_S) * (value - before)
    slow = np.where(np.isnan(before), value, moved)
    return with_columns(state, slow=scatter(state.slow, rows, slow), slow_ns=scatter(state.slow_ns, rows, end_ns))


def compare_instruments(
    catalogue: Catalogue, state: ModelState, memory: DriftMemory, day_end_ns: int
) -> tuple[ModelState, list[AlarmChange]]:
    """Compare a day's slow means with those of like instruments.

    Parameters
    ----------
    catalogue, state
        The assets that have a row of this day, as they were at its end.
    memory : DriftMemory
        Changed in place: a context for the day, unless there is one.

    Returns
    -------
    ModelState
        With new `reference`, `like_reference`, `reference_days`, `apart`, `like_moved`, `stirred`, `apart_ns` and
        `drift_ns`.
    list of AlarmChange
        `sensor.drift`, raised and cleared, by channel.
    """
    rows = np.flatnonzero(catalogue.has_like)
    group = _groups(catalogue, rows, memory)
    patience = np.maximum(_DAY_NS, catalogue.interval_ns[rows] + catalogue.interval_ns[rows] // 2)
    spoke = (state.slow_ns[rows] > 0) & (day_end_ns - state.slow_ns[rows] < patience)
    days = np.where(_at_work(catalogue, day_end_ns)[rows], 0, state.reference_days[rows])
    known = days > 0
    before = _Standing(
        value=state.slow[rows],
        active=spoke & (state.stuck_ns[rows] == 0),
        days=days,
        reference=np.where(known, state.reference[rows], 0.0),
        like_reference=np.where(known, state.like_reference[rows], 0.0),
        apart=np.where(known, state.apart[rows], 0.0),
        like_moved=np.where(known, state.like_moved[rows], 0.0),
        stirred=np.where(known[:, np.newaxis], state.stirred[rows], 0.0),
    )
    since = np.where(known, state.apart_ns[rows], 0)
    context = memory.context.get(day_end_ns)
    if context is None:
        latest = table_before(memory.context, day_end_ns)
        context = _learn_day(before, group, padded(latest, len(memory.names), _NEW_GROUP), quiet=since == 0)
        memory.context = with_table(memory.context, day_end_ns, context)
    like = padded(context, len(memory.names), _NEW_GROUP)[group]
    now = _moved(before, like)
    raised = state.drift_ns[rows]
    line = _line(catalogue.driver[rows], like, now) * np.where(raised > 0, _ENDS, 1.0)
    shares_weather = now.stirred[:, 0] < _SHARED * now.stirred[:, 1]
    ready = _compared(before, like) & (now.days >= _LEARNING_DAYS) & (shares_weather | (raised > 0))
    beyond = np.where(since > 0, since, day_end_ns)
    since = np.where(ready, np.where(np.abs(now.apart) > line, beyond, 0), since)
    standing = (since > 0) & ((raised > 0) | (day_end_ns - since >= _LASTING_NS))

    def why(at: int) -> Reason:
        row = int(rows[at])
        in_unit = float(f"{float(now.apart[at]) / catalogue.driver_factor[row]:.3g}")
        others = int(like[at, _NUMBER]) - 1
        return Reason("sensor_drift", {"apart": in_unit, "unit": catalogue.units[row], "others": others})

    ends_ns = np.full(len(rows), day_end_ns, np.int64)
    drift_ns, changes = turn_alarms(
        catalogue, rows, ends_ns, "sensor.drift", raised, standing, why, again="like_others_again"
    )
    return (
        with_columns(
            state,
            reference=scatter(state.reference, rows, now.reference),
            like_reference=scatter(state.like_reference, rows, now.like_reference),
            reference_days=scatter(state.reference_days, rows, now.days),
            apart=scatter(state.apart, rows, now.apart),
            like_moved=scatter(state.like_moved, rows, now.like_moved),
            stirred=scatter(state.stirred, rows, now.stirred),
            apart_ns=scatter(state.apart_ns, rows, since),
            drift_ns=scatter(state.drift_ns, rows, drift_ns),
        ),
        changes,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """Where some channels stand, each R long: slow mean, whether it is of today, reference and distance from it."""

    value: FloatArray
    active: BoolArray
    days: IndexArray
    reference: FloatArray
    like_reference: FloatArray
    apart: FloatArray
    like_moved: FloatArray
    stirred: FloatArray


def _learn_day(before: _Standing, group: npt.NDArray[np.intp], latest: FloatArray, *, quiet: BoolArray) -> FloatArray:
    """float64[G, 3]: the context of a new day, behind the latest one."""
    groups = len(latest)
    speaking = _speaking(group, before, groups, quiet=quiet)
    moved = before.value - before.reference + before.like_reference
    median = grouped_median(group[speaking], moved[speaking], groups)
    number = np.bincount(group[speaking], minlength=groups)
    context = np.stack([median, latest[:, _SPREAD], number], axis=1)
    # Who is still learning stands nowhere yet.
    settled = speaking & (before.days >= _LEARNING_DAYS)
    apart = np.abs(_moved(before, context[group]).apart)[settled]
    today = grouped_upper(group[settled], apart, groups, _SOUND_SHARE) / _SOUND_SCORE
    remembered = context[:, _SPREAD] + (np.nan_to_num(today) - context[:, _SPREAD]) / _SPREAD_DAYS
    context[:, _SPREAD] = np.where(np.isnan(today), context[:, _SPREAD], np.maximum(today, remembered))
    return context


def _speaking(group: npt.NDArray[np.intp], before: _Standing, groups: int, *, quiet: BoolArray) -> BoolArray:
    """bool[R]: who speaks for its group: those with a reference, or all before there are enough of them.

    Those that stand apart do not, unless most do: that is weather again.
    """
    chosen = before.active & (before.days > 0)
    few = np.bincount(group[chosen], minlength=groups) < _LEAST_GROUP
    chosen = np.where(few[group], before.active, chosen)
    calm = chosen & quiet
    mostly = 2 * np.bincount(group[calm], minlength=groups) >= np.bincount(group[chosen], minlength=groups)
    return np.where(mostly[group], calm, chosen)


def _compared(before: _Standing, like: FloatArray) -> BoolArray:
    """bool[R]: who has a value of today and enough like ones; `like`, float64[R, 3], is each one's group."""
    return before.active & (like[:, _NUMBER] >= _LEAST_GROUP)


def _moved(before: _Standing, like: FloatArray) -> _Standing:
    """Take in today: the reference while it is learnt, and how far from it what is left without the group's move."""
    compared = _compared(before, like)
    others = like[:, _MEDIAN]
    learning = compared & (before.days < _LEARNING_DAYS)
    days = (before.days + learning).astype(np.int32)
    share = np.where(learning, 1.0 / np.maximum(days, 1), 0.0)
    reference = before.reference + share * np.where(learning, before.value - before.reference, 0.0)
    like_reference = before.like_reference + share * np.where(learning, others - before.like_reference, 0.0)
    moved = np.where(compared, others - like_reference, before.like_moved)
    off = np.where(compared, (before.value - reference) - moved, before.apart)
    news = np.stack([off - before.apart, moved - before.like_moved], axis=1)
    weight = np.where(compared, 1.0 / np.maximum(days, 1), 0.0)[:, np.newaxis]
    return replace(
        before,
        days=days,
        reference=reference,
        like_reference=like_reference,
        apart=before.apart + news[:, 0] / _SMOOTH_DAYS,
        like_moved=before.like_moved + news[:, 1] / _SMOOTH_DAYS,
        stirred=before.stirred + weight * (news**2 - before.stirred),
    )


def _groups(catalogue: Catalogue, rows: npt.NDArray[np.intp], memory: DriftMemory) -> npt.NDArray[np.intp]:
    """intp[R]: the number of each channel's group; new ones are added."""
    place = {name: number for number, name in enumerate(memory.names)}
    found = []
    for row in rows.tolist():
        kind = catalogue.details[catalogue.asset_of_channel[row]].type.value
        name = f"{kind}/{catalogue.channels[row].channel.partition('.')[0]}"
        if name not in place:
            place[name] = len(memory.names)
            memory.names.append(name)
        found.append(place[name])
    return np.array(found, np.intp)


def _at_work(catalogue: Catalogue, day_end_ns: int) -> BoolArray:
    """bool[C]: channels of sensors that announced works of this day may have changed."""
    lasting = (catalogue.works_start_ns < day_end_ns) & (catalogue.works_end_ns > day_end_ns - _DAY_NS)
    sensors = catalogue.works_sensor[lasting & catalogue.works_moves & (catalogue.works_sensor >= 0)]
    return np.isin(catalogue.sensor_of_channel, sensors)


def _line(driver: npt.NDArray[np.int8], like: FloatArray, now: _Standing) -> FloatArray:
    """float64[R]: how far apart is too far."""
    least, prior = (np.array([table.get(name, np.nan) for name in DRIVERS])[driver] for table in (_LEAST, _PRIOR))
    number = like[:, _NUMBER]
    variance = (_PRIOR_CHANNELS * prior**2 + number * like[:, _SPREAD] ** 2) / (_PRIOR_CHANNELS + number)
    season = np.abs(np.nan_to_num(like[:, _MEDIAN]) - now.like_reference)
    return np.asarray(np.maximum(least, _SCORE * np.sqrt(variance)) + _EXPOSURE * season)
