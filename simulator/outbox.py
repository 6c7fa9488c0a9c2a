"""Messages on their way to the broker, and what is known to have arrived.

Theory of operation. One thread makes messages and hands them over; the connection's own thread reports
acknowledgements. At most `window` messages are unacknowledged: then the maker waits, so nothing piles up
anywhere. Messages are numbered as they are sent; an event time is *acknowledged* when every message up to
it is, and only then does the checkpoint move past it. While the broker is away nothing is made; the
waiting is reported once, and the end of it once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from domain.errors import ConfigurationError
from simulator.broker import BrokerHooks, Connect
from simulator.messages import Message
from simulator.progress import Checkpoint, Progress
from simulator.scenario import DAY_NS

__all__ = ["DEFAULT_WINDOW", "Outbox", "PublishCounts"]

# Four times paho's default of 20: enough to keep a loopback broker busy, small enough to resend in no time.
DEFAULT_WINDOW: Final = 80

_POLL_S: Final = 0.1
_SAVE_EVERY_S: Final = 0.5


@dataclass(slots=True)
class PublishCounts:
    """Messages handed over by this process, by kind."""

    messages: int = 0
    readings: int = 0
    waveforms: int = 0
    duplicates: int = 0
    garbage: int = 0

    def add(self, message: Message) -> None:
        """Count one message."""
        self.messages += 1
        self.readings += message.readings
        self.waveforms += message.kind == "waveform"
        self.duplicates += message.kind == "duplicate"
        self.garbage += message.kind == "garbage"


class Outbox:
    """Messages on their way to the broker.

    Parameters
    ----------
    connect : Connect
        Makes the connection.
    checkpoint : Checkpoint
        Moves as the broker acknowledges.
    days : int
        Days of history, for reports.
    window : int
        Unacknowledged messages, at most.
    stop : threading.Event
        Set by the caller to end everything soon.
    report : callable
        Gets `Progress`, always from the thread that calls `send`.
    """

    def __init__(
        self,
        connect: Connect,
        checkpoint: Checkpoint,
        *,
        days: int,
        window: int,
        stop: threading.Event,
        report: Callable[[Progress], None],
    ) -> None:
        self.counts = PublishCounts()
        self.stop = stop
        self.phase: Literal["history", "live"] = "history"
        self._checkpoint = checkpoint
        self._days = days
        self._window = window
        self._report = report
        self._changed = threading.Condition()
        self._is_connected = False
        self._refusal = ""
        self._said_waiting = False
        # Identifier of each unacknowledged publish -> its number; the first is the oldest.
        self._pending: dict[int, int] = {}
        # Acknowledged before `publish` had come back with the identifier.
        self._early: set[int] = set()
        self._sent = 0
        self._marks: deque[tuple[int, int]] = deque()
        self._saved_at_s = time.monotonic()
        self._broker = connect(
            BrokerHooks(self._on_connected, self._on_disconnected, self._on_refused, self._on_acknowledged)
        )
        self._broker.open()

    def send(self, messages: Iterable[Message]) -> bool:
        """Hand messages over in order, waiting for room and for the broker.

        Returns
        -------
        bool
            False when `stop` was set before all were handed over.

        Raises
        ------
        ConfigurationError
            If the broker refuses us for a reason that does not pass by itself.
        """
        return all(self._send_one(message, lambda: not self.stop.is_set()) for message in messages)

    def send_last(self, messages: Iterable[Message], timeout_s: float) -> bool:
        """Hand messages over although `stop` is set, as long as the broker is there and `timeout_s` has not passed."""
        deadline_s = time.monotonic() + timeout_s
        patient = self._while_connected(deadline_s)
        return all(self._send_one(message, patient) for message in messages) and self.drain(timeout_s)

    def mark(self, until_ns: int) -> None:
        """Note that everything measured before `until_ns` has been handed over."""
        self._marks.append((self._sent, until_ns))
        self._settle()
        self.tell()

    def drain(self, timeout_s: float | None = None) -> bool:
        """Wait until the broker has acknowledged everything.

        Parameters
        ----------
        timeout_s : float or None
            None: wait as long as it takes, until `stop` is set. A number: wait so long although `stop` is set,
            but not for a broker that is away.

        Returns
        -------
        bool
            False when something was still unacknowledged.
        """
        patient = (
            (lambda: not self.stop.is_set())
            if timeout_s is None
            else self._while_connected(time.monotonic() + timeout_s)
        )
        drained = self._wait_until(lambda: not self._pending, patient)
        self._settle()
        self._checkpoint.write()
        return drained

    def tell(self, note: str = "", phase: Literal["waiting", "history", "live", "finished"] | None = None) -> None:
        """Report how far it is."""
        saved = self._checkpoint.saved
        day = min((saved.acknowledged_ns - saved.start_ns) // DAY_NS, self._days)
        counts = self.counts
        self._report(Progress(phase or self.phase, day, self._days, counts.messages, counts.readings, note))

    def close(self) -> None:
        """Close the connection and write the checkpoint."""
        self._broker.close()
        self._settle()
        self._checkpoint.write()

    def _while_connected(self, deadline_s: float) -> Callable[[], bool]:
        """Be patient until a moment, but only with a broker that is there."""
        return lambda: self._is_connected and time.monotonic() < deadline_s

    def _send_one(self, message: Message, patient: Callable[[], bool]) -> bool:
        """Hand one message over as soon as there is room, while patience lasts."""
        while patient() and self._wait_until(lambda: self._is_connected and len(self._pending) < self._window, patient):
            # Not under the lock: the connection's thread may hold paho's and wait for ours.
            identifier = self._broker.publish(message.topic, message.payload, retain=message.retain)
            if identifier is None:
                self.stop.wait(_POLL_S)
                continue
            self._sent += 1
            with self._changed:
                if identifier in self._early:
                    self._early.discard(identifier)
                else:
                    self._pending[identifier] = self._sent
            self.counts.add(message)
            return True
        return False

    def _wait_until(self, ready: Callable[[], bool], patient: Callable[[], bool]) -> bool:
        """Wait for a condition of the connection; say once when the broker is away, and once when it is back."""
        while True:
            with self._changed:
                is_ready = ready() or (
                    patient() and self._changed.wait_for(lambda: ready() or bool(self._refusal), timeout=_POLL_S)
                )
                is_ready = is_ready and not self._refusal
                is_connected, refusal = self._is_connected, self._refusal
            if refusal:
                raise ConfigurationError(
                    f"the broker refused the simulator: {refusal}; check its users, client identifiers and access list"
                )
            self._tell_connection(is_connected)
            if is_ready:
                return True
            if not patient():
                return False

    def _tell_connection(self, is_connected: bool) -> None:  # noqa: FBT001 -- a state passed on
        if is_connected and self._said_waiting:
            self._said_waiting = False
            self.tell("the broker is back; publishing goes on where it stopped")
        elif not is_connected and not self._said_waiting and not self.stop.is_set():
            self._said_waiting = True
            self.tell("waiting for the broker; nothing is lost meanwhile", phase="waiting")

    def _settle(self) -> None:
        """Move the checkpoint past every mark whose messages are all acknowledged; save now and then."""
        with self._changed:
            oldest = next(iter(self._pending.values()), self._sent + 1)
        while self._marks and self._marks[0][0] < oldest:
            self._checkpoint.move(self._marks.popleft()[1])
        if time.monotonic() - self._saved_at_s >= _SAVE_EVERY_S:
            self._checkpoint.write()
            self._saved_at_s = time.monotonic()

    def _on_connected(self) -> None:
        with self._changed:
            self._is_connected = True
            self._changed.notify_all()

    def _on_disconnected(self) -> None:
        with self._changed:
            self._is_connected = False
            self._changed.notify_all()

    def _on_refused(self, reason: str) -> None:
        with self._changed:
            self._refusal = reason
            self._changed.notify_all()

    def _on_acknowledged(self, identifier: int) -> None:
        with self._changed:
            if self._pending.pop(identifier, None) is None:
                self._early.add(identifier)
            self._changed.notify_all()
