"""MQTT 3.1.1 through paho: the only file that knows paho.

One durable session (fixed client identifier, `clean_session=False`), QoS 1, acknowledged by hand after the
commit (design.md D2). What is read from paho and why stands in `ingest.inbox`; here its calls are only
translated. paho's own thread and reconnecting are not used: it would send late acknowledgements on the next
connection, and has no jitter. `ingest.burst_client` reads many messages at once, unless told otherwise.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.burst_client import BurstClient
from ingest.connection import ConnectionHandler, Packet
from ingest.delivery import DEFAULT_QUEUE_BYTES, Delivery, InboxBatch
from ingest.events import InboxEvent
from ingest.former_filters import FormerFilters
from ingest.inbox import Inbox
from ingest.inbox_state import InboxState
from ingest.spill import Spill
from ingest.topics import TOPIC_FILTERS

__all__ = ["Delivery", "InboxBatch", "InboxState", "MqttInbox", "TlsFiles", "secure_client"]

# Taking back a subscription that nobody made is answered, and changes nothing.
_NEVER_SUBSCRIBED: Final = "schouw/goodbye"
_GOODBYE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificates for a TLS connection.

    Attributes
    ----------
    authority : Path or None
        Whom to trust; None: the system's certificates.
    certificate, key : Path or None
        Our own, where the broker asks for one.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def secure_client(client: paho.Client, *, username: str | None, password: str | None, tls: TlsFiles | None) -> None:
    """Give a client that is not connected yet its user and its certificates.

    Raises
    ------
    OSError
        If a certificate cannot be read, or is none.
    """
    if username is not None:
        client.username_pw_set(username, password)
    if tls is not None:
        client.tls_set(ca_certs=_text(tls.authority), certfile=_text(tls.certificate), keyfile=_text(tls.key))


class MqttInbox(Inbox):
    """The inbox on a real broker.

    Parameters
    ----------
    host, port : str, int
        The broker.
    client_id : str
        Fixed: it names the session that the broker keeps. Two inboxes with one identifier throw each other out.
    username, password : str or None
        As the broker wants them.
    tls : TlsFiles or None
        None: no encryption, for loopback only.
    keep_alive_s : int
        Seconds of silence after which a ping is sent; twice that without an answer ends the connection.
    queue_limit, queue_bytes : int
        Messages, and bytes of their payloads, queued at most; then reading stops and the broker holds the rest.
    now_ns : callable
        The clock that stamps arrival, Unix nanoseconds.
    emit : callable
        Takes each event, mostly on the network thread; must not block.
    filters : sequence of str
        What to subscribe to; the project's topics unless a shard has its own (design.md D6).
    former_filters, quiet_s
        What an earlier version subscribed to, and when it is taken back; see `ingest.former_filters`.
    first_delay_s, longest_delay_s : float
        Bounds of the back-off between attempts to connect.
    reads_in_bursts : bool
        Many messages in one read of the socket; False leaves reading to paho, a packet at a time.
    answer_s, stuck_after_s, spill
        See `ingest.inbox.Inbox`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        *,
        username: str | None = None,
        password: str | None = None,
        tls: TlsFiles | None = None,
        keep_alive_s: int = 30,
        queue_limit: int = 20_000,
        now_ns: Callable[[], int],
        emit: Callable[[InboxEvent], None],
        filters: Sequence[str] = TOPIC_FILTERS,
        former_filters: Sequence[str] = (),
        quiet_s: float = 8.0,
        first_delay_s: float = 0.2,
        longest_delay_s: float = 30.0,
        reads_in_bursts: bool = True,
        queue_bytes: int = DEFAULT_QUEUE_BYTES,
        answer_s: float = 20.0,
        stuck_after_s: float = 120.0,
        spill: Spill | None = None,
    ) -> None:
        def make_connection() -> _PahoConnection:
            client = (BurstClient if reads_in_bursts else paho.Client)(
                CallbackAPIVersion.VERSION2,
                client_id=client_id,
                clean_session=False,
                protocol=paho.MQTTv311,
                manual_ack=True,
            )
            secure_client(client, username=username, password=password, tls=tls)
            return _PahoConnection(client, host, port, keep_alive_s)

        super().__init__(
            make_connection,
            broker=f"{host}:{port}",
            filters=filters,
            former=FormerFilters(former_filters, quiet_s),
            queue_limit=queue_limit,
            now_ns=now_ns,
            emit=emit,
            first_delay_s=first_delay_s,
            longest_delay_s=longest_delay_s,
            queue_bytes=queue_bytes,
            answer_s=answer_s,
            stuck_after_s=stuck_after_s,
            spill=spill,
        )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


class _PahoConnection:
    """One paho client for one connection, driven from the inbox's own loop."""

    def __init__(self, client: paho.Client, host: str, port: int, keep_alive_s: int) -> None:
        self._client = client
        self._host = host
        self._port = port
        self._keep_alive_s = keep_alive_s

    def open(self, handler: ConnectionHandler) -> None:
        """Wire the callbacks and connect; see `ingest.connection.Connection` for this and all below."""

        def on_connect(_client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                handler.on_refused(str(reason))
            else:
                handler.on_accepted(session_present=bool(flags.session_present))

        def on_subscribe(_client: Any, _data: Any, _mid: Any, reasons: Any, _properties: Any) -> None:
            handler.on_subscribed([place for place, reason in enumerate(reasons) if reason.is_failure])

        def on_message(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
            topic = message._topic  # noqa: SLF001 -- the property raises where the bytes are not UTF-8
            packet = Packet(topic, bytes(message.payload), message.retain, message.dup, message.mid, message.qos)
            handler.on_messages([packet])

        def on_disconnect(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            handler.on_lost(str(reason))

        self._handler = handler
        self._client.on_connect = on_connect
        self._client.on_subscribe = on_subscribe
        self._client.on_message = on_message
        self._client.on_disconnect = on_disconnect
        self._client.connect(self._host, self._port, self._keep_alive_s)

    def socket(self) -> socket.socket | None:
        return cast("socket.socket | None", self._client.socket())

    def has_pending(self) -> bool:
        pending = getattr(self._client.socket(), "pending", None)
        return pending is not None and pending() > 0

    def wants_write(self) -> bool:
        return self._client.want_write()

    def read(self) -> bool:
        if not isinstance(self._client, BurstClient):
            return self._client.loop_read() == paho.MQTT_ERR_SUCCESS
        packets, alive = self._client.read_burst()
        if packets and self._client.on_message is not None:
            self._handler.on_messages(packets)
        return alive

    def write(self) -> bool:
        return self._client.loop_write() == paho.MQTT_ERR_SUCCESS

    def keep_alive(self) -> bool:
        return self._client.loop_misc() == paho.MQTT_ERR_SUCCESS

    def subscribe(self, filters: Sequence[str]) -> None:
        self._client.subscribe([(topic_filter, 1) for topic_filter in filters])

    def unsubscribe(self, filters: Sequence[str]) -> None:
        self._client.unsubscribe(list(filters))

    def acknowledge(self, mids: Sequence[int]) -> None:
        if isinstance(self._client, BurstClient):
            self._client.acknowledge_all(mids)
            return
        for mid in mids:
            self._client.ack(mid, 1)

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=0)

    def close(self) -> None:
        deadline = time.monotonic() + _GOODBYE_S
        self._await_broker(deadline)
        self._client.disconnect()
        while self._client.want_write() and time.monotonic() < deadline:
            endpoint = self.socket()
            if endpoint is None:
                return
            endpoint.settimeout(_GOODBYE_S)  # what is left to be said may wait for the broker now
            self._client.loop_write()

    def _await_broker(self, deadline: float) -> None:
        """Make one round trip: a broker answers in order, so it has read our acknowledgements then.

        Mosquitto may drop what it has not read yet when the connection goes, and would send those messages again.
        """
        answered: list[bool] = []
        self._client.on_message = None
        self._client.on_disconnect = None
        asked, number = self._client.unsubscribe(_NEVER_SUBSCRIBED)
        if asked != paho.MQTT_ERR_SUCCESS:
            return
        self._client.on_unsubscribe = lambda _client, _data, mid, *_: answered.append(True) if mid == number else None
        while not answered and time.monotonic() < deadline:
            endpoint = self.socket()
            if endpoint is None or (self._client.want_write() and not self.write()):
                return
            if (self.has_pending() or select.select([endpoint], [], [], 0.05)[0]) and not self.read():
                return
