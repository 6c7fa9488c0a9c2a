"""The audit trail, for administrators: who wrote what, and who was denied."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import Who, needs
from api.conditional import json_response
from api.paging import next_cursor, page_link, read_page
from api.questions import PageQuery, Rooms, page_size
from api.schemas import Listing
from api.schemas_service import AuditItem
from api.times import rfc3339
from api.whole_query import asked_whole
from domain.access import Right

__all__ = ["router"]

router = APIRouter(tags=["access"], dependencies=[needs(Right.READ_AUDIT), asked_whole])


@router.get("/v1/audit-trail", response_model=Listing[AuditItem], summary="List writes and denied accesses")
def list_trail(request: Request, rooms: Rooms, who: Who, question: Annotated[PageQuery, Query()]) -> Response:
    """List the trail of the caller's organisation, newest first."""
    ledger = rooms.access.ledger
    page = read_page(int, question.cursor, page_size(question, rooms), scope="audit-trail")
    owner = None if who.organisation is None else who.organisation.id
    found = [] if ledger is None else ledger.audit(organisation=owner, before_id=page.after, limit=page.limit)
    cursor = next_cursor(found, page, lambda row: row.id)
    items = [
        AuditItem(
            id=str(row.id), occurred_at=rfc3339(row.at_ns), caller_kind=row.caller_kind, caller_id=row.caller_id,
            address=row.address, method=row.method, path=row.path, status=row.status,
        )
        for row in found[: page.size]
    ]  # fmt: skip
    return json_response(Listing[AuditItem](items=items, next=cursor), headers=page_link(request, cursor))
