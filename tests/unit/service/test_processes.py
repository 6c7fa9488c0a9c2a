"""Children with real processes: no orphan, and none that dies without a word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from service import leash
from service.processes import ChildProcess, ChildSpec, describe_exit, leashed, log_tail, open_log
from tests.children import DEAF, SLEEP, spec
from tests.servers import freeze_process, is_alive, wait_until


def test_what_a_child_prints_is_in_its_log(tmp_path: Path, children: list[ChildProcess]) -> None:
    child = ChildProcess(spec("ingest", SLEEP, tmp_path))
    children.append(child)
    child.start()
    wait_until(lambda: child.output_tail() == "up", "its first words")
    assert child.poll() is None
    assert child.stop() == -signal.SIGTERM


def test_a_child_inherits_what_is_not_taken_from_it(
    tmp_path: Path, children: list[ChildProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHOUW_TEST_A", "kept")
    monkeypatch.setenv("SCHOUW_TEST_B", "taken")
    made = spec("ingest", "import os; print(os.environ['SCHOUW_TEST_A'], os.environ.get('SCHOUW_TEST_B'))", tmp_path)
    child = ChildProcess(replace(made, environment={**made.environment, "SCHOUW_TEST_B": None}))
    children.append(child)
    child.start()
    wait_until(lambda: child.poll() == 0, "its end")
    assert child.output_tail() == "kept None"


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


def test_what_a_command_refuses_is_told_in_its_own_words(tmp_path: Path, children: list[ChildProcess]) -> None:
    """With the name of the program once, where who runs it puts the same name before it."""
    code = "print('schouw: the port is taken'); raise SystemExit(2)"
    child = ChildProcess(spec("ingest", code, tmp_path))
    children.append(child)
    child.start()
    wait_until(lambda: child.poll() is not None, "its end")
    assert child.failure() == "the port is taken"


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
