"""What waits to be sent to a broker: acknowledgements of what is committed, and notices to gateways."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from ingest.connection import Connection
from ingest.delivery import Delivery
from ingest.messages import Message

__all__ = ["Outgoing"]

_NOTICES_WAITING: Final = 1000


class Outgoing:
    """Two queues that any thread fills, and the one that owns the connection empties."""

    def __init__(self) -> None:
        self._committed: deque[tuple[Delivery, Message | bytes]] = deque()
        self._notices: deque[tuple[str, bytes]] = deque(maxlen=_NOTICES_WAITING)

    def acknowledge(self, committed: Iterable[tuple[Delivery, Message | bytes]]) -> None:
        """Have messages acknowledged; with each what it is known by, should that not be possible any more."""
        self._committed.extend(committed)

    def publish(self, topic: str, payload: bytes) -> None:
        """Have a notice published at QoS 0; the oldest of too many is forgotten."""
        self._notices.append((topic, payload))

    def send_acknowledgements(
        self, connection: Connection, *, generation: int, is_lost: bool
    ) -> tuple[int, list[Message | bytes]]:
        """Acknowledge what waits in one write, but for what came over an earlier connection.

        Returns
        -------
        dropped : int
            Acknowledgements that came too late for their connection.
        unsent : list of Message or bytes
            What those were for, where it is known.
        """
        dropped = 0
        mids: list[int] = []
        unsent: list[Message | bytes] = []
        while self._committed:
            (came_with, mid, qos), known_by = self._committed.popleft()
            if not qos:
                continue
            if came_with == generation and not is_lost:
                mids.append(mid)
                continue
            dropped += 1
            if known_by:
                unsent.append(known_by)
        if mids:
            connection.acknowledge(mids)
        return dropped, unsent

    def send_notices(self, connection: Connection, *, is_heard: bool) -> None:
        """Send notices while the socket takes them.

        Parameters
        ----------
        is_heard : bool
            False: there is nobody to hear them, and they are forgotten.
        """
        while self._notices and not connection.wants_write():
            topic, payload = self._notices.popleft()
            if is_heard:
                connection.publish(topic, payload)
