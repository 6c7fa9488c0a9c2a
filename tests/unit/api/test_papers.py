"""Papers that print: words of the reader's language where the JSON has names and codes, and nothing lost."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from api.algorithm.entry import OwnerFacts
from api.algorithm.labels import label
from api.algorithm.papers import data_sheet, decision_paper, model_card, sensor_list
from api.algorithm.printing import Printed, printed
from api.languages import Language
from api.pages.paper import paper_html
from api.schemas_papers import Figures
from domain.access import Role
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from storage.protocols import DecisionDraft
from tests.unit.api.organisations import EAST, WEST, make_key, shared_town
from tests.unit.api.town import SETTINGS, Town, make_town

ALARM = "brug-042.condition.settlement.12"
# Keys of these are values themselves, and named as such.
COUNTED = {"quantities", "quality"}


def papers(town: Town, language: Language) -> list[dict[str, Any]]:
    rooms = town.rooms()
    draft = DecisionDraft(
        AssetId("brug-042"), DecisionVerb.PLAN, "J. de Vries", "Kraan <vrij>", ALARM, "brug-042@2026-09-21T13",
        due_on="2026-10-06",
    )  # fmt: skip
    decision = rooms.decisions.append(draft, decided_at_ns=town.wall_clock_ns)
    rooms.decisions.append(
        DecisionDraft(AssetId("brug-042"), DecisionVerb.REPAIR, "J. de Vries", "Klaar"),
        decided_at_ns=town.wall_clock_ns,
    )
    return [
        model_card(rooms, language), data_sheet(rooms, language), sensor_list(rooms, language),
        decision_paper(rooms, decision, language),
    ]  # fmt: skip


def names(value: Any, about: str = "") -> set[str]:
    if isinstance(value, dict):
        own = set() if about in COUNTED else set(value)
        return own.union(*(names(inner, key) for key, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(names(inner, about) for inner in value))
    return set()


def texts(part: Printed) -> list[str]:
    inner = [text for _, one in part.parts for text in texts(one)]
    cells = [text for row in part.rows for cell in row for text in texts(cell)]
    return [part.text, *part.head, *(name for name, _ in part.parts), *inner, *cells]


@pytest.mark.parametrize("language", list(Language))
def test_every_member_of_every_paper_has_a_label(language: Language) -> None:
    left = {"title", "organisation", "adviceCode", "reasonCodes", "revision"}
    for paper in papers(make_town(), language):
        for name in names(paper) - left:
            assert label(name, language) != name, name


@pytest.mark.parametrize("language", list(Language))
def test_no_name_or_code_of_a_machine_is_printed(language: Language) -> None:
    for paper in papers(make_town(), language):
        for text in texts(printed(paper, language)):
            assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", text) is None, text
            assert "_" not in text or text.startswith(("brug-", "kade-", "tilt_", "acc", "s")), text


def test_a_dutch_page_is_dutch_and_an_english_one_english() -> None:
    town = make_town()
    dutch, english = (papers(town, language)[3] for language in (Language.DUTCH, Language.ENGLISH))
    page = unescape(paper_html(dutch, Language.DUTCH, linked=False))
    for words in (
        "Besloten door",
        "J. de Vries",
        "Kans op falen",
        "Binnen (dagen)",
        "Soort schade",
        "0,",
        "Kraan <vrij>",
    ):
        assert words in page
    for words in ("decidedBy", "probability", "Half fails"):
        assert words not in page
    page = paper_html(english, Language.ENGLISH, linked=True)
    assert "Decided by" in page
    assert "Kraan &lt;vrij&gt;" in page
    assert "<style" not in page


def test_rows_that_are_alike_are_a_table() -> None:
    paper = papers(make_town(), Language.ENGLISH)[2]
    ((_, sensors),) = printed(paper, Language.ENGLISH).parts
    assert sensors.kind == "table"
    assert sensors.head[:2] == ("Structure", "Name")
    assert len(sensors.rows) == len(paper["sensors"]) > 0


def test_nothing_is_a_dash_and_not_the_word_none() -> None:
    for paper in papers(make_town(), Language.ENGLISH):
        assert "None" not in texts(printed(paper, Language.ENGLISH))
        assert printed({"alarm": None, "laterDecisions": []}, Language.ENGLISH).parts == (
            ("Alarm", Printed("text", "–")),
            ("Later decisions about this structure", Printed("text", "–")),
        )


def test_each_organisation_is_told_its_own_promise_and_what_came_of_it(tmp_path: Path) -> None:
    town, ledger = shared_town(tmp_path)
    west = replace(WEST, false_alarms_per_year=0.5)
    town.access = replace(town.access, organisations=(EAST, west))
    figures = {}
    for name in ("oost", "west"):
        headers = {"Authorization": f"Bearer {make_key(ledger, name, Role.VIEWER)}"}
        answer = town.client().send("GET", "/v1/algorithm", headers=headers)
        figures[name] = answer.json()["modelCard"]["figures"]
    assert figures["oost"]["falseAlarmsPerYearPromised"] == SETTINGS.false_alarms_per_year == 0.03
    assert figures["west"]["falseAlarmsPerYearPromised"] == 0.5
    assert (figures["oost"]["assets"], figures["west"]["assets"]) == (5, 1)
    assert set(figures["west"]) == {field.alias for field in Figures.model_fields.values()}


def test_an_organisation_that_opened_its_page_is_seen_by_anybody(tmp_path: Path) -> None:
    town, ledger = shared_town(tmp_path)
    town.access = replace(town.access, organisations=(EAST, replace(WEST, is_public=True)))
    town.settings = replace(SETTINGS, organisation_facts={"west": OwnerFacts(lawful_basis="Waterwet")})
    client = town.client()
    answer = client.get("/v1/algorithm?organisation=west")
    assert (answer.status, answer.json()["modelCard"]["organisation"]) == (200, "Gemeente West")
    assert {sensor["asset"] for sensor in answer.json()["sensors"]} <= {"brug-west"}
    assert "lawful_basis" not in answer.json()["missing"]
    page = client.get("/about?organisation=west&lang=en").text
    assert "Gemeente West uses Schouw" in page
    assert "Now: 1 structure with 0 measured channels, 0 of good quality." in page
    for closed in ("?organisation=oost", "?organisation=nergens", ""):
        assert client.get(f"/v1/algorithm{closed}").status == 401
    # Somebody of the one may look at the open page of the other, and at no closed one.
    east, west = ({"Authorization": f"Bearer {make_key(ledger, name, Role.VIEWER)}"} for name in ("oost", "west"))
    for headers, name, status in ((east, "west", 200), (east, "oost", 200), (west, "oost", 400), (west, "west", 200)):
        assert client.send("GET", f"/v1/algorithm?organisation={name}", headers=headers).status == status
    assert 'href="/about?organisation=west' in client.get("/about").text
    town.settings = replace(town.settings, public_page=False)
    assert town.client().get("/v1/algorithm?organisation=west").status == 401


def test_the_page_is_of_the_organisation_of_who_is_known(tmp_path: Path) -> None:
    """Who shares a service was shown the name and the promise of the one that runs it, and no figures."""
    town, ledger = shared_town(tmp_path)
    town.access = replace(town.access, organisations=(EAST, replace(WEST, false_alarms_per_year=0.5)))
    headers = {"Authorization": f"Bearer {make_key(ledger, 'west', Role.VIEWER)}"}
    page = town.client().send("GET", "/about?lang=en", headers=headers).text
    assert "Gemeente West uses Schouw" in page
    assert "about 0.5 per structure per year" in page
    page = town.client().get("/about?lang=en").text
    assert f"{SETTINGS.organisation} uses Schouw" in page
    assert "How good it was here" not in page
