"""Our own child processes: started on a leash, ended for certain, with what they print in a log.

A child is bound to this process by `service.leash`: the kernel ends it when we die, whatever killed us.
It has a process group of its own, so Ctrl-C in the terminal reaches only us, and we stop the children in
order (`service.supervisor`). What it prints goes to its log file; when it cannot start, the last lines of that file
are in the error. Exit code 2 means that its configuration is wrong, 3 that what it stored is damaged: starting again
would not help, so its sentence is passed on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from domain.errors import ConfigurationError
from service import leash

__all__ = [
    "CONFIGURATION_EXIT_CODE",
    "CORRUPT_EXIT_CODE",
    "ChildProcess",
    "ChildSpec",
    "describe_exit",
    "end_process",
    "leashed",
    "log_tail",
    "open_log",
    "start_leashed",
]

CONFIGURATION_EXIT_CODE: Final = 2  # what our command line answers for a wrong setting or option
CORRUPT_EXIT_CODE: Final = 3  # what it answers for stored bytes that are not what was written
_LOG_BYTES_MAX: Final = 10_000_000  # at a start a larger log is set aside, so a folder holds at most two of them
_TAIL_LINES: Final = 8


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


def start_leashed(
    argv: Sequence[str],
    log: IO[bytes],
    *,
    death_signal: signal.Signals,
    environment: Mapping[str, str | None] | None = None,
    handles: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a command on the leash, in a process group of its own and with its output in a log.

    Parameters
    ----------
    environment : mapping of str to str or None, optional
        Put over the environment of this process; None leaves a name out.
    handles : sequence of int
        Open files that it gets under the same numbers.
    """
    theirs = {**os.environ, **(environment or {})}
    return subprocess.Popen(  # noqa: S603 -- our own command
        leashed(argv, death_signal=death_signal),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={name: value for name, value in theirs.items() if value is not None},
        process_group=0,
        pass_fds=handles,
    )


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
    environment : mapping of str to str or None
        Put over the environment of this process; None leaves a name out.
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
    environment: Mapping[str, str | None] = field(default_factory=dict)
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
            self._process = start_leashed(
                self.spec.argv,
                log,
                death_signal=signal.SIGKILL,
                environment=self.spec.environment,
                handles=self.spec.handles,
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
            said = self.output_tail(1).removeprefix("schouw: ")
            return said or f"{self.name} refused its configuration and did not say why"
        tail = self.output_tail()
        said = f"; the end of {self.spec.log_file}:\n{tail}" if tail else f"; {self.spec.log_file} says nothing"
        return f"{self.name} ended with {describe_exit(code)}{said}"

    def stop(self) -> int | None:
        """End it: SIGTERM, wait, SIGKILL; give the exit code, None when there is nothing to stop."""
        if self._process is None:
            return None
        return end_process(self._process, timeout_seconds=self.spec.stop_seconds)
