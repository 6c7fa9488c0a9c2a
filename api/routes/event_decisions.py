"""What people decide about a whole event at many structures: a decision for each of its alarms, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Response

from api.access import Who, needs
from api.answers import decision_item
from api.conditional import json_response
from api.decision_body import EVENT_EXAMPLES, EventDecisionBody, draft_event, named_by_systems, once_key
from api.edge import require_json
from api.problems import ProblemError, not_found
from api.questions import ItemPath, Rooms, known_item
from api.routes.decisions import IdempotencyKey
from api.schemas import DecisionItem, Listing
from api.whole_query import asked_whole
from domain.access import Right
from domain.records import Decision
from storage.event_alarms import alarms_of, unjudged

__all__ = ["router"]

router = APIRouter(tags=["decisions"], dependencies=[needs(Right.READ_DECISIONS), asked_whole])

GivenOfEvent = Annotated[EventDecisionBody, Body(openapi_examples=EVENT_EXAMPLES)]


@router.post(
    "/v1/fleet-events/{event_id:path}/decisions",
    status_code=201,
    response_model=Listing[DecisionItem],
    dependencies=[Depends(require_json), needs(Right.WRITE_DECISIONS), Depends(named_by_systems)],
    summary="Record what a person decides about a whole event",
    responses={409: {}},
)
def record_event_decision(
    rooms: Rooms, who: Who, event_id: ItemPath, given: GivenOfEvent, idempotency_key: IdempotencyKey = None
) -> Response:
    """Write a decision for each alarm of an event (`eventId`) at many structures, all of them or none.

    What somebody confirmed or dismissed by itself stays as it was judged; 409 when nothing else is left. Each decision
    names the event, and rests on the newest assessment of its asset.
    """
    once = once_key(idempotency_key, given, about=f"event {event_id}", who=who)
    if once is not None and (earlier := rooms.decisions.repeated(once)):
        return _answer(earlier)
    alarms = alarms_of(rooms.store, event_id) if known_item(event_id) else []
    if not alarms:
        raise not_found("event", event_id)
    if not (left := unjudged(alarms)):
        raise ProblemError(
            409, "Nothing left to decide", "Each alarm of this event was confirmed or dismissed already."
        )
    drafts = draft_event(given, left, who=who, rooms=rooms)
    return _answer(rooms.decisions.append_all(drafts, decided_at_ns=rooms.wall_clock_ns(), once=once))


def _answer(decisions: Sequence[Decision]) -> Response:
    listing = Listing[DecisionItem](items=[decision_item(decision) for decision in decisions], next=None)
    return json_response(listing, status=201)
