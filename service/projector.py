"""The projector: journal entries, once applied, into the operational store and the time series.

Every projection drains by itself, in a thread with a journal connection of its own: its own position,
pauses, error and backlog. A store that is away is tried again with growing pauses and holds up nothing
else; what waits for it is in the journal, which is pruned behind the slowest.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from domain.errors import SchouwError, StorageCorrupt, StorageError, StorageUnavailable
from service.status import ProjectionStatus
from service.telemetry import logger
from storage.journal import Entry, Journal

__all__ = ["Projection", "Projector"]

_PAGE: Final = 64
_IDLE_S: Final = 0.5
# A store that keeps up waits this long for more entries: of most rows only the newest in a page is written, so larger
# pages cost less in all. It bounds what the pages of a planner lag behind.
_GATHER_S: Final = 0.2
# One that has a hard time waits twice as long as it worked: with 50,000 channels a page rewrites the newest of each.
_REST: Final = 2.0
_LONGEST_REST_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 15.0
# A store may ask for a longer pause (Retry-After), but not for one that looks like being stuck.
_LONGEST_WISH_S: Final = 300.0
_PRUNE_EVERY_S: Final = 30.0


class Projection(Protocol):
    """A store that is written from the journal, in order and idempotently."""

    def position(self) -> int:
        """Give the sequence of the last entry it has."""

    def project(self, entries: Sequence[Entry]) -> None:
        """Write the entries that follow, so that the position is behind them or, on an error, where it was."""


class Projector:
    """Drains one journal into the projections.

    Parameters
    ----------
    journal_path : Path
        Every thread opens a connection of its own.
    projections : mapping of str to Projection
        By the name that stands in messages.
    behind_since_ns : mapping of str to int, optional
        Since when a projection was behind in the run before, so that a restart does not make it look fresh.
    needs_all : collection of str, optional
        Names of those that must have every entry: one whose next entries have left the journal is not written on,
        since what they said would be missing from it without a word.
    """

    def __init__(
        self,
        journal_path: Path,
        projections: Mapping[str, Projection],
        *,
        behind_since_ns: Mapping[str, int] | None = None,
        needs_all: Collection[str] = (),
    ) -> None:
        self._journal_path = journal_path
        before = behind_since_ns or {}
        self._drains = [
            _Drain(journal_path, name, projection, behind_since_ns=before.get(name, 0), needs_all=name in needs_all)
            for name, projection in projections.items()
        ]
        self._stop = threading.Event()
        self._pruner = threading.Thread(target=self._prune, name="journal-pruner", daemon=True)

    @property
    def projected_seq(self) -> int:
        """The last entry that every projection has."""
        return min((drain.seq for drain in self._drains), default=0)

    def states(self) -> list[ProjectionStatus]:
        """Tell how each projection is doing."""
        return [drain.state() for drain in self._drains]

    def start(self) -> None:
        """Begin."""
        for drain in self._drains:
            drain.start()
        self._pruner.start()

    def wake(self) -> None:
        """Say that something new has been committed."""
        for drain in self._drains:
            drain.wake()

    def stop(self, *, timeout_s: float) -> None:
        """Write what is there, then end; what could not be written is in the journal."""
        deadline = time.monotonic() + timeout_s
        self._stop.set()
        for drain in self._drains:
            drain.ask_to_stop()
        for drain in self._drains:
            drain.join(max(0.0, deadline - time.monotonic()))
        self._pruner.join(max(0.0, deadline - time.monotonic()))

    def _prune(self) -> None:
        """Take out of the journal, now and then, what every projection has and a snapshot covers."""
        journal = Journal(self._journal_path)
        failed = False
        try:
            while not self._stop.wait(_PRUNE_EVERY_S):
                try:
                    journal.prune(upto=min(self.projected_seq, journal.snapshot_seq()))
                except StorageError as error:
                    if not failed:
                        logger().warning("journal_not_pruned", reason=str(error))
                    failed = True
                else:
                    failed = False
        finally:
            journal.close()


class _Drain:
    """One projection and the thread that writes it."""

    def __init__(
        self, journal_path: Path, name: str, projection: Projection, *, behind_since_ns: int, needs_all: bool
    ) -> None:
        self._journal_path = journal_path
        self._name = name
        self._projection = projection
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"projector {name}", daemon=True)
        self._error = ""
        self._error_since_ns = 0
        self._applied = 0
        self._behind_since_ns = behind_since_ns
        self._needs_all = needs_all
        # Where this projection was left, or seen to be followed by all that the journal wrote.
        self._followed_seq = -1
        self.seq = 0

    def state(self) -> ProjectionStatus:
        return ProjectionStatus(
            name=self._name,
            seq=self.seq,
            backlog_entries=max(self._applied - self.seq, 0),
            behind_since_ns=self._behind_since_ns,
            error=self._error,
            error_since_ns=self._error_since_ns,
        )

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def ask_to_stop(self) -> None:
        self._stop.set()
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        journal = Journal(self._journal_path)
        pause_s, worked_s = _IDLE_S, 0.0
        try:
            while True:
                stopping, began = self._stop.is_set(), time.monotonic()
                self._wake.clear()
                try:
                    moved = self._drain(journal)
                except StorageUnavailable as error:
                    self._tell(str(error))
                    self._look(journal)
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                    if stopping:
                        return
                    wish_s = min(error.retry_after_s, _LONGEST_WISH_S)
                    self._stop.wait(max(pause_s * random.uniform(0.5, 1.0), wish_s))  # noqa: S311 -- jitter, no secret
                    continue
                except SchouwError as error:
                    self._tell(str(error))
                    return
                except Exception as error:
                    self._tell(f"{type(error).__name__}: {error}; start `schouw ingest` again and report it")
                    raise
                self._tell("")
                pause_s = _IDLE_S
                worked_s += time.monotonic() - began
                if stopping and not moved:
                    return
                if not moved:
                    self._wake.wait(_IDLE_S)
                elif self.seq >= self._applied:
                    self._stop.wait(min(max(_GATHER_S, _REST * worked_s), _LONGEST_REST_S))
                    worked_s = 0.0
        finally:
            journal.close()

    def _drain(self, journal: Journal) -> bool:
        """Write the next entries; False when there are none."""
        self._note(self._projection.position(), journal.applied_seq())
        if self.seq > self._applied:
            # Going on would leave out whatever the journal writes under the numbers in between.
            raise StorageCorrupt(
                f"{self._name}: has entries up to {self.seq}, the journal only up to {self._applied}: it was written "
                "from another journal, or before an older copy of this one took its place; restore a whole backup"
            )
        if self._needs_all and self.seq != self._followed_seq:
            if lost := journal.lost_entries(after=self.seq):
                raise StorageCorrupt(f"{self._name}: {lost}")
            self._followed_seq = self.seq
        entries = journal.entries(after=self.seq, upto=self._applied, limit=_PAGE)
        if not entries:
            return False
        self._projection.project(entries)
        self._note(entries[-1].seq, self._applied)
        self._followed_seq = self.seq
        return True

    def _look(self, journal: Journal) -> None:
        """See how far the journal has moved on meanwhile; only for the state that is told."""
        try:
            self._note(self.seq, journal.applied_seq())
        except StorageError:
            return

    def _note(self, seq: int, applied: int) -> None:
        self.seq, self._applied = seq, applied
        if seq >= applied:
            self._behind_since_ns = 0
        elif not self._behind_since_ns:
            self._behind_since_ns = time.time_ns()

    def _tell(self, error: str) -> None:
        """Log once for each change of state, not for each try; the newest words are kept."""
        changed = bool(error) != bool(self._error)
        if changed:
            since_ns, self._error_since_ns = self._error_since_ns, time.time_ns()
        self._error = error
        if changed and error:
            logger().warning("projection_stopped", projection=self._name, reason=error)
        elif changed:
            seconds = (self._error_since_ns - since_ns) // 1_000_000_000
            logger().info("projection_resumed", projection=self._name, seconds=seconds)
