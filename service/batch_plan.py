"""What a batch of messages makes, before anything of it counts: its readings, what was refused, and the commit of both.

Planning changes nothing. The caller commits, and applies what was planned once the journal has it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import msgspec
import numpy as np

from domain.arrays import BoolArray, IndexArray, ReadingColumns, ReadingFlag, TimeArray
from domain.identifiers import AssetId
from domain.measurements import DeadLetter
from ingest.batch import Message, decode_batch
from ingest.clock import UNLIMITED, ClockLimits
from ingest.messages import DecodedBatch
from models.batch_cuts import Belief, cut_batch
from models.grades import channel_grades
from models.hops import Admission
from service.accounting import all_repeated, count_batch
from service.bursts import BurstWork, message_hash, take_parts
from service.clock_alarms import ClockPlan
from service.clock_policy import ClockPolicy
from service.decoding import Decoded, decode_ahead
from service.intake import (
    arrival_differences,
    hold_unknown,
    longest_reaches,
    newest_readings,
    readings_of,
    released_senders,
)
from service.live_state import LiveState
from service.mode_book import new_spectra
from service.outcomes import DAY_NS, pack, unpack
from service.refusals import dead_letters, letters_of_hours, new_refusals
from service.untimed import stamp_untimed
from storage.entries import BatchBody, ClaimNote, GatewayChange, Outcome, encode_readings
from storage.journal import HeldMessage, HopRow, Journal, JournalCommit
from storage.modal_entries import SpectrumNote

__all__ = ["BatchPart", "BatchPlan", "BatchPlanner"]

# With fewer sources, none of them can be told to be the odd one out.
_SOURCES_TO_JUDGE: Final = 3
# By the stream's clock, a device time this far ahead of the median source is taken for a fault.
_STREAM_FUTURE_NS: Final = 366 * DAY_NS


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A batch that is ready to be committed.

    Attributes
    ----------
    commit : JournalCommit
        The entry and its rows.
    body : BatchBody
        That of the entry.
    accepted : ReadingColumns
        The readings of the body.
    clocks : ClockPlan
        What it says of the sensors' clocks.
    rejected : tuple of DeadLetter
        What was refused.
    touched : list of AssetId
        Assets of which something came.
    """

    commit: JournalCommit
    body: BatchBody
    accepted: ReadingColumns
    clocks: ClockPlan
    rejected: tuple[DeadLetter, ...]
    touched: list[AssetId]

    @property
    def revises(self) -> bool:
        """Whether some came late, and closed hops must be scored again."""
        return bool(((self.accepted.flags & np.uint8(ReadingFlag.REVISES)) != 0).any())


class BatchPart(NamedTuple):
    """Messages of a batch that one clock judges, and what they were decoded to, where that was done."""

    messages: Sequence[Message]
    decoded: Decoded | None


class _Arrived(NamedTuple):
    """What the messages of a batch say, and which of it was said before."""

    batch: DecodedBatch
    bursts: BurstWork
    readings: ReadingColumns
    message_of: IndexArray
    spectra: list[SpectrumNote]
    arrivals: list[tuple[bytes, int]]
    repeated: BoolArray


class BatchPlanner:
    """Plans batches against one journal and one live state, of which it changes nothing.

    Parameters
    ----------
    journal : Journal
        Where keys of closed hops, parts of waveforms and known arrivals are looked up.
    live : LiveState
        State as of the newest applied entry.
    max_payload_bytes : int
        Longer payloads are refused unread.
    head_bytes : int
        Of a refused payload, kept with the refusal.
    """

    def __init__(
        self, journal: Journal, live: LiveState, policy: ClockPolicy, *, max_payload_bytes: int, head_bytes: int
    ) -> None:
        self._journal = journal
        self._live = live
        self._policy = policy
        self._max_payload_bytes = max_payload_bytes
        self._head_bytes = head_bytes

        self._belief = (
            Belief(step_ns=policy.idle_ns, future_ns=_STREAM_FUTURE_NS, sources=_SOURCES_TO_JUDGE)
            if policy.by_stream
            else None
        )

    @property
    def step_ns(self) -> int | None:
        """How far ahead a device time is believed at once; None: the wall's clock bounds it already."""
        return None if self._belief is None else self._belief.step_ns

    def parts(self, messages: Sequence[Message], decoded: Decoded | None = None) -> list[BatchPart]:
        """Cut a batch where the stream's clock must move first, see `models.batch_cuts`; by the wall's it stays whole.

        Parts are taken one after the other. By the stream's clock they are decoded already.

        Parameters
        ----------
        decoded : Decoded, optional
            The same messages as a reader decoded them; by the stream's clock without limits of time.
        """
        live, belief = self._live, self._belief
        if belief is None:
            return [BatchPart(messages, decoded)]
        if decoded is None or decoded.register_seq != live.register_seq:
            decoded = decode_ahead(
                messages,
                live.resolver,
                UNLIMITED,
                register_seq=live.register_seq,
                max_payload_bytes=self._max_payload_bytes,
            )
        tracker, reach_ns = live.tracker, min(belief.step_ns, belief.future_ns)
        if not tracker.claims.held_count() and tracker.clock.is_near(_told_ns(decoded.batch), reach_ns):
            return [BatchPart(messages, decoded)]  # nearly every batch, without a look at each reading
        # Waveforms in parts are read again when they are taken: the messages before them may bring some of the parts.
        bursts = take_parts(self._journal, messages, decoded.batch, live.resolver, UNLIMITED)
        readings, message_of, _ = readings_of(decoded.batch, bursts)
        timed = (readings.flags & np.uint8(ReadingFlag.BAD_CLOCK)) == 0
        readings = readings.take(timed)
        held = tracker.claims.held()
        cuts = cut_batch(
            live.catalogue,
            tracker.clock,
            tracker.rows_of(readings.channel),
            readings.time_ns,
            message_of[timed],
            belief,
            held=(tracker.rows_of(held.channel), held.time_ns),
        )
        if not cuts:
            return [BatchPart(messages, decoded)]
        edges = [0, *cuts, len(messages)]
        return [BatchPart(messages[first:last], decoded.part(first, last)) for first, last in itertools.pairwise(edges)]

    def plan(
        self,
        messages: Sequence[Message],
        *,
        now_ns: int,
        released: Sequence[HeldMessage] = (),
        decoded: Decoded | None = None,
    ) -> BatchPlan:
        """Decode and admit one batch; arguments are those of `service.pipeline.Pipeline.take`."""
        live = self._live
        arrived = self._read(messages, now_ns=now_ns, decoded=decoded)
        fresh = ~arrived.repeated
        admission = live.tracker.admit(
            arrived.readings.take(fresh),
            self._closed_hops,
            message=arrived.message_of[fresh],
            step_ns=self.step_ns,
            window_ns=self._policy.window_ns,
        )
        accepted = admission.accepted
        duplicate, conflict = arrived.repeated.copy(), np.zeros(len(fresh), np.bool_)
        duplicate[fresh], conflict[fresh] = admission.duplicate, admission.conflict
        came_before = all_repeated(arrived.message_of, duplicate, len(messages))
        refusals = new_refusals(
            self._journal, messages, [*arrived.batch.dead_letters, *arrived.bursts.refusals], came_before
        )
        arrived.bursts.note_repeated(refusals.repeated)
        held, quarantine = hold_unknown(self._journal, messages, arrived.batch)
        tally = count_batch(
            arrived.bursts,
            arrived.message_of,
            duplicate,
            conflict,
            held=len(held),
            released=len(released),
            values_refused=arrived.batch.values_refused,
            refused_before=refusals.repeated,
        )
        seq, counted = live.applied_seq + 1, refusals.fresh
        letters = dead_letters(messages, counted.in_full, seq=seq, head_bytes=self._head_bytes)
        letters += letters_of_hours(counted.ended, seq=seq, first=len(letters))
        rows = live.tracker.rows_of(accepted.channel)
        touched = np.unique(live.catalogue.asset_of_channel[rows])
        # What repeats a key with another value is no repeat: a clock that went back says an hour twice.
        body = self._body(messages, arrived, admission, told=~duplicate | conflict)
        clocks = live.plan_clocks(body)
        outcome = Outcome(
            alarms=clocks.alarms,
            alarm_changes=clocks.alarm_changes,
            clocks=clocks.clocks,
            sensors=newest_readings(
                accepted, live.tracker.clock.latest_ns[rows], channel_grades(live.catalogue, live.state, rows)
            ),
            dead_letters=letters,
            quarantine=quarantine + released_senders(released),
            gateways=_gateway_changes(arrived.batch),
        )
        commit = JournalCommit(
            body=body,
            kind="batch",
            outcome=outcome,
            applied_seq=live.applied_seq,
            late=self._late_hops(accepted),
            held=held,
            released=[message.id for message in released],
            arrivals=[*arrived.arrivals, *arrived.bursts.arrivals, *refusals.arrivals],
            parts=arrived.bursts.parts,
            used_parts=arrived.bursts.used,
            refusal_hours=counted.hours,
            tally=tally,
        )
        assets = [live.catalogue.assets[asset] for asset in touched.tolist()]
        return BatchPlan(commit, body, accepted, clocks, tuple(letters), assets)

    def _read(self, messages: Sequence[Message], *, now_ns: int, decoded: Decoded | None) -> _Arrived:
        """Decode the messages, unless that was done where the same would come of it, and put bursts together."""
        live, limits = self._live, self._limits(now_ns)
        ahead: list[SpectrumNote] = []
        if decoded is not None and decoded.holds(live.register_seq, limits):
            batch, ahead = decoded.batch, decoded.spectra
        else:
            batch = decode_batch(messages, live.resolver, limits, max_payload_bytes=self._max_payload_bytes)
        bursts = take_parts(self._journal, messages, batch, live.resolver, limits)
        readings, message_of, spectra = readings_of(batch, bursts)
        readings, arrivals, repeated = self._key_arrivals(messages, readings, message_of)
        return _Arrived(batch, bursts, readings, message_of, [*ahead, *spectra], arrivals, repeated)

    def _body(
        self, messages: Sequence[Message], arrived: _Arrived, admission: Admission, *, told: BoolArray
    ) -> BatchBody:
        """Write what changes the state: new readings, and what their messages say of clocks; see `BatchBody`."""
        accepted, step_ns = admission.accepted, self.step_ns
        body = BatchBody(
            readings=encode_readings(accepted),
            step_ns=step_ns or 0,
            claims=[ClaimNote(*claim) for claim in admission.claims],
            reaches={} if step_ns is None else self._longer_reaches(arrived.readings, arrived.message_of),
            spectra=new_spectra(arrived.spectra, accepted),
        )
        if self._policy.by_stream:  # a replay's messages arrive when it is replayed
            return body
        received_ns = [message.received_ns for message in messages]
        readings = arrived.readings.take(told)
        channel, difference_s = arrival_differences(
            readings, arrived.message_of[told], received_ns, may_rest=self._may_rest(readings.channel)
        )
        return msgspec.structs.replace(
            body, arrival_channel=channel.astype("<i4").tobytes(), arrival_s=difference_s.astype("<f8").tobytes()
        )

    def _may_rest(self, channel: IndexArray) -> BoolArray:
        """bool[N]: tell which channels, by their numbers, int32[N], are silent while their machine rests."""
        # A channel that left the register is in row -1.
        return np.append(self._live.catalogue.felt_at_work, np.False_)[self._live.tracker.rows_of(channel)]

    def _limits(self, now_ns: int) -> ClockLimits:
        clock = self._live.tracker.clock
        if self._belief is None:
            return self._policy.wall_limits(now_ns)
        return ClockLimits(None, self._belief.latest_ns(clock.progress_ns, clock.gateways_heard))

    def _longer_reaches(self, readings: ReadingColumns, message_of: IndexArray) -> dict[int, int]:
        """Give the stretches of single messages that are longer than any before about their asset."""
        tracker = self._live.tracker
        found: dict[int, int] = {}
        for number, reach_ns in longest_reaches(readings, message_of):
            asset = self._live.catalogue.asset_of_channel[tracker.rows_of(np.asarray([number], np.int32))[0]]
            if reach_ns > tracker.clock.reach_ns[asset]:
                found[number] = reach_ns
        return found

    def _key_arrivals(
        self, messages: Sequence[Message], readings: ReadingColumns, message_of: IndexArray
    ) -> tuple[ReadingColumns, list[tuple[bytes, int]], BoolArray]:
        """Key readings whose time is not usable, or not believed yet, by the hash of their message.

        Times that are none become stamps that differ, so that their own keys do, see `service.untimed`.
        """
        untimed = (readings.flags & np.uint8(ReadingFlag.BAD_CLOCK)) != 0
        repeated = np.zeros(len(readings), np.bool_)
        step_ns = self.step_ns
        hashed = untimed if step_ns is None else untimed | self._live.tracker.only_claims(readings, step_ns=step_ns)
        if not hashed.any():
            return readings, [], repeated
        sources = np.unique(message_of[hashed]).tolist()
        hashes = {source: message_hash(messages[source].topic, messages[source].payload) for source in sources}
        seen = self._journal.known_arrivals(list(hashes.values()))
        fresh: list[int] = []
        again: list[int] = []
        for source in sources:
            (again if hashes[source] in seen else fresh).append(source)
            seen.add(hashes[source])
        repeated = hashed & np.isin(message_of, again)
        received_ns = np.asarray([message.received_ns for message in messages], np.int64)
        time_ns, newest_ns = readings.time_ns.copy(), received_ns.copy()
        place = np.flatnonzero(untimed & ~repeated)
        time_ns[place] = stamp_untimed(self._journal, received_ns[message_of[place]], message_of[place])
        np.maximum.at(newest_ns, message_of[place], time_ns[place])
        arrivals = [(hashes[source], int(newest_ns[source])) for source in fresh]
        return replace(readings, time_ns=time_ns), arrivals, repeated

    def _closed_hops(self, assets: IndexArray, starts: TimeArray) -> ReadingColumns:
        keys = [
            (self._live.catalogue.assets[asset], start)
            for asset, start in zip(assets.tolist(), starts.tolist(), strict=True)
        ]
        return ReadingColumns.concatenate([unpack(row.body) for row in self._journal.hops(keys)])

    def _late_hops(self, accepted: ReadingColumns) -> list[HopRow]:
        """Give late readings as additions to the closed hops that they belong to."""
        late = accepted.take((accepted.flags & np.uint8(ReadingFlag.LATE)) != 0)
        if not len(late):
            return []
        tracker, catalogue = self._live.tracker, self._live.catalogue
        rows = tracker.rows_of(late.channel)
        asset, start = catalogue.asset_of_channel[rows], tracker.hop_start(rows, late.time_ns)
        order = np.lexsort((start, asset))
        asset, start, late = asset[order], start[order], late.take(order)
        cuts = np.flatnonzero((np.diff(asset) != 0) | (np.diff(start) != 0)) + 1
        return [
            HopRow(catalogue.assets[asset[part[0]]], int(start[part[0]]), pack(late.take(part)))
            for part in np.split(np.arange(len(late)), cuts)
        ]


def _told_ns(batch: DecodedBatch) -> TimeArray:
    """Give the times that a batch tells of, those of waveforms in parts included: each part says that of the whole."""
    time_ns = batch.readings.time_ns
    if not batch.parts:
        return time_ns
    told = [block.raw.start_ns for _, block in batch.parts if block.raw.start_ns is not None]
    return np.concatenate([time_ns, np.asarray(told, np.int64)])


def _gateway_changes(batch: DecodedBatch) -> list[GatewayChange]:
    return [
        GatewayChange(
            gateway=status.gateway,
            state=status.state,
            session=status.session,
            since_ns=status.since_ns,
            received_ns=status.received_ns,
        )
        for status in batch.statuses
    ]
