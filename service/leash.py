"""The leash: starts a program so that it ends with whoever started it, even after `kill -9` of the starter.

Run as a script in front of the real command; it imports nothing of ours, so it costs a few milliseconds::

    python -I -S leash.py SIGNAL PARENT_PID PROGRAM [ARGUMENT...]

On Linux it asks the kernel for a signal at the death of its parent (`prctl`, PR_SET_PDEATHSIG, see
prctl(2)) and then becomes the program: same process, same pid. The wish survives `execve` of ordinary
programs. The kernel means the *thread* that started us, so starters keep to a thread that lives as long
as they do; and a parent that died before the wish was made is noticed by comparing pids.

Elsewhere there is no such wish. There the leash stays in front: it starts the program as its own child,
hands signals on, and looks twice a second whether its parent is still the same. A `kill -9` of the leash
itself then leaves the program behind; `service.broker` takes such a leftover over at the next start.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from types import FrameType

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LOOK_SECONDS = 0.5
_PARENT_GONE = 1
_CANNOT_RUN = 127  # what a shell answers for a command that is not there


def _become(death_signal: int, parent_pid: int, argv: list[str]) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        return _watch(death_signal, parent_pid, argv)
    if os.getppid() != parent_pid:
        return _PARENT_GONE
    return os.execvp(argv[0], argv)  # noqa: S606 -- no shell is wanted


def _watch(death_signal: int, parent_pid: int, argv: list[str]) -> int:
    # What the starter left open for the program is for the program.
    with subprocess.Popen(argv, close_fds=False) as program:  # noqa: S603 -- the starter's own command

        def hand_on(number: int, _frame: FrameType | None) -> None:
            program.send_signal(number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, hand_on)
        while program.poll() is None:
            if os.getppid() != parent_pid:
                program.send_signal(death_signal)
                return program.wait()
            time.sleep(_LOOK_SECONDS)
        return program.returncode


def main(arguments: list[str]) -> int:
    """Put the command in `arguments` on the leash.

    Parameters
    ----------
    arguments : list of str
        Number of the signal to send at the parent's death, pid of the parent, then the command. A first
        word `--watch` takes the way of systems without `prctl`.

    Returns
    -------
    int
        Exit code, when the program is not there or has ended; on Linux a started program never returns.
    """
    watch = arguments[0] == "--watch"
    death_signal, parent_pid, *argv = arguments[1:] if watch else arguments
    take = _become if sys.platform == "linux" and not watch else _watch
    try:
        return take(int(death_signal), int(parent_pid), argv)
    except OSError as error:
        print(f"cannot start {argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 -- a script's only voice
        return _CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
