from __future__ import annotations

import errno
import io
import json
import multiprocessing
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from rich.console import Console

from domain.errors import ConfigurationError, StorageUnavailable
from domain.register import Register
from ingest.batch import Message
from service.clock_policy import clock_policy
from service.evaluation import session
from service.evaluation.ahead import days_made_ahead
from service.evaluation.evaluate import JudgedRun, run_scenario, score_runs
from service.evaluation.report_table import print_scoreboard
from service.evaluation.scenario_run import scenario_days, scenario_register
from service.evaluation.session import read_seeds, save_scoreboard
from service.evaluation.truth import DAY_NS
from service.restore import open_pipeline
from service.settings import Settings
from simulator.scenario import Scenario, SensorFault, Transport
from simulator.scenario_file import load_scenario
from storage.entries import RegisterBody
from storage.journal import Journal
from tests.lengths import either

DAYS, CUT_DAYS = either((30, 22), long=(44, 32))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return replace(load_scenario("small"), days=DAYS)


@pytest.fixture(scope="module")
def run(scenario: Scenario) -> JudgedRun:
    return run_scenario(scenario, Settings())


@pytest.mark.slow
def test_a_run_cut_at_any_day_says_the_same_up_to_that_day(scenario: Scenario, run: JudgedRun) -> None:
    cut = run_scenario(replace(scenario, days=CUT_DAYS), Settings())
    end_ns = scenario.start_ns + (CUT_DAYS - 1) * DAY_NS
    for whole, part in zip(run.records, cut.records, strict=True):
        days = int(np.sum(part.at_ns <= end_ns))
        assert days == CUT_DAYS - 1
        np.testing.assert_array_equal(whole.chance_90[:, :days], part.chance_90[:, :days])
        np.testing.assert_array_equal(whole.life_days[:, :days], part.life_days[:, :days])
        before = [
            [(a.asset, a.kind, a.subject, a.raised_ns) for a in record.alarms if a.raised_ns <= end_ns]
            for record in (whole, part)
        ]
        assert before[0] == before[1]


@pytest.mark.slow
def test_what_late_readings_revise_does_not_count_as_said_in_time() -> None:
    """A gateway keeps three days of a bridge to itself; those days are stated without it, and scored again after."""
    story = load_scenario("small")
    kept_back = SensorFault("backfill", "brug-1", "acc1", 8.0, 3.0)
    late = replace(story, days=either(13, long=16), sensor_faults=(kept_back,), damage=(), transport=Transport())
    # Before anything of it came: what is kept back to the end of a history is sent in its last hour.
    silent = replace(late, days=11, sensor_faults=(replace(kept_back, days=3.5),))
    cut = run_scenario(silent, Settings()).records[0]
    whole = run_scenario(late, Settings()).records[0]
    np.testing.assert_array_equal(whole.chance_90[:, :10], cut.chance_90[:, :10])
    register = scenario_register(late)
    with TemporaryDirectory() as folder, closing(Journal(Path(folder, "journal"))) as journal:
        revised = _revised_statements(journal, register, late)
    assert revised > 0


def _revised_statements(journal: Journal, register: Register, scenario: Scenario) -> int:
    """Count what is stated again when the same messages go through a pipeline whose entries are kept."""
    settings = Settings()
    journal.append("register", RegisterBody(register=register, at_ns=0))
    pipeline = open_pipeline(journal, clock_policy(settings), max_payload_bytes=4_000_000, head_bytes=64)
    pipeline.catch_up()
    for day, messages in enumerate(scenario_days(scenario), start=1):
        now_ns = scenario.start_ns + day * DAY_NS
        pipeline.take([Message(*each, now_ns, retained=False) for each in messages], now_ns=now_ns)
        pipeline.close(now_ns=now_ns)
        while pipeline.rescore():
            pass
    return sum(item.revised for entry in journal.entries(after=0) for item in entry.outcome.assessments)


@pytest.mark.slow
def test_days_made_ahead_in_another_process_are_the_same_bytes(scenario: Scenario) -> None:
    short = replace(scenario, days=6)
    told: list[int] = []
    with days_made_ahead(short, told.append) as days:
        ahead = list(days)
    assert ahead == list(scenario_days(short))
    assert told == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_a_run_that_is_given_up_ends_its_maker(scenario: Scenario) -> None:
    def give_up() -> None:
        with days_made_ahead(scenario, lambda _: None) as days:
            next(days)
            raise RuntimeError("given up")

    before = multiprocessing.active_children()
    with pytest.raises(RuntimeError, match="given up"):
        give_up()
    assert multiprocessing.active_children() == before


def test_every_detector_speaks_of_every_monitored_asset_and_ours_comes_first(run: JudgedRun) -> None:
    assert [record.detector for record in run.records] == [
        "schouw", "fixed threshold", "always alarms", "never alarms", "knows all damage",
    ]  # fmt: skip
    monitored = [row for row, asset in enumerate(run.truth.assets) if asset.is_monitored]
    assert len(monitored) == 5
    # The very last hop of an asset stays open until something newer is heard.
    assert np.isfinite(run.records[0].chance_90[monitored, :-1]).all()


def test_every_message_is_accounted_for(run: JudgedRun) -> None:
    tally = run.facts.tally
    kinds = ("decoded", "duplicate", "dead_lettered", "quarantined", "waiting")
    assert tally["messages_received"] == sum(tally.get(f"messages_{kind}", 0) for kind in kinds)
    assert tally["messages_received"] > either(680, long=1000)


@pytest.mark.slow
def test_the_scoreboard_is_printed_and_saved_with_every_detector(run: JudgedRun, tmp_path: Path) -> None:
    board = score_runs("small", [run])
    console = Console(record=True, width=300, file=io.StringIO())
    print_scoreboard(board, console)
    save_scoreboard(board, tmp_path / "board")
    text = console.export_text()
    saved = json.loads((tmp_path / "board" / "scoreboard.json").read_text())
    for detector in saved["detectors"]:
        assert detector["detector"] in text
    assert "false alarms per healthy asset-year" in text
    floor = {d["detector"]: d["alarms"]["false_per_year"]["value"] for d in saved["detectors"]}
    assert floor["never alarms"] == 0.0
    assert floor["always alarms"] == pytest.approx(365.25, rel=0.03)


def test_a_folder_that_takes_no_scoreboard_is_told_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told after hours of work, which then were lost."""
    ran: list[object] = []
    monkeypatch.setattr(session, "evaluate_scenarios", lambda stories, **_: ran.extend(stories))
    (tmp_path / "out").touch()
    with pytest.raises(
        ConfigurationError, match=r"out' cannot be written \(there is a file of that name\); give another"
    ):
        session.evaluate_and_save(
            Settings(), "small", seeds=None, start=None, days=1, jobs=1, through_broker=False, out=tmp_path / "out"
        )
    assert ran == []


def test_a_full_disk_is_no_wrong_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(StorageUnavailable, match=r"out' cannot be written \(No space left on device\); free the disk"):
        session.evaluate_and_save(
            Settings(), "small", seeds=None, start=None, days=1, jobs=1, through_broker=False, out=tmp_path / "out"
        )


@pytest.mark.parametrize("text", ["", "1,1", "1,x", "-1", "1.5"])
def test_seeds_that_are_none_are_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected different whole numbers"):
        read_seeds(text)
