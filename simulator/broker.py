"""The connection to the broker, as small as publishing needs: paho-mqtt behind three methods.

paho keeps what was not acknowledged in memory and sends it again after a reconnect, in this process.
What survives the process is the progress file (`simulator.progress`): it only moves past what the broker
has acknowledged, so a new process sends the rest again and receivers drop what they had.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

__all__ = ["Broker", "BrokerHooks", "Connect", "Secure", "paho_broker"]

_KEEP_ALIVE_S: Final = 30
# Full seconds only are possible; a second is what a restarted broker needs at least.
_RECONNECT_S: Final = (1, 5)
# MQTT 3.1.1 return code 3 as paho names it: the one refusal that passes by itself.
_PASSING: Final = "Server unavailable"


@dataclass(frozen=True, slots=True)
class BrokerHooks:
    """What the connection reports, from its own thread.

    Attributes
    ----------
    connected, disconnected : callable
        The session is up, or gone (also on our own request).
    refused : callable
        Takes the broker's reason, which a new attempt would not change.
    acknowledged : callable
        Takes the identifier of a publish that the broker has.
    """

    connected: Callable[[], None]
    disconnected: Callable[[], None]
    refused: Callable[[str], None]
    acknowledged: Callable[[int], None]


class Broker(Protocol):
    """A connection that mends itself until it is closed."""

    def open(self) -> None:
        """Begin to connect, and to reconnect whenever the connection is lost."""
        ...

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int | None:
        """Hand a message over at QoS 1; give its identifier, or None when it was not taken and must be tried again."""
        ...

    def close(self) -> None:
        """Say goodbye and stop."""
        ...


Connect = Callable[[BrokerHooks], Broker]
Secure = Callable[[mqtt.Client], None]


def paho_broker(host: str, port: int, *, client_id: str, window: int, secure: Secure | None = None) -> Connect:
    """Prepare connections to a real broker: MQTT 3.1.1, QoS 1.

    Parameters
    ----------
    client_id : str
        Two publishers with one identifier throw each other out.
    window : int
        Unacknowledged messages in flight, at most.
    secure : callable or None
        Gives a client its user and certificates before it connects; None: it has none, for loopback only.
    """
    return lambda hooks: _PahoBroker(host, port, client_id, window, hooks, secure)


class _PahoBroker:
    """`Broker` over one paho client."""

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        window: int,
        hooks: BrokerHooks,
        secure: Secure | None,
    ) -> None:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311, clean_session=True
        )
        # Nothing may wait inside paho: its queue would grow unseen and be lost with the process.
        client.max_inflight_messages_set(window)
        client.max_queued_messages_set(2 * window)
        client.reconnect_delay_set(*_RECONNECT_S)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        if secure is not None:
            secure(client)
        self._client = client
        self._address = (host, port)
        self._hooks = hooks

    def open(self) -> None:
        self._client.connect_async(*self._address, keepalive=_KEEP_ALIVE_S)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int | None:
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        # Any other result, also "no connection", means that paho has it and will send it.
        return None if sent.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE else sent.mid

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if not reason.is_failure:
            self._hooks.connected()
        elif str(reason) != _PASSING:
            self._hooks.refused(str(reason))

    def _on_disconnect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._hooks.disconnected()

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        self._hooks.acknowledged(mid)
