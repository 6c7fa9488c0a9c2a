"""Planned works, as people decided them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import needs
from api.answers import decision_item
from api.paging import next_cursor, page_link, read_page
from api.plans import standing_plans
from api.polling import Made, media_type, tagged_answer
from api.questions import PlanQuery, Rooms, page_size
from api.schemas import DecisionItem, Listing
from api.whole_query import asked_whole
from domain.access import Right

__all__ = ["router"]

router = APIRouter(tags=["decisions"], dependencies=[needs(Right.READ_DECISIONS), asked_whole])


@router.get(
    "/v1/plans",
    response_model=Listing[DecisionItem],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, 304: {}},
    summary="List the planned works that stand, by due date",
)
def list_plans(request: Request, rooms: Rooms, question: Annotated[PlanQuery, Query()]) -> Response:
    """List of each asset the newest decision to plan, by due date, as the work list has it.

    It stands until a `repair` says that it was done, or a `dismiss` or `accept-normal` that it is not needed.
    """
    page = read_page(str, question.cursor, page_size(question, rooms), scope="plans")
    found = [plan for plan in standing_plans(rooms) if page.after is None or _key(plan.due_on, plan.asset) > page.after]
    cursor = next_cursor(found, page, lambda plan: _key(plan.due_on, plan.asset))
    items = [decision_item(plan) for plan in found[: page.size]]
    made = Made(
        Listing[DecisionItem](items=items, next=cursor), page_link(request, cursor), media_type(question.format)
    )
    return tagged_answer(request, rooms, made, fields=question.fields)


def _key(due_on: str | None, asset: str) -> str:
    return f"{due_on or ''} {asset}"
