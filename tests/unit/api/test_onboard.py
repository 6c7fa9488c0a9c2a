"""Onboarding: who may, what is proposed, and that a fault loses nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from api.onboarding import ChannelRow, OnboardingFault, Proposal
from domain.access import Role
from domain.identifiers import AssetId, GatewayId, SensorId
from tests.unit.api.client import Client
from tests.unit.api.organisations import shared_town
from tests.unit.api.test_decision_form import FORM, login
from tests.unit.api.town import Town

PATH = "/sensors/onboard?lang=en&gateway=gw&asset=brug-99&sensor=s1"
SENDER = {"gateway": "gw", "asset": "brug-99", "sensor": "s1", "lang": "en"}
ROW = {"channel": "tilt", "axis": "x", "unit": "mrad", "interval_s": "600", "role": ""}


@dataclass
class Desk:
    """Keeps what was accepted; refuses when told to."""

    known: bool = False
    fault: OnboardingFault | None = None
    accepted: list[tuple[str, str, str, tuple[ChannelRow, ...]]] = field(default_factory=list)

    def propose(self, gateway: GatewayId, asset: AssetId, sensor: SensorId) -> Proposal:
        return Proposal(gateway, asset, sensor, self.known, (ChannelRow("tilt", "x", "mrad", "600"),))

    def accept(
        self, proposal: Proposal, *, name: str, asset_type: str, organisation: str, rows: Sequence[ChannelRow]
    ) -> list[OnboardingFault]:
        if self.fault:
            return [self.fault]
        self.accepted.append((name, asset_type, organisation, tuple(rows)))
        return []


@pytest.fixture
def desk(town: Town) -> Desk:
    made = Desk()
    town.onboarding = made
    return made


def token(client: Client) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(PATH).text)
    assert found is not None
    return found[1]


def test_an_unknown_sender_is_onboarded_in_two_clicks(town: Town, desk: Desk) -> None:
    town.onboarding = desk
    client = town.client()
    assert (
        "/sensors/onboard?lang=en&amp;gateway=gw&amp;asset=brug-99&amp;sensor=s1" in client.get("/sensors?lang=en").text
    )
    page = client.get(PATH).text
    for shown in ('value="tilt"', 'value="mrad"', 'value="600"', "does not know this structure yet"):
        assert shown in page
    values = SENDER | ROW | {"csrf_token": token(client), "name": "Nieuwe brug", "asset_type": "bridge"}
    answer = client.send("POST", "/sensors/onboard", headers=FORM, content=urlencode(values).encode())
    assert answer.headers["location"] == "/sensors?lang=en&onboarded=s1"
    assert desk.accepted == [("Nieuwe brug", "bridge", "", (ChannelRow("tilt", "x", "mrad", "600"),))]
    assert "s1 is in the register" in client.get("/sensors?lang=en&onboarded=s1").text


def test_a_fault_comes_back_with_what_was_typed(town: Town, desk: Desk) -> None:
    """On a Dutch page the fault stood in English alone, and no field was marked."""
    desk.fault = OnboardingFault(1, "unit", "'furlong'", "a unit that converts to {units}", {"units": ("mm", "m")})
    town.onboarding = desk
    client = town.client()
    values = SENDER | ROW | {"unit": "furlong", "csrf_token": token(client), "name": "Nieuwe brug"}
    answer = client.send("POST", "/sensors/onboard", headers=FORM, content=urlencode(values).encode())
    assert answer.status == 422
    for shown in ("expected is a unit that converts to mm or m", 'value="furlong"', 'value="Nieuwe brug"'):
        assert shown in answer.text
    assert re.findall(r'name="(\w+)"[^>]* aria-invalid="true" aria-describedby="fault-1-unit"', answer.text) == ["unit"]
    content = urlencode(values | {"lang": "nl"}).encode()
    dutch = client.send("POST", "/sensors/onboard", headers=FORM, content=content).text
    assert "Er is nog niets vastgelegd" in dutch
    told = "er staat &#39;furlong&#39;, verwacht wordt een eenheid die om te rekenen is naar mm of m"
    assert f"Rij 1, Eenheid: {told}</li>" in dutch


def test_who_does_not_wait_in_the_quarantine_cannot_be_onboarded(town: Town, desk: Desk) -> None:
    town.onboarding = desk
    assert town.client().get(PATH.replace("s1", "s9")).status == 404
    assert town.client().get("/sensors/onboard").status == 400
    town.onboarding = None
    assert town.client().get(PATH).status == 503


def test_one_of_thousands_that_wait_can_be_onboarded(town: Town, desk: Desk) -> None:
    town.onboarding = desk
    (first,) = (row for row in town.store.unknown if row.sensor == "s1")
    town.store.unknown += [replace(first, gateway=GatewayId(f"a{number:04}")) for number in range(2500)]
    assert town.client().get(PATH).status == 200
    assert town.client().get(PATH.replace("s1", "s9")).status == 404


def test_a_known_asset_of_another_organisation_is_not_there(town: Town, desk: Desk) -> None:
    desk.known = True  # in the register, but `brug-99` is not in this organisation's store
    town.onboarding = desk
    assert town.client().get(PATH).status == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER])
def test_who_may_not_onboard_is_refused(tmp_path: Path, role: Role) -> None:
    town, ledger = shared_town(tmp_path)
    town.onboarding = Desk()
    cookie, form_token = login(town, ledger, role)
    client = town.client()
    assert client.get(PATH, Cookie=cookie).status == 403
    values = urlencode(SENDER | ROW | {"csrf_token": form_token}).encode()
    assert client.send("POST", "/sensors/onboard", headers=FORM | {"Cookie": cookie}, content=values).status == 403
    assert "onboard?" not in client.get("/sensors", Cookie=cookie).text
