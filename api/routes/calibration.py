"""How well the owner's own statements came true."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import needs
from api.calibrating import calibration_answer, calibration_of
from api.polling import Made, tagged_answer
from api.questions import AnswerLanguage, Rooms, SpokenQuery
from api.schemas_calibration import CalibrationAnswer
from api.whole_query import asked_whole
from domain.access import Right

__all__ = ["router"]

router = APIRouter(
    tags=["accountability"], dependencies=[needs(Right.READ_RISKS), needs(Right.READ_DECISIONS), asked_whole]
)


@router.get(
    "/v1/calibration",
    response_model=CalibrationAnswer,
    responses={304: {}},
    summary="Compare what was stated with what happened",
)
def show_calibration(
    request: Request, rooms: Rooms, language: AnswerLanguage, _question: Annotated[SpokenQuery, Query()]
) -> Response:
    """Give the reliability curve, Brier score and skill, coverage of the life interval, and precision of alarms.

    From the outcomes that people of the organisation recorded as decisions. While they are too few, `forecast` and
    `remainingLife` are null and `summary` says how many there are.
    """
    answer = calibration_answer(calibration_of(rooms), rooms.settings.organisation, language)
    return tagged_answer(request, rooms, Made(answer), language=language)
