"""A gateway that keeps every message until the broker has acknowledged it, and sends the rest again after a cut."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.batch import Message

__all__ = ["SteadyPublisher"]

_WINDOW: Final = 40
_POLL_S: Final = 0.02


class SteadyPublisher:
    """Publishes messages in order at QoS 1, spread over a time, from a thread of its own.

    paho keeps what is not acknowledged and sends it again, in order, on the next connection of this process.

    Parameters
    ----------
    port : int
        Of the broker, on loopback.
    messages : sequence of Message
    seconds : float
        How long publishing takes when nothing is in the way; after a fault it catches up.
    """

    def __init__(self, port: int, messages: Sequence[Message], *, seconds: float) -> None:
        self._port = port
        self._messages = messages
        self._seconds = seconds
        self._unacknowledged: set[int] = set()
        self._early: set[int] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._hold_from = len(messages)
        self._released = threading.Event()
        self.sent = 0
        self.finished = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="steady-gateway", clean_session=False)
        self._client.max_inflight_messages_set(_WINDOW)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self._thread = threading.Thread(target=self._run, name="steady-publisher", daemon=True)

    def start(self, *, hold_back: int) -> None:
        """Begin; the last `hold_back` messages wait for `release`."""
        self._hold_from = len(self._messages) - hold_back
        self._client.connect_async("127.0.0.1", self._port, keepalive=10)
        self._client.loop_start()
        self._thread.start()

    def release(self) -> None:
        """Let the last messages go."""
        self._released.set()

    def stop(self) -> None:
        """End, whatever is left."""
        self._stop.set()
        self._released.set()
        self._thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        start = time.monotonic()
        for number, message in enumerate(self._messages):
            if number == self._hold_from:
                self._released.wait()
            due = start + self._seconds * number / len(self._messages)
            while not self._stop.is_set():
                with self._lock:
                    has_room = len(self._unacknowledged) < _WINDOW
                if has_room and time.monotonic() >= due:
                    break
                time.sleep(_POLL_S)
            if self._stop.is_set():
                return
            given = self._client.publish(message.topic, message.payload, qos=1)
            with self._lock:
                if given.mid in self._early:
                    self._early.discard(given.mid)
                else:
                    self._unacknowledged.add(given.mid)
            self.sent += 1
        while not self._stop.is_set():
            with self._lock:
                self.finished = not self._unacknowledged
            if self.finished:
                return
            time.sleep(_POLL_S)

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, *_: Any) -> None:
        with self._lock:
            if mid in self._unacknowledged:
                self._unacknowledged.discard(mid)
            else:
                self._early.add(mid)
