"""Decisions over HTTP: about an alarm or an asset, by whom, once, and never undone but by a later one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.access import Role
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from tests.unit.api.client import Answer, Client
from tests.unit.api.organisations import make_key, shared_town
from tests.unit.api.test_access import bearer, log_in
from tests.unit.api.town import Town

ALARM = "/v1/alarms/brug-042.condition.settlement.12/decisions"
ASSET = "/v1/assets/brug-042/decisions"
DECISION = {"verb": "inspect", "decidedBy": "A. Planner", "reason": "noise"}


def fields(answer: Answer) -> set[str]:
    assert answer.status == 400, answer.text
    return {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize("verb", list(DecisionVerb))
def test_every_verb_can_be_recorded_about_an_alarm(town: Town, client: Client, verb: DecisionVerb) -> None:
    needed: dict[str, dict[str, Any]] = {"plan": {"dueOn": "2026-10-05"}, "correct-condition": {"condition": 4}}
    extra = needed.get(verb.value, {})
    answer = client.post(ALARM, DECISION | {"verb": verb.value} | extra)
    assert answer.status == 201, answer.text
    assert answer.json()["verb"] == verb.value
    assert town.decisions.links[-1].alarm_id == "brug-042.condition.settlement.12"


def test_a_decision_without_an_alarm_is_about_the_asset(town: Town, client: Client) -> None:
    answer = client.post(ASSET, DECISION | {"verb": "plan", "dueOn": "2026-10-05"})
    assert answer.status == 201
    assert client.get(answer.headers["location"]).json() == answer.json()
    assert (town.decisions.links[-1].asset, town.decisions.links[-1].alarm_id) == ("brug-042", None)


@pytest.mark.parametrize("verb", ["acknowledge", "confirm", "dismiss"])
def test_what_is_about_an_alarm_needs_one(client: Client, verb: str) -> None:
    assert fields(client.post(ASSET, DECISION | {"verb": verb})) == {"verb"}


def test_it_rests_on_the_newest_assessment_unless_another_is_named(town: Town, client: Client) -> None:
    assert client.post(ASSET, DECISION).json()["assessmentId"] == "brug-042@2026-09-21T13"
    assert client.post(ASSET, DECISION | {"assessmentId": "brug-042@3"}).json()["assessmentId"] == "brug-042@3"
    for foreign in ("sluis-7@2026-09-21T13", "nope", "a\x00b", ""):
        assert fields(client.post(ASSET, DECISION | {"assessmentId": foreign})) == {"assessmentId"}
    town.store.newest.clear()
    assert client.post(ASSET, DECISION).json()["assessmentId"] is None


def test_a_provisional_assessment_that_was_followed_gives_way_to_the_newest(town: Town, client: Client) -> None:
    """They follow each other within minutes, so what a planner had just read was refused; sent again with a key too."""
    newest = town.store.newest[AssetId("brug-042")]
    read, after = (f"brug-042.20260921T1{hour}0000Z.p.0123456789abcdef" for hour in (3, 4))
    town.store.newest[AssetId("brug-042")] = replace(newest, assessment_id=read, provisional=True)
    body, once = DECISION | {"assessmentId": read}, {"Idempotency-Key": "order-1"}
    first = client.send("POST", ASSET, headers=once, json=body)
    assert (first.status, first.json()["assessmentId"]) == (201, read)
    town.store.newest[AssetId("brug-042")] = replace(newest, assessment_id=after, provisional=True)
    assert client.post(ASSET, body).json()["assessmentId"] == after
    again = client.send("POST", ASSET, headers=once, json=body)
    assert (again.status, again.json()) == (201, first.json())
    for foreign in (read.replace("brug-042", "sluis-7"), read.replace(".p.", "."), f"{read}\n", f"brug-0{read}"):
        refused = client.post(ASSET, DECISION | {"assessmentId": foreign})
        assert "or nothing for its newest" in refused.json()["errors"][0]["expected"], foreign
    town.store.newest.clear()
    assert fields(client.post(ASSET, body)) == {"assessmentId"}


def test_a_person_decides_under_their_own_name(tmp_path: Path) -> None:
    town, ledger = shared_town(tmp_path)
    headers = log_in(town, ledger)
    nameless = {key: value for key, value in DECISION.items() if key != "decidedBy"}
    answer = town.client().send("POST", ASSET, headers=headers, json=nameless)
    assert (answer.status, answer.json()["decidedBy"]) == (201, "P. Planner")
    assert fields(town.client().send("POST", ASSET, headers=headers, json=DECISION)) == {"decidedBy"}
    key = bearer(make_key(ledger, "oost", Role.PLANNER))
    assert fields(town.client().send("POST", ASSET, headers=key, json=nameless)) == {"decidedBy"}


def test_the_same_key_leads_to_one_decision(town: Town, client: Client) -> None:
    def post(key: str, body: dict[str, Any], path: str = ASSET) -> Answer:
        return client.send("POST", path, headers={"Idempotency-Key": key}, json=body)

    first = post("k1", DECISION)
    town.wall_clock_ns += 5
    again = post("k1", DECISION)
    assert (again.status, again.json()) == (201, first.json())
    other = post("k1", DECISION | {"reason": "another"})
    assert other.status == 409
    assert other.headers["content-type"] == "application/problem+json"
    assert post("k1", DECISION, ALARM).status == 409
    assert post("k2", DECISION).json()["id"] != first.json()["id"]
    assert len(town.decisions.links) == 3
    for bad in ("", "x" * 201):
        assert post(bad, DECISION).status == 400


def test_a_key_means_nothing_for_another_caller(tmp_path: Path) -> None:
    town, ledger = shared_town(tmp_path)
    client = town.client()
    answers = [
        client.send("POST", ASSET, headers=bearer(secret) | {"Idempotency-Key": "1"}, json=DECISION).json()["id"]
        for secret in (make_key(ledger, "oost", Role.PLANNER), make_key(ledger, "oost", Role.PLANNER))
    ]
    assert len(set(answers)) == 2


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_no_decision_can_be_changed_or_removed(town: Town, client: Client, method: str) -> None:
    before = list(town.decisions.links)
    assert client.send(method, "/v1/decisions/d1", json=DECISION).status == 405
    assert town.decisions.links == before
