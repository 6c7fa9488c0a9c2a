"""A broker with TLS, users and rights, as how-to-point-a-gateway.md advises: every client of ours keeps to them."""

from __future__ import annotations

import gc
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from domain.errors import ConfigurationError
from service import simulation
from service.broker import find_nats_server
from service.processes import end_process
from service.recording import record_session
from service.replay_messages import replay_messages
from service.replaying import replay_file
from service.session_file import RecordedMessage, read_session, session_line
from service.settings import Settings
from service.settings_sections import MqttSection
from service.streaming import run_stream
from simulator.broker import Broker, BrokerHooks, Connect, paho_broker
from simulator.stream import StreamPlan
from tests.ports import free_port
from tests.servers import start_server, wait_until

pytestmark = pytest.mark.slow

HOST = "127.0.0.1"
PASSWORD = "geheim"  # noqa: S105 -- of this test's broker


@dataclass(frozen=True, slots=True)
class Secured:
    """A broker that asks for TLS and for a user; `reader` may not read, only publish."""

    port: int
    authority: Path

    def settings(self, **mqtt: object) -> Settings:
        """Give the settings of a client that it lets in, unless they say otherwise."""
        fields: dict[str, Any] = {"port": self.port, "ca_file": self.authority, "username": "gw", "password": PASSWORD}
        return Settings(mqtt=MqttSection(**(fields | mqtt)))


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of this machine that vouches for itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    certificate, secret = folder / "ca.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(pem))
    secret.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return certificate, secret


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    certificate, key = write_certificate(folder)
    port, configuration = free_port(), folder / "nats.conf"
    tls = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}'
    deaf = 'permissions: { subscribe: { deny: ["infra.>"] } }'
    configuration.write_text(f"""server_name: "secured"
host: "{HOST}"
port: -1
jetstream {{ store_dir: "{folder}/store" }}
mqtt {{ host: "{HOST}", port: {port}, {tls} }}
authorization {{ users: [
  {{ user: "gw", password: "{PASSWORD}" }}
  {{ user: "deaf", password: "{PASSWORD}", {deaf} }}
] }}
""")

    def answers() -> bool:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            return False
        return True

    command = [str(find_nats_server()), "-c", str(configuration)]
    process = start_server("nats-server", command, log=folder / "log", answers=answers)
    yield Secured(port, certificate)
    end_process(process, timeout_seconds=5)


def record(secured: Secured, path: Path, stop: threading.Event, **mqtt: object) -> int:
    settings = secured.settings(**mqtt)
    return record_session(settings, path, topics=(), seconds=None, host=HOST, port=secured.port, stop=stop)


def write_table(folder: Path) -> Path:
    (folder / "table.csv").write_text("time,f\n2025-01-01T00:00:00Z,1.5\n2025-01-01T01:00:00Z,1.6\n")
    return folder / "table.csv"


def replay_table(settings: Settings, folder: Path) -> int:
    return replay_file(
        settings,
        write_table(folder),
        asset="brug-7",
        sensor="s",
        gateway="gw-7",
        values=["f=frequency:Hz"],
        time_column="time",
        time_unit="auto",
        start_ns=0,
        onboard=None,
        speed=0.0,
        rows_per_message=24,
        host=HOST,
        port=settings.mqtt.port,
    )


def replay_session(settings: Settings, folder: Path) -> int:
    path = folder / "old.jsonl"
    message = RecordedMessage("infra/v1/gw-8/brug-8/s/reading", b'{"v": 1}', retain=False, received_ns=1)
    path.write_text(session_line(message))
    return replay_messages(settings, path, onboard=None, gateway="x", speed=0.0, host=HOST, port=settings.mqtt.port)


def test_what_publishes_and_what_records_comes_in(
    secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stop, counts = tmp_path / "session.jsonl", threading.Event(), list[int]()
    recorder = threading.Thread(target=lambda: counts.append(record(secured, path, stop)))
    recorder.start()
    time.sleep(1.5)  # it subscribes
    settings = secured.settings()
    assert replay_table(settings, tmp_path) == 1
    assert replay_session(settings, tmp_path) == 1
    plan = StreamPlan(1, 1, 1000.0, 500, 1_738_368_000_000_000_000)
    run_stream(settings, plan, host=HOST, port=secured.port, seconds=0.5, is_paced=False, stop=threading.Event())
    came_in = threading.Event()

    class Simulated(Exception):
        """Enough was seen."""

    def watched(*given: Any, **more: Any) -> Connect:
        connect = paho_broker(*given, **more)

        def come_in_and_end(_: BrokerHooks) -> Broker:
            broker = connect(BrokerHooks(came_in.set, lambda: None, lambda _: None, lambda _: None))
            broker.open()
            came_in.wait(10)
            broker.close()
            raise Simulated

        return come_in_and_end

    monkeypatch.setattr("simulator.run.paho_broker", watched)
    monkeypatch.setattr("service.simulation.signal.signal", lambda *_: None)
    with pytest.raises(Simulated):
        simulation.run_simulation(
            settings, "small", host=HOST, port=secured.port, speed=0, live=False, start_ns=None, progress_path=None
        )
    assert came_in.is_set()
    wait_until(lambda: path.read_text().count("\n") >= 3, "all messages")
    stop.set()
    recorder.join(20)
    assert counts == [3]
    assert {message.topic.split("/")[3] for message in read_session(path)} > {"brug-7", "brug-8"}


def test_a_refusal_is_told_in_words(secured: Secured, tmp_path: Path) -> None:
    """`schouw replay` of a table took it for an acceptance and waited a minute, `schouw record` ten seconds."""
    wrong = secured.settings(password="anders")  # noqa: S106 -- a wrong one
    told = r"refused us: .*[Aa]uthori[sz]ed; check mqtt\.username and mqtt\.password"
    with pytest.raises(ConfigurationError, match=told):
        record(secured, tmp_path / "session.jsonl", threading.Event(), password="anders")  # noqa: S106 -- see above
    with pytest.raises(ConfigurationError, match=told):
        replay_table(wrong, tmp_path)
    with pytest.raises(ConfigurationError, match=r"refused the simulator: .*[Aa]uthori[sz]ed"):
        replay_session(wrong, tmp_path)


def test_a_user_without_the_right_to_read_is_told(secured: Secured, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"refused us: no rights to read infra/v1/.*access list"):
        record(secured, tmp_path / "session.jsonl", threading.Event(), username="deaf")


# paho leaves a socket whose handshake failed to the collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_a_password_leaves_only_under_tls(secured: Secured, tmp_path: Path) -> None:
    """With `mqtt.ca_file` set, `schouw record` opened plain TCP and sent user and password."""
    heard = list[bytes]()
    with socket.create_server((HOST, 0)) as listener:

        def listen() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(4096))

        thread = threading.Thread(target=listen)
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"no broker at {HOST}:{port}"):
            record_session(
                secured.settings(),
                tmp_path / "session.jsonl",
                topics=(),
                seconds=None,
                host=HOST,
                port=port,
                stop=threading.Event(),
            )
        thread.join()
    gc.collect()
    assert heard[0][0] == 0x16, "a TLS handshake (RFC 8446, section 5.1)"
    assert PASSWORD.encode() not in heard[0]


def test_a_certificate_that_is_none_is_told(secured: Secured, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("nowhere.pem", "empty.pem"):
        with pytest.raises(ConfigurationError, match=rf"mqtt\.ca_file.*{name}, expected certificates in PEM"):
            replay_table(secured.settings(ca_file=tmp_path / name), tmp_path)
