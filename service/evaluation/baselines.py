"""Detectors that are run beside ours, so that every figure has its floor and its ceiling.

*Always* alarms on every asset every day and calls failure certain; *never* does neither; *fixed threshold* is
what a dashboard without a model does: a channel's raw daily mean against four standard deviations of its own
first thirty days, towards harm, certain of failure while an alarm stands. *Knows all damage* is told the truth the
moment a damage begins, and not before: nobody can do better, since nothing shows what has not begun.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from domain.records import PLANNING_HORIZON_DAYS
from domain.register import Direction, Register
from service.evaluation.chain_listener import ChannelDays
from service.evaluation.truth import (
    DAY_NS,
    RaisedAlarm,
    RunRecord,
    Truth,
    condition_channels,
    day_ends,
    lives_of,
)

__all__ = ["always", "fixed_threshold", "knows_all", "never"]

_LEARNING_DAYS: Final = 30
_DEVIATIONS: Final = 4.0


def always(truth: Truth) -> RunRecord:
    """Raise an alarm on every monitored asset every day."""
    at_ns = day_ends(truth.start_ns, truth.end_ns)
    alarms = tuple(
        RaisedAlarm(asset.id, "condition.always", "", end - DAY_NS // 2, end)
        for end in at_ns.tolist()
        for asset in truth.assets
        if asset.is_monitored
    )
    return _record("always alarms", truth, alarms, np.ones((len(truth.assets), len(at_ns))))


def never(truth: Truth) -> RunRecord:
    """Raise no alarm and call failure impossible."""
    days = len(day_ends(truth.start_ns, truth.end_ns))
    return _record("never alarms", truth, (), np.zeros((len(truth.assets), days)))


def knows_all(truth: Truth) -> RunRecord:
    """Raise an alarm at every onset, and state the true remaining life from then on."""
    at_ns = day_ends(truth.start_ns, truth.end_ns)
    alarms = []
    chance = np.zeros((len(truth.assets), len(at_ns)))
    life = np.full((*chance.shape, 3), np.nan)
    for one in lives_of(truth):
        if one.onset_ns is None:
            continue
        alarms.append(
            RaisedAlarm(truth.assets[one.asset].id, f"condition.{one.mode}", "", max(one.onset_ns, one.start_ns), None)
        )
        if one.failure_ns is None:
            continue
        days = np.flatnonzero((at_ns >= one.onset_ns) & (at_ns > one.start_ns) & (at_ns < one.end_ns))
        left = (one.failure_ns - at_ns[days]) / DAY_NS
        chance[one.asset, days] = left <= PLANNING_HORIZON_DAYS
        life[one.asset, days] = left[:, np.newaxis]
    alarms.sort(key=lambda alarm: (alarm.raised_ns, alarm.asset))
    return RunRecord("knows all damage", tuple(alarms), at_ns, chance, life)


def fixed_threshold(truth: Truth, register: Register, channel_days: ChannelDays) -> RunRecord:
    """Alarm where a raw daily mean leaves the band of its first days."""
    at_ns = day_ends(truth.start_ns, truth.end_ns)
    place = {key: row for row, key in enumerate(channel_days.channels)}
    beyond = {asset.id: np.zeros(len(at_ns), np.bool_) for asset in truth.assets}
    for channel in condition_channels(register):
        row = place.get(channel.key)
        if row is not None and channel.asset in beyond:
            beyond[channel.asset] |= _beyond(channel_days.value[row], channel.direction)
    alarms: list[RaisedAlarm] = []
    chance = np.zeros((len(truth.assets), len(at_ns)))
    for row, asset in enumerate(truth.assets):
        flags = beyond[asset.id]
        chance[row] = flags
        edges = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
        for first, last in zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True):
            cleared = int(at_ns[last]) if last < len(at_ns) else None
            alarms.append(RaisedAlarm(asset.id, "condition.threshold", "", int(at_ns[first]), cleared))
    alarms.sort(key=lambda alarm: (alarm.raised_ns, alarm.asset))
    return _record("fixed threshold", truth, tuple(alarms), chance)


def _beyond(value: FloatArray, direction: Direction) -> BoolArray:
    """bool[D]: days on which a channel is beyond its threshold towards harm; none while it is still learnt."""
    heard = np.flatnonzero(np.isfinite(value))
    if len(heard) <= _LEARNING_DAYS:
        return np.zeros(len(value), np.bool_)
    first = value[heard[:_LEARNING_DAYS]]
    spread = max(float(first.std(ddof=1)), 1e-9)
    distance = (value - first.mean()) / spread
    harm = {Direction.UP: distance, Direction.DOWN: -distance, Direction.BOTH: np.abs(distance)}[direction]
    flags = np.nan_to_num(harm, nan=0.0) > _DEVIATIONS
    flags[: heard[_LEARNING_DAYS]] = False
    return np.asarray(flags, np.bool_)


def _record(name: str, truth: Truth, alarms: tuple[RaisedAlarm, ...], chance: FloatArray) -> RunRecord:
    at_ns = day_ends(truth.start_ns, truth.end_ns)
    return RunRecord(name, alarms, at_ns, chance, np.full((*chance.shape, 3), np.nan))
