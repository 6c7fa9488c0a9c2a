"""The chain, from messages to risk: every arrow one call, every commit one journal entry.

::

    messages ─decode_batch─► readings ─admit─► new readings ──┐                     (take)
                 └─waveform_features─►┘                       ├─commit─► journal
    clock ─close─► FeatureTable ─step_hop─► novelty, alarms ─assess─► RiskAssessment ┘  (close)

Nothing in memory changes before the journal has the entry; what changes then is a function of the
entry alone, so that reading the journal again (`service.restore`) gives the same state, bit for bit.
The pipeline owns no thread and no clock: it is called by `service.worker`, by tests, and by
evaluation, with the time handed in.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, IndexArray, ReadingColumns, ReadingFlag, SignalBlock, TimeArray
from domain.errors import StorageError
from domain.identifiers import GatewayId
from domain.records import DataQuality, DeadLetter, RiskAssessment
from domain.register import WAVEFORM_CHANNELS
from ingest.batch import DecodedBatch, Message, MessageOutcome, decode_batch
from ingest.clock import ClockLimits
from ingest.messages import Refusal
from ingest.resolve import WaveformSlot
from models.features import waveform_features
from service.bursts import EXPIRY_NS, BurstWork, take_parts
from service.live_state import LiveState
from service.outcomes import DAY_NS, pack, unpack
from storage.entries import (
    BatchBody,
    ClosingBody,
    GatewayChange,
    Outcome,
    QuarantineChange,
    RegisterBody,
    SensorChange,
    decode_readings,
    encode_readings,
)
from storage.journal import Entry, HeldMessage, HopRow, Journal, JournalCommit

__all__ = ["ClockPolicy", "Pipeline", "TakeReport"]

_FIRST_BYTES_SHOWN: Final = 200
# With fewer sources, none of them can be told to be the odd one out.
_SOURCES_TO_JUDGE: Final = 3
# By the stream's clock, a device time this far ahead of the median source is taken for a fault.
_STREAM_FUTURE_NS: Final = 366 * DAY_NS


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """Which clock closes hops, and its allowances (design.md D1, D14).

    Attributes
    ----------
    by_stream : bool
        True: the stream's own progress; False: the wall clock handed in with each call.
    earliest_ns : int or None
        By the wall's clock, device times before it are none.
    """

    by_stream: bool
    lateness_ns: int
    idle_ns: int
    future_ns: int
    earliest_ns: int | None


@dataclass(frozen=True, slots=True)
class TakeReport:
    """What became of a batch, counted as design.md section 4 asks.

    Attributes
    ----------
    rejected : tuple of DeadLetter
        For the notice to the gateway.
    """

    tally: dict[str, int]
    rejected: tuple[DeadLetter, ...]


class Pipeline:
    """The chain over one journal and one live state.

    Parameters
    ----------
    journal : Journal
        A connection of its own.
    live : LiveState
        State as of the newest applied entry.
    """

    def __init__(
        self, journal: Journal, live: LiveState, policy: ClockPolicy, *, max_payload_bytes: int, head_bytes: int
    ) -> None:
        self.journal = journal
        self.live = live
        self.policy = policy
        self._max_payload_bytes = max_payload_bytes
        self._head_bytes = head_bytes
        self._unassessed: set[int] = set()

    # Readings in -----------------------------------------------------------------------------

    def take(
        self, messages: Sequence[Message], *, now_ns: int, provisional: bool, released: Sequence[HeldMessage] = ()
    ) -> TakeReport:
        """Decode, admit and commit one batch.

        Parameters
        ----------
        messages : sequence of Message
            In the order of arrival.
        now_ns : int
            Wall clock, for limits of device times only.
        provisional : bool
            Whether to assess the touched assets at once, from their open hop.
        released : sequence of HeldMessage
            The same messages as rows of the quarantine, when they come from there.

        Raises
        ------
        JournalMovedError
            If another process appended entries; apply them and call again.
        StorageUnavailable
            If the journal cannot be written; nothing has changed.
        """
        live = self.live
        batch = decode_batch(messages, live.resolver, self._limits(now_ns), max_payload_bytes=self._max_payload_bytes)
        bursts = take_parts(self.journal, messages, batch, live.resolver, self._limits(now_ns), _hash)
        readings, message_of = _with_features(batch, bursts)
        readings, arrivals, repeated = self._key_arrivals(messages, readings, message_of)
        admission = live.tracker.admit(readings.take(~repeated), self._closed_hops)
        accepted = admission.accepted
        duplicate, conflict = repeated.copy(), np.zeros(len(repeated), np.bool_)
        duplicate[~repeated], conflict[~repeated] = admission.duplicate, admission.conflict
        held, quarantine = self._hold(messages, batch)
        tally = _count(batch, bursts, message_of, duplicate, conflict, held, len(released))
        letters = self._letters(messages, [*batch.dead_letters, *bursts.refusals])
        touched = np.unique(live.catalogue.asset_of_channel[live.tracker.rows_of(accepted.channel)])
        self._unassessed.update(touched.tolist())
        current: list[RiskAssessment] = []
        if provisional:
            current = live.assess_open(np.asarray(sorted(self._unassessed), np.int32), accepted)
        outcome = Outcome(
            current=current,
            sensors=_newest(accepted),
            dead_letters=letters,
            quarantine=quarantine + _releases(released),
            gateways=[
                GatewayChange(
                    gateway=status.gateway,
                    state=status.state,
                    session=status.session,
                    since_ns=status.since_ns,
                    received_ns=status.received_ns,
                )
                for status in batch.statuses
            ],
        )
        commit = JournalCommit(
            body=BatchBody(readings=encode_readings(accepted)),
            kind="batch",
            outcome=outcome,
            applied_seq=live.applied_seq,
            hops=self._late_hops(accepted),
            held=held,
            released=[message.id for message in released],
            arrivals=[*arrivals, *bursts.arrivals],
            parts=bursts.parts,
            used_parts=bursts.used,
            tally=tally,
        )
        seq = self.journal.commit(commit)
        live.take_in(accepted, seq)
        if provisional:
            self._unassessed.clear()
        return TakeReport(tally, tuple(letters))

    def _limits(self, now_ns: int) -> ClockLimits:
        policy, tracker = self.policy, self.live.tracker
        if not policy.by_stream:
            return ClockLimits(policy.earliest_ns, now_ns + policy.future_ns)
        if tracker.gateways_heard < _SOURCES_TO_JUDGE:
            return ClockLimits(None, None)
        return ClockLimits(None, tracker.progress_ns + _STREAM_FUTURE_NS)

    def _key_arrivals(
        self, messages: Sequence[Message], readings: ReadingColumns, message_of: IndexArray
    ) -> tuple[ReadingColumns, list[tuple[bytes, int]], BoolArray]:
        """Key readings without a usable time by the hash of their message, and spread their times by a nanosecond."""
        untimed = (readings.flags & np.uint8(ReadingFlag.BAD_CLOCK)) != 0
        repeated = np.zeros(len(readings), np.bool_)
        if not untimed.any():
            return readings, [], repeated
        sources = np.unique(message_of[untimed]).tolist()
        hashes = {source: _hash(messages[source]) for source in sources}
        seen = self.journal.known_arrivals(list(hashes.values()))
        arrivals: list[tuple[bytes, int]] = []
        again: list[int] = []
        for source in sources:
            if hashes[source] in seen:
                again.append(source)
            else:
                seen.add(hashes[source])
                arrivals.append((hashes[source], messages[source].received_ns))
        repeated = untimed & np.isin(message_of, again)
        spread = np.where(untimed, np.cumsum(untimed), 0)
        return replace(readings, time_ns=readings.time_ns + spread), arrivals, repeated

    def _closed_hops(self, assets: IndexArray, starts: TimeArray) -> ReadingColumns:
        keys = [
            (self.live.catalogue.assets[asset], start)
            for asset, start in zip(assets.tolist(), starts.tolist(), strict=True)
        ]
        return ReadingColumns.concatenate([unpack(row.body) for row in self.journal.hops(keys)])

    def _late_hops(self, accepted: ReadingColumns) -> list[HopRow]:
        """Add late readings to the memory of the closed hop that they belong to."""
        late = accepted.take((accepted.flags & np.uint8(ReadingFlag.LATE)) != 0)
        if not len(late):
            return []
        tracker, catalogue = self.live.tracker, self.live.catalogue
        rows = tracker.rows_of(late.channel)
        asset, start = catalogue.asset_of_channel[rows], tracker.hop_start(rows, late.time_ns)
        found: list[HopRow] = []
        for owner, begin in np.unique(np.stack([asset.astype(np.int64), start]), axis=1).T.tolist():
            mine = late.take((asset == owner) & (start == begin))
            identifier = catalogue.assets[owner]
            known = [unpack(row.body) for row in self.journal.hops([(identifier, begin)])]
            found.append(HopRow(identifier, begin, pack(ReadingColumns.concatenate([*known, mine]))))
        return found

    def _hold(
        self, messages: Sequence[Message], batch: DecodedBatch
    ) -> tuple[list[HeldMessage], list[QuarantineChange]]:
        """Keep messages of unknown senders, each once, and list who sent them."""
        if not batch.quarantined:
            return [], []
        hashes = [_hash(messages[unknown.message]) for unknown in batch.quarantined]
        seen = self.journal.known_arrivals(hashes)
        held: list[HeldMessage] = []
        changes: dict[tuple[str, str, str], QuarantineChange] = {}
        for unknown, digest in zip(batch.quarantined, hashes, strict=True):
            if digest in seen:
                continue
            seen.add(digest)
            message = messages[unknown.message]
            sender = (unknown.gateway, unknown.asset, unknown.sensor)
            held.append(HeldMessage(*sender, digest, message.topic, message.payload, message.received_ns))
            before = changes.get(sender)
            changes[sender] = QuarantineChange(
                *sender,
                messages=1 + (before.messages if before else 0),
                first_received_ns=before.first_received_ns if before else message.received_ns,
                last_received_ns=message.received_ns,
                reason=unknown.reason,
                example=message.payload[:_FIRST_BYTES_SHOWN].decode(errors="replace"),
            )
        return held, list(changes.values())

    def _letters(self, messages: Sequence[Message], refusals: Sequence[Refusal]) -> list[DeadLetter]:
        seq = self.live.applied_seq + 1
        letters = []
        for index, refusal in enumerate(refusals):
            message = messages[refusal.message]
            levels = message.topic.split("/")
            letters.append(
                DeadLetter(
                    id=f"{seq}-{index}",
                    topic=message.topic,
                    gateway=GatewayId(levels[2] if len(levels) > 2 else ""),  # noqa: PLR2004 -- infra/v1/{gateway}
                    code=refusal.code,
                    reason=refusal.reason,
                    head=message.payload[: self._head_bytes],
                    received_at_ns=message.received_ns,
                )
            )
        return letters

    # Hops closed -----------------------------------------------------------------------------

    def close(self, *, now_ns: int, lateness_ns: int | None = None) -> int:
        """Close the hops that are due, learn from them, and commit what followed.

        Parameters
        ----------
        now_ns : int
            Wall clock; counts only when it is the clock in use.
        lateness_ns : int, optional
            Another allowance than the policy's: 0 when the stream has paused.

        Returns
        -------
        int
            Hops closed.
        """
        live, policy = self.live, self.policy
        body = ClosingBody(
            clock_ns=None if policy.by_stream else now_ns,
            lateness_ns=policy.lateness_ns if lateness_ns is None else lateness_ns,
            idle_ns=policy.idle_ns,
        )
        plan = live.plan_closing(body)
        if not plan.closing.rounds:
            return 0
        seq = self.journal.commit(
            JournalCommit(
                body=body, kind="closing", outcome=plan.outcome, applied_seq=live.applied_seq, hops=plan.hop_rows
            )
        )
        live.carry_out(plan, seq)
        return plan.hops_closed

    # What others wrote -----------------------------------------------------------------------

    def catch_up(self) -> int:
        """Apply registers and decisions that other processes appended; return how many.

        Raises
        ------
        StorageUnavailable
            If the journal cannot be read or written now.
        """
        entries = self.journal.entries(after=self.live.applied_seq)
        for entry in entries:
            outcome = self.apply(entry)
            self.journal.record_outcome(entry.seq, outcome)
        return len(entries)

    def apply(self, entry: Entry) -> Outcome:
        """Apply one entry of the journal to the live state; the same for new entries and at a restart."""
        live, body = self.live, entry.body
        if isinstance(body, BatchBody):
            live.take_in(decode_readings(body.readings), entry.seq)
            return entry.outcome
        if isinstance(body, ClosingBody):
            plan = live.plan_closing(body)
            live.carry_out(plan, entry.seq)
            return plan.outcome
        if isinstance(body, RegisterBody):
            numbers = self.journal.number_channels(channel.key for channel in body.register.channels)
            return live.change_register(body.register, numbers, body.at_ns, entry.seq)
        return live.decide(body, entry.seq)

    def release_held(self, *, now_ns: int, limit: int = 2000) -> int:
        """Take messages out of quarantine whose sender is in the register by now; return how many."""
        known = [sender for sender in self.journal.held_senders() if self.live.resolver.sensor(*sender) is not None]
        held = self.journal.held(known, limit=limit) if known else []
        if held:
            messages = [Message(item.topic, item.payload, item.received_ns, retained=False) for item in held]
            self.take(messages, now_ns=now_ns, provisional=True, released=held)
        return len(held)

    def expire_parts(self, *, now_ns: int) -> int:
        """Give up waveforms of which parts are missing for too long; return how many messages that were."""
        rows = self.journal.old_parts(received_before_ns=now_ns - EXPIRY_NS)
        if not rows:
            return 0
        seq = self.live.applied_seq + 1
        letters = []
        for index, (topic, block, have, received_ns) in enumerate(rows):
            identifier = block.partition("\n")[2]
            reason = (
                f"waveform {identifier!r}: got parts {', '.join(map(str, have))} within a minute and no more; "
                "send all parts of a block together"
            )
            gateway = GatewayId(topic.split("/")[2])
            letters.append(DeadLetter(f"{seq}-{index}", topic, gateway, "missing_key", reason, b"", received_ns))
        gone = sum(len(have) for _, _, have, _ in rows)
        commit = JournalCommit(
            body=BatchBody(readings=encode_readings(ReadingColumns.empty())),
            kind="batch",
            outcome=Outcome(dead_letters=letters),
            applied_seq=self.live.applied_seq,
            used_parts=[(topic, block) for topic, block, _, _ in rows],
            tally={"messages_waiting": -gone, "messages_dead_lettered": gone},
        )
        self.live.take_in(ReadingColumns.empty(), self.journal.commit(commit))
        return gone

    def save(self) -> bool:
        """Save the state of what changed since the last time; False when nothing had."""
        if not self.live.changed:
            return False
        changed = set(self.live.changed)
        try:
            self.journal.save_snapshots(self.live.snapshot(), seq=self.live.applied_seq)
        except StorageError:
            self.live.changed |= changed
            raise
        return True


def _with_features(batch: DecodedBatch, bursts: BurstWork) -> tuple[ReadingColumns, IndexArray]:
    """Compute the features of waveforms and put them behind the readings, each with its message."""
    parts, messages = [batch.readings], [batch.message_of_reading]
    _add_features(batch.slots, batch.waveforms, batch.waveform_flags, parts, messages)
    if bursts.groups is not None:
        last = np.asarray(bursts.last_part, np.int32)
        blocks = [(block, last[place]) for block, place in bursts.groups.blocks]
        _add_features(bursts.groups.slots, blocks, bursts.groups.flags, parts, messages)
    return ReadingColumns.concatenate(parts), np.concatenate(messages)


def _add_features(
    slots: Sequence[WaveformSlot],
    blocks: Sequence[tuple[SignalBlock, IndexArray]],
    flags_of: Sequence[npt.NDArray[np.uint8]],
    parts: list[ReadingColumns],
    messages: list[IndexArray],
) -> None:
    numbers = np.asarray([slot.numbers for slot in slots], np.int32).reshape(-1, len(WAVEFORM_CHANNELS))
    factors = np.asarray([slot.factors for slot in slots], np.float64).reshape(-1, len(WAVEFORM_CHANNELS))
    for (block, message), flags in zip(blocks, flags_of, strict=True):
        features = waveform_features(block.samples, block.sampling_rate_hz) * factors[block.channel]
        number = numbers[block.channel]
        kept = (number >= 0) & np.isfinite(features)
        row = np.nonzero(kept)[0]
        parts.append(ReadingColumns(number[kept], block.start_ns[row], features[kept], flags[row]))
        messages.append(message[row])


def _count(
    batch: DecodedBatch,
    bursts: BurstWork,
    message_of: IndexArray,
    duplicate: BoolArray,
    conflict: BoolArray,
    held: Sequence[HeldMessage],
    released: int,
) -> dict[str, int]:
    """Count messages and readings by what became of them (design.md section 4)."""
    outcome = batch.outcome
    total = np.bincount(message_of, minlength=len(outcome))
    again = np.bincount(message_of[duplicate], minlength=len(outcome))
    decoded = outcome == MessageOutcome.DECODED
    repeated = decoded & (total > 0) & (again == total)
    quarantined = outcome == MessageOutcome.QUARANTINED
    refused = batch.values_refused
    return {
        # A message out of quarantine was received, and counted, before.
        "messages_received": len(outcome) - released,
        "messages_decoded": int(
            np.count_nonzero(decoded & ~repeated) + np.count_nonzero(outcome == MessageOutcome.STATUS_ONLY)
        )
        + bursts.decoded,
        "messages_duplicate": int(
            np.count_nonzero(repeated)
            + np.count_nonzero(outcome == MessageOutcome.RETAINED)
            + np.count_nonzero(quarantined)
            - len(held)
        )
        + bursts.duplicate,
        "messages_dead_lettered": int(np.count_nonzero(outcome == MessageOutcome.DEAD_LETTER)) + bursts.dead_lettered,
        "messages_waiting": bursts.waiting,
        "messages_quarantined": len(held) - released,
        "readings_decoded": len(message_of) + refused,
        "readings_stored": int(np.count_nonzero(~duplicate)),
        "readings_duplicate": int(np.count_nonzero(duplicate)),
        "readings_refused": refused,
        "readings_conflicting": int(np.count_nonzero(conflict)),
    }


def _newest(accepted: ReadingColumns) -> list[SensorChange]:
    """Give the newest reading of each channel in a batch."""
    order = np.lexsort((accepted.time_ns, accepted.channel))
    channel = accepted.channel[order]
    last = order[np.flatnonzero(np.concatenate([channel[1:] != channel[:-1], np.ones(min(1, len(order)), np.bool_)]))]
    unscored = (accepted.flags[last] & np.uint8(ReadingFlag.BAD_CLOCK | ReadingFlag.LATE)) != 0
    return [
        SensorChange(channel=number, time_ns=time_ns, value=value, quality=DataQuality.LOW if low else DataQuality.HIGH)
        for number, time_ns, value, low in zip(
            accepted.channel[last].tolist(),
            accepted.time_ns[last].tolist(),
            accepted.value[last].tolist(),
            unscored.tolist(),
            strict=True,
        )
    ]


def _releases(released: Sequence[HeldMessage]) -> list[QuarantineChange]:
    """Take the senders of released messages off the list, by as many messages as were released."""
    counts = Counter((item.gateway, item.asset, item.sensor) for item in released)
    return [
        QuarantineChange(
            gateway=gateway,
            asset=asset,
            sensor=sensor,
            messages=-count,
            first_received_ns=0,
            last_received_ns=0,
            reason="",
            example="",
        )
        for (gateway, asset, sensor), count in counts.items()
    ]


def _hash(message: Message) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(message.topic.encode(errors="surrogatepass"))
    digest.update(b"\0")
    digest.update(message.payload)
    return digest.digest()
