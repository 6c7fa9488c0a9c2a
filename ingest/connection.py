"""The few things that the inbox asks of an MQTT connection, so that tests can put a fake in its place."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import NamedTuple, Protocol

__all__ = ["Connection", "ConnectionHandler", "Packet"]


class Packet(NamedTuple):
    """One PUBLISH as it came; the topic is bytes that should be UTF-8, `mid` is 0 at QoS 0."""

    topic: bytes
    payload: bytes
    retained: bool
    resent: bool
    mid: int
    qos: int


class ConnectionHandler(Protocol):
    """What a connection reports, always from inside one of its own methods."""

    def on_accepted(self, *, session_present: bool) -> None:
        """Hear that the broker accepted us."""

    def on_refused(self, reason: str) -> None:
        """Hear that the broker answered and said no."""

    def on_subscribed(self, refused: Sequence[int]) -> None:
        """Hear that the subscription was answered; `refused` are positions in the filters asked for."""

    def on_messages(self, packets: Sequence[Packet]) -> None:
        """Take messages in the order they came; must neither block nor parse."""

    def on_lost(self, reason: str) -> None:
        """Hear that the connection ended."""


class Connection(Protocol):
    """One connection, used from one thread and once: after it was lost another is made."""

    def open(self, handler: ConnectionHandler) -> None:
        """Connect the socket and ask to be let in.

        Raises
        ------
        OSError
            If the broker cannot be reached.
        """

    def socket(self) -> socket.socket | None:
        """Give the socket to wait on; None when the connection is gone."""

    def has_pending(self) -> bool:
        """Tell whether bytes wait above the socket, where waiting on it does not see them (TLS)."""

    def wants_write(self) -> bool:
        """Tell whether bytes wait to be sent."""

    def read(self) -> bool:
        """Read what is there, one packet or a burst of them; False when the connection is gone."""

    def write(self) -> bool:
        """Send what waits; False when the connection is gone."""

    def keep_alive(self) -> bool:
        """Ping when it is time; False when the broker no longer answers."""

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe at QoS 1."""

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Take back subscriptions; one that nobody made is answered too, and changes nothing."""

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Acknowledge messages at QoS 1, in this order."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0."""

    def close(self) -> None:
        """Say goodbye and close; the session stays with the broker."""
