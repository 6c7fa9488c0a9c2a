"""Alarms and decisions: what waits for a person, one alarm with its reasons, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.access import reads_pages
from api.figures import local_time
from api.languages import Language
from api.page_rows import alarm_row, decision_row, risk_row
from api.pages.cases import Case, gather
from api.pages.decide_form import DecideForm, may_decide, verb_choices
from api.pages.frame import PageQuestion, address, asset_names, page_language, render
from api.pages.live import follows
from api.pages.pager import turned
from api.paging import next_cursor, read_page
from api.questions import ItemPath, Rooms
from api.rooms import ApiRooms
from api.routes.alarms import known_alarm
from api.terms import alarm_title, subject_name, term
from api.texts import capital, text
from api.wording import say_reason
from domain.identifiers import AssetId
from domain.records import Alarm, AlarmState
from storage.event_alarms import alarms_of, unjudged
from storage.protocols import TimedKey

__all__ = ["router", "show_one_alarm"]

router = APIRouter(include_in_schema=False, dependencies=[*reads_pages(), follows()])

_ROWS: Final = 50
# Alarms that are gathered into cases at once; more than that open is a flood, and said so.
_OPEN_MOST: Final = 2000
# Alarms of one event that are linked to one by one.
_LINKS: Final = 20
_NOTHING_TYPED: Final = DecideForm()
_WAITING: Final = (AlarmState.OPEN, AlarmState.ACKNOWLEDGED)
_NOTHING: Final[dict[str, Any]] = {
    "cases": [],
    "count": 0,
    "flood": False,
    "leaf": None,
    "alarms": [],
    "decisions": [],
    "next_page": None,
}
_View = Literal["inbox", "alarms", "decisions"]


class AlarmsQuestion(PageQuestion):
    """What the page of alarms may be asked."""

    view: _View = "inbox"
    page: Annotated[int, Field(ge=1, le=1000)] = 1
    cursor: str | None = None


class AlarmQuestion(PageQuestion):
    """What the page of one alarm may be asked; `decided` right after a decision."""

    decided: Annotated[str, Field(max_length=64)] = ""


@router.get("/alarms")
def show_alarms(request: Request, rooms: Rooms, question: Annotated[AlarmsQuestion, Query()]) -> Response:
    """Show what waits for a person, all alarms, or all decisions."""
    language = page_language(request, question)
    values: dict[str, Any]
    match question.view:
        case "inbox":
            values = _inbox(rooms, question, language)
        case "alarms":
            values = _all_alarms(rooms, question, language)
        case "decisions":
            values = _all_decisions(rooms, question, language)
    views = (
        ("inbox", text("Waiting for a person", language)),
        ("alarms", text("All alarms", language)),
        ("decisions", text("All decisions", language)),
    )
    return render(
        "alarms.html",
        request,
        rooms,
        question,
        view=question.view,
        views=[
            (address("/alarms", question, view=code, page=1, cursor=None), name, code == question.view)
            for code, name in views
        ],
        **_NOTHING | values,
    )


@router.get("/alarms/{alarm_id:path}")
def show_alarm(
    request: Request, rooms: Rooms, alarm_id: ItemPath, question: Annotated[AlarmQuestion, Query()]
) -> Response:
    """Show one alarm: its reasons, how the structure stands, and what was decided about it."""
    return show_one_alarm(request, rooms, known_alarm(alarm_id, rooms), question, decided=question.decided)


def show_one_alarm(
    request: Request,
    rooms: ApiRooms,
    alarm: Alarm,
    question: PageQuestion,
    *,
    form: DecideForm = _NOTHING_TYPED,
    decided: str = "",
    status: int = 200,
) -> Response:
    """Lay out the page of one alarm, with the decision form as it was typed so far."""
    language = page_language(request, question)
    asset = rooms.store.asset(alarm.asset)
    risk = rooms.store.risk(alarm.asset)
    about = rooms.decisions.decisions(asset=alarm.asset, limit=_ROWS)
    return render(
        "alarm.html",
        request,
        rooms,
        question,
        status=status,
        form=form,
        verbs=verb_choices(language, with_alarm=True) if may_decide(request) else [],
        decided=decided,
        assessment="" if risk is None else risk.assessment_id,
        here=f"/alarms/{quote(alarm.id, safe='')}",
        here_alarm=alarm.id,
        event_count=len(unjudged(alarms_of(rooms.store, alarm.event_id))) if alarm.event_id else 0,
        alarm=alarm_row(alarm, language),
        asset_id=alarm.asset,
        is_registered=asset is not None,
        asset_name=alarm.asset if asset is None else asset.name,
        risk=None if asset is None or risk is None else risk_row(asset, risk, language, rooms.now_ns()),
        decisions=[decision_row(decision, language) for decision in about if decision.alarm_id == alarm.id],
    )


def _inbox(rooms: ApiRooms, question: AlarmsQuestion, language: Language) -> dict[str, Any]:
    alarms = rooms.store.alarms(states=_WAITING, limit=_OPEN_MOST + 1)
    cases = gather(alarms[:_OPEN_MOST])
    # Colleagues close cases meanwhile: a page that is no more shows the last one, never that nothing waits.
    leaf = turned(cases, question.page, _ROWS, lambda page: address("/alarms", question, page=page), language)
    names = asset_names(
        rooms, [alarm.asset for case in leaf.rows for alarm in case.alarms[: _LINKS if case.is_event else 1]]
    )
    return {
        "cases": [_case(case, names, language) for case in leaf.rows],
        "count": len(cases),
        "flood": len(alarms) > _OPEN_MOST,
        "leaf": leaf,
    }


def _case(case: Case, names: Mapping[AssetId, str], language: Language) -> dict[str, Any]:
    title = alarm_title(case.kind, language)
    if case.is_event:
        kinds = {alarm.kind for alarm in case.alarms}
        title = title if len(kinds) == 1 else text("signs of damage of several kinds", language)
    assets = len({alarm.asset for alarm in case.alarms})
    return {
        "is_event": case.is_event,
        "assets": assets,
        "members": [(alarm.id, names[alarm.asset]) for alarm in case.alarms[:_LINKS]] if case.is_event else [],
        "more": max(len(case.alarms) - _LINKS, 0),
        "id": case.first.id,
        "asset": case.asset,
        "name": names[case.asset],
        "title": capital(title),
        "is_about_condition": case.is_about_condition,
        "state": case.state.value,
        "state_label": term("alarm_state", case.state, language),
        "since": local_time(case.first.raised_at_ns, language),
        "subjects": ", ".join(subject_name(subject, language) for subject in case.subjects),
        "count": len(case.alarms),
        "reason": say_reason(case.first.reasons[0], language) if case.first.reasons else "",
    }


def _all_alarms(rooms: ApiRooms, question: AlarmsQuestion, language: Language) -> dict[str, Any]:
    page = read_page(TimedKey, question.cursor, _ROWS, scope="page alarms")
    found = rooms.store.alarms(after=page.after, limit=page.limit)
    cursor = next_cursor(found, page, _alarm_key)
    names = asset_names(rooms, [alarm.asset for alarm in found])
    return {
        "alarms": [(alarm.id, names[alarm.asset], alarm_row(alarm, language)) for alarm in found[: page.size]],
        "next_page": None if cursor is None else address("/alarms", question, cursor=cursor),
    }


def _all_decisions(rooms: ApiRooms, question: AlarmsQuestion, language: Language) -> dict[str, Any]:
    page = read_page(int, question.cursor, _ROWS, scope="page decisions")
    found = rooms.decisions.decisions(before_seq=page.after, limit=page.limit)
    cursor = next_cursor(found, page, lambda decision: decision.seq)
    names = asset_names(rooms, [decision.asset for decision in found])
    return {
        "decisions": [
            (
                decision.asset if rooms.store.asset(decision.asset) is not None else None,
                names[decision.asset],
                decision_row(decision, language),
            )
            for decision in found[: page.size]
        ],
        "next_page": None if cursor is None else address("/alarms", question, cursor=cursor),
    }


def _alarm_key(alarm: Alarm) -> TimedKey:
    return TimedKey(alarm.raised_at_ns, alarm.id)
