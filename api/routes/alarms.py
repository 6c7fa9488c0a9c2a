"""Alarms: calls to look, newest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import needs
from api.answers import alarm_item
from api.conditional import json_response
from api.paging import next_cursor, page_link, read_page
from api.problems import not_found
from api.questions import AlarmQuery, AnswerLanguage, ItemPath, LanguageQuery, Rooms, known_item, page_size
from api.rooms import ApiRooms
from api.schemas import AlarmItem, Listing
from domain.access import Right
from domain.identifiers import AssetId
from domain.records import Alarm
from storage.protocols import TimedKey

__all__ = ["known_alarm", "router"]

router = APIRouter(tags=["alarms"], dependencies=[needs(Right.READ_ALARMS)])


@router.get("/v1/alarms", response_model=Listing[AlarmItem], summary="List alarms, newest first")
def list_alarms(
    request: Request, rooms: Rooms, language: AnswerLanguage, question: Annotated[AlarmQuery, Query()]
) -> Response:
    """List alarms by the time they were raised, newest first; `asset` and `state` narrow the list."""
    states = tuple(dict.fromkeys(question.state))
    scope = " ".join(["alarms", question.asset or "*", *sorted(states)])
    page = read_page(TimedKey, question.cursor, page_size(question, rooms), scope=scope)
    found = rooms.store.alarms(
        asset=None if question.asset is None else AssetId(question.asset),
        states=states,
        after=page.after,
        limit=page.limit,
    )
    cursor = next_cursor(found, page, lambda alarm: TimedKey(alarm.raised_at_ns, alarm.id))
    answer = Listing[AlarmItem](items=[alarm_item(alarm, language) for alarm in found[: page.size]], next=cursor)
    return json_response(answer, language=language, headers=page_link(request, cursor))


@router.get("/v1/alarms/{alarm_id:path}", response_model=AlarmItem, summary="Show one alarm")
def show_alarm(
    rooms: Rooms, alarm_id: ItemPath, language: AnswerLanguage, _question: Annotated[LanguageQuery, Query()]
) -> Response:
    """Show one alarm and why it was raised."""
    return json_response(alarm_item(known_alarm(alarm_id, rooms), language), language=language)


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
