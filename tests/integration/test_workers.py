"""Several workers: every message once, and the same state to the bit however many there are."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.batch import Message
from ingest.shards import shard_filters
from ingest.topics import TOPIC_FILTERS
from service.accounting import accounts
from service.clock_policy import ClockPolicy
from service.restore import open_pipeline
from service.status import read_status
from simulator.run import resolve_start
from simulator.scenario import Scenario
from simulator.scenario_file import load_scenario
from tests.chain import DAY_NS, NS, open_chain, simulated_messages
from tests.installation import Installation, publish, stop
from tests.integration.test_everything_survives_kill_nine import children
from tests.lengths import either
from tests.servers import NatsBroker, running, wait_until

pytestmark = pytest.mark.slow

DAYS = 5
SHARDS = 4
_ANY_SHARD = [topic.replace("shard/0/", "shard/+/") for topic in shard_filters(0)]
# All of it is recent enough that no hop closes while it comes in: each run ends with the same closing, at one moment.
PATIENT_S = 30 * 86_400
POLICY = ClockPolicy(
    by_stream=False, lateness_ns=PATIENT_S * NS, idle_ns=8 * DAY_NS, future_ns=300 * NS, earliest_ns=None
)


class Stream:
    """Messages of a few days that ended yesterday, and the state that they lead to."""

    def __init__(self, folder: Path) -> None:
        start_ns = (time.time_ns() // DAY_NS - DAYS - 1) * DAY_NS
        self.folder = folder
        self.scenario: Scenario = resolve_start(load_scenario("small"), start_ns, None)
        self.messages = [
            message._replace(received_ns=time.time_ns())
            for message in simulated_messages(self.scenario, folder, days=DAYS)
        ]
        self.end_ns = start_ns + DAYS * DAY_NS
        pipeline = open_chain(folder, self.scenario, policy=POLICY)
        for first in range(0, len(self.messages), 50):
            pipeline.take(self.messages[first : first + 50], now_ns=time.time_ns())
        pipeline.close(now_ns=self.end_ns, lateness_ns=0)
        self.digest = pipeline.live.digest()
        self.tally = pipeline.journal.tally()
        pipeline.journal.close()


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    return Stream(tmp_path_factory.mktemp("stream"))


def site_for(stream: Stream, folder: Path, *, port: int = 0) -> Installation:
    site = Installation(
        folder,
        MQTT__PORT=port,
        INGEST__LATENESS_SECONDS=PATIENT_S,
        INGEST__SNAPSHOT_SECONDS=1,
        BROKER__SYNC_ALWAYS="false",
    )
    open_chain(folder, stream.scenario, policy=POLICY).journal.close()
    return site


@contextmanager
def working(site: Installation, workers: int, shards: int = SHARDS) -> Iterator[int]:
    """Run ingest with so many workers until it holds its sessions, and stop it as Ctrl-C would."""
    site.environ(INGEST__WORKERS=workers, MQTT__SHARDS=shards)
    (site.folder / "ingest-status.json").unlink(missing_ok=True)
    process = site.start("ingest")
    try:
        site.until("sessions", lambda: is_connected(site), seconds=90)
        yield process.pid
    finally:
        assert stop(process) == 0, site.output()


def is_connected(site: Installation) -> bool:
    status = read_status(site.folder / "ingest-status.json")
    return status is not None and status.broker_connected


def readers_of(pid: int) -> list[int]:
    return [reader for reader, command in children(pid).items() if "service.cli read" in command]


def send(site: Installation, messages: Sequence[Message]) -> None:
    publish(site.mqtt_port, [(message.topic, message.payload) for message in messages])


def all_stored(site: Installation, stream: Stream) -> None:
    def is_complete() -> bool:
        with closing(site.journal()) as journal:
            return journal.tally().get("readings_stored", 0) >= stream.tally["readings_stored"]

    site.until("every reading", is_complete, seconds=90)


def compare(site: Installation, stream: Stream) -> None:
    """Close all hops at one moment, and hold state and counts against the undisturbed run."""
    with closing(site.journal()) as journal:
        tally, held, parts = journal.tally_with_standing()
        assert [account.faults() for account in accounts(tally, held=held, parts=parts)] == [[], []]
        pipeline = open_pipeline(journal, POLICY, max_payload_bytes=4_000_000, head_bytes=64)
        pipeline.close(now_ns=stream.end_ns, lateness_ns=0)
        assert pipeline.live.digest() == stream.digest
    for name in ("readings_stored", "readings_refused", "messages_decoded", "messages_dead_lettered"):
        assert tally.get(name, 0) == stream.tally.get(name, 0), name


# Two workers are in both tests below.
@pytest.mark.parametrize(("workers", "shards"), either([(1, 0), (4, SHARDS)], long=[(1, 0), (2, SHARDS), (4, SHARDS)]))
def test_so_many_workers_lead_to_the_same_state_to_the_bit(
    tmp_path: Path, stream: Stream, workers: int, shards: int
) -> None:
    broker = NatsBroker(tmp_path, shards=shards)
    with running(broker):
        site = site_for(stream, tmp_path / "data", port=broker.port)
        with working(site, workers, shards) as pid:
            assert len(readers_of(pid)) == (workers if shards else 0)
            send(site, stream.messages)
            all_stored(site, stream)
    compare(site, stream)


def test_another_number_of_workers_and_killed_ones_change_nothing(tmp_path: Path, stream: Stream) -> None:
    """Two workers, then four of which each is killed in mid-stream, then one that serves all shards."""
    third = len(stream.messages) // 3
    broker = NatsBroker(tmp_path, shards=SHARDS)
    with running(broker):
        site = site_for(stream, tmp_path / "data", port=broker.port)
        with working(site, 2):
            send(site, stream.messages[:third])
        with working(site, 4) as pid:
            sender = threading.Thread(target=send, args=(site, stream.messages[third : 2 * third]))
            sender.start()
            for reader in readers_of(pid):
                os.kill(reader, signal.SIGKILL)
            sender.join()
            # What was not taken yet waits at the broker for the next number of workers.
        with working(site, 1):
            send(site, stream.messages[2 * third :])
            all_stored(site, stream)
    compare(site, stream)


def test_run_makes_the_shards_and_keeps_them(tmp_path: Path, stream: Stream) -> None:
    site = site_for(stream, tmp_path / "data")
    for options, messages in ((("--workers", "2"), stream.messages[::2]), ((), stream.messages[1::2])):
        process = site.start("run", *options)
        try:
            site.until("ready", lambda: (site.get("/readyz") or {}).get("ready", False), seconds=120)
            assert len(readers_of(process.pid)) == (2 if options else 1)
            send(site, messages)
            if not options:
                all_stored(site, stream)
        finally:
            assert stop(process) == 0, site.output()
    assert (site.folder / "broker" / "session-made").read_text() == str(SHARDS)
    compare(site, stream)
    refused = site.call("run", "--replay", check=False)
    assert refused.returncode == 2
    assert "would move the stream's clock" in refused.stderr


def listen(broker: NatsBroker, filters: Sequence[str], seen: list[str]) -> paho.Client:
    """Write down the topics of what comes."""
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"listener-{len(filters)}")
    client.on_message = lambda _client, _data, message: seen.append(message.topic)
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(broker.host, broker.port)
    client.subscribe([(topic, 1) for topic in filters])
    client.loop_start()
    assert subscribed.wait(20)
    return client


def test_a_shard_has_whole_assets_and_nothing_comes_without_one(tmp_path: Path) -> None:
    """The broker's own part: topics carry a number by their asset, a status carries none."""
    broker = NatsBroker(tmp_path, shards=SHARDS)
    topics = [f"infra/v1/gw{n % 3}/asset-{n % 20}/s{n}/{kind}" for n in range(60) for kind in ("reading", "waveform")]
    topics += ["infra/v1/gw1/asset-1/s1/waveform/bin", "infra/v1/gw1/status"]
    seen: list[str] = []
    with running(broker):
        # nats-server allows a session so many filters: one listens to what carries a shard, and one to the rest.
        listeners = [listen(broker, filters, seen) for filters in (_ANY_SHARD, TOPIC_FILTERS)]
        publish(broker.port, [(topic, b"{}") for topic in topics])
        wait_until(lambda: len(seen) >= len(topics), "every topic")
        time.sleep(0.3)
        for listener in listeners:
            listener.disconnect()
            listener.loop_stop()
    assert sorted(topic.partition("infra/")[2] for topic in seen) == sorted(t.partition("infra/")[2] for t in topics)
    shards: dict[str, set[str]] = {}
    for topic in seen:
        prefix, _, rest = topic.partition("infra/v1/")
        shards.setdefault(rest.split("/")[1], set()).add(prefix)
    assert shards.pop("status") == {""}
    assert all(len(prefixes) == 1 for prefixes in shards.values())
    assert {prefix for prefixes in shards.values() for prefix in prefixes} == {f"shard/{n}/" for n in range(SHARDS)}
