"""`schouw register` and `GET /v1/algorithm`: a valid entry, what is missing by name, papers in two languages."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.algorithm.entry import OwnerFacts, RegisterEntry, make_entry
from domain.errors import ConfigurationError
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from service.accountability import facts_by_organisation, read_owner_facts
from service.cli import app
from service.settings import load_settings
from storage.decisions import JournalDecisionLog
from storage.journal import Journal
from storage.protocols import DecisionDraft
from tests.unit.api.town import SETTINGS, make_town
from tests.unit.service.site import furnish

OWNER = """
status = "In gebruik"
begin_date = "2026-03"
publication_category = "Impactvolle algoritmes"
proportionality = "Past bij het doel."
lawful_basis = "Wegenwet, artikel 15."
impacttoetsen = "IAMA van mei 2026."
[[lawful_basis_grouping]]
title = "Wegenwet"
link = "https://wetten.overheid.nl/BWBR0001948"
"""
# Limits of publication standard 1.0, as the register's own schema has them.
LIMITS = {
    "name": 100, "description_short": 350, "goal": 2500, "proportionality": 2500, "human_intervention": 2500,
    "risks": 2500, "lawful_basis": 2500, "methods_and_models": 5000, "provider": 200,
}  # fmt: skip
REQUIRED = {"name", "description_short", "organization", "status", "contact_email", "publication_category", "lang"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "data"
    furnish(folder)
    journal = Journal(folder / "journal.sqlite")
    log = JournalDecisionLog(journal, lambda _: None)
    log.append(DecisionDraft(AssetId("brug-1"), DecisionVerb.INSPECT, "A. Planner", "noise"), decided_at_ns=1)
    journal.close()
    return folder


def run(data: Path, out: Path, *words: str) -> tuple[int, str]:
    answer = CliRunner().invoke(
        app, ["register", "--data-dir", str(data), "--out", str(out), *words], catch_exceptions=False
    )
    return answer.exit_code, answer.stdout


def test_the_entry_is_valid_and_its_texts_fit(data: Path, tmp_path: Path) -> None:
    (tmp_path / "owner.toml").write_text(OWNER)
    code, told = run(data, tmp_path / "out", "--owner", str(tmp_path / "owner.toml"))
    assert code == 0
    assert "MISSING" not in told
    entry = json.loads((tmp_path / "out" / "algorithm-register.json").read_text())
    assert entry.keys() >= REQUIRED
    assert (entry["standard_version"], entry["lang"], entry["status"]) == ("1.0", "nld", "In gebruik")
    assert {name: len(entry[name]) for name in LIMITS if name in entry and len(entry[name]) > LIMITS[name]} == {}
    assert "zelflerend" in entry["methods_and_models"]
    assert "mensen beslissen" in entry["human_intervention"]
    assert "meetkanalen aan 1 object)" in entry["source_data"]
    RegisterEntry.model_validate(entry)


def test_what_only_the_owner_knows_is_named_and_not_made_up(data: Path, tmp_path: Path) -> None:
    code, told = run(data, tmp_path / "out")
    assert code == 1
    missing = {line.split()[1].rstrip(":") for line in told.splitlines() if line.startswith("MISSING")}
    assert missing == {
        "status", "begin_date", "publication_category", "proportionality", "lawful_basis", "impacttoetsen",
    }  # fmt: skip
    assert "NO ENTRY" in told
    assert not (tmp_path / "out" / "algorithm-register.json").exists()
    assert (tmp_path / "out" / "model-card.nl.html").exists()


def test_papers_come_in_both_languages_and_print_without_anything_else(data: Path, tmp_path: Path) -> None:
    entries = Journal(data / "journal.sqlite").newest("decision")
    code, _ = run(data, tmp_path / "out", "--decision", f"d{entries[0].seq}")
    assert code == 1
    for name in ("model-card", "data-sheet", "sensors", f"decision-d{entries[0].seq}"):
        for language, word in (("nl", '<html lang="nl">'), ("en", '<html lang="en">')):
            page = (tmp_path / "out" / f"{name}.{language}.html").read_text()
            assert word in page
            assert "href" not in page
            assert json.loads((tmp_path / "out" / f"{name}.{language}.json").read_text())["title"]
    log = json.loads((tmp_path / "out" / f"decision-d{entries[0].seq}.en.json").read_text())
    assert log["decision"]["decidedBy"] == "A. Planner"
    assert log["outcome"] == {"alarmState": None, "laterDecisions": []}


def test_papers_are_of_one_organisation(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They counted everybody's structures under the name of the service's owner."""
    table = (
        '[[organisation]]\nid = "{id}"\nname = "Gemeente {id}"\ncontact_name = "T"\ncontact_url = "https://x.test"\n'
    )
    rows = [table.format(id=name) + 'contact_email = "a@x.test"\n' for name in ("oost", "west")]
    (tmp_path / "organisations.toml").write_text("".join(rows))
    monkeypatch.setenv("SCHOUW_ACCESS__ORGANISATIONS_FILE", str(tmp_path / "organisations.toml"))
    with pytest.raises(ConfigurationError, match=r"expected one of 'oost', 'west'; give --organisation"):
        run(data, tmp_path / "out")
    for name, assets in (("oost", 1), ("west", 0)):
        run(data, tmp_path / name, "--organisation", name)
        card = json.loads((tmp_path / name / "model-card.nl.json").read_text())
        assert (card["organisation"], card["figures"]["assets"]) == (f"Gemeente {name}", assets)
        sheet = json.loads((tmp_path / name / "data-sheet.nl.json").read_text())
        assert bool(sheet["channels"]) is bool(assets)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("status = 'Misschien'", "status: input should be 'in ontwikkeling'"),
        ("begin_date = '2026-13'", "begin_date"),
        ("verzonnen = 1", "verzonnen: extra inputs"),
        ("goal = 'anders'", "goal: extra inputs"),
        ("status = ", "correct it"),
    ],
)
def test_an_owners_file_that_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "owner.toml").write_text(text)
    with pytest.raises(ConfigurationError, match="owner's file") as caught:
        read_owner_facts(tmp_path / "owner.toml")
    assert told in str(caught.value)


def test_an_owners_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "owner.toml").write_text(f"\ufeff{OWNER}", encoding="utf-8")
    assert read_owner_facts(tmp_path / "owner.toml") == OwnerFacts.model_validate(tomllib.loads(OWNER))


def test_the_same_is_served_to_anybody_unless_that_is_switched_off() -> None:
    town = make_town()
    town.settings = replace(SETTINGS, owner_facts=OwnerFacts(status="In gebruik"))
    body = town.client().get("/v1/algorithm").json()
    assert body["registerEntry"] is None
    assert "publication_category" in body["missing"]
    assert body["modelCard"]["figures"]["assets"] == 5
    facts = OwnerFacts(status="In gebruik", publication_category="Overige algoritmes")
    town.settings = replace(SETTINGS, owner_facts=facts)
    assert town.client().get("/v1/algorithm").json()["registerEntry"]["organization"] == "Gemeente Voorbeeld"
    town.access = replace(town.access, required=True)
    assert town.client().get("/v1/algorithm").status == 200
    assert town.client().get("/about").status == 200
    town.settings = replace(SETTINGS, public_page=False)
    assert town.client().get("/v1/algorithm").status == 401
    assert town.client().get("/about").status == 401


def test_one_decision_is_followed_from_reading_to_outcome() -> None:
    town = make_town()
    first = town.decisions.links[0]
    town.decisions.links[0] = replace(
        first, alarm_id="brug-042.condition.settlement.12", assessment_id="brug-042@2026-09-21T13"
    )
    client = town.client()
    client.post("/v1/assets/brug-042/decisions", {"verb": "repair", "decidedBy": "B", "reason": "done"})
    log = client.get("/v1/decisions/d1/log").json()
    assert log["assessment"]["assessmentId"] == "brug-042@2026-09-21T13"
    assert log["journalEntry"] == 7
    assert log["alarm"]["state"] == "open"
    assert [row["channel"] for row in log["readings"]] == ["tilt.x"]
    assert [row["start"] for row in log["readings"][0]["lastHops"]] == [
        "2026-09-21T10:13:20Z", "2026-09-21T11:13:20Z", "2026-09-21T12:13:20Z",
    ]  # fmt: skip
    assert [later["verb"] for later in log["outcome"]["laterDecisions"]] == ["repair"]
    page = client.get("/decisions/d1/log?lang=nl")
    assert page.headers["content-type"].startswith("text/html")
    assert "Logboek van een besluit" in page.text
    assert client.get("/v1/decisions/nope/log").status == 404


def test_each_organisation_speaks_for_itself(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One owner's file stood for all who share a service: another's legal basis under their name."""
    table = (
        '[[organisation]]\nid = "{id}"\nname = "Gemeente {id}"\ncontact_name = "T"\ncontact_url = "https://x.test"\n'
        'contact_email = "a@{id}.test"\n'
    )
    rows = [table.format(id="oost"), table.format(id="west") + 'register_file = "west.toml"\n', table.format(id="zuid")]
    (tmp_path / "organisations.toml").write_text("".join(rows))
    (tmp_path / "west.toml").write_text(OWNER.replace("artikel 15", "artikel 16"))
    (tmp_path / "owner.toml").write_text(OWNER)
    monkeypatch.setenv("SCHOUW_ACCESS__ORGANISATIONS_FILE", str(tmp_path / "organisations.toml"))
    monkeypatch.setenv("SCHOUW_OWNER__REGISTER_FILE", str(tmp_path / "owner.toml"))
    for name, basis in (("oost", "artikel 15"), ("west", "artikel 16")):
        assert run(data, tmp_path / name, "--organisation", name)[0] == 0
        entry = json.loads((tmp_path / name / "algorithm-register.json").read_text())
        assert (entry["organization"], entry["contact_email"]) == (f"Gemeente {name}", f"a@{name}.test")
        assert basis in entry["lawful_basis"]
    code, told = run(data, tmp_path / "zuid", "--organisation", "zuid")
    assert (code, told.count("MISSING")) == (1, 6)
    settings = load_settings({})
    assert set(facts_by_organisation(settings)) == {"oost", "west"}


def test_a_register_file_with_a_fault_names_it(tmp_path: Path) -> None:
    (tmp_path / "west.toml").write_text('status = "Misschien"\nbegin_date = "maart"')
    with pytest.raises(ConfigurationError, match=r"west\.toml: status: .*; begin_date: "):
        read_owner_facts(tmp_path / "west.toml")


@pytest.mark.parametrize(("count", "told"), [(0, "0 objecten"), (1, "1 object"), (12_500, "12.500 objecten")])
def test_a_count_is_written_as_dutch_has_it(count: int, told: str) -> None:
    facts = OwnerFacts.model_validate(tomllib.loads(OWNER))
    entry = make_entry(
        facts, organisation="G", contact_email="a@b.test", assets=count, channels=1, rate=0.1, version="3.0"
    )
    assert f"(1 meetkanaal aan {told})" in entry.source_data
