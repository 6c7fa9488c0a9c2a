"""One decision about an event at many structures: a link for each of its alarms, all or none, once."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from domain.access import Role
from domain.records import AlarmState, DecisionVerb
from tests.unit.api.client import Client
from tests.unit.api.organisations import make_key, shared_town
from tests.unit.api.samples import make_alarm, make_asset
from tests.unit.api.test_access import bearer
from tests.unit.api.town import Town

PATH = "/v1/fleet-events/x0/decisions"
DISMISS = {"verb": "dismiss", "decidedBy": "A. Planner", "reason": "The storm of Friday."}


@pytest.fixture
def struck(town: Town) -> Town:
    """Five structures in one event; of one the alarm was confirmed by itself."""
    town.store.asset_rows += [make_asset(f"a{number}", f"Brug {number}") for number in range(5)]
    for number in range(5):
        state = AlarmState.CONFIRMED if number == 2 else AlarmState.OPEN
        town.store.alarm_rows.append(
            make_alarm(f"a{number}", number, id=f"x{number}", kind="data.silent", event_id="x0", state=state)
        )
    return town


def test_each_alarm_that_nobody_judged_gets_a_link(struck: Town) -> None:
    before = len(struck.decisions.links)
    answer = struck.client().send("POST", PATH, json=DISMISS)
    assert answer.status == 201, answer.text
    items = answer.json()["items"]
    assert sorted((item["alarmId"], item["asset"]) for item in items) == [
        (f"x{number}", f"a{number}") for number in (0, 1, 3, 4)
    ]
    assert {(item["verb"], item["eventId"], item["reason"]) for item in items} == {
        ("dismiss", "x0", "The storm of Friday.")
    }
    assert len(struck.decisions.links) == before + 4
    assert struck.client().get(f"/v1/decisions/{items[0]['id']}").json() == items[0]


def test_sent_again_with_its_key_nothing_is_written_even_when_all_is_judged(struck: Town) -> None:
    client, key = struck.client(), {"Idempotency-Key": "k1"}
    first = client.send("POST", PATH, headers=key, json=DISMISS)
    assert first.status == 201
    struck.store.alarm_rows = [
        make_alarm(alarm.asset, 1, id=alarm.id, kind=alarm.kind, event_id="x0", state=AlarmState.DISMISSED)
        for alarm in struck.store.alarm_rows
        if alarm.event_id == "x0"
    ]
    count = len(struck.decisions.links)
    assert client.send("POST", PATH, headers=key, json=DISMISS).json() == first.json()
    other = client.send("POST", PATH, headers=key, json=DISMISS | {"reason": "another"})
    fresh = client.send("POST", PATH, headers={"Idempotency-Key": "k2"}, json=DISMISS)
    assert (other.status, fresh.status) == (409, 409)
    assert fresh.json()["title"] == "Nothing left to decide"
    assert len(struck.decisions.links) == count


@pytest.mark.parametrize(
    ("path", "changed", "status"),
    [
        ("/v1/fleet-events/nothing/decisions", {}, 404),
        ("/v1/fleet-events/x1/decisions", {}, 404),
        (PATH, {"verb": "plan"}, 400),
        (PATH, {"dueOn": "2026-10-01"}, 400),
        (PATH, {"reason": " "}, 400),
        (PATH, {"decidedBy": None}, 400),
    ],
)
def test_what_is_not_about_an_event_writes_nothing(
    struck: Town, path: str, changed: dict[str, str | None], status: int
) -> None:
    before = len(struck.decisions.links)
    answer = struck.client().send("POST", path, json=DISMISS | changed)
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(struck.decisions.links) == before


def test_who_may_not_decide_may_not_for_an_event(tmp_path: Path) -> None:
    town, ledger = shared_town(tmp_path)
    answer = town.client().send("POST", PATH, headers=bearer(make_key(ledger, "oost", Role.VIEWER)), json=DISMISS)
    assert answer.status == 403


@pytest.mark.parametrize(("verb", "status", "written"), [("dismiss", 303, 4), ("repair", 422, 0)])
def test_the_form_of_one_alarm_decides_for_its_event(struck: Town, verb: str, status: int, written: int) -> None:
    client = struck.client()
    page = client.get("/alarms/x1?lang=en").text
    assert "For the whole event: 4 alarms" in page
    assert "whole_event" not in client.get("/assets/a1?lang=en").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    values = {"asset": "a1", "alarm": "x1", "verb": verb, "reason": "Storm", "decided_by": "J. de Vries", "lang": "en"}
    before = len(struck.decisions.links)
    answer = client.send(
        "POST",
        "/decisions",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        content=urlencode(values | {"whole_event": "yes", "csrf_token": token[1]}).encode(),
    )
    assert answer.status == status
    links = struck.decisions.links[before:]
    assert len(links) == written
    assert {(link.verb, link.event_id) for link in links} <= {(DecisionVerb.DISMISS, "x0")}
    if not written:
        assert "For a whole event: acknowledge, confirm, dismiss or inspect." in answer.text
        assert re.search(r'name="whole_event" value="yes" checked', answer.text)


def test_an_alarm_alone_has_no_event_to_decide_on(client: Client) -> None:
    assert "whole_event" not in client.get("/alarms/brug-042.condition.settlement.12?lang=en").text
