"""Waveform blocks of a batch, grouped by shape and decoded one array a group.

Each row depends on its own bytes alone, so how messages are cut into batches changes no bit of a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from domain.arrays import FlagArray, IndexArray, ReadingFlag, SignalBlock
from domain.errors import PayloadError, UnitError
from domain.units import conversion
from ingest.assembler import ReceivedBlock
from ingest.clock import ClockLimits
from ingest.formats.project import RawBlock, decode_samples
from ingest.resolve import Resolver, WaveformSlot

__all__ = ["PlacedBlock", "WaveformGroups", "decode_assembled", "group_blocks", "place_block"]


class PlacedBlock(NamedTuple):
    """A raw block whose place in the register is known.

    Attributes
    ----------
    message : int
        Position of its message in the batch.
    start_ns : int
        Device time of the first sample, or the time of arrival where `flags` say `BAD_CLOCK`.
    factor, offset : float
        From raw samples to `slot.unit`.
    """

    message: int
    slot: WaveformSlot
    raw: RawBlock
    start_ns: int
    flags: int
    factor: float
    offset: float


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


# As plain integers: joining enumerated flags takes as long as the rest of a placement.
_BAD_CLOCK: Final = int(ReadingFlag.BAD_CLOCK)
_BACKFILL: Final = int(ReadingFlag.BACKFILL)


def place_block(
    raw: RawBlock, slot: WaveformSlot, limits: ClockLimits, *, message: int, received_ns: int
) -> PlacedBlock:
    """Work out time, flags and scaling of one block.

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
    flags = _BACKFILL if raw.is_backfill else 0
    start_ns = raw.start_ns
    if start_ns is None or not limits.admits(start_ns, is_backfill=raw.is_backfill):
        start_ns = received_ns
        flags |= _BAD_CLOCK
    return PlacedBlock(
        message, slot, raw, start_ns, flags, unit_factor * raw.scale, unit_factor * raw.offset + unit_offset
    )


def group_blocks(placed: Iterable[PlacedBlock]) -> WaveformGroups:
    """Decode blocks of equal encoding, length and rate together."""
    by_shape: dict[tuple[str, int, float], list[PlacedBlock]] = {}
    slots: dict[WaveformSlot, int] = {}
    for block in placed:
        raw = block.raw
        by_shape.setdefault((raw.encoding.value, raw.length, raw.sampling_rate_hz), []).append(block)
        slots.setdefault(block.slot, len(slots))
    groups = WaveformGroups(tuple(slots), [], [], [])
    for members in by_shape.values():
        _decode_group(members, slots, groups)
    return groups


def _decode_group(members: list[PlacedBlock], slots: dict[WaveformSlot, int], groups: WaveformGroups) -> None:
    """Decode one group and append it; rows that are not finite are refused."""
    raw = members[0].raw
    samples, clipped = decode_samples(
        raw.encoding,
        raw.length,
        [block.raw.data for block in members],
        factor=np.array([block.factor for block in members]),
        offset=np.array([block.offset for block in members]),
    )
    clipped |= np.array([block.raw.clipped for block in members], dtype=np.bool_)
    flags = np.array([block.flags for block in members], dtype=np.uint8)
    flags[clipped] |= np.uint8(ReadingFlag.CLIPPED)
    message = np.array([block.message for block in members], dtype=np.int32)
    channel = np.array([slots[block.slot] for block in members], dtype=np.int32)
    start_ns = np.array([block.start_ns for block in members], dtype=np.int64)
    finite = np.isfinite(samples).all(axis=1)
    if not finite.all():
        refusal = PayloadError("bad_value", "got samples that are not finite, expected numbers; check sensor and scale")
        groups.refused.extend((int(position), refusal) for position in message[~finite])
        if not finite.any():
            return
        message, channel, start_ns = message[finite], channel[finite], start_ns[finite]
        samples, clipped, flags = samples[finite], clipped[finite], flags[finite]
    groups.blocks.append((SignalBlock(channel, start_ns, raw.sampling_rate_hz, samples, clipped), message))
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
    placed: list[PlacedBlock] = []
    refused: list[tuple[int, PayloadError]] = []
    for position, block in enumerate(blocks):
        channels = resolver.sensor(block.asset, block.sensor)
        try:
            if channels is None:
                raise PayloadError("unknown_channel", resolver.why_unknown(block.asset, block.sensor))  # noqa: TRY301
            slot = channels.slot(block.raw.axis)
            placed.append(place_block(block.raw, slot, limits, message=position, received_ns=block.received_ns))
        except PayloadError as error:
            refused.append((position, error))
    groups = group_blocks(placed)
    return groups._replace(refused=refused + groups.refused)
