"""Hosts, headers and the OpenAPI document."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.api.client import Client
from tests.unit.api.town import SETTINGS, Town


@pytest.mark.parametrize("path", ["/v1/risks", "/", "/livez", "/v1/openapi.json", "/nope", "/static/schouw.css"])
def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["api-version"] == "1.0.0"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in headers


def test_what_is_not_meant_for_polling_is_not_stored(client: Client) -> None:
    for path in ("/v1/dead-letters", "/v1/quarantine", "/v1/me", "/", "/livez"):
        assert client.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("testserver", 200),
        ("TestServer:8000", 200),
        ("localhost:1", 200),
        ("testserver.evil.example", 400),
        ("[::1]:8000", 400),
    ],
)
def test_only_our_own_names_are_answered(client: Client, host: str, status: int) -> None:
    assert client.get("/livez", Host=host).status == status


def test_a_bracketed_address_can_be_allowed(town: Town) -> None:
    town.settings = replace(SETTINGS, allowed_hosts=("[::1]",))
    assert town.client().get("/livez", Host="[::1]:8000").status == 200


def test_a_demo_says_so_on_every_answer(town: Town) -> None:
    assert "schouw-demo" not in town.client().get("/v1/risks").headers
    town.settings = replace(SETTINGS, demo=True)
    assert town.client().get("/v1/risks").headers["schouw-demo"] == "true"
    assert "demonstration" in town.client().get("/v1/openapi.json").json()["info"]["description"]


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, item) for path, ways in document["paths"].items() for method, item in ways.items()]


def test_the_document_follows_the_design_rules(client: Client) -> None:
    answer = client.get("/v1/openapi.json", Origin="https://elsewhere.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    document = answer.json()
    assert document["openapi"].startswith("3.")
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["info"]["version"])
    assert set(document["info"]["contact"]) == {"name", "url", "email"}
    assert document["servers"][0]["url"].endswith("/v1")
    for path, _method, operation in operations(document):
        assert not path.endswith("/")
        for segment in path.split("/")[1:]:
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*|\{[a-z_]+\}", segment), path
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", parameter["name"])
    assert len(operations(document)) >= 15


def test_every_operation_documents_itself_and_its_errors(client: Client) -> None:
    document = client.get("/v1/openapi.json").json()
    identifiers = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(identifiers)) == len(identifiers)
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", identifier) for identifier in identifiers)
    for path, method, operation in operations(document):
        assert operation["summary"]
        assert operation["description"]
        responses = operation["responses"]
        assert {"400", "500", "503"} <= responses.keys()
        assert "422" not in responses
        assert ("404" in responses) == ("{" in path)
        assert ("415" in responses) == (method == "post")
        for status, response in responses.items():
            if status < "4":
                assert "API-Version" in response["headers"]
            else:
                assert list(response["content"]) == ["application/problem+json"]
                assert response["content"]["application/problem+json"]["example"]["status"] == int(status)


def test_every_reference_in_the_document_leads_somewhere(client: Client) -> None:
    text = client.get("/v1/openapi.json").text
    document = json.loads(text)
    for reference in set(re.findall(r'"#/([^"]+)"', text)):
        node = document
        for part in reference.split("/"):
            node = node[part]
        assert node
    assert "HTTPValidationError" not in text


def test_every_property_is_camel_case(client: Client) -> None:
    schemas = client.get("/v1/openapi.json").json()["components"]["schemas"]
    names = {name for schema in schemas.values() for name in schema.get("properties", {})}
    assert {"assessmentId", "expectedCostOfWaitingEur", "dataAgeSeconds", "in"} <= names
    assert all(re.fullmatch(r"[a-z]+([A-Z0-9][a-z0-9]*)*|q\d\d", name) for name in names)


def test_both_rules_of_the_ranking_stand_in_words(client: Client) -> None:
    description = client.get("/v1/openapi.json").json()["info"]["description"]
    assert "`act`: a condition alarm is open, or waiting" in description
    assert "`watch`: evidence of damage is growing" in description
