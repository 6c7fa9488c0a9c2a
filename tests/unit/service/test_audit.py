"""`schouw audit verify`: whole, altered, cut off, and rewritten from scratch."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.identifiers import AssetId
from domain.records import DecisionVerb
from service.cli import app
from storage.decisions import JournalDecisionLog
from storage.journal import Journal
from storage.protocols import DecisionDraft


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "journal.sqlite")
    fill(made, 3)
    return made


def fill(journal: Journal, links: int) -> None:
    log = JournalDecisionLog(journal, lambda _: None)
    for n in range(links):
        log.append(DecisionDraft(AssetId("a"), DecisionVerb.INSPECT, "A", f"r{n}"), decided_at_ns=n)


def verify(folder: Path, *words: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, ["audit", "verify", "--data-dir", str(folder), *words])
    return answer.exit_code, answer.stdout


@pytest.mark.usefixtures("journal")
def test_a_whole_chain_gives_what_to_write_down(tmp_path: Path) -> None:
    code, told = verify(tmp_path)
    assert code == 0
    assert told.startswith("The chain of 3 decisions is whole.")
    head = told.splitlines()[-1]
    assert len(head) == 64
    assert verify(tmp_path, "--known", head)[0] == 0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entry SET body = replace(body, 'r1', 'r7') WHERE seq = 2",
        "DELETE FROM entry WHERE seq = 1",
        "DELETE FROM entry WHERE seq = 2",
        "DELETE FROM entry WHERE seq = 3",
        "DELETE FROM entry",
    ],
)
def test_an_altered_or_missing_row_is_named(tmp_path: Path, journal: Journal, damage: str) -> None:
    with journal.transaction() as db:
        db.execute(damage.replace("replace(body, 'r1', 'r7')", "CAST(replace(body, 'r1', 'r7') AS BLOB)"))
    code, told = verify(tmp_path)
    assert code == 1
    assert told.startswith("WRONG  ")


def test_a_log_that_was_made_anew_lacks_the_hash_of_before(tmp_path: Path, journal: Journal) -> None:
    """Whoever can write the file can make another chain that is whole; not one with a hash that others kept."""
    head = verify(tmp_path)[1].splitlines()[-1]
    journal.close()
    for path in tmp_path.glob("journal.sqlite*"):
        path.unlink()
    fill(Journal(tmp_path / "journal.sqlite"), 3)
    assert verify(tmp_path)[0] == 0
    code, told = verify(tmp_path, "--known", head)
    assert code == 1
    assert head in told
