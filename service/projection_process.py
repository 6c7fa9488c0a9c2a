"""The process of the projections: what ingest commits, written into the stores without taking its time.

Ingest and this process share the journal's file and nothing else. Python runs one thread at a time in a process, so
beside ingest the work of decoding whole entries and writing rows would be time that messages wait; here it is another
core's. One lock in the data folder sees to it that only one process writes the stores, this one or ingest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from domain.errors import ConfigurationError, StorageError
from service.folder import only_one, prepare_folder, projections_path, status_path
from service.migration_state import bucket_of, read_migration
from service.projector import Projector
from service.series_store import open_series
from service.settings import Settings
from service.status import (
    STALE_NS,
    ProjectionsStatus,
    ProjectionStatus,
    read_projections,
    read_status,
    write_status,
)
from service.telemetry import logger
from storage.database import open_database, refuse_newer_schema
from storage.journal import Journal
from storage.projection import OperationalProjection

__all__ = ["ProjectionsElsewhere", "projecting", "run_projections"]

# A look at the journal's number costs some ten microseconds; it bounds what the pages of a planner lag behind.
_LOOK_S: Final = 0.05
_STATUS_EVERY_S: Final = 1.0
# Where there are fewer cores than work, messages come first: what is committed may be shown a moment later.
_NICENESS: Final = 3
_GOODBYE_S: Final = 10.0


class ProjectionsElsewhere:
    """What ingest knows of projections that another process writes; takes the place of a `Projector`.

    Parameters
    ----------
    path : Path
        The file in which that process says how it is doing.
    applied_seq : callable
        How far ingest has come.
    now_ns : callable
        The wall clock, Unix nanoseconds.
    """

    def __init__(self, path: Path, applied_seq: Callable[[], int], *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._path = path
        self._applied_seq = applied_seq
        self._now_ns = now_ns
        self._started_ns = now_ns()

    def start(self) -> None:
        """Do nothing: it runs by itself."""

    def stop(self, *, timeout_s: float) -> None:
        """Do nothing: it writes what is there after us."""

    def wake(self) -> None:
        """Do nothing: it looks at the journal."""

    def states(self) -> list[ProjectionStatus]:
        """Tell how each projection is doing, and that none moves when the process is silent."""
        told = read_projections(self._path)
        applied, now_ns = self._applied_seq(), self._now_ns()
        if told is None:
            error = "" if now_ns - self._started_ns < STALE_NS else "has not run here yet; start `schouw project`"
            return [_silent("projections", 0, applied, error, self._started_ns)]
        silent_ns = now_ns - max(told.at_ns, self._started_ns)
        error = ""
        if silent_ns > STALE_NS:
            error = (
                f"its process is silent for {silent_ns // 1_000_000_000} s; it does not run or is stuck, see its log"
            )
        return [
            _silent(item.name, item.seq, applied, error, told.at_ns)
            if error
            else msgspec.structs.replace(item, backlog_entries=max(applied - item.seq, 0))
            for item in told.projections
        ]


def _silent(name: str, seq: int, applied: int, error: str, since_ns: int) -> ProjectionStatus:
    behind = max(applied - seq, 0)
    return ProjectionStatus(
        name=name,
        seq=seq,
        backlog_entries=behind,
        behind_since_ns=since_ns if behind else 0,
        error=error,
        error_since_ns=since_ns if error else 0,
    )


@contextlib.contextmanager
def projecting(settings: Settings, before: Sequence[ProjectionStatus]) -> Iterator[Projector]:
    """Open the stores, and give what drains the journal into them, not started yet.

    Parameters
    ----------
    before : sequence of ProjectionStatus
        What was told last: so that a restart does not make a backlog look fresh.

    Raises
    ------
    ConfigurationError
        If another process writes these stores, the operational one is of a newer program or lacks what has left the
        journal, or a migration into them has not ended.
    """
    with contextlib.ExitStack() as ends:
        ends.enter_context(only_one(settings.data_dir, "projections"))
        engine = open_database(settings.database_address)
        ends.callback(engine.dispose)
        operational = OperationalProjection(engine)
        with contextlib.suppress(StorageError):  # what is away or broken is told while the journal keeps what comes
            refuse_newer_schema(engine)
            _refuse_other_store(settings, operational)
        _refuse_half_bucket(settings)
        series = open_series(settings)
        ends.callback(series.close)
        yield Projector(
            settings.journal_path,
            {"operational store": operational, "time series": series},
            behind_since_ns={item.name: item.behind_since_ns for item in before},
            # Its alarms and assessments are nowhere else. A bucket may begin later: the older points stay where they
            # are, and `schouw doctor` counts what is missing.
            needs_all={"operational store"},
        )


def _refuse_other_store(settings: Settings, operational: OperationalProjection) -> None:
    """Refuse settings that name another store than the one which was written so far: it would stay half empty."""
    with contextlib.closing(Journal(settings.journal_path)) as journal:
        if lost := journal.lost_entries(after=operational.position()):
            raise ConfigurationError(f"operational store: {lost}")


def _refuse_half_bucket(settings: Settings) -> None:
    """Refuse the bucket that a migration has begun to fill: what came would stand beside half of what there was."""
    moving = read_migration(settings.data_dir)
    if moving is not None and settings.influx.url is not None and moving.bucket == bucket_of(settings):
        raise ConfigurationError(
            f"bucket {settings.influx.bucket!r}: a migration into it was broken off; run the same `schouw migrate` "
            "again, or go on with the settings of before"
        )


def run_projections(settings: Settings) -> None:
    """Write projections until SIGTERM or SIGINT.

    Raises
    ------
    ConfigurationError
        If another process writes them, or the folder cannot be written.
    """
    prepare_folder(settings)
    os.nice(_NICENESS)
    path = projections_path(settings)
    stopping = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
    last, ingest = read_projections(path), read_status(status_path(settings))
    before = last.projections if last is not None else ingest.projections if ingest is not None else ()
    with projecting(settings, before) as projector, contextlib.closing(Journal(settings.journal_path)) as journal:
        started_ns = time.time_ns()
        projector.start()
        logger().info("projections_started")
        try:
            _look_after(projector, journal, path, started_ns, stopping)
        finally:
            projector.stop(timeout_s=_GOODBYE_S)
            _tell(path, projector, started_ns)
            logger().info("projections_stopped", projected_seq=projector.projected_seq)


def _look_after(projector: Projector, journal: Journal, path: Path, started_ns: int, stopping: threading.Event) -> None:
    """Wake the projector when the journal has moved on, and tell every second how it goes."""
    seen, next_status = -1, time.monotonic()
    while not stopping.wait(_LOOK_S):
        with contextlib.suppress(StorageError):  # each drain says so itself
            if (applied := journal.applied_seq()) != seen:
                seen = applied
                projector.wake()
        if time.monotonic() >= next_status:
            next_status = time.monotonic() + _STATUS_EVERY_S
            _tell(path, projector, started_ns)


def _tell(path: Path, projector: Projector, started_ns: int) -> None:
    status = ProjectionsStatus(
        pid=os.getpid(), at_ns=time.time_ns(), started_ns=started_ns, projections=projector.states()
    )
    # A disk without room for a few bytes is told by ingest and by the drains.
    with contextlib.suppress(OSError):
        write_status(path, status)
