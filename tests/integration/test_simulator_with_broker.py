"""The simulator and a recorded session against a real broker, also one that dies in mid-run."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from service.recording import record_session
from service.replay_messages import replay_messages
from service.session_file import read_session
from service.settings import Settings
from simulator.history_file import write_history
from simulator.progress import Progress
from simulator.publish import write_files
from simulator.run import SimulationResult, simulate
from simulator.scenario import Scenario, Transport
from simulator.scenario_file import load_scenario
from tests.servers import NatsBroker, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsBroker]:
    broker = NatsBroker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return replace(load_scenario("small"), days=12, transport=Transport())


class Listener:
    """A durable session that remembers everything."""

    def __init__(self, port: int) -> None:
        self.heard: Counter[tuple[str, bytes]] = Counter()
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("infra/v1/#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, m: self.heard.update([(m.topic, bytes(m.payload))])
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def run(scenario: Scenario, port: int, notes: list[str], *, speed: float = 0.0) -> SimulationResult:
    def report(progress: Progress) -> None:
        if progress.note:
            notes.append(progress.note)

    return simulate(
        scenario,
        host="127.0.0.1",
        port=port,
        speed=speed,
        start_ns=None,
        live=False,
        progress_path=None,
        stop=threading.Event(),
        report=report,
        now_ns=time.time_ns,
    )


def made(scenario: Scenario, folder: Path) -> set[tuple[str, bytes]]:
    """Everything that a run publishes but for the gateways' own status."""
    write_files(scenario, folder / "made.jsonl")
    return {(m.topic, m.payload) for m in read_session(folder / "made.jsonl") if not m.topic.endswith("/status")}


def test_a_broker_that_dies_in_mid_run_costs_no_message_and_is_waited_for(
    scenario: Scenario, broker: NatsBroker, tmp_path: Path
) -> None:
    expected = made(scenario, tmp_path)
    listener = Listener(broker.port)
    notes: list[str] = []
    results: list[SimulationResult] = []
    # Twelve days in about six seconds: time enough to die in the middle.
    sender = threading.Thread(
        target=lambda: results.append(run(scenario, broker.port, notes, speed=scenario.days * 86_400 / 6))
    )
    sender.start()
    wait_until(lambda: len(listener.heard) > len(expected) // 4, "a quarter of the run", seconds=60)
    broker.kill()
    wait_until(lambda: len(notes) > 0, "the simulator to notice", seconds=30)
    broker.start()
    sender.join(90)
    assert results, notes
    assert results[0].is_complete
    wait_until(lambda: expected <= set(listener.heard), "every message", seconds=60)
    listener.close()
    heard = {message for message in listener.heard if not message[0].endswith("/status")}
    assert heard == expected
    assert [note.split(";")[0] for note in notes] == ["waiting for the broker", "the broker is back"]


def test_what_was_recorded_is_published_again_as_it_was(scenario: Scenario, broker: NatsBroker, tmp_path: Path) -> None:
    settings, path, stop = Settings(), tmp_path / "session.jsonl.gz", threading.Event()
    counts: list[int] = []
    recorder = threading.Thread(
        target=lambda: counts.append(
            record_session(settings, path, topics=(), seconds=None, host="127.0.0.1", port=broker.port, stop=stop)
        )
    )
    recorder.start()
    time.sleep(1.5)  # it subscribes; what comes before is not its business
    result = run(scenario, broker.port, [])
    time.sleep(1.0)
    stop.set()
    recorder.join(30)
    recorded = list(read_session(path))
    assert counts == [len(recorded)]
    assert len(recorded) == result.counts.messages
    assert {(m.topic, m.payload) for m in recorded if not m.topic.endswith("/status")} == made(scenario, tmp_path)
    times = [message.received_ns or 0 for message in recorded]
    assert times == sorted(times)

    listener = Listener(broker.port)
    listener.heard.clear()
    sent = replay_messages(settings, path, onboard=None, gateway="x", speed=0.0, host="127.0.0.1", port=broker.port)
    wait_until(lambda: listener.heard.total() >= sent, "every message of the replay", seconds=30)
    listener.close()
    assert set(listener.heard) == {(m.topic, m.payload) for m in recorded}
    assert sent == len(recorded)


def test_a_long_table_goes_through_the_broker_with_its_own_assets(
    scenario: Scenario, broker: NatsBroker, tmp_path: Path
) -> None:
    values = write_history(replace(scenario, days=3), tmp_path / "own.parquet")
    settings = Settings(data_dir=tmp_path / "data")
    listener = Listener(broker.port)
    sent = replay_messages(
        settings, tmp_path / "own.parquet", onboard="bridge", gateway="gw-old", speed=0.0, host="127.0.0.1",
        port=broker.port,
    )  # fmt: skip
    wait_until(lambda: len(listener.heard) == sent, "every message", seconds=30)
    listener.close()
    topics = {topic for topic, _ in listener.heard}
    assert all(topic.startswith("infra/v1/gw-old/") for topic in topics)
    assert values > sent > len(topics) > 10
