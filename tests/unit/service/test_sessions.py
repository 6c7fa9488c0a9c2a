"""In which order a broker gives what waited for ingest."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.topics import reading_topic, waveform_topic
from service.broker import EmbeddedBroker
from service.sessions import make_inbox
from service.settings import load_settings
from tests.installation import publish
from tests.ports import free_port
from tests.servers import wait_until


@pytest.mark.slow
def test_by_the_streams_clock_readings_and_waveforms_come_in_the_order_in_which_they_were_published(
    tmp_path: Path,
) -> None:
    """Behind by more messages than may be under way, all waveforms came before most readings: months ahead of them."""
    broker = EmbeddedBroker(tmp_path, mqtt_port=free_port(), sync_always=False, max_ack_pending=16)
    broker.start()
    settings = load_settings({"data_dir": tmp_path, "mqtt": {"port": broker.mqtt_port}, "ingest": {"clock": "stream"}})
    topics = (reading_topic("gw", "brug", "acc"), waveform_topic("gw", "brug", "acc"))
    sent = [(topics[number % 10 == 0], b"%d" % number) for number in range(200)]
    came: list[tuple[str, bytes]] = []
    try:
        inbox = make_inbox(settings)
        inbox.start()
        wait_until(lambda: inbox.state().connected, "the session")
        inbox.stop()
        publish(broker.mqtt_port, sent)
        inbox = make_inbox(settings)
        inbox.start()
        while len(came) < len(sent):
            batch = inbox.next_batch(50, 5.0)
            assert len(batch), f"only {len(came)} came"
            came += [(message.topic, message.payload) for message in batch.messages]
            inbox.acknowledge(batch)
        inbox.stop()
    finally:
        broker.stop()
    assert came == sent
