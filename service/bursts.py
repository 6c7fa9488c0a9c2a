"""Waveforms that came in parts: kept in the journal until they are whole, decoded once, or given up in words.

A part is stored in the same transaction in which its message is accounted for as waiting, so it may be
acknowledged at once and survives a restart. Its hash is kept like that of a message without a time:
a part that the broker sends again, even after its burst was decoded, counts as a duplicate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from domain.errors import PayloadError
from ingest.assembler import ReceivedBlock, WaveformAssembler
from ingest.blocks import WaveformGroups, decode_assembled
from ingest.clock import ClockLimits
from ingest.formats.project import decode_waveform
from ingest.messages import DecodedBatch, Message, Refusal
from ingest.resolve import Resolver
from storage.journal import Journal

__all__ = ["EXPIRY_NS", "BurstWork", "take_parts"]

# gateway-payloads: parts that have not all come within a minute will not.
EXPIRY_NS = 60_000_000_000


@dataclass(slots=True)
class BurstWork:
    """What the parts of one batch lead to.

    Attributes
    ----------
    groups : WaveformGroups or None
        Bursts that became whole; a block's message is its place in `last_part`.
    last_part : list of int
        The message that made each burst whole.
    parts, used, arrivals
        Rows for the journal: to store, to remove, and hashes to remember.
    refusals : list of Refusal
        Parts that contradict their burst, and whole bursts that do not fit the register any more.
    waiting, decoded, duplicate, dead_lettered : int
        What is added to the counts of messages.
    """

    groups: WaveformGroups | None = None
    last_part: list[int] = field(default_factory=list)
    parts: list[tuple[str, str, int, bytes, int]] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)
    arrivals: list[tuple[bytes, int]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    waiting: int = 0
    decoded: int = 0
    duplicate: int = 0
    dead_lettered: int = 0


def take_parts(
    journal: Journal,
    messages: Sequence[Message],
    batch: DecodedBatch,
    resolver: Resolver,
    limits: ClockLimits,
    hash_of: Callable[[Message], bytes],
) -> BurstWork:
    """Put the parts of a batch to those in the journal, and decode what became whole; nothing is written yet."""
    work = BurstWork()
    if not batch.parts:
        return work
    hashes = [hash_of(messages[position]) for position, _ in batch.parts]
    seen = journal.known_arrivals(hashes)
    bursts: dict[tuple[str, str], _Burst] = {}
    whole: list[ReceivedBlock] = []
    sizes: list[int] = []
    for (position, part), digest in zip(batch.parts, hashes, strict=True):
        if digest in seen:
            work.duplicate += 1
            continue
        seen.add(digest)
        message = messages[position]
        key = (message.topic, f"{part.raw.axis}\n{part.raw.id}")
        burst = bursts.get(key)
        if burst is None:
            burst = bursts[key] = _load(journal, key, part)
        try:
            block = burst.assembler.add(part)
        except PayloadError as error:
            work.refusals.append(Refusal(position, error.code, error.reason, whole=True))
            work.dead_lettered += 1
            continue
        work.arrivals.append((digest, message.received_ns))
        burst.fresh.append((*key, part.raw.part, message.payload, message.received_ns))
        if block is not None:
            whole.append(block)
            sizes.append(burst.stored + len(burst.fresh))
            work.last_part.append(position)
            work.waiting -= burst.stored
            work.used.append(key)
            bursts[key] = _Burst(WaveformAssembler(), 0)
    for burst in bursts.values():
        work.parts.extend(burst.fresh)
        work.waiting += len(burst.fresh)
    if whole:
        work.groups = decode_assembled(whole, resolver, limits)
        refused = dict(work.groups.refused)
        for place, size in enumerate(sizes):
            fault = refused.get(place)
            if fault is None:
                work.decoded += size
            else:
                work.dead_lettered += size
                work.refusals.append(Refusal(work.last_part[place], fault.code, fault.reason, whole=True))
    return work


@dataclass(slots=True)
class _Burst:
    """One unfinished burst: what the journal has of it, and what this batch brings."""

    assembler: WaveformAssembler
    stored: int
    fresh: list[tuple[str, str, int, bytes, int]] = field(default_factory=list)


def _load(journal: Journal, key: tuple[str, str], part: ReceivedBlock) -> _Burst:
    """Read the stored parts of a burst; they were sound when they were stored."""
    assembler = WaveformAssembler()
    stored = journal.parts(*key)
    for _, payload, received_ns in stored:
        raw = decode_waveform(payload, part.sensor)
        assembler.add(ReceivedBlock(part.gateway, part.asset, part.sensor, raw, received_ns))
    return _Burst(assembler, len(stored))
