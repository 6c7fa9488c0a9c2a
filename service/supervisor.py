"""Parts that run beside us, kept running: started in order, restarted when they die, stopped in order.

The `Supervisor` holds parts in the order of starting: whatever can be started, looked at and stopped,
children (`service.processes`) and the embedded broker alike. It has no thread of its own; its owner calls `check` a
few times a second, always from the thread that called `start` (the kernel's promise is tied to the starting thread).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import ConfigurationError, SchouwError, StorageCorrupt
from service.processes import CONFIGURATION_EXIT_CODE, CORRUPT_EXIT_CODE, describe_exit

__all__ = [
    "ChildFailed",
    "Part",
    "PartEnded",
    "PartRestarted",
    "PartStarted",
    "PartStopped",
    "ProcessEvent",
    "Supervisor",
]


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
