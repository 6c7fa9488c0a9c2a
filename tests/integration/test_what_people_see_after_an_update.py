"""After an update people see one truth: alarms keep their names, news says where it comes from, decisions count."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from domain.identifiers import AssetId
from domain.records import DecisionVerb, Reason, RiskState
from models import state
from service.backup import make_backup
from service.doctor import examine
from service.pipeline import Pipeline
from service.restore import open_pipeline
from service.restoring import restore_backup
from service.settings import load_settings
from storage.database import open_database, sqlite_address
from storage.journal import Journal
from storage.tables import alarm_table
from tests.chain import DAY_NS
from tests.installation import Installation, publish
from tests.unit.service.site import HOUR_NS, NOW_NS, WALL, project
from tests.updating import (
    ASSETS,
    BEGIN_NS,
    END,
    JOINS,
    MUTE,
    OLD,
    STIFFNESS_LOSS,
    UPDATE,
    decide,
    hour_of,
    live_hours,
    models,
    update,
)

pytestmark = pytest.mark.slow


def alarms(folder: Path, pipeline: Pipeline) -> dict[str, tuple[str, str]]:
    """Give state and asset of every alarm that people see."""
    project(folder, pipeline)
    engine = open_database(sqlite_address(folder / "operational.sqlite"))
    with engine.connect() as db:
        found = {row.id: (row.state, row.asset) for row in db.execute(select(alarm_table))}
    engine.dispose()
    return found


def test_an_alarm_that_both_have_is_one_alarm(site: Callable[[str], Path]) -> None:
    """It stands under its name, as people left it; its end is told of the same one."""
    folder = site("alike")
    with contextlib.closing(Journal(folder / "journal.sqlite")) as journal:
        name = next(item for item in _names(journal) if STIFFNESS_LOSS in item)
        decide(journal, DecisionVerb.ACKNOWLEDGE, "brug-1", hour=UPDATE, alarm_id=name)
    done = update(folder)
    assert (done.announced, done.left_open) == (0, 0)
    pipeline = done.pipeline
    live_hours(pipeline, range(UPDATE, END))
    found = alarms(folder, pipeline)
    assert [item for item in found if STIFFNESS_LOSS in item] == [name]
    assert found[name] == ("acknowledged", "brug-1")
    assert Counter(asset for _, asset in found.values()) == {"brug-1": 1, "brug-3": 2}
    decide(pipeline.journal, DecisionVerb.REPAIR, "brug-1", hour=END)
    pipeline.catch_up()
    assert alarms(folder, pipeline)[name] == ("confirmed", "brug-1")
    assert all(item.cleared_ns for item in pipeline.live.books[AssetId("brug-1")].alarms)


def test_what_only_the_models_of_now_see_is_told_once_and_says_so(site: Callable[[str], Path]) -> None:
    folder = site("blind")
    done = update(folder)
    assert (done.announced, done.left_open) == (1, 0)
    entry = done.pipeline.journal.newest("relearning")[0]
    assert [(alarm.kind, alarm.asset) for alarm in entry.outcome.alarms] == [(STIFFNESS_LOSS, "brug-1")]
    said = entry.outcome.alarms[0]
    assert said.raised_at_ns == int(done.pipeline.live.tracker.frontier_ns[1])
    assert said.reasons[-1] == Reason("seen_by_new_models", {"version": state.MODEL_VERSION})
    assert {item.model_version for item in entry.outcome.current} == {state.MODEL_VERSION}
    assert sorted(item.asset for item in entry.outcome.current) == sorted((*ASSETS, MUTE))
    live_hours(done.pipeline, range(UPDATE, END))
    assert [item for item in alarms(folder, done.pipeline) if STIFFNESS_LOSS in item] == [said.id]


def test_what_the_models_of_now_do_not_see_stays_open_until_a_person_decides(site: Callable[[str], Path]) -> None:
    folder = site("alike")
    with models("9.9", blind=True):
        done = update(folder)
        pipeline = done.pipeline
        assert (done.announced, done.left_open) == (0, 1)
        live_hours(pipeline, range(UPDATE, END))
        name = next(item for item in alarms(folder, pipeline) if STIFFNESS_LOSS in item)
        assert alarms(folder, pipeline)[name] == ("open", "brug-1")
        decide(pipeline.journal, DecisionVerb.DISMISS, "brug-1", hour=END, alarm_id=name)
        pipeline.catch_up()
        assert alarms(folder, pipeline)[name] == ("dismissed", "brug-1")
        assert [item.cleared_ns for item in pipeline.live.books[AssetId("brug-1")].alarms] != [None]


def test_a_decision_while_it_learns_counts_behind_it(site: Callable[[str], Path]) -> None:
    """The API goes on meanwhile: what people decide waits in the journal, and nothing repaired is announced."""
    folder = site("blind")
    with contextlib.closing(Journal(folder / "journal.sqlite")) as journal:
        decide(journal, DecisionVerb.REPAIR, "brug-1", hour=UPDATE)
    done = update(folder)
    assert done.announced == 0
    assert not [item for item in alarms(folder, done.pipeline) if STIFFNESS_LOSS in item]


def test_what_retention_took_shortens_the_past_and_is_said(site: Callable[[str], Path]) -> None:
    """One structure has lost its first week, and one everything: that one is commissioned anew, and never green."""
    folder = site("alike")
    with contextlib.closing(sqlite3.connect(folder / "series.sqlite")) as db:
        for asset, before_ns in (("brug-1", BEGIN_NS + 7 * DAY_NS), ("brug-2", NOW_NS + 99 * DAY_NS)):
            db.execute(
                "DELETE FROM hop WHERE start_ns < ? AND number IN (SELECT number FROM channel WHERE asset = ?)",
                (before_ns, asset),
            )
        db.commit()
    done = update(folder)
    assert done.body.shortened == ["brug-1"]
    assert done.anew == ["brug-2"]
    assert done.body.from_ns == {"brug-1": BEGIN_NS + 7 * DAY_NS, "brug-3": BEGIN_NS + JOINS * HOUR_NS}
    now = {item.asset: item.state for item in done.pipeline.journal.newest("relearning")[0].outcome.current}
    assert now[AssetId("brug-2")] is RiskState.INSUFFICIENT_DATA
    live_hours(done.pipeline, range(UPDATE, END))


def test_before_its_first_start_it_can_be_looked_at_and_backed_up(site: Callable[[str], Path], tmp_path: Path) -> None:
    folder = site("alike")
    settings = load_settings({"data_dir": folder})
    findings = {finding.what: finding for finding in examine(settings)}
    assert findings["model state"].ok
    assert OLD in findings["model state"].detail
    manifest = make_backup(settings, tmp_path / "backup", now_ns=NOW_NS, say=lambda _: None)
    assert (manifest.model_version, manifest.state_digest) == (OLD, "")
    restore_backup(settings, tmp_path / "backup", now_ns=NOW_NS, say=lambda _: None)
    update(folder).pipeline.journal.close()
    findings = {finding.what: finding for finding in examine(settings)}
    assert f"learnt again with model version {state.MODEL_VERSION}" in findings["model state"].detail


def _names(journal: Journal) -> list[str]:
    """Give the names of the alarms in the book of what is saved, whatever its models."""
    with models(OLD):
        pipeline = open_pipeline(journal, WALL, max_payload_bytes=1, head_bytes=0)
    return [item.id for book in pipeline.live.books.values() for item in book.alarms]


def test_the_processes_go_on_and_what_came_meanwhile_is_taken_afterwards(
    site: Callable[[str], Path], tmp_path: Path
) -> None:
    """`schouw run` as an operator starts it after an update; the session with the broker is from before."""
    before = site("blind")
    installation = Installation(tmp_path / "data", INGEST__CLOCK="stream")
    with installation.running("run"):
        installation.until("there is a session", lambda: is_well(installation), seconds=60)
    for name in ("journal.sqlite", "operational.sqlite", "series.sqlite"):
        for old in installation.folder.glob(f"{name}*"):
            old.unlink()
        shutil.copyfile(before / name, installation.folder / name)
    with contextlib.closing(installation.journal()) as journal:
        stored = journal.tally()["readings_stored"]
    items = [
        (item.topic, item.payload)
        for hour in range(UPDATE, UPDATE + 24)
        for asset in ASSETS[:2]
        for item in hour_of(asset, hour)
    ]
    with installation.running("run"):
        installation.until("it learns again", lambda: learns_again(installation), seconds=60)
        publish(installation.mqtt_port, items)
        installation.until("it is well", lambda: is_well(installation), seconds=60)
        with contextlib.closing(installation.journal()) as journal:
            installation.until(
                "all is there", lambda: journal.tally()["readings_stored"] == stored + len(items), seconds=60
            )
        installation.until("it is projected", installation.is_projected, seconds=60)
        risks = installation.get("/v1/risks")["items"]
        told = installation.get("/v1/alarms")["items"]
    assert {item["modelVersion"] for item in risks} == {state.MODEL_VERSION}
    assert Counter((item["kind"], item["asset"]) for item in told) == {
        (STIFFNESS_LOSS, "brug-1"): 1,
        ("data.silent", "brug-3"): 2,
    }
    log = (installation.folder / "log" / "ingest.log").read_text()
    assert log.count("relearnt") == 1
    assert installation.call("doctor").returncode == 0


def is_well(installation: Installation) -> bool:
    parts = installation.parts()
    return bool(parts) and all(part["ok"] for part in parts.values())


def learns_again(installation: Installation) -> bool:
    """Tell whether ingest has begun to; how far it is stands in its status, for a moment on a fast machine."""
    log = installation.folder / "log" / "ingest.log"
    return log.exists() and "relearning_started" in log.read_text()
