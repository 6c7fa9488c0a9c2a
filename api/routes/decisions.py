"""What people decided: the log, and the one thing that is written over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints, ValidationInfo
from pydantic import field_validator as check_field
from pydantic.alias_generators import to_camel

from api.access import needs
from api.answers import decision_item
from api.conditional import json_response
from api.edge import require_json
from api.paging import next_cursor, page_link, read_page
from api.problems import FieldError, invalid_input, not_found
from api.questions import AssetQuery, ItemPath, Rooms, known_item, page_size
from api.rooms import ApiRooms
from api.routes.alarms import known_alarm
from api.schemas import DecisionItem, Listing
from api.times import parse_date
from domain.access import Right
from domain.identifiers import AssetId
from domain.records import Alarm, Decision, DecisionVerb
from storage.protocols import DecisionDraft

__all__ = ["router"]

router = APIRouter(tags=["decisions"], dependencies=[needs(Right.READ_DECISIONS)])

_SCAN = 500


def _readable(value: str) -> str:
    if not all(character.isprintable() or character in "\n\t" for character in value):
        raise ValueError("expected readable text without control characters")
    return value


def _day(value: object) -> date | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("expected a date as text, YYYY-MM-DD")  # noqa: TRY004  # pydantic collects ValueError
    return parse_date(value)


class DecisionBody(BaseModel):
    """A decision as a person gives it; the asset is the alarm's."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    verb: Annotated[DecisionVerb, Field(description="What is decided.")]
    decided_by: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=200, strict=True),
        Field(description="Who decides: a person's name.", examples=["J. de Vries"]),
    ]
    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, strict=True),
        Field(description="Why; an auditor will ask.", examples=["Seen on site: the abutment has moved."]),
    ]
    assessment_id: Annotated[
        str | None, Field(max_length=256, description="The assessment it was based on; one of the alarm's asset.")
    ] = None
    due_on: Annotated[
        date | None,
        BeforeValidator(_day, json_schema_input_type=str | None),
        Field(
            description="Date of the planned work; `plan` needs it.",
            validate_default=True,
            json_schema_extra={"format": "date"},
        ),
    ] = None
    condition: Annotated[
        StrictInt | None,
        Field(
            ge=1,
            le=6,
            description="NEN 2767 score 1 to 6 as inspected; `correct-condition` needs it.",
            validate_default=True,
        ),
    ] = None

    @check_field("decided_by", "reason")
    @classmethod
    def _check_text(cls, value: str) -> str:
        return _readable(value)

    @check_field("due_on")
    @classmethod
    def _check_due(cls, value: date | None, info: ValidationInfo) -> date | None:
        if value is None and info.data.get("verb") is DecisionVerb.PLAN:
            raise ValueError("expected the date of the planned work, because the verb is `plan`")
        return value

    @check_field("condition")
    @classmethod
    def _check_condition(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None and info.data.get("verb") is DecisionVerb.CORRECT_CONDITION:
            raise ValueError("expected a score from 1 to 6, because the verb is `correct-condition`")
        return value


_EXAMPLES = {
    "plan": {
        "summary": "Plan the repair",
        "value": {
            "verb": "plan",
            "decidedBy": "J. de Vries",
            "reason": "Crew and crane are free that week.",
            "dueOn": "2026-09-15",
        },
    },
    "dismiss": {
        "summary": "Dismiss the alarm",
        "value": {"verb": "dismiss", "decidedBy": "J. de Vries", "reason": "Sensor was hit during mowing."},
    },
}


@router.post(
    "/v1/alarms/{alarm_id:path}/decisions",
    status_code=201,
    response_model=DecisionItem,
    dependencies=[Depends(require_json), needs(Right.WRITE_DECISIONS)],
    summary="Record what a person decides about an alarm",
    responses={201: {"headers": {"Location": {"description": "Where it is now.", "schema": {"type": "string"}}}}},
)
def record_decision(
    rooms: Rooms, alarm_id: ItemPath, given: Annotated[DecisionBody, Body(openapi_examples=_EXAMPLES)]
) -> Response:
    """Write one decision into the append-only log; nothing is ever carried out by itself.

    A decision cannot be changed or removed; a later one can say otherwise.
    """
    alarm = known_alarm(alarm_id, rooms)
    _check_assessment(given, alarm, rooms)
    draft = DecisionDraft(
        asset=alarm.asset,
        verb=given.verb,
        decided_by=given.decided_by,
        reason=given.reason,
        alarm_id=alarm.id,
        assessment_id=given.assessment_id,
        due_on=None if given.due_on is None else given.due_on.isoformat(),
        condition=given.condition,
    )
    decision = rooms.decisions.append(draft, decided_at_ns=rooms.wall_clock_ns())
    location = f"/v1/decisions/{quote(decision.id, safe='')}"
    return json_response(decision_item(decision), status=201, headers={"Location": location})


@router.get("/v1/decisions", response_model=Listing[DecisionItem], summary="List decisions, newest first")
def list_decisions(request: Request, rooms: Rooms, question: Annotated[AssetQuery, Query()]) -> Response:
    """List the decision log, newest first; `asset` narrows it."""
    asset = None if question.asset is None else AssetId(question.asset)
    page = read_page(int, question.cursor, page_size(question, rooms), scope=f"decisions {asset or '*'}")
    found = rooms.decisions.decisions(asset=asset, before_seq=page.after, limit=page.limit)
    cursor = next_cursor(found, page, lambda decision: decision.seq)
    answer = Listing[DecisionItem](items=[decision_item(decision) for decision in found[: page.size]], next=cursor)
    return json_response(answer, headers=page_link(request, cursor))


@router.get("/v1/decisions/{decision_id}", response_model=DecisionItem, summary="Show one decision")
def show_decision(rooms: Rooms, decision_id: ItemPath) -> Response:
    """Show one link of the decision log."""
    decision = _decision(decision_id, rooms) if known_item(decision_id) else None
    if decision is None:
        raise not_found("decision", decision_id)
    return json_response(decision_item(decision))


def _check_assessment(given: DecisionBody, alarm: Alarm, rooms: ApiRooms) -> None:
    named = given.assessment_id
    if named is None:
        return
    newest = rooms.store.risk(alarm.asset)
    if newest is not None and newest.assessment_id == named:
        return  # a provisional assessment is current, but not among the kept ones
    found = rooms.store.assessment(named) if known_item(named) else None
    if found is None or found.asset != alarm.asset:
        expected = f"an assessment of asset {alarm.asset!r}"
        raise invalid_input([FieldError("body", "assessmentId", repr(named[:100]), expected)])


def _decision(decision_id: str, rooms: ApiRooms) -> Decision | None:
    """Walk the log back to one decision: people make few of them, and the log has no other key."""
    before: int | None = None
    while links := rooms.decisions.decisions(before_seq=before, limit=_SCAN):
        for link in links:
            if link.id == decision_id:
                return link
        before = links[-1].seq
    return None
