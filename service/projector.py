"""The projector: journal entries, once applied, into the operational store and the time series.

A thread with connections of its own. A store that is away is tried again with growing pauses and holds
up nothing else; what waits is in the journal. Entries that both stores have, and that snapshots cover,
leave the journal.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from domain.errors import StorageError, StorageUnavailable
from service.telemetry import logger
from storage.journal import Entry, Journal

__all__ = ["Projection", "Projector"]

_PAGE: Final = 64
_IDLE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 15.0
_PRUNE_EVERY_S: Final = 30.0


class Projection(Protocol):
    """A store that is written from the journal, in order and idempotently."""

    def position(self) -> int:
        """Give the sequence of the last entry it has."""

    def project(self, entries: Sequence[Entry]) -> None:
        """Write the entries that follow, all or nothing."""


class Projector:
    """Drains one journal into the projections.

    Parameters
    ----------
    journal_path : Path
        A connection of its own is opened in the thread.
    projections : mapping of str to Projection
        By the name that stands in messages.
    """

    def __init__(self, journal_path: Path, projections: Mapping[str, Projection]) -> None:
        self._journal_path = journal_path
        self._projections = projections
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)
        self.error = ""
        self.error_since_ns = 0
        self.projected_seq = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that something new has been committed."""
        self._wake.set()

    def stop(self, *, timeout_s: float) -> None:
        """Write what is there, then end; what could not be written is in the journal."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        journal = Journal(self._journal_path)
        pause_s, pruned_at = _IDLE_S, time.monotonic()
        try:
            while True:
                stopping = self._stop.is_set()
                self._wake.clear()
                try:
                    moved = self._drain(journal)
                    if time.monotonic() - pruned_at > _PRUNE_EVERY_S:
                        journal.prune(upto=min(self.projected_seq, journal.snapshot_seq()))
                        pruned_at = time.monotonic()
                except StorageUnavailable as error:
                    self._tell(str(error))
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                    if stopping:
                        return
                    self._stop.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter, no secret
                    continue
                except StorageError as error:
                    self._tell(str(error))
                    return
                except Exception as error:
                    self._tell(f"{type(error).__name__}: {error}; start `schouw ingest` again and report it")
                    raise
                self._tell("")
                pause_s = _IDLE_S
                if stopping and not moved:
                    return
                if not moved:
                    self._wake.wait(_IDLE_S)
        finally:
            journal.close()

    def _drain(self, journal: Journal) -> bool:
        applied = journal.applied_seq()
        positions: list[int] = []
        moved = False
        for projection in self._projections.values():
            position = projection.position()
            entries = journal.entries(after=position, upto=applied, limit=_PAGE)
            if entries:
                projection.project(entries)
                position = entries[-1].seq
                moved = True
            positions.append(position)
        self.projected_seq = min(positions, default=applied)
        return moved

    def _tell(self, error: str) -> None:
        """Log once for each change, not for each try."""
        if bool(error) == bool(self.error):
            return
        self.error, self.error_since_ns = error, time.time_ns()
        if error:
            logger().warning("projection_stopped", reason=error)
        else:
            logger().info("projection_resumed")
