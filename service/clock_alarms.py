"""Alarms of clocks that jumped, and the clocks' books as bytes of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from domain.arrays import IndexArray
from domain.identifiers import ChannelKey
from domain.records import Alarm, AlarmState, Reason
from models.source_skew import SkewBook, SkewJump
from service.outcomes import alarm_id

__all__ = ["clock_alarm", "restore_skews", "skew_bytes"]

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


def skew_bytes(skews: SkewBook, mine: slice) -> list[bytes]:
    """Write some rows of a book, column by column."""
    columns = zip(skews.columns(), _KINDS, strict=True)
    return [column[mine].astype(kind).tobytes() for column, kind in columns]


def restore_skews(skews: SkewBook, rows: IndexArray, saved: Sequence[bytes]) -> None:
    """Read what `skew_bytes` wrote into the rows of a book, in place; -1 where the row is gone."""
    there = rows >= 0
    for column, body, kind in zip(skews.columns(), saved, _KINDS, strict=False):  # the newest columns may be missing
        values = np.frombuffer(body, kind).reshape(len(rows), *column.shape[1:])
        column[rows[there]] = values[there]
