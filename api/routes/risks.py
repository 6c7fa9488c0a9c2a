"""The ranking, what changed in it, and what was said about one asset before."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import Who, needs
from api.answers import risk_item
from api.paging import change_link, last_cursor, next_cursor, page_link, read_page, read_since
from api.polling import Made, cached_answer, media_type
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
from api.rooms import ApiRooms
from api.schemas import Listing, RiskItem
from api.whole_query import asked_whole
from domain.access import Right
from domain.records import RiskAssessment
from domain.register import Asset
from storage.protocols import RankKey, TimedKey

__all__ = ["router"]

router = APIRouter(tags=["risks"], dependencies=[needs(Right.READ_RISKS), asked_whole])

_TABLE = {"text/csv": {"schema": {"type": "string"}}}


@router.get(
    "/v1/risks",
    response_model=Listing[RiskItem],
    responses={200: {"content": _TABLE}, 304: {}},
    summary="List the newest assessment of each asset, most urgent first",
)
def list_risks(
    request: Request, rooms: Rooms, who: Who, language: AnswerLanguage, question: Annotated[RiskQuery, Query()]
) -> Response:
    """List what to look at first: by state (`act`, `watch`, `insufficient-data`, `ok`), then by cost of waiting.

    An asset that changes its place between two pages may be seen twice or not at all; one that stays is seen once.
    With `since` the list runs by time of change instead, and never skips or repeats a change; it is of all states, so
    that what leaves a state is told too. An asset that leaves the register is in neither list.
    """
    states = tuple(dict.fromkeys(question.state))
    size = page_size(question, rooms)

    def make(as_of_ns: int) -> Made:
        if question.since is not None:
            return _changes(request, rooms, question, size, as_of_ns, language)
        page = read_page(RankKey, question.cursor, size, scope=" ".join(["risks", *sorted(states)]))
        found = rooms.store.risks(after=page.after, limit=page.limit, states=states)
        cursor = next_cursor(found, page, lambda row: row[0])
        items = [risk_item(asset, risk, language, as_of_ns) for _, asset, risk in found[: page.size]]
        return Made(
            Listing[RiskItem](items=items, next=cursor), page_link(request, cursor), media_type(question.format)
        )

    return cached_answer(request, rooms, who, make, rests_on="risks", language=language, fields=question.fields)


def _changes(
    request: Request, rooms: ApiRooms, question: RiskQuery, size: int, as_of_ns: int, language: AnswerLanguage
) -> Made:
    page = read_since(question.since or "", size, scope="changed-risks")

    def key(row: tuple[Asset, RiskAssessment]) -> TimedKey:
        return TimedKey(row[1].revision, row[0].id)

    found = rooms.store.changed_risks(after=page.after, limit=page.limit)
    since = last_cursor(found, page, key)
    items = [risk_item(asset, risk, language, as_of_ns) for asset, risk in found[: page.size]]
    listing = Listing[RiskItem](items=items, next=None, next_since=since)
    return Made(listing, change_link(request, found, page, since), media_type(question.format))


@router.get(
    "/v1/assets/{asset_id}/risk",
    response_model=RiskItem,
    responses={304: {}},
    summary="Show the newest assessment of one asset",
)
def show_risk(
    request: Request,
    rooms: Rooms,
    who: Who,
    asset_id: AssetPath,
    language: AnswerLanguage,
    question: Annotated[LanguageQuery, Query()],
) -> Response:
    """Show the newest assessment; 404 while an asset has none yet, which says nothing about its condition."""

    def make(as_of_ns: int) -> Made:
        asset = registered(asset_id, rooms)
        risk = rooms.store.risk(asset.id)
        if risk is None:
            raise ProblemError(
                404,
                "Not assessed yet",
                f"Asset {asset.id!r} is registered, but nothing is known about its condition yet. That is not `ok`.",
            )
        return Made(risk_item(asset, risk, language, as_of_ns))

    return cached_answer(request, rooms, who, make, rests_on="risks", language=language, fields=question.fields)


@router.get(
    "/v1/assets/{asset_id}/risk/history",
    response_model=Listing[RiskItem],
    responses={304: {}},
    summary="List the final assessments of one asset, newest first",
)
def list_risk_history(
    request: Request,
    rooms: Rooms,
    who: Who,
    asset_id: AssetPath,
    language: AnswerLanguage,
    question: Annotated[RiskHistoryQuery, Query()],
) -> Response:
    """List what was said about one asset, newest first; a provisional one is kept only where people decided on it.

    What late readings changed stands before what it `replaces`, at the same `assessedAt`.
    """
    size = page_size(question, rooms)

    def make(as_of_ns: int) -> Made:
        asset = registered(asset_id, rooms)
        page = read_page(TimedKey, question.cursor, size, scope=f"risk-history {asset.id}")
        found = rooms.store.risk_history(asset.id, after=page.after, limit=page.limit)
        cursor = next_cursor(found, page, lambda risk: TimedKey(risk.assessed_at_ns, risk.assessment_id))
        items = [risk_item(asset, risk, language, as_of_ns) for risk in found[: page.size]]
        return Made(Listing[RiskItem](items=items, next=cursor), page_link(request, cursor))

    return cached_answer(request, rooms, who, make, language=language, fields=question.fields)
