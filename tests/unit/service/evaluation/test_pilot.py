from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from domain.errors import ConfigurationError
from domain.records import DecisionVerb
from service.evaluation.pilot import grade_pilot_of, print_result, start_pilot
from service.evaluation.pilot_grade import grade_pilot
from service.evaluation.pilot_sheet import read_sheet
from service.evaluation.truth import DAY_NS
from service.settings import Settings
from simulator.owner_files import write_truth
from simulator.scenario import Scenario, Transport
from simulator.scenario_file import load_scenario
from storage.decisions import JournalDecisionLog, chain_faults
from storage.journal import Journal
from tests.chain import feed, finish, open_chain, simulated_messages
from tests.unit.service.evaluation.cases import alarm, case, damage, event, truth
from tests.unit.service.site import project

SHEET = """\
name = "proef"
start = 2025-02-01
end = 2025-03-14

[success]
false_alarms_per_year = 5
found_share = 0.5
warning_days = 20
saved_share = 0.9
"""


def sheet_file(folder: Path, text: str = SHEET) -> Path:
    path = folder / "proef.toml"
    path.write_text(text)
    return path


def test_a_goal_is_judged_by_its_own_count_and_all_must_be_reached(tmp_path: Path) -> None:
    # a found with 70 days, b with 5: half of the failures in time. One false alarm in 1.2 healthy years.
    of = truth(damage("a", 50, 150), damage("b", 60, 100, "settlement"), events=[event("drift", 9, 9, "c", sensor="s")])
    said = [alarm("a", 80), alarm("b", 95), alarm("c", 10), alarm("c", 12, "sensor.drift", "s")]
    text = SHEET.replace("saved_share = 0.9", "faults_named_share = 1")
    result = grade_pilot(read_sheet(sheet_file(tmp_path, text)), case(of, *said))
    assert [(goal.reached.value, goal.verdict) for goal in result.goals] == [
        (pytest.approx(1 / (310 / 365.25)), "passed"), (0.5, "passed"), (1.0, "passed"),
    ]  # fmt: skip
    assert result.verdict == "passed"
    strict = grade_pilot(read_sheet(sheet_file(tmp_path, text.replace("= 5", "= 1"))), case(of, *said))
    assert (strict.goals[0].verdict, strict.verdict) == ("failed", "failed")


def test_only_the_failures_that_the_sheet_names_count(tmp_path: Path) -> None:
    of = truth(damage("a", 50, 150), damage("b", 60, 100, "settlement"))
    text = SHEET.replace("end =", 'detect = ["settlement"]\nend =')
    result = grade_pilot(read_sheet(sheet_file(tmp_path, text)), case(of, alarm("a", 80)))
    assert (result.goals[1].reached.value, result.goals[1].reached.count) == (0.0, 1)


def test_where_nothing_happened_nothing_is_decided(tmp_path: Path) -> None:
    result = grade_pilot(read_sheet(sheet_file(tmp_path)), case(truth()))
    assert [goal.verdict for goal in result.goals] == ["passed", "undecided", "undecided"]
    assert result.verdict == "undecided"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("end = 2025-03-14", "end = 2025-01-14"), "proef.toml:3: 'end'"),
        (
            ("found_share = 0.5", "found_share = 5"),
            "proef.toml:7: 'found_share' in [success]: got 5, expected a number",
        ),
        (("found_share", "find_share"), "the key is unknown, expected one of"),
        (("start = 2025-02-01", 'start = "soon"'), "expected a date such as"),
        ((SHEET[SHEET.index("false") :], ""), "expected at least one"),
    ],
)
def test_a_sheet_that_cannot_be_is_named_with_its_line(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_sheet(sheet_file(tmp_path, SHEET.replace(*change)))
    assert words in str(caught.value)
    assert str(caught.value).endswith("correct the sheet")


def test_a_sheet_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    plain, marked = read_sheet(sheet_file(tmp_path)), read_sheet(sheet_file(tmp_path, f"\ufeff{SHEET}"))
    assert (marked.name, marked.success) == (plain.name, plain.success)
    assert marked.digest != plain.digest, "the digest is of the file as it is"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    story = load_scenario("small")
    assets = tuple(replace(asset, waveform_every_h=0) for asset in story.assets)
    # The failure comes inside the pilot of 41 days.
    hurt = replace(story.damage[0], onset_day=15.0, failure_day=38.0)
    return replace(story, days=41, transport=Transport(), assets=assets, damage=(hurt,))


def moment_ns(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.slow
def test_a_pilot_is_started_before_and_graded_after_in_one_whole_chain(scenario: Scenario, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    sheet, events = sheet_file(tmp_path), tmp_path / "truth" / "own-events.csv"
    write_truth(scenario, tmp_path / "truth")
    pipeline = open_chain(tmp_path, scenario)
    begin, end = scenario.start_ns, scenario.end_ns
    started = start_pilot(settings, sheet, by="A. Planner", now_ns=begin)
    assert hashlib.sha256(sheet.read_bytes()).hexdigest() in started.reason
    pipeline.catch_up()
    feed(pipeline, simulated_messages(scenario, tmp_path, days=scenario.days), batch=500)
    finish(pipeline)
    project(tmp_path, pipeline)

    with pytest.raises(ConfigurationError, match="runs until 2025-03-14"):
        grade_pilot_of(settings, sheet, events, by="A. Planner", interim=False, now_ns=end - DAY_NS)
    _, none = grade_pilot_of(settings, sheet, events, by="A. Planner", interim=True, now_ns=end - DAY_NS)
    assert none is None
    result, link = grade_pilot_of(settings, sheet, events, by="A. Planner", interim=False, now_ns=end)
    by_name = {goal.name: goal for goal in result.goals}
    assert by_name["false alarms per healthy asset-year"].verdict == "passed"
    found = by_name["failures found with 20 days of warning"]
    # The alarm came, but a failure that takes 23 days cannot be announced 20 days before.
    assert (found.reached.value, found.reached.count, found.verdict) == (0.0, 1, "failed")
    assert result.verdict == "failed"
    assert link is not None
    assert "pilot failed" in link.reason

    journal = Journal(settings.journal_path)
    links = JournalDecisionLog(journal, lambda _: None).decisions()
    assert [each.verb for each in links] == [DecisionVerb.ACKNOWLEDGE, DecisionVerb.PLAN]
    assert chain_faults(journal) == []
    journal.close()
    # What the models hold does not know of the pilot.
    pipeline.catch_up()
    assert np.isfinite(pipeline.live.tracker.frontier_ns).all()
    pipeline.journal.close()


def test_a_sheet_changed_or_started_late_or_twice_is_refused(scenario: Scenario, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    sheet, events = sheet_file(tmp_path), tmp_path / "events.csv"
    events.write_text("asset,kind,start,end\n")
    with pytest.raises(ConfigurationError, match="no installation"):
        start_pilot(settings, sheet, by="A", now_ns=0)
    open_chain(tmp_path, scenario).journal.close()
    with pytest.raises(ConfigurationError, match="with hindsight"):
        start_pilot(settings, sheet, by="A", now_ns=moment_ns("2025-02-02"))
    with pytest.raises(ConfigurationError, match="`schouw pilot start` comes first"):
        grade_pilot_of(settings, sheet, events, by="A", interim=True, now_ns=moment_ns("2025-02-20"))
    start_pilot(settings, sheet, by="A", now_ns=moment_ns("2025-01-20"))
    with pytest.raises(ConfigurationError, match="already"):
        start_pilot(settings, sheet, by="A", now_ns=moment_ns("2025-01-21"))
    sheet.write_text(SHEET.replace("= 0.5", "= 0.1"))
    with pytest.raises(ConfigurationError, match="changed after the start"):
        grade_pilot_of(settings, sheet, events, by="A", interim=True, now_ns=moment_ns("2025-02-20"))
    unknown = sheet_file(tmp_path, 'assets = ["brug-9"]\n' + SHEET.replace('"proef"', '"ander"'))
    with pytest.raises(ConfigurationError, match="got assets brug-9, expected some of brug-1"):
        start_pilot(settings, unknown, by="A", now_ns=0)


def test_what_happened_to_other_assets_is_passed_over_and_counted(
    scenario: Scenario, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pilot on two locks refused the owner's file of all assets: "expected one of sluis-1"."""
    settings, begin = Settings(data_dir=tmp_path), scenario.start_ns
    sheet = sheet_file(tmp_path, 'assets = ["sluis-1"]\n' + SHEET)
    write_truth(scenario, tmp_path / "truth")
    own = (tmp_path / "truth" / "own-events.csv").read_text()
    names = [line.split(",")[0] for line in own.splitlines()[1:]]
    assert {"brug-1", "weg-1", ""} <= set(names)
    assert "sluis-1" not in names
    events = tmp_path / "events.csv"
    spans = "2025-02-03T00:00:00Z,2025-02-20T00:00:00Z"
    events.write_text(own + f"brug-2,repair,{spans},,,,\nsluis-1,failure,{spans},bearing_wear,,,\n")
    pipeline = open_chain(tmp_path, scenario)
    start_pilot(settings, sheet, by="A", now_ns=begin)
    project(tmp_path, pipeline)

    result, _ = grade_pilot_of(settings, sheet, events, by="A", interim=True, now_ns=begin + 30 * DAY_NS)
    assert result.events_passed_over == sum(name != "" for name in names) + 1
    assert [goal.reached.count for goal in result.goals if goal.name.startswith("failures found")] == [1]
    print_result(result, Console())
    assert f"not in the pilot, passed over: {result.events_passed_over}" in capsys.readouterr().out

    events.write_text(events.read_text() + f"brug-9,failure,{spans},,,,\n")
    with pytest.raises(ConfigurationError, match=r"got 'brug-9', expected one of brug-1, .*, weg-1"):
        grade_pilot_of(settings, sheet, events, by="A", interim=True, now_ns=begin + 30 * DAY_NS)
    pipeline.journal.close()
