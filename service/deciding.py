"""`schouw decide` and `schouw export`: the stores on the command line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast, get_args

from domain.errors import ConfigurationError, DecisionError
from domain.identifiers import AssetId
from domain.records import EVENT_VERBS, Decision, DecisionVerb
from service.export import ExportKind, write_export
from service.folder import check_installed
from service.series_store import open_series
from service.settings import Settings
from service.whole_file import whole_file
from storage.advisory import SqlAdvisoryStore
from storage.database import check_schema, open_database
from storage.decisions import JournalDecisionLog
from storage.event_alarms import alarms_of, unjudged
from storage.journal import Journal
from storage.protocols import DecisionDraft

__all__ = ["decide_event", "decide_once", "export_table"]


def decide_once(
    settings: Settings,
    *,
    verb: DecisionVerb,
    by: str,
    reason: str,
    alarm: str | None,
    asset: AssetId | None,
    assessment: str | None,
    due: str | None,
    condition: int | None,
    failed_on: str | None,
    now_ns: int,
) -> Decision:
    """Append one decision.

    Raises
    ------
    DecisionError
        If it is about nothing that is known.
    """
    with _opened(settings) as (store, log):
        if alarm is not None:
            known = store.alarm(alarm)
            if known is None:
                raise DecisionError(f"got alarm {alarm!r}, expected one of GET /v1/alarms")
            if asset is not None and asset != known.asset:
                raise DecisionError(f"got asset {asset!r}, expected {known.asset!r}, which the alarm is about")
            asset = known.asset
        if asset is None or store.asset(asset) is None:
            raise DecisionError(f"got asset {asset!r}, expected --alarm or an --asset of the register")
        if assessment is None:
            newest = store.risk(asset)
            assessment = newest.assessment_id if newest is not None else None
        draft = DecisionDraft(asset, verb, by, reason, alarm, assessment, due, condition, failed_on=failed_on)
        return log.append(draft, decided_at_ns=now_ns)


def decide_event(
    settings: Settings, event: str, *, verb: DecisionVerb, by: str, reason: str, now_ns: int
) -> Sequence[Decision]:
    """Append a decision for each alarm of an event that nobody confirmed or dismissed yet, all or none.

    Raises
    ------
    DecisionError
        If there is no such event or nothing is left of it, or the verb is about one structure.
    """
    if verb not in EVENT_VERBS:
        raise DecisionError(f"got `{verb.value}` for an event, expected one of {', '.join(EVENT_VERBS)}")
    with _opened(settings) as (store, log):
        alarms = alarms_of(store, event)
        if not alarms:
            raise DecisionError(f"got event {event!r}, expected an `eventId` of GET /v1/alarms")
        left = unjudged(alarms)
        if not left:
            raise DecisionError(f"got event {event!r}, each alarm of which was confirmed or dismissed already")
        drafts = []
        for alarm in left:
            newest = store.risk(alarm.asset)
            assessment = None if newest is None else newest.assessment_id
            drafts.append(DecisionDraft(alarm.asset, verb, by, reason, alarm.id, assessment, event_id=event))
        return log.append_all(drafts, decided_at_ns=now_ns)


def export_table(settings: Settings, kind: str, out: Path | None) -> int:
    """Write one table as CSV; a file appears whole or not at all."""
    if kind not in get_args(ExportKind):
        raise ConfigurationError(f"got export {kind!r}, expected one of {', '.join(get_args(ExportKind))}")
    with _opened(settings) as (store, log), contextlib.closing(open_series(settings)) as series:
        if out is None:
            return write_export(cast("ExportKind", kind), store, series, log, sys.stdout)
        try:
            with whole_file(out) as part, part.open("w", newline="", encoding="utf-8") as text:
                rows = write_export(cast("ExportKind", kind), store, series, log, text)
        except OSError as error:
            raise ConfigurationError(
                f"{str(out)!r} cannot be written ({error.strerror}); give another file with --out"
            ) from error
        return rows


@contextlib.contextmanager
def _opened(settings: Settings) -> Iterator[tuple[SqlAdvisoryStore, JournalDecisionLog]]:
    check_installed(settings)
    with contextlib.ExitStack() as ends:
        engine = open_database(settings.database_address)
        ends.callback(engine.dispose)
        check_schema(engine)
        store = SqlAdvisoryStore(engine)

        def alarm_kind(alarm_id: str) -> str | None:
            alarm = store.alarm(alarm_id)
            return alarm.kind if alarm is not None else None

        journal = Journal(settings.journal_path)
        ends.callback(journal.close)
        yield store, JournalDecisionLog(journal, alarm_kind)
