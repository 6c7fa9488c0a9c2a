"""What is remembered of the modes of a structure between blocks, and how it is written.

A structure has a group for each sampling rate of its blocks: days that wait for their end, the period under way, the
mean of the first periods, and the modes that are followed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from domain.arrays import FloatArray
from domain.errors import ShapeError
from models.modal_memory import ModeTracks
from models.modal_spectra import SpectrumSum

__all__ = ["AssetModes", "RateGroup"]

_MAGIC: Final = b"SCHM"
_GROUP: Final = struct.Struct("<dqqdqqqqqq")


@dataclass(frozen=True, slots=True, eq=False)
class RateGroup:
    """What is known from the blocks of one sampling rate.

    Attributes
    ----------
    waiting : tuple of (int, SpectrumSum)
        Days that are not closed, by number since 1970, and within a day by length of block.
    period : SpectrumSum or None
        Closed days since the last look.
    begun_ns : int
        Start of the first of them.
    warmth, warm_days : float, int
        Sum of their temperatures in degrees Celsius, and days that had one.
    reference : float64[F]
        Mean density of the first periods, per hertz; empty before the first.
    reference_periods, reference_samples : int
        How many, and of which length of block.
    tracks : ModeTracks
    """

    sampling_rate_hz: float
    waiting: tuple[tuple[int, SpectrumSum], ...] = ()
    period: SpectrumSum | None = None
    begun_ns: int = 0
    warmth: float = 0.0
    warm_days: int = 0
    reference: FloatArray = field(default_factory=lambda: np.empty(0))
    reference_periods: int = 0
    reference_samples: int = 0
    tracks: ModeTracks = field(default_factory=ModeTracks.empty)


@dataclass(frozen=True, slots=True, eq=False)
class AssetModes:
    """What is known of the modes of one structure.

    Attributes
    ----------
    groups : tuple of RateGroup
        By sampling rate.
    closed_day : int
        Days before this number are closed.
    """

    groups: tuple[RateGroup, ...] = ()
    closed_day: int = 0

    @property
    def waits(self) -> bool:
        """Whether the end of a day changes anything."""
        return any(group.waiting or group.period is not None for group in self.groups)

    def encode(self) -> bytes:
        """Write the state; equal states give equal bytes."""
        parts = [_MAGIC, struct.pack("<qq", self.closed_day, len(self.groups))]
        for group in self.groups:
            tracks = group.tracks.encode()
            period = group.period.encode() if group.period is not None else b""
            parts.append(
                _GROUP.pack(
                    group.sampling_rate_hz,
                    len(group.waiting),
                    group.begun_ns,
                    group.warmth,
                    group.warm_days,
                    group.reference_periods,
                    group.reference_samples,
                    len(group.reference),
                    len(period),
                    len(tracks),
                )
            )
            parts += [group.reference.astype("<f8").tobytes(), period, tracks]
            for day, waiting in group.waiting:
                body = waiting.encode()
                parts += [struct.pack("<qq", day, len(body)), body]
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> AssetModes:
        """Read what `encode` wrote, to the bit.

        Raises
        ------
        ShapeError
            If the bytes are of something else, or cut short.
        """
        reader = _Reader(data)
        if reader.take(len(_MAGIC)) != _MAGIC:
            raise ShapeError(f"got {data[:4]!r} at the head of the state of modes, expected {_MAGIC!r}")
        closed_day, count = struct.unpack("<qq", reader.take(16))
        groups = []
        for _ in range(count):
            (rate_hz, days, begun_ns, warmth, warm_days, periods, samples, bins, period_size, tracks_size) = (
                _GROUP.unpack(reader.take(_GROUP.size))
            )
            reference = np.frombuffer(reader.take(8 * bins), "<f8").astype(np.float64)
            period = SpectrumSum.decode(reader.take(period_size)) if period_size else None
            tracks = ModeTracks.decode(reader.take(tracks_size))
            waiting = []
            for _ in range(days):
                day, size = struct.unpack("<qq", reader.take(16))
                waiting.append((day, SpectrumSum.decode(reader.take(size))))
            groups.append(
                RateGroup(
                    sampling_rate_hz=rate_hz,
                    waiting=tuple(waiting),
                    period=period,
                    begun_ns=begun_ns,
                    warmth=warmth,
                    warm_days=warm_days,
                    reference=reference,
                    reference_periods=periods,
                    reference_samples=samples,
                    tracks=tracks,
                )
            )
        return cls(tuple(groups), closed_day)


@dataclass(slots=True)
class _Reader:
    """Bytes, piece by piece."""

    data: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) != size:
            raise ShapeError(f"got {len(self.data)} bytes of the state of modes, expected {self.at + size} or more")
        self.at += size
        return part
