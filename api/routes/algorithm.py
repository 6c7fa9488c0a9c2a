"""What the algorithm is: the entry of the register, the model card, the data sheet, sensors, and one decision's log.

The entry, the card and the sensors in public space are for anybody where the owner lets them (`public`), the rest
for those who may read all that it is made of.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import reads_pages
from api.algorithm.entry import make_entry, missing_facts
from api.algorithm.papers import data_sheet, decision_paper, model_card, model_version, sensor_list
from api.conditional import json_text
from api.languages import Language
from api.pages.paper import paper_html
from api.public import public_rooms
from api.questions import AlgorithmQuery, AnswerLanguage, ItemPath, Rooms, SpokenQuery
from api.rooms import ApiRooms
from api.routes.decisions import known_decision
from api.schemas_papers import AlgorithmAnswer, DecisionLog
from api.whole_query import asked_whole

__all__ = ["algorithm_answer", "page_router", "router"]

router = APIRouter(tags=["accountability"], dependencies=[asked_whole])
page_router = APIRouter(include_in_schema=False)


@router.get("/v1/algorithm", response_model=AlgorithmAnswer, summary="Show what the algorithm is")
def show_algorithm(
    request: Request, language: AnswerLanguage, question: Annotated[AlgorithmQuery, Query()]
) -> Response:
    """Give the entry of the Algorithm Register (standard 1.0), what is missing in it, the model card and the sensors.

    Anybody may ask, where the owner has not switched that off; where several share the service, those who opened theirs
    are asked for by `organisation`.
    """
    return json_text(algorithm_answer(public_rooms(request, question.organisation), language), language)


@router.get(
    "/v1/decisions/{decision_id}/log",
    response_model=DecisionLog,
    dependencies=reads_pages(),
    summary="Follow one decision from reading to outcome",
)
def show_decision_log(
    rooms: Rooms, decision_id: ItemPath, language: AnswerLanguage, _question: Annotated[SpokenQuery, Query()]
) -> Response:
    """Give the readings, the assessment and its reasons, the alarm, the decision, and what came after."""
    return json_text(decision_paper(rooms, known_decision(decision_id, rooms), language), language)


@page_router.get(
    "/decisions/{decision_id}/log",
    dependencies=reads_pages(),
)
def print_decision_log(
    rooms: Rooms, decision_id: ItemPath, language: AnswerLanguage, _question: Annotated[SpokenQuery, Query()]
) -> Response:
    """Give the same as a page that prints."""
    paper = decision_paper(rooms, known_decision(decision_id, rooms), language)
    headers = {"Content-Language": language.value, "Vary": "Accept-Language"}
    return HTMLResponse(paper_html(paper, language, linked=True), headers=headers)


def algorithm_answer(rooms: ApiRooms, language: Language) -> dict[str, Any]:
    """Put together all that is told about the algorithm."""
    sheet = data_sheet(rooms, language)
    owner = rooms.settings.owner_facts
    try:
        entry: dict[str, Any] | None = make_entry(
            owner,
            organisation=rooms.settings.organisation,
            contact_email=rooms.settings.contact_email,
            assets=rooms.overview.tally().assets,
            channels=sheet["channels"],
            rate=rooms.settings.false_alarms_per_year,
            version=model_version(rooms),
        ).model_dump(mode="json", exclude_none=True)
    except ValueError:
        entry = None
    return {
        "registerEntry": entry,
        "missing": missing_facts(owner),
        "modelCard": model_card(rooms, language),
        "dataSheet": sheet,
        "sensors": sensor_list(rooms, language)["sensors"],
    }
