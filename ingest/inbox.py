"""The network thread: connects, reads, acknowledges, and stops reading when it should.

One thread owns the connection and is the only one to touch it; other threads leave acknowledgements and
replies in queues and wake it. Every connection gets a new generation number and a new client object, so
nothing of an old one (packet numbers, half-sent bytes) can leak into the next.

Backpressure: when the queue is full the socket is simply not read. The broker's flow control then holds what
it has; if that lasts longer than the keep-alive and the connection is lost, the next one is made only when
the queue has drained, and the broker sends again what was not acknowledged.
"""

from __future__ import annotations

import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ingest.connection import Connection, Packet
from ingest.delivery import Delivery, DeliveryQueue, InboxBatch
from ingest.events import (
    AcknowledgementsDropped,
    Connected,
    ConnectionRefused,
    Disconnected,
    InboxDrained,
    InboxEvent,
    InboxFull,
    NetworkThreadDied,
    SubscriptionRefused,
    Unreachable,
)
from ingest.messages import Message

__all__ = ["Inbox", "InboxState"]

_FIRST_DELAY_S: Final = 0.2
_LONGEST_DELAY_S: Final = 30.0
# A connection that lasted this long was sound, so the next attempt starts without back-off.
_SOUND_AFTER_S: Final = 5.0
_STEP_S: Final = 0.5
_FULL_STEP_S: Final = 0.02
_PACKETS_PER_STEP: Final = 64
_REPLIES_WAITING: Final = 1000
_GOODBYE_S: Final = 2.0
_DEFAULT_BATCH_BYTES: Final = 16 * 2**20


class InboxState(NamedTuple):
    """How the connection is doing.

    Attributes
    ----------
    connected : bool
        The broker accepted us and our subscriptions.
    generation : int
        Counts connections, from 1.
    since_ns : int
        When `connected` last changed, by the clock that was handed in.
    queued : int
        Messages that wait for a batch.
    last_error : str
        What went wrong last; empty while all is well.
    """

    connected: bool
    generation: int
    since_ns: int
    queued: int
    last_error: str


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
    queue_limit : int
        Messages queued at most; then reading stops.
    now_ns : callable
        The clock that stamps arrival, Unix nanoseconds.
    emit : callable
        Takes each `InboxEvent`, mostly on the network thread; must not block.
    first_delay_s, longest_delay_s : float
        Bounds of the back-off between attempts; each is shortened at random by up to half, so that a fleet
        does not come back in one instant.
    """

    def __init__(
        self,
        make_connection: Callable[[], Connection],
        *,
        broker: str,
        filters: Sequence[str],
        queue_limit: int,
        now_ns: Callable[[], int],
        emit: Callable[[InboxEvent], None],
        first_delay_s: float = _FIRST_DELAY_S,
        longest_delay_s: float = _LONGEST_DELAY_S,
    ) -> None:
        self._make_connection = make_connection
        self._broker = broker
        self._filters = tuple(filters)
        self._now_ns = now_ns
        self._emit = emit
        self._first_delay_s = first_delay_s
        self._longest_delay_s = longest_delay_s
        self._queue = DeliveryQueue(queue_limit)
        self._to_acknowledge: deque[Delivery] = deque()
        self._to_publish: deque[tuple[str, bytes]] = deque(maxlen=_REPLIES_WAITING)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._thread: threading.Thread | None = None
        self._thread_lock = threading.Lock()
        self._stopping = threading.Event()
        self._reconnect_asked = threading.Event()
        self._attempts = 0
        self._generation = 0
        self._accepted = False
        self._connected = False
        self._lost = False
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
        self._wake()
        with self._thread_lock:
            thread = self._thread
        if thread is not None:
            thread.join(_GOODBYE_S + 5.0)
        if thread is None or not thread.is_alive():
            self._wake_reader.close()
            self._wake_writer.close()

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
        return self._queue.take(max_messages, wait_s, max_bytes)

    def acknowledge(self, batch: InboxBatch) -> None:
        """Acknowledge a committed batch; it is sent when all earlier batches are acknowledged too."""
        ready = self._queue.acknowledge(batch)
        if ready:
            self._to_acknowledge.extend(ready)
            self._wake()

    def release(self, batch: InboxBatch) -> None:
        """Give a batch up that could not be committed, and reconnect so that the broker sends it again."""
        self._queue.release(batch)
        self._reconnect_asked.set()
        self._wake()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0 if connected; a reply that cannot be sent now is forgotten."""
        if self._connected:
            self._to_publish.append((topic, payload))
            self._wake()

    def state(self) -> InboxState:
        """Tell how the connection is doing."""
        self._check_thread()
        return InboxState(self._connected, self._generation, self._since_ns, len(self._queue), self._last_error)

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

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._thread_main, name="mqtt-inbox", daemon=True)
        self._thread.start()

    def _wake(self) -> None:
        """Let the network thread look at its queues; a full pipe means that it is awake already."""
        try:
            self._wake_writer.send(b"\0")
        except OSError:
            return

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
                pass
            if self._stopping.is_set():
                return
            started = time.monotonic()
            self._one_connection()
            was_sound = self._accepted and time.monotonic() - started >= _SOUND_AFTER_S
            self._attempts = 0 if was_sound or self._reconnect_asked.is_set() else self._attempts + 1

    def _one_connection(self) -> None:
        """Live through one connection from start to end."""
        self._generation += 1
        self._accepted = self._lost = False
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
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_reader, selectors.EVENT_READ)
            try:
                self._read_and_write(connection, selector)
            finally:
                self._set_connected(connected=False, error=self._last_error or "disconnected")
        if not self._lost:
            self._send_acknowledgements(connection)
            connection.close()
        if self._accepted:
            reason = "asked for redelivery" if self._reconnect_asked.is_set() else self._last_error
            reason = "stopped" if self._stopping.is_set() else reason
            self._announce("disconnected", Disconnected(self._broker, self._generation, reason))

    def _read_and_write(self, connection: Connection, selector: selectors.BaseSelector) -> None:
        """Serve the connection until it is lost, or we are asked to end it."""
        watched: socket.socket | None = None
        watched_events = 0
        next_ping = time.monotonic() + _STEP_S
        while not (self._lost or self._stopping.is_set() or self._reconnect_asked.is_set()):
            paused = self._must_pause()
            endpoint = connection.socket()
            if endpoint is None:
                return
            events = (0 if paused else selectors.EVENT_READ) | (
                selectors.EVENT_WRITE if connection.wants_write() else 0
            )
            if endpoint is not watched or events != watched_events:
                if watched is not None and watched_events:
                    selector.unregister(watched)
                if events:
                    selector.register(endpoint, events)
                watched, watched_events = endpoint, events
            has_pending = not paused and connection.has_pending()
            timeout = 0.0 if has_pending else _FULL_STEP_S if paused else _STEP_S
            ready = {key.fileobj: mask for key, mask in selector.select(timeout)}
            mask = ready.get(endpoint, 0)
            if self._wake_reader in ready:
                self._drain_wake()
            if (mask & selectors.EVENT_READ or has_pending) and not self._read(connection):
                return
            self._send_acknowledgements(connection)
            self._send_replies(connection)
            if mask & selectors.EVENT_WRITE and not connection.write():
                return
            if time.monotonic() >= next_ping:
                next_ping = time.monotonic() + _STEP_S
                if not connection.keep_alive():
                    return

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
        """Acknowledge what waits, leaving out what came over an earlier connection."""
        dropped = 0
        mids: list[int] = []
        while self._to_acknowledge:
            generation, mid, qos = self._to_acknowledge.popleft()
            if not qos:
                continue
            if generation != self._generation or self._lost:
                dropped += 1
            else:
                mids.append(mid)
        if mids:
            connection.acknowledge(mids)
        if dropped:
            self._emit(AcknowledgementsDropped(dropped, self._generation))

    def _send_replies(self, connection: Connection) -> None:
        while self._to_publish:
            topic, payload = self._to_publish.popleft()
            if self._connected:
                connection.publish(topic, payload)

    def _drain_wake(self) -> None:
        try:
            while self._wake_reader.recv(4096):
                pass
        except OSError:
            return

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
        self._last_error = ""
        self._announce("connected", Connected(self._broker, self._generation, session_present))
        self._connection.subscribe(self._filters)

    def on_refused(self, reason: str) -> None:
        """Say that the broker does not let us in."""
        self._set_connected(connected=False, error=reason)
        self._announce("refused", ConnectionRefused(self._broker, reason))

    def on_subscribed(self, refused: Sequence[int]) -> None:
        """Take the subscriptions as made, or say which the broker refused."""
        if refused:
            filters = tuple(self._filters[place] for place in refused)
            self._set_connected(connected=False, error=f"the broker refused to subscribe us to {', '.join(filters)}")
            self._emit(SubscriptionRefused(self._broker, filters))
        else:
            self._set_connected(connected=True, error="")

    def on_messages(self, packets: Sequence[Packet]) -> None:
        """Stamp and queue messages; those of one burst have one time of arrival."""
        self._arrived += len(packets)
        now_ns, generation = self._now_ns(), self._generation
        self._queue.put(
            [
                (Message(_text(topic), payload, now_ns, retained), Delivery(generation, mid, qos))
                for topic, payload, retained, mid, qos in packets
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
