"""Array records: columns that share a length, as they go from payload to model.

Shape letters: `B` blocks, `N` samples or readings, `A` assets, `C` channels. Times are int64 Unix
nanoseconds, UTC. Values are float64 in the unit of the register. Missing is a `valid` mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from domain.errors import ShapeError

__all__ = [
    "BoolArray",
    "FeatureTable",
    "FloatArray",
    "IndexArray",
    "ReadingColumns",
    "ReadingFlag",
    "SignalBlock",
    "TimeArray",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
IndexArray: TypeAlias = npt.NDArray[np.int32]
TimeArray: TypeAlias = npt.NDArray[np.int64]
FlagArray: TypeAlias = npt.NDArray[np.uint8]


class ReadingFlag(IntFlag):
    """What is known about one reading beyond its value."""

    NONE = 0
    BAD_CLOCK = 1  # impossible or absent device time: stored under the time of arrival, not scored
    LATE = 2  # its hop was closed already: stored, and not scored unless it revises
    BACKFILL = 4  # the gateway said that it had been buffered
    CLIPPED = 8  # the waveform it was computed from touched the limit of its range
    CLAIMED = 16  # far ahead of its source's time so far: scored once the source has confirmed it
    REVISES = 32  # late, and within the back-fill window: its hop and what followed are scored again


def _same_length(record: str, first: npt.NDArray[Any], *others: npt.NDArray[Any]) -> None:
    for other in others:
        if other.shape[:1] != first.shape[:1]:
            msg = f"{record} got columns of shape {first.shape} and {other.shape}, expected one common length"
            raise ShapeError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class SignalBlock:
    """Waveforms of equal length and sampling rate, in SI units.

    Attributes
    ----------
    channel : int32[B]
        Caller's index of the waveform's channel.
    start_ns : int64[B]
        Time of the first sample.
    sampling_rate_hz : float
        Samples a second, positive.
    samples : float64[B, N]
        The signal, C-contiguous, one row a block.
    clipped : bool[B]
        True where a raw value touched the limit of its encoding.
    """

    channel: IndexArray
    start_ns: TimeArray
    sampling_rate_hz: float
    samples: FloatArray
    clipped: BoolArray

    def __post_init__(self) -> None:
        _same_length("SignalBlock", self.channel, self.start_ns, self.samples, self.clipped)


@dataclass(frozen=True, slots=True, eq=False)
class ReadingColumns:
    """Readings as columns, in no particular order.

    Attributes
    ----------
    channel : int32[N]
        The journal's lasting channel number, not a position in a catalogue.
    time_ns : int64[N]
        Device time, or the time of arrival where flagged `BAD_CLOCK`.
    value : float64[N]
        In the unit of the register; finite.
    flags : uint8[N]
        `ReadingFlag` bits.
    """

    channel: IndexArray
    time_ns: TimeArray
    value: FloatArray
    flags: FlagArray

    def __post_init__(self) -> None:
        _same_length("ReadingColumns", self.channel, self.time_ns, self.value, self.flags)

    def __len__(self) -> int:
        return len(self.channel)

    def take(self, rows: npt.NDArray[Any] | slice) -> ReadingColumns:
        """Select rows by index, mask or slice."""
        return ReadingColumns(self.channel[rows], self.time_ns[rows], self.value[rows], self.flags[rows])

    @staticmethod
    def empty() -> ReadingColumns:
        """Give columns of no readings."""
        return ReadingColumns(
            np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint8)
        )

    @staticmethod
    def concatenate(parts: list[ReadingColumns]) -> ReadingColumns:
        """Put columns behind each other."""
        if not parts:
            return ReadingColumns.empty()
        return ReadingColumns(
            np.concatenate([part.channel for part in parts]),
            np.concatenate([part.time_ns for part in parts]),
            np.concatenate([part.value for part in parts]),
            np.concatenate([part.flags for part in parts]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """One hop of each of `A` assets: a summary per channel, channels of one asset side by side.

    Attributes
    ----------
    start_ns : int64[A]
        Start of each asset's hop.
    hop_ns : int64[A]
        Length of each asset's hop.
    value : float64[C]
        The channel's summary in this hop; 0 where not valid.
    valid : bool[C]
        True where at least one scorable reading arrived.
    count : int32[C]
        Readings behind the summary.
    clipped : bool[C]
        True where one of them was computed from a waveform that touched the limit of its range.
    """

    start_ns: TimeArray
    hop_ns: TimeArray
    value: FloatArray
    valid: BoolArray
    count: IndexArray
    clipped: BoolArray

    def __post_init__(self) -> None:
        _same_length("FeatureTable", self.start_ns, self.hop_ns)
        _same_length("FeatureTable", self.value, self.valid, self.count, self.clipped)

    @classmethod
    def of_single(cls, start_ns: TimeArray, hop_ns: TimeArray, value: FloatArray, valid: BoolArray) -> FeatureTable:
        """Give a table with one reading, none of them clipped, behind each valid value."""
        single = np.where(valid, value, 0.0)
        return cls(start_ns, hop_ns, single, valid, valid.astype(np.int32), np.zeros(len(valid), np.bool_))

    @property
    def end_ns(self) -> TimeArray:
        """int64[A]: end of each asset's hop, exclusive."""
        return self.start_ns + self.hop_ns
