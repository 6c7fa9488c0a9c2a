"""What one channel had in many closed hops, as a store of time series gives it to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from domain.arrays import FloatArray, IndexArray, TimeArray
from domain.identifiers import ChannelName, SensorId

__all__ = ["HopValues"]


class HopValues(NamedTuple):
    """Summaries of one channel, one row a hop.

    Attributes
    ----------
    start_ns : int64[W]
        Starts of the hops, ascending.
    value : float64[W]
        Summary of each, in the channel's unit, as it was learnt from.
    readings : int32[W]
        How many are in it.
    """

    sensor: SensorId
    channel: ChannelName
    start_ns: TimeArray
    value: FloatArray
    readings: IndexArray

    @staticmethod
    def of(sensor: str, channel: str, rows: Sequence[tuple[int, float, float]]) -> HopValues:
        """Make columns of rows of (start, value, count)."""
        start_ns, value, count = zip(*rows, strict=True)
        return HopValues(
            SensorId(sensor),
            ChannelName(channel),
            np.array(start_ns, np.int64),
            np.array(value, np.float64),
            np.array(count, np.int32),
        )
