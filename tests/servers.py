"""Real servers for tests: started on free loopback ports in a folder of the test, stopped by pid.

`require_server` decides what a missing server means: a skip that names the command which would help, or a
failure when `SCHOUW_TEST_STRICT=1`, as in CI. Brokers have one surface, `RealBroker`, so that one test runs
against each; `kill`, `freeze` and `restart` are there for tests of faults.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import pytest

from service.broker import EmbeddedBroker, answers_mqtt
from service.nats_configuration import ACK_PENDING
from service.processes import end_process, leashed, log_tail
from tests.ports import free_port

__all__ = [
    "MosquittoBroker",
    "NatsBroker",
    "PostgresServer",
    "RealBroker",
    "find_server",
    "freeze_process",
    "frozen",
    "frozen_processes",
    "is_alive",
    "process_state",
    "require_server",
    "running",
    "start_server",
    "wait_until",
]

_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 10.0
_PACKAGES: Final = Path(__file__).resolve().parents[1] / "requirements" / "servers.txt"


def find_server(program: str) -> str | None:
    """Find a server's program; Debian keeps some where only root's PATH looks, and PostgreSQL's by their version."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    elsewhere = ["/usr/sbin", "/usr/local/sbin", "/sbin", *map(str, reversed(versions))]
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(elsewhere))


def require_server(program: str) -> str:
    """Give the path of a server's program, or end this test with the reason and the remedy.

    Raises
    ------
    pytest.skip.Exception
        If it is not installed.
    pytest.fail.Exception
        If it is not installed and `SCHOUW_TEST_STRICT=1`.
    """
    found = find_server(program)
    if found is not None:
        return found
    rows = [line.split() for line in _PACKAGES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    package = next((row[0] for row in rows if row and row[1] == program), program)
    reason = f"{program} is not installed; on Debian: sudo apt-get install --no-install-recommends {package}"
    if os.environ.get("SCHOUW_TEST_STRICT") == "1":
        pytest.fail(f"{reason} (SCHOUW_TEST_STRICT=1 allows no skip)", pytrace=False)
    pytest.skip(reason)


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = _START_SECONDS) -> None:
    """Wait for a condition, and fail with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.01)


def start_server(
    name: str, command: Sequence[str], *, log: Path, answers: Callable[[], bool], folder: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers; fail with the end of its log when it ends instead."""
    with log.open("ab") as lines:
        process = subprocess.Popen(command, stdout=lines, stderr=lines, cwd=folder)

    def is_up() -> bool:
        if process.poll() is not None:
            pytest.fail(f"{name} ended with exit code {process.returncode}: {log_tail(log)}")
        return answers()

    wait_until(is_up, f"an answer of {name}")
    return process


class RealBroker(Protocol):
    """A broker of the test's own."""

    host: str
    port: int

    @property
    def name(self) -> str:
        """Which broker it is."""

    @property
    def pid(self) -> int:
        """Process number of the last start."""

    def start(self) -> None:
        """Start it and wait until it answers; on the port and with the data of the time before."""

    def stop(self) -> None:
        """End it cleanly."""

    def kill(self) -> None:
        """End it with SIGKILL."""


class NatsBroker:
    """The embedded broker, as `schouw run` starts it."""

    name: Final = "nats-server"

    def __init__(
        self,
        folder: Path,
        *,
        sync_always: bool = False,
        ack_wait_seconds: int = 1,
        shards: int = 0,
        max_ack_pending: int = ACK_PENDING,
    ) -> None:
        self.host = _HOST
        self.port = free_port()
        self.embedded = EmbeddedBroker(
            folder,
            host=self.host,
            mqtt_port=self.port,
            sync_always=sync_always,
            ack_wait_seconds=ack_wait_seconds,
            shards=shards,
            max_ack_pending=max_ack_pending,
            start_seconds=_START_SECONDS,
            stop_seconds=_STOP_SECONDS,
        )

    @property
    def pid(self) -> int:
        """Process number of the last start."""
        assert self.embedded.pid is not None
        return self.embedded.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.embedded.start()

    def stop(self) -> None:
        """End it cleanly."""
        self.embedded.stop()

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self.embedded.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            wait_until(lambda: self.embedded.poll() is not None, "the end of nats-server")


class MosquittoBroker:
    """Mosquitto with persistence, an unbounded queue and many messages under way."""

    name: Final = "mosquitto"

    def __init__(self, folder: Path) -> None:
        self._program = require_server("mosquitto")
        self.host = _HOST
        self.port = free_port()
        self._folder = folder / "mosquitto"
        self._log = self._folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process number of the last start."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} {self.host}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self._folder}/",
            "autosave_interval 1",
            "max_queued_messages 0",
            "max_inflight_messages 16384",
            *(["user root"] if os.geteuid() == 0 else []),  # else it becomes a user that may not write here
        ]
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = leashed([self._program, "-c", str(configuration)], death_signal=signal.SIGKILL)
        self._process = start_server(
            self.name, command, log=self._log, answers=lambda: answers_mqtt(self.host, self.port)
        )

    def stop(self) -> None:
        """End it cleanly; it saves its queues then."""
        if self._process is not None:
            end_process(self._process, timeout_seconds=_STOP_SECONDS)

    def kill(self) -> None:
        """End it with SIGKILL; what it had not saved is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class PostgresServer:
    """A PostgreSQL of the test's own; `database` makes an empty one in it.

    Its default order of text is a language's, not that of the bytes: ours must not depend on it. The server refuses
    root, so it runs as the user that Debian's package brings, in a folder which that user may reach.
    """

    name: Final = "postgres"

    def __init__(self) -> None:
        require_server("pg_createcluster")  # by which Debian's package is recognised
        self._bin = Path(require_server("initdb")).resolve().parent
        self.host = _HOST
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="schouw-postgres-"))
        self._log = self._folder / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=nl-NL"]
        subprocess.run(
            [
                *self._as_user,
                str(self._bin / "initdb"),
                "-D",
                str(self._data),
                "-U",
                "schouw",
                "-A",
                "trust",
                "--no-sync",
                *locale,
            ],
            check=True,
            capture_output=True,
            cwd=self._folder,
        )

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def pid(self) -> int:
        """Process number of the last start."""
        assert self._process is not None
        return self._process.pid

    def pids(self) -> list[int]:
        """List the server's process and those it started for its connections."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="utf-8")
        return [self.pid, *map(int, children.split())]

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {"port": self.port, "listen_addresses": self.host, "unix_socket_directories": "", "fsync": "off"}
        arguments = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        command = [str(self._bin / "postgres"), "-D", str(self._data), *arguments]
        if self._as_user:
            # A change of user would take the leash off.
            command = [*self._as_user, "--pdeathsig=INT", *command]
        else:
            command = leashed(command, death_signal=signal.SIGINT)
        asked = [str(self._bin / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port)]
        self._process = start_server(
            self.name,
            command,
            log=self._log,
            answers=lambda: subprocess.run(asked, check=False).returncode == 0,
            folder=self._folder,
        )

    def stop(self) -> None:
        """End it at once but cleanly, whoever is connected; SIGTERM would wait for them to leave."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """End it with SIGKILL; its children end by themselves when they miss it, and are waited for."""
        if self._process is not None:
            pids = self.pids()
            self._process.kill()
            self._process.wait()
            wait_until(lambda: not any(map(is_alive, pids)), "the end of postgres and its children")

    def remove(self) -> None:
        """End it without ado and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_STOP_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self) -> str:
        """Make an empty database and give its address."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.run_sql(f"CREATE DATABASE {name}")
        return self.address(name)

    def address(self, name: str) -> str:
        """Give the address of a database."""
        return f"postgresql://schouw@{self.host}:{self.port}/{name}"

    def run_sql(self, statement: str, *, database: str = "postgres") -> str:
        """Let `psql` run one statement and give its answer, a row a line."""
        where = ["-h", self.host, "-p", str(self.port), "-U", "schouw", "-d", database]
        psql = [str(self._bin / "psql"), "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1"]
        return subprocess.run([*psql, *where, "-c", statement], check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def running(broker: RealBroker) -> Iterator[RealBroker]:
    """Run a broker for the length of a block; it is gone afterwards, even when it was frozen."""
    broker.start()
    try:
        yield broker
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(broker.pid, signal.SIGCONT)
        broker.stop()


@contextlib.contextmanager
def frozen(broker: RealBroker) -> Iterator[None]:
    """Stop a broker's process with SIGSTOP for the length of a block: it holds its connections and says nothing."""
    freeze_process(broker.pid)
    try:
        yield
    finally:
        os.kill(broker.pid, signal.SIGCONT)


@contextlib.contextmanager
def frozen_processes(pids: Sequence[int]) -> Iterator[None]:
    """Stop processes with SIGSTOP for the length of a block."""
    for pid in pids:
        freeze_process(pid)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def freeze_process(pid: int) -> None:
    """Send SIGSTOP and wait until it has taken effect: a signal sent right behind it could overtake it."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: process_state(pid) == "T", f"process {pid} to stand still")


def process_state(pid: int) -> str:
    """Give the kernel's letter for a process's state: `T` stopped, `Z` ended and not yet reaped, empty when gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and has not ended."""
    return process_state(pid) not in {"", "Z"}
