"""Children with real processes: no orphan, no silent death, no endless restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import ConfigurationError, StorageCorrupt
from service import leash
from service.processes import (
    ChildFailed,
    ChildProcess,
    ChildSpec,
    PartEnded,
    PartRestarted,
    PartStarted,
    PartStopped,
    ProcessEvent,
    Supervisor,
    describe_exit,
    leashed,
    log_tail,
    open_log,
)
from tests.servers import freeze_process, is_alive, wait_until

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def spec(name: str, code: str, folder: Path, *, stop_seconds: float = 5.0, may_end: bool = False) -> ChildSpec:
    return ChildSpec(
        name=name,
        argv=(sys.executable, "-c", code),
        log_file=folder / "log" / f"{name}.log",
        environment={"PYTHONUNBUFFERED": "1"},
        stop_seconds=stop_seconds,
        may_end=may_end,
    )


@pytest.fixture
def children() -> Iterator[list[ChildProcess]]:
    started: list[ChildProcess] = []
    yield started
    for child in started:
        child.stop()


def test_what_a_child_prints_is_in_its_log(tmp_path: Path, children: list[ChildProcess]) -> None:
    child = ChildProcess(spec("ingest", SLEEP, tmp_path))
    children.append(child)
    child.start()
    wait_until(lambda: child.output_tail() == "up", "its first words")
    assert child.poll() is None
    assert child.stop() == -signal.SIGTERM


def test_a_child_is_out_of_reach_of_ctrl_c(tmp_path: Path, children: list[ChildProcess]) -> None:
    child = ChildProcess(spec("ingest", SLEEP, tmp_path))
    children.append(child)
    child.start()
    assert child.pid is not None
    assert os.getpgid(child.pid) == child.pid
    assert os.getpgid(child.pid) != os.getpgid(0)


def test_a_deaf_child_is_killed_after_its_time(tmp_path: Path, children: list[ChildProcess]) -> None:
    child = ChildProcess(spec("api", DEAF, tmp_path, stop_seconds=0.2))
    children.append(child)
    child.start()
    wait_until(lambda: child.output_tail() == "deaf", "its first words")
    assert child.stop() == -signal.SIGKILL


def test_a_stopped_process_can_be_stopped(tmp_path: Path, children: list[ChildProcess]) -> None:
    """A child frozen by SIGSTOP holds SIGTERM back; SIGKILL it cannot."""
    child = ChildProcess(spec("api", SLEEP, tmp_path, stop_seconds=0.2))
    children.append(child)
    child.start()
    wait_until(lambda: child.output_tail() == "up", "its first words")
    assert child.pid is not None
    freeze_process(child.pid)
    assert child.stop() == -signal.SIGKILL


def test_stopping_what_never_ran_is_nothing(tmp_path: Path) -> None:
    child = ChildProcess(spec("api", SLEEP, tmp_path))
    assert child.stop() is None
    assert child.poll() is None
    assert child.pid is None


def test_a_failure_tells_exit_code_and_last_lines(tmp_path: Path, children: list[ChildProcess]) -> None:
    child = ChildProcess(spec("ingest", "print('an old line'); raise SystemExit('the disk is gone')", tmp_path))
    children.append(child)
    child.start()
    wait_until(lambda: child.poll() is not None, "its end")
    assert "ingest ended with exit code 1" in child.failure()
    assert "the disk is gone" in child.failure()


def test_only_the_output_of_the_last_start_is_quoted(tmp_path: Path, children: list[ChildProcess]) -> None:
    log = tmp_path / "log" / "ingest.log"
    log.parent.mkdir()
    log.write_text("from last week\n", encoding="utf-8")
    child = ChildProcess(spec("ingest", "raise SystemExit(5)", tmp_path))
    children.append(child)
    child.start()
    wait_until(lambda: child.poll() is not None, "its end")
    assert "from last week" not in child.failure()
    assert "says nothing" in child.failure()


def test_a_missing_program_is_named(tmp_path: Path, children: list[ChildProcess]) -> None:
    child = ChildProcess(ChildSpec("ingest", ("no-such-program",), tmp_path / "ingest.log"))
    children.append(child)
    child.start()
    wait_until(lambda: child.poll() is not None, "its end")
    assert "cannot start no-such-program: No such file or directory" in child.failure()


def test_kill_nine_of_the_parent_leaves_no_child(tmp_path: Path) -> None:
    parent = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from service.processes import ChildProcess, ChildSpec
        folder = Path({str(tmp_path)!r})
        for name in ("one", "two"):
            child = ChildProcess(ChildSpec(name, (sys.executable, "-c", {DEAF!r}), folder / (name + ".log")))
            child.start()
            print(child.pid, flush=True)
        time.sleep(600)
        """
    )
    root = Path(leash.__file__).resolve().parents[1]
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        pids = [int(process.stdout.readline()) for _ in range(2)]
        wait_until(
            lambda: all(log_tail(tmp_path / f"{name}.log") == "deaf" for name in ("one", "two")), "its first words"
        )
        assert all(is_alive(pid) for pid in pids)
        process.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in pids), "the end of the children")


def test_a_leash_whose_parent_died_first_starts_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = leashed([sys.executable, "-c", f"open({str(mark)!r}, 'w')"], death_signal=signal.SIGKILL)
    command[5] = "999999999"
    assert subprocess.run(command, check=False).returncode == 1
    assert not mark.exists()


def test_the_leash_without_prctl_watches_its_parent() -> None:
    """The way of systems other than Linux, tried here."""
    parent = textwrap.dedent(
        f"""
        import os, subprocess, sys, time
        program = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
        subprocess.Popen([sys.executable, {leash.__file__!r}, "--watch", "15", str(os.getpid()), *program])
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    wait_until(lambda: not is_alive(pid), "the end of the program")


def test_the_leash_without_prctl_hands_signals_on() -> None:
    program = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    command = [sys.executable, leash.__file__, "--watch", "9", str(os.getpid()), *program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.terminate()
        assert process.wait(10) != 0


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


def test_a_large_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.processes._LOG_BYTES_MAX", 10)
    path = tmp_path / "ingest.log"
    path.write_text("more than ten bytes\n", encoding="utf-8")
    with open_log(path) as log:
        log.write(b"new\n")
    assert path.read_text(encoding="utf-8") == "new\n"
    assert (tmp_path / "ingest.log.1").read_text(encoding="utf-8") == "more than ten bytes\n"


def test_the_tail_skips_empty_lines_and_survives_odd_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n\n\xff two\nthree\n\n")
    assert log_tail(path, lines=2) == "\ufffd two\nthree"
    assert log_tail(tmp_path / "absent") == ""


def test_unknown_signals_have_words_too() -> None:
    assert describe_exit(-200) == "killed by signal 200"
