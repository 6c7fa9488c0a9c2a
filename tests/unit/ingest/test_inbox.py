"""The network thread with a broker that does what the test says."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import pytest

from ingest.connection import ConnectionHandler, Packet
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
from ingest.inbox import Inbox


class FakeBroker:
    """Makes connections, and remembers what came over each."""

    def __init__(self) -> None:
        self.connections: list[FakeConnection] = []
        self.is_away = False
        self.refusal = ""
        self.refused_filters: list[int] = []
        self.fails_in_read = False
        self.ignores: set[str] = set()
        self.is_backed_up = False
        self.may_read = threading.Event()
        self.may_read.set()

    def __call__(self) -> FakeConnection:
        return FakeConnection(self)

    @property
    def latest(self) -> FakeConnection:
        return self.connections[-1]


class FakeConnection:
    """One end of a socket pair; the other end carries a byte for each packet."""

    def __init__(self, broker: FakeBroker) -> None:
        self._broker = broker
        self._packets: deque[Callable[[], bool]] = deque()
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self.acknowledged: list[int] = []
        self.published: list[tuple[str, bytes]] = []
        self.taken_back: list[tuple[str, ...]] = []
        self.is_closed = False

    def packet(self, action: Callable[[], bool]) -> None:
        self._packets.append(action)
        self._theirs.send(b".")

    def deliver(self, *mids: int, qos: int = 1) -> None:
        for mid in mids:
            self.packet(lambda mid=mid: self._message(mid, qos))  # type: ignore[misc] # bound now, not later

    def drop(self) -> None:
        self.packet(self._drop)

    def _message(self, mid: int, qos: int) -> bool:
        self.handler.on_messages([Packet(b"t%d" % mid, b"payload", retained=False, resent=False, mid=mid, qos=qos)])
        return True

    def _drop(self) -> bool:
        self.handler.on_lost("the broker went away")
        self._hang_up()
        return False

    def _hang_up(self) -> None:
        self.is_closed = True
        self._ours.close()
        self._theirs.close()

    def open(self, handler: ConnectionHandler) -> None:
        self.handler = handler
        if self._broker.is_away:
            self._hang_up()
            raise ConnectionRefusedError(111, "Connection refused")
        self._broker.connections.append(self)
        if "connecting" not in self._broker.ignores:
            self.packet(self._answer)

    def _answer(self) -> bool:
        if self._broker.refusal:
            self.handler.on_refused(self._broker.refusal)
            return self._drop()
        self.handler.on_accepted(session_present=len(self._broker.connections) > 1)
        return True

    def subscribe(self, filters: Sequence[str]) -> None:
        def answer() -> bool:
            self.handler.on_subscribed(self._broker.refused_filters)
            return True

        if "subscribing" not in self._broker.ignores:
            self.packet(answer)

    def unsubscribe(self, filters: Sequence[str]) -> None:
        self.taken_back.append(tuple(filters))

    def socket(self) -> socket.socket | None:
        return None if self.is_closed else self._ours

    def has_pending(self) -> bool:
        return False

    def wants_write(self) -> bool:
        return self._broker.is_backed_up

    def read(self) -> bool:
        if self._broker.fails_in_read:
            raise ZeroDivisionError("a fault of ours")
        self._broker.may_read.wait()
        try:
            self._ours.recv(1)
        except BlockingIOError:
            return True
        return self._packets.popleft()()

    def write(self) -> bool:
        return True

    def keep_alive(self) -> bool:
        return True

    def acknowledge(self, mids: Sequence[int]) -> None:
        self.acknowledged.extend(mids)

    def publish(self, topic: str, payload: bytes) -> None:
        self.published.append((topic, payload))

    def close(self) -> None:
        self._hang_up()


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited 10 s in vain"
        time.sleep(0.005)


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def events() -> list[InboxEvent]:
    return []


@pytest.fixture
def inbox(broker: FakeBroker, events: list[InboxEvent]) -> Iterator[Inbox]:
    clock = iter(range(1, 10**9))
    inbox = Inbox(
        broker,
        broker="fake:1883",
        filters=("a/+", "b"),
        queue_limit=10,
        now_ns=lambda: next(clock),
        emit=events.append,
        first_delay_s=0.01,
        longest_delay_s=0.02,
    )
    yield inbox
    inbox.stop()
    for connection in broker.connections:
        connection.close()


def _started(inbox: Inbox) -> Inbox:
    inbox.start()
    _until(lambda: inbox.state().connected)
    return inbox


def _take(inbox: Inbox, count: int) -> list[str]:
    taken: list[str] = []

    def has_enough() -> bool:
        taken.extend(message.topic for message in inbox.next_batch(count, 0.1).messages)
        return len(taken) >= count

    _until(has_enough)
    return taken


def _has_died(inbox: Inbox, events: list[InboxEvent]) -> bool:
    inbox.state()  # asking is what notices
    return any(isinstance(event, NetworkThreadDied) for event in events)


def test_it_is_connected_once_the_subscription_is_answered(inbox: Inbox, events: list[InboxEvent]) -> None:
    assert not inbox.state().connected
    _started(inbox)
    state = inbox.state()
    assert (state.generation, state.queued, state.last_error) == (1, 0, "")
    assert events == [Connected("fake:1883", 1, session_present=False)]


def test_a_batch_is_acknowledged_on_its_own_connection_in_order(inbox: Inbox, broker: FakeBroker) -> None:
    _started(inbox)
    broker.latest.deliver(5, 3, 9)
    _until(lambda: inbox.state().queued == 3)
    first, second = inbox.next_batch(2, 1), inbox.next_batch(2, 1)
    inbox.acknowledge(second)
    inbox.acknowledge(first)
    _until(lambda: broker.latest.acknowledged == [5, 3, 9])
    assert [message.received_ns for message in first.messages] == sorted(m.received_ns for m in first.messages)


def test_messages_without_quality_of_service_are_not_acknowledged(inbox: Inbox, broker: FakeBroker) -> None:
    _started(inbox)
    broker.latest.deliver(0, qos=0)
    broker.latest.deliver(1)
    _until(lambda: inbox.state().queued == 2)
    inbox.acknowledge(inbox.next_batch(2, 1))
    _until(lambda: broker.latest.acknowledged)
    assert broker.latest.acknowledged == [1]


def test_acknowledgements_of_an_ended_connection_are_dropped(
    inbox: Inbox, broker: FakeBroker, events: list[InboxEvent]
) -> None:
    _started(inbox)
    broker.latest.deliver(1, 2)
    _until(lambda: inbox.state().queued == 2)
    batch = inbox.next_batch(10, 1)
    broker.latest.drop()
    _until(lambda: inbox.state().connected and inbox.state().generation == 2)
    inbox.acknowledge(batch)
    _until(lambda: AcknowledgementsDropped(2, 2) in events)
    assert broker.latest.acknowledged == []
    assert events[:3] == [
        Connected("fake:1883", 1, session_present=False),
        Disconnected("fake:1883", 1, "the broker went away"),
        Connected("fake:1883", 2, session_present=True),
    ]


def test_a_failed_commit_forces_a_new_connection(inbox: Inbox, broker: FakeBroker, events: list[InboxEvent]) -> None:
    _started(inbox)
    broker.latest.deliver(1)
    _until(lambda: inbox.state().queued == 1)
    inbox.release(inbox.next_batch(10, 1))
    _until(lambda: inbox.state().connected and inbox.state().generation == 2)
    assert broker.connections[0].is_closed
    assert broker.connections[0].acknowledged == []
    assert Disconnected("fake:1883", 1, "asked for redelivery") in events


def test_a_broker_that_is_away_is_told_once_and_tried_until_it_comes(
    inbox: Inbox, broker: FakeBroker, events: list[InboxEvent]
) -> None:
    broker.is_away = True
    inbox.start()
    _until(lambda: inbox.state().generation >= 4)
    assert events == [Unreachable("fake:1883", "Connection refused")]
    assert inbox.state().last_error == "Connection refused"
    broker.is_away = False
    _until(lambda: inbox.state().connected)
    assert [type(event) for event in events] == [Unreachable, Connected]


def test_a_refusal_is_told_once_with_its_reason(inbox: Inbox, broker: FakeBroker, events: list[InboxEvent]) -> None:
    broker.refusal = "Not authorized"
    inbox.start()
    _until(lambda: inbox.state().generation >= 3)
    assert events == [ConnectionRefused("fake:1883", "Not authorized")]
    assert inbox.state().last_error == "Not authorized"


def test_a_refused_subscription_is_no_connection(inbox: Inbox, broker: FakeBroker, events: list[InboxEvent]) -> None:
    broker.refused_filters = [1]
    inbox.start()
    _until(lambda: len(events) == 2)
    assert events[1] == SubscriptionRefused("fake:1883", ("b",))
    assert not inbox.state().connected
    assert "refused to subscribe us to b" in inbox.state().last_error


def test_a_full_queue_stops_reading_until_it_has_drained(
    inbox: Inbox, broker: FakeBroker, events: list[InboxEvent]
) -> None:
    _started(inbox)
    broker.latest.deliver(*range(100))
    _until(lambda: inbox.state().queued >= 10)
    time.sleep(0.1)
    assert inbox.state().queued == 10
    assert InboxFull(10, 10) in events
    assert _take(inbox, 100) == [f"t{mid}" for mid in range(100)]
    assert sum(isinstance(event, InboxDrained) for event in events) >= 1
    assert inbox.state().generation == 1


def test_a_connection_lost_while_full_is_made_again_only_when_there_is_room(inbox: Inbox, broker: FakeBroker) -> None:
    _started(inbox)
    broker.latest.deliver(*range(9))
    _until(lambda: inbox.state().queued == 9)
    broker.latest.deliver(9)
    _until(lambda: inbox.state().queued == 10)
    inbox.release(inbox.next_batch(0, 0))
    time.sleep(0.1)
    assert inbox.state().generation == 1
    _take(inbox, 6)
    _until(lambda: inbox.state().generation == 2)


def test_a_dead_thread_is_noticed_and_replaced(inbox: Inbox, broker: FakeBroker, events: list[InboxEvent]) -> None:
    _started(inbox)
    broker.fails_in_read = True
    broker.latest.deliver(1)
    _until(lambda: _has_died(inbox, events))
    broker.fails_in_read = False
    _until(lambda: inbox.state().connected)
    died = next(event for event in events if isinstance(event, NetworkThreadDied))
    assert died.reason == "ZeroDivisionError: a fault of ours"
    broker.latest.deliver(2)
    assert _take(inbox, 1) == ["t2"]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["connecting", "subscribing"])
def test_a_broker_that_does_not_answer_is_left_and_tried_again(
    inbox: Inbox, broker: FakeBroker, what: str, events: list[InboxEvent]
) -> None:
    """Its socket was open and pings went through, so the inbox waited for ever for the answer."""
    inbox._answer_s = 0.05
    broker.ignores = {what}
    inbox.start()
    _until(lambda: inbox.state().generation >= 3)
    _until(lambda: f"did not answer our {what} within 0.05 s" in inbox.state().last_error)
    assert [type(event) for event in events] == [Unreachable]
    broker.ignores = set()
    _until(lambda: inbox.state().connected)
    assert all(connection.is_closed for connection in broker.connections[:-1])


def test_a_thread_that_stands_still_is_not_called_connected(
    inbox: Inbox, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.inbox._STANDS_STILL_AFTER_S", 1.0)
    _started(inbox)
    broker.may_read.clear()
    broker.latest.deliver(1)
    _until(lambda: not inbox.state().connected)
    assert "has stood still for" in inbox.state().last_error
    broker.may_read.set()
    assert _take(inbox, 1) == ["t1"]
    _until(lambda: inbox.state().connected)


def test_notices_wait_while_the_socket_takes_nothing_and_the_oldest_are_forgotten(
    inbox: Inbox, broker: FakeBroker
) -> None:
    """They went into the client's own queue, which has no end."""
    _started(inbox)
    broker.is_backed_up = True
    for number in range(1500):
        inbox.publish(f"t{number}", b"")
    broker.latest.deliver(1)
    _take(inbox, 1)
    assert broker.latest.published == []
    broker.is_backed_up = False
    _until(lambda: len(broker.latest.published) == 1000)
    assert broker.latest.published[-1][0] == "t1499"


def test_replies_are_sent_while_connected_and_forgotten_otherwise(inbox: Inbox, broker: FakeBroker) -> None:
    inbox.publish("early", b"")
    _started(inbox)
    inbox.publish("infra/v1/gw/rejected", b"why")
    _until(lambda: broker.latest.published)
    assert broker.latest.published == [("infra/v1/gw/rejected", b"why")]


def test_stopping_sends_what_is_acknowledged_and_leaves_no_thread(inbox: Inbox, broker: FakeBroker) -> None:
    _started(inbox)
    broker.latest.deliver(1, 2)
    _until(lambda: inbox.state().queued == 2)
    inbox.acknowledge(inbox.next_batch(1, 1))
    inbox.stop()
    assert broker.latest.acknowledged == [1]
    assert inbox.state().queued == 0  # the broker has the other one
    assert broker.latest.is_closed
    assert not any(thread.name == "mqtt-inbox" for thread in threading.enumerate())
    inbox.stop()
