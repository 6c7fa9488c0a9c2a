"""Who asks, what that one may do, and of which organisation: the contract of every route and page.

For whoever writes a route or a page:

- Take `rooms: Rooms` (from `api.questions`), as before. It refuses who is not known (401; a page sends a person to
  `/login`), and holds the stores as the caller's organisation sees them: another organisation's asset is not there
  (404), lists leave it out, `rooms.settings.organisation` and the contact are those of the caller's organisation.
- Say which right the route asks for, on the route or for a whole router:
  `APIRouter(dependencies=[needs(Right.READ_RISKS)])`. 403 otherwise. A route that says nothing fails a test. A page
  has `dependencies=[*reads_pages(), follows()]`, because it shows something of every kind.
- Take `who: Who` for the caller: `who.name` (a person's name as it will stand under a decision), `who.organisation`
  (None: without authentication, all of them), `who.role`, `who.may(Right.WRITE_DECISIONS)` to leave out a button,
  `who.kind` (`person`, `key`, or `local` where no authentication is asked: then ask for a name in the form).
- Put `<input type="hidden" name="csrf_token" value="{{ csrf_token }}">` (`who.csrf_token`) in every form that writes,
  and `dependencies=[checked_form]` on the route that takes it: 403 when the token is missing or another's. Scripts
  may send it as the header `X-CSRF-Token` instead.
- A decision of a page goes through `rooms.decisions.append(...)`, with `who.name` as its name when `who.kind` is
  `person`.
- `GET /login` starts a login, `POST /logout` (with the token) ends it, `GET /v1/me` tells the same to scripts.

Systems send `Authorization: Bearer schouw_...`; people have a session cookie (HttpOnly, SameSite=Lax, Secure). Where
no authentication is asked (loopback only), everybody is an administrator called `local`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import Depends, Request
from starlette.datastructures import FormData

from api.algorithm.entry import OwnerFacts
from api.problems import FORM_NOT_OURS, ProblemError
from api.rooms import ApiRooms
from api.scoped import OrganisationDecisions
from domain.access import ROLE_RIGHTS, Caller, Organisation, Right, Role

__all__ = [
    "OPEN",
    "READING",
    "LoginNeededError",
    "Who",
    "checked_form",
    "cookie_name",
    "identify",
    "needs",
    "own_rooms",
    "reads_pages",
    "refuse_above",
    "refuse_without",
    "rooms_for",
    "rooms_of",
    "scoped_rooms",
    "session_token",
    "throttled",
]

_BEARER: Final = "bearer "
_FORM_FIELD: Final = "csrf_token"
_HEADER: Final = "x-csrf-token"
# A secret of ours has 50 characters; more is nobody's.
_SECRET_CHARACTERS: Final = 200
OPEN: Final = "open"  # marks a route that asks for no right, in `needs`
# What everybody of an organisation may read.
READING: Final = tuple(right for right in Right if right in ROLE_RIGHTS[Role.VIEWER])


class LoginNeededError(Exception):
    """A person opened a page without being logged in."""


def rooms_of(request: Request) -> ApiRooms:
    """Give what the service handed in: of all organisations; routes use `Rooms` instead."""
    rooms: Any = request.app.state.rooms
    if not isinstance(rooms, ApiRooms):
        raise TypeError(f"got rooms of type {type(rooms).__name__}, expected ApiRooms; use api.app.create_app")
    return rooms


def identify(request: Request) -> Caller:
    """Find out who asks.

    Raises
    ------
    ProblemError
        401 when nobody known does; 429 after too many failures from one address, or requests of one caller.
    LoginNeededError
        Instead of 401, when a browser asks for a page.
    """
    rooms = rooms_of(request)
    found = _caller(request, rooms)
    request.scope["schouw.caller"] = found
    throttled(rooms, found)
    return found


def throttled(rooms: ApiRooms, found: Caller) -> None:
    """Count a request of a caller; 429 when there were too many."""
    throttle = rooms.access.throttle
    if throttle is not None and found.kind != "local":
        refuse_above(throttle.wait_seconds("request", f"{found.kind} {found.id}"), "requests")


async def _known_caller(request: Request) -> Caller:
    """Find out who asks; a key found good within the last second is not looked up again, a session always is.

    So a revoked key holds a second longer at most, and a session ends with the logout.
    """
    rooms = rooms_of(request)
    authorization = request.headers.get("authorization")
    if authorization is None or "cookie" in request.headers or not rooms.access.required:
        return await to_thread.run_sync(identify, request)
    digest, now_ns = rooms.known.digest(authorization), rooms.wall_clock_ns()
    remembered = rooms.known.caller(digest, now_ns=now_ns) if request.method in {"GET", "HEAD"} else None
    if remembered is not None:
        request.scope["schouw.caller"] = remembered
        throttled(rooms, remembered)
        return remembered
    found = await to_thread.run_sync(identify, request)
    rooms.known.remember(digest, found, now_ns=now_ns)
    return found


Who = Annotated[Caller, Depends(_known_caller)]


def needs(right: Right | None) -> Any:
    """Make a dependency that asks for a right; None: any caller who is known."""

    async def check(who: Who) -> None:
        if right is not None:
            refuse_without(who, right)

    check.schouw_right = right  # type: ignore[attr-defined]  # read by the test that walks over all routes
    return Depends(check)


def refuse_without(who: Caller, right: Right) -> None:
    """Answer 403 to a caller who does not have a right."""
    if not who.may(right):
        raise ProblemError(
            403,
            "Not allowed",
            f"This needs the right {right.value!r}, which {who.name!r} (role {who.role.value}) does not have; "
            "ask an administrator of your organisation.",
        )


def reads_pages() -> list[Any]:
    """Make the dependencies of a page: all rights of a viewer, which every person has.

    A page puts risks, alarms, decisions and the register together; a key of a system that may read one of them has
    the routes of that one.
    """
    return [needs(right) for right in READING]


async def own_rooms(request: Request, who: Who) -> ApiRooms:
    """Give the stores as the caller's organisation sees them; asks nothing, so it needs no thread."""
    return scoped_rooms(request, who)


def scoped_rooms(request: Request, who: Caller) -> ApiRooms:
    """Give the stores as the caller's organisation sees them."""
    rooms = rooms_of(request)
    return rooms if who.organisation is None else rooms_for(rooms, who.organisation)


def rooms_for(rooms: ApiRooms, organisation: Organisation) -> ApiRooms:
    """Give the stores as one organisation sees them, under its name."""
    names = organisation.register_names
    store = rooms.store if names is None else rooms.store.of(names)
    overview = rooms.overview if names is None else rooms.overview.of(names)
    settings = replace(
        rooms.settings,
        organisation=organisation.name,
        contact_name=organisation.contact_name,
        contact_url=organisation.contact_url,
        contact_email=organisation.contact_email,
        false_alarms_per_year=organisation.false_alarms_per_year or rooms.settings.false_alarms_per_year,
        owner_facts=rooms.settings.organisation_facts.get(organisation.id, OwnerFacts()),
    )
    decisions = OrganisationDecisions(rooms.decisions, store, organisation)
    return replace(rooms, store=store, overview=overview, decisions=decisions, settings=settings)


async def _check_form(request: Request, who: Who) -> None:
    given: object = request.headers.get(_HEADER)
    if given is None:
        form: FormData = await request.form()
        given = form.get(_FORM_FIELD)
    expected = who.csrf_token
    if not expected or not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise ProblemError(
            403, FORM_NOT_OURS, "The form's token is missing or another's; open the page anew and send it again."
        )


checked_form: Final = Depends(_check_form)


def cookie_name(rooms: ApiRooms) -> str:
    """Give the name of the session's cookie; with the prefix a browser takes it from this host over TLS alone."""
    return "__Host-schouw" if rooms.access.secure_cookies else "schouw"


def session_token(rooms: ApiRooms, of: str) -> str:
    """Make the token that forms of one session carry."""
    return hmac.new(rooms.access.secret, of.encode(), hashlib.sha256).hexdigest()


def _caller(request: Request, rooms: ApiRooms) -> Caller:
    access = rooms.access
    _refuse_foreign_origin(request)
    if not access.required:
        _refuse_proxies(request)
        return Caller(
            kind="local",
            id="local",
            name="local",
            organisation=None,
            role=Role.ADMIN,
            rights=ROLE_RIGHTS[Role.ADMIN],
            csrf_token=session_token(rooms, "local"),
        )
    authorization = request.headers.get("authorization", "")
    cookie = request.cookies.get(cookie_name(rooms), "")
    if authorization:
        found = _by_key(authorization, rooms)
    elif cookie:
        found = _by_session(cookie, rooms)
    else:
        found = None
    if found is not None:
        return found
    if _wants_page(request):
        raise LoginNeededError
    if access.throttle is not None:
        address = request.client.host if request.client is not None else ""
        refuse_above(access.throttle.wait_seconds("failure", address), "keys or sessions that do not hold")
    got = "a key or session that does not hold (unknown, expired or revoked)" if authorization or cookie else "none"
    raise ProblemError(
        401,
        "Not known",
        f"Got {got}, expected `Authorization: Bearer` with a key, or the session of a person who is logged in.",
        headers={"WWW-Authenticate": 'Bearer realm="schouw"'},
    )


def _by_key(authorization: str, rooms: ApiRooms) -> Caller | None:
    secret = authorization[len(_BEARER) :].strip()
    if authorization[: len(_BEARER)].lower() != _BEARER or len(secret) > _SECRET_CHARACTERS:
        return None
    ledger = rooms.access.ledger
    key = ledger.find_key(secret, now_ns=rooms.wall_clock_ns()) if ledger is not None else None
    organisation = rooms.access.organisation(key.organisation) if key is not None else None
    if key is None or organisation is None:
        return None
    return Caller(
        kind="key",
        id=key.id,
        name=key.name,
        organisation=organisation,
        role=key.role,
        rights=key.rights & ROLE_RIGHTS[key.role],
    )


def _by_session(secret: str, rooms: ApiRooms) -> Caller | None:
    access = rooms.access
    if access.ledger is None or len(secret) > _SECRET_CHARACTERS:
        return None
    session = access.ledger.find_session(secret, now_ns=rooms.wall_clock_ns(), idle_ns=access.session_idle_ns)
    organisation = access.organisation(session.organisation) if session is not None else None
    if session is None or organisation is None:
        return None
    return Caller(
        kind="person",
        id=session.person,
        name=session.name,
        organisation=organisation,
        role=session.role,
        rights=ROLE_RIGHTS[session.role],
        csrf_token=session_token(rooms, secret),
    )


def _refuse_foreign_origin(request: Request) -> None:
    """Refuse a write that a page of another site makes, with a person's cookie or on this machine."""
    origin = request.headers.get("origin")
    if request.method in {"GET", "HEAD", "OPTIONS"} or origin is None:
        return
    if origin.rpartition("//")[2].lower() != request.headers.get("host", "").lower():
        raise ProblemError(
            403, "Foreign page", f"Got a write from a page of {origin[:100]!r}, expected one of our own."
        )


def _refuse_proxies(request: Request) -> None:
    """Without authentication nobody else may come in through a proxy on this machine."""
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip")):
        raise ProblemError(
            403,
            "Authentication is off",
            "This came through a proxy, while authentication is off and only this machine is served; "
            "set SCHOUW_ACCESS__REQUIRED=true.",
        )


def refuse_above(wait_seconds: float, what: str) -> None:
    """Answer 429 when there is a wait."""
    if wait_seconds > 0:
        seconds = max(1, round(wait_seconds + 0.5))
        raise ProblemError(
            429,
            "Too many requests",
            f"Too many {what} in a short time; ask again after {seconds} seconds.",
            headers={"Retry-After": str(seconds)},
        )


def _wants_page(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return request.method == "GET" and not request.url.path.startswith("/v1/") and "text/html" in accepted
