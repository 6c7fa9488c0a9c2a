"""`schouw decide` and `schouw export`: the stores on the command line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast, get_args

from pydantic import ValidationError

from api.decided_on import assessment_decided_on
from api.decision_body import ABOUT_ALARMS, DecisionBody
from api.times import has_come
from domain.errors import ConfigurationError, DecisionError
from domain.identifiers import AssetId
from domain.records import EVENT_VERBS, Decision, DecisionVerb
from service.export import ExportKind, write_export
from service.folder import check_installed
from service.series_store import open_series
from service.settings import Settings
from service.whole_file import whole_text
from storage.advisory import SqlAdvisoryStore
from storage.database import check_schema, open_database
from storage.decisions import JournalDecisionLog
from storage.event_alarms import alarms_of, unjudged
from storage.journal import Journal
from storage.protocols import DecisionDraft

__all__ = ["decide_event", "decide_once", "export_table"]

# What fields of a decision over HTTP are called here.
_OPTIONS: Final[Mapping[str, str]] = {
    "verb": "the verb",
    "decidedBy": "--by",
    "reason": "--reason",
    "assessmentId": "--assessment",
    "dueOn": "--due",
    "failedOn": "--failed-on",
    "condition": "--condition",
}
_GOT_CHARACTERS: Final = 120


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
    """Append one decision; what the API refuses is refused here too, as the log takes nothing back.

    Raises
    ------
    DecisionError
        If it is about or rests on nothing that is known, or a field is not as the API has it.
    """
    given = _checked(
        {
            "verb": verb,
            "decidedBy": by,
            "reason": reason,
            "assessmentId": assessment,
            "dueOn": due,
            "condition": condition,
            "failedOn": failed_on,
        }
    )
    if given.failed_on is not None and not has_come(given.failed_on, now_ns):
        raise DecisionError(f"got {failed_on!r} as --failed-on, expected a day that has come")
    with _opened(settings) as (store, log):
        if alarm is not None:
            known = store.alarm(alarm)
            if known is None:
                raise DecisionError(f"got alarm {alarm!r}, expected an `id` of `schouw export alarms`")
            if asset is not None and asset != known.asset:
                raise DecisionError(f"got asset {asset!r}, expected {known.asset!r}, which the alarm is about")
            asset = known.asset
        if asset is None or store.asset(asset) is None:
            got = "nothing to decide on" if asset is None else f"asset {asset!r}"
            raise DecisionError(f"got {got}, expected --alarm or an --asset of the register; see `schouw export risks`")
        if alarm is None and verb in ABOUT_ALARMS:
            raise DecisionError(f"got `{verb.value}` about an asset, expected --alarm with the alarm it is about")
        rests_on = _rests_on(store, asset, assessment)
        draft = DecisionDraft(asset, verb, by, given.reason, alarm, rests_on, due, given.condition, failed_on=failed_on)
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
    _checked({"verb": verb, "decidedBy": by, "reason": reason})
    with _opened(settings) as (store, log):
        alarms = alarms_of(store, event)
        if not alarms:
            raise DecisionError(f"got event {event!r}, expected an `eventId` of GET /v1/alarms")
        left = unjudged(alarms)
        if not left:
            raise DecisionError(f"got event {event!r}, each alarm of which was confirmed or dismissed already")
        drafts = [
            DecisionDraft(alarm.asset, verb, by, reason, alarm.id, _rests_on(store, alarm.asset, None), event_id=event)
            for alarm in left
        ]
        return log.append_all(drafts, decided_at_ns=now_ns)


def export_table(settings: Settings, kind: str, out: Path | None) -> int:
    """Write one table as CSV, gzip where the name ends in `.gz`; a file appears whole or not at all."""
    if kind not in get_args(ExportKind):
        raise ConfigurationError(f"got export {kind!r}, expected one of {', '.join(get_args(ExportKind))}")
    with _opened(settings) as (store, log), contextlib.closing(open_series(settings)) as series:
        if out is None:
            return write_export(cast("ExportKind", kind), store, series, log, sys.stdout)
        try:
            with whole_text(out) as text:
                rows = write_export(cast("ExportKind", kind), store, series, log, text)
        except OSError as error:
            raise ConfigurationError(
                f"{str(out)!r} cannot be written ({error.strerror}); give another file with --out"
            ) from error
        return rows


def _checked(fields: Mapping[str, object]) -> DecisionBody:
    """Read a decision by the rules of the API, whose names the fields have."""
    try:
        return DecisionBody.model_validate(fields)
    except ValidationError as error:
        raise DecisionError(
            "; ".join(
                _in_words(str(fault["loc"][0]), fields, fault["msg"])
                for fault in error.errors(include_url=False, include_context=False)
            )
        ) from error


def _in_words(name: str, fields: Mapping[str, object], complaint: str) -> str:
    value = fields.get(name)
    got = "nothing" if value is None else repr(value)[:_GOT_CHARACTERS]
    # "Value error, expected a date", "String should have at least 1 character"
    expected = complaint.removeprefix("Value error, expected ").rpartition(" should have ")[2]
    return f"got {got} as {_OPTIONS[name]}, expected {expected}"


def _rests_on(store: SqlAdvisoryStore, asset: AssetId, assessment: str | None) -> str | None:
    """Give the assessment that a decision rests on: the one that was named, or the newest."""
    try:
        return assessment_decided_on(store, asset, assessment)
    except LookupError as error:
        raise DecisionError(
            f"got assessment {(assessment or '')[:_GOT_CHARACTERS]!r}, expected one of asset {asset!r}: an "
            f"`assessmentId` of GET /v1/assets/{asset}/risk/history, or no --assessment for the newest"
        ) from error


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
