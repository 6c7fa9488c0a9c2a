"""Every error on every route has one shape, and none shows the insides."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import APIRoute

from api import pages
from api.app import create_app
from api.questions import REPEATED
from api.routes import alarms, assets, decisions, health, refusals, risks, sensors
from domain.errors import DecisionError, StorageCorrupt, StorageUnavailable
from tests.unit.api.client import Answer, Client
from tests.unit.api.memory_stores import MemoryStore
from tests.unit.api.town import SETTINGS, Town, make_town

API_PARTS = (alarms, assets, decisions, health, refusals, risks, sensors)
ROUTES = sorted(
    {("GET", "/v1/openapi.json")}
    | {
        (method, route.path.replace(":path", ""))
        for router in (*(part.router for part in API_PARTS), *pages.PARTS)
        for route in router.routes
        if isinstance(route, APIRoute)
        if route.path != "/live"  # a stream that does not end
        for method in route.methods or ()
    }
)
PATHS = sorted({path for _, path in ROUTES})
FORM_PATHS = {"/decisions", "/sensors/onboard"}  # refused before any store is asked, without the token of a page
STATIC_PATHS = {"/static/{name}", "/static/theme.css", "/static/logo"}
ASK_NO_STORE = FORM_PATHS | STATIC_PATHS | {"/livez", "/readyz", "/metrics", "/v1/openapi.json"}
DECISION = {"verb": "confirm", "decidedBy": "A", "reason": "b"}


@pytest.fixture(scope="module")
def client() -> Client:
    """One for all: what is refused leaves nothing behind."""
    return make_town().client()


@pytest.fixture(scope="module")
def storeless() -> Client:
    return Client(broken_app(make_town(), StorageUnavailable("database is locked at secret.db")))


def assert_problem(answer: Answer, status: int) -> dict[str, Any]:
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["api-version"] == "1.0.0"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= body.keys()
    assert body["status"] == status
    assert all(body[name] for name in ("title", "detail", "instance"))
    assert re.fullmatch(r"(/[A-Za-z0-9._~%-]*)+", body["instance"]), "a URI, whatever the address held"
    assert "Traceback" not in answer.text
    assert "secret" not in answer.text
    return body


def filled(path: str) -> str:
    names = {"asset_id": "brug-042", "alarm_id": "nope", "decision_id": "nope", "name": "schouw.css"}
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def test_the_walk_over_routes_is_not_empty() -> None:
    assert len(ROUTES) >= 20


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_is_not_taken_is_a_problem(client: Client, path: str) -> None:
    answer = client.send("DELETE", filled(path))
    assert_problem(answer, 405)
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/"])
def test_a_trailing_slash_is_not_found(client: Client, path: str) -> None:
    assert_problem(client.get(f"{filled(path)}/"), 404)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_foreign_host_is_refused_everywhere(client: Client, method: str, path: str) -> None:
    assert_problem(client.send(method, filled(path), host="evil.example"), 400)


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "{" in route[1]])
def test_an_unknown_thing_is_not_found(client: Client, method: str, path: str) -> None:
    for name in ("nope", "x" * 4000, "a%00b", "%F0%9F%92%A5", "..%2f..%2fetc"):
        target = path.replace("{asset_id}", name).replace("{alarm_id}", name).replace("{decision_id}", name)
        body = DECISION if method == "POST" else None
        assert_problem(client.send(method, target, json=body), 404)


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] not in ASK_NO_STORE])
def test_a_store_that_is_away_is_a_problem_with_a_time_to_return(storeless: Client, method: str, path: str) -> None:
    answer = storeless.send(method, filled(path), json=DECISION if method == "POST" else None)
    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


def test_what_is_unknown_says_where_the_known_ones_are(client: Client) -> None:
    told = {path: client.get(path).json()["detail"] for path in ("/v1/assets/nope", "/static/nope.css")}
    assert told == {
        "/v1/assets/nope": "There is no asset 'nope'; /v1/assets says which there are.",
        "/static/nope.css": "There is no file 'nope.css'.",
    }


def test_wrong_fields_are_counted_in_words(client: Client) -> None:
    one, two = (client.get(f"/v1/risks?pageSize=0{more}").json()["detail"] for more in ("", "&pagesize=1"))
    assert one.startswith("One field cannot be accepted: pageSize.")
    assert two.startswith("2 fields cannot be accepted: ")


def broken_app(town: Town, error: Exception) -> Any:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise error

    broken: Any = Broken()
    return create_app(replace(town.rooms(), store=broken, overview=broken, series=broken, decisions=broken))


@pytest.mark.parametrize("error", [RuntimeError("secret"), StorageCorrupt("page 7 of secret.db")])
def test_what_nobody_foresaw_is_an_internal_error_without_insides(town: Town, error: Exception) -> None:
    answer = Client(broken_app(town, error)).get("/v1/risks")
    assert_problem(answer, 500)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_all_that_is_wrong_is_said_at_once(client: Client) -> None:
    body = assert_problem(client.get("/v1/risks?pageSize=0&page_size=3&state=bad&lang=fr"), 400)
    assert {error["field"] for error in body["errors"]} == {"pageSize", "page_size", "state.0", "lang"}
    size = next(error for error in body["errors"] if error["field"] == "pageSize")
    assert size == {"in": "query", "field": "pageSize", "got": "'0'", "expected": "greater than or equal to 1"}


def test_a_page_may_not_be_larger_than_the_service_gives(client: Client) -> None:
    body = assert_problem(client.get("/v1/assets?pageSize=501"), 400)
    assert body["errors"][0]["expected"] == "a whole number from 1 to 500"
    assert client.get("/v1/assets?pageSize=500").status == 200


@pytest.mark.parametrize(
    "parts",
    [
        ["risks", 1, "0x1p+1"],
        ["risks", True, "0x1p+1", "a"],
        ["risks", 1, "nan", "a"],
        ["risks", 1, "0x1p+99999", "a"],
        ["risks", 2**64, "0x1p+1", "a"],
        ["risks", 1, "0x1p+1", "a\x00"],
        ["risks", 1.5, "0x1p+1", "a"],
        ["risks", 1, "0x1p+1", ["a"]],
        {"risks": 1},
        [],
        "risks",
    ],
)
def test_a_forged_cursor_is_refused(client: Client, parts: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")
    assert_problem(client.get(f"/v1/risks?cursor={cursor}"), 400)


@pytest.mark.parametrize("cursor", ["", "é", "%%%", "!!!!", "a" * 15_000, base64.b64encode(b"[" * 1500).decode()])
def test_a_broken_cursor_is_refused(client: Client, cursor: str) -> None:
    body = assert_problem(client.get(f"/v1/risks?cursor={cursor}"), 400)
    assert [error["field"] for error in body["errors"]] == ["cursor"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 50_000, b"null", b"[]", b'"text"', b'{"verb": "\\ud800"}', b"1e999"],
)
def test_a_body_that_is_no_decision_is_refused(client: Client, content: bytes) -> None:
    answer = client.send(
        "POST",
        "/v1/alarms/brug-042.condition.settlement.12/decisions",
        content=content,
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    assert_problem(answer, 400)


@pytest.mark.parametrize("declared", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_a_write_must_be_declared_as_json(town: Town, declared: str | None) -> None:
    headers = {} if declared is None else {"Content-Type": declared}
    path = "/v1/alarms/brug-042.condition.settlement.12/decisions"
    assert_problem(town.client().send("POST", path, content=json.dumps(DECISION).encode(), headers=headers), 415)
    assert len(town.decisions.links) == 1


def test_a_body_over_the_limit_is_refused_before_it_is_read(town: Town) -> None:
    town.settings = replace(SETTINGS, body_bytes_max=100)
    body = {**DECISION, "reason": "x" * 200}
    path = "/v1/alarms/brug-042.condition.settlement.12/decisions"
    assert_problem(town.client().post(path, body), 413)


def test_a_decision_that_the_log_refuses_is_the_callers(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise DecisionError("got no name, expected who decides")

    monkeypatch.setattr(town.decisions, "append", refuse)
    answer = town.client().post("/v1/alarms/brug-042.condition.settlement.12/decisions", DECISION)
    assert "who decides" in assert_problem(answer, 400)["detail"]


@pytest.mark.parametrize("path", ["/nope", "/v1", "/v1/", "/V1/risks", "/v1/risks/x", "/static/app.py", "/docs"])
def test_an_address_that_does_not_exist_is_a_problem(client: Client, path: str) -> None:
    assert_problem(client.get(path), 404)


def test_the_store_is_never_asked_for_what_cannot_be_an_identifier() -> None:
    class Listening(MemoryStore):
        def asset(self, asset: Any) -> Any:
            raise AssertionError(asset)

    town = make_town()
    town.store = Listening()
    assert town.client().get("/v1/assets/a%00b").status == 404


WRONG = {"pageSize": "9999", "cursor": "a b", "since": "a b", "fields": "nothing", "limit": "0", "bbox": "x"}
WRONG |= {"asset": "a b", "sensor": "a b", "channel": "%00", "state": "x", "event": "%00", "format": "x", "lang": "x"}
WRONG |= {"start": "x", "end": "x", "mode": "%00", "assessment": "%00", "organisation": "a b", "once": "x"}


def test_all_that_is_wrong_with_a_query_is_told_at_once(client: Client) -> None:
    """Of `pageSize=9999&cursor=x&fields=nothing` one was told, and the next only when that had been mended."""
    document = client.get("/v1/openapi.json").json()
    tried = 0
    for path, item in document["paths"].items():
        asked = [part["name"] for part in item.get("get", {}).get("parameters", ()) if part["in"] == "query"]
        wrong = [name for name in asked if name != "cursor" or "since" not in asked]
        query = "&".join(f"{name}={WRONG[name]}" for name in wrong)
        if not wrong:
            continue
        answer = client.get(f"/v1{re.sub('{[^}]*}', 'brug-042', path)}?{query}&strange=1")
        told = [error["field"].partition(".")[0] for error in assert_problem(answer, 400)["errors"]]
        assert sorted(told) == sorted([*wrong, "strange"]), path
        tried += len(wrong)
    assert tried > 60
    told = client.get("/v1/risks?lang=nl&lang=en&format=x&since=start&cursor=x&state=act").json()["errors"]
    assert [error["field"] for error in told] == ["lang", "cursor", "state", "format"]


def test_half_a_question_is_told_in_the_callers_own_names(client: Client) -> None:
    answer = client.get("/v1/assets/brug-042/series?pageSize=1&start=2026-01-01T00:00:00Z")
    errors = assert_problem(answer, 400)["errors"]
    assert [error["field"] for error in errors] == ["sensor", "channel"]
    assert {error["expected"] for error in errors} == {"a value, because of pageSize, start"}


def test_a_key_that_is_given_twice_is_refused_where_it_takes_one_value(client: Client) -> None:
    """Of `asset=a&asset=b` the last was taken, so the answer looked like that of both and was not."""
    document = client.get("/v1/openapi.json").json()
    tried = 0
    expected = {"got": "2 values", "expected": "one value; give this key once"}
    for path, item in document["paths"].items():
        if "get" not in item:
            continue
        asked = [part for part in item["get"].get("parameters", ()) if part["in"] == "query"]
        several = {part["name"] for part in asked if part["schema"].get("type") == "array"}
        assert several <= REPEATED, path
        for name in [part["name"] for part in asked if part["name"] not in several] or ["lang"]:
            answer = client.get(f"/v1{re.sub('{[^}]*}', 'brug-042', path)}?{name}=1&{name}=2")
            (error,) = assert_problem(answer, 400)["errors"]
            assert error == {"in": "query", "field": name, **expected}
            tried += 1
    assert tried > 60
    assert client.get("/v1/risks?state=act&state=watch").status == 200
