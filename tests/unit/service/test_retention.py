"""Retention: what is old goes in small steps, is written down and accounted for; decisions and their grounds stay."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from domain.errors import ConfigurationError, OtherModelVersion
from domain.identifiers import AssetId
from domain.records import Decision, DecisionVerb
from service.databases import opened
from service.doctor import examine
from service.folder import status_path
from service.retaining import retain_once
from service.retention import RetentionJob, report_path, retain
from service.settings import Settings
from service.settings_sections import RetentionSection
from service.status import write_status
from storage import retention as steps
from storage.entries import DecisionBody
from storage.journal import Journal
from storage.series import SqliteSeries
from storage.tables import assessment_table, dead_letter_table
from tests.chain import DAY_NS, NS
from tests.servers import PostgresServer
from tests.unit.service.site import (
    NOW_NS,
    THERMOMETER,
    WALL,
    balanced,
    furnish,
    ingest_status,
    letters,
    open_site,
    project,
    reading,
    take,
)

YEAR_NS = 366 * DAY_NS
LATER_NS = NOW_NS + 10 * YEAR_NS
HOURS = 48


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give an installation with two days of a bridge and one dead letter."""
    furnish(tmp_path)
    return Settings(data_dir=tmp_path)


def removed(settings: Settings, *, now_ns: int = LATER_NS, dry_run: bool = False) -> dict[str, int]:
    found = retain(settings, event_ns=now_ns, now_ns=now_ns, dry_run=dry_run)
    return {item.kind: item.rows for item in found}


def wrong(settings: Settings) -> dict[str, str]:
    return {finding.what: finding.detail for finding in examine(settings) if not finding.ok}


def test_nothing_goes_before_its_time(settings: Settings) -> None:
    assert set(removed(settings, now_ns=NOW_NS + DAY_NS).values()) == {0}
    assert not report_path(settings).exists()


def test_a_dry_run_counts_what_a_run_then_removes_and_writes_down(settings: Settings) -> None:
    told = removed(settings, dry_run=True)
    assert told["readings"] == HOURS
    assert told["dead letters"] == 1
    assert told["hops"] > 40
    assert not report_path(settings).exists()
    assert removed(settings) == told
    assert set(removed(settings).values()) == {0}
    report = [json.loads(line) for line in report_path(settings).read_text().splitlines()]
    assert [set(line["removed"]) for line in report] == [{kind for kind, rows in told.items() if rows}]
    assert report[0]["removed"]["readings"] == {"rows": HOURS, "before": "2029-06-22T15:06:40+00:00"}


def test_what_was_erased_is_accounted_for(settings: Settings) -> None:
    removed(settings)
    assert wrong(settings) == {}
    findings = {finding.what: finding.detail for finding in examine(settings)}
    assert findings["time series"].startswith(f"0 readings of {HOURS} accepted")
    assert f"{HOURS} erased by retention" in findings["time series"]


def test_an_asset_that_is_behind_keeps_its_own_newest(settings: Settings) -> None:
    """In a replay one asset is published after the other: by the clock of the first the second is old."""
    before = removed(settings, dry_run=True)["kept readings of closed hops"]
    assert before == 0
    journal = Journal(settings.journal_path)
    assert steps.count_hops(journal, steps.Horizon(LATER_NS, 0)) > 40
    assert steps.count_hops(journal, steps.Horizon(LATER_NS, DAY_NS)) in range(20, 26)
    journal.close()


@pytest.mark.slow
def test_no_step_is_longer_than_its_share(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    begin = NOW_NS // NS - 600 * 3600
    take(pipeline, *(reading(begin + 3600 * hour, 10.0 + hour % 7) for hour in range(600)))
    pipeline.close(now_ns=NOW_NS, lateness_ns=0)
    assert list(steps.remove_hops(pipeline.journal, steps.Horizon(LATER_NS, 0))) == [200, 200, 198]
    for _ in steps.remove_arrivals(pipeline.journal, LATER_NS):
        pass
    take(pipeline, *(reading("never", hour, received_ns=NOW_NS + hour) for hour in range(450)))
    assert list(steps.remove_arrivals(pipeline.journal, NOW_NS + 401)) == [200, 200]
    assert steps.count_arrivals(pipeline.journal, LATER_NS) == 50
    pipeline.journal.close()


def test_what_is_held_too_long_becomes_a_dead_letter_a_sender(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, THERMOMETER, policy=WALL)
    old = [reading(NOW_NS // NS, n, sensor="nieuw", received_ns=NOW_NS) for n in range(700)]
    take(pipeline, *old, reading(NOW_NS // NS, 1.0, sensor="ander", received_ns=LATER_NS))
    assert balanced(pipeline)["messages_quarantined"] == 701
    pipeline.save()
    project(tmp_path, pipeline)
    pipeline.journal.close()
    settings = Settings(data_dir=tmp_path)
    assert retain_once(settings, now_ns=LATER_NS, dry_run=True)[0].rows == 700
    assert retain_once(settings, now_ns=LATER_NS, dry_run=False)[0].rows == 700
    pipeline = open_site(tmp_path, THERMOMETER, policy=WALL)
    tally = balanced(pipeline)
    assert (tally["messages_quarantined"], tally["messages_dead_lettered"]) == (1, 700)
    told = letters(pipeline)
    assert [letter.code for letter in told] == ["unknown_channel", "unknown_channel"]
    assert "got 500 messages of a sender that nobody registered" in told[0].reason
    assert "sensor 'nieuw' of asset 'brug-1'" in told[0].reason
    project(tmp_path, pipeline)
    with opened(settings.database_address) as engine, engine.connect() as db:
        assert db.execute(select(func.count()).select_from(dead_letter_table)).scalar_one() == 2
    pipeline.journal.close()


def test_while_ingest_runs_the_quarantine_is_its_own(tmp_path: Path) -> None:
    from service.folder import only_one  # noqa: PLC0415 -- used here alone

    pipeline = open_site(tmp_path, THERMOMETER, policy=WALL)
    take(pipeline, reading(NOW_NS // NS, 1.0, sensor="nieuw", received_ns=NOW_NS))
    project(tmp_path, pipeline)
    pipeline.journal.close()
    settings = Settings(data_dir=tmp_path)
    with only_one(tmp_path):
        kinds = [item.kind for item in retain_once(settings, now_ns=LATER_NS, dry_run=False)]
    assert "messages in quarantine" not in kinds
    assert "dead letters" in kinds


@pytest.fixture(params=["sqlite", "postgresql"])
def rows_at(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Give the installation with its tables on each database, with assessments of ten days."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        storage = settings.storage.model_copy(update={"database_url": SecretStr(server.database())})
        settings = settings.model_copy(update={"storage": storage})
    from storage.database import upgrade_schema  # noqa: PLC0415 -- used here alone

    with opened(settings.database_address) as engine:
        upgrade_schema(engine)
        with engine.begin() as db:
            db.execute(assessment_table.delete())
            for asset in ("brug-1", "brug-2"):
                rows: list[dict[str, object]] = [
                    {
                        "id": f"{asset}.{day}",
                        "asset": asset,
                        "assessed_at_ns": day * DAY_NS,
                        "detail": {},
                        "revision": 1,
                    }
                    for day in range(300)
                ]
                db.execute(assessment_table.insert(), rows)
            letter = {"topic": "t", "gateway": "g", "code": "empty", "reason": "r", "head": b"", "revision": 1}
            db.execute(dead_letter_table.delete())
            db.execute(
                dead_letter_table.insert(), [{"id": f"{n}", "received_at_ns": n * DAY_NS, **letter} for n in range(300)]
            )
    return settings


@pytest.mark.slow
def test_an_assessment_that_a_decision_rests_on_stays(rows_at: Settings) -> None:
    journal = Journal(rows_at.journal_path)
    decision = Decision("d1", 1, AssetId("brug-1"), DecisionVerb.CONFIRM, "A.", "seen", 1, None, "brug-1.3")
    journal.append("decision", DecisionBody(decision=decision, alarm_kind=None))
    journal.close()
    section = RetentionSection(assessments_days=50, dead_letters_days=90)
    settings = rows_at.model_copy(update={"retention": section})
    found = {item.kind: item.rows for item in retain(settings, event_ns=300 * DAY_NS, now_ns=300 * DAY_NS)}
    assert (found["assessments"], found["dead letters"]) == (2 * 250 - 1, 210)
    with opened(settings.database_address) as engine, engine.connect() as db:
        kept = sorted(db.execute(select(assessment_table.c.assessed_at_ns / DAY_NS)).scalars())
    assert kept == sorted([3, *range(250, 300), *range(250, 300)])


def test_a_run_that_is_asked_to_stop_stops_behind_a_step_and_says_what_it_did(settings: Settings) -> None:
    asked = iter([False, True])
    found = retain(settings, event_ns=LATER_NS, now_ns=LATER_NS, pause=lambda: next(asked))
    assert sum(item.rows for item in found) < sum(removed(settings).values()) + sum(item.rows for item in found)
    assert len(report_path(settings).read_text().splitlines()) == 2


def test_the_thread_of_ingest_removes_and_ends(settings: Settings) -> None:
    often = settings.model_copy(update={"retention": RetentionSection(every_minutes=0.01)})
    job = RetentionJob(often, lambda: LATER_NS, now_ns=lambda: LATER_NS)
    job.start()
    deadline = time.monotonic() + 20
    while not report_path(often).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    job.stop()
    series = SqliteSeries(often.series_path)
    assert series.reading_count() in {0, HOURS}
    series.close()


def test_what_comes_again_after_its_key_is_gone_is_stored_once_and_counted(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, THERMOMETER, policy=replace(WALL, lateness_ns=0))
    again = [reading(NOW_NS // NS - 7200, 11.0)]
    take(pipeline, *again)
    pipeline.close(now_ns=NOW_NS)
    assert sum(steps.remove_hops(pipeline.journal, steps.Horizon(LATER_NS, -1))) == 1
    tally = take(pipeline, *again)
    pipeline.save()
    project(tmp_path, pipeline)
    pipeline.journal.close()
    assert tally["readings_stored"] == 2
    assert wrong(Settings(data_dir=tmp_path)) == {}


def at(settings: Settings, **more: Any) -> None:
    """Write a status of ingest that ran long after its readings."""
    write_status(status_path(settings), ingest_status(LATER_NS, **({"progress_ns": NOW_NS} | more)))


def rows(settings: Settings) -> int:
    """Count the readings that `schouw retain` would remove ten years after they came in."""
    found = retain_once(settings, now_ns=LATER_NS, dry_run=True)
    return next(item.rows for item in found if item.kind == "readings")


def test_a_replay_counts_from_its_own_progress_also_behind_a_restore(settings: Settings) -> None:
    """A restore removes the status, upon which the wall's clock ended the history of the whole replay."""
    assert rows(settings) == 0
    at(settings)
    assert rows(settings) == 0
    at(settings, progress_ns=None)
    assert rows(settings) == 0
    at(settings, by_stream=False, progress_ns=None)
    assert rows(settings) == HOURS


def test_nothing_is_removed_while_no_clock_is_known(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OtherModelVersion("1", "2")

    monkeypatch.setattr("service.retaining.open_pipeline", refuse)
    with pytest.raises(ConfigurationError, match=r"model version 1 and no word of ingest .*; start"):
        retain_once(settings, now_ns=LATER_NS, dry_run=False)
    assert not report_path(settings).exists()
