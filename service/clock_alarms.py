"""What arrivals tell of the sensors' clocks, alarms of those that jumped, and the books as bytes of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import IndexArray
from domain.identifiers import ChannelKey
from domain.records import Alarm, AlarmState, Reason
from models.catalogue import Catalogue
from models.hop_clock import NEVER_NS
from models.hops import HopTracker
from models.source_skew import SkewBook, SkewJump
from service.outcomes import alarm_id
from storage.entries import AlarmChange, BatchBody, ClockChange, decode_readings

__all__ = ["ClockPlan", "clock_alarm", "plan_clocks", "restore_skews", "skew_bytes"]

# What a column of the book is in bytes.
_KINDS: Final = ("<f8", "<f8", "<i4", "<f8", "<i4")


def clock_alarm(key: ChannelKey, at_ns: int, jump: SkewJump) -> Alarm:
    """Give the alarm of a sensor's clock; `key` is any of its channels."""
    kind = f"clock.{jump.what}"
    facts: dict[str, str | float | int] = {"sensor": key.sensor}
    reason = Reason("clock_impossible", facts)
    if jump.what == "jump":
        reason = Reason("clock_jumped", facts | {"jump_s": round(jump.jump_s)})
    return Alarm(
        id=alarm_id(key.asset, kind, key.sensor, at_ns),
        asset=key.asset,
        kind=kind,
        raised_at_ns=at_ns,
        cleared_at_ns=None,
        state=AlarmState.OPEN,
        subject=key.sensor,
        reasons=(reason,),
    )


@dataclass(frozen=True, slots=True, eq=False)
class ClockPlan:
    """What a batch tells of the sensors' clocks; `heard` is None where it tells nothing."""

    heard: SkewBook | None
    jumped_ns: dict[str, int]
    alarms: list[Alarm]
    alarm_changes: list[AlarmChange]
    clocks: list[ClockChange]


def plan_clocks(
    catalogue: Catalogue, tracker: HopTracker, skews: SkewBook, jumped_ns: dict[str, int], body: BatchBody
) -> ClockPlan:
    """See what a batch tells of the sensors' clocks, by what was known before; nothing changes.

    Parameters
    ----------
    jumped_ns : dict
        When the alarm of a clock was raised, by the number of its sensor's first channel and what is wrong.
    """
    rows = tracker.rows_of(np.frombuffer(body.arrival_channel, "<i4").astype(np.int32))
    if not len(rows):
        return ClockPlan(None, jumped_ns, [], [], [])
    difference_s = np.frombuffer(body.arrival_s, "<f8").astype(np.float64)[rows >= 0]
    sensors = catalogue.sensor_of_channel[rows[rows >= 0]].astype(np.int32)
    heard, jumps, shown = skews.observe(sensors, difference_s)
    jumped_ns = dict(jumped_ns) if jumps else jumped_ns
    alarms: list[Alarm] = []
    changes: list[AlarmChange] = []
    for jump in jumps:
        key = catalogue.channels[jump.row]
        name = f"{catalogue.channel_number[jump.row]}.{jump.what}"
        # As far as the asset had come: the clock that jumped is no measure of time.
        frontier = int(tracker.frontier_ns[catalogue.asset_of_channel[jump.row]])
        at_ns = max(frontier, int(tracker.clock.latest_ns[jump.row]))
        if at_ns == NEVER_NS:
            at_ns = int(decode_readings(body.readings).time_ns.max())  # the time of arrival: there is no better
        if not jump.is_over:
            jumped_ns[name] = at_ns
            alarms.append(clock_alarm(key, at_ns, jump))
        elif name in jumped_ns:
            raised = clock_alarm(key, jumped_ns.pop(name), jump).id
            changes.append(AlarmChange(id=raised, cleared_at_ns=at_ns))
    clocks = [
        ClockChange(catalogue.channels[row].asset, catalogue.channels[row].sensor, skew)
        for row, skew in zip(shown.tolist(), heard.shown_s[np.searchsorted(heard.first, shown)].tolist(), strict=True)
    ]
    return ClockPlan(heard, jumped_ns, alarms, changes, clocks)


def skew_bytes(skews: SkewBook, mine: slice) -> list[bytes]:
    """Write the rows of some channels, column by column; snapshots have one for each channel."""
    return [column.astype(kind).tobytes() for column, kind in zip(skews.rows(mine), _KINDS, strict=True)]


def restore_skews(skews: SkewBook, rows: IndexArray, saved: Sequence[bytes]) -> None:
    """Read what `skew_bytes` wrote for the channels in some rows into a book, in place; -1 where the row is gone."""
    there, place = skews.place(rows)
    for column, body, kind in zip(skews.columns(), saved, _KINDS, strict=False):  # the newest columns may be missing
        column[place] = np.frombuffer(body, kind).reshape(len(rows), *column.shape[1:])[there]
