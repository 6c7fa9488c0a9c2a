"""Closed hops in columns: as arrays where they are computed with, as bytes where they are kept."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np

from domain.arrays import FloatArray, IndexArray, TimeArray

__all__ = ["HopArrays", "HopColumns"]

# Of the columns of `HopArrays` as bytes, in their order.
_TYPES: Final = ("<i4", "<i8", "<f8", "<i4", "<f8", "<f8", "<f8")


class HopArrays(NamedTuple):
    """Closed hops, one row a channel and hop.

    Attributes
    ----------
    channel : int32[N]
        Lasting number of the channel.
    start_ns : int64[N]
        Start of the hop.
    value : float64[N]
        Its summary, in the channel's unit.
    readings : int32[N]
        How many are behind it.
    expected, band, novelty : float64[N]
        As in `models.chain.HopScores`; NaN where there is none.
    """

    channel: IndexArray
    start_ns: TimeArray
    value: FloatArray
    readings: IndexArray
    expected: FloatArray
    band: FloatArray
    novelty: FloatArray


class HopColumns(msgspec.Struct, frozen=True):
    """The columns of `HopArrays` as bytes, little-endian; `count` is what is `readings` there."""

    channel: bytes = b""
    start_ns: bytes = b""
    value: bytes = b""
    count: bytes = b""
    expected: bytes = b""
    band: bytes = b""
    novelty: bytes = b""

    @classmethod
    def of(cls, hops: HopArrays) -> HopColumns:
        """Pack columns."""
        columns = zip(cls.__struct_fields__, hops, _TYPES, strict=True)
        return cls(**{name: np.asarray(column).astype(kind).tobytes() for name, column, kind in columns})

    def arrays(self) -> HopArrays:
        """Unpack the columns; the inverse of `of`, to the bit."""
        columns = zip(self.__struct_fields__, _TYPES, strict=True)
        return HopArrays(*(np.frombuffer(getattr(self, name), kind) for name, kind in columns))
