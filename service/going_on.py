"""The start of ingest: from what was saved, or, where models of another version saved it, by learning again first.

Loading takes seconds for thousands of sensors, and learning again minutes for years of many structures. Meanwhile the
broker holds what comes, decisions and registers wait in the journal, and `/readyz`, the pages, the log and ingest's
status file say what it does and how far it is.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from domain.errors import OtherModelVersion, StorageUnavailable
from service.clock_policy import ClockPolicy, clock_policy
from service.folder import status_path
from service.pipeline import Pipeline
from service.relearning import Relearnt, relearn
from service.restore import open_pipeline
from service.series_store import open_series
from service.settings import Settings
from service.status import IngestStatus, read_status, write_status
from service.telemetry import logger
from storage.journal import Journal

__all__ = ["open_for_ingest"]

_TELL_EVERY_S: Final = 1.0
_LOG_EVERY_S: Final = 30.0
_PAUSE_S: Final = 5.0


def open_for_ingest(settings: Settings, journal: Journal, *, pause: Callable[[float], None] = time.sleep) -> Pipeline:
    """Build the pipeline as it was, with what is kept learnt again where the models have changed.

    Parameters
    ----------
    pause : callable
        Waits so many seconds before time series that are away are asked again.

    Raises
    ------
    StorageCorrupt
        If a snapshot or entry cannot be read.
    StorageUnavailable
        If the journal cannot be read or written now.
    """
    limits = {
        "max_payload_bytes": settings.ingest.max_payload_bytes,
        "head_bytes": settings.storage.dead_letter_head_bytes,
    }
    policy = clock_policy(settings)
    with _telling(settings) as reached:
        try:
            return open_pipeline(journal, policy, **limits, tell=reached.do)
        except OtherModelVersion as error:
            changed = error
        logger().info("relearning_started", saved_by=changed.found, models=changed.expected)
        reached.learn_again(changed)
        return _learn_again(settings, journal, policy, changed, reached, pause, limits)


def _learn_again(
    settings: Settings,
    journal: Journal,
    policy: ClockPolicy,
    changed: OtherModelVersion,
    reached: _Reached,
    pause: Callable[[float], None],
    limits: Mapping[str, int],
) -> Pipeline:
    began = time.monotonic()
    with contextlib.closing(open_series(settings)) as series:

        def away(error: StorageUnavailable) -> None:
            reached.wait_for(str(error))
            pause(max(_PAUSE_S, error.retry_after_s))

        done = relearn(
            journal, series, policy, changed, now_ns=time.time_ns(), progress=reached.move, away=away, **limits
        )
    _log(done, time.monotonic() - began)
    return done.pipeline


@dataclass(slots=True)
class _Reached:
    """What the start does; while it learns again also how much is done, in [0, 1], and what it waits for, in words."""

    doing: str = "reads its journal"
    share: float | None = None
    away: str = ""

    def do(self, doing: str) -> None:
        self.doing = doing

    def learn_again(self, changed: OtherModelVersion) -> None:
        self.doing = f"learns again with model version {changed.expected}, saved was {changed.found}"
        self.share = 0.0

    def move(self, share: float) -> None:
        self.share, self.away = share, ""

    def in_words(self) -> str:
        share = "" if self.share is None else f": {self.share:.0%}"
        return self.doing + share + (f", waits: {self.away}" if self.away else "") + "; the broker holds what comes"

    def wait_for(self, reason: str) -> None:
        if not self.away:  # once for each time, not for each try
            logger().warning("relearning_waits", reason=reason)
        self.away = reason


def _log(done: Relearnt, seconds: float) -> None:
    begun = done.body.from_ns.values()
    logger().info(
        "relearnt",
        models=done.body.after,
        seconds=round(seconds, 1),
        learnt_from="all entries" if done.body.is_whole else "kept hops",
        back_to=_day(min(begun)) if begun else "",
        assets=len(begun),
        alarms_announced=done.announced,
        alarms_left_open=done.left_open,
    )
    if done.body.shortened:
        logger().warning("relearnt_in_part", assets=len(done.body.shortened), first=done.body.shortened[0])
    if done.anew:
        logger().warning("commissioning_anew", assets=len(done.anew), first=done.anew[0])


def _day(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).date().isoformat()


@contextlib.contextmanager
def _telling(settings: Settings) -> Iterator[_Reached]:
    """Tell others once a second how far it is, by a thread: a step may take longer than they would wait."""
    path = status_path(settings)
    stop = threading.Event()
    reached = _Reached()
    before = read_status(path) or _unknown(settings)
    started_ns = time.time_ns()

    def tell() -> None:
        said = time.monotonic()
        while True:
            status = msgspec.structs.replace(
                before,
                pid=os.getpid(),
                at_ns=time.time_ns(),
                started_ns=started_ns,
                broker_connected=False,
                broker_since_ns=started_ns,
                broker_error="not asked while ingest starts",
                starting=reached.in_words(),
                alive_ns=0,
                step="",
            )
            with contextlib.suppress(OSError):
                write_status(path, status)
            if time.monotonic() - said >= _LOG_EVERY_S:
                said = time.monotonic()
                if reached.share is None:
                    logger().info("loading", doing=reached.doing)
                else:
                    logger().info("relearning", percent=round(100 * reached.share))
            if stop.wait(_TELL_EVERY_S):
                return

    thread = threading.Thread(target=tell, name="status of the start", daemon=True)
    thread.start()
    try:
        yield reached
    finally:
        stop.set()
        thread.join()


def _unknown(settings: Settings) -> IngestStatus:
    return IngestStatus(
        pid=0,
        at_ns=0,
        started_ns=0,
        by_stream=settings.ingest.clock == "stream",
        progress_ns=None,
        broker_connected=False,
        broker_since_ns=0,
        broker_error="",
        storage_error="",
        storage_since_ns=0,
        applied_seq=0,
        projections=(),
        queued_messages=0,
        open_readings=0,
        assets=0,
        channels=0,
    )
