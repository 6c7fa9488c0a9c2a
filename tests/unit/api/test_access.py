"""Who may do what: keys, sessions, roles, organisations, forms, and the trail that is left."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Response
from fastapi.routing import APIRoute, iter_route_contexts

from api.access import Who, checked_form
from api.app import create_app
from api.examples import EXPLANATION
from domain.access import ROLE_RIGHTS, Right, Role
from domain.identifiers import AssetId
from storage.access import AccessStore, Session
from tests.unit.api.client import Answer, Client
from tests.unit.api.organisations import guard, make_key, open_ledger, shared_town
from tests.unit.api.samples import HOUR_NS, NOW_NS
from tests.unit.api.town import Town, make_town

DECISION = {"verb": "inspect", "decidedBy": "A. Planner", "reason": "seen"}
LOGIN_PATHS = {"/login", "/login/{organisation}"}
OPEN_PATHS = {"/about", "/livez", "/readyz", "/v1/openapi.json", "/static/{name}", "/static/theme.css", "/static/logo"}
# Open to anybody where one organisation uses the service; here there are two.
SHARED_PATHS = {"/v1/algorithm"}
# Taken from a page with the session's token alone; `test_decision_form.py` and `test_onboard.py` have the roles.
FORM_PATHS = {"/decisions", "/sensors/onboard"}
# They do not end; the browser's tests follow them.
STREAMS = {"/live"}


def furnished(folder: Path) -> tuple[Town, AccessStore]:
    town, ledger = shared_town(folder)
    town.explanations[town.store.newest[AssetId("brug-042")].assessment_id] = EXPLANATION
    town.store.alarm_rows = [replace(alarm, event_id=f"event-{alarm.asset}") for alarm in town.store.alarm_rows]
    return town, ledger


@pytest.fixture
def shared(tmp_path: Path) -> tuple[Town, AccessStore]:
    return furnished(tmp_path)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, AccessStore, Client]:
    """One application for the walks over all routes: a first question makes the document and the ways of its app."""
    town, ledger = furnished(tmp_path_factory.mktemp("lasting"))
    client = town.client()
    told = client.send(
        "POST",
        "/v1/alarms/brug-west.condition.settlement.4/decisions",
        headers=bearer(make_key(ledger, "west", Role.PLANNER)),
        json=DECISION | {"reason": "geheim van west"},
    )
    assert told.status == 201
    return town, ledger, client


@pytest.fixture(scope="module")
def only_read(tmp_path_factory: pytest.TempPathFactory) -> tuple[AccessStore, Client]:
    """One more, in which nobody decides anything: a decision names its alarm and its assessment."""
    town, ledger = furnished(tmp_path_factory.mktemp("only-read"))
    return ledger, town.client()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def rights_of(route: APIRoute) -> list[Right | None]:
    calls: list[Any] = [dependency.dependency for dependency in route.dependencies]
    return [call.schouw_right for call in calls if hasattr(call, "schouw_right")]


@cache
def all_routes() -> list[APIRoute]:
    found = [context.original_route for context in iter_route_contexts(create_app(make_town().rooms()).routes)]
    return [route for route in found if isinstance(route, APIRoute) and route.path not in FORM_PATHS | STREAMS]


def test_every_route_says_which_right_it_asks_for(town: Town) -> None:
    found = [context.original_route for context in iter_route_contexts(create_app(town.rooms()).routes)]
    routes = [route for route in found if isinstance(route, APIRoute)]
    assert {route.path for route in routes} >= FORM_PATHS | STREAMS
    silent = {route.path.replace(":path", "") for route in routes if not rights_of(route)}
    assert silent == OPEN_PATHS | LOGIN_PATHS | SHARED_PATHS


def filled(path: str, *, own: bool) -> str:
    asset = "brug-042" if own else "brug-west"
    alarm = "brug-042.condition.settlement.12" if own else "brug-west.condition.settlement.4"
    return (
        path.replace("{name:path}", "schouw.css")
        .replace("{event_id:path}", f"event-{asset}")
        .replace("{collection_id}", "risks")
        .replace("{feature_id:path}", asset)
        .replace("{asset_id}", asset)
        .replace("{alarm_id:path}", alarm)
        .replace("{decision_id}", "d1")
        .replace("{code}", "timeline")
    ) + ("?once=true" if path == "/v1/events" else "")


@pytest.mark.slow
@pytest.mark.parametrize("role", [None, *Role])
def test_each_role_reaches_what_its_rights_say_and_nothing_else(
    lasting: tuple[Town, AccessStore, Client], role: Role | None
) -> None:
    """The matrix: every route with every role; without a key nothing but what is meant to be open."""
    _, ledger, client = lasting
    headers = {} if role is None else bearer(make_key(ledger, "oost", role))
    asked = 0
    for route in all_routes():
        for method in route.methods or ():
            answer = client.send(
                method, filled(route.path, own=True), headers=headers, json=DECISION if method == "POST" else None
            )
            needed = set(rights_of(route)) - {None}
            if route.path.replace(":path", "") in OPEN_PATHS | {"/login"}:
                assert answer.status < 400, route.path
            elif route.path in LOGIN_PATHS:
                assert answer.status == 404, route.path
            elif role is None:
                assert answer.status == 401, route.path  # SHARED_PATHS too
                assert answer.headers["www-authenticate"].startswith("Bearer")
            elif route.path == "/logout":
                assert answer.status == 403, "a key fills in no forms"
            elif needed <= ROLE_RIGHTS[role] and "webhooks" in route.path:
                assert answer.status in {400, 503}, "none are set up here; tests/integration/test_webhooks.py has them"
            elif needed <= ROLE_RIGHTS[role]:
                assert answer.status < 400, (route.path, answer.text)
            else:
                assert answer.status == 403, route.path
            asked += 1
    assert asked > 20


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
def test_no_role_sees_anything_of_another_organisation(lasting: tuple[Town, AccessStore, Client], role: Role) -> None:
    town, ledger, client = lasting
    (theirs,) = [link for link in town.decisions.links if link.organisation == "west"]
    headers = bearer(make_key(ledger, "oost", role))
    for route in all_routes():
        for method in route.methods or ():
            path = filled(route.path, own=False).replace("/d1", f"/{theirs.id}")
            answer = client.send(method, path, headers=headers, json=DECISION if method == "POST" else None)
            # What one asked for oneself comes back in problems and in the own audit trail.
            is_echo = "{" in route.path or route.path == "/v1/audit-trail"
            shown = answer.text.replace("brug-west", "") if is_echo else answer.text
            assert "Gemeente West" not in shown, route.path
            assert "van West" not in shown, route.path
            assert "77777" not in shown, route.path
            assert "geheim van west" not in shown, route.path
            assert "brug-west" not in shown, route.path
            if any(f"{{{kind}_id" in route.path for kind in ("asset", "alarm", "decision", "feature")):
                assert answer.status in {404, 403}, (route.path, answer.status)
    assert [link.organisation for link in town.decisions.links].count("west") == 1


# What stands in answers by one right alone: a name under a decision, an alarm, an assessment, a figure of the register.
MARKS = {
    Right.READ_DECISIONS: ("J. de Vries", "Kraan is vrij"),
    Right.READ_ALARMS: ("brug-042.condition.settlement", "weg-12/sensor stuck/3", "weg-12%2Fsensor"),
    Right.READ_RISKS: ("brug-042@", "41540", "41.540", "41,540"),
    Right.READ_ASSETS: ("NL.IMBOR.42/a", "0.4321", "0,4321"),
}


# Addresses of pages that show more with a question than without.
ASKED_PATHS = ["/alarms?view=alarms", "/alarms?view=decisions", "/work-list?kind=ics", "/matrix?cell=1-4", "/?lang=en"]


@pytest.mark.parametrize("right", list(Right))
def test_a_key_with_one_right_finds_nothing_of_another(only_read: tuple[AccessStore, Client], right: Right) -> None:
    """The page of a structure, its report and the alarms' showed what `/v1` refused, with the names under decisions."""
    ledger, client = only_read
    headers = bearer(make_key(ledger, "oost", Role.ADMIN, rights=frozenset({right})))
    # The document has examples, and the trail has what these walks asked for.
    paths = {filled(route.path, own=True) for route in all_routes() if "GET" in (route.methods or ())}
    found: set[str] = set()
    for path in sorted(paths - {"/v1/openapi.json", "/v1/audit-trail"}) + ASKED_PATHS:
        shown = client.send("GET", path, headers=headers).text.replace(path, "")
        for of, marks in MARKS.items():
            seen = {mark for mark in marks if mark in shown}
            assert of is right or not seen, (path, of)
            found |= seen
    assert bool(found) is (right in MARKS), "the marks stand in what their right opens"


def test_the_right_to_make_webhooks_alone_opens_nothing(shared: tuple[Town, AccessStore]) -> None:
    """It would be told of decisions, with their names, that `/v1/decisions` refuses."""
    town, ledger = shared
    headers = bearer(make_key(ledger, "oost", Role.ADMIN, rights=frozenset({Right.MANAGE_WEBHOOKS, Right.READ_ALARMS})))
    for events, missing in ((["alarm", "decision"], "decisions:read"), (["risk"], "risks:read")):
        asked = {"url": "https://a.example/", "events": events}
        refused = town.client().send("POST", "/v1/webhooks", headers=headers, json=asked)
        assert (refused.status, missing in refused.json()["detail"]) == (403, True)
    allowed = {"url": "https://a.example/", "events": ["alarm"]}
    assert town.client().send("POST", "/v1/webhooks", headers=headers, json=allowed).status == 503, "none set up here"


def test_each_organisation_finds_its_own(shared: tuple[Town, AccessStore]) -> None:
    town, ledger = shared
    client = town.client()
    seen = {
        name: {row["asset"]["id"] for row in client.send("GET", "/v1/risks", headers=bearer(key)).json()["items"]}
        for name in ("oost", "west")
        for key in [make_key(ledger, name, Role.VIEWER)]
    }
    assert seen["west"] == {"brug-west"}
    assert "brug-042" in seen["oost"]
    assert "brug-west" not in seen["oost"]


def test_the_page_carries_the_name_of_the_callers_organisation(shared: tuple[Town, AccessStore]) -> None:
    town, ledger = shared
    page = town.client().send("GET", "/", headers=bearer(make_key(ledger, "west", Role.VIEWER))).text
    assert "Gemeente West" in page
    assert "Gemeente Oost" not in page


def test_a_key_may_have_fewer_rights_than_its_role(shared: tuple[Town, AccessStore]) -> None:
    town, ledger = shared
    headers = bearer(make_key(ledger, "oost", Role.ADMIN, rights=frozenset({Right.READ_ALARMS})))
    assert town.client().send("GET", "/v1/alarms", headers=headers).status == 200
    refused = town.client().send("GET", "/v1/risks", headers=headers)
    assert refused.status == 403
    assert "risks:read" in refused.json()["detail"]


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer schouw_nope", "Bearer " + "x" * 10_000],
)
def test_what_is_no_key_opens_nothing(shared: tuple[Town, AccessStore], authorization: str) -> None:
    answer = shared[0].client().send("GET", "/v1/risks", headers=[("Authorization", authorization)])
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_expired_key_and_a_revoked_one_open_nothing(shared: tuple[Town, AccessStore]) -> None:
    town, ledger = shared
    client = town.client()
    short = make_key(ledger, "oost", Role.VIEWER, expires_at_ns=town.wall_clock_ns + HOUR_NS)
    assert client.send("GET", "/v1/risks", headers=bearer(short)).status == 200
    town.wall_clock_ns += HOUR_NS
    assert client.send("GET", "/v1/risks", headers=bearer(short)).status == 401
    lasting = make_key(ledger, "oost", Role.VIEWER)
    assert client.send("GET", "/v1/risks", headers=bearer(lasting)).status == 200
    assert ledger.revoke_key(ledger.list_keys()[-1].id, now_ns=NOW_NS)
    town.wall_clock_ns += 1_000_000_000  # found keys are remembered for a second
    assert client.send("GET", "/v1/risks", headers=bearer(lasting)).status == 401


def test_a_key_of_an_organisation_that_is_gone_opens_nothing(shared: tuple[Town, AccessStore]) -> None:
    town, ledger = shared
    headers = bearer(make_key(ledger, "verdwenen", Role.ADMIN))
    assert town.client().send("GET", "/v1/risks", headers=headers).status == 401


def log_in(town: Town, ledger: AccessStore, role: Role = Role.PLANNER) -> dict[str, str]:
    now = town.wall_clock_ns
    session = Session(
        person="p1", name="P. Planner", organisation="oost", role=role,
        created_at_ns=now, expires_at_ns=now + 10 * HOUR_NS, last_used_ns=now,
    )  # fmt: skip
    return {"Cookie": f"schouw={ledger.start_session(session)}"}


def test_a_session_ends_when_it_is_left_alone_and_at_its_end(shared: tuple[Town, AccessStore]) -> None:
    town, ledger = shared
    cookie = log_in(town, ledger)
    client = town.client()
    for _ in range(9):
        town.wall_clock_ns += HOUR_NS - 1
        assert client.send("GET", "/v1/risks", headers=cookie).status == 200
    town.wall_clock_ns += HOUR_NS
    assert client.send("GET", "/v1/risks", headers=cookie).status == 401
    town.wall_clock_ns += 2 * HOUR_NS
    fresh = log_in(town, ledger)
    town.wall_clock_ns += HOUR_NS
    assert client.send("GET", "/v1/risks", headers=fresh).status == 401


def test_a_browser_is_sent_to_the_login_and_back(shared: tuple[Town, AccessStore]) -> None:
    answer = shared[0].client().get("/assets/brug-042?lang=nl", Accept="text/html,*/*")
    assert answer.status == 303
    assert answer.headers["location"] == "/login?next=%2Fassets%2Fbrug-042%3Flang%3Dnl&lang=nl"


def test_a_write_with_a_session_from_a_page_elsewhere_is_refused(shared: tuple[Town, AccessStore]) -> None:
    town, ledger = shared
    path = "/v1/alarms/brug-042.condition.settlement.12/decisions"
    headers = log_in(town, ledger)
    decision = DECISION | {"decidedBy": "P. Planner"}
    for origin in ("https://evil.example", "null", "http://testserver.evil.example"):
        assert town.client().send("POST", path, headers=headers | {"Origin": origin}, json=decision).status == 403
    assert len(town.decisions.links) == 1
    assert (
        town.client().send("POST", path, headers=headers | {"Origin": "http://testserver"}, json=decision).status == 201
    )


def form_client(town: Town) -> Client:
    app = create_app(town.rooms())
    router = APIRouter()

    @router.post("/form", dependencies=[checked_form])
    def take(who: Who) -> Response:
        return Response(who.name)

    @router.get("/form")
    def show(who: Who) -> Response:
        return Response(who.csrf_token)

    app.include_router(router)
    return Client(app)


def send_form(client: Client, token: str, headers: dict[str, str]) -> Answer:
    declared = {"Content-Type": "application/x-www-form-urlencoded"}
    return client.send("POST", "/form", headers=headers | declared, content=f"csrf_token={token}".encode())


def test_a_form_is_taken_with_the_token_of_its_own_session_alone(shared: tuple[Town, AccessStore]) -> None:
    town, ledger = shared
    client = form_client(town)
    first, second = log_in(town, ledger), log_in(town, ledger)
    token = client.send("GET", "/form", headers=first).text
    assert send_form(client, token, first).text == "P. Planner"
    for wrong in ("", "x", "é", token[:-1], client.send("GET", "/form", headers=second).text):
        assert send_form(client, wrong, first).status == 403
    assert client.send("POST", "/form", headers=first | {"X-CSRF-Token": token}).status == 200
    key = bearer(make_key(ledger, "oost", Role.ADMIN))
    assert send_form(client, "", key).status == 403


def test_without_authentication_a_form_needs_its_token_too(town: Town) -> None:
    client = form_client(town)
    assert send_form(client, client.get("/form").text, {}).status == 200
    assert send_form(client, "", {}).status == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_without_authentication_nobody_comes_in_through_a_proxy(town: Town, header: str) -> None:
    answer = town.client().send("GET", "/v1/risks", headers={header: "192.0.2.7"})
    assert answer.status == 403
    assert "SCHOUW_ACCESS__REQUIRED" in answer.json()["detail"]


def test_every_write_and_every_denied_access_is_in_the_trail(shared: tuple[Town, AccessStore]) -> None:
    town, ledger = shared
    client = town.client()
    planner, viewer = (make_key(ledger, "oost", role) for role in (Role.PLANNER, Role.VIEWER))
    path = "/v1/alarms/brug-042.condition.settlement.12/decisions"
    client.send("GET", "/v1/risks", headers=bearer(planner))
    client.send("POST", path, headers=bearer(planner), json=DECISION)
    client.send("POST", path, headers=bearer(planner), json={})
    client.send("POST", path, headers=bearer(viewer), json=DECISION)
    client.send("GET", "/v1/risks", headers=bearer("schouw_nope"))
    ids = {key.role: key.id for key in ledger.list_keys()}
    assert [(row.caller_kind, row.caller_id, row.method, row.path, row.status) for row in ledger.audit()] == [
        ("unknown", "", "GET", "/v1/risks", 401),
        ("key", ids[Role.VIEWER], "POST", path, 403),
        ("key", ids[Role.PLANNER], "POST", path, 400),
        ("key", ids[Role.PLANNER], "POST", path, 201),
    ]


def test_more_requests_than_allowed_wait_their_turn(tmp_path: Path, town: Town) -> None:
    ledger = open_ledger(tmp_path)
    client = guard(town, ledger, {"request": 3, "failure": 2, "login": 1}).client()
    headers, other = bearer(make_key(ledger, "oost", Role.VIEWER)), bearer(make_key(ledger, "oost", Role.VIEWER))
    assert [client.send("GET", "/v1/risks", headers=headers).status for _ in range(4)] == [200, 200, 200, 429]
    refused = client.send("GET", "/v1/risks", headers=headers)
    # All three may lie at the end of a minute of the clock, and slide out of the sixty seconds after it one by one.
    assert 1 <= int(refused.headers["retry-after"]) <= 121
    assert client.send("GET", "/v1/risks", headers=other).status == 200
    assert [client.get("/v1/risks").status for _ in range(3)] == [401, 401, 429]
    assert client.send("GET", "/v1/risks", headers=other).status == 200


def test_last_use_is_kept_and_no_secret_is(shared: tuple[Town, AccessStore], tmp_path: Path) -> None:
    town, ledger = shared
    secret = make_key(ledger, "oost", Role.VIEWER)
    assert ledger.list_keys()[0].last_used_ns is None
    town.client().send("GET", "/v1/risks", headers=bearer(secret))
    assert ledger.list_keys()[0].last_used_ns == town.wall_clock_ns
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("access.sqlite*"))
    assert secret.removeprefix("schouw_").encode() not in stored
