"""A real installation for tests: `schouw` processes on free loopback ports, in a folder of their own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from storage.entries import BatchBody, decode_readings
from storage.journal import Entry, Journal
from tests.ports import free_port

_TICK_S = 0.1
_REST_NS = 2_000_000_000
_LOOKS_AT_STATUS = 600


def has_come_to_rest(journal_file: Path) -> bool:
    """Tell whether hops were closed as at the end of a stream, behind the newest readings, and none is closed any more.

    Years are closed a part at a look, a quarter of a second apart by the clock of ingest; so the journal must stand
    still while ingest, by the status that it writes each second between its looks, goes on for eight of them.
    """
    status = journal_file.with_name("ingest-status.json")
    with contextlib.closing(Journal(journal_file)) as journal:
        newest = journal.last_seq()
        entries = journal.entries(after=max(newest - 20, 0))
        behind = itertools.takewhile(lambda entry: not _brings_readings(entry), reversed(entries))
        if not any(getattr(entry.body, "lateness_ns", None) == 0 for entry in behind):
            return False
        began_ns = json.loads(status.read_bytes())["at_ns"]
        for _ in range(_LOOKS_AT_STATUS):
            time.sleep(_TICK_S)
            if journal.last_seq() != newest:
                return False
            if json.loads(status.read_bytes())["at_ns"] - began_ns >= _REST_NS:
                return journal.last_seq() == newest
    return False


def _brings_readings(entry: Entry) -> bool:
    return isinstance(entry.body, BatchBody) and len(decode_readings(entry.body.readings)) > 0


class Installation:
    """One data folder with its ports; `run` starts `schouw` in it.

    Parameters
    ----------
    folder : Path
        Where data and logs go.
    settings : str
        More settings as `section.key=value`; ports and folder are set already.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.api_port = free_port("127.0.0.1")
        self.mqtt_port = int(str(settings.pop("MQTT__PORT", 0))) or free_port("127.0.0.1")
        self.address = f"http://127.0.0.1:{self.api_port}"
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("SCHOUW_")}
        self._environment |= {
            "SCHOUW_DATA_DIR": str(folder),
            "SCHOUW_API__PORT": str(self.api_port),
            "SCHOUW_MQTT__PORT": str(self.mqtt_port),
            "SCHOUW_API__WARM_CHARTS": "false",  # seconds of two cores at each start, for charts that few tests see
        }
        self._environment |= {f"SCHOUW_{key}": str(value) for key, value in settings.items()}

    def environ(self, **settings: object) -> None:
        """Change settings for what is started from now on."""
        self._environment |= {f"SCHOUW_{key}": str(value) for key, value in settings.items()}

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `schouw` with these arguments, its output in the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "output.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "service.cli", *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def call(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `schouw` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "service.cli", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=check,
            timeout=120,
        )

    def get(self, path: str) -> Any:
        """Ask the API; None while it does not answer."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:  # noqa: S310 -- our own address
                return json.load(answer)
        except OSError:
            return None

    def parts(self) -> dict[str, dict[str, Any]]:
        """Give what `/readyz` says of each part, ready or not; nothing while it does not answer."""
        try:
            with urllib.request.urlopen(self.address + "/readyz", timeout=30) as answer:  # noqa: S310 -- our own address
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)
        except OSError:
            return {}
        return {part["name"]: part for part in told["parts"]}

    def output(self) -> str:
        """Give what the processes said, for a failing test."""
        logs = [self.folder / "output.log", *sorted(self.folder.glob("**/log/*.log"))]
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in logs if log.is_file())

    def journal(self, *below: str) -> Journal:
        """Open the journal for looking."""
        return Journal(self.folder.joinpath(*below) / "journal.sqlite")

    def is_projected(self) -> bool:
        """Tell whether the tables behind the API hold what the journal holds; both are SQLite files."""
        with contextlib.closing(self.journal()) as journal:
            newest = journal.last_seq()
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/operational.sqlite?mode=ro", uri=True)) as tables:
            # On a busy machine the projections may not have made it yet.
            if not tables.execute("SELECT 1 FROM sqlite_master WHERE name = 'projection'").fetchone():
                return False
            row = tables.execute("SELECT seq FROM projection WHERE name = 'operational'").fetchone()
        return row is not None and row[0] >= newest

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run `schouw` meanwhile and stop it as Ctrl-C would."""
        process = self.start(*arguments)
        try:
            yield process
        finally:
            stop(process)

    def until(self, what: str, condition: Callable[[], bool], *, seconds: float) -> None:
        """Wait until something holds; fail with what the processes said."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}\n{self.output()}")
            time.sleep(_TICK_S)


def stop(process: subprocess.Popen[bytes]) -> int:
    """Interrupt a process as Ctrl-C would, and wait; a process that ended keeps its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait(10)


def publish(port: int, messages: Sequence[tuple[str, bytes]], *, client_id: str = "test-gateway") -> None:
    """Publish at QoS 1 as any MQTT client would, and wait for every acknowledgement."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    client.max_inflight_messages_set(200)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        sent = [client.publish(topic, payload, qos=1) for topic, payload in messages]
        for item in sent:
            item.wait_for_publish(60)
            assert item.is_published()
    finally:
        client.disconnect()
        client.loop_stop()
