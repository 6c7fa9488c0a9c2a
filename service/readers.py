"""Readers as ingest sees them: processes started, watched and stopped, and an inbox made of what they send.

`ReaderPool` takes the place of the one inbox of `service.worker`: it hands out batches, already decoded, and passes on
what became of them. Each reader has its own shards, so an asset's messages come through one reader, in their order;
between assets there is none, which changes nothing by the wall's clock (design.md D14) and would by the stream's, where
one shard that is read faster would look like time that passes for all: `service.sessions.check_workers` refuses that.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Final

from ingest.delivery import InboxBatch
from ingest.inbox_state import InboxState
from ingest.shards import shares, together
from service.child_environment import child_environment
from service.decoding import Decoded
from service.frames import Again, BatchRead, Command, Done, Say, UseRegister, receive, send
from service.processes import ChildProcess, ChildSpec
from service.settings import Settings
from service.supervisor import Supervisor
from service.telemetry import emitter

__all__ = ["ReadBatch", "ReaderPool"]

_NOTHING: Final = InboxBatch((), ())
_STOP_S: Final = 15.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReadBatch(InboxBatch):
    """A batch from a reader: what was decoded, and which one of which life of which reader it is."""

    decoded: Decoded | None
    reader: _ReaderPart
    life: int
    number: int


class ReaderPool:
    """The inbox of ingest, fed by reader processes; called by one thread, the one that started it.

    Parameters
    ----------
    settings : Settings
        `mqtt.shards` sessions and one for what has no shard, dealt out to `ingest.workers` processes.
    register_seq : callable
        Gives the journal entry of the register in force.
    """

    def __init__(self, settings: Settings, register_seq: Callable[[], int]) -> None:
        self._register_seq = register_seq
        dealt = shares(settings.mqtt.shards, settings.ingest.workers)
        self._readers = [_ReaderPart(settings, number, share) for number, share in enumerate(dealt)]
        self._supervisor = Supervisor(self._readers, emit=emitter("service"))
        self._ready: deque[ReadBatch] = deque()

    def start(self) -> None:
        """Start the readers."""
        self._supervisor.start()

    def stop(self) -> None:
        """Let the readers acknowledge what is committed, and end them."""
        self._supervisor.stop()
        for reader in self._readers:
            reader.close()

    def next_batch(self, _max_messages: int, wait_s: float) -> InboxBatch:
        """Take the next batch, as the reader cut it; empty when none came in time.

        Raises
        ------
        ConfigurationError, ChildFailed
            If a reader cannot be kept running.
        """
        self._tell_register()
        self._pump(0.0 if self._ready else wait_s)
        return self._ready.popleft() if self._ready else _NOTHING

    def acknowledge(self, batch: InboxBatch) -> None:
        """Let the reader acknowledge a committed batch; one that died meanwhile will bring it again."""
        if isinstance(batch, ReadBatch):
            batch.reader.say(Done(batch.number), life=batch.life)

    def release(self, batch: InboxBatch) -> None:
        """Let the broker send a batch again that could not be committed."""
        if isinstance(batch, ReadBatch):
            batch.reader.say(Again(batch.number), life=batch.life)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0; a reply that cannot be sent now is forgotten."""
        self._readers[0].say(Say(topic, payload))

    def state(self) -> InboxState:
        """Tell how all connections are doing together."""
        self._pump(0.0)
        state = together([reader.state() for reader in self._readers])
        return state._replace(queued=state.queued + sum(len(batch) for batch in self._ready))

    def _tell_register(self) -> None:
        seq = self._register_seq()
        for reader in self._readers:
            reader.use_register(seq)

    def _pump(self, wait_s: float) -> None:
        """Take in what the readers said; a reader that said nothing more because it ended is closed."""
        self._supervisor.check()
        channels = {reader.channel: reader for reader in self._readers if reader.channel is not None}
        if not channels:
            time.sleep(wait_s)
            return
        for channel in wait(list(channels), wait_s):
            reader = channels[channel]  # type: ignore[index]  # what we handed in
            try:
                said = receive(channel)  # type: ignore[arg-type]  # see above
            except (EOFError, OSError):
                reader.close()
                self._ready = deque(batch for batch in self._ready if batch.reader is not reader)
                continue
            if isinstance(said, BatchRead):
                batch = ReadBatch(
                    said.messages(), (), decoded=said.decoded, reader=reader, life=reader.life, number=said.number
                )
                self._ready.append(batch)
            else:
                reader.reported = said


class _ReaderPart:
    """One reader: a `Part` for the supervisor, with a new socket for each life."""

    may_end: Final = False

    def __init__(self, settings: Settings, number: int, sessions: Sequence[int | None]) -> None:
        self.name = f"reader-{number}"
        self.channel: Connection | None = None
        self.reported: InboxState | None = None
        self.life = 0
        self._settings = settings
        self._sessions = ",".join("rest" if shard is None else str(shard) for shard in sessions)
        self._child: ChildProcess | None = None
        self._generations_before = 0
        self._since_ns = time.time_ns()
        self._told_seq = -1

    def start(self) -> None:
        """Start the process with one end of a new socket."""
        self.close()
        self.life += 1
        ours, theirs = Pipe()
        handle = theirs.fileno()
        self._child = ChildProcess(
            ChildSpec(
                name=self.name,
                argv=(sys.executable, "-m", "service.cli", "read", str(handle), self._sessions),
                log_file=self._settings.data_dir.absolute() / "log" / f"{self.name}.log",
                environment=child_environment(self._settings),
                stop_seconds=_STOP_S,
                handles=(handle,),
            )
        )
        try:
            self._child.start()
        finally:
            theirs.close()
        self.channel = ours

    def poll(self) -> int | None:
        """Give the exit code when it has ended, None while it runs or before its first start."""
        return None if self._child is None else self._child.poll()

    def failure(self) -> str:
        """Say how it ended."""
        return self.name if self._child is None else self._child.failure()

    def stop(self) -> int | None:
        """Ask it to end, wait, and insist."""
        return None if self._child is None else self._child.stop()

    def close(self) -> None:
        """Forget the connection: what was under way over it comes again."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        if self.reported is not None:
            self._generations_before += self.reported.generation
        self.reported, self._told_seq, self._since_ns = None, -1, time.time_ns()

    def say(self, command: Command, *, life: int | None = None) -> None:
        """Tell the reader, if it is still the one that is meant."""
        if self.channel is None or (life is not None and life != self.life):
            return
        try:
            send(self.channel, command)
        except OSError:
            return  # it is gone; its end is seen when the channel is read

    def use_register(self, seq: int) -> None:
        """Tell which register is in force, once."""
        if self.channel is not None and seq != self._told_seq:
            self.say(UseRegister(seq))
            self._told_seq = seq

    def state(self) -> InboxState:
        """Give its connections' state; not connected while it has told none."""
        if self.reported is None:
            error = f"{self.name} is being started; see its log"
            return InboxState(
                connected=False,
                generation=self._generations_before,
                since_ns=self._since_ns,
                queued=0,
                last_error=error,
            )
        return self.reported._replace(generation=self._generations_before + self.reported.generation)
