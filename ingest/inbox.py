"""The network thread: connects, reads, acknowledges, and stops reading when it should.

One thread owns the connection and is the only one to touch it; other threads leave acknowledgements and
replies in queues and wake it. Every connection gets a new generation number and a new client object, so
nothing of an old one (packet numbers, half-sent bytes) can leak into the next.

Backpressure: nothing is acknowledged before it is committed, and a broker has only so many messages under way. Those
are read and wait here, on disk where memory is not enough. Only when there is no room at all the socket is not read:
the broker's flow control then holds what it has; if that lasts longer than it likes and the connection is lost, the
next one is made only when the queue has drained, and the broker sends again what was not acknowledged.

Three things are watched, each ending in a new connection: a network thread that died though it said that it
was connected; a broker that takes the connection and then says nothing (no answer to connecting and
subscribing in time, or, later, to a ping); and messages that were handed out and never acknowledged, which
some brokers (Mosquitto) send again over a new connection only.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from ingest.connection import Connection, Packet
from ingest.delivery import DEFAULT_QUEUE_BYTES, Delivery, DeliveryQueue, InboxBatch
from ingest.events import (
    AcknowledgementsDropped,
    Connected,
    ConnectionRefused,
    DeliveryStuck,
    Disconnected,
    InboxDrained,
    InboxEvent,
    InboxFull,
    NetworkThreadDied,
    SubscriptionRefused,
    Unreachable,
)
from ingest.former_filters import FormerFilters
from ingest.inbox_state import InboxState
from ingest.messages import Message
from ingest.outgoing import Outgoing
from ingest.socket_watch import SocketWatch
from ingest.spill import Spill
from ingest.topics import is_reply

__all__ = ["Inbox"]

_FIRST_DELAY_S: Final = 0.2
_LONGEST_DELAY_S: Final = 30.0
# A connection that lasted this long was sound, so the next attempt starts without back-off.
_SOUND_AFTER_S: Final = 5.0
_STEP_S: Final = 0.5
_FULL_STEP_S: Final = 0.02
_PACKETS_PER_STEP: Final = 64
_GOODBYE_S: Final = 2.0
_DEFAULT_BATCH_BYTES: Final = 16 * 2**20
# A broker under load answers within seconds; one that does not is a socket without a broker behind it.
_ANSWER_S: Final = 20.0
# A commit takes seconds at worst, and whoever asks for the next batch is not in one.
_STUCK_AFTER_S: Final = 120.0
# Nothing that the thread does takes so long but looking up a name that no server answers.
_STANDS_STILL_AFTER_S: Final = 120.0


class Inbox:
    """Messages from a broker in batches, acknowledged when the caller says so.

    Parameters
    ----------
    make_connection : callable
        Makes a connection that is not open yet.
    broker : str
        Its address, for people.
    filters : sequence of str
        What to subscribe to, at QoS 1.
    former : FormerFilters, optional
        What an earlier version subscribed to, to be taken back when nothing waits for it.
    queue_limit, queue_bytes : int
        Messages, and bytes of their payloads, queued at most; then reading stops.
    now_ns : callable
        The clock that stamps arrival, Unix nanoseconds.
    emit : callable
        Takes each `InboxEvent`, mostly on the network thread; must not block.
    first_delay_s, longest_delay_s : float
        Bounds of the back-off between attempts; each is shortened at random by up to half, so that a fleet
        does not come back in one instant.
    answer_s : float
        Seconds within which the broker must have answered our connecting and subscribing.
    stuck_after_s : float
        Seconds after which a batch that was neither acknowledged nor released is given up.
    spill : Spill, optional
        Where payloads wait when they are more than `queue_bytes`; without it reading stops.
    """

    def __init__(
        self,
        make_connection: Callable[[], Connection],
        *,
        broker: str,
        filters: Sequence[str],
        former: FormerFilters | None = None,
        queue_limit: int,
        now_ns: Callable[[], int],
        emit: Callable[[InboxEvent], None],
        first_delay_s: float = _FIRST_DELAY_S,
        longest_delay_s: float = _LONGEST_DELAY_S,
        queue_bytes: int = DEFAULT_QUEUE_BYTES,
        answer_s: float = _ANSWER_S,
        stuck_after_s: float = _STUCK_AFTER_S,
        spill: Spill | None = None,
    ) -> None:
        self._make_connection = make_connection
        self._broker = broker
        self._filters = tuple(filters)
        self._former = former or FormerFilters((), 0.0)
        self._now_ns = now_ns
        self._emit = emit
        self._first_delay_s = first_delay_s
        self._longest_delay_s = longest_delay_s
        self._answer_s = answer_s
        self._stuck_after_s = stuck_after_s
        self._queue = DeliveryQueue(queue_limit, queue_bytes, spill)
        self._outgoing = Outgoing()
        self._watch = SocketWatch()
        self._thread: threading.Thread | None = None
        self._thread_lock = threading.Lock()
        self._stopping = threading.Event()
        self._reconnect_asked = threading.Event()
        self._attempts = 0
        self._generation = 0
        self._accepted = False
        self._had_session = False
        self._answered = False
        self._connected = False
        self._lost = False
        self._moved = time.monotonic()
        self._arrived = 0
        self._is_paused = False
        self._since_ns = now_ns()
        self._last_error = "not started"
        self._announced = ""

    # Called by other threads.

    def start(self) -> None:
        """Start connecting, and go on until `stop`; returns at once."""
        with self._thread_lock:
            if self._thread is None:
                self._last_error = "not connected yet"
                self._start_thread()

    def stop(self) -> None:
        """Send what is acknowledged, say goodbye and end; the broker keeps the session."""
        self._stopping.set()
        self._queue.close()
        self._watch.wake()
        with self._thread_lock:
            thread = self._thread
        if thread is not None:
            thread.join(_GOODBYE_S + 5.0)
        if thread is None or not thread.is_alive():
            self._watch.close()
            self._queue.discard()

    def next_batch(self, max_messages: int, wait_s: float, *, max_bytes: int = _DEFAULT_BATCH_BYTES) -> InboxBatch:
        """Take what has arrived, at once when something is there.

        Parameters
        ----------
        max_messages : int
            Messages at most.
        wait_s : float
            Seconds to wait for a first one; the batch is empty when none came.
        max_bytes : int
            Payload bytes at most, so that large waveforms do not fill the memory; one message always fits.
        """
        self._check_thread()
        self._check_deliveries()
        batch = self._queue.take(max_messages, wait_s, max_bytes)
        if batch.settled and not len(batch):
            self.acknowledge(batch)
        if self._queue.unreadable():
            self._ask_again()
        return batch

    def acknowledge(self, batch: InboxBatch) -> None:
        """Acknowledge a committed batch; it is sent when all earlier batches are acknowledged too."""
        ready = self._queue.acknowledge(batch)
        if not ready:
            return
        if not self._connected:  # while nothing can be sent, no payload is kept for it
            self._queue.settle([committed for delivery, committed in ready if delivery.qos])
            ready = [(delivery, b"") for delivery, _ in ready]
        self._outgoing.acknowledge(ready)
        self._watch.wake()

    def release(self, batch: InboxBatch) -> None:
        """Give a batch up that could not be committed, and reconnect so that the broker sends it again."""
        self._queue.release(batch)
        self._ask_again()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0 if connected; a reply that cannot be sent now is forgotten."""
        if self._connected:
            self._outgoing.publish(topic, payload)
            self._watch.wake()

    def state(self) -> InboxState:
        """Tell how the connection is doing."""
        self._check_thread()
        connected, error = self._connected, self._last_error
        still_s = time.monotonic() - self._moved
        if self._thread is not None and not self._stopping.is_set() and still_s > _STANDS_STILL_AFTER_S:
            connected, error = False, f"the network thread has stood still for {still_s:.0f} s; start ingest again"
        return InboxState(connected, self._generation, self._since_ns, len(self._queue), error)

    def _ask_again(self) -> None:
        """Reconnect, so that the broker sends again what it has no acknowledgement of."""
        self._reconnect_asked.set()
        self._watch.wake()

    def _check_thread(self) -> None:
        """Start another network thread when the last one died; what it said about being connected was not true."""
        with self._thread_lock:
            thread = self._thread
            if thread is None or thread.is_alive() or self._stopping.is_set():
                return
            reason = self._last_error or "the thread ended without a reason"
            self._set_connected(connected=False, error=reason)
            self._attempts += 1
            self._start_thread()
        self._emit(NetworkThreadDied(reason))

    def _check_deliveries(self) -> None:
        """Give up what was handed out and forgotten, so that the broker sends it again."""
        while (batch := self._queue.overdue(self._stuck_after_s)) is not None:
            self.release(batch)
            self._emit(DeliveryStuck(len(batch), self._stuck_after_s))

    def _start_thread(self) -> None:
        self._moved = time.monotonic()
        self._thread = threading.Thread(target=self._thread_main, name="mqtt-inbox", daemon=True)
        self._thread.start()

    # Called on the network thread.

    def _thread_main(self) -> None:
        """Keep a fault from passing unseen: it is told by `_check_thread`."""
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 -- whatever it is, the inbox must say so and start again
            self._set_connected(connected=False, error=f"{type(error).__name__}: {error}")

    def _run(self) -> None:
        """Connect again and again."""
        while not self._stopping.is_set():
            if self._attempts:
                delay = min(self._longest_delay_s, self._first_delay_s * 2.0 ** min(self._attempts - 1, 30))
                self._stopping.wait(delay * random.uniform(0.5, 1.0))  # noqa: S311 -- spreads load, guards nothing
            while self._must_pause() and not self._stopping.wait(_FULL_STEP_S):
                self._moved = time.monotonic()
            self._moved = time.monotonic()
            if self._stopping.is_set():
                return
            started = time.monotonic()
            self._one_connection()
            was_sound = self._accepted and time.monotonic() - started >= _SOUND_AFTER_S
            self._attempts = 0 if was_sound or self._reconnect_asked.is_set() else self._attempts + 1

    def _one_connection(self) -> None:
        """Live through one connection from start to end."""
        self._generation += 1
        self._accepted = self._answered = self._lost = False
        self._reconnect_asked.clear()
        connection = self._make_connection()
        try:
            connection.open(self)
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            self._set_connected(connected=False, error=reason)
            self._announce("unreachable", Unreachable(self._broker, reason))
            return
        self._connection = connection
        try:
            self._read_and_write(connection)
        finally:
            self._set_connected(connected=False, error=self._last_error or "disconnected")
        if not self._lost:
            self._send_acknowledgements(connection)
            connection.close()
        reason = "asked for redelivery" if self._reconnect_asked.is_set() else self._last_error
        reason = "stopped" if self._stopping.is_set() else reason
        if self._answered:
            self._announce("disconnected", Disconnected(self._broker, self._generation, reason))
        elif self._accepted:
            self._announce("unreachable", Unreachable(self._broker, reason))

    def _read_and_write(self, connection: Connection) -> None:
        """Serve the connection until it is lost, or we are asked to end it."""
        with self._watch.watching() as watched:
            answer_until = time.monotonic() + self._answer_s
            next_ping = time.monotonic() + _STEP_S
            while not (self._lost or self._stopping.is_set() or self._reconnect_asked.is_set()):
                paused = self._must_pause()
                endpoint = connection.socket()
                if endpoint is None:
                    return
                has_pending = not paused and connection.has_pending()
                timeout_s = 0.0 if has_pending else _FULL_STEP_S if paused else _STEP_S
                can_read, can_write = watched.wait(
                    endpoint, timeout_s, reads=not paused, writes=connection.wants_write()
                )
                if (can_read or has_pending) and not self._read(connection):
                    return
                self._send_acknowledgements(connection)
                self._outgoing.send_notices(connection, is_heard=self._connected)
                if can_write and not connection.write():
                    return
                now = self._moved = time.monotonic()
                if self._connected and self._former.are_due(self._queue.under_way, now):
                    connection.unsubscribe(self._former.filters)
                if now >= next_ping:
                    next_ping = now + _STEP_S
                    if not connection.keep_alive():
                        return
                # Reading may have stopped for want of room: then the answer may lie there, unread.
                if not self._answered and not paused and now >= answer_until:
                    self._set_unanswered()
                    return

    def _set_unanswered(self) -> None:
        what = "subscribing" if self._accepted else "connecting"
        reason = f"the broker took the connection and did not answer our {what} within {self._answer_s:g} s"
        self._set_connected(connected=False, error=reason)
        if not self._accepted:
            self._announce("unreachable", Unreachable(self._broker, reason))

    def _read(self, connection: Connection) -> bool:
        """Read packets while messages keep coming, so that waiting is paid once for many; False when lost."""
        for _ in range(_PACKETS_PER_STEP):
            before = self._arrived
            if not connection.read():
                return False
            if self._arrived == before or self._queue.is_full:
                break
        return True

    def _must_pause(self) -> bool:
        """Tell whether reading has to stop, and announce when that changes."""
        if self._is_paused:
            if self._queue.is_drained:
                self._is_paused = False
                self._emit(InboxDrained(len(self._queue)))
        elif self._queue.is_full:
            self._is_paused = True
            self._emit(InboxFull(len(self._queue), self._queue.limit))
        return self._is_paused

    def _send_acknowledgements(self, connection: Connection) -> None:
        """Acknowledge what waits; what came over an earlier connection is settled when it comes again."""
        dropped, unsent = self._outgoing.send_acknowledgements(
            connection, generation=self._generation, is_lost=self._lost
        )
        if unsent:
            self._queue.settle(unsent)
        if dropped:
            self._emit(AcknowledgementsDropped(dropped, self._generation))

    def _set_connected(self, *, connected: bool, error: str) -> None:
        if connected != self._connected:
            self._connected = connected
            self._since_ns = self._now_ns()
        self._last_error = error

    def _announce(self, what: str, event: InboxEvent) -> None:
        """Emit an event unless the same was the last to be said."""
        if self._announced != what:
            self._announced = what
            self._emit(event)

    # Called by the connection, on the network thread.

    def on_accepted(self, *, session_present: bool) -> None:
        """Subscribe; with a session it is there already, and asking again does no harm."""
        self._accepted = True
        self._had_session = session_present
        if not session_present:
            self._queue.forget_session()
        self._last_error = ""
        self._former.begin(has_session=session_present, now=time.monotonic())
        self._connection.subscribe(self._filters)

    def on_refused(self, reason: str) -> None:
        """Say that the broker does not let us in."""
        self._set_connected(connected=False, error=reason)
        self._announce("refused", ConnectionRefused(self._broker, reason))

    def on_subscribed(self, refused: Sequence[int]) -> None:
        """Take the subscriptions as made, or say which the broker refused."""
        self._answered = True
        self._announce("connected", Connected(self._broker, self._generation, self._had_session))
        if refused:
            filters = tuple(self._filters[place] for place in refused)
            self._set_connected(connected=False, error=f"the broker refused to subscribe us to {', '.join(filters)}")
            self._emit(SubscriptionRefused(self._broker, filters))
        else:
            self._set_connected(connected=True, error="")

    def on_messages(self, packets: Sequence[Packet]) -> None:
        """Stamp and queue messages; those of one burst have one time of arrival, and our own replies are none."""
        self._arrived += len(packets)
        now_ns, generation = self._now_ns(), self._generation
        # A named tuple's own constructor is written in Python, and takes three times as long as that of its base.
        make = tuple.__new__
        self._queue.put(
            [
                (
                    make(Message, (_text(topic), payload, now_ns, retained, resent)),
                    make(Delivery, (generation, mid, qos)),
                )
                for topic, payload, retained, resent, mid, qos in packets
                if qos or not is_reply(topic)
            ]
        )

    def on_lost(self, reason: str) -> None:
        """End this connection."""
        self._lost = True
        self._set_connected(connected=False, error=self._last_error if not self._accepted else reason)


def _text(topic: bytes) -> str:
    """Read a topic; one that is not UTF-8 becomes one that no filter of ours means, and is refused as such."""
    try:
        return topic.decode()
    except UnicodeDecodeError:
        return "(a topic that is not UTF-8)"
