"""Alarms of clocks that jumped, and the clocks' books as bytes of a snapshot."""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import IndexArray
from domain.identifiers import ChannelKey
from domain.records import Alarm, AlarmState, Reason
from models.source_skew import SkewBook
from service.outcomes import alarm_id

__all__ = ["clock_alarm", "restore_skews", "skew_bytes"]

_KIND: Final = "clock.jump"


def clock_alarm(key: ChannelKey, at_ns: int, jump_s: float) -> Alarm:
    """Give the alarm of a sensor whose clock jumped; `key` is any of its channels."""
    return Alarm(
        id=alarm_id(key.asset, _KIND, key.sensor, at_ns),
        asset=key.asset,
        kind=_KIND,
        raised_at_ns=at_ns,
        cleared_at_ns=None,
        state=AlarmState.OPEN,
        subject=key.sensor,
        reasons=(Reason("clock_jumped", {"sensor": key.sensor, "jump_s": round(jump_s)}),),
    )


def skew_bytes(skews: SkewBook, mine: slice) -> tuple[bytes, bytes, bytes, bytes]:
    """Write some rows of a book, column by column."""
    last_s, usual_s, since, shown_s = (column[mine] for column in skews.columns())
    return (
        last_s.astype("<f8").tobytes(),
        usual_s.astype("<f8").tobytes(),
        since.astype("<i4").tobytes(),
        shown_s.astype("<f8").tobytes(),
    )


def restore_skews(skews: SkewBook, rows: IndexArray, saved: tuple[bytes, bytes, bytes, bytes]) -> None:
    """Read what `skew_bytes` wrote into the rows of a book, in place; -1 where the row is gone."""
    there = rows >= 0
    for column, body, kind in zip(skews.columns(), saved, ("<f8", "<f8", "<i4", "<f8"), strict=True):
        values = np.frombuffer(body, kind).reshape(len(rows), *column.shape[1:])
        column[rows[there]] = values[there]
