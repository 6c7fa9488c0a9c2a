"""Waveform blocks of a batch, grouped by shape and decoded one array a group.

Each row depends on its own bytes alone, so how messages are cut into batches changes no bit of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from domain.arrays import FlagArray, IndexArray, ReadingFlag, SignalBlock
from domain.errors import PayloadError, UnitError
from domain.units import conversion
from ingest.assembler import ReceivedBlock
from ingest.block_kind import BlockKind, WaveformSlot
from ingest.clock import ClockLimits
from ingest.formats.project import RawBlock, SampleEncoding, decode_samples
from ingest.repeats import ReadTogether
from ingest.resolve import Resolver

__all__ = ["PlacedBlocks", "WaveformGroups", "decode_assembled", "kind_of_block"]


# As plain integers: joining enumerated flags takes as long as the rest of a placement.
_BAD_CLOCK: Final = np.uint8(ReadingFlag.BAD_CLOCK)
_BACKFILL: Final = int(ReadingFlag.BACKFILL)
# Outside what any clock says: the first nanosecond that 64 bits can tell.
_NO_TIME: Final = int(np.iinfo(np.int64).min)


class PlacedBlocks:
    """Blocks whose place in the register is known, as columns."""

    __slots__ = ("_data", "_kinds", "_limits", "_messages", "_received_ns", "_starts_ns")

    def __init__(self, limits: ClockLimits) -> None:
        self._limits = limits
        self._kinds: list[BlockKind] = []
        self._starts_ns: list[int] = []
        self._data: list[bytes] = []
        self._messages: list[int] = []
        self._received_ns: list[int] = []

    def add(self, kind: BlockKind, start_ns: int | None, data: bytes, *, message: int, received_ns: int) -> None:
        """Put one block to the others.

        Parameters
        ----------
        start_ns : int or None
            Device time of the first sample; where it is not believed, the time of arrival takes its place.
        data : bytes
            `length * encoding.width` bytes.
        message : int
            Position of its message in the batch.
        """
        self._kinds.append(kind)
        self._starts_ns.append(_NO_TIME if start_ns is None else start_ns)
        self._data.append(data)
        self._messages.append(message)
        self._received_ns.append(received_ns)

    def extend(self, blocks: ReadTogether) -> None:
        """Put many blocks to the others."""
        self._kinds += blocks.kinds
        self._starts_ns += blocks.starts_ns
        self._data += blocks.data
        self._messages += blocks.positions
        self._received_ns += blocks.received_ns

    def groups(self) -> WaveformGroups:
        """Decode blocks of equal encoding, length and rate together; rows that are not finite are refused.

        Whatever the order in which they were put here, they come in the order of their messages.
        """
        if not self._kinds:
            return WaveformGroups((), [], [], [])
        message = np.array(self._messages, dtype=np.int32)
        order = np.argsort(message, kind="stable")
        message = message[order]
        kind_of_row = [self._kinds[row] for row in order.tolist()]
        slots: dict[WaveformSlot, int] = {}
        shapes: dict[tuple[SampleEncoding, int, float], int] = {}
        # Most blocks share their kind with others: what follows from it is worked out once a kind.
        place_of: dict[int, int] = {}
        place = np.array([place_of.setdefault(id(kind), len(place_of)) for kind in kind_of_row], dtype=np.intp)
        kinds = [kind_of_row[first] for first in np.unique(place, return_index=True)[1].tolist()]
        slot_of = np.array([slots.setdefault(kind.slot, len(slots)) for kind in kinds], dtype=np.int32)
        shape_of = np.array([shapes.setdefault(kind[1:4], len(shapes)) for kind in kinds], dtype=np.intp)
        scaling = np.array([(kind.factor, kind.offset) for kind in kinds])
        said = np.array([kind.clipped for kind in kinds], dtype=np.bool_)
        flags = np.array([kind.flags for kind in kinds], dtype=np.uint8)[place]
        bounds = np.array([self._limits.bounds(is_backfill=bool(kind.flags)) for kind in kinds])[place]
        start_ns = np.array(self._starts_ns, dtype=np.int64)[order]
        is_believed = (bounds[:, 0] <= start_ns) & (start_ns <= bounds[:, 1]) & (start_ns != _NO_TIME)
        flags[~is_believed] |= _BAD_CLOCK
        start_ns = np.where(is_believed, start_ns, np.array(self._received_ns, dtype=np.int64)[order])
        groups = WaveformGroups(tuple(slots), [], [], [])
        for number, (encoding, length, rate_hz) in enumerate(shapes):
            rows = np.flatnonzero(shape_of[place] == number)
            kind_of = place[rows]
            samples, clipped = decode_samples(
                encoding,
                length,
                [self._data[row] for row in order[rows].tolist()],
                factor=scaling[kind_of, 0],
                offset=scaling[kind_of, 1],
            )
            block = SignalBlock(slot_of[kind_of], start_ns[rows], rate_hz, samples, clipped | said[kind_of])
            _add_finite(groups, block, message[rows], flags[rows])
        return groups


class WaveformGroups(NamedTuple):
    """Blocks of a batch; entries of `blocks` and `flags` belong together.

    Attributes
    ----------
    slots : tuple of WaveformSlot
        What `SignalBlock.channel` is an index into.
    blocks : list of (SignalBlock, int32[B])
        Blocks of one shape and rate, in order of arrival, and the message each came from.
    flags : list of uint8[B]
        `ReadingFlag` bits for what is computed from each block.
    refused : list of (int, PayloadError)
        Messages whose samples turned out not to be finite.
    """

    slots: tuple[WaveformSlot, ...]
    blocks: list[tuple[SignalBlock, IndexArray]]
    flags: list[FlagArray]
    refused: list[tuple[int, PayloadError]]


def kind_of_block(raw: RawBlock, slot: WaveformSlot) -> BlockKind:
    """Work out what a block's place in the register makes of it.

    Raises
    ------
    PayloadError
        With code `bad_unit` when the block's unit does not convert into the slot's.
    """
    unit_factor, unit_offset = 1.0, 0.0
    if slot.unit:
        try:
            unit_factor, unit_offset = conversion(raw.unit, slot.unit)
        except UnitError as error:
            raise PayloadError("bad_unit", f"waveform of sensor {slot.sensor!r}: {error}") from error
    return BlockKind(
        slot,
        raw.encoding,
        raw.length,
        raw.sampling_rate_hz,
        unit_factor * raw.scale,
        unit_factor * raw.offset + unit_offset,
        _BACKFILL if raw.is_backfill else 0,
        raw.clipped,
    )


def _add_finite(groups: WaveformGroups, block: SignalBlock, message: IndexArray, flags: FlagArray) -> None:
    """Append one group, leaving out and refusing the rows that are not finite."""
    flags[block.clipped] |= np.uint8(ReadingFlag.CLIPPED)
    finite = np.isfinite(block.samples).all(axis=1)
    if not finite.all():
        refusal = PayloadError("bad_value", "got samples that are not finite, expected numbers; check sensor and scale")
        groups.refused.extend((int(position), refusal) for position in message[~finite])
        if not finite.any():
            return
        message, flags = message[finite], flags[finite]
        block = SignalBlock(
            block.channel[finite],
            block.start_ns[finite],
            block.sampling_rate_hz,
            block.samples[finite],
            block.clipped[finite],
        )
    groups.blocks.append((block, message))
    groups.flags.append(flags)


def decode_assembled(blocks: Sequence[ReceivedBlock], resolver: Resolver, limits: ClockLimits) -> WaveformGroups:
    """Decode bursts that came in parts, once `ingest.assembler` has made them whole.

    Parameters
    ----------
    blocks : sequence of ReceivedBlock
        Whole blocks; their positions here stand where a batch has its messages.
    resolver : Resolver
        For the register in force, which may be newer than the one the parts came under.
    limits : ClockLimits
        As for a batch.

    Returns
    -------
    WaveformGroups
        Blocks whose sensor or unit does not fit any more are in `refused`.
    """
    placed = PlacedBlocks(limits)
    refused: list[tuple[int, PayloadError]] = []
    for position, block in enumerate(blocks):
        channels = resolver.sensor(block.asset, block.sensor)
        try:
            if channels is None:
                raise PayloadError("unknown_channel", resolver.why_unknown(block.asset, block.sensor))  # noqa: TRY301
            raw = block.raw
            kind = kind_of_block(raw, channels.slot(raw.axis))
            placed.add(kind, raw.start_ns, raw.data, message=position, received_ns=block.received_ns)
        except PayloadError as error:
            refused.append((position, error))
    groups = placed.groups()
    return groups._replace(refused=refused + groups.refused)
