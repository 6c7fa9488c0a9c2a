"""The bounded queue between the thread that reads from the broker and the one that commits batches.

MQTT 3.1.1 section 4.6 asks for acknowledgements in the order of arrival, and an acknowledgement belongs to
the connection its message came over: on the next one the same number means another message. So each message
carries its connection's generation, and a batch is acknowledged only when all before it are.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Final, NamedTuple

from ingest.messages import Message

__all__ = ["DEFAULT_QUEUE_BYTES", "Delivery", "DeliveryQueue", "InboxBatch"]

# As many payload bytes as sixty-four of the largest messages that the embedded broker takes (design.md D4).
DEFAULT_QUEUE_BYTES: Final = 256 * 2**20


class Delivery(NamedTuple):
    """How a message came: over which connection, under which number, at which quality of service."""

    generation: int
    mid: int
    qos: int


@dataclass(frozen=True, slots=True, eq=False)
class InboxBatch:
    """Messages in order of arrival, and how each came."""

    messages: tuple[Message, ...]
    deliveries: tuple[Delivery, ...]

    def __len__(self) -> int:
        return len(self.messages)


class DeliveryQueue:
    """Messages that wait for a batch, and batches that wait for their acknowledgement.

    Parameters
    ----------
    limit, byte_limit : int
        Messages, and bytes of their payloads, queued at most before `is_full`; the reader then stops, so a few
        more may come.
    monotonic : callable
        Seconds that only go forward.
    """

    def __init__(
        self,
        limit: int,
        byte_limit: int = DEFAULT_QUEUE_BYTES,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._byte_limit = byte_limit
        self._monotonic = monotonic
        self._arrived = Condition()
        self._waiting: deque[tuple[Message, Delivery]] = deque()
        self._waiting_bytes = 0
        self._handed_out: deque[tuple[InboxBatch, float]] = deque()
        self._done: set[int] = set()
        self._closed = False

    def __len__(self) -> int:
        """Count messages that wait for a batch."""
        return len(self._waiting)

    @property
    def limit(self) -> int:
        """Messages queued at most."""
        return self._limit

    @property
    def is_full(self) -> bool:
        """True when nothing more should be read."""
        return len(self._waiting) >= self._limit or self._waiting_bytes >= self._byte_limit

    @property
    def is_drained(self) -> bool:
        """True when reading may go on after the queue was full."""
        return len(self._waiting) <= self._limit // 2 and self._waiting_bytes <= self._byte_limit // 2

    def put(self, arrived: Sequence[tuple[Message, Delivery]]) -> None:
        """Add messages in the order they came; never blocks and never refuses."""
        with self._arrived:
            self._waiting.extend(arrived)
            self._waiting_bytes += sum(len(message.payload) for message, _ in arrived)
            self._arrived.notify()

    def take(self, max_messages: int, wait_s: float, max_bytes: int) -> InboxBatch:
        """Hand out what is there, waiting until something is.

        Parameters
        ----------
        max_messages : int
            Messages at most.
        wait_s : float
            Seconds to wait at most; then the batch is empty.
        max_bytes : int
            Payload bytes at most, except that one message is always given.
        """
        with self._arrived:
            if not self._waiting and not self._closed:
                self._arrived.wait(wait_s)
            messages: list[Message] = []
            deliveries: list[Delivery] = []
            size = 0
            while self._waiting and len(messages) < max_messages:
                message, delivery = self._waiting[0]
                size += len(message.payload)
                if messages and size > max_bytes:
                    break
                self._waiting.popleft()
                self._waiting_bytes -= len(message.payload)
                messages.append(message)
                deliveries.append(delivery)
            batch = InboxBatch(tuple(messages), tuple(deliveries))
            if messages:
                self._handed_out.append((batch, self._monotonic()))
            return batch

    def overdue(self, after_s: float) -> InboxBatch | None:
        """Find a batch that was handed out longer ago than `after_s` and is neither acknowledged nor released."""
        with self._arrived:
            earliest = self._monotonic() - after_s
            for batch, since in self._handed_out:
                if since < earliest and id(batch) not in self._done:
                    return batch
            return None

    def acknowledge(self, batch: InboxBatch) -> list[Delivery]:
        """Mark a batch as committed.

        Returns
        -------
        list of Delivery
            What may be acknowledged now, in order of arrival: nothing while an earlier batch is open.
        """
        with self._arrived:
            if not any(batch is open_batch for open_batch, _ in self._handed_out):
                return []
            self._done.add(id(batch))
            ready: list[Delivery] = []
            while self._handed_out and id(self._handed_out[0][0]) in self._done:
                first, _ = self._handed_out.popleft()
                self._done.discard(id(first))
                ready += first.deliveries
            return ready

    def release(self, batch: InboxBatch) -> None:
        """Give a batch up that could not be committed.

        Its messages at QoS 0 go back to the front, since nobody else has them. The others are the broker's to
        send again over the next connection.
        """
        with self._arrived:
            kept = [item for item in self._handed_out if item[0] is not batch]
            if len(kept) == len(self._handed_out):
                return
            self._handed_out = deque(kept)
            self._done.discard(id(batch))
            pairs = zip(batch.messages, batch.deliveries, strict=True)
            back = [(message, how) for message, how in pairs if how.qos == 0]
            self._waiting.extendleft(reversed(back))
            self._waiting_bytes += sum(len(message.payload) for message, _ in back)
            self._arrived.notify()

    def close(self) -> None:
        """Let waiting takers go."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()
