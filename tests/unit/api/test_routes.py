"""Each route asks the right thing and answers in the agreed form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from api.app import PartState, Readiness
from api.examples import EXPLANATION
from domain.identifiers import AssetId
from domain.measurements import DataQuality
from domain.records import RiskState
from tests.unit.api.client import Client
from tests.unit.api.samples import HOUR_NS, NOW_NS, make_asset, make_risk, make_status
from tests.unit.api.town import Town

ALARM = "/v1/alarms/brug-042.condition.settlement.12"


def pages(client: Client, path: str) -> list[list[dict[str, Any]]]:
    """Follow `next` to the end of a list."""
    join = "&" if "?" in path else "?"
    found, cursor = [], ""
    while True:
        answer = client.get(f"{path}{join}pageSize=2{cursor}")
        assert answer.status == 200, answer.text
        body = answer.json()
        found.append(body["items"])
        assert len(found) < 20
        if body["next"] is None:
            assert "link" not in answer.headers
            return found
        assert answer.headers["link"].endswith('rel="next"')
        assert f"cursor={body['next']}" in answer.headers["link"]
        cursor = f"&cursor={body['next']}"


def test_risks_are_ranked_and_complete(client: Client) -> None:
    body = client.get("/v1/risks").json()
    assert [item["asset"]["id"] for item in body["items"]] == ["brug-042", "sluis-7", "weg-12", "tunnel-1"]
    assert body["next"] is None
    first = body["items"][0]
    assert first == {
        "asset": {"id": "brug-042", "name": "Brug over de Dommel", "type": "bridge"},
        "assessmentId": "brug-042@2026-09-21T13",
        "assessedAt": "2026-09-21T13:13:20Z",
        "provisional": False,
        "state": "act",
        "dataQuality": "high",
        "probabilityOfFailure": [
            {"horizonDays": 30, "value": 0.11, "low": 0.05, "high": 0.19},
            {"horizonDays": 90, "value": 0.31, "low": 0.18, "high": 0.47},
            {"horizonDays": 365, "value": 0.83, "low": 0.6, "high": 0.95},
        ],
        "remainingLifeDays": {"q10": 60.0, "q50": 170.0, "q90": 420.0},
        "healthIndex": 0.41,
        "failureMode": "settlement",
        "indicativeCondition": 4,
        "inspectedCondition": 2,
        "inspectedOn": "2024-05-04",
        "expectedCostOfWaitingEur": 41540.0,
        "advice": "Inspect within two weeks: an alarm is open.",
        "adviceCode": "inspect_soon",
        "reasons": [
            "An alarm has been open for 12 days: signs of settlement.",
            "2 different measurements point to settlement.",
        ],
        "reasonCodes": ["alarm_open", "quantities_agree"],
        "revised": False,
        "replaces": None,
        "modelVersion": "1.0.0",
        "dataAgeSeconds": 2800.0,
        "revision": 7,
    }


def test_no_data_is_not_healthy(client: Client) -> None:
    item = client.get("/v1/assets/weg-12/risk").json()
    assert item["state"] == "insufficient-data"
    assert item["dataQuality"] == "none"
    assert item["remainingLifeDays"] is item["healthIndex"] is item["indicativeCondition"] is None


def test_an_asset_without_assessment_is_named_as_such(client: Client) -> None:
    answer = client.get("/v1/assets/kade-3/risk")
    assert answer.status == 404
    assert answer.json()["title"] == "Not assessed yet"


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/v1/risks", 4),
        ("/v1/assets", 5),
        ("/v1/assets/brug-042/risk/history", 5),
        ("/v1/alarms", 3),
        ("/v1/dead-letters", 3),
        ("/v1/quarantine", 3),
        ("/v1/sensors", 3),
        ("/v1/assets/brug-042/series?sensor=tilt_1&channel=tilt.x", 6),
    ],
)
def test_pages_hold_each_item_once(client: Client, path: str, count: int) -> None:
    whole = client.get(path).json()["items"]
    assert len(whole) == count
    parts = pages(client, path)
    assert [item for part in parts for item in part] == whole
    assert all(len(part) == 2 for part in parts[:-1])


def test_decisions_are_paged_newest_first(client: Client) -> None:
    for number in range(4):
        client.post(f"{ALARM}/decisions", {"verb": "confirm", "decidedBy": "A", "reason": str(number)})
    assert [[item["id"] for item in part] for part in pages(client, "/v1/decisions")] == [
        ["d5", "d4"],
        ["d3", "d2"],
        ["d1"],
    ]


@pytest.mark.parametrize("cost", [float("inf"), 1e300, 0.1 + 0.2])
def test_a_cursor_keeps_every_cost_exactly(town: Town, cost: float) -> None:
    for name in ("a", "b", "c"):
        town.store.asset_rows.append(make_asset(name, name))
        town.store.newest[make_asset(name, name).id] = make_risk(name, RiskState.ACT, cost)
    found = [item["asset"]["id"] for part in pages(town.client(), "/v1/risks?state=act") for item in part]
    assert sorted(found) == ["a", "b", "brug-042", "c"]


def test_a_cursor_of_another_list_or_filter_is_refused(client: Client) -> None:
    cursor = client.get("/v1/alarms?pageSize=1").json()["next"]
    for path in ("/v1/alarms?asset=brug-042", "/v1/dead-letters?", "/v1/risks?"):
        answer = client.get(f"{path}&cursor={cursor}")
        assert answer.status == 400
        assert answer.json()["errors"][0]["field"] == "cursor"


def test_filters_narrow(client: Client) -> None:
    states = client.get("/v1/risks?state=watch&state=ok").json()["items"]
    assert [item["state"] for item in states] == ["watch", "ok"]
    alarms = client.get("/v1/alarms?asset=brug-042&state=open").json()["items"]
    assert [item["id"] for item in alarms] == ["brug-042.condition.settlement.12"]
    assert {item["asset"] for item in client.get("/v1/sensors?asset=brug-042").json()["items"]} == {"brug-042"}


def test_an_alarm_identifier_may_hold_anything_readable(client: Client) -> None:
    item = client.get("/v1/alarms/weg-12%2Fsensor%20stuck%2F3").json()
    assert item["id"] == "weg-12/sensor stuck/3"
    body = {"verb": "dismiss", "decidedBy": "A", "reason": "b"}
    answer = client.post("/v1/alarms/weg-12%2Fsensor%20stuck%2F3/decisions", body)
    assert answer.status == 201
    assert answer.json()["asset"] == "weg-12"


def test_series_without_channel_lists_what_there_is(client: Client) -> None:
    body = client.get("/v1/assets/brug-042/series").json()
    assert body == {
        "items": [{"sensor": "tilt_1", "channel": "tilt.x", "unit": "mrad"}],
        "next": None,
        "nextSince": None,
    }


def test_series_is_cut_by_time_with_any_offset(client: Client) -> None:
    path = "/v1/assets/brug-042/series?sensor=tilt_1&channel=tilt.x"
    body = client.get(f"{path}&start=2026-09-21T12:13:20%2B02:00&end=2026-09-21T12:13:20Z").json()
    assert [item["start"] for item in body["items"]] == ["2026-09-21T10:13:20Z", "2026-09-21T11:13:20Z"]
    assert body["unit"] == "mrad"
    unencoded = client.get(f"{path}&start=2026-09-21T12:13:20+02:00&end=2026-09-21T12:13:20Z").json()
    assert unencoded["items"] == body["items"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("sensor=tilt_1", {"channel"}),
        ("start=2026-09-21T12:00:00Z", {"sensor", "channel"}),
        ("sensor=tilt_1&channel=tilt.x&start=2026-09-21T12:00:00", {"start"}),
        ("sensor=tilt_1&channel=tilt.x&end=9999-01-01T00:00:00Z&start=2026-13-01T00:00:00Z", {"start", "end"}),
        ("sensor=til%00&channel=a%00", {"sensor", "channel"}),
    ],
)
def test_series_refuses_what_it_cannot_mean(client: Client, query: str, fields: set[str]) -> None:
    answer = client.get(f"/v1/assets/brug-042/series?{query}")
    assert answer.status == 400
    assert {error["field"] for error in answer.json()["errors"]} == fields


def test_a_channel_that_was_never_stored_is_not_found(client: Client) -> None:
    answer = client.get("/v1/assets/brug-042/series?sensor=tilt_1&channel=tilt.z")
    assert answer.status == 404
    assert "tilt.z" in answer.json()["detail"]


def test_a_decision_is_written_and_found_again(town: Town, client: Client) -> None:
    answer = client.post(
        f"{ALARM}/decisions",
        {
            "verb": "plan",
            "decidedBy": " J. de Vries ",
            "reason": "Kraan is vrij.\nZie mail.",
            "dueOn": "2026-10-05",
            "assessmentId": "brug-042@2026-09-21T13",
        },
    )
    assert answer.status == 201
    body = answer.json()
    assert answer.headers["location"] == f"/v1/decisions/{body['id']}"
    assert body["decidedBy"] == "J. de Vries"
    assert (body["asset"], body["dueOn"], body["decidedAt"]) == ("brug-042", "2026-10-05", "2026-09-21T14:13:21Z")
    assert client.get(answer.headers["location"]).json() == body
    assert town.decisions.links[-1].alarm_id == "brug-042.condition.settlement.12"


def test_a_kept_assessment_may_be_the_ground_of_a_decision(client: Client) -> None:
    body = {"verb": "inspect", "decidedBy": "A", "reason": "b", "assessmentId": "brug-042@3"}
    assert client.post(f"{ALARM}/decisions", body).status == 201


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"verb", "decidedBy", "reason"}),
        ({"verb": "inspect", "reason": "b"}, {"decidedBy"}),
        ({"verb": "plan", "decidedBy": " ", "reason": ""}, {"decidedBy", "reason", "dueOn"}),
        ({"verb": "correct-condition", "decidedBy": "A", "reason": "b"}, {"condition"}),
        ({"verb": "correct-condition", "decidedBy": "A", "reason": "b", "condition": True}, {"condition"}),
        ({"verb": "correct-condition", "decidedBy": "A", "reason": "b", "condition": 7}, {"condition"}),
        ({"verb": "explode", "decidedBy": 3, "reason": "\x00", "extra": 1}, {"verb", "decidedBy", "reason", "extra"}),
        ({"verb": "plan", "decidedBy": "A", "reason": "b", "dueOn": 20260101}, {"dueOn"}),
        ({"verb": "plan", "decidedBy": "A", "reason": "b", "dueOn": "2026-02-30"}, {"dueOn"}),
        ({"verb": "plan", "decidedBy": "A", "reason": "b", "dueOn": "9999-12-31"}, {"dueOn"}),
        ({"verb": "repair", "decidedBy": "A", "reason": "b", "failedOn": "0026-02-11"}, {"failedOn"}),
        ({"verb": "inspect", "decidedBy": "A", "reason": "b", "assessmentId": "sluis-7@1"}, {"assessmentId"}),
        ({"verb": "inspect", "decidedBy": "A", "reason": "b", "assessmentId": "x\x00"}, {"assessmentId"}),
    ],
)
def test_a_wrong_decision_is_refused_with_all_that_is_wrong(
    town: Town, client: Client, body: dict[str, Any], fields: set[str]
) -> None:
    answer = client.post(f"{ALARM}/decisions", body)
    assert answer.status == 400
    assert {error["field"] for error in answer.json()["errors"]} == fields
    assert all(error["got"] and error["expected"] for error in answer.json()["errors"])
    assert len(town.decisions.links) == 1


def test_a_decision_about_an_unknown_alarm_is_not_found(client: Client) -> None:
    answer = client.post("/v1/alarms/nope/decisions", {"verb": "confirm", "decidedBy": "A", "reason": "b"})
    assert answer.status == 404


def test_dead_letters_show_bytes_that_are_no_text(client: Client) -> None:
    assert client.get("/v1/dead-letters").json()["items"][0]["head"] == "\\xff{"


def test_a_sensor_never_heard_has_no_age(client: Client) -> None:
    items = {item["sensor"]: item for item in client.get("/v1/sensors").json()["items"]}
    assert items["m1"]["lastTime"] is items["m1"]["dataAgeSeconds"] is items["m1"]["lastValue"] is None
    assert items["tilt_1"]["dataAgeSeconds"] == 2800.0, "to the last full quarter of an hour, 14:00"


def test_a_sensor_that_fell_silent_has_no_grade_any_more(town: Town) -> None:
    """Its page said so, and the answer to programs went on to call it good."""
    town.store.statuses = [make_status("brug-042", "old", "tilt.x", last_time_ns=NOW_NS - 30 * HOUR_NS)]
    (item,) = town.client().get("/v1/sensors").json()["items"]
    assert (item["quality"], item["lastValue"]) == ("none", 0.4321)


def test_a_clock_behind_the_readings_gives_age_zero(town: Town) -> None:
    town.now_ns = NOW_NS - 5 * HOUR_NS
    assert town.client().get("/v1/assets/brug-042/risk").json()["dataAgeSeconds"] == 0


def test_readiness_names_the_part_that_is_away(town: Town, client: Client) -> None:
    assert client.get("/readyz").status == 200
    town.readiness = Readiness(False, (PartState("broker", False, "away, retried every 5 s", NOW_NS),))
    answer = client.get("/readyz")
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "ready": False,
        "parts": [
            {"name": "broker", "ok": False, "detail": "away, retried every 5 s", "since": "2026-09-21T14:13:20Z"}
        ],
    }


def test_health_and_metrics_answer(client: Client) -> None:
    assert client.get("/livez").json() == {"live": True}
    assert client.get("/metrics").text == "ingest_messages_total 3\n"
    assert client.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_sentences_come_in_the_language_asked_for(client: Client) -> None:
    english = client.get("/v1/assets/brug-042/risk")
    assert english.headers["content-language"] == "en"
    dutch = client.get("/v1/assets/brug-042/risk", Accept_Language="fr,nl;q=0.9,en;q=0.1")
    assert dutch.headers["content-language"] == "nl"
    assert "Accept-Language" in dutch.headers["vary"]
    assert dutch.json()["reasons"][0] == "Er staat al 12 dagen een alarm open: tekenen van verzakking."
    asked = client.get("/v1/assets/brug-042/risk?lang=en", Accept_Language="nl")
    assert asked.json()["reasons"] == english.json()["reasons"]
    assert asked.json()["reasonCodes"] == dutch.json()["reasonCodes"]


@pytest.mark.parametrize("path", ["/v1/risks", "/v1/assets", "/v1/assets/brug-042", "/v1/assets/brug-042/risk?lang=nl"])
def test_what_a_poller_holds_is_not_sent_again(client: Client, path: str) -> None:
    first = client.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    again = client.get(path, If_None_Match=f'"other", {tag}')
    assert (again.status, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "private, no-cache"
    assert client.get(path, If_None_Match='"other"').status == 200


def test_a_tag_changes_with_content_language_and_the_hour(town: Town, client: Client) -> None:
    def tag(path: str = "/v1/risks") -> str:
        return client.get(path).headers["etag"]

    first = tag()
    assert tag("/v1/risks?lang=nl") != first
    assert tag("/v1/risks?pageSize=3") != first
    town.now_ns += HOUR_NS
    later = tag()
    assert later != first
    risk = town.store.newest[town.store.asset_rows[0].id]
    town.store.newest[risk.asset] = replace(risk, data_quality=DataQuality.LOW, revision=8)
    assert tag() != later


def test_numbers_that_do_not_exist_are_null(town: Town) -> None:
    risk = make_risk("brug-042", RiskState.ACT, float("nan"), health_index=float("nan"))
    town.store.newest[risk.asset] = risk
    item = town.client().get("/v1/assets/brug-042/risk").json()
    assert item["expectedCostOfWaitingEur"] is item["healthIndex"] is None


def test_an_explanation_has_parts_that_add_up_in_the_readers_language(town: Town) -> None:
    risk = town.store.newest[AssetId("brug-042")]
    town.explanations[risk.assessment_id] = replace(EXPLANATION, assessment=risk)
    body = town.client().get("/v1/assets/brug-042/explanation").json()
    assert body["assessment"]["assessmentId"] == risk.assessment_id
    assert sum(cause["share"] for cause in body["causes"]) == pytest.approx(1.0)
    assert body["reproduced"] is True
    assert body["plan"]["bestWeek"] == 3
    assert len(body["plan"]["costEur"]) == 53
    assert body["lookAlike"]["ended"] == "confirmed"
    dutch = town.client().get("/v1/assets/brug-042/explanation?lang=nl").json()
    assert any("goedkoopste week" in line for line in dutch["text"])
    assert any("brug-017" in line for line in dutch["text"])


@pytest.mark.parametrize("query", ["?assessment=brug-042.19990101T000000Z", ""])
def test_no_explanation_is_a_problem_and_not_an_empty_answer(town: Town, query: str) -> None:
    answer = town.client().get(f"/v1/assets/brug-042/explanation{query}")
    assert answer.status == 404


@pytest.mark.parametrize("name", ["%00", "a%00b", "a%0A", "x" * 257])
def test_an_explanation_of_what_is_no_name_is_refused_before_the_store_is_asked(town: Town, name: str) -> None:
    """PostgreSQL has no text with a NUL, so the answer was 500."""
    answer = town.client().get(f"/v1/assets/brug-042/explanation?assessment={name}")
    assert (answer.status, [error["field"] for error in answer.json()["errors"]]) == (400, ["assessment"])
