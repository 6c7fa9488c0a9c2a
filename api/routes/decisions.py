"""What people decided: the log, and the one thing that is written over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response

from api.access import Who, needs
from api.answers import decision_item
from api.conditional import json_response
from api.decision_body import (
    ASSET_EXAMPLES,
    DECISION_EXAMPLES,
    AssetDecisionBody,
    DecisionBody,
    draft_decision,
    named_by_systems,
    once_key,
)
from api.edge import require_json
from api.paging import change_link, last_cursor, next_cursor, page_link, read_page, read_since
from api.polling import Made, tagged_answer
from api.problems import not_found
from api.questions import (
    AssetPath,
    DecisionQuery,
    ItemPath,
    ItemQuery,
    Rooms,
    known_item,
    page_size,
    registered,
)
from api.rooms import ApiRooms
from api.routes.alarms import known_alarm
from api.schemas import DecisionItem, Listing
from api.whole_query import asked_whole
from domain.access import Caller, Right
from domain.identifiers import AssetId
from domain.records import Decision
from storage.protocols import TimedKey

__all__ = ["IdempotencyKey", "router"]

router = APIRouter(tags=["decisions"], dependencies=[needs(Right.READ_DECISIONS), asked_whole])

_SCAN = 500
_LOCATION: dict[int | str, dict[str, Any]] = {
    201: {"headers": {"Location": {"description": "Where it is now.", "schema": {"type": "string"}}}},
    409: {},
}

Given = Annotated[DecisionBody, Body(openapi_examples=DECISION_EXAMPLES)]
GivenOfAsset = Annotated[AssetDecisionBody, Body(openapi_examples=ASSET_EXAMPLES)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Chosen by the caller, new for each decision: sent again, the answer is the first one.",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]


@router.post(
    "/v1/alarms/{alarm_id:path}/decisions",
    status_code=201,
    response_model=DecisionItem,
    dependencies=[Depends(require_json), needs(Right.WRITE_DECISIONS), Depends(named_by_systems)],
    summary="Record what a person decides about an alarm",
    responses=_LOCATION,
)
def record_decision(
    rooms: Rooms, who: Who, alarm_id: ItemPath, given: Given, idempotency_key: IdempotencyKey = None
) -> Response:
    """Write one decision into the append-only log; nothing is ever carried out by itself.

    A decision cannot be changed or removed; a later one can say otherwise. Without `assessmentId` it rests on the
    newest assessment.
    """
    alarm = known_alarm(alarm_id, rooms)
    return _record(rooms, who, given, idempotency_key, asset=alarm.asset, alarm_id=alarm.id)


@router.post(
    "/v1/assets/{asset_id}/decisions",
    status_code=201,
    response_model=DecisionItem,
    dependencies=[Depends(require_json), needs(Right.WRITE_DECISIONS), Depends(named_by_systems)],
    summary="Record what a person decides about an asset",
    responses=_LOCATION,
)
def record_asset_decision(
    rooms: Rooms, who: Who, asset_id: AssetPath, given: GivenOfAsset, idempotency_key: IdempotencyKey = None
) -> Response:
    """Write one decision about an asset without an alarm; `acknowledge`, `confirm` and `dismiss` are about alarms."""
    asset = registered(asset_id, rooms)
    return _record(rooms, who, given, idempotency_key, asset=asset.id, alarm_id=None)


@router.get(
    "/v1/decisions", response_model=Listing[DecisionItem], responses={304: {}}, summary="List decisions, newest first"
)
def list_decisions(request: Request, rooms: Rooms, question: Annotated[DecisionQuery, Query()]) -> Response:
    """List the decision log, newest first; `asset` narrows it. With `since` it runs from old to new."""
    asset = None if question.asset is None else AssetId(question.asset)
    if question.since is not None:
        return _later(request, rooms, question, asset)
    page = read_page(int, question.cursor, page_size(question, rooms), scope=f"decisions {asset or '*'}")
    found = rooms.decisions.decisions(asset=asset, before_seq=page.after, limit=page.limit)
    cursor = next_cursor(found, page, lambda decision: decision.seq)
    answer = Listing[DecisionItem](items=[decision_item(decision) for decision in found[: page.size]], next=cursor)
    return tagged_answer(request, rooms, Made(answer, page_link(request, cursor)), fields=question.fields)


def _later(request: Request, rooms: ApiRooms, question: DecisionQuery, asset: AssetId | None) -> Response:
    page = read_since(question.since or "", page_size(question, rooms), scope=f"later-decisions {asset or '*'}")
    found = rooms.decisions.decisions_after(
        0 if page.after is None else page.after.time_ns, asset=asset, limit=page.limit
    )
    since = last_cursor(found, page, lambda decision: TimedKey(decision.seq, decision.id))
    items = [decision_item(decision) for decision in found[: page.size]]
    answer = Listing[DecisionItem](items=items, next=None, next_since=since)
    made = Made(answer, change_link(request, found, page, since))
    return tagged_answer(request, rooms, made, fields=question.fields)


@router.get(
    "/v1/decisions/{decision_id}", response_model=DecisionItem, responses={304: {}}, summary="Show one decision"
)
def show_decision(
    request: Request, rooms: Rooms, decision_id: ItemPath, question: Annotated[ItemQuery, Query()]
) -> Response:
    """Show one link of the decision log."""
    made = Made(decision_item(known_decision(decision_id, rooms)))
    return tagged_answer(request, rooms, made, fields=question.fields)


def known_decision(decision_id: str, rooms: ApiRooms) -> Decision:
    """Walk the log back to one decision: people make few of them, and the log has no other key.

    Raises
    ------
    ProblemError
        404 if there is none.
    """
    before: int | None = None
    while known_item(decision_id) and (links := rooms.decisions.decisions(before_seq=before, limit=_SCAN)):
        for link in links:
            if link.id == decision_id:
                return link
        before = links[-1].seq
    raise not_found("decision", decision_id)


def _record(
    rooms: ApiRooms, who: Caller, given: DecisionBody, key: str | None, *, asset: AssetId, alarm_id: str | None
) -> Response:
    draft = draft_decision(given, asset=asset, alarm_id=alarm_id, who=who, rooms=rooms)
    once = once_key(key, given, about=f"{asset} {alarm_id or ''}", who=who)
    decision = rooms.decisions.append(draft, decided_at_ns=rooms.wall_clock_ns(), once=once)
    location = f"/v1/decisions/{quote(decision.id, safe='')}"
    return json_response(decision_item(decision), status=201, headers={"Location": location})
