"""`schouw decide`: what the API refuses does not get into the log by the command line either."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.app import create_app
from domain.errors import DecisionError
from service.cli import app
from storage.decisions import JournalDecisionLog
from storage.journal import Journal
from tests.unit.api.client import Client
from tests.unit.api.sql_town import SqlTown
from tests.unit.api.town import make_town

ALARM = "brug-042.condition.settlement.12"
Decide = Callable[..., str]


@pytest.fixture(autouse=True)
def town(tmp_path: Path) -> SqlTown:
    Journal(tmp_path / "journal.sqlite").close()
    return SqlTown(tmp_path, make_town())


@pytest.fixture
def decide(tmp_path: Path) -> Decide:
    def run(verb: str, *options: str, by: str = "A. Planner", reason: str = "seen") -> str:
        said = ["decide", verb, "--by", by, "--reason", reason, *options, "--data-dir", str(tmp_path)]
        answer = CliRunner().invoke(app, said)
        if answer.exception is not None:
            raise answer.exception
        return answer.stdout

    return run


def written(folder: Path) -> list[tuple[str, str | None, str | None]]:
    journal = Journal(folder / "journal.sqlite")
    try:
        links = JournalDecisionLog(journal, lambda _: None).decisions()
        return [(link.verb.value, link.alarm_id, link.assessment_id) for link in links]
    finally:
        journal.close()


def test_a_decision_rests_on_the_newest_assessment_or_on_one_of_its_asset(decide: Decide, tmp_path: Path) -> None:
    decide("inspect", "--asset", "brug-042")
    decide("confirm", "--alarm", ALARM)
    decide("inspect", "--asset", "brug-042", "--assessment", "brug-042@3")
    # A provisional assessment is current, but not among the kept ones.
    decide("inspect", "--asset", "sluis-7", "--assessment", "sluis-7@2026-09-21T13")
    decide("plan", "--asset", "brug-042", "--due", "2027-01-01")
    newest = "brug-042@2026-09-21T13"
    assert written(tmp_path) == [
        ("plan", None, newest),
        ("inspect", None, "sluis-7@2026-09-21T13"),
        ("inspect", None, "brug-042@3"),
        ("confirm", ALARM, newest),
        ("inspect", None, newest),
    ]


@pytest.mark.parametrize(
    ("options", "texts", "words"),
    [
        (
            ("inspect", "--asset", "brug-042", "--assessment", "nope"),
            {},
            "got assessment 'nope', expected one of asset",
        ),
        (("inspect", "--asset", "brug-042", "--assessment", ""), {}, "got assessment ''"),
        (("inspect", "--asset", "brug-042", "--assessment", "sluis-7@2026-09-21T13"), {}, "one of asset 'brug-042'"),
        (("inspect", "--asset", "brug-042", "--assessment", "x\ty"), {}, "got assessment"),
        (("inspect", "--asset", "brug-042", "--assessment", "9" * 300), {}, "as --assessment, expected at most 256"),
        (("confirm", "--asset", "brug-042"), {}, "got `confirm` about an asset, expected --alarm"),
        (("dismiss", "--asset", "brug-042"), {}, "got `dismiss` about an asset, expected --alarm"),
        (("acknowledge", "--asset", "brug-042"), {}, "got `acknowledge` about an asset, expected --alarm"),
        (("plan", "--asset", "brug-042"), {}, "got nothing as --due, expected the date of the planned work"),
        (("plan", "--asset", "brug-042", "--due", "May"), {}, "got 'May' as --due, expected"),
        (("repair", "--asset", "brug-042", "--failed-on", "3"), {}, "got '3' as --failed-on, expected"),
        (("correct-condition", "--asset", "brug-042"), {}, "got nothing as --condition, expected a score from 1 to 6"),
        (("inspect", "--asset", "brug-042"), {"reason": " "}, "got ' ' as --reason, expected at least 1 character"),
        (("inspect", "--asset", "brug-042"), {"reason": "a\x07"}, "as --reason, expected readable text"),
        (("inspect", "--asset", "brug-042"), {"by": "a\u202e"}, "as --by, expected readable text"),
        (("inspect", "--event", "storm"), {"by": " "}, "got ' ' as --by, expected at least 1 character"),
    ],
)
def test_what_the_api_refuses_is_not_written(
    decide: Decide, tmp_path: Path, options: tuple[str, ...], texts: dict[str, str], words: str
) -> None:
    """An assessment that nobody made, and a dismissal of no alarm, stood in the log for ever."""
    with pytest.raises(DecisionError) as caught:
        decide(*options, **texts)
    assert words in str(caught.value)
    assert written(tmp_path) == []


@pytest.mark.parametrize("verb", ["acknowledge", "confirm", "dismiss", "inspect"])
@pytest.mark.parametrize(
    "assessment", ["nope", "brug-042@3", "sluis-7@2026-09-21T13", "brug-042.20260921T130000Z.p.0123456789abcdef"]
)
def test_both_ways_take_the_same(town: SqlTown, decide: Decide, tmp_path: Path, verb: str, assessment: str) -> None:
    body = {"verb": verb, "decidedBy": "A", "reason": "b", "assessmentId": assessment}
    answer = Client(create_app(town.rooms)).post("/v1/assets/brug-042/decisions", body)
    try:
        decide(verb, "--asset", "brug-042", "--assessment", assessment)
    except DecisionError:
        assert answer.status == 400
    assert len(written(tmp_path)) == (answer.status == 201)


@pytest.mark.usefixtures("town")
def test_a_table_is_gzip_where_its_name_says_so(tmp_path: Path) -> None:
    for name in ("risks.csv", "risks.csv.gz"):
        command = ["export", "risks", "--data-dir", str(tmp_path), "--out", str(tmp_path / name)]
        assert CliRunner().invoke(app, command).exit_code == 0
    assert gzip.decompress((tmp_path / "risks.csv.gz").read_bytes()) == (tmp_path / "risks.csv").read_bytes()
