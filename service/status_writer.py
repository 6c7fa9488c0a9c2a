"""What ingest says of itself, also while one step of its loop takes longer than others would wait.

The loop says how it is doing once a second, between two steps. A step may take longer: a month without readings is
closed in one commit, and on a machine that others use too a second becomes many. A thread then writes the last
status again, with the step that is under way and since when, so that work is not taken for silence. It knows nothing
of how far the step is; how long one may take before it counts as trouble is decided by who reads (`service.web`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from service.status import IngestStatus, write_status
from service.telemetry import logger

__all__ = ["StatusWriter"]

_LOOK_EVERY_S: Final = 1.0
# The loop tells once a second, so by then it is in one step.
_LATE_NS: Final = 2_000_000_000


class StatusWriter:
    """Writes the status file for the loop, and beside it.

    Parameters
    ----------
    path : Path
        The file.
    now_ns : callable
        The wall clock, Unix nanoseconds.
    """

    def __init__(self, path: Path, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._path = path
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._last: IngestStatus | None = None
        self._step = ("", 0)
        self._is_heard = True
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look every second whether a step takes long."""
        self._thread = threading.Thread(target=self._look_on, name="status of ingest", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End looking."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def begin(self, step: str) -> None:
        """Say what the loop begins now, in words that go behind "ingest"."""
        self._step = (step, self._now_ns())

    def tell(self, status: IngestStatus) -> None:
        """Write how the loop is doing, between two steps."""
        with self._lock:
            self._last = status
            self._write(status)

    def look(self) -> None:
        """Tell of the step that is under way, where the loop has not told anything for a while."""
        with self._lock:
            now_ns, last = self._now_ns(), self._last
            if last is not None and now_ns - last.at_ns > _LATE_NS:
                step, since_ns = self._step
                self._write(msgspec.structs.replace(last, alive_ns=now_ns, step=step, step_since_ns=since_ns))

    def _look_on(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            self.look()

    def _write(self, status: IngestStatus) -> None:
        try:
            write_status(self._path, status)
        except OSError as error:
            if self._is_heard:
                logger().warning("status_not_written", reason=f"{error}; free the disk or mend the folder")
            self._is_heard = False
        else:
            self._is_heard = True
