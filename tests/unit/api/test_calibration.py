"""`/v1/calibration` and the page: the owner's own outcomes, nobody else's, and no figure from too few of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.algorithm.simulated import SIMULATED
from domain.access import Right, Role
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from storage.protocols import DecisionDraft
from tests.unit.api.client import Client
from tests.unit.api.organisations import make_key, shared_town
from tests.unit.api.samples import NOW_NS
from tests.unit.api.town import Town
from tests.unit.service.test_calibrating import END_NS, small_town

MEASURED = Path(__file__).parents[3] / "docs" / "measured.md"


def test_too_few_outcomes_are_told_with_their_number(client: Client) -> None:
    body = client.get("/v1/calibration").json()
    assert body["forecast"] is body["remainingLife"] is None
    assert body["summary"] == "Not enough outcomes yet: 0 of 10 failures recorded."
    dutch = client.get("/v1/calibration?lang=nl")
    assert dutch.json()["summary"] == "Nog niet genoeg uitkomsten: 0 van 10 keer falen vastgelegd."
    assert dutch.headers["content-language"] == "nl"
    page = client.get("/about").text
    assert "nog niet genoeg uitkomsten" in page
    assert "haakjes" not in page, "a note about brackets that are nowhere"


def with_outcomes() -> Town:
    town = small_town(12, 20)
    town.now_ns = END_NS
    return town


def test_enough_outcomes_are_a_curve_with_intervals() -> None:
    body = with_outcomes().client().get("/v1/calibration").json()
    assert (body["failures"], body["repairs"], body["modelVersions"]) == (12, 12, ["1.0.0"])
    last = body["forecast"]["reliability"][-1]
    assert last["statements"] == 24
    assert last["happenedLow"] < last["happened"] == last["happenedHigh"] == 1.0
    assert body["remainingLife"]["coverage"]["value"] == 1.0
    assert body["until"] > body["since"]


@pytest.mark.slow
@pytest.mark.parametrize(("language", "words"), [("en", "Did it come true?"), ("nl", "Kwam het uit?")])
def test_the_page_shows_own_figures_beside_simulated_ones(language: str, words: str) -> None:
    html = with_outcomes().client().get(f"/about?lang={language}").text
    assert words in html
    assert SIMULATED.model_version in html
    assert ("haakjes" if language == "nl" else "Between brackets") in html
    assert "100" in html


def test_a_decision_is_in_the_next_answer() -> None:
    town = with_outcomes()
    client = town.client()
    assert client.get("/v1/calibration").json()["alarms"] == []
    alarm = town.store.alarm_rows[0]
    town.decisions.append(
        DecisionDraft(alarm.asset, DecisionVerb.DISMISS, "A", "b", alarm.id), decided_at_ns=town.now_ns
    )
    (row,) = client.get("/v1/calibration").json()["alarms"]
    assert (row["assetType"], row["dismissed"], row["precision"]["value"]) == ("lock", 1, 0.0)


def test_a_failure_is_recorded_with_its_day(client: Client, town: Town) -> None:
    given: dict[str, Any] = {"verb": "repair", "decidedBy": "A", "reason": "stood still", "failedOn": "2026-02-11"}
    made = client.post("/v1/assets/brug-042/decisions", given)
    assert (made.status, made.json()["failedOn"]) == (201, "2026-02-11")
    assert town.decisions.links[-1].failed_on == "2026-02-11"
    wrong = client.post("/v1/assets/brug-042/decisions", given | {"failedOn": "2026-02-30"})
    assert (wrong.status, wrong.json()["errors"][0]["field"]) == (400, "failedOn")
    ahead = client.post("/v1/assets/brug-042/decisions", given | {"failedOn": "2062-02-11"})
    (error,) = ahead.json()["errors"]
    assert error == {"in": "body", "field": "failedOn", "got": "'2062-02-11'", "expected": "a day that has come"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_one_organisation_learns_nothing_of_another_s_outcomes(tmp_path: Path) -> None:
    town, ledger = shared_town(tmp_path)
    town.decisions.append(
        DecisionDraft(
            AssetId("brug-west"), DecisionVerb.CONFIRM, "A", "b", "brug-west.condition.settlement.4",
            organisation="west", failed_on="2026-01-01",
        ),
        decided_at_ns=NOW_NS,
    )  # fmt: skip
    client = town.client()
    east, west = (
        client.send("GET", "/v1/calibration", headers=bearer(make_key(ledger, name, Role.VIEWER))).json()
        for name in ("oost", "west")
    )
    assert (east["organisation"], east["alarms"]) == ("Gemeente Oost", [])
    assert (west["organisation"], west["alarms"][0]["confirmed"]) == ("Gemeente West", 1)
    assert "Kwam het uit?" not in client.get("/about").text, "whose outcomes is not known"


def test_it_takes_the_rights_to_risks_and_decisions(tmp_path: Path) -> None:
    town, ledger = shared_town(tmp_path)
    key = make_key(ledger, "oost", Role.VIEWER, rights=frozenset({Right.READ_RISKS}))
    assert town.client().send("GET", "/v1/calibration", headers=bearer(key)).status == 403


def test_the_simulated_figures_are_those_of_the_document() -> None:
    text = MEASURED.read_text(encoding="utf-8")
    figures = (
        f"{SIMULATED.false_alarms_per_year:.3f}", f"{SIMULATED.brier_skill:.2f}", f"{SIMULATED.coverage:.0%}",
        f"{SIMULATED.width_days:.0f} days", f"{SIMULATED.error_days:.0f} days", f"{SIMULATED.failures} failures",
        SIMULATED.command,
    )  # fmt: skip
    for figure in figures:
        assert figure.replace("%", " %") in text, figure
