"""A reader: a process that takes messages of some shards from the broker and decodes them for ingest.

The costly part of a message is reading it from a socket, taking its text apart and computing features of its
samples; none of it needs the state. So readers do that, each for its own shards, and the one ingest process admits,
scores and commits what they hand over, in one journal. A message is acknowledged by the reader it came to, after
ingest has said that its batch is committed; what a killed reader held, the broker sends again.

The main thread reads and decodes; one thread listens to ingest, so that neither waits for the other to read.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Final

from domain.errors import StorageCorrupt
from domain.register import Register
from ingest.batch import Message
from ingest.clock import UNLIMITED, ClockLimits
from ingest.delivery import InboxBatch
from ingest.inbox import Inbox
from ingest.inbox_state import InboxState
from ingest.resolve import Resolver
from ingest.shards import together
from service.clock_policy import clock_policy
from service.decoding import decode_ahead
from service.frames import BatchRead, Command, Done, Report, Say, UseRegister, receive, send
from service.settings import Settings
from storage.entries import RegisterBody
from storage.journal import Journal

__all__ = ["Reader", "run_reader"]

# While ingest commits one batch the next is decoded and a third waits: more would only be older.
_UNDER_WAY: Final = 3
_LOOK_S: Final = 0.005
_REPORT_EVERY_S: Final = 0.25


class Reader:
    """Takes batches from inboxes, decodes them, and does with them what ingest says.

    Parameters
    ----------
    inboxes : sequence of Inbox
        One for each session.
    report : callable
        Takes what ingest is told.
    resolver_of : callable
        Gives the resolver of the register of a journal entry.
    limits : callable
        Gives the limits of device times as of now.
    batch_messages, max_payload_bytes : int
        As in the settings.
    """

    def __init__(
        self,
        inboxes: Sequence[Inbox],
        report: Callable[[Report], None],
        *,
        resolver_of: Callable[[int], Resolver],
        limits: Callable[[], ClockLimits],
        batch_messages: int,
        max_payload_bytes: int,
    ) -> None:
        self._inboxes = inboxes
        self._report = report
        self._resolver_of = resolver_of
        self._limits = limits
        self._batch_messages = batch_messages
        self._max_payload_bytes = max_payload_bytes
        self._resolver: Resolver | None = None
        self._register_seq = 0
        self._number = 0
        self._under_way: dict[int, list[tuple[Inbox, InboxBatch]]] = {}
        self._next_report = 0.0
        self._reported: InboxState | None = None

    def obey(self, command: Command) -> None:
        """Do what ingest says."""
        if isinstance(command, UseRegister):
            self._resolver, self._register_seq = self._resolver_of(command.seq), command.seq
        elif isinstance(command, Say):
            self._inboxes[0].publish(command.topic, command.payload)
        else:
            for inbox, batch in self._under_way.pop(command.number, []):
                if isinstance(command, Done):
                    inbox.acknowledge(batch)
                else:
                    inbox.release(batch)

    def step(self) -> bool:
        """Hand over one batch, if there is room and anything has come; False when there was nothing to do."""
        self._tell_state()
        if self._resolver is None or len(self._under_way) >= _UNDER_WAY:
            return False
        taken: list[tuple[Inbox, InboxBatch]] = []
        messages: list[Message] = []
        for inbox in self._inboxes:
            if len(messages) >= self._batch_messages:
                break
            batch = inbox.next_batch(self._batch_messages - len(messages), 0.0)
            if len(batch):
                taken.append((inbox, batch))
                messages += batch.messages
        if not messages:
            return False
        self._number += 1
        self._under_way[self._number] = taken
        # The sessions take turns in being first: what fills a batch alone shall not hold up the others.
        self._inboxes = [*self._inboxes[1:], self._inboxes[0]]
        decoded = decode_ahead(
            messages,
            self._resolver,
            self._limits(),
            register_seq=self._register_seq,
            max_payload_bytes=self._max_payload_bytes,
        )
        self._report(BatchRead.of(self._number, messages, decoded))
        return True

    def _tell_state(self) -> None:
        now = time.monotonic()
        state = together([inbox.state() for inbox in self._inboxes])
        before = self._reported
        changed = before is None or before[:2] != state[:2]
        if changed or now >= self._next_report:
            self._next_report = now + _REPORT_EVERY_S
            self._reported = state
            self._report(state)


def run_reader(settings: Settings, inboxes: Sequence[Inbox], channel: Connection) -> None:
    """Read for ingest until it is gone, or SIGTERM.

    Parameters
    ----------
    channel : Connection
        To ingest.
    """
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ingest is interrupted, and tells us
    commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(channel, commands), name="commands", daemon=True).start()
    section, policy = settings.ingest, clock_policy(settings)
    with contextlib.closing(Journal(settings.journal_path)) as journal:
        reader = Reader(
            inboxes,
            lambda said: send(channel, said),
            resolver_of=lambda seq: _resolver(journal, seq),
            limits=lambda: UNLIMITED if policy.by_stream else policy.wall_limits(time.time_ns()),
            batch_messages=section.batch_messages,
            max_payload_bytes=section.max_payload_bytes,
        )
        for inbox in inboxes:
            inbox.start()
        try:
            _work(reader, commands, stopping)
        except (BrokenPipeError, ConnectionResetError):
            pass  # ingest is gone: what was not acknowledged comes again
        finally:
            for inbox in inboxes:
                inbox.stop()


def _work(reader: Reader, commands: queue.SimpleQueue[Command | None], stopping: threading.Event) -> None:
    busy = True
    while True:
        ends = stopping.is_set()
        with contextlib.suppress(queue.Empty):
            while True:
                command = commands.get(block=not busy and not ends, timeout=_LOOK_S)
                if command is None:
                    return
                reader.obey(command)
                busy = True
        if ends:  # what ingest had committed by then is acknowledged
            return
        busy = reader.step()


def _listen(channel: Connection, commands: queue.SimpleQueue[Command | None]) -> None:
    """Hand on what ingest says; None at its end."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            commands.put(receive(channel))
    commands.put(None)


def _resolver(journal: Journal, seq: int) -> Resolver:
    """Build the resolver of the register that entry `seq` brought; 0 stands for the empty one before the first."""
    if not seq:
        return Resolver(Register(), {})
    for entry in journal.newest("register", before=seq + 1):
        if isinstance(entry.body, RegisterBody) and entry.seq == seq:
            register = entry.body.register
            return Resolver(register, journal.channels())
    raise StorageCorrupt(f"journal entry {seq}: got none, expected a register; run `schouw doctor`")
