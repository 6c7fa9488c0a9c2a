"""Names in the decision log: read, erased, and the chain whole before and after; requests carried out once."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from domain.errors import DecisionError, DecisionRepeated
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from storage.decisions import JournalDecisionLog, chain_faults, chain_head
from storage.entries import DecisionBody, encode_body
from storage.journal import Journal
from storage.persons import erase_person, list_persons
from storage.protocols import DecisionDraft, OnceKey
from storage.row_checksum import row_checksum

NAME = "Jantje Smit-de Vries"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


@pytest.fixture
def log(journal: Journal) -> JournalDecisionLog:
    return JournalDecisionLog(journal, lambda _: "condition.settlement")


def draft(name: str = NAME, reason: str = "seen on site") -> DecisionDraft:
    return DecisionDraft(AssetId("brug-1"), DecisionVerb.CONFIRM, name, reason, alarm_id="a1")


def rewrite(db: sqlite3.Connection, body: DecisionBody) -> None:
    """Change the first entry as somebody would who knows the file's checksums."""
    data = encode_body(body)
    crc = row_checksum(1, "decision", data, b"")
    db.execute("UPDATE entry SET body = ?, crc = ? WHERE seq = 1", (data, crc))


def stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("journal.sqlite*")))


def test_a_name_is_read_back_and_stands_in_no_link(log: JournalDecisionLog, journal: Journal) -> None:
    assert log.append(draft(), decided_at_ns=1).decided_by == NAME
    log.append(draft("Ander"), decided_at_ns=2)
    assert [link.decided_by for link in log.decisions()] == ["Ander", NAME]
    for entry in journal.entries(after=0):
        assert isinstance(entry.body, DecisionBody)
        assert NAME not in repr(entry.body)


def test_an_erased_name_is_nowhere_in_the_file_and_the_chain_holds(
    log: JournalDecisionLog, journal: Journal, tmp_path: Path
) -> None:
    for n in range(5):
        log.append(draft(NAME if n % 2 else f"Person {n}"), decided_at_ns=n)
    head = chain_head(journal)
    assert NAME.encode() in stored(tmp_path)
    keys = [person.key for person in list_persons(journal).values() if person.name == NAME]
    pseudonym = erase_person(journal, NAME)
    assert pseudonym is not None
    assert NAME.encode() not in stored(tmp_path)
    assert keys[0] not in stored(tmp_path)
    assert chain_faults(journal) == []
    assert chain_head(journal) == head
    assert [link.decided_by for link in log.decisions()] == ["Person 4", pseudonym, "Person 2", pseudonym, "Person 0"]
    assert erase_person(journal, NAME) is None


def test_who_comes_back_after_erasure_is_somebody_new(log: JournalDecisionLog, journal: Journal) -> None:
    log.append(draft(), decided_at_ns=1)
    erase_person(journal, NAME)
    log.append(draft(), decided_at_ns=2)
    newest, oldest = log.decisions()
    assert newest.decided_by == NAME
    assert oldest.decided_by.startswith("p-")
    assert chain_faults(journal) == []


def test_a_link_cannot_be_given_another_name(log: JournalDecisionLog, journal: Journal) -> None:
    """Swapping two names in the table of persons neither breaks the program nor passes for the other's word."""
    log.append(draft("Eerste"), decided_at_ns=1)
    log.append(draft("Tweede"), decided_at_ns=2)
    first, second = list_persons(journal).values()
    with journal.transaction() as db:
        db.execute("UPDATE person SET key = ? WHERE id = ?", (second.key, first.id))
        db.execute("UPDATE person SET name = 'Derde' WHERE id = ?", (second.id,))
    assert {link.decided_by for link in log.decisions()} == {first.id, second.name}


def test_a_label_that_was_changed_is_found(log: JournalDecisionLog, journal: Journal) -> None:
    """What kind of alarm was confirmed is what the models learn from."""
    log.append(draft(), decided_at_ns=1)
    (entry,) = journal.entries(after=0)
    assert isinstance(entry.body, DecisionBody)
    changed = DecisionBody(decision=entry.body.decision, alarm_kind="sensor.stuck")
    with journal.transaction() as db:
        rewrite(db, changed)
    assert chain_faults(journal) == ["decision d1: its content was altered after it was written"]


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(DecisionDraft) if field.name != "asset"])
def test_every_field_is_under_the_hash(log: JournalDecisionLog, journal: Journal, field: str) -> None:
    log.append(draft(), decided_at_ns=1)
    (entry,) = journal.entries(after=0)
    assert isinstance(entry.body, DecisionBody)
    decision = entry.body.decision
    other = {"verb": DecisionVerb.DISMISS, "condition": 3}.get(field, "anders")
    changed = dataclasses.replace(decision, **{field: other})  # type: ignore[arg-type]  # fields by name
    with journal.transaction() as db:
        rewrite(db, DecisionBody(decision=changed, alarm_kind=entry.body.alarm_kind))
    assert chain_faults(journal) == ["decision d1: its content was altered after it was written"]


def test_a_request_that_comes_again_leads_to_the_same_decision(log: JournalDecisionLog, journal: Journal) -> None:
    once = OnceKey(b"k" * 32, b"a" * 32)
    first = log.append(draft(), decided_at_ns=1, once=once)
    assert log.append(draft(), decided_at_ns=2, once=once) == first
    assert len(log.decisions()) == 1
    with pytest.raises(DecisionRepeated):
        log.append(draft(), decided_at_ns=3, once=OnceKey(b"k" * 32, b"b" * 32))
    assert log.append(draft(), decided_at_ns=4, once=OnceKey(b"l" * 32, b"a" * 32)).id == "d2"
    assert chain_faults(journal) == []


def test_a_name_with_control_characters_is_refused(log: JournalDecisionLog) -> None:
    with pytest.raises(DecisionError, match="control characters"):
        log.append(draft("\x02p-1:x"), decided_at_ns=1)
