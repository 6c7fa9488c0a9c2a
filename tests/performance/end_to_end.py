"""The whole chain through a real broker, beside receivers that do less, with the same publishers in the same run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, NamedTuple

from storage.journal import Journal
from tests.installation import Installation, stop
from tests.performance.load import Load, publishing, write_register
from tests.performance.receivers import BARE, USUAL
from tests.performance.resources import cpu_s
from tests.servers import MosquittoBroker, NatsBroker, RealBroker, find_server, running

__all__ = ["ALONE", "CHAIN", "SHARDS", "Measured", "brokers", "measure", "receivers", "with_workers"]

CHAIN: Final = "schouw"
# As `schouw ingest` started by itself: projections are threads of its own.
ALONE: Final = "schouw, one process"
_WORKERS: Final = "schouw, workers: "
# Hops stay open meanwhile, since by the wall's clock all of this load is long past.
_PATIENCE_S: Final = 30 * 86_400
_SUBSCRIBER: Final = "mosquitto_sub"
SHARDS: Final = 4
_LOOK_S: Final = 0.02
_LONGEST_S: Final = 600.0
_READY_S: Final = 60.0


class Measured(NamedTuple):
    """What one receiver did with one load.

    Attributes
    ----------
    rate : float
        Messages a second from the first to the last.
    cpu_us : float
        Processor time of the receiver for each message, µs; all its threads and processes.
    peak_mb : float
        Largest resident memory of the receiver, MB; of its processes together.
    behind_s : float
        From the last message in the journal until all is in the tables behind the API, s; 0 where there are none.
    """

    receiver: str
    broker: str
    messages: int
    rate: float
    cpu_us: float
    peak_mb: float
    behind_s: float = 0.0


def with_workers(workers: int) -> str:
    """Name the chain with so many workers; 0: without shards, in the same way."""
    return f"{_WORKERS}{workers}"


def brokers(folder: Path) -> list[RealBroker]:
    """Give the brokers to measure with: the embedded one, and Mosquitto where it is installed."""
    found: list[RealBroker] = [NatsBroker(folder)]
    return [*found, MosquittoBroker(folder)] if find_server("mosquitto") else found


def receivers(*, usual: bool = True) -> list[str]:
    """Name the receivers to compare."""
    return [CHAIN, ALONE, BARE, *([_SUBSCRIBER] if find_server(_SUBSCRIBER) else []), *([USUAL] if usual else [])]


def measure(receiver: str, broker: RealBroker, load: Load, folder: Path, *, publishers: int = 2) -> Measured:
    """Let one receiver take a whole load that is published as fast as the broker takes it.

    Raises
    ------
    RuntimeError
        If the receiver does not have every message in ten minutes, or has them so soon that there is no rate to tell.
    """
    folder.mkdir(parents=True)
    with running(broker):
        if receiver.startswith(CHAIN):
            return _measure_chain(receiver, broker, load, folder, publishers)
        return _measure_other(receiver, broker, load, folder, publishers)


def _settings(receiver: str, broker: RealBroker, load: Load) -> dict[str, object]:
    if not receiver.startswith(_WORKERS):
        # As `schouw run` listens to its embedded broker.
        is_ours = isinstance(broker, NatsBroker)
        return {
            "INGEST__CLOCK": "stream",
            "INGEST__LATENESS_SECONDS": load.step_s,
            "MQTT__WHOLE_BROKER": is_ours,
        }
    workers = int(receiver.removeprefix(_WORKERS))
    shards = SHARDS if workers else 0
    return {"INGEST__LATENESS_SECONDS": _PATIENCE_S, "INGEST__WORKERS": max(workers, 1), "MQTT__SHARDS": shards}


def _measure_chain(receiver: str, broker: RealBroker, load: Load, folder: Path, publishers: int) -> Measured:
    is_alone = receiver == ALONE
    site = Installation(
        folder / "data", MQTT__PORT=broker.port, INGEST__PROJECTS=is_alone, **_settings(receiver, broker, load)
    )
    site.folder.mkdir()
    site.call("assets", "import", *map(str, write_register(load, folder)))
    processes = [site.start(name) for name in (("ingest",) if is_alone else ("project", "ingest"))]
    try:
        status = site.folder / "ingest-status.json"
        _await(lambda: status.exists() and json.loads(status.read_bytes()).get("broker_connected"), "ingest", _READY_S)
        journal = Journal(site.folder / "journal.sqlite")
        family = [pid for process in processes for pid in (process.pid, *_children(process.pid))]
        cpu = sum(map(cpu_s, family))
        with _published(load, broker, publishers):
            _await(lambda: _taken(journal) > 0, "a first message", _READY_S)
            before, began = _taken(journal), time.monotonic()
            _await(lambda: _taken(journal) >= load.messages, "all messages in the journal", _LONGEST_S)
            ended = time.monotonic()
        if before >= load.messages:
            raise RuntimeError(
                f"{load.messages} messages were taken at once, which gives no rate; publish more of them"
            )
        spent, peak = sum(map(cpu_s, family)) - cpu, sum(map(_peak_mb, family))
        tally = journal.tally()
        journal.close()
        _await(site.is_projected, "everything behind the API", _LONGEST_S)
        behind_s = time.monotonic() - ended
        if tally.get("messages_dead_lettered", 0) or tally.get("messages_quarantined", 0):
            raise RuntimeError(f"the load was not taken as it is: {tally}")
    finally:
        for process in reversed(processes):
            stop(process)
    rate, cpu_us = (load.messages - before) / (ended - began), 1e6 * spent / load.messages
    return Measured(receiver, broker.name, load.messages, rate, cpu_us, peak, behind_s)


def _taken(journal: Journal) -> int:
    tally = journal.tally()
    return tally.get("messages_decoded", 0) + tally.get("messages_dead_lettered", 0)


def _measure_other(receiver: str, broker: RealBroker, load: Load, folder: Path, publishers: int) -> Measured:
    lines = folder / "lines"
    if receiver == _SUBSCRIBER:
        topics = [part for kind in ("waveform", "reading") for part in ("-t", f"infra/v1/+/+/+/{kind}")]
        command = [receiver, "-h", broker.host, "-p", str(broker.port), "-q", "1", "-c", "-i", "bench-sub", *topics]
        command += ["-C", str(load.messages), "-F", "%U"]
    else:
        command = [sys.executable, "-m", "tests.performance.receivers", receiver, str(broker.port)]
        command += [str(load.messages), str(folder)]
    with lines.open("wb") as out:
        process = subprocess.Popen(command, stdout=out)
    try:
        if receiver == _SUBSCRIBER:
            time.sleep(1.0)  # it does not say when it has subscribed; its session keeps what comes after
        else:
            _await((folder / "ready").exists, f"the subscription of {receiver}", _READY_S)
        with _published(load, broker, publishers):
            cpu, peak = _await_end(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if receiver == _SUBSCRIBER:
        stamps = lines.read_text().split()
        count, seconds = len(stamps), float(stamps[-1]) - float(stamps[0])
    else:
        result = json.loads((folder / "result.json").read_text())
        count, seconds = int(result["messages"]), float(result["seconds"])
    if count < load.messages:
        raise RuntimeError(f"{receiver} received {count} of {load.messages} messages; see its broker's log")
    return Measured(receiver, broker.name, count, count / seconds, 1e6 * cpu / count, peak)


def _await_end(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Wait for a process, and give its processor time, s, and the largest memory it was seen with, MB."""
    deadline, peak = time.monotonic() + _LONGEST_S, 0.0
    while time.monotonic() < deadline:
        # What the kernel tells of an ended child counts the moment before it became its program.
        with contextlib.suppress(StopIteration, OSError):
            peak = _peak_mb(process.pid)
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime, peak
        time.sleep(_LOOK_S)
    raise RuntimeError(f"{process.args!r} did not end in {_LONGEST_S:.0f} s")


@contextmanager
def _published(load: Load, broker: RealBroker, publishers: int) -> Iterator[list[BaseProcess]]:
    with publishing(load, broker.port, count=publishers) as processes:
        yield processes
        for process in processes:
            process.join(_READY_S)


def _await(condition: Callable[[], object], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(_LOOK_S)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _peak_mb(pid: int) -> float:
    """Give the largest resident memory of a process, MB."""
    line = next(row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
