"""What a reading is known by: its channel's row, the hop it falls into, and its key of channel and time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from domain.arrays import BoolArray, IndexArray, ReadingColumns, TimeArray
from models.catalogue import Catalogue

__all__ = ["find_duplicates", "rows_by_number", "split_by_hop"]


def rows_by_number(catalogue: Catalogue) -> IndexArray:
    """int32[N + 2]: row of number `n` at `n + 1`, and -1 at both ends, where numbers beyond them are clipped to."""
    numbers = catalogue.channel_number
    rows = np.full(int(numbers.max(initial=-1)) + 3, -1, np.int32)
    rows[numbers + 1] = np.arange(len(numbers), dtype=np.int32)
    return rows


def split_by_hop(start: TimeArray, readings: ReadingColumns) -> Iterator[tuple[int, ReadingColumns]]:
    """Cut readings by the start of their hop, each part in the order of arrival.

    Parameters
    ----------
    start : int64[N]
        Start of the hop of each reading; at least one.
    """
    if start[0] == start[-1] and (start == start[0]).all():
        yield int(start[0]), readings
        return
    order = np.argsort(start, kind="stable")
    cuts = np.flatnonzero(np.diff(start[order])) + 1
    for part in np.split(order, cuts):
        yield int(start[part[0]]), readings.take(part)


def find_duplicates(pool: ReadingColumns, readings: ReadingColumns) -> tuple[BoolArray, BoolArray]:
    """Tell which readings repeat the key of an earlier one, and which of those with another value.

    Parameters
    ----------
    pool : ReadingColumns
        What is known already.
    readings : ReadingColumns
        In the order of arrival.

    Returns
    -------
    duplicate, conflict : bool[N]
        Over `readings`.
    """
    known = len(pool)
    channel = np.concatenate([pool.channel, readings.channel])
    time_ns = np.concatenate([pool.time_ns, readings.time_ns])
    value = np.concatenate([pool.value, readings.value])
    order = np.lexsort((time_ns, channel))  # stable: known ones and earlier arrivals first
    channel, time_ns, value = channel[order], time_ns[order], value[order]
    same = np.zeros(len(order), np.bool_)
    same[1:] = (channel[1:] == channel[:-1]) & (time_ns[1:] == time_ns[:-1])
    winner = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    differs = same & (value != value[winner])
    duplicate = np.empty(len(order), np.bool_)
    conflict = np.empty(len(order), np.bool_)
    duplicate[order], conflict[order] = same, differs
    return duplicate[known:], conflict[known:]
