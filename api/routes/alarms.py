"""Alarms: calls to look, newest first, or by what changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import Who, needs
from api.answers import alarm_item
from api.languages import Language
from api.paging import change_link, last_cursor, next_cursor, page_link, read_page, read_since
from api.polling import Made, cached_answer, media_type
from api.problems import not_found
from api.questions import (
    AlarmQuery,
    AnswerLanguage,
    ItemPath,
    LanguageQuery,
    Rooms,
    known_item,
    page_size,
)
from api.rooms import ApiRooms
from api.schemas import AlarmItem, Listing
from api.whole_query import asked_whole
from domain.access import Right
from domain.identifiers import AssetId
from domain.records import Alarm
from storage.protocols import TimedKey

__all__ = ["known_alarm", "router"]

router = APIRouter(tags=["alarms"], dependencies=[needs(Right.READ_ALARMS), asked_whole])


@router.get(
    "/v1/alarms",
    response_model=Listing[AlarmItem],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, 304: {}},
    summary="List alarms, newest first",
)
def list_alarms(
    request: Request, rooms: Rooms, who: Who, language: AnswerLanguage, question: Annotated[AlarmQuery, Query()]
) -> Response:
    """List alarms by the time they were raised, newest first; `asset`, `state` and `event` narrow the list.

    With `since` the list runs by time of change instead, and never skips or repeats a change; it is of all states, so
    that what leaves a state is told too.
    """
    states = tuple(dict.fromkeys(question.state))
    size = page_size(question, rooms)

    def make(_as_of_ns: int) -> Made:
        if question.since is not None:
            return _changes(request, rooms, question, size, language)
        scope = " ".join(["alarms", question.asset or "*", *sorted(states), *_of_event(question)])
        page = read_page(TimedKey, question.cursor, size, scope=scope)
        found = rooms.store.alarms(
            asset=None if question.asset is None else AssetId(question.asset),
            states=states,
            event=question.event,
            after=page.after,
            limit=page.limit,
        )
        cursor = next_cursor(found, page, lambda alarm: TimedKey(alarm.raised_at_ns, alarm.id))
        items = [alarm_item(alarm, language) for alarm in found[: page.size]]
        return Made(
            Listing[AlarmItem](items=items, next=cursor), page_link(request, cursor), media_type(question.format)
        )

    return cached_answer(request, rooms, who, make, rests_on="alarms", language=language, fields=question.fields)


def _changes(request: Request, rooms: ApiRooms, question: AlarmQuery, size: int, language: Language) -> Made:
    scope = " ".join(["changed-alarms", question.asset or "*", *_of_event(question)])
    page = read_since(question.since or "", size, scope=scope)
    found = rooms.store.changed_alarms(after=page.after, limit=page.limit)
    since = last_cursor(found, page, lambda alarm: TimedKey(alarm.revision, alarm.id))
    items = [
        alarm_item(alarm, language)
        for alarm in found[: page.size]
        if question.asset in {None, alarm.asset} and question.event in {None, alarm.event_id}
    ]
    listing = Listing[AlarmItem](items=items, next=None, next_since=since)
    return Made(listing, change_link(request, found, page, since), media_type(question.format))


def _of_event(question: AlarmQuery) -> list[str]:
    """Give what the cursor of one event's alarms carries beside that of a list."""
    return [] if question.event is None else [f"event {question.event}"]


@router.get("/v1/alarms/{alarm_id:path}", response_model=AlarmItem, responses={304: {}}, summary="Show one alarm")
def show_alarm(
    request: Request,
    rooms: Rooms,
    who: Who,
    alarm_id: ItemPath,
    language: AnswerLanguage,
    question: Annotated[LanguageQuery, Query()],
) -> Response:
    """Show one alarm and why it was raised."""

    def make(_as_of_ns: int) -> Made:
        return Made(alarm_item(known_alarm(alarm_id, rooms), language))

    return cached_answer(request, rooms, who, make, rests_on="alarms", language=language, fields=question.fields)


def known_alarm(alarm_id: str, rooms: ApiRooms) -> Alarm:
    """Find an alarm.

    Raises
    ------
    ProblemError
        404 if there is none.
    """
    alarm = rooms.store.alarm(alarm_id) if known_item(alarm_id) else None
    if alarm is None:
        raise not_found("alarm", alarm_id)
    return alarm
