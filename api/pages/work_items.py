"""What has to be done, when and why: work that people planned, and work that is advised and not planned yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from api.languages import Language
from api.plans import all_decisions, last_attended, standing_works
from api.rooms import ApiRooms
from api.terms import term
from api.texts import capital, marked, text
from api.times import parse_date
from api.wording import say_advice, say_reason
from domain.identifiers import AssetId
from domain.records import Decision, RiskAssessment
from domain.register import Asset
from storage.overview_rows import ListFilter
from storage.protocols import RankKey

__all__ = ["WorkItem", "today", "week_of", "work_items"]

_LOCAL: Final = ZoneInfo("Europe/Amsterdam")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WALK: Final = 500
# Within how many days from its beginning an advice asks for somebody to go; the others ask for nothing with a date.
_ADVICE_DAYS: Final = {"inspect_now": 2, "inspect_soon": 14, "plan_repair": 90, "plan_inspection": 90}
# What an open alarm asks for, counted from the alarm.
_ALARM_DAYS: Final = _ADVICE_DAYS["inspect_soon"]
_OF_ALARMS: Final = ("inspect_now", "inspect_soon")
_PLANNED: Final = marked("planned")
_ADVISED: Final = marked("advised, not planned")


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing to do.

    Attributes
    ----------
    uid : str
        The same each time the list is made, so that a calendar updates instead of doubling.
    due : date or None
        Day of the planned work, or the last day of the advice; None when nobody named one.
    """

    uid: str
    asset: AssetId
    name: str
    due: date | None
    is_planned: bool
    status: str
    what: str
    reason: str
    who: str


def today(rooms: ApiRooms) -> date:
    """Give the day it is in the Netherlands, by the clock that ages data: in a replay the stream's own."""
    return _day_of(rooms.now_ns())


def week_of(day: date) -> date:
    """Give the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def work_items(rooms: ApiRooms, language: Language) -> list[WorkItem]:
    """List what is planned and what is advised, by day; what has no day comes last."""
    log = all_decisions(rooms)
    planned = standing_works(rooms, log)
    items = [_planned(rooms, decision, language) for decision in planned]
    items += _advised(rooms, {decision.asset for decision in planned}, last_attended(log), language)
    return sorted(items, key=lambda item: (item.due is None, item.due or date.max, not item.is_planned, item.uid))


def _planned(rooms: ApiRooms, decision: Decision, language: Language) -> WorkItem:
    asset = rooms.store.asset(decision.asset)
    verb = term("verb", decision.verb, language)
    return WorkItem(
        uid=f"decision-{decision.id}",
        asset=decision.asset,
        name=decision.asset if asset is None else asset.name,
        due=_day(decision.due_on),
        is_planned=True,
        status=text(_PLANNED, language),
        what=capital(verb),
        reason=decision.reason,
        who=decision.decided_by,
    )


def _advised(
    rooms: ApiRooms, planned: set[AssetId], attended: Mapping[AssetId, int], language: Language
) -> list[WorkItem]:
    """List advice that asks for somebody to go where nobody has planned to, however many there are."""
    alarmed = rooms.overview.alarmed_since()
    items = []
    for found in _walk(rooms):
        advised = _advised_since(rooms, found)
        for asset, risk in found:
            if asset.id in planned:
                continue
            # A decision is dated by the wall, which in a replay is far ahead of the stream.
            after_ns = min(attended.get(asset.id, 0), rooms.now_ns())
            begun_ns = max(advised.get(asset.id, risk.assessed_at_ns), after_ns)
            alarm_ns = max(alarmed[asset.id], after_ns) if asset.id in alarmed else None
            items.append(
                WorkItem(
                    uid=f"advice-{asset.id}",
                    asset=asset.id,
                    name=asset.name,
                    due=_last_day(risk.advice, begun_ns, alarm_ns),
                    is_planned=False,
                    status=text(_ADVISED, language),
                    what=say_advice(risk.advice, language),
                    reason=say_reason(risk.reasons[0], language) if risk.reasons else "",
                    who="",
                )
            )
    return items


def _walk(rooms: ApiRooms) -> Iterator[list[tuple[Asset, RiskAssessment]]]:
    """Walk over all structures with such an advice, many at a time: the store passes over the others."""
    wanted = ListFilter(advices=tuple(_ADVICE_DAYS))
    key: RankKey | None = None
    while found := rooms.overview.ranked(wanted, after=key, limit=_WALK):
        yield [(asset, risk) for _, asset, risk in found]
        key = found[-1][0]


def _advised_since(rooms: ApiRooms, found: Sequence[tuple[Asset, RiskAssessment]]) -> dict[AssetId, int]:
    """Give since when each structure has had its advice, in one question for each advice."""
    since: dict[AssetId, int] = {}
    for advice in _ADVICE_DAYS:
        since |= rooms.overview.advised_since(advice, [asset.id for asset, risk in found if risk.advice == advice])
    return since


def _last_day(advice: str, begun_ns: int, alarm_ns: int | None) -> date:
    """Give the last day of an advice: counted from its beginning, so that it comes nearer and passes.

    With an alarm the inspection is due two weeks after it was raised; that failure became likely only brings it nearer.
    """
    last = _day_of(begun_ns) + timedelta(days=_ADVICE_DAYS[advice])
    if alarm_ns is None or advice not in _OF_ALARMS:
        return last
    of_alarm = _day_of(alarm_ns) + timedelta(days=_ALARM_DAYS)
    return min(last, of_alarm) if advice == "inspect_now" else of_alarm


def _day_of(time_ns: int) -> date:
    return (_EPOCH + timedelta(microseconds=time_ns // 1000)).astimezone(_LOCAL).date()


def _day(due: str | None) -> date | None:
    try:
        return None if due is None else parse_date(due)
    except ValueError:
        return None
