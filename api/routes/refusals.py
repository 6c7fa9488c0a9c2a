"""What was not taken in: refused messages, and senders that the register does not know."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import needs
from api.answers import dead_letter_item, quarantined_item
from api.conditional import json_response
from api.paging import next_cursor, page_link, read_page
from api.questions import PageQuery, Rooms, page_size
from api.schemas import DeadLetterItem, Listing, QuarantinedItem
from api.whole_query import asked_whole
from domain.access import Right
from storage.protocols import SensorKey, TimedKey

__all__ = ["router"]

router = APIRouter(tags=["refusals"], dependencies=[needs(Right.READ_REFUSALS), asked_whole])


@router.get("/v1/dead-letters", response_model=Listing[DeadLetterItem], summary="List refused messages, newest first")
def list_dead_letters(request: Request, rooms: Rooms, question: Annotated[PageQuery, Query()]) -> Response:
    """List messages and values that were refused, with the reason and the first bytes, newest first."""
    page = read_page(TimedKey, question.cursor, page_size(question, rooms), scope="dead-letters")
    found = rooms.store.dead_letters(after=page.after, limit=page.limit)
    cursor = next_cursor(found, page, lambda letter: TimedKey(letter.received_at_ns, letter.id))
    answer = Listing[DeadLetterItem](items=[dead_letter_item(letter) for letter in found[: page.size]], next=cursor)
    return json_response(answer, headers=page_link(request, cursor))


@router.get("/v1/quarantine", response_model=Listing[QuarantinedItem], summary="List unknown senders")
def list_quarantine(request: Request, rooms: Rooms, question: Annotated[PageQuery, Query()]) -> Response:
    """List sound messages from senders that are not in the register; they wait, nothing is lost."""
    page = read_page(SensorKey, question.cursor, page_size(question, rooms), scope="quarantine")
    found = rooms.store.quarantine(after=page.after, limit=page.limit)
    cursor = next_cursor(found, page, lambda sender: SensorKey(sender.gateway, sender.asset, sender.sensor))
    answer = Listing[QuarantinedItem](items=[quarantined_item(sender) for sender in found[: page.size]], next=cursor)
    return json_response(answer, headers=page_link(request, cursor))
