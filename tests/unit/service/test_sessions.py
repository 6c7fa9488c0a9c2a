"""In which order a broker gives what waited for ingest, and what becomes of an older version's topic filters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.delivery import InboxBatch
from ingest.mqtt import MqttInbox
from ingest.topics import (
    FORMER_FILTERS,
    TOPIC_FILTERS,
    reading_topic,
    rejected_topic,
    status_topic,
    waveform_topic,
)
from service.broker import EmbeddedBroker
from service.sessions import make_inbox
from service.settings import Settings, load_settings
from tests.installation import publish
from tests.ports import free_port
from tests.servers import wait_until

pytestmark = pytest.mark.slow

_READINGS, _WAVEFORMS = reading_topic("gw", "brug", "acc"), waveform_topic("gw", "brug", "acc")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """Few messages under way, so that a short backlog is one."""
    broker = EmbeddedBroker(tmp_path, mqtt_port=free_port(), sync_always=False, max_ack_pending=300, ack_wait_seconds=1)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(params=[("wall", False), ("stream", False), ("wall", True)])
def settings(request: pytest.FixtureRequest, tmp_path: Path, broker: EmbeddedBroker) -> Settings:
    clock, is_whole = request.param
    return _settings(tmp_path, broker, clock, whole_broker=is_whole)


def _settings(folder: Path, broker: EmbeddedBroker, clock: str = "wall", *, whole_broker: bool) -> Settings:
    mqtt = {"port": broker.mqtt_port, "redelivery_seconds": 1.5, "whole_broker": whole_broker}
    return load_settings({"data_dir": folder, "mqtt": mqtt, "ingest": {"clock": clock}})


def _messages(first: int, last: int) -> list[tuple[str, bytes]]:
    return [(_WAVEFORMS if number % 10 == 0 else _READINGS, b"%d" % number) for number in range(first, last)]


def _connected(inbox: MqttInbox) -> MqttInbox:
    inbox.start()
    wait_until(lambda: inbox.state().connected, "the session")
    return inbox


def _take(inbox: MqttInbox, came: list[tuple[str, bytes]], wait_s: float = 5.0) -> InboxBatch:
    batch = inbox.next_batch(50, wait_s)
    came += [(message.topic, message.payload) for message in batch.messages]
    inbox.acknowledge(batch)
    return batch


def _take_all(inbox: MqttInbox, came: list[tuple[str, bytes]], wait_s: float) -> None:
    while len(_take(inbox, came, wait_s)):
        pass


def _check_news_comes_once(broker: EmbeddedBroker, inbox: MqttInbox, news: list[tuple[str, bytes]]) -> None:
    came: list[tuple[str, bytes]] = []
    publish(broker.mqtt_port, news)
    _take_all(inbox, came, 2.0)
    inbox.stop()
    assert sorted(came) == sorted(news)


def test_readings_and_waveforms_come_in_the_order_in_which_they_were_published(
    broker: EmbeddedBroker, settings: Settings
) -> None:
    """Behind by more messages than may be under way, all waveforms came before most readings: months ahead of them."""
    sent = _messages(0, 2000)
    came: list[tuple[str, bytes]] = []
    _connected(make_inbox(settings)).stop()
    publish(broker.mqtt_port, sent)
    inbox = _connected(make_inbox(settings))
    while len(came) < len(sent):
        assert len(_take(inbox, came)), f"only {len(came)} came"
    inbox.stop()
    assert came == sent


def test_what_an_older_version_subscribed_to_is_taken_back_when_nothing_waits_there(
    broker: EmbeddedBroker, settings: Settings
) -> None:
    """A session keeps its filters, so each message came twice; taken back at once, what waited there was lost."""
    older = MqttInbox(
        "127.0.0.1",
        broker.mqtt_port,
        settings.mqtt.client_id,
        filters=(*FORMER_FILTERS, *TOPIC_FILTERS[1:]),
        now_ns=lambda: 1,
        emit=lambda _: None,
    )
    _connected(older).stop()
    waited = _messages(0, 2000)
    publish(broker.mqtt_port, waited)
    came: list[tuple[str, bytes]] = []
    inbox = _connected(make_inbox(settings))
    while len(set(came)) < len(waited) // 2:
        assert len(_take(inbox, came))
    meanwhile = _messages(2000, 2500)
    publish(broker.mqtt_port, meanwhile)
    _take_all(inbox, came, 4.0)
    inbox.stop()
    assert set(came) == {*waited, *meanwhile}
    inbox = _connected(make_inbox(settings))
    _check_news_comes_once(broker, inbox, [*_messages(3000, 3200), (status_topic("gw"), b"{}")])


def test_of_a_whole_broker_everything_comes_but_our_own_replies(broker: EmbeddedBroker, tmp_path: Path) -> None:
    came: list[tuple[str, bytes]] = []
    inbox = _connected(make_inbox(_settings(tmp_path, broker, whole_broker=True)))
    inbox.publish(rejected_topic("gw"), b"a reply")
    odd = [("infra/v2/gw/brug/acc/reading", b"of another form"), ("infra/v1/gw/brug/acc/rejected", b"no reply of ours")]
    publish(broker.mqtt_port, [*odd, *_messages(0, 20)])
    _take_all(inbox, came, 2.0)
    assert came == [*odd, *_messages(0, 20)]
    inbox.stop()


@pytest.mark.parametrize("was_whole", [True, False])
def test_a_session_loses_nothing_where_the_broker_becomes_whole_or_ceases_to(
    broker: EmbeddedBroker, tmp_path: Path, *, was_whole: bool
) -> None:
    _connected(make_inbox(_settings(tmp_path, broker, whole_broker=was_whole))).stop()
    came: list[tuple[str, bytes]] = []
    waited = _messages(0, 1000)
    publish(broker.mqtt_port, waited)
    inbox = _connected(make_inbox(_settings(tmp_path, broker, whole_broker=not was_whole)))
    _take_all(inbox, came, 4.0)
    assert set(came) == set(waited)
    _check_news_comes_once(broker, inbox, [*_messages(1000, 1200), (status_topic("gw"), b"{}")])
