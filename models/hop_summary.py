"""The readings of one hop as one row of features: for each channel its last, mean or largest value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domain.arrays import FeatureTable, FlagArray, FloatArray, IndexArray, ReadingFlag, TimeArray
from models.catalogue import Catalogue, Summary

__all__ = ["summarise", "value_of_kind"]


def summarise(
    catalogue: Catalogue,
    assets: IndexArray,
    start_ns: int | TimeArray,
    rows: IndexArray,
    value: FloatArray,
    flags: FlagArray,
) -> FeatureTable:
    """Summarise sorted readings of some assets into one feature row each.

    Parameters
    ----------
    assets : int32[K]
        Rows of the catalogue, ascending.
    start_ns : int or int64[K]
        Start of the hop.
    rows : int32[N]
        Catalogue row of each reading's channel, ascending, and within a channel by time.
    value, flags : float64[N], uint8[N]
        The readings.
    """
    first, last = catalogue.first_channel[assets], catalogue.first_channel[assets + 1]
    width = last - first
    offset = np.concatenate([[0], np.cumsum(width)]).astype(np.int64)
    total = int(offset[-1])
    result = np.zeros(total)
    count = np.zeros(total, np.int32)
    clipped = np.zeros(total, np.bool_)
    if len(rows):
        at = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
        number = np.diff(np.concatenate([at, [len(rows)]]))
        channel = rows[at]
        mean = np.add.reduceat(value, at) / number
        largest = np.maximum.reduceat(value, at)
        chosen = value_of_kind(catalogue.summary[channel], mean, largest, value[at + number - 1])
        place = np.searchsorted(assets, catalogue.asset_of_channel[channel])
        slot = offset[place] + channel - first[place]
        result[slot] = chosen
        count[slot] = number
        touched = (flags & np.uint8(ReadingFlag.CLIPPED)) != 0
        if touched.any():
            clipped[slot] = np.logical_or.reduceat(touched, at)
    starts = np.broadcast_to(np.asarray(start_ns, np.int64), assets.shape).copy()
    return FeatureTable(starts, catalogue.hop_ns[assets], result, count > 0, count, clipped)


def value_of_kind(kind: npt.NDArray[np.int8], mean: FloatArray, largest: FloatArray, last: FloatArray) -> FloatArray:
    """Give what each channel's readings become by its kind of `Summary`, float64[C]."""
    chosen: FloatArray = np.where(kind == Summary.MEAN, mean, np.where(kind == Summary.MAX, largest, last))
    return chosen
