"""Parts that are kept running, with real processes: no silent death, no endless restart."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from domain.errors import ConfigurationError, StorageCorrupt
from service.processes import ChildProcess, ChildSpec
from service.supervisor import (
    ChildFailed,
    PartEnded,
    PartRestarted,
    PartStarted,
    PartStopped,
    ProcessEvent,
    Supervisor,
)
from tests.children import SLEEP, spec
from tests.servers import wait_until


def supervise(
    parts: list[ChildProcess], events: list[ProcessEvent], *, stop_order: list[str] | None = None, settle: float = 0.05
) -> Supervisor:
    return Supervisor(
        parts,
        emit=events.append,
        stop_order=stop_order,
        settle_seconds=settle,
        attempts=3,
        retry_seconds=0.02,
        retry_seconds_max=0.1,
    )


def test_a_killed_child_is_started_again(tmp_path: Path, children: list[ChildProcess]) -> None:
    child = ChildProcess(spec("ingest", SLEEP, tmp_path))
    children.append(child)
    events: list[ProcessEvent] = []
    supervisor = supervise([child], events)
    supervisor.start()
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)

    def restarted() -> bool:
        supervisor.check()
        return any(isinstance(event, PartRestarted) for event in events)

    wait_until(restarted, "the restart")
    assert child.pid != first
    assert child.poll() is None
    supervisor.stop()
    assert [type(event) for event in events] == [PartStarted, PartEnded, PartRestarted, PartStopped]
    assert isinstance(events[1], PartEnded)
    assert "killed by SIGKILL" in events[1].how


def test_parts_are_stopped_in_the_given_order(tmp_path: Path, children: list[ChildProcess]) -> None:
    children.extend(ChildProcess(spec(name, SLEEP, tmp_path)) for name in ("broker", "ingest", "api"))
    events: list[ProcessEvent] = []
    supervisor = supervise(children, events, stop_order=["ingest", "api", "broker"])
    supervisor.start()
    supervisor.stop()
    supervisor.stop()
    assert [event.name for event in events if isinstance(event, PartStopped)] == ["ingest", "api", "broker"]
    assert [event.name for event in events if isinstance(event, PartStarted)] == ["broker", "ingest", "api"]


def test_a_wrong_configuration_is_reported_in_its_own_words_and_ends_all(
    tmp_path: Path, children: list[ChildProcess]
) -> None:
    good = ChildProcess(spec("ingest", SLEEP, tmp_path))
    code = "import sys; print('starting'); print('api.port: got 0, expected 1 to 65535', file=sys.stderr); sys.exit(2)"
    bad = ChildProcess(spec("api", code, tmp_path))
    children.extend([good, bad])
    supervisor = supervise(children, [])
    supervisor.start()
    wait_until(lambda: bad.poll() is not None, "its end")
    with pytest.raises(ConfigurationError) as caught:
        supervisor.check()
    assert str(caught.value) == "api.port: got 0, expected 1 to 65535"
    assert good.poll() == -signal.SIGTERM


def test_damage_is_reported_in_its_own_words_and_ends_all(tmp_path: Path, children: list[ChildProcess]) -> None:
    good = ChildProcess(spec("api", SLEEP, tmp_path))
    code = "import sys; print('journal: SQLite found page 7 damaged', file=sys.stderr); sys.exit(3)"
    bad = ChildProcess(spec("ingest", code, tmp_path))
    children.extend([good, bad])
    supervisor = supervise(children, [])
    supervisor.start()
    wait_until(lambda: bad.poll() is not None, "its end")
    with pytest.raises(StorageCorrupt, match=r"^journal: SQLite found page 7 damaged$"):
        supervisor.check()
    assert good.poll() == -signal.SIGTERM


def test_a_child_that_never_starts_well_is_given_up(tmp_path: Path, children: list[ChildProcess]) -> None:
    bad = ChildProcess(spec("api", "raise RuntimeError('no such table')", tmp_path))
    children.append(bad)
    events: list[ProcessEvent] = []
    supervisor = supervise(children, events, settle=60.0)
    supervisor.start()

    def check_for_ever() -> None:
        while True:
            supervisor.check()
            time.sleep(0.01)

    with pytest.raises(ChildFailed, match=r"gave up after 3 starts: api ended with exit code 1(?s:.*)no such table"):
        check_for_ever()
    assert [event.retry_seconds for event in events if isinstance(event, PartEnded)] == [0.02, 0.04]


def test_a_child_whose_work_has_an_end_is_not_started_again(tmp_path: Path, children: list[ChildProcess]) -> None:
    child = ChildProcess(spec("replay", "pass", tmp_path, may_end=True))
    children.append(child)
    events: list[ProcessEvent] = []
    supervisor = supervise(children, events)
    supervisor.start()
    wait_until(lambda: child.poll() is not None, "its end")
    supervisor.check()
    supervisor.check()
    assert supervisor.is_finished("replay")
    assert events[-1] == PartStopped("replay", "exit code 0")
    assert len(events) == 2


def test_a_part_that_cannot_start_stops_those_before_it(tmp_path: Path, children: list[ChildProcess]) -> None:
    first = ChildProcess(spec("ingest", SLEEP, tmp_path))
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    second = ChildProcess(ChildSpec("api", (sys.executable, "-c", SLEEP), blocked / "api.log"))
    children.extend([first, second])
    with pytest.raises(ConfigurationError, match="cannot be written"):
        supervise(children, []).start()
    assert first.poll() == -signal.SIGTERM


def test_parts_start_from_the_main_thread_only(tmp_path: Path) -> None:
    """The kernel's death signal belongs to the starting thread: a helper thread that ends would take them along."""
    supervisor = supervise([ChildProcess(spec("ingest", SLEEP, tmp_path))], [])
    raised: list[Exception] = []

    def start() -> None:
        try:
            supervisor.start()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(raised[0])


def test_a_stop_order_that_forgets_a_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected each of"):
        supervise([ChildProcess(spec("ingest", SLEEP, tmp_path))], [], stop_order=["api"])
