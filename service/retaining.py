"""`schouw retain`: what ingest does every hour, by hand."""

from __future__ import annotations

import contextlib

from domain.errors import ConfigurationError, OtherModelVersion
from service.clock_policy import clock_policy
from service.folder import only_one, status_path
from service.restore import open_pipeline
from service.retention import Removal, days_before, note_expired, retain
from service.settings import Settings
from service.status import read_status
from storage.journal import Journal

__all__ = ["retain_once"]


def retain_once(settings: Settings, *, now_ns: int, dry_run: bool) -> list[Removal]:
    """Remove what is old, or count it.

    While ingest runs, messages in quarantine are left to it: it alone may commit what became of them.

    Raises
    ------
    ConfigurationError
        If there is no journal, or nothing says how far its time has come.
    """
    if not settings.journal_path.is_file():
        raise ConfigurationError(f"no journal in {str(settings.data_dir)!r}; give the folder with --data-dir")
    event_ns = _event_ns(settings, now_ns)
    removed = _expire_held(settings, now_ns, dry_run=dry_run)
    return removed + retain(settings, event_ns=event_ns, now_ns=now_ns, dry_run=dry_run)


def _event_ns(settings: Settings, now_ns: int) -> int:
    """Give now by the clock that ingest last had; where its status does not say, no later than the journal has come.

    A restore leaves no status, and which clock was in use stands nowhere else: the wall's would end a replayed history.
    """
    status = read_status(status_path(settings))
    if status is not None and not status.by_stream:
        return now_ns
    if status is not None and status.progress_ns is not None:
        return status.progress_ns
    with contextlib.closing(Journal(settings.journal_path)) as journal:
        try:
            pipeline = open_pipeline(journal, clock_policy(settings), max_payload_bytes=1, head_bytes=0)
        except OtherModelVersion as changed:
            raise ConfigurationError(
                f"got a journal of model version {changed.found} and no word of ingest how far its time has come; "
                "start `schouw ingest` (or `schouw run`) as it was before, so that it learns again, then try again"
            ) from changed
    # A state that has heard no reading is at the beginning of all times: nothing is old.
    return min(now_ns, max(pipeline.live.tracker.clock.progress_ns, 0))


def _expire_held(settings: Settings, now_ns: int, *, dry_run: bool) -> list[Removal]:
    before_ns = days_before(now_ns, settings.retention.quarantine_days)
    with contextlib.closing(Journal(settings.journal_path)) as journal:
        count = journal.count_held_before(before_ns)
        if count and not dry_run:
            try:
                with only_one(settings.data_dir):
                    count = _give_up_all(settings, journal, before_ns)
                    note_expired(settings, count, before_ns=before_ns, now_ns=now_ns)
            except ConfigurationError:
                return []
    return [Removal("messages in quarantine", count, before_ns)]


def _give_up_all(settings: Settings, journal: Journal, before_ns: int) -> int:
    head_bytes = settings.storage.dead_letter_head_bytes
    pipeline = open_pipeline(journal, clock_policy(settings), max_payload_bytes=1, head_bytes=head_bytes)
    pipeline.catch_up()
    total = 0
    while expired := pipeline.expire_held(before_ns=before_ns).tally.get("messages_dead_lettered", 0):
        total += expired
    pipeline.save()
    return total
