"""Why one assessment says what it says: parts that add up, and what would change it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import Who, needs
from api.explaining import explanation_item
from api.polling import Made, cached_answer
from api.problems import ProblemError, not_found
from api.questions import AnswerLanguage, AssetPath, ExplanationQuery, Rooms, registered
from api.schemas_explanation import ExplanationItem
from api.whole_query import asked_whole
from domain.access import Right

__all__ = ["router"]

router = APIRouter(tags=["risks"], dependencies=[needs(Right.READ_RISKS), asked_whole])


@router.get(
    "/v1/assets/{asset_id}/explanation",
    response_model=ExplanationItem,
    responses={304: {}},
    summary="Explain an assessment of one asset",
)
def show_explanation(
    request: Request,
    rooms: Rooms,
    who: Who,
    asset_id: AssetPath,
    language: AnswerLanguage,
    question: Annotated[ExplanationQuery, Query()],
) -> Response:
    """Explain the newest assessment, or the one that `assessment` names, from what was stored with it."""

    def make(as_of_ns: int) -> Made:
        asset = registered(asset_id, rooms)
        newest = rooms.store.risk(asset.id)
        chosen = newest
        if question.assessment is not None and (newest is None or newest.assessment_id != question.assessment):
            chosen = rooms.store.assessment(question.assessment)
            if chosen is None or chosen.asset != asset.id:
                raise not_found("assessment", question.assessment)
        explanation = rooms.explain(chosen, rooms.store) if chosen is not None else None
        if explanation is None:
            raise ProblemError(
                404,
                "No explanation",
                f"Asset {asset.id!r} has no assessment whose basis was stored. That says nothing about its condition.",
            )
        return Made(explanation_item(asset, explanation, language, as_of_ns))

    return cached_answer(request, rooms, who, make, language=language, fields=question.fields)
