"""The NL GOV API Design Rules: over the document, and over live answers where the document cannot tell."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from tests.unit.api.client import Client
from tests.unit.api.design_rules import RULES, operations
from tests.unit.api.town import SETTINGS, Town

PUBLIC = replace(SETTINGS, public_url="https://schouw.voorbeeld.test")
# Breaks every rule at least once, so that a rule which cannot fail is found.
BAD: dict[str, Any] = {
    "openapi": "2.0",
    "info": {"version": "v1", "contact": {"name": "x"}},
    "servers": [{"url": "https://x.test/api"}],
    "components": {"schemas": {"Thing": {"properties": {"madeAt": {"type": "string"}, "dueOn": {"type": "string"}}}}},
    "paths": {
        "/badPath/": {
            "get": {
                "parameters": [{"in": "query", "name": "page_size"}],
                "responses": {
                    "200": {"content": {"application/json": {}}},
                    "404": {"content": {"application/json": {"example": {}}}},
                    "422": {},
                },
            },
            "fetch": {},
        }
    },
}


@pytest.fixture
def document(town: Town) -> dict[str, Any]:
    town.settings = PUBLIC
    found: dict[str, Any] = town.client().get("/v1/openapi.json").json()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_the_document_keeps_the_rule(document: dict[str, Any], rule: str) -> None:
    assert RULES[rule](document) == []


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_finds_what_breaks_it(rule: str) -> None:
    assert RULES[rule](BAD) != []


def test_every_example_is_what_its_schema_describes(document: dict[str, Any]) -> None:
    checked = 0
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            for body in response.get("content", {}).values():
                if "example" in body and body.get("schema"):
                    schema = {**body["schema"], "components": document["components"]}
                    jsonschema.Draft202012Validator(schema).validate(body["example"])
                    checked += 1
                assert "$ref" in str(body.get("schema")) or status < "3", name
    assert checked >= 3 * len(list(operations(document)))


def test_the_document_is_open_to_scripts_of_other_sites(client: Client) -> None:
    answer = client.get("/v1/openapi.json", Origin="https://elsewhere.example")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"


def test_other_sites_scripts_may_read_nothing_else(client: Client) -> None:
    for path in ("/v1/risks", "/", "/livez", "/v1/assets/brug-042"):
        assert "access-control-allow-origin" not in client.get(path, Origin="https://elsewhere.example").headers


def times_in(body: Any) -> list[str]:
    if isinstance(body, dict):
        return [text for value in body.values() for text in times_in(value)]
    if isinstance(body, list):
        return [text for value in body for text in times_in(value)]
    return [body] if isinstance(body, str) and re.match(r"\d{4}-\d\d-\d\d[Tt ]", body) else []


def test_every_time_in_an_answer_is_utc_with_capital_letters(client: Client) -> None:
    seen = 0
    for path in ("/v1/risks", "/v1/alarms", "/v1/decisions", "/v1/sensors", "/v1/dead-letters", "/v1/quarantine"):
        for text in times_in(client.get(path).json()):
            seen += 1
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", text)
    assert seen > 10


SERIES = "/v1/assets/brug-042/series?sensor=tilt_1&channel=tilt.x&start="


def test_any_offset_is_accepted_and_none_is_refused(client: Client) -> None:
    same = [client.get(SERIES + text) for text in ("2026-09-21T12:00:00Z", "2026-09-21T14:00:00%2B02:00")]
    assert same[0].json() == same[1].json()
    assert same[0].status == 200
    assert client.get(SERIES + "2026-09-21T12:00:00").status == 400


def test_a_method_with_no_meaning_here_is_refused_with_what_is_taken(client: Client) -> None:
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        answer = client.send(method, "/v1/risks")
        assert answer.status == 405
        assert answer.headers["allow"] == "GET, HEAD"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("path", "status"), [("/v1/risks", 200), ("/v1/assets/nope", 404), ("/", 200)])
def test_head_answers_as_get_without_the_body(client: Client, path: str, status: int) -> None:
    asked, whole = client.send("HEAD", path), client.get(path)
    assert (asked.status, asked.content) == (status, b"")
    assert asked.headers["content-length"] == whole.headers["content-length"]
    assert asked.headers["content-type"] == whole.headers["content-type"]
