"""Logging in and out, and who is logged in.

A login is a visit to the organisation's own provider (OpenID Connect, code with PKCE) and back. What it gives is a
session of ours: a random secret in a cookie that scripts cannot read, and a row that ends it when it is left alone.
"""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.responses import RedirectResponse

from api.access import Who, checked_form, cookie_name, needs, refuse_above, rooms_of
from api.conditional import json_response
from api.languages import Language
from api.pages.frame import PageQuestion, address, page_language, render_bare
from api.problems import ProblemError
from api.rooms import ApiRooms
from api.schemas_service import CallerItem
from api.whole_query import asked_whole
from storage.access import Session

__all__ = ["page_router", "router"]

router = APIRouter(tags=["access"], dependencies=[asked_whole])
page_router = APIRouter(include_in_schema=False)

_NEXT: Final = "schouw.next"
_NS_PER_S: Final = 1_000_000_000


class LoginQuestion(PageQuestion):
    """Where to go after the login, and who is asked to vouch."""

    next: Annotated[str, Field(max_length=2000)] = "/"
    organisation: Annotated[str, Field(max_length=64)] = ""


@router.get("/v1/me", response_model=CallerItem, dependencies=[needs(None)], summary="Show who asks")
def show_me(who: Who) -> Response:
    """Show who asks, with which rights, and the token that writes by a form or script of a page must carry."""
    return json_response(
        CallerItem(
            kind=who.kind,
            id=who.id,
            name=who.name,
            organisation=None if who.organisation is None else who.organisation.name,
            role=who.role,
            rights=sorted(who.rights),
            csrf_token=who.csrf_token or None,
        )
    )


@page_router.get("/login")
async def start_login(request: Request, question: Annotated[LoginQuestion, Query()]) -> Response:
    """Send a person to the provider of their organisation; ask by a form which one where there are several."""
    rooms = rooms_of(request)
    login = rooms.access.login
    target = _local(question.next)
    if not rooms.access.required:
        return RedirectResponse(target, status_code=303)
    known = () if login is None else login.organisations
    chosen = known[0] if len(known) == 1 else question.organisation
    if login is None or chosen not in known:
        language = page_language(request, question)
        other = Language.ENGLISH if language is Language.DUTCH else Language.DUTCH
        return render_bare(
            "login.html",
            language,
            other_lang=other.value,
            other_language=address("/login", question, lang=other, next=target),
            is_public=rooms.settings.public_page,
            can_log_in=bool(known),
            typed=question.organisation,
            next=target,
        )
    _throttle(request, rooms)
    request.session[_NEXT] = target
    sent = await login.start(request, chosen, f"{rooms.settings.public_url}/login/{quote(chosen)}")
    if len(known) == 1:
        return sent
    # A form may lead to our own host alone (`form-action`), and browsers count redirects: so a page leads on.
    return render_bare("login_on.html", page_language(request, question), target=sent.headers["location"])


@page_router.get("/login/{organisation}")
async def finish_login(request: Request, organisation: str) -> Response:
    """Take back a person whom the provider knows, and start the session."""
    rooms = rooms_of(request)
    login, ledger = rooms.access.login, rooms.access.ledger
    if login is None or ledger is None or organisation not in login.organisations:
        raise ProblemError(404, "Unknown login", "There is no login at this address; begin at /login.")
    _throttle(request, rooms)
    person = await login.finish(request, organisation)
    target = _local(request.session.pop(_NEXT, "/"))
    request.session.clear()
    now_ns = rooms.wall_clock_ns()
    session = Session(
        person=person.id,
        name=person.name,
        organisation=organisation,
        role=person.role,
        created_at_ns=now_ns,
        expires_at_ns=now_ns + rooms.access.session_ns,
        last_used_ns=now_ns,
    )
    secret = await to_thread.run_sync(ledger.start_session, session)
    answer = RedirectResponse(target, status_code=303)
    answer.set_cookie(
        cookie_name(rooms),
        secret,
        max_age=rooms.access.session_ns // _NS_PER_S,
        path="/",
        secure=rooms.access.secure_cookies,
        httponly=True,
        samesite="lax",
    )
    return answer


@page_router.post("/logout", dependencies=[needs(None), checked_form])
def log_out(request: Request) -> Response:
    """End the session."""
    rooms = rooms_of(request)
    secret = request.cookies.get(cookie_name(rooms))
    if secret is not None and rooms.access.ledger is not None:
        rooms.access.ledger.end_session(secret)
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(
        cookie_name(rooms), path="/", secure=rooms.access.secure_cookies, httponly=True, samesite="lax"
    )
    return answer


def _local(target: object) -> str:
    """Give an address of this site; anything that a browser might take for another is the first page."""
    text = target if isinstance(target, str) else "/"
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_local and "\\" not in text else "/"


def _throttle(request: Request, rooms: ApiRooms) -> None:
    if rooms.access.throttle is not None:
        address = request.client.host if request.client is not None else ""
        refuse_above(rooms.access.throttle.wait_seconds("login", address), "logins")
