"""`schouw export`: risks, alarms, decisions and readings as CSV, with units and times in every row."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import IO, Literal, TypeAlias

from storage.advisory import SqlAdvisoryStore
from storage.decisions import JournalDecisionLog
from storage.protocols import ProjectedSeries, RankKey, TimedKey

__all__ = ["ExportKind", "write_export"]

ExportKind: TypeAlias = Literal["risks", "alarms", "decisions", "readings"]
_PAGE = 500
_FORMULA_STARTS = frozenset("=+-@\t\r")
_Rows: TypeAlias = Iterator[tuple[object, ...]]


def write_export(
    kind: ExportKind, store: SqlAdvisoryStore, series: ProjectedSeries, decisions: JournalDecisionLog, out: IO[str]
) -> int:
    """Write one table and return its number of rows; the first line names the columns."""
    tables: dict[ExportKind, tuple[tuple[str, ...], Callable[[], _Rows]]] = {
        "risks": (_RISK_COLUMNS, lambda: _risks(store)),
        "alarms": (_ALARM_COLUMNS, lambda: _alarms(store)),
        "decisions": (_DECISION_COLUMNS, lambda: _decisions(decisions)),
        "readings": (_READING_COLUMNS, lambda: _readings(series)),
    }
    columns, rows = tables[kind]
    writer = csv.writer(out)
    writer.writerow(columns)
    count = 0
    for row in rows():
        writer.writerow([_safe(cell) for cell in row])
        count += 1
    return count


_RISK_COLUMNS = (
    "asset", "name", "type", "state", "assessed_at", "provisional", "data_quality",
    "failure_30d", "failure_30d_low", "failure_30d_high",
    "failure_90d", "failure_90d_low", "failure_90d_high",
    "failure_365d", "failure_365d_low", "failure_365d_high",
    "remaining_life_days_q10", "remaining_life_days_q50", "remaining_life_days_q90",
    "failure_mode", "indicative_condition", "inspected_condition",
    "expected_cost_of_waiting_90d_eur", "advice", "assessment_id", "model_version",
)  # fmt: skip
_ALARM_COLUMNS = ("id", "asset", "kind", "subject", "raised_at", "cleared_at", "state")
_DECISION_COLUMNS = (
    "id", "asset", "verb", "decided_by", "reason", "decided_at", "alarm_id", "assessment_id", "due_on", "failed_on",
    "event_id", "hash", "condition",
)  # fmt: skip
_READING_COLUMNS = ("asset", "sensor", "channel", "time", "value", "unit", "flags")


def _risks(store: SqlAdvisoryStore) -> _Rows:
    after: RankKey | None = None
    while page := store.risks(after=after, limit=_PAGE):
        for _, asset, risk in page:
            chances = [part for p in risk.probability_of_failure for part in (p.value, p.low, p.high)]
            life = risk.remaining_life
            yield (
                asset.id, asset.name, asset.type.value, risk.state.value, _time(risk.assessed_at_ns), risk.provisional,
                risk.data_quality.value, *chances,
                life.q10_days if life else None, life.q50_days if life else None, life.q90_days if life else None,
                risk.failure_mode, risk.indicative_condition, asset.condition_inspected,
                risk.expected_cost_of_waiting_eur, risk.advice, risk.assessment_id, risk.model_version,
            )  # fmt: skip
        after = page[-1][0]


def _alarms(store: SqlAdvisoryStore) -> _Rows:
    after: TimedKey | None = None
    while page := store.alarms(after=after, limit=_PAGE):
        for alarm in page:
            raised, cleared = _time(alarm.raised_at_ns), _time(alarm.cleared_at_ns)
            yield alarm.id, alarm.asset, alarm.kind, alarm.subject, raised, cleared, alarm.state.value
        after = TimedKey(page[-1].raised_at_ns, page[-1].id)


def _decisions(log: JournalDecisionLog) -> _Rows:
    before: int | None = None
    while page := log.decisions(before_seq=before, limit=_PAGE):
        for item in page:
            yield (
                item.id, item.asset, item.verb.value, item.decided_by, item.reason, _time(item.decided_at_ns),
                item.alarm_id, item.assessment_id, item.due_on, item.failed_on, item.event_id, item.hash,
                item.condition,
            )  # fmt: skip
        before = page[-1].seq


def _readings(series: ProjectedSeries) -> _Rows:
    for asset, sensor, channel, time_ns, value, unit, flags in series.readings():
        yield asset, sensor, channel, _time(time_ns), repr(value), unit, flags


def _time(time_ns: int | None) -> str:
    """Write a time in UTC, to the nanosecond where it has one."""
    if time_ns is None:
        return ""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09d}Z" if rest else f"{text}Z"


def _safe(cell: object) -> object:
    """Keep spreadsheets from running text that begins like a formula; numbers stay numbers."""
    if cell is None:
        return ""
    if isinstance(cell, str) and cell[:1] in _FORMULA_STARTS and not _is_number(cell):
        return "'" + cell
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
