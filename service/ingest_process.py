"""Put the ingest process together: one folder, one lock, one journal, one worker."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
import time

from domain.errors import StorageCorrupt
from models.hop_clock import NEVER_NS
from service.folder import only_one, prepare_folder, projections_path, status_path
from service.going_on import open_for_ingest
from service.organisations import budgets_of
from service.pipeline import Pipeline
from service.projection_process import ProjectionsElsewhere, projecting
from service.projector import Projector
from service.readers import ReaderPool
from service.register_commands import keep_budgets
from service.restore import without_collecting
from service.retention import RetentionJob
from service.sessions import check_workers, make_inbox
from service.settings import Settings
from service.status import read_status
from service.telemetry import logger
from service.worker import Worker
from storage.journal import Journal

__all__ = ["run_ingest"]

# A start shall not take longer for it, however large the journal is.
_CHECK_S = 2.0
# Objects that wait are not garbage: a queue of messages holds many times what Python would look through by default.
_COLLECT_BEHIND = 100_000


def run_ingest(settings: Settings) -> None:
    """Run the ingest process until SIGTERM or SIGINT.

    Raises
    ------
    ConfigurationError
        If another ingest process works in the same folder, or the folder cannot be written.
    """
    prepare_folder(settings)
    check_workers(settings)
    with contextlib.ExitStack() as ends:
        ends.enter_context(only_one(settings.data_dir))
        started = time.monotonic()
        journal = ends.enter_context(contextlib.closing(Journal(settings.journal_path)))
        _refuse_damage(journal)
        section = settings.ingest
        with without_collecting():
            pipeline = open_for_ingest(settings, journal)
            if keep_budgets(journal, budgets_of(settings), at_ns=time.time_ns()):
                pipeline.catch_up()
            # What is there stays: to look through it for what may go would cost a part of all messages.
            gc.freeze()
        gc.set_threshold(_COLLECT_BEHIND)
        projector = _projector(settings, pipeline, ends)
        inbox = (
            ReaderPool(settings, lambda: pipeline.live.register_seq) if settings.mqtt.shards else make_inbox(settings)
        )
        worker = Worker(pipeline, inbox, projector, settings, status_path(settings))
        logger().info(
            "ingest_started",
            seconds=round(time.monotonic() - started, 2),
            assets=len(pipeline.live.catalogue.assets),
            applied_seq=pipeline.live.applied_seq,
            clock=section.clock,
        )
        retention = RetentionJob(settings, lambda: _event_ns(pipeline))
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: worker.stop())
        try:
            retention.start()
            worker.run()
        finally:
            retention.stop()
            logger().info("ingest_stopped", model_state=pipeline.live.digest())


def _projector(settings: Settings, pipeline: Pipeline, ends: contextlib.ExitStack) -> Projector | ProjectionsElsewhere:
    """Give what writes the projections: ourselves, or a process that we only look at."""
    if settings.ingest.projects is False:
        return ProjectionsElsewhere(projections_path(settings), lambda: pipeline.live.applied_seq)
    before = read_status(status_path(settings))
    return ends.enter_context(projecting(settings, before.projections if before is not None else ()))


def _event_ns(pipeline: Pipeline) -> int | None:
    """Give now by the clock in use; None while a stream has no time yet."""
    if not pipeline.policy.by_stream:
        return time.time_ns()
    progress_ns = pipeline.live.tracker.clock.progress_ns
    return progress_ns if progress_ns > NEVER_NS else None


def _refuse_damage(journal: Journal) -> None:
    """Look for damage before anything is built on it; briefly, `schouw doctor` looks at everything."""
    faults = journal.check(seconds=_CHECK_S)
    if faults:
        raise StorageCorrupt(
            f"journal {journal.path.name}: SQLite found {'; '.join(faults[:3])}; nothing was started: run `schouw "
            "doctor`, which says what is missing, keep the folder, and restore a backup with `schouw restore`"
        )
