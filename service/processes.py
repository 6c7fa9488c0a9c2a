"""Our own child processes: started on a leash, restarted when they die, stopped in order.

A child is bound to this process by `service.leash`: the kernel ends it when we die, whatever killed us.
It has a process group of its own, so Ctrl-C in the terminal reaches only us, and we stop the children in
order. What it prints goes to its log file; when it cannot start, the last lines of that file are in the
error. Exit code 2 means that its configuration is wrong, 3 that what it stored is damaged: starting again would
not help, so its sentence is passed on and everything stops.

The `Supervisor` holds parts in the order of starting: whatever can be started, looked at and stopped,
children and the embedded broker alike. It has no thread of its own; its owner calls `check` a few times a
second, always from the thread that called `start` (the kernel's promise is tied to the starting thread).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Protocol

from domain.errors import ConfigurationError, SchouwError, StorageCorrupt
from service import leash

__all__ = [
    "CONFIGURATION_EXIT_CODE",
    "CORRUPT_EXIT_CODE",
    "ChildFailed",
    "ChildProcess",
    "ChildSpec",
    "Part",
    "PartEnded",
    "PartRestarted",
    "PartStarted",
    "PartStopped",
    "ProcessEvent",
    "Supervisor",
    "describe_exit",
    "end_process",
    "leashed",
    "log_tail",
    "open_log",
]

CONFIGURATION_EXIT_CODE: Final = 2  # what our command line answers for a wrong setting or option
CORRUPT_EXIT_CODE: Final = 3  # what it answers for stored bytes that are not what was written
_LOG_BYTES_MAX: Final = 10_000_000  # at a start a larger log is set aside, so a folder holds at most two of them
_TAIL_LINES: Final = 8


class ChildFailed(SchouwError):
    """A child that keeps dying before it ever ran well; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class PartStarted:
    """A part runs."""

    name: str


@dataclass(frozen=True, slots=True)
class PartEnded:
    """A part ended without being asked to; `how` says it in words."""

    name: str
    how: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class PartRestarted:
    """A part that had ended runs again; `restarts` counts over the life of this supervisor."""

    name: str
    restarts: int


@dataclass(frozen=True, slots=True)
class PartStopped:
    """A part was stopped; `how` says whether it went by itself."""

    name: str
    how: str


ProcessEvent = PartStarted | PartEnded | PartRestarted | PartStopped


class Part(Protocol):
    """Something that runs beside us and can be started again."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def may_end(self) -> bool:
        """Whether ending by itself with exit code 0 is its normal course."""

    def start(self) -> None:
        """Start it; a `ConfigurationError` says what the operator must change."""

    def poll(self) -> int | None:
        """Give the exit code when it has ended, None while it runs."""

    def failure(self) -> str:
        """Say how it ended, with the end of its log."""

    def stop(self) -> int | None:
        """Ask it to end, wait, and insist; give the exit code, None when it was not running."""


def leashed(argv: Sequence[str], *, death_signal: signal.Signals) -> list[str]:
    """Put the leash in front of a command.

    Parameters
    ----------
    argv : sequence of str
        The command; started by the caller, in its main thread.
    death_signal : signal.Signals
        What the command gets when this process dies: SIGTERM where a clean end is worth something, SIGKILL
        where nothing may be left.
    """
    return [sys.executable, "-I", "-S", leash.__file__, str(int(death_signal)), str(os.getpid()), *argv]


def describe_exit(code: int) -> str:
    """Put an exit code into words.

    Examples
    --------
    >>> describe_exit(2), describe_exit(-9)
    ('exit code 2', 'killed by SIGKILL')
    """
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def open_log(path: Path) -> IO[bytes]:
    """Open a log file for a child to append to; a large old one is set aside as `.1` first.

    Raises
    ------
    ConfigurationError
        If the folder cannot be made or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
            path.replace(path.with_name(f"{path.name}.1"))
        return path.open("ab")
    except OSError as error:
        raise ConfigurationError(
            f"got log file {str(path)!r} that cannot be written ({error.strerror}), expected a folder of ours; "
            "check its owner and SCHOUW_DATA_DIR"
        ) from error


def log_tail(path: Path, *, offset: int = 0, lines: int = _TAIL_LINES) -> str:
    """Give the last lines that a log file holds behind `offset` bytes; empty when there are none."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(min(offset, end), end - 16_384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def end_process(process: subprocess.Popen[bytes], *, timeout_seconds: float) -> int:
    """End a child: SIGTERM, wait, SIGKILL; it is gone when this returns.

    Returns
    -------
    int
        Its exit code, negative for a signal.
    """
    if process.poll() is None:
        process.terminate()
        try:
            return process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How one child is started.

    Attributes
    ----------
    name : str
        What people call it, in events and errors.
    argv : tuple of str
        The command.
    log_file : Path
        Gets what it prints.
    environment : mapping of str to str
        Put over the environment of this process.
    stop_seconds : float
        Time it gets to end by itself before SIGKILL.
    may_end : bool
        True for a child whose work has an end, such as a replay: exit code 0 is then no failure.
    handles : tuple of int
        Open files that the child gets under the same numbers.
    """

    name: str
    argv: tuple[str, ...]
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 10.0
    may_end: bool = False
    handles: tuple[int, ...] = ()


class ChildProcess:
    """One child on a leash; started again after its end by calling `start` again.

    Parameters
    ----------
    spec : ChildSpec
        Command, log file and manner of stopping.
    """

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    @property
    def name(self) -> str:
        """What people call it."""
        return self.spec.name

    @property
    def may_end(self) -> bool:
        """Whether exit code 0 is its normal course."""
        return self.spec.may_end

    @property
    def pid(self) -> int | None:
        """Process number of the last start; None before the first."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the child; it is on the leash before its own code runs.

        Raises
        ------
        ConfigurationError
            If its log file cannot be written.
        """
        self.stop()
        with open_log(self.spec.log_file) as log:
            self._log_offset = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 -- our own command
                leashed(self.spec.argv, death_signal=signal.SIGKILL),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.spec.environment},
                process_group=0,
                pass_fds=self.spec.handles,
            )

    def poll(self) -> int | None:
        """Give the exit code when it has ended, None while it runs or before its first start."""
        return None if self._process is None else self._process.poll()

    def output_tail(self, lines: int = _TAIL_LINES) -> str:
        """Give the last lines it printed since its last start."""
        return log_tail(self.spec.log_file, offset=self._log_offset, lines=lines)

    def failure(self) -> str:
        """Say how it ended, with the end of its log; for exit codes 2 and 3 its own last sentence alone."""
        code = self.poll()
        if code is None:
            return f"{self.name} is running"
        if code in {CONFIGURATION_EXIT_CODE, CORRUPT_EXIT_CODE}:
            return self.output_tail(1) or f"{self.name} refused its configuration and did not say why"
        tail = self.output_tail()
        said = f"; the end of {self.spec.log_file}:\n{tail}" if tail else f"; {self.spec.log_file} says nothing"
        return f"{self.name} ended with {describe_exit(code)}{said}"

    def stop(self) -> int | None:
        """End it: SIGTERM, wait, SIGKILL; give the exit code, None when there is nothing to stop."""
        if self._process is None:
            return None
        return end_process(self._process, timeout_seconds=self.spec.stop_seconds)


@dataclass(slots=True)
class _Course:
    """What the supervisor knows of one part between two looks."""

    part: Part
    started_at: float = 0.0
    failures: int = 0  # in a row, without having run long enough in between
    restarts: int = 0
    has_run_well: bool = False
    retry_at: float | None = None
    finished: bool = False


class Supervisor:
    """Keep parts running, and stop them in order.

    Parameters
    ----------
    parts : sequence of Part
        In the order of starting; stopped in reverse, unless `stop_order` says otherwise.
    emit : callable
        Gets one event for each change of state.
    stop_order : sequence of str, optional
        Names of all parts in the order of stopping: senders first, the broker last.
    settle_seconds : float
        A part that ran this long has started well; its count of failures begins anew.
    attempts : int
        A part that fails this many times in a row without ever having started well ends everything.
    retry_seconds, retry_seconds_max : float
        First wait before a restart, doubled each time, and its limit.
    monotonic : callable
        Clock in seconds, for tests.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        emit: Callable[[ProcessEvent], None],
        stop_order: Sequence[str] | None = None,
        settle_seconds: float = 10.0,
        attempts: int = 4,
        retry_seconds: float = 0.5,
        retry_seconds_max: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        names = [part.name for part in parts]
        order = list(reversed(names)) if stop_order is None else list(stop_order)
        if sorted(order) != sorted(set(names)):
            raise ValueError(f"got stop order {order}, expected each of {names} once")
        self._courses = {part.name: _Course(part) for part in parts}
        self._stop_order = order
        self._emit = emit
        self._settle_seconds = settle_seconds
        self._attempts = attempts
        self._retry_seconds = retry_seconds
        self._retry_seconds_max = retry_seconds_max
        self._monotonic = monotonic

    def start(self) -> None:
        """Start all parts in order; if one cannot start, stop those that run.

        Raises
        ------
        ConfigurationError
            If the operator must change something first.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("parts are started from the main thread: children die with the thread that started them")
        try:
            for course in self._courses.values():
                course.part.start()
                course.started_at = self._monotonic()
                self._emit(PartStarted(course.part.name))
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Look at every part once, and start again what ended and has waited long enough.

        Raises
        ------
        ConfigurationError
            If a part says that its configuration is wrong; all parts are stopped then.
        ChildFailed
            If a part keeps failing without ever having started well; all parts are stopped then.
        StorageCorrupt
            If a part says that what it stored is damaged; all parts are stopped then.
        """
        try:
            for course in self._courses.values():
                if not course.finished:
                    self._check(course)
        except (ConfigurationError, ChildFailed, StorageCorrupt):
            self.stop()
            raise

    def is_finished(self, name: str) -> bool:
        """Tell whether a part that may end has done its work."""
        return self._courses[name].finished

    def stop(self) -> None:
        """Stop all parts in order; calling it again does nothing more.

        An impatient second Ctrl-C may break this off: the leash then ends what is left with us.
        """
        for name in self._stop_order:
            course = self._courses[name]
            was_running = course.part.poll() is None
            code = course.part.stop()
            if code is not None and was_running:
                self._emit(PartStopped(name, describe_exit(code)))

    def _check(self, course: _Course) -> None:
        now = self._monotonic()
        if course.retry_at is not None:
            if now >= course.retry_at:
                self._restart(course)
            return
        if now - course.started_at >= self._settle_seconds:
            course.has_run_well, course.failures = True, 0
        code = course.part.poll()
        if code is None:
            return
        if code == 0 and course.part.may_end:
            course.finished = True
            self._emit(PartStopped(course.part.name, describe_exit(code)))
            return
        if code == CONFIGURATION_EXIT_CODE:
            raise ConfigurationError(course.part.failure())
        if code == CORRUPT_EXIT_CODE:
            raise StorageCorrupt(course.part.failure())
        course.failures += 1
        if course.failures >= self._attempts and not course.has_run_well:
            raise ChildFailed(f"gave up after {course.failures} starts: {course.part.failure()}")
        wait = min(self._retry_seconds * 2.0 ** (course.failures - 1), self._retry_seconds_max)
        course.retry_at = now + wait
        self._emit(PartEnded(course.part.name, course.part.failure(), wait))

    def _restart(self, course: _Course) -> None:
        course.retry_at = None
        course.part.start()
        course.started_at = self._monotonic()
        course.restarts += 1
        self._emit(PartRestarted(course.part.name, course.restarts))
