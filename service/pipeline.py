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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.arrays import ReadingColumns
from domain.measurements import DeadLetter
from ingest.batch import Message
from service.batch_plan import BatchPart, BatchPlanner
from service.bursts import give_up
from service.clock_policy import ClockPolicy
from service.closing import plan_closing
from service.decoding import Decoded
from service.intake import letters_of_held, released_senders
from service.live_state import LiveState
from service.looks import WaitingLooks
from service.refusal_hours import HOUR_NS
from service.refusals import letters_of_hours
from service.rescoring import plan_rescoring
from service.saving import StateSaver
from storage.entries import (
    BatchBody,
    ClosingBody,
    Outcome,
    RefusalBody,
    RegisterBody,
    RelearningBody,
    RescoringBody,
    decode_readings,
    encode_readings,
)
from storage.journal import Entry, HeldMessage, Journal, JournalCommit

__all__ = ["Pipeline", "TakeReport"]

# Hops scored again in one commit at most: about half a second of work, in which live readings wait.
_SLICE_HOPS: Final = 4_000


@dataclass(frozen=True, slots=True)
class TakeReport:
    """What became of a batch, counted as design.md section 4 asks.

    Attributes
    ----------
    rejected : tuple of DeadLetter
        For the notice to the gateway.
    revises : bool
        Some came late, and closed hops must be scored again.
    """

    tally: Mapping[str, int]
    rejected: tuple[DeadLetter, ...]
    revises: bool = False


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
        live.window_ns = policy.window_ns
        self._head_bytes = head_bytes
        self._planner = BatchPlanner(journal, live, policy, max_payload_bytes=max_payload_bytes, head_bytes=head_bytes)
        self._looks = WaitingLooks()
        self._saver = StateSaver(journal, live)
        self._unrecorded: tuple[int, Outcome] | None = None

    # Readings in -----------------------------------------------------------------------------

    def parts(self, messages: Sequence[Message], *, decoded: Decoded | None = None) -> list[BatchPart]:
        """Cut a batch into what is to be taken one after the other, so that how it was cut before changes nothing."""
        return self._planner.parts(messages, decoded)

    def take(
        self,
        messages: Sequence[Message],
        *,
        now_ns: int,
        released: Sequence[HeldMessage] = (),
        decoded: Decoded | None = None,
    ) -> TakeReport:
        """Decode, admit and commit one batch.

        Parameters
        ----------
        messages : sequence of Message
            In the order of arrival.
        now_ns : int
            Wall clock, for limits of device times only.
        released : sequence of HeldMessage
            The same messages as rows of the quarantine, when they come from there.
        decoded : Decoded, optional
            The same messages as a reader decoded them; used where decoding them here would give the same.

        Raises
        ------
        JournalMovedError
            If another process appended entries; apply them and call again.
        StorageUnavailable
            If the journal cannot be written; nothing has changed.
        """
        self._record()
        plan = self._planner.plan(messages, now_ns=now_ns, released=released, decoded=decoded)
        seq = self.journal.commit(plan.commit)
        self.live.take_in(plan.accepted, plan.body, seq, clocks=plan.clocks)
        self._looks.wait(plan.touched)
        return TakeReport(plan.commit.tally, plan.rejected, plan.revises)

    # Hops closed -----------------------------------------------------------------------------

    def close(
        self,
        *,
        now_ns: int,
        lateness_ns: int | None = None,
        is_end: bool = False,
        span_ns: int = 0,
    ) -> int:
        """Close the hops that are due, learn from them, and commit what followed.

        Parameters
        ----------
        now_ns : int
            Wall clock; counts only when it is the clock in use.
        lateness_ns : int, optional
            Another allowance than the policy's: 0 when the stream has paused.
        is_end : bool
            Nothing follows, so days wait for nobody.
        span_ns : int
            Close no more than such a stretch of an asset's hops in one commit; 0: all that are due. Called again
            until nothing closes, it ends with the same bits.

        Returns
        -------
        int
            Hops closed.
        """
        self._record()
        live, policy = self.live, self.policy
        lateness_ns = policy.lateness_ns if lateness_ns is None else lateness_ns
        body = ClosingBody(
            clock_ns=None if policy.by_stream else now_ns,
            lateness_ns=lateness_ns,
            idle_ns=policy.idle_ns,
            day_lateness_ns=lateness_ns,
            is_end=is_end,
            span_ns=span_ns,
        )
        plan = plan_closing(live, body)
        if plan.is_empty:
            return 0
        self._saver.finish()
        seq = self.journal.commit(
            JournalCommit(
                body=body,
                kind="closing",
                outcome=plan.outcome,
                applied_seq=live.applied_seq,
                hops=plan.hop_rows,
                checkpoints=plan.checkpoints,
            )
        )
        live.carry_out(plan, seq)
        self._looks.wait(live.catalogue.assets[asset] for asset in plan.assets.tolist())
        return plan.hops_closed

    # Looking at open hops --------------------------------------------------------------------

    def assess_waiting(self, *, now: float = 0.0, apart_s: float = 0.0) -> bool | None:
        """Assess assets of which something came since they were last assessed, a look's worth.

        Parameters
        ----------
        now, apart_s : float
            Seconds of a clock that does not go back, and how long an asset is left alone behind a look at it.

        Returns
        -------
        bool or None
            Whether more are due; None when none was.

        Raises
        ------
        JournalMovedError, StorageUnavailable
            As for `take`.
        """
        looked_at = self._looks.next(now, apart_s)
        if not looked_at:
            return None
        self._record()
        current = self.live.assess_open(self.live.rows_of(looked_at))
        if current:
            self._commit_no_readings(Outcome(current=current), {})
        self._looks.done(now)
        return self._looks.is_due(now, apart_s)

    # Hops scored again -----------------------------------------------------------------------

    def rescore(self, *, most_hops: int = _SLICE_HOPS) -> int:
        """Score hops again for which readings came late, one slice, and commit what followed.

        Parameters
        ----------
        most_hops : int
            Hops of one slice at most; one asset is taken in any case.

        Returns
        -------
        int
            Hops scored; 0 when nothing waits.

        Raises
        ------
        JournalMovedError, StorageUnavailable
            As for `take`.
        """
        self._record()
        live = self.live
        due = live.due_revisions(most_hops)
        if not due:
            return 0
        body = RescoringBody(from_ns=due)
        plan = plan_rescoring(live, self.journal, body, live.applied_seq + 1)
        self._saver.finish()
        commit = JournalCommit(
            body=body,
            kind="rescoring",
            outcome=plan.outcome,
            applied_seq=live.applied_seq,
            checkpoints=plan.checkpoints,
        )
        live.carry_out_rescoring(body, plan, self.journal.commit(commit))
        return max(plan.hops_scored, 1)

    # What others wrote -----------------------------------------------------------------------

    def catch_up(self) -> int:
        """Apply registers and decisions that other processes appended; return how many.

        Raises
        ------
        StorageUnavailable
            If the journal cannot be read or written now.
        """
        self._record()
        entries = self.journal.entries(after=self.live.applied_seq)
        for entry in entries:
            self._unrecorded = (entry.seq, self.apply(entry))
            self._record()
        return len(entries)

    def _record(self) -> None:
        """Write the outcome of an entry that was applied; when that fails it is tried again before anything else."""
        if self._unrecorded is not None:
            self.journal.record_outcome(*self._unrecorded)
            self._unrecorded = None

    def apply(self, entry: Entry) -> Outcome:
        """Apply one entry of the journal to the live state; the same for new entries and at a restart."""
        live, body = self.live, entry.body
        if isinstance(body, BatchBody):
            live.take_in(decode_readings(body.readings), body, entry.seq)
            return entry.outcome
        self._saver.finish()
        if isinstance(body, ClosingBody):
            live.carry_out(plan_closing(live, body, with_outcome=False), entry.seq)
            return entry.outcome
        if isinstance(body, RescoringBody):
            revised = plan_rescoring(live, self.journal, body, entry.seq, with_outcome=False)
            live.carry_out_rescoring(body, revised, entry.seq)
            return entry.outcome
        if isinstance(body, RegisterBody):
            numbers = self.journal.number_channels(channel.key for channel in body.register.channels)
            return live.change_register(body.register, numbers, body.at_ns, entry.seq)
        if isinstance(body, RefusalBody):
            live.applied_seq = entry.seq
            return Outcome(dead_letters=body.letters)
        if isinstance(body, RelearningBody):
            live.applied_seq = entry.seq
            return entry.outcome
        return live.decide(body, entry.seq)

    def release_held(self, *, now_ns: int, limit: int = 2000) -> int:
        """Take messages out of quarantine whose sender is in the register by now; return how many."""
        known = [sender for sender in self.journal.held_senders() if self.live.resolver.sensor(*sender) is not None]
        held = self.journal.held(known, limit=limit) if known else []
        if held:
            messages = [Message(item.topic, item.payload, item.received_ns, retained=False) for item in held]
            begin = 0
            for part in self.parts(messages):
                rows = held[begin : begin + len(part.messages)]
                self.take(part.messages, now_ns=now_ns, released=rows, decoded=part.decoded)
                begin += len(rows)
        return len(held)

    def expire_parts(self, *, now_ns: int) -> TakeReport:
        """Give up waveforms of which parts are missing for too long.

        Parameters
        ----------
        now_ns : int
            Wall clock, from which messages have their time of arrival.

        Raises
        ------
        JournalMovedError, StorageUnavailable
            As for `take`.
        """
        self._record()
        seq = self.live.applied_seq
        given_up = give_up(self.journal, now_ns=now_ns, seq=seq + 1, head_bytes=self._head_bytes)
        if not given_up.messages:
            return TakeReport({}, ())
        tally = {"messages_waiting": -given_up.messages, "messages_dead_lettered": given_up.messages}
        return self._commit_no_readings(Outcome(dead_letters=given_up.letters), tally, used_parts=given_up.used)

    def end_refusal_hours(self, *, now_ns: int) -> TakeReport:
        """Write down how many refusals were only counted in hours that are over, of some of them.

        Parameters
        ----------
        now_ns : int
            Wall clock, from which messages have their time of arrival.

        Raises
        ------
        JournalMovedError, StorageUnavailable
            As for `take`.
        """
        self._record()
        hours = self.journal.refusal_hours_before(now_ns - HOUR_NS)
        if not hours:
            return TakeReport({}, ())
        letters = letters_of_hours(hours, seq=self.live.applied_seq + 1)
        return self._commit_no_readings(Outcome(dead_letters=letters), {}, ended_hours=[hour.hash for hour in hours])

    def expire_held(self, *, before_ns: int) -> TakeReport:
        """Give up some of the messages that have been held for unknown senders since before a moment.

        Raises
        ------
        JournalMovedError, StorageUnavailable
            As for `take`.
        """
        self._record()
        held = self.journal.held_before(before_ns)
        if not held:
            return TakeReport({}, ())
        letters = letters_of_held(held, seq=self.live.applied_seq + 1, head_bytes=self._head_bytes)
        tally = {"messages_quarantined": -len(held), "messages_dead_lettered": len(held)}
        outcome = Outcome(dead_letters=letters, quarantine=released_senders(held))
        return self._commit_no_readings(outcome, tally, released=[message.id for message in held])

    def _commit_no_readings(self, outcome: Outcome, tally: dict[str, int], **rows: Any) -> TakeReport:
        """Commit what is not of new readings: assessments, or that messages will not be used any more."""
        nothing = ReadingColumns.empty()
        body = BatchBody(readings=encode_readings(nothing), step_ns=self._planner.step_ns or 0)
        commit = JournalCommit(
            body=body, kind="batch", outcome=outcome, applied_seq=self.live.applied_seq, tally=tally, **rows
        )
        self.live.take_in(nothing, body, self.journal.commit(commit))
        return TakeReport(tally, tuple(outcome.dead_letters))

    # Saving ----------------------------------------------------------------------------------

    @property
    def is_saving(self) -> bool:
        """Whether a save has begun that does not count yet."""
        return self._saver.is_under_way

    def begin_save(self) -> bool:
        """Begin to save what changed since the last time; False when nothing had."""
        return self._saver.begin()

    def go_on_saving(self) -> None:
        """Write a part of the save under way, some megabytes.

        Raises
        ------
        StorageUnavailable
            If the journal cannot be written; what is in the journal's save before still holds.
        """
        self._saver.write_part()

    def save(self) -> bool:
        """Save what changed since the last time, all at once; False when nothing had.

        Raises
        ------
        StorageUnavailable
            As for `go_on_saving`.
        """
        began = self._saver.begin()
        self._saver.finish()
        return began
