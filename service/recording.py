"""`schouw record`: listen to a broker, write down what comes, in the order it came."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console

from domain.errors import ConfigurationError
from ingest.topics import TOPIC_FILTERS
from service.session_file import RecordedMessage, is_session, open_session, session_line
from service.sessions import refusal_in_words, secure
from service.settings import Settings

__all__ = ["record_session"]

_CONNECT_S: Final = 10.0
_LOOK_S: Final = 0.1
_MOST_WAITING: Final = 100_000


def record_session(
    settings: Settings,
    path: Path,
    *,
    topics: Sequence[str],
    seconds: float | None,
    host: str,
    port: int,
    stop: threading.Event,
) -> int:
    """Record until `stop` is set or the time is over; give the number of messages.

    The session is a passing one of its own beside ingest's: recording takes nothing away. What comes while the
    connection is lost is not recorded, and the gap is said.

    Raises
    ------
    ConfigurationError
        If the broker is not there at the start or refuses us, or the file cannot be written.
    """
    if not is_session(path):
        raise ConfigurationError(f"got file {path.name!r}, expected a name that ends in .jsonl or .jsonl.gz")
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="schouw-record")
    secure(settings.mqtt)(client)
    listener = _Listener(topics or TOPIC_FILTERS)
    client.on_connect = listener.connected
    client.on_disconnect = listener.disconnected
    client.on_subscribe = listener.answered
    client.on_message = listener.received
    try:
        client.connect(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"no broker at {host}:{port} ({error}); start it, or give --host and --port"
        ) from error
    client.loop_start()
    try:
        is_answered = listener.subscribed.wait(_CONNECT_S)
        if listener.refusal:
            raise ConfigurationError(refusal_in_words(host, port, listener.refusal))
        if not is_answered:
            raise ConfigurationError(
                f"the broker at {host}:{port} did not accept us in {_CONNECT_S:.0f} s; is it an MQTT broker?"
            )
        return _write(path, listener.arrived, seconds=seconds, stop=stop)
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} cannot be written ({error.strerror}); give another file") from error
    finally:
        client.disconnect()
        client.loop_stop()


class _Listener:
    """What the connection reports, from its own thread."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.arrived: queue.Queue[RecordedMessage] = queue.Queue(_MOST_WAITING)
        self.subscribed = threading.Event()
        self.refusal = ""
        self._topics = topics
        self._console = Console(stderr=True)

    def connected(self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        """Subscribe, also after a lost connection."""
        if reason.is_failure:
            self._refuse(str(reason))
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def answered(self, client: paho.Client, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:
        """Note that the broker sends from now on, or which topics it keeps from us."""
        kept = [topic for topic, reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        if kept:
            self._refuse(f"no rights to read {', '.join(kept)}")
        self.subscribed.set()

    def _refuse(self, reason: str) -> None:
        """End the start with it, or say it when the recording has begun."""
        if self.subscribed.is_set():
            self._console.print(f"the broker refuses us: {reason}")
        else:
            self.refusal = reason
            self.subscribed.set()

    def disconnected(self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        """Say that there is a gap."""
        if reason.is_failure and not self.refusal:
            self._console.print("the broker is gone; what comes meanwhile is not in the record")

    def received(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        """Hand a message to the thread that writes; it waits when that one cannot keep up."""
        self.arrived.put(RecordedMessage(message.topic, bytes(message.payload), message.retain, time.time_ns()))


def _write(path: Path, arrived: queue.Queue[RecordedMessage], *, seconds: float | None, stop: threading.Event) -> int:
    """Write what arrives, to the last message that has."""
    deadline = None if seconds is None else time.monotonic() + seconds
    count = 0
    with open_session(path, "w") as file:
        while True:
            ending = stop.is_set() or (deadline is not None and time.monotonic() >= deadline)
            try:
                file.write(session_line(arrived.get(timeout=_LOOK_S)))
                count += 1
            except queue.Empty:
                if ending:
                    return count
                file.flush()
