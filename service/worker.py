"""The ingest process: the inbox's batches through the pipeline, acknowledged after each commit.

One thread works; the inbox has a thread that reads the socket. The stores are written by a process of their
own (`service.projection_process`), or by threads of this one. Everything that is a matter of time is decided
here, by the wall clock handed in: when to look for hops to close, when a stream has paused, when to save the
state. None of it changes a result.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from domain.errors import StorageUnavailable
from domain.measurements import DeadLetter
from ingest.delivery import InboxBatch
from ingest.inbox import Inbox
from ingest.messages import Message
from ingest.topics import rejected_topic
from models.hop_clock import NEVER_NS
from service.batch_plan import BatchPart
from service.bursts import EXPIRY_NS
from service.holding import HopHold
from service.looks import rest_behind_look
from service.pipeline import Pipeline, TakeReport
from service.projection_process import ProjectionsElsewhere
from service.projector import Projector
from service.readers import ReadBatch, ReaderPool
from service.retention import days_before, note_expired
from service.settings import Settings
from service.status import IngestStatus
from service.status_writer import StatusWriter
from service.telemetry import logger
from storage.journal import JournalMovedError

__all__ = ["Worker"]

_WAIT_S: Final = 0.1
_LOOK_EVERY_S: Final = 0.2
_STATUS_EVERY_S: Final = 1.0
_MEASURE_EVERY_S: Final = 1.0
# Counts of refusals whose hour is over; one of a busy topic ends when the next refusal comes.
_HOURS_EVERY_S: Final = 60.0
_PAUSE_AFTER_FAULT_S: Final = 1.0
_GOODBYE_S: Final = 10.0
# A batch costs a sync of the disk and two milliseconds, however small: behind one that is not half full the next may
# gather, so many times at most, and while more does come.
_GATHER_S: Final = 0.005
_GATHER_TIMES: Final = 6
# A back-fill that does not end is scored again this often, not after its last reading alone.
_LONGEST_SETTLE_S: Final = 60.0
# Days without a reading are hops too: 2,197 of them, behind one reading of six years ago, took 49 s in one commit.
_SPAN_NS: Final = 31 * 86_400 * 1_000_000_000
# A save begins again when at least twelve times as long has passed as its parts took. Behind an hour that closed they
# take 0.8 s for 10,000 sensors, and more where others want the cores.
_SAVE_REST: Final = 12.0
_PART_REST: Final = 2.0
# Notices to one gateway in one batch; the dead letters themselves are all kept.
_NOTICES: Final = 5


class Worker:
    """The loop of the ingest process.

    Parameters
    ----------
    pipeline : Pipeline
    inbox : Inbox or ReaderPool
        Started and stopped by the worker.
    projector : Projector or ProjectionsElsewhere
        The same.
    settings : Settings
    status_path : Path
        Where other processes read how it goes.
    now_ns : callable
        The wall clock, Unix nanoseconds.
    monotonic : callable
        Seconds that only go forward.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inbox: Inbox | ReaderPool,
        projector: Projector | ProjectionsElsewhere,
        settings: Settings,
        status_path: Path,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pipeline = pipeline
        self._inbox = inbox
        self._projector = projector
        self._settings = settings
        self._status = StatusWriter(status_path, now_ns=now_ns)
        self._now_ns = now_ns
        self._monotonic = monotonic
        self._stop = threading.Event()
        self._started_ns = now_ns()
        self._storage_error = ""
        self._storage_since_ns = 0
        self._quota_error = ""
        start = monotonic()
        self._generation = 0
        self._hold = HopHold(
            settings.mqtt.redelivery_seconds,
            settings.ingest.batch_messages,
            by_stream=pipeline.policy.by_stream,
            now=start,
        )
        self._last_message = start
        self._paused = True
        self._next_close = self._next_look = self._next_status = self._next_provisional = start
        self._next_expiry = self._next_hours = start
        self._next_measure = start
        self._next_save = self._next_part = start + settings.ingest.snapshot_seconds
        self._saving_s = 0.0
        self._release = True
        # When the first and the last of what is to be scored again came; what a crash left waiting is due at once.
        self._late_since: float | None = start
        self._late_last = start
        self._next_rescore = start

    def stop(self) -> None:
        """Ask the loop to end; safe in a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Work until stopped, then save the state and let the projector finish."""
        self._projector.start()
        self._inbox.start()
        self._tell()
        self._status.start()
        try:
            while not self._stop.is_set():
                self._step()
        finally:
            self._inbox.stop()
            self._status.begin("saves its state before it stops")
            try:
                self._pipeline.save()
            except StorageUnavailable as error:
                logger().warning("state_not_saved", reason=str(error))
            self._projector.stop(timeout_s=_GOODBYE_S)
            self._status.stop()
            self._tell()

    def _step(self) -> None:
        self._status.begin("waits for messages")
        self._measure_journal()
        if self._quota_error:
            # What is not fetched is not acknowledged: it fills the inbox, and the broker holds the rest.
            # Its hops stay open meanwhile, as after a new connection: the readings are there, only not here.
            self._stop.wait(_WAIT_S)
            batch = InboxBatch((), ())
            self._last_message = self._monotonic()
            self._hold.begin(self._last_message)
        else:
            batch = self._inbox.next_batch(self._settings.ingest.batch_messages, _WAIT_S)
        before = self._pipeline.live.applied_seq
        try:
            if len(batch):
                self._status.begin(f"takes in {len(batch)} messages")
                self._take(batch)
            try:
                self._look_after(batch.messages)
                self._assess_waiting(len(batch))
            except JournalMovedError:
                self._catch_up()
        except StorageUnavailable as error:
            self._tell_storage(str(error))
            self._stop.wait(_PAUSE_AFTER_FAULT_S)
        else:
            # A round in which nothing was written does not show that writing works again.
            if self._quota_error:
                self._tell_storage(self._quota_error)
            elif self._pipeline.live.applied_seq != before:
                self._tell_storage("")
        now = self._monotonic()
        if now >= self._next_status:
            self._tell()
            self._next_status = now + _STATUS_EVERY_S
        if len(batch):
            self._gather(len(batch))

    def _gather(self, taken: int) -> None:
        """Let messages come behind a batch of so many, until there is half a batch or a while brings no more.

        A broker that sends no more before it has acknowledgements is not waited for.
        """
        enough = self._settings.ingest.batch_messages // 2
        if taken >= enough:
            return
        before = 0
        for _ in range(_GATHER_TIMES):
            self._stop.wait(_GATHER_S)
            waiting = self._inbox.state().queued
            if waiting <= before or waiting >= enough:
                return
            before = waiting

    def _measure_journal(self) -> None:
        """See whether the journal has grown to its quota."""
        quota, now = self._settings.storage.journal_quota_bytes, self._monotonic()
        if quota is None or now < self._next_measure:
            return
        self._next_measure = now + _MEASURE_EVERY_S
        try:
            used = self._pipeline.journal.used_bytes()
        except StorageUnavailable:
            return  # said by the next commit
        self._quota_error = ""
        if used >= quota:
            states = self._projector.states()
            behind = ", ".join(f"{item.name} ({item.error or 'behind'})" for item in states if item.is_behind)
            self._quota_error = (
                f"the journal holds {used} bytes, storage.journal_quota_bytes is {quota}; it shrinks when its "
                f"projections have caught up, which waits for: {behind or 'a snapshot'}; the broker holds what comes"
            )

    def _take(self, batch: InboxBatch) -> None:
        now = self._monotonic()
        try:
            reports = self._take_parts(batch)
        except StorageUnavailable:
            self._inbox.release(batch)
            raise
        self._inbox.acknowledge(batch)
        self._projector.wake()
        self._last_message, self._paused = now, False
        if any(report.revises for report in reports):
            self._late_last = now
            self._late_since = now if self._late_since is None else self._late_since
        for report in reports:
            self._notify(report.rejected)

    def _take_parts(self, batch: InboxBatch) -> list[TakeReport]:
        decoded = batch.decoded if isinstance(batch, ReadBatch) else None
        parts = self._pipeline.parts(batch.messages, decoded=decoded)
        return [self._take_part(part) for part in parts]

    def _take_part(self, part: BatchPart) -> TakeReport:
        while True:
            try:
                return self._pipeline.take(part.messages, now_ns=self._now_ns(), decoded=part.decoded)
            except JournalMovedError:
                self._catch_up()

    def _assess_waiting(self, messages: int) -> None:
        """Assess, from their open hops, some assets of which something came, behind a batch of so many messages."""
        began, apart_s = self._monotonic(), self._settings.ingest.provisional_seconds
        if began < self._next_provisional:
            return
        self._status.begin("assesses what came")
        more = self._pipeline.assess_waiting(now=began, apart_s=apart_s)
        if more is None:
            return
        self._projector.wake()
        done = self._monotonic()
        rest = rest_behind_look(messages, self._settings.ingest.batch_messages) * (done - began)
        self._next_provisional = done + max(0.0 if more else apart_s, rest)

    def _look_after(self, batch: Sequence[Message]) -> None:
        """Do what is due besides messages, behind a batch of them."""
        now, messages = self._monotonic(), len(batch)
        state = self._inbox.state()
        if self._pipeline.policy.by_stream and any(message.resent for message in batch):
            self._hold.hear_again(now)
        if state.generation != self._generation:
            self._generation = state.generation
            self._hold.begin(now)
        may_close = self._hold.is_over(messages, now)
        if now >= self._next_look:
            self._next_look = now + _LOOK_EVERY_S
            if self._pipeline.journal.last_seq() != self._pipeline.live.applied_seq:
                self._catch_up()
            if self._release:
                self._status.begin("takes in what was held for a new sensor")
                self._release = self._pipeline.release_held(now_ns=self._now_ns()) > 0
            # A part that waits at the broker, or in quarantine, is not missing yet.
            elif state.connected and self._hold.is_over(messages, now, for_s=EXPIRY_NS / 1e9):
                self._notify(self._pipeline.expire_parts(now_ns=self._now_ns()).rejected)
        if now >= self._next_hours:
            self._end_refusal_hours(now)
        if now >= self._next_expiry:
            self._expire_held(now)
        if may_close and now >= self._next_close:
            self._close(now, is_connected=state.connected)
        if may_close:
            self._rescore(now)
        self._save()

    def _save(self) -> None:
        """Begin to save the state, or write a part of the save under way; messages have twice as long between parts."""
        pipeline, began = self._pipeline, self._monotonic()
        self._status.begin("saves its state")
        if pipeline.is_saving:
            if began < self._next_part:
                return
            pipeline.go_on_saving()
        elif began < self._next_save:
            return
        elif pipeline.begin_save():
            self._saving_s = 0.0
        else:
            self._next_save = began + self._settings.ingest.snapshot_seconds
            return
        done = self._monotonic()
        self._saving_s += done - began
        self._next_part = done + _PART_REST * (done - began)
        # Also where a hop that closes finishes it, the next save is not due at once.
        self._next_save = done + max(self._settings.ingest.snapshot_seconds, _SAVE_REST * self._saving_s)
        if not pipeline.is_saving and not self._quota_error:
            self._tell_storage("")

    def _expire_held(self, now: float) -> None:
        """Give up what was held too long for unknown senders, a part at each look until there is no more."""
        self._status.begin("gives up what was held for too long")
        now_ns = self._now_ns()
        before_ns = days_before(now_ns, self._settings.retention.quarantine_days)
        report = self._pipeline.expire_held(before_ns=before_ns)
        expired = report.tally.get("messages_dead_lettered", 0)
        if expired:
            note_expired(self._settings, expired, before_ns=before_ns, now_ns=now_ns)
            self._notify(report.rejected)
            self._projector.wake()
        else:
            self._next_expiry = now + 60.0 * self._settings.retention.every_minutes

    def _end_refusal_hours(self, now: float) -> None:
        """Write down what was only counted in hours that are over, a part at each round until there is no more."""
        self._status.begin("writes down what was refused in the last hour")
        before = self._pipeline.live.applied_seq
        self._notify(self._pipeline.end_refusal_hours(now_ns=self._now_ns()).rejected)
        if self._pipeline.live.applied_seq != before:
            self._projector.wake()
        else:
            self._next_hours = now + _HOURS_EVERY_S

    def _close(self, now: float, *, is_connected: bool) -> None:
        self._status.begin("closes hops")
        closed = self._pipeline.close(now_ns=self._now_ns(), span_ns=_SPAN_NS)
        by_stream = self._pipeline.policy.by_stream
        if by_stream and not self._paused and is_connected and now - self._last_message >= self._pause_s():
            rest = self._pipeline.close(now_ns=self._now_ns(), lateness_ns=0, span_ns=_SPAN_NS)
            closed += rest
            # What is left closes at the next looks, unless a message comes; so do days that wait for a re-scoring.
            self._paused = not rest and not self._pipeline.live.revisions_waiting()
        if closed:
            self._projector.wake()
        self._next_close = self._monotonic() + self._settings.ingest.closing_seconds

    def _rescore(self, now: float) -> None:
        """Score one slice again, when a back-fill has settled; live readings have as much time as it takes."""
        if self._late_since is None or now < self._next_rescore:
            return
        settle_s = self._settings.ingest.backfill_settle_seconds
        if now - self._late_last < settle_s and now - self._late_since < max(settle_s, _LONGEST_SETTLE_S):
            return
        self._status.begin("scores again what came late")
        hops = self._pipeline.rescore()
        took = self._monotonic() - now
        self._next_rescore = now + 2 * took
        if hops:
            self._projector.wake()
        if not self._pipeline.live.revisions_waiting():
            self._late_since = None

    def _pause_s(self) -> float:
        return self._settings.ingest.pause_seconds

    def _catch_up(self) -> None:
        self._status.begin("catches up with its journal")
        if self._pipeline.catch_up():
            self._projector.wake()
            self._release = True

    def _notify(self, rejected: tuple[DeadLetter, ...]) -> None:
        """Tell gateways what was refused and why, a few of each batch; a courtesy, not a record."""
        told: dict[str, int] = {}
        for letter in rejected:
            told[letter.gateway] = told.get(letter.gateway, 0) + 1
            if letter.gateway and told[letter.gateway] <= _NOTICES:
                notice = {"topic": letter.topic, "code": letter.code, "reason": letter.reason}
                self._inbox.publish(rejected_topic(letter.gateway), msgspec.json.encode(notice))

    def _tell_storage(self, error: str) -> None:
        """Log once for each change of state, not for each try."""
        if bool(error) == bool(self._storage_error):
            return
        self._storage_error, self._storage_since_ns = error, self._now_ns()
        if error:
            logger().error("acknowledging_stopped", reason=error)
        else:
            logger().info("acknowledging_resumed")

    def _tell(self) -> None:
        live, inbox = self._pipeline.live, self._inbox.state()
        by_stream = self._pipeline.policy.by_stream
        progress = live.tracker.clock.progress_ns
        status = IngestStatus(
            pid=os.getpid(),
            at_ns=self._now_ns(),
            started_ns=self._started_ns,
            by_stream=by_stream,
            progress_ns=progress if by_stream and progress > NEVER_NS else None,
            broker_connected=inbox.connected,
            broker_since_ns=inbox.since_ns,
            broker_error=inbox.last_error,
            storage_error=self._storage_error,
            storage_since_ns=self._storage_since_ns,
            applied_seq=live.applied_seq,
            projections=self._projector.states(),
            queued_messages=inbox.queued,
            open_readings=live.tracker.open_count(),
            gateway_skew_seconds={name: round(skew, 3) for name, skew in live.skew_by_gateway().items()},
            revisions_waiting=live.revisions_waiting(),
            assessed_ns=max(live.fleet.context, default=None),
            assets=len(live.catalogue.assets),
            channels=len(live.catalogue.channels),
        )
        self._status.tell(status)
