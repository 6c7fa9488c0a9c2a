"""What is stored is listed from the schema; a person's data are given and erased, and the chain stays whole."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.access import Role
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from service.access import open_ledger
from service.cli import app
from service.settings import Settings
from storage.access import AuditRow, Session
from storage.decisions import JournalDecisionLog, chain_faults
from storage.journal import Journal
from storage.protocols import DecisionDraft
from storage.purposes import UNEXPLAINED, stored_tables

NAME = "Jantje Smit"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "journal.sqlite")
    log = JournalDecisionLog(journal, lambda _: None)
    for name, reason in ((NAME, "seen"), ("Ander", f"asked by {NAME}"), (NAME, "again")):
        log.append(DecisionDraft(AssetId("a"), DecisionVerb.INSPECT, name, reason), decided_at_ns=1)
    journal.close()
    ledger = open_ledger(Settings(data_dir=tmp_path))
    now = time.time_ns()
    ledger.start_session(
        Session(person="p-1", name=NAME, organisation="", role=Role.PLANNER, created_at_ns=now,
                expires_at_ns=now + 10**12, last_used_ns=now)
    )  # fmt: skip
    ledger.record(
        AuditRow(at_ns=1, organisation="", caller_kind="person", caller_id="p-1", address="192.0.2.1", method="POST",
                 path="/x", status=201)
    )  # fmt: skip
    ledger.close()
    return tmp_path


def run(data: Path, *words: str) -> str:
    answer = CliRunner().invoke(app, ["privacy", *words, "--data-dir", str(data)], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_every_table_has_a_purpose_and_its_personal_columns_exist(data: Path) -> None:
    tables = stored_tables(Journal(data / "journal.sqlite"))
    assert len(tables) > 20
    for table in tables:
        assert set(table.personal) <= set(table.columns), table.table
        assert table.purpose != UNEXPLAINED, f"{table.store}.{table.table}"
        assert table.kept
    assert "person\tnames of those who decided" in run(data, "list")


def test_a_person_gets_all_there_is_about_them(data: Path) -> None:
    found = json.loads(run(data, "export", NAME))
    assert [decision["reason"] for decision in found["decisions"]] == ["seen", "again"]
    assert found["sessions"][0]["person"] == "p-1"
    assert found["trail"][0]["address"] == "192.0.2.1"
    assert found["decisions"][0]["at"] == found["trail"][0]["at"] == "1970-01-01T00:00:00.000000001Z"


def test_a_person_is_erased_and_what_cannot_be_is_told(data: Path) -> None:
    told = run(data, "erase", NAME)
    assert "stand under p-" in told
    assert "reason of d2" in told
    journal = Journal(data / "journal.sqlite")
    assert chain_faults(journal) == []
    names = [link.decided_by for link in JournalDecisionLog(journal, lambda _: None).decisions()]
    assert names[1] == "Ander"
    assert names[0] == names[2]
    assert names[0].startswith("p-")
    done, row = open_ledger(Settings(data_dir=data)).audit()
    assert (row.caller_id, row.address) == ("erased", "")
    assert (done.caller_kind, done.path) == ("operator", f"privacy/erase/{names[0]}")
    answer = CliRunner().invoke(app, ["privacy", "export", NAME, "--data-dir", str(data)])
    assert answer.exit_code != 0


def test_where_nobody_logged_in_or_made_a_key_there_is_nothing_to_find(tmp_path: Path) -> None:
    """The tables of access are made by their first use, and this may be it."""
    journal = Journal(tmp_path / "journal.sqlite")
    JournalDecisionLog(journal, lambda _: None).append(
        DecisionDraft(AssetId("a"), DecisionVerb.INSPECT, NAME, "seen"), decided_at_ns=1
    )
    journal.close()
    found = json.loads(run(tmp_path, "export", NAME))
    assert (len(found["decisions"]), found["sessions"], found["trail"]) == (1, [], [])


def test_the_trail_of_somebody_who_logged_out_is_found_by_the_identifier(data: Path) -> None:
    """The trail holds identifiers of logins; with the session the name that led to them was gone."""
    ledger = open_ledger(Settings(data_dir=data))
    ledger.record(
        AuditRow(at_ns=2, organisation="", caller_kind="person", caller_id="p-2", address="192.0.2.2", method="POST",
                 path="/y", status=201)
    )  # fmt: skip
    assert [row["path"] for row in json.loads(run(data, "export", NAME))["trail"]] == ["/x"]
    trail = json.loads(run(data, "export", NAME, "--known-as", "p-2"))["trail"]
    assert [row["path"] for row in trail] == ["/x", "/y"]
    assert len(json.loads(run(data, "export", "Nobody", "--known-as", "p-2"))["trail"]) == 1
    run(data, "erase", NAME, "--known-as", "p-2")
    assert {row.caller_id for row in ledger.audit() if row.caller_kind == "person"} == {"erased"}
