"""Waveforms that came in parts: kept in the journal until they are whole, decoded once, or given up in words.

A part is stored in the transaction in which its message is counted as waiting, so it may be acknowledged at
once and survives a restart. The batch that brings the last part decodes the whole waveform; from then on its
parts are known by the hash of their bytes, so that one which comes again is a duplicate. A waveform whose
first part came more than a minute ago is given up with one dead letter; nothing of it is remembered, so its
sender may try again.

The parts of a burst are read anew with each batch that brings more of them: gateways send them back to back,
so that is once or twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.errors import PayloadError
from domain.identifiers import GatewayId
from domain.measurements import DeadLetter
from ingest.assembler import ReceivedBlock, WaveformAssembler
from ingest.blocks import WaveformGroups, decode_assembled
from ingest.clock import ClockLimits
from ingest.formats.project import RawBlock, decode_waveform
from ingest.messages import DecodedBatch, Message, MessageOutcome, OutcomeArray, Refusal
from ingest.resolve import Resolver
from ingest.topics import parse_topic
from storage.journal import Journal

__all__ = ["EXPIRY_NS", "KEPT_BYTES", "BurstWork", "GivenUp", "give_up", "message_hash", "take_parts"]

# Parts that have not all come within a minute will not (the block format, section 9e).
EXPIRY_NS: Final = 60_000_000_000
# Four of the longest waveforms as JSON numbers; a gateway that never finishes one must not fill the disk.
KEPT_BYTES: Final = 64 * 2**20
_MISSING_SHOWN: Final = 20

_PartRow = tuple[str, str, int, bytes, int]


def message_hash(topic: str, payload: bytes, *, use: bytes = b"") -> bytes:
    """Name a message by its bytes: 16 bytes of BLAKE2b over topic and payload, others for each use."""
    digest = hashlib.blake2b(digest_size=16, person=use)
    digest.update(topic.encode(errors="surrogatepass"))
    digest.update(b"\0")
    digest.update(payload)
    return digest.digest()


@dataclass(slots=True)
class BurstWork:
    """What the parts of one batch lead to.

    Attributes
    ----------
    outcome : int8[M]
        `MessageOutcome` of each message, that of the last part standing for its whole waveform.
    weight : int64[M]
        Messages that this outcome stands for: those of the whole waveform at its last part, 0 at other parts.
    groups : WaveformGroups or None
        Waveforms that became whole; a block's message is its place in `last_part`.
    last_part : list of int
        The message that made each waveform whole.
    parts, used, arrivals
        Rows for the journal: to store, to remove, and hashes to remember.
    refusals : list of Refusal
        Parts that contradict their waveform, and whole ones that do not fit the register any more.
    waiting, duplicate : int
        Parts that wait from now on, less those that did; parts that had come before.
    """

    outcome: OutcomeArray
    weight: npt.NDArray[np.int64]
    groups: WaveformGroups | None = None
    last_part: list[int] = field(default_factory=list)
    parts: list[_PartRow] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)
    arrivals: list[tuple[bytes, int]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    waiting: int = 0
    duplicate: int = 0

    def note_repeated(self, refused_before: Sequence[int]) -> None:
        """Note which messages were refused as a whole when they came before."""
        was_refused = np.zeros(len(self.outcome), np.bool_)
        was_refused[list(refused_before)] = True
        self.outcome[was_refused & (self.outcome == MessageOutcome.DEAD_LETTER)] = MessageOutcome.REPEATED


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Waveforms that did not become whole: one letter each, the rows to remove, and how many messages that were."""

    letters: list[DeadLetter]
    used: list[tuple[str, str]]
    messages: int


def take_parts(
    journal: Journal, messages: Sequence[Message], batch: DecodedBatch, resolver: Resolver, limits: ClockLimits
) -> BurstWork:
    """Put the parts of a batch to those in the journal, and decode what became whole; nothing is written yet."""
    outcome = batch.outcome.copy()
    work = BurstWork(outcome, (outcome != MessageOutcome.PART).astype(np.int64))
    if not batch.parts:
        return work
    hashes = [message_hash(messages[position].topic, messages[position].payload) for position, _ in batch.parts]
    done = journal.known_arrivals(hashes)
    bursts: dict[tuple[str, str], _Burst] = {}
    whole: list[ReceivedBlock] = []
    for (position, part), digest in zip(batch.parts, hashes, strict=True):
        message = messages[position]
        key = (message.topic, f"{part.raw.axis}\n{part.raw.id}")
        if digest in done:
            work.duplicate += 1
            continue
        burst = bursts.get(key)
        if burst is None:
            burst = bursts[key] = _load(journal, key, part)
        try:
            is_new, block = burst.add(part, (*key, part.raw.part, message.payload, message.received_ns))
        except PayloadError as error:
            work.refusals.append(Refusal(position, error.code, error.reason, whole=True))
            work.outcome[position], work.weight[position] = MessageOutcome.DEAD_LETTER, 1
            continue
        if not is_new:
            work.duplicate += 1
        if block is not None:
            whole.append(block)
            rows = burst.stored + burst.fresh
            work.last_part.append(position)
            work.outcome[position], work.weight[position] = MessageOutcome.DECODED, len(rows)
            work.arrivals += [(message_hash(topic, payload), at_ns) for topic, _, _, payload, at_ns in rows]
            work.waiting -= len(burst.stored)
            work.used.append(key)
            done.update(known for known, _ in work.arrivals[-len(rows) :])
            bursts[key] = _Burst([])
    for burst in bursts.values():
        work.parts += burst.fresh
        work.waiting += len(burst.fresh)
    if whole:
        work.groups = decode_assembled(whole, resolver, limits)
        for place, fault in work.groups.refused:
            position = work.last_part[place]
            work.outcome[position] = MessageOutcome.DEAD_LETTER
            work.refusals.append(Refusal(position, fault.code, fault.reason, whole=True))
    return work


class _Burst:
    """One unfinished waveform: what the journal has of it, and what this batch brings."""

    def __init__(self, stored: list[_PartRow]) -> None:
        self.stored = stored
        self.fresh: list[_PartRow] = []
        self._assembler = WaveformAssembler()
        self._first: RawBlock | None = None
        self._places: set[int] = set()

    def add(self, part: ReceivedBlock, row: _PartRow | None) -> tuple[bool, ReceivedBlock | None]:
        """Take in one part, with its row where it is not stored yet; tell whether it is new, and what became whole."""
        raw = part.raw
        if raw.part in self._places:
            if self._first is not None and _description(raw) != _description(self._first):
                raise PayloadError(
                    "bad_value",
                    f"part {raw.part} of burst {raw.id!r}: got another description than its other parts have; "
                    "give another burst another id",
                )
            return False, None
        block = self._assembler.add(part)
        self._places.add(raw.part)
        self._first = self._first or raw
        if row is not None:
            self.fresh.append(row)
        return True, block


def _description(raw: RawBlock) -> RawBlock:
    """Give what all parts of one waveform share."""
    return raw._replace(part=1, length=0, data=b"", clipped=False)


def _load(journal: Journal, key: tuple[str, str], part: ReceivedBlock) -> _Burst:
    """Read the stored parts of a burst; they were sound when they were stored."""
    burst = _Burst([(*key, place, payload, at_ns) for place, payload, at_ns in journal.parts(*key)])
    for _, _, _, payload, at_ns in burst.stored:
        raw = decode_waveform(payload, part.sensor)
        burst.add(ReceivedBlock(part.gateway, part.asset, part.sensor, raw, at_ns), None)
    return burst


def give_up(journal: Journal, *, now_ns: int, seq: int, head_bytes: int) -> GivenUp:
    """Find the waveforms that will not become whole any more.

    Parameters
    ----------
    now_ns : int
        The clock that the parts' times of arrival are from.
    seq : int
        The journal entry that the letters will stand in.
    head_bytes : int
        First bytes of the first part that are shown.
    """
    limit_ns = now_ns - EXPIRY_NS
    stale = journal.stale_bursts(received_before_ns=limit_ns, keep_bytes=KEPT_BYTES)
    letters: list[DeadLetter] = []
    messages = 0
    for index, (topic, block) in enumerate(stale):
        rows = journal.parts(topic, block)
        messages += len(rows)
        first_ns = min(at_ns for _, _, at_ns in rows)
        why = "within a minute" if first_ns < limit_ns else f"while {KEPT_BYTES >> 20} MB of parts waited"
        letters.append(
            DeadLetter(
                id=f"{seq}-{index}",
                topic=topic,
                gateway=GatewayId(parse_topic(topic).gateway),
                code="missing_key",
                reason=_what_is_missing(topic, [place for place, _, _ in rows], rows[0][1], why),
                head=rows[0][1][:head_bytes],
                received_at_ns=first_ns,
            )
        )
    return GivenUp(letters, stale, messages)


def _what_is_missing(topic: str, have: list[int], payload: bytes, why: str) -> str:
    raw = decode_waveform(payload, parse_topic(topic).sensor or "")
    missing = [place for place in range(1, raw.parts + 1) if place not in set(have)]
    return (
        f"waveform {raw.id!r}: got parts {_listed(have)} {why}, expected also {_listed(missing)} of {raw.parts}; "
        "send all parts of a block together"
    )


def _listed(places: list[int]) -> str:
    shown = ", ".join(str(place) for place in places[:_MISSING_SHOWN])
    return shown if len(places) <= _MISSING_SHOWN else f"{shown} and {len(places) - _MISSING_SHOWN} more"
