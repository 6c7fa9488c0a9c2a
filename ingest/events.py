"""What is worth knowing about the connection, one record each time a state changes and never per retry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "AcknowledgementsDropped",
    "Connected",
    "ConnectionRefused",
    "DeliveryStuck",
    "Disconnected",
    "InboxDrained",
    "InboxEvent",
    "InboxFull",
    "NetworkThreadDied",
    "SubscriptionRefused",
    "Unreachable",
]


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted us; without `session_present` it remembered nothing of before."""

    broker: str
    generation: int
    session_present: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A connection that had been accepted ended."""

    broker: str
    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing answers at the broker's address; it is tried on and on."""

    broker: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionRefused:
    """The broker answers and says no: a wrong password, a client identifier it does not take."""

    broker: str
    reason: str


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """The broker does not let us read what we are here for; its access rules must change."""

    broker: str
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InboxFull:
    """Messages arrive faster than they are committed; nothing more is read from the broker, which holds the rest."""

    queued: int
    limit: int


@dataclass(frozen=True, slots=True)
class InboxDrained:
    """There is room again, and reading goes on."""

    queued: int


@dataclass(frozen=True, slots=True)
class AcknowledgementsDropped:
    """Acknowledgements of an ended connection; the broker sends those messages again."""

    count: int
    generation: int


@dataclass(frozen=True, slots=True)
class DeliveryStuck:
    """Messages were handed out and neither acknowledged nor given up in time; a new connection brings them again."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class NetworkThreadDied:
    """The thread that owns the connection ended by a fault of ours; a new one was started."""

    reason: str


InboxEvent: TypeAlias = (
    Connected
    | Disconnected
    | Unreachable
    | ConnectionRefused
    | SubscriptionRefused
    | InboxFull
    | InboxDrained
    | AcknowledgementsDropped
    | DeliveryStuck
    | NetworkThreadDied
)
