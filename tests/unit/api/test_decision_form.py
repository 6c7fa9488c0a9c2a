"""The decision form: who sees it, what it takes, and that nothing typed is lost."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from api.access import cookie_name, session_token
from domain.access import Role
from domain.records import AlarmState, DecisionVerb
from storage.access import AccessStore, Session
from tests.unit.api.client import Answer, Client
from tests.unit.api.organisations import shared_town
from tests.unit.api.samples import HOUR_NS, make_alarm
from tests.unit.api.town import Town

ALARM = "brug-042.condition.settlement.12"
GOOD = {"asset": "brug-042", "verb": "inspect", "reason": "Scheur gezien", "decided_by": "J. de Vries"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def token(client: Client, path: str = "/assets/brug-042", **headers: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path, **headers).text)
    assert found is not None
    return found[1]


def post(client: Client, values: dict[str, str], **headers: str) -> Answer:
    sent = FORM | {name.replace("_", "-"): value for name, value in headers.items()}
    return client.send("POST", "/decisions", headers=sent, content=urlencode(values).encode())


def test_a_decision_goes_into_the_log_and_back_to_the_page(client: Client, town: Town) -> None:
    answer = post(client, GOOD | {"csrf_token": token(client), "lang": "en", "assessment": "brug-042@2026-09-21T13"})
    assert answer.status == 303
    assert answer.headers["location"] == "/assets/brug-042?lang=en&decided=d2#decisions"
    link = town.decisions.links[-1]
    assert (link.verb, link.decided_by, link.reason) == (DecisionVerb.INSPECT, "J. de Vries", "Scheur gezien")
    assert (link.assessment_id, link.alarm_id) == ("brug-042@2026-09-21T13", None)
    page = client.get("/assets/brug-042?lang=en&decided=d2").text
    assert "Recorded." in page
    assert "Scheur gezien" in page


def test_a_decision_about_an_alarm_names_it(client: Client, town: Town) -> None:
    path = f"/alarms/{ALARM}"
    answer = post(client, GOOD | {"csrf_token": token(client, path), "alarm": ALARM, "verb": "confirm"})
    assert answer.headers["location"].startswith(path)
    assert town.decisions.links[-1].alarm_id == ALARM
    assert "Scheur gezien" in client.get(path).text


def hidden(client: Client, path: str) -> dict[str, str]:
    """Give what the form on a page carries beside what is typed."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', client.get(path).text))


@pytest.mark.parametrize("path", ["/assets/brug-042", f"/alarms/{ALARM}"])
def test_a_form_that_is_sent_twice_is_one_decision(client: Client, town: Town, path: str) -> None:
    """A double click wrote two links into the log that nothing is ever taken out of."""
    before = len(town.decisions.links)
    form = GOOD | hidden(client, path)
    first = post(client, form)
    town.wall_clock_ns += HOUR_NS
    again = post(client, form | {"assessment": "brug-042@an hour later"})
    assert (again.status, again.headers["location"]) == (303, first.headers["location"])
    assert len(town.decisions.links) == before + 1
    # Back in the browser and typed on, or a new form with the same words: these are meant.
    assert post(client, form | {"reason": "Nog een scheur"}).status == 303
    assert post(client, GOOD | hidden(client, path)).status == 303
    assert len(town.decisions.links) == before + 3


def test_a_form_about_a_whole_event_that_is_sent_twice_is_decided_once(client: Client, town: Town) -> None:
    town.store.alarm_rows += [
        make_alarm(asset, 2, id=f"e-{asset}", event_id="e-sluis-7") for asset in ("sluis-7", "tunnel-1")
    ]
    form = GOOD | hidden(client, "/alarms/e-sluis-7") | {"verb": "dismiss", "whole_event": "yes"}
    first = post(client, form)
    town.store.alarm_rows = [replace(alarm, state=AlarmState.DISMISSED) for alarm in town.store.alarm_rows]
    again = post(client, form)
    assert (again.status, again.headers["location"]) == (303, first.headers["location"])
    assert [link.event_id for link in town.decisions.links].count("e-sluis-7") == 2


def test_a_form_that_came_back_with_a_fault_is_still_sent_once(client: Client, town: Town) -> None:
    form = GOOD | hidden(client, "/assets/brug-042")
    before = len(town.decisions.links)
    refused = post(client, form | {"reason": ""})
    assert f'name="once" value="{form["once"]}"' in refused.text
    assert [post(client, form).status for _ in range(2)] == [303, 303]
    assert len(town.decisions.links) == before + 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"verb": ""}, "Choose what you decide."),
        ({"reason": "  "}, "Say why, in words an auditor understands."),
        ({"decided_by": ""}, "Fill in your name"),
        ({"verb": "plan"}, "Fill in the day of the planned work."),
        ({"verb": "plan", "due_on": "next week"}, "Fill in the day of the planned work."),
        ({"verb": "plan", "due_on": "0026-10-05"}, "Fill in a day in a year from 1700 to 2199."),
        ({"failed_on": "9999-12-31"}, "Fill in a day in a year from 1700 to 2199."),
        ({"failed_on": "2062-02-11"}, "Fill in a day that is not in the future."),
        ({"failed_on": "yesterday"}, "Fill in the day on which it failed, or nothing."),
        ({"verb": "correct-condition"}, "Choose the inspected condition"),
        ({"verb": "correct-condition", "condition": "7"}, "Choose the inspected condition"),
    ],
)
def test_a_form_with_a_fault_comes_back_with_what_was_typed(
    client: Client, town: Town, changed: dict[str, str], told: str
) -> None:
    before = len(town.decisions.links)
    values = GOOD | {"reason": "Een lang <verhaal>"} | changed | {"csrf_token": token(client), "lang": "en"}
    answer = post(client, values)
    assert answer.status == 422
    assert told in answer.text
    for found in (r'<a href="/assets/brug-042\?lang=nl\b', r'data-page="/assets/brug-042\?lang=en\b'):
        assert re.search(found, answer.text)
    assert 'aria-invalid="true"' in answer.text
    if "reason" not in changed:
        assert "Een lang &lt;verhaal&gt;</textarea>" in answer.text
    assert len(town.decisions.links) == before


@pytest.mark.parametrize("path", ["/assets/brug-042", f"/alarms/{ALARM}"])
def test_a_form_that_came_back_says_what_it_has_seen(client: Client, path: str) -> None:
    """What changed before it could listen was told to nobody, as it named nothing that it had seen."""
    alarm = {"alarm": ALARM} if "alarms" in path else {}
    answer = post(client, GOOD | alarm | {"csrf_token": token(client, path), "verb": ""})
    assert answer.status == 422
    assert re.search(r'data-seen="\d+\.\d+"', answer.text)


def test_a_form_about_an_alarm_comes_back_with_the_addresses_of_its_page(client: Client) -> None:
    """Both were that of the form, where there is nothing to read: the link led to an error, and updates were away."""
    path = f"/alarms/{ALARM}"
    answer = post(client, GOOD | {"csrf_token": token(client, path), "alarm": ALARM, "verb": "", "lang": "en"})
    assert answer.status == 422
    for address in (f'<a href="{path}?lang=nl"', f'data-page="{path}?lang=en"'):
        assert address in answer.text
    assert "data-page" not in client.get(path).text


def test_a_form_without_our_token_or_from_elsewhere_is_refused(client: Client, town: Town) -> None:
    before = len(town.decisions.links)
    assert post(client, GOOD).status == 403
    assert post(client, GOOD | {"csrf_token": "x" * 64}).status == 403
    old = post(client, GOOD | {"csrf_token": "x" * 64}, Accept="text/html")
    assert "Dit formulier is te oud" in old.text
    assert post(client, GOOD | {"csrf_token": token(client)}, Origin="https://evil.test").status == 403
    assert len(town.decisions.links) == before


def test_an_alarm_of_another_structure_is_not_taken(client: Client, town: Town) -> None:
    before = len(town.decisions.links)
    answer = post(client, GOOD | {"csrf_token": token(client), "asset": "weg-12", "alarm": ALARM, "lang": "en"})
    assert answer.status == 422
    assert "about another structure" in answer.text
    assert len(town.decisions.links) == before
    assert post(client, GOOD | {"csrf_token": token(client), "asset": "nowhere"}).status == 404


@pytest.mark.parametrize("shown", ["brug-042@a provisional one", "what no page shows\0"])
def test_an_hour_that_closed_while_typing_loses_nothing(client: Client, town: Town, shown: str) -> None:
    values = GOOD | {"csrf_token": token(client), "assessment": shown}
    assert post(client, values).status == 303
    assert town.decisions.links[-1].assessment_id == "brug-042@2026-09-21T13"


@pytest.fixture
def shared(tmp_path: Path) -> tuple[Town, AccessStore]:
    return shared_town(tmp_path)


def login(town: Town, ledger: AccessStore, role: Role) -> tuple[str, str]:
    """Start a session, and give its cookie and its form token."""
    rooms = town.rooms()
    session = Session(
        person="p1",
        name="J. de Vries",
        organisation="oost",
        role=role,
        created_at_ns=town.wall_clock_ns,
        expires_at_ns=town.wall_clock_ns + HOUR_NS,
        last_used_ns=town.wall_clock_ns,
    )
    secret = ledger.start_session(session)
    return f"{cookie_name(rooms)}={secret}", session_token(rooms, secret)


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
def test_who_may_not_decide_sees_no_form_and_is_refused(shared: tuple[Town, AccessStore], role: Role) -> None:
    town, ledger = shared
    client = town.client()
    cookie, form_token = login(town, ledger, role)
    may = role is not Role.VIEWER
    page = client.get("/assets/brug-042", Cookie=cookie).text
    assert ("Leg het besluit vast" in page) is may
    before = len(town.decisions.links)
    answer = post(client, GOOD | {"csrf_token": form_token, "decided_by": "Somebody else"}, Cookie=cookie)
    assert answer.status == (303 if may else 403)
    assert len(town.decisions.links) == before + may
    if may:
        assert town.decisions.links[-1].decided_by == "J. de Vries"  # the session's name, not the form's
