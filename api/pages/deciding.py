"""The decision form: shown on the page of a structure and of an alarm, and taken here.

What was typed never gets lost: a form with a fault comes back with it, and says what is missing beside the field. The
decision goes into the same append-only log as through the API. A form that is sent twice, as by a double click, leads
to one decision.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from api.access import Who, checked_form, needs, reads_pages
from api.decided_on import assessment_decided_on
from api.decision_body import (
    ABOUT_ALARMS,
    DecisionBody,
    EventDecisionBody,
    draft_decision,
    draft_event,
    once_key,
)
from api.languages import Language
from api.pages.alarms import show_one_alarm
from api.pages.asset import AssetQuestion, show_asset
from api.pages.decide_form import DecideForm
from api.pages.frame import PageQuestion, address, page_language
from api.pages.live import follows
from api.questions import Rooms, registered
from api.rooms import ApiRooms
from api.routes.alarms import known_alarm
from api.texts import text
from api.times import has_come, parse_date
from domain.access import Caller, Right
from domain.identifiers import AssetId
from domain.records import EVENT_VERBS, YEARS, Alarm, Decision
from storage.event_alarms import alarms_of, unjudged
from storage.protocols import OnceKey

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_TEXT_MOST: Final = 4000


@router.post("/decisions", dependencies=[*reads_pages(), needs(Right.WRITE_DECISIONS), checked_form, follows()])
def take_decision(
    request: Request,
    rooms: Rooms,
    who: Who,
    asset: Annotated[str, Form(max_length=64)],
    verb: Annotated[str, Form(max_length=32)] = "",
    reason: Annotated[str, Form(max_length=_TEXT_MOST)] = "",
    decided_by: Annotated[str, Form(max_length=200)] = "",
    alarm: Annotated[str, Form(max_length=256)] = "",
    assessment: Annotated[str, Form(max_length=256)] = "",
    due_on: Annotated[str, Form(max_length=32)] = "",
    condition: Annotated[str, Form(max_length=8)] = "",
    failed_on: Annotated[str, Form(max_length=32)] = "",
    whole_event: Annotated[str, Form(max_length=8)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
    lang: Annotated[str, Form(max_length=2)] = "",
) -> Response:
    """Write a decision, and go back to where it was made."""
    about = registered(asset, rooms)
    question = AssetQuestion(lang=Language(lang) if lang in set(Language) else None)
    language = page_language(request, question)
    name = who.name if who.kind == "person" else decided_by.strip()
    given = DecideForm(
        verb=verb,
        reason=reason,
        decided_by=name,
        due_on=due_on,
        condition=condition,
        failed_on=failed_on,
        whole_event=bool(whole_event),
        once=once,
    )
    body, faults = _checked(given, _still_known(assessment, about.id, rooms), language)
    case = known_alarm(alarm, rooms) if alarm else None
    if body is not None and case is None and body.verb in ABOUT_ALARMS:
        faults["verb"] = text("Choose what you decide.", language)
    if case is not None and case.asset != about.id:
        faults["verb"] = text("This alarm is about another structure; open its page again.", language)
    if body is not None and body.failed_on is not None and not has_come(body.failed_on, rooms.wall_clock_ns()):
        faults["failed_on"] = text("Fill in a day that is not in the future.", language)
    event = case.event_id if case is not None and whole_event else ""
    key = None if body is None or faults else _once(given, body, about=event or alarm or about.id, who=who)
    if key is not None and (earlier := rooms.decisions.repeated(key)):
        return _back(earlier[0], case, question)
    struck = unjudged(alarms_of(rooms.store, event)) if event else []
    if body is not None and whole_event:
        if body.verb not in EVENT_VERBS:
            faults["verb"] = text("For a whole event: acknowledge, confirm, dismiss or inspect.", language)
        elif not struck:
            faults["verb"] = text("Each alarm of this event was judged already.", language)
    if body is None or faults:
        form = replace(given, faults=faults)
        if case is not None:
            return show_one_alarm(request, rooms, case, PageQuestion(lang=question.lang), form=form, status=422)
        return show_asset(request, rooms, about, question, form=form, status=422)
    if struck:
        asked = EventDecisionBody(verb=body.verb, decidedBy=body.decided_by, reason=body.reason)
        drafts = draft_event(asked, struck, who=who, rooms=rooms)
        decision = rooms.decisions.append_all(drafts, decided_at_ns=rooms.wall_clock_ns(), once=key)[0]
    else:
        draft = draft_decision(body, asset=about.id, alarm_id=None if case is None else case.id, who=who, rooms=rooms)
        decision = rooms.decisions.append(draft, decided_at_ns=rooms.wall_clock_ns(), once=key)
    return _back(decision, case, question)


def _back(decision: Decision, case: Alarm | None, question: PageQuestion) -> Response:
    path = f"/assets/{decision.asset}" if case is None else f"/alarms/{quote(case.id, safe='')}"
    target = address(path, PageQuestion(lang=question.lang), decided=decision.id)
    return Response(status_code=303, headers={"Location": f"{target}#decisions"})


def _once(given: DecideForm, body: DecisionBody, *, about: str, who: Caller) -> OnceKey | None:
    """Give the key of a form and of what was typed in it: who goes back in the browser and types on, decides again.

    The assessment is left out: an hour may close between the two clicks.
    """
    if not given.once:
        return None
    typed = body.model_copy(update={"assessment_id": None})
    return once_key(f"form\x1f{given.once}\x1f{typed.model_dump_json()}", typed, about=about, who=who)


def _still_known(assessment: str, asset: AssetId, rooms: ApiRooms) -> str:
    """Give the assessment that the page showed, or the one that has followed it; empty for none of this asset.

    A form must not be lost because an hour closed while its reason was typed.
    """
    try:
        return assessment_decided_on(rooms.store, asset, assessment) or "" if assessment else ""
    except LookupError:
        return ""


def _checked(given: DecideForm, assessment: str, language: Language) -> tuple[DecisionBody | None, dict[str, str]]:
    """Read the form as the API reads a decision; faults by field, in the reader's words."""
    says = {
        "verb": text("Choose what you decide.", language),
        "decided_by": text("Fill in your name: a decision always has a person.", language),
        "reason": text("Say why, in words an auditor understands.", language),
        "due_on": text("Fill in the day of the planned work.", language),
        "condition": text("Choose the inspected condition, 1 to 6.", language),
        "failed_on": text("Fill in the day on which it failed, or nothing.", language),
    }
    if _is_date(given.due_on):
        says["due_on"] = _expected_year(language)
    if _is_date(given.failed_on):
        says["failed_on"] = _expected_year(language)
    aliases = {"decidedBy": "decided_by", "dueOn": "due_on", "failedOn": "failed_on"}
    asked: dict[str, object] = {"verb": given.verb, "decidedBy": given.decided_by, "reason": given.reason}
    if assessment:
        asked["assessmentId"] = assessment
    if given.due_on:
        asked["dueOn"] = given.due_on
    if given.failed_on:
        asked["failedOn"] = given.failed_on
    if given.condition:
        asked["condition"] = int(given.condition) if given.condition.isdecimal() else given.condition
    try:
        body = DecisionBody.model_validate(asked)
    except ValidationError as error:
        wrong = [str(item["loc"][0]) for item in error.errors() if item["loc"]]
        names = [aliases.get(name, name) for name in wrong]
        return None, {name: says[name] for name in names if name in says}
    return body, {}


def _is_date(typed: str) -> bool:
    """Tell whether a day that was typed is one; what is wrong with it then is its year."""
    try:
        parse_date(typed)
    except ValueError:
        return False
    return True


def _expected_year(language: Language) -> str:
    return text("Fill in a day in a year from {first} to {last}.", language, first=YEARS[0], last=YEARS[-1])
