"""The ranking, and what was said about one asset before."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import needs
from api.answers import risk_item
from api.conditional import entity_tag, json_response, revalidated
from api.paging import next_cursor, page_link, read_page
from api.problems import ProblemError
from api.questions import (
    AnswerLanguage,
    AssetPath,
    LanguageQuery,
    RiskHistoryQuery,
    RiskQuery,
    Rooms,
    page_size,
    registered,
)
from api.schemas import Listing, RiskItem
from domain.access import Right
from storage.protocols import RankKey, TimedKey

__all__ = ["router"]

router = APIRouter(tags=["risks"], dependencies=[needs(Right.READ_RISKS)])


@router.get(
    "/v1/risks",
    response_model=Listing[RiskItem],
    responses={304: {}},
    summary="List the newest assessment of each asset, most urgent first",
)
def list_risks(
    request: Request, rooms: Rooms, language: AnswerLanguage, question: Annotated[RiskQuery, Query()]
) -> Response:
    """List what to look at first: by state (`act`, `watch`, `insufficient-data`, `ok`), then by cost of waiting.

    An asset that changes its place between two pages may be seen twice or not at all; one that stays is seen once.
    """
    states = tuple(dict.fromkeys(question.state))
    scope = " ".join(["risks", *sorted(states)])
    page = read_page(RankKey, question.cursor, page_size(question, rooms), scope=scope)
    found = rooms.store.risks(after=page.after, limit=page.limit, states=states)
    now_ns = rooms.now_ns()
    tag = entity_tag(found, page, language, now_ns=now_ns)
    if (unchanged := revalidated(request, tag, language)) is not None:
        return unchanged
    cursor = next_cursor(found, page, lambda row: row[0])
    items = [risk_item(asset, risk, language, now_ns) for _, asset, risk in found[: page.size]]
    answer = Listing[RiskItem](items=items, next=cursor)
    return json_response(answer, tag=tag, language=language, headers=page_link(request, cursor))


@router.get(
    "/v1/assets/{asset_id}/risk",
    response_model=RiskItem,
    responses={304: {}},
    summary="Show the newest assessment of one asset",
)
def show_risk(
    request: Request,
    rooms: Rooms,
    asset_id: AssetPath,
    language: AnswerLanguage,
    _question: Annotated[LanguageQuery, Query()],
) -> Response:
    """Show the newest assessment; 404 while an asset has none yet, which says nothing about its condition."""
    asset = registered(asset_id, rooms)
    risk = rooms.store.risk(asset.id)
    if risk is None:
        raise ProblemError(
            404,
            "Not assessed yet",
            f"Asset {asset.id!r} is registered, but nothing is known about its condition yet. That is not `ok`.",
        )
    now_ns = rooms.now_ns()
    tag = entity_tag(asset, risk, language, now_ns=now_ns)
    return revalidated(request, tag, language) or json_response(
        risk_item(asset, risk, language, now_ns), tag=tag, language=language
    )


@router.get(
    "/v1/assets/{asset_id}/risk/history",
    response_model=Listing[RiskItem],
    responses={304: {}},
    summary="List the final assessments of one asset, newest first",
)
def list_risk_history(
    request: Request,
    rooms: Rooms,
    asset_id: AssetPath,
    language: AnswerLanguage,
    question: Annotated[RiskHistoryQuery, Query()],
) -> Response:
    """List what was said about one asset, newest first; provisional assessments are not kept."""
    asset = registered(asset_id, rooms)
    page = read_page(TimedKey, question.cursor, page_size(question, rooms), scope=f"risk-history {asset.id}")
    found = rooms.store.risk_history(asset.id, after=page.after, limit=page.limit)
    now_ns = rooms.now_ns()
    tag = entity_tag(asset, found, page, language, now_ns=now_ns)
    if (unchanged := revalidated(request, tag, language)) is not None:
        return unchanged
    cursor = next_cursor(found, page, lambda risk: TimedKey(risk.assessed_at_ns, risk.assessment_id))
    answer = Listing[RiskItem](
        items=[risk_item(asset, risk, language, now_ns) for risk in found[: page.size]], next=cursor
    )
    return json_response(answer, tag=tag, language=language, headers=page_link(request, cursor))
