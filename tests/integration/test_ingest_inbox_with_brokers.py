"""The inbox on real brokers: what is not acknowledged comes back, whatever happens to the connection."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.delivery import InboxBatch
from ingest.events import AcknowledgementsDropped, Connected, DeliveryStuck, Disconnected, InboxEvent, Unreachable
from ingest.mqtt import MqttInbox
from ingest.spill import Spill
from tests.installation import publish
from tests.proxy import SilentProxy
from tests.servers import NatsBroker, RealBroker, frozen, running, wait_until

_TOPIC = "infra/v1/gw/b1/acc1/reading"
_clock = itertools.count(1)


@pytest.fixture
def events() -> list[InboxEvent]:
    return []


@pytest.fixture
def inbox(any_broker: RealBroker, events: list[InboxEvent]) -> Iterator[MqttInbox]:
    inbox = _new_inbox(any_broker.port, events)
    inbox.start()
    wait_until(lambda: inbox.state().connected, "the inbox to connect")
    yield inbox
    inbox.stop()


def _new_inbox(
    port: int,
    events: list[InboxEvent],
    queue_limit: int = 10_000,
    *,
    keep_alive_s: int = 30,
    answer_s: float = 20.0,
    stuck_after_s: float = 120.0,
    **more: Any,
) -> MqttInbox:
    return MqttInbox(
        "127.0.0.1",
        port,
        "ingest-test",
        now_ns=lambda: next(_clock),
        emit=events.append,
        queue_limit=queue_limit,
        keep_alive_s=keep_alive_s,
        first_delay_s=0.05,
        longest_delay_s=0.2,
        answer_s=answer_s,
        stuck_after_s=stuck_after_s,
        **more,
    )


@pytest.fixture
def proxy(any_broker: RealBroker) -> Iterator[SilentProxy]:
    proxy = SilentProxy(any_broker.port)
    yield proxy
    proxy.close()


def _publish(port: int, payloads: list[bytes], topic: str = _TOPIC) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311, client_id="gateway")
    client.connect("127.0.0.1", port)
    client.loop_start()
    for info in [client.publish(topic, payload, qos=1) for payload in payloads]:
        info.wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


def _numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def _collect(inbox: MqttInbox, wanted: int, limit_s: float = 20.0) -> list[InboxBatch]:
    """Take batches until as many messages came as are wanted."""
    batches: list[InboxBatch] = []
    deadline = time.monotonic() + limit_s
    while sum(map(len, batches)) < wanted and time.monotonic() < deadline:
        batch = inbox.next_batch(500, 0.2)
        if len(batch):
            batches.append(batch)
    return batches


def _payloads(batches: list[InboxBatch]) -> list[bytes]:
    return [message.payload for batch in batches for message in batch.messages]


def _expect_nothing(port: int, events: list[InboxEvent]) -> None:
    """Connect as another process would, which remembers nothing, and see that all is acknowledged."""
    other = _new_inbox(port, events)
    other.start()
    try:
        wait_until(lambda: other.state().connected, "another inbox to connect")
        assert _collect(other, 1, 2.0) == []
    finally:
        other.stop()


def test_messages_come_in_order_and_an_acknowledged_one_does_not_come_back(
    any_broker: RealBroker, inbox: MqttInbox, events: list[InboxEvent]
) -> None:
    _publish(any_broker.port, _numbers(300))
    batches = _collect(inbox, 300)
    # A broker may deliver again what is not acknowledged in time; first deliveries keep their order.
    assert list(dict.fromkeys(_payloads(batches))) == _numbers(300)
    for batch in batches:
        inbox.acknowledge(batch)
    inbox.stop()

    again = _new_inbox(any_broker.port, events)
    again.start()
    try:
        wait_until(lambda: again.state().connected, "the second inbox to connect")
        _publish(any_broker.port, [b"new"])
        assert _payloads(_collect(again, 1)) == [b"new"]
        assert len(again.next_batch(10, 0.5)) == 0
    finally:
        again.stop()


@pytest.mark.slow
def test_a_batch_that_is_released_comes_again_over_a_new_connection(
    any_broker: RealBroker, inbox: MqttInbox, events: list[InboxEvent]
) -> None:
    _publish(any_broker.port, _numbers(20))
    first = _collect(inbox, 20)
    for batch in first:
        inbox.release(batch)
    again = _collect(inbox, 20)
    assert sorted(_payloads(again), key=int) == _numbers(20)
    assert [message.resent for batch in [*first, *again] for message in batch.messages] == [False] * 20 + [True] * 20
    assert {delivery.generation for delivery in again[0].deliveries} == {inbox.state().generation}
    assert inbox.state().generation > first[0].deliveries[0].generation
    for batch in [*first, *again]:
        inbox.acknowledge(batch)
    wait_until(lambda: inbox.state().connected, "the inbox to be connected again")
    assert [type(event) for event in events][:3] == [Connected, Disconnected, Connected]


@pytest.mark.slow
def test_what_could_not_be_acknowledged_is_acknowledged_when_it_comes_again_and_not_handed_out(
    any_broker: RealBroker, inbox: MqttInbox, events: list[InboxEvent]
) -> None:
    _publish(any_broker.port, [b"a", b"b"])
    batches = _collect(inbox, 2)
    any_broker.stop()
    wait_until(lambda: not inbox.state().connected, "the inbox to notice")
    for batch in batches:
        inbox.acknowledge(batch)
    any_broker.start()
    wait_until(lambda: inbox.state().connected, "the inbox to come back")
    assert _collect(inbox, 1, 3.0) == []
    assert sum(event.count for event in events if isinstance(event, AcknowledgementsDropped)) == 2
    inbox.stop()
    _expect_nothing(any_broker.port, events)


@pytest.mark.slow
def test_a_broker_that_is_killed_and_started_again_loses_nothing_and_is_told_once(
    any_broker: RealBroker, inbox: MqttInbox, events: list[InboxEvent]
) -> None:
    _publish(any_broker.port, _numbers(50))
    time.sleep(1.2)  # Mosquitto writes its file once a second
    any_broker.kill()
    time.sleep(1.0)  # several attempts to connect fail meanwhile
    any_broker.start()
    wait_until(lambda: inbox.state().connected, "the inbox to come back")
    _publish(any_broker.port, [b"50"])
    seen: set[bytes] = set()
    deadline = time.monotonic() + 20
    while len(seen) < 51 and time.monotonic() < deadline:
        batch = inbox.next_batch(500, 0.2)
        seen.update(message.payload for message in batch.messages)
        inbox.acknowledge(batch)
    assert seen == set(_numbers(51))
    assert sum(isinstance(event, Unreachable) for event in events) == 1
    assert sum(isinstance(event, Disconnected) for event in events) == 1
    assert sum(isinstance(event, Connected) for event in events) == 2


def test_an_inbox_that_starts_before_its_broker_waits_for_it(tmp_path: Path, events: list[InboxEvent]) -> None:
    broker = NatsBroker(tmp_path)
    inbox = _new_inbox(broker.port, events)
    inbox.start()
    wait_until(lambda: bool(events), "the first failure")
    time.sleep(0.5)
    assert [type(event) for event in events] == [Unreachable]
    assert not inbox.state().connected
    assert inbox.state().last_error
    with running(broker):
        wait_until(lambda: inbox.state().connected, "the inbox to connect")
        assert inbox.state().last_error == ""
        inbox.stop()


def test_a_full_queue_stops_reading_and_nothing_is_lost(any_broker: RealBroker, events: list[InboxEvent]) -> None:
    inbox = _new_inbox(any_broker.port, events, queue_limit=8)
    inbox.start()
    wait_until(lambda: inbox.state().connected, "the inbox to connect")
    sent = [number.ljust(1_024) for number in _numbers(400)]
    _publish(any_broker.port, sent)
    time.sleep(0.3)
    assert inbox.state().queued < 8 + 64, "a read takes 64 KiB, less than 64 of these"
    seen: list[bytes] = []
    deadline = time.monotonic() + 30
    while len(set(seen)) < 400 and time.monotonic() < deadline:
        batch = inbox.next_batch(50, 0.2)
        seen += [message.payload for message in batch.messages]
        inbox.acknowledge(batch)
    assert set(seen) == set(sent)
    inbox.stop()


@pytest.mark.slow
def test_a_backlog_of_long_waveforms_before_a_slow_store_costs_no_connection(
    tmp_path: Path, events: list[InboxEvent]
) -> None:
    """Three thousand of them kept nats-server from getting rid of what was under way: it closed eleven connections.

    Each time everything that was not acknowledged came again, and what was committed meanwhile was committed twice.
    """
    count, length = 1_200, 250_000  # fifteen times as long in bytes as what may wait in memory, and 7 s of work
    with running(NatsBroker(tmp_path / "broker", ack_wait_seconds=5)) as broker:
        with_session = _new_inbox(broker.port, events)
        with_session.start()
        wait_until(lambda: with_session.state().connected, "the session to be made")
        with_session.stop()
        events.clear()
        publish(broker.port, [(_TOPIC, b"%06d" % number + bytes(length)) for number in range(count)])
        spill = Spill(tmp_path / "data", 2**30, leave_free=0)
        inbox = _new_inbox(broker.port, events, 70_000, queue_bytes=20_000_000, spill=spill)
        inbox.start()
        taken: list[bytes] = []
        spilled = 0
        deadline = time.monotonic() + 60
        try:
            while len(set(taken)) < count and time.monotonic() < deadline:
                batch = inbox.next_batch(2000, 0.2)
                spilled = max(spilled, spill.waiting_bytes)
                time.sleep(len(batch) / 180)
                taken += [message.payload[:6] for message in batch.messages]
                inbox.acknowledge(batch)
        finally:
            inbox.stop()
    assert sorted(set(taken)) == [b"%06d" % number for number in range(count)]
    # A copy that the broker had sent before it read our acknowledgement is the journal's to recognise.
    assert len(taken) < 1.2 * count
    assert spilled > 20_000_000
    assert spill.waiting_bytes == 0  # nothing that nobody took is left open
    assert [type(event) for event in events] == [Connected, Disconnected]  # the last is our own goodbye


@pytest.mark.slow
def test_retained_status_is_marked_and_replies_reach_the_gateway(any_broker: RealBroker, inbox: MqttInbox) -> None:
    heard: list[tuple[str, bytes]] = []
    gateway = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311, client_id="gw")
    gateway.on_message = lambda _client, _data, message: heard.append((message.topic, bytes(message.payload)))
    gateway.connect("127.0.0.1", any_broker.port)
    gateway.loop_start()
    gateway.subscribe("infra/v1/gw/rejected")
    gateway.publish("infra/v1/gw/status", b"{}", qos=1, retain=True).wait_for_publish(10)
    live = _collect(inbox, 1)
    assert not live[0].messages[0].retained
    inbox.release(live[0])
    copies = [message for batch in _collect(inbox, 2, 8.0) for message in batch.messages]
    assert any(message.retained for message in copies)
    inbox.publish("infra/v1/gw/rejected", b"why")
    wait_until(lambda: bool(heard), "the reply")
    assert heard == [("infra/v1/gw/rejected", b"why")]
    assert all(message.topic == "infra/v1/gw/status" for message in copies)
    gateway.disconnect()
    gateway.loop_stop()


@pytest.mark.slow
def test_a_connection_that_fell_silent_is_noticed_and_made_again(
    any_broker: RealBroker, proxy: SilentProxy, events: list[InboxEvent]
) -> None:
    """Half-open: the socket is there, pings go out, and no answer comes."""
    inbox = _new_inbox(proxy.port, events, keep_alive_s=2, answer_s=1.0)
    inbox.start()
    try:
        wait_until(lambda: inbox.state().connected, "the inbox to connect")
        time.sleep(3.5)
        assert inbox.state().generation == 1  # silence of the gateways is none of the connection
        proxy.go_silent()
        _publish(any_broker.port, _numbers(20))
        wait_until(lambda: not inbox.state().connected, "the silence to be noticed", seconds=10)
        # The state is that of the connection; what is told of it comes behind.
        wait_until(lambda: [type(event) for event in events][:2] == [Connected, Disconnected], "its event", seconds=5)
        unanswered = "did not answer our connecting within 1 s"
        wait_until(lambda: unanswered in inbox.state().last_error, "another attempt", seconds=20)
        proxy.speak()
        seen: set[bytes] = set()
        deadline = time.monotonic() + 20
        while len(seen) < 20 and time.monotonic() < deadline:
            batch = inbox.next_batch(500, 0.2)
            seen.update(message.payload for message in batch.messages)
            inbox.acknowledge(batch)
        assert seen == set(_numbers(20))
        assert sum(isinstance(event, Unreachable) for event in events) == 1  # told once, however often it is tried
    finally:
        inbox.stop()


@pytest.mark.slow
def test_a_frozen_broker_is_noticed_and_loses_nothing(any_broker: RealBroker, events: list[InboxEvent]) -> None:
    inbox = _new_inbox(any_broker.port, events, keep_alive_s=2, answer_s=1.0)
    inbox.start()
    try:
        wait_until(lambda: inbox.state().connected, "the inbox to connect")
        _publish(any_broker.port, _numbers(10))
        first = _collect(inbox, 10)
        with frozen(any_broker):
            wait_until(lambda: not inbox.state().connected, "the freeze to be noticed", seconds=10)
        for batch in first:
            inbox.acknowledge(batch)  # of a connection that is no more
        wait_until(lambda: inbox.state().connected, "the inbox to come back")
        assert _collect(inbox, 1, 3.0) == []  # they come again, and are acknowledged without being handed out
    finally:
        inbox.stop()
    _expect_nothing(any_broker.port, events)


@pytest.mark.slow
@pytest.mark.mosquitto
def test_messages_handed_out_and_forgotten_come_again(mosquitto_broker: RealBroker, events: list[InboxEvent]) -> None:
    """Mosquitto sends nothing again on a live connection: what was forgotten would be stuck for ever."""
    inbox = _new_inbox(mosquitto_broker.port, events, stuck_after_s=1.0)
    inbox.start()
    try:
        wait_until(lambda: inbox.state().connected, "the inbox to connect")
        _publish(mosquitto_broker.port, [b"forgotten"])
        assert _payloads(_collect(inbox, 1)) == [b"forgotten"]
        _publish(mosquitto_broker.port, [b"later"])
        seen: list[bytes] = []
        deadline = time.monotonic() + 20
        while b"forgotten" not in seen and time.monotonic() < deadline:
            batch = inbox.next_batch(500, 0.2)
            seen += [message.payload for message in batch.messages]
            inbox.acknowledge(batch)
        assert set(seen) == {b"forgotten", b"later"}
        assert inbox.state().generation > 1
        assert [event.count for event in events if isinstance(event, DeliveryStuck)] == [1]
    finally:
        inbox.stop()
