"""How it works: what is measured, how it is computed, what it cannot do, how good it was, who decides."""

from __future__ import annotations

import contextlib
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.access import LoginNeededError, identify, rooms_of
from api.calibrating import calibration_of
from api.figures import number
from api.languages import Language
from api.pages.frame import PageQuestion, page_language, render
from api.pages.outcomes import outcome_tables
from api.pages.promise import promise_texts, promised_text
from api.problems import ProblemError
from api.public import public_organisations, public_rooms
from api.rooms import ApiRooms
from api.texts import plural
from domain.measurements import DataQuality
from domain.records import AlarmState, is_about_condition

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_COUNTED_MOST = 5000


class AboutQuestion(PageQuestion):
    """Whose figures, where several organisations share the service."""

    organisation: Annotated[str | None, Field(max_length=64)] = None


@router.get("/about")
def show_about(request: Request, question: Annotated[AboutQuestion, Query()]) -> Response:
    """Explain the service to anybody, logged in or not, with the figures of one organisation."""
    rooms = rooms_of(request)
    if rooms.settings.public_page:
        # Whoever is known keeps the menu of the other pages; nobody has to be.
        with contextlib.suppress(LoginNeededError, ProblemError):
            identify(request)
    else:
        identify(request)
    language = page_language(request, question)
    own = _of_one(request, question.organisation)
    shown = own or rooms
    return render(
        "about.html",
        request,
        shown,
        question,
        figures=None if own is None else _figures(own, language),
        outcomes=None if own is None else outcome_tables(calibration_of(own), language),
        promised=promised_text(shown, language),
        others=[] if own else [(item.name, f"/about?organisation={item.id}") for item in public_organisations(rooms)],
    )


def _of_one(request: Request, organisation: str | None) -> ApiRooms | None:
    """Give the rooms of the one whose figures are shown; None where it is not said whose."""
    try:
        return public_rooms(request, organisation)
    except (LoginNeededError, ProblemError):
        if organisation is not None:
            raise
        return None


def _figures(rooms: ApiRooms, language: Language) -> dict[str, str | int]:
    """Give what was promised and what came of it, from this installation's own records."""
    tally = rooms.overview.tally()
    grades = rooms.overview.grades(rooms.now_ns())
    judged = rooms.store.alarms(states=(AlarmState.CONFIRMED, AlarmState.DISMISSED), limit=_COUNTED_MOST)
    condition = [alarm for alarm in judged if is_about_condition(alarm.kind)]
    assets, channels = tally.assets, sum(grades.values())
    confirmed = sum(alarm.state is AlarmState.CONFIRMED for alarm in condition)
    return {
        "assets": plural("{count} structure", "{count} structures", assets, language, count=number(assets, language)),
        "without_data": tally.unseen,
        "channels": plural(
            "{count} measured channel",
            "{count} measured channels",
            channels,
            language,
            count=number(channels, language),
        ),
        "good": number(grades.get(DataQuality.HIGH, 0), language),
        **promise_texts(rooms, tally, language),
        "judged": number(len(condition), language) if condition else "",
        "confirmed": number(confirmed, language),
        "dismissed": number(len(condition) - confirmed, language),
    }
