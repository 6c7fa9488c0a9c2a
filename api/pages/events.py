"""What happened to a structure, as rows of its timeline: all of it stored, in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from api.charts.timeline import EventRow
from api.figures import local_time, number
from api.languages import Language
from api.page_rows import day
from api.rooms import ApiRooms
from api.terms import alarm_title, term
from api.texts import capital, plural, text
from api.times import parse_date
from domain.records import Alarm, Decision
from domain.register import Asset, Works

__all__ = ["event_rows"]

# What strikes several structures within a day has one cause more likely than many: weather, a gateway, a power cut.
_TOGETHER_NS: Final = 86_400 * 10**9
_OTHERS_LEAST: Final = 3
_SWAP: Final = "sensor swap"


def event_rows(
    rooms: ApiRooms, asset: Asset, alarms: Sequence[Alarm], decisions: Sequence[Decision], language: Language
) -> list[EventRow]:
    """Put alarms, decisions, works, swapped sensors and the inspection in one list, newest first."""
    elsewhere = rooms.overview.elsewhere(asset.id, _TOGETHER_NS) if alarms else {}
    rows = [
        *(_of_alarm(alarm, elsewhere, language) for alarm in alarms),
        *(_of_decision(decision, language) for decision in decisions),
        *(_of_works(works, language) for works in rooms.works(asset.id)),
        *_of_inspection(asset, language),
    ]
    return sorted(rows, key=lambda row: row.time_ns, reverse=True)


def _of_alarm(alarm: Alarm, elsewhere: Mapping[str, int], language: Language) -> EventRow:
    others = elsewhere.get(alarm.id, 0)
    details = [] if alarm.cleared_at_ns is None else [_until(alarm.cleared_at_ns, language)]
    if others:
        said = number(others, language)
        details.append(
            plural(
                "within a day at {count} other structure too",
                "within a day at {count} other structures too",
                others,
                language,
                count=said,
            )
        )
    is_shared = others >= _OTHERS_LEAST
    return EventRow(
        alarm.raised_at_ns,
        alarm.cleared_at_ns,
        "shared" if is_shared else "alarm",
        text("At several structures", language) if is_shared else text("Alarm", language),
        capital(alarm_title(alarm.kind, language)),
        local_time(alarm.raised_at_ns, language),
        ", ".join(details),
    )


def _of_decision(decision: Decision, language: Language) -> EventRow:
    return EventRow(
        decision.decided_at_ns,
        None,
        "decision",
        text("Decision", language),
        capital(term("verb", decision.verb, language)),
        local_time(decision.decided_at_ns, language),
        f"{decision.decided_by}: {decision.reason}",
    )


def _of_works(works: Works, language: Language) -> EventRow:
    is_swap = works.kind == _SWAP
    sensor = f" ({works.sensor})" if works.sensor else ""
    return EventRow(
        works.start_ns,
        works.end_ns,
        "swap" if is_swap else "works",
        text("New sensor", language) if is_swap else text("Works", language),
        capital(term("works", works.kind, language)) + sensor,
        local_time(works.start_ns, language),
        _until(works.end_ns, language),
    )


def _of_inspection(asset: Asset, language: Language) -> list[EventRow]:
    """Give the inspection that the register names, where its day can be read."""
    if asset.inspected_on is None or asset.condition_inspected is None:
        return []
    try:
        moment = datetime.combine(parse_date(asset.inspected_on), datetime.min.time(), UTC)
    except ValueError:
        return []
    return [
        EventRow(
            int(moment.timestamp()) * 10**9,
            None,
            "inspection",
            text("Inspection", language),
            text("Condition {condition}", language, condition=asset.condition_inspected),
            day(asset.inspected_on, language),
            "",
        )
    ]


def _until(time_ns: int, language: Language) -> str:
    return text("until {time}", language, time=local_time(time_ns, language))
