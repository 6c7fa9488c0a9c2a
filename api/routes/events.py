"""Changes as they come: server-sent events, which go on where they broke off.

Each event carries a place in all three lists of changes (risks, alarms, decisions) as its `id`; a browser sends it back
as `Last-Event-ID` after a break, and nothing is lost or told twice. Risks and alarms are looked through only when the
revision of their rows has moved on.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.access import Who, identify, needs
from api.answers import alarm_item, decision_item, risk_item
from api.languages import Language
from api.problems import FieldError, ProblemError, invalid_input
from api.questions import AnswerLanguage, EventQuery, Rooms
from api.rooms import ApiRooms
from api.whole_query import asked_whole
from domain.access import Right
from storage.protocols import Revisions, TimedKey

__all__ = ["router"]

router = APIRouter(tags=["events"], dependencies=[needs(Right.READ_RISKS), needs(Right.READ_ALARMS), asked_whole])

_LOOK_S: Final = 0.5
_HEARTBEAT_S: Final = 15
# A key that was revoked, or a login that ended, ends its stream within this time.
_KNOWN_S: Final = 60.0
_PAGE: Final = 100
_ID_CHARACTERS: Final = 2048
_NOTHING_SEEN: Final = Revisions(-1, -1, -1)


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has been told: of risks and alarms revision and identifier, of decisions the sequence."""

    risks: TimedKey
    alarms: TimedKey
    decisions: int

    def text(self) -> str:
        """Write it as the identifier of an event."""
        parts = [self.risks.time_ns, self.risks.id, self.alarms.time_ns, self.alarms.id, self.decisions]
        return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).rstrip(b"=").decode()


@router.get(
    "/v1/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    summary="Follow changes as they come",
)
async def follow_events(
    request: Request,
    rooms: Rooms,
    who: Who,
    language: AnswerLanguage,
    question: Annotated[EventQuery, Query()],
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", description="`id` of the last event seen; goes on behind it.")
    ] = None,
) -> Response:
    """Stream `risk`, `alarm` and `decision` events (server-sent events), each with the item as its data.

    Without `Last-Event-ID` it begins with what changes from now on. A comment every 15 seconds keeps the line open.
    """
    place = _read_place(last_event_id) if last_event_id else await to_thread.run_sync(_newest_place, rooms)
    events = _events(request, rooms, place, language, decisions=who.may(Right.READ_DECISIONS), once=question.once)
    return EventSourceResponse(events, ping=_HEARTBEAT_S, headers={"Cache-Control": "no-store"})


async def _events(
    request: Request, rooms: ApiRooms, place: Place, language: Language, *, decisions: bool, once: bool
) -> AsyncIterator[ServerSentEvent]:
    loop = asyncio.get_running_loop()
    known_until = loop.time() + _KNOWN_S
    seen = _NOTHING_SEEN
    # Tells at once where the listener stands, so that a break before the first change loses nothing either.
    yield ServerSentEvent(event="ready", data="{}", id=place.text())
    while not await request.is_disconnected():
        found, place, seen = await to_thread.run_sync(_changes, rooms, place, seen, language, decisions)
        for event in found:
            yield event
        if once and not found:
            return
        if loop.time() > known_until:
            known_until = loop.time() + _KNOWN_S
            try:
                await to_thread.run_sync(identify, request)
            except ProblemError:
                return
        if len(found) < _PAGE:
            await asyncio.sleep(_LOOK_S)


def _changes(
    rooms: ApiRooms,
    place: Place,
    seen: Revisions,
    language: Language,
    decisions: bool,  # noqa: FBT001  # called by position, in a thread
) -> tuple[list[ServerSentEvent], Place, Revisions]:
    """Give what changed behind a place, each event with the place behind it, and up to where all was seen."""
    events: list[ServerSentEvent] = []
    now_ns, newest = rooms.now_ns(), rooms.store.revisions()
    risks = rooms.store.changed_risks(after=place.risks, limit=_PAGE) if newest.risks != seen.risks else ()
    for asset, risk in risks:
        place = replace(place, risks=TimedKey(risk.revision, asset.id))
        events.append(_event("risk", risk_item(asset, risk, language, now_ns), place))
    alarms = rooms.store.changed_alarms(after=place.alarms, limit=_PAGE) if newest.alarms != seen.alarms else ()
    for alarm in alarms:
        place = replace(place, alarms=TimedKey(alarm.revision, alarm.id))
        events.append(_event("alarm", alarm_item(alarm, language), place))
    for decision in rooms.decisions.decisions_after(place.decisions, limit=_PAGE) if decisions else ():
        place = replace(place, decisions=decision.seq)
        events.append(_event("decision", decision_item(decision), place))
    # A full page may have more behind it.
    more = max(len(risks), len(alarms)) >= _PAGE
    return events, place, _NOTHING_SEEN if more else newest


def _event(kind: str, item: BaseModel, place: Place) -> ServerSentEvent:
    return ServerSentEvent(event=kind, data=item.model_dump_json(by_alias=True), id=place.text())


def _newest_place(rooms: ApiRooms) -> Place:
    """Give the place behind everything that is there now."""
    newest = rooms.decisions.decisions(limit=1)
    # "~" stands behind every identifier, so nothing of this very revision comes again.
    here = TimedKey(rooms.store.revisions().rows, "~")
    return Place(here, here, newest[0].seq if newest else 0)


def _read_place(text: str) -> Place:
    try:
        raw = base64.b64decode(text[:_ID_CHARACTERS] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts: Any = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        parts = None
    match parts:
        case [int(risk), str(asset), int(alarm), str(identifier), int(decision)] if (
            all(abs(number) < 2**62 for number in (risk, alarm, decision)) and (asset + identifier).isprintable()
        ):
            return Place(TimedKey(risk, asset), TimedKey(alarm, identifier), decision)
        case _:
            expected = "the `id` of an event of this stream"
            raise invalid_input([FieldError("header", "Last-Event-ID", repr(text[:60]), expected)])
