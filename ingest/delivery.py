"""The bounded queue between the thread that reads from the broker and the one that commits batches.

MQTT 3.1.1 section 4.6 asks for acknowledgements in the order of arrival, and an acknowledgement belongs to
the connection its message came over: on the next one the same number means another message. So each message
carries its connection's generation, and a batch is acknowledged only when all before it are.

However slow the committing side is, each message is waited for and committed once, or nearly:

- The same topic and bytes under the number of a message that waits here are a copy of it (nats-server sends one each
  `ack_wait`), and are dropped. Other bytes are another message: see `DeliveryQueue._is_copy`.
- Long payloads go to disk (`ingest.spill`) rather than stopping the reader: a broker that cannot get rid of what is
  under way closes the connection, and sends everything again over the next.
- What was committed and could not be acknowledged, because its connection had ended, is remembered by its hash for a
  while; when it comes again it is acknowledged in its turn and not handed out, as the journal would find it a
  duplicate. So every commit is final, and a backlog shrinks even where the connection is lost over and over.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from threading import Condition
from typing import Final, NamedTuple, TypeAlias

from ingest.messages import Message
from ingest.spill import Spill, SpillPlace

__all__ = ["DEFAULT_QUEUE_BYTES", "Delivery", "DeliveryQueue", "InboxBatch"]

# As many payload bytes as sixty-four of the largest messages that the embedded broker takes (design.md D4).
DEFAULT_QUEUE_BYTES: Final = 256 * 2**20
# Brokers send again within minutes. After that the same bytes are taken for another message.
_SETTLED_S: Final = 600.0
_STATE_TOPICS: Final = "/status"
# Twice as many as can be under way over one connection, whose numbers have 16 bits.
_SETTLED_MOST: Final = 2 * 65_536


class Delivery(NamedTuple):
    """How a message came: over which connection, under which number, at which quality of service."""

    generation: int
    mid: int
    qos: int


# A message, how it came, and where its payload is when it is not with it.
_Waiting: TypeAlias = tuple[Message, Delivery, SpillPlace | None]


@dataclass(frozen=True, slots=True, eq=False)
class InboxBatch:
    """Messages in order of arrival, and how each came.

    Attributes
    ----------
    settled : tuple of (int, Delivery, bytes)
        What came again between them and is committed already: before the message of which place, how, and its hash.
    """

    messages: tuple[Message, ...]
    deliveries: tuple[Delivery, ...]
    settled: tuple[tuple[int, Delivery, bytes], ...] = ()

    def __len__(self) -> int:
        return len(self.messages)

    def arrivals(self) -> list[tuple[Delivery, Message | bytes]]:
        """Give all that is to be acknowledged, in order of arrival: the message, or its hash where it is settled."""
        found: list[tuple[Delivery, Message | bytes]] = list(zip(self.deliveries, self.messages, strict=True))
        for moved, (place, delivery, mark) in enumerate(self.settled):
            found.insert(place + moved, (delivery, mark))
        return found


class DeliveryQueue:
    """Messages that wait for a batch, and batches that wait for their acknowledgement.

    Parameters
    ----------
    limit, byte_limit : int
        Messages, and bytes of their payloads in memory, queued at most before `is_full`; the reader then stops, so a
        few more may come.
    spill : Spill, optional
        Where payloads go that would be more than `byte_limit`.
    monotonic : callable
        Seconds that only go forward.
    """

    def __init__(
        self,
        limit: int,
        byte_limit: int = DEFAULT_QUEUE_BYTES,
        spill: Spill | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._byte_limit = byte_limit
        self._spill = spill
        self._monotonic = monotonic
        self._arrived = Condition()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._handed_out: deque[tuple[InboxBatch, float]] = deque()
        self._done: set[int] = set()
        self._closed = False
        # What is under way over the newest connection, by its number; of what went to disk only its hash.
        self._generation = 0
        self._outstanding: dict[int, Message | bytes] = {}
        # When what was committed and not acknowledged was settled, by its hash; the oldest first.
        self._settled: dict[bytes, float] = {}
        self._copies = 0
        self._unreadable = 0

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

    @property
    def under_way(self) -> int:
        """Count what came over the newest connection and is not acknowledged yet, at QoS 1."""
        return len(self._outstanding)

    @property
    def copies(self) -> int:
        """Count what came again although it was here already, and was dropped."""
        return self._copies

    def put(self, arrived: Sequence[tuple[Message, Delivery]]) -> None:
        """Add messages in the order they came, but for copies; never blocks and never refuses."""
        with self._arrived:
            for message, delivery in arrived:
                generation, mid, qos = delivery
                if qos:
                    if generation != self._generation:
                        self._generation = generation
                        self._outstanding.clear()
                    elif mid in self._outstanding and self._is_copy(message, mid):
                        self._copies += 1
                        continue
                    self._outstanding[mid] = message
                place = None
                size = len(message.payload)
                if self._spill is not None and self._waiting_bytes + size > self._byte_limit:
                    place = self._spill.put(message.payload)
                if place is None:
                    self._waiting_bytes += size
                else:
                    if qos:
                        self._outstanding[mid] = _mark(message)
                    message = message._replace(payload=b"")  # noqa: PLW2901 -- its payload is elsewhere now
                self._waiting.append((message, delivery, place))
            self._arrived.notify()

    def _is_copy(self, message: Message, mid: int) -> bool:
        """Tell whether the message under this number came already.

        The number alone does not say so: Mosquitto counts on, and uses numbers again while they are under way when more
        than 65,535 messages are.
        """
        known = self._outstanding[mid]
        if isinstance(known, bytes):
            return _mark(message) == known
        return known.topic == message.topic and known.payload == message.payload

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
            settled: list[tuple[int, Delivery, bytes]] = []
            self._forget_settled()
            size = 0
            while self._waiting and len(messages) + len(settled) < max_messages:
                waiting, delivery, place = self._waiting[0]
                size += len(waiting.payload) if place is None else place.size
                if (messages or settled) and size > max_bytes:
                    break
                self._waiting.popleft()
                message = self._whole(waiting, place)
                if message is None:
                    continue
                if self._settled and delivery.qos and (mark := _mark(message)) in self._settled:
                    settled.append((len(messages), delivery, mark))
                else:
                    messages.append(message)
                    deliveries.append(delivery)
            batch = InboxBatch(tuple(messages), tuple(deliveries), tuple(settled))
            if messages or settled:
                self._handed_out.append((batch, self._monotonic()))
            return batch

    def _whole(self, message: Message, place: SpillPlace | None) -> Message | None:
        """Give a message with its payload; None when the disk does not give it back."""
        if place is None or self._spill is None:
            self._waiting_bytes -= len(message.payload)
            return message
        try:
            return message._replace(payload=self._spill.take(place))
        except OSError:
            self._unreadable += 1
            return None

    def unreadable(self) -> int:
        """Count the messages that the disk did not give back since the last call; the broker still has them."""
        with self._arrived:
            count, self._unreadable = self._unreadable, 0
            return count

    def settle(self, committed: Sequence[Message | bytes]) -> None:
        """Remember committed messages, or their hashes, that cannot be acknowledged: once committed is enough.

        What a gateway says of its state is left out: the same bytes a minute later are news.
        """
        with self._arrived:
            now = self._monotonic()
            for item in committed:
                if not isinstance(item, bytes) and item.topic.endswith(_STATE_TOPICS):
                    continue
                mark = item if isinstance(item, bytes) else _mark(item)
                self._settled.pop(mark, None)
                self._settled[mark] = now
            while len(self._settled) > _SETTLED_MOST:
                del self._settled[next(iter(self._settled))]

    def forget_session(self) -> None:
        """Hear that the broker remembers nothing: what it sends from here on is new."""
        with self._arrived:
            self._settled.clear()

    def _forget_settled(self) -> None:
        oldest = self._monotonic() - _SETTLED_S
        while self._settled and next(iter(self._settled.values())) < oldest:
            del self._settled[next(iter(self._settled))]

    def overdue(self, after_s: float) -> InboxBatch | None:
        """Find a batch that was handed out longer ago than `after_s` and is neither acknowledged nor released."""
        with self._arrived:
            earliest = self._monotonic() - after_s
            for batch, since in self._handed_out:
                if since < earliest and id(batch) not in self._done:
                    return batch
            return None

    def acknowledge(self, batch: InboxBatch) -> list[tuple[Delivery, Message | bytes]]:
        """Mark a batch as committed.

        Returns
        -------
        list of (Delivery, Message or bytes)
            What may be acknowledged now, in order of arrival: nothing while an earlier batch is open. The hash of a
            message that was committed before, and came again.
        """
        with self._arrived:
            if not any(batch is open_batch for open_batch, _ in self._handed_out):
                return []
            self._done.add(id(batch))
            ready: list[tuple[Delivery, Message | bytes]] = []
            while self._handed_out and id(self._handed_out[0][0]) in self._done:
                first, _ = self._handed_out.popleft()
                self._done.discard(id(first))
                ready += first.arrivals()
            for delivery, _ in ready:
                if delivery.generation == self._generation:
                    self._outstanding.pop(delivery.mid, None)
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
            back: list[_Waiting] = [(message, how, None) for message, how in pairs if how.qos == 0]
            self._waiting.extendleft(reversed(back))
            self._waiting_bytes += sum(len(message.payload) for message, _, _ in back)
            self._arrived.notify()

    def close(self) -> None:
        """Let waiting takers go."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    def discard(self) -> None:
        """Forget what waits, in memory and on disk: nothing of it is acknowledged, so the broker sends it again."""
        with self._arrived:
            self._waiting.clear()
            self._waiting_bytes = 0
            if self._spill is not None:
                self._spill.close()


def _mark(message: Message) -> bytes:
    """Give what a message is known by when it comes again."""
    topic = message.topic.encode()
    return blake2b(len(topic).to_bytes(4) + topic + message.payload, digest_size=16).digest()
