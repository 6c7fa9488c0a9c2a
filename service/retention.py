"""What is old is removed: by a thread of ingest every hour, or by `schouw retain`; never from the decision log.

Event time counts by the clock in use (design.md D1), the time of arrival by the wall's. Each kind goes in steps of a
few milliseconds with a pause behind each, so that commits hardly wait. What was removed is written into
`retention.jsonl`, a line for each run that removed something. Messages in quarantine are given up by the worker itself,
since they are accounted for in a commit of their own.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from domain.errors import SchouwError
from service.databases import ACCESS, databases, opened
from service.settings import Settings
from service.telemetry import logger
from storage import retention as steps
from storage.access_tables import audit_table
from storage.decisions import assessments_decided_on
from storage.journal import Journal
from storage.series import SqliteSeries
from storage.tables import dead_letter_table

__all__ = ["Removal", "RetentionJob", "days_before", "note_expired", "report_path", "retain"]

_DAY_NS: Final = 86_400_000_000_000
# Behind each step of a few milliseconds: most of the time belongs to those who commit.
_PAUSE_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Removal:
    """What was removed of one kind, or would be.

    Attributes
    ----------
    kind : str
    rows : int
    before_ns : int
        Everything older is gone: event time, or time of arrival, as `docs/retention.md` says for each kind.
    """

    kind: str
    rows: int
    before_ns: int


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    before_ns: int
    count: Callable[[], int]
    remove: Callable[[], Iterator[int]]


def days_before(now_ns: int, days: float) -> int:
    """Give the moment so many days ago."""
    return now_ns - round(days * _DAY_NS)


def report_path(settings: Settings) -> Path:
    """Give the file that says what was removed."""
    return settings.data_dir / "retention.jsonl"


def retain(
    settings: Settings,
    *,
    event_ns: int,
    now_ns: int,
    dry_run: bool = False,
    pause: Callable[[], bool] = lambda: False,
) -> list[Removal]:
    """Remove everything that is old, but for the quarantine, and write down what that was.

    Parameters
    ----------
    event_ns : int
        Now by the clock in use.
    now_ns : int
        Now by the wall's clock.
    dry_run : bool
        Only count.
    pause : callable
        Called behind each step; True ends the run, the rest is for the next one.

    Raises
    ------
    StorageUnavailable
        If a store is away; what was removed until then is written down.
    """
    removed: list[Removal] = []
    with contextlib.ExitStack() as stack:
        try:
            for kind in _kinds(settings, stack, event_ns, now_ns):
                rows = 0
                if dry_run:
                    rows = kind.count()
                else:
                    for more in kind.remove():
                        rows += more
                        if pause():
                            removed.append(Removal(kind.name, rows, kind.before_ns))
                            return removed
                removed.append(Removal(kind.name, rows, kind.before_ns))
        finally:
            if not dry_run:
                _write_down(report_path(settings), removed, now_ns)
    return removed


def _kinds(settings: Settings, stack: contextlib.ExitStack, event_ns: int, now_ns: int) -> Iterator[_Kind]:
    """List what there is, each store opened when its turn comes."""
    section = settings.retention
    journal = Journal(settings.journal_path)
    stack.callback(journal.close)
    horizon = steps.Horizon(
        days_before(event_ns, section.kept_readings_days), round(section.kept_readings_days * _DAY_NS)
    )
    yield _Kind(
        "kept readings of closed hops",
        horizon.before_ns,
        partial(steps.count_hops, journal, horizon),
        partial(steps.remove_hops, journal, horizon),
    )
    arrived = days_before(now_ns, section.arrival_keys_days)
    yield _Kind(
        "keys of messages known by their bytes",
        arrived,
        partial(steps.count_arrivals, journal, arrived),
        partial(steps.remove_arrivals, journal, arrived),
    )
    if settings.influx.url is None:
        series = SqliteSeries(settings.series_path)
        stack.callback(series.close)
        for table, name, days in (("reading", "readings", section.readings_days), ("hop", "hops", section.hops_days)):
            if days:
                before = days_before(event_ns, days)
                yield _Kind(
                    name,
                    before,
                    partial(series.count_old, table, before),  # type: ignore[arg-type]  # one of two names
                    partial(series.remove_old, table, before),  # type: ignore[arg-type]  # see above
                )
    engine = stack.enter_context(opened(settings.database_address))
    letters, received = days_before(now_ns, section.dead_letters_days), dead_letter_table.c.received_at_ns
    yield _Kind(
        "dead letters",
        letters,
        partial(steps.count_before, engine, received, letters),
        partial(steps.remove_before, engine, received, letters),
    )
    assessed = days_before(event_ns, section.assessments_days)
    kept = assessments_decided_on(journal)
    yield _Kind(
        "assessments",
        assessed,
        partial(steps.count_assessments, engine, assessed, kept),
        partial(steps.remove_assessments, engine, assessed, kept),
    )
    trail, at = days_before(now_ns, settings.access.audit_days), audit_table.c.at_ns
    access = next(item for item in databases(settings) if item.name == ACCESS)
    # Before the first start of the API there is no trail.
    if not access.address.startswith("sqlite") or access.file(settings.data_dir).is_file():
        ledger = stack.enter_context(opened(access.address))
        access.upgrade(ledger)
        yield _Kind(
            "audit trail",
            trail,
            partial(steps.count_before, ledger, at, trail),
            partial(steps.remove_before, ledger, at, trail),
        )


def _write_down(path: Path, removed: Sequence[Removal], now_ns: int) -> None:
    rows = {item.kind: {"rows": item.rows, "before": _moment(item.before_ns)} for item in removed if item.rows}
    if rows:
        with path.open("a", encoding="utf-8") as report:
            report.write(json.dumps({"at": _moment(now_ns), "removed": rows}) + "\n")


def note_expired(settings: Settings, messages: int, *, before_ns: int, now_ns: int) -> None:
    """Write down that messages left the quarantine because they were held too long."""
    _write_down(report_path(settings), [Removal("messages in quarantine", messages, before_ns)], now_ns)


def _moment(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).isoformat()


class RetentionJob:
    """The thread of ingest that removes what is old.

    Parameters
    ----------
    settings : Settings
    event_ns : callable
        Now by the clock in use; None while it has no time yet.
    now_ns : callable
        Now by the wall's clock.
    """

    def __init__(
        self, settings: Settings, event_ns: Callable[[], int | None], *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._settings = settings
        self._event_ns = event_ns
        self._now_ns = now_ns
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """End behind the step that is under way."""
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        failed = False
        while not self._stop.wait(60.0 * self._settings.retention.every_minutes):
            event_ns = self._event_ns()
            if event_ns is None:
                continue
            try:
                removed = retain(
                    self._settings, event_ns=event_ns, now_ns=self._now_ns(), pause=lambda: self._stop.wait(_PAUSE_S)
                )
            except (SchouwError, OSError) as error:
                if not failed:
                    logger().warning("retention_failed", reason=f"{error}; it is tried again")
                failed = True
                continue
            failed = False
            if any(item.rows for item in removed):
                logger().info("old_rows_removed", **{item.kind.replace(" ", "_"): item.rows for item in removed})
