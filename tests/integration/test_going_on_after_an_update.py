"""An update brings models of another version: what is kept is learnt again, and everything goes on.

What an older version would have said is made by the models of now with another name and other numbers: a wider prior
of what like structures differ by, and a threshold for alarms that is never or always reached.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from domain.errors import OtherModelVersion, StorageUnavailable
from domain.identifiers import AssetId
from domain.records import DecisionVerb, Reason, RiskState
from ingest.batch import Message
from models import state
from models.hop_clock import NEVER_NS
from service.backup import make_backup
from service.doctor import examine
from service.pipeline import Pipeline
from service.relearning import Relearnt, relearn
from service.restore import open_pipeline
from service.restoring import restore_backup
from service.settings import load_settings
from storage.database import open_database, sqlite_address
from storage.decisions import JournalDecisionLog
from storage.hop_values import HopValues
from storage.influx import InfluxSeries
from storage.influx_target import InfluxTarget
from storage.journal import Journal
from storage.protocols import DecisionDraft, ProjectedSeries
from storage.series import SqliteSeries
from storage.tables import alarm_table
from tests.chain import DAY_NS, NS, open_chain
from tests.influx_server import InfluxServer
from tests.installation import Installation, publish
from tests.unit.service.site import HOUR_NS, NOW_NS, WALL, onboard, open_site, project

pytestmark = pytest.mark.slow

BEGIN_NS = NOW_NS - NOW_NS % DAY_NS
ASSETS = ("brug-1", "brug-2", "brug-3")
# Comes into the register behind a save, before all others by name, and is never heard.
MUTE = "brug-0"
SENSORS = [
    f"{name},klimaat,temperature,Cel,,gw-1,,3600\n{name},acc1,natural_frequency_1,Hz,,gw-1,,3600\n" for name in ASSETS
]
SENSORS.append(f"{MUTE},klimaat,temperature,Cel,,gw-1,,3600\n")
# When the third bridge joins, and when the first weakens; the update comes later, and the third falls silent before it.
JOINS = 3 * 24
WEAKENS, SAVED, SILENT, UPDATE, END = 9 * 24, 12 * 24, 13 * 24, 15 * 24, 17 * 24
OLD = "0.9"
STIFFNESS_LOSS = "condition.stiffness_loss"
DECISIONS = {8 * 24 + 5: (DecisionVerb.ACCEPT_NORMAL, "brug-2")}


def message(asset: str, hour: int, quantity: str, sensor: str, unit: str, value: float) -> Message:
    payload = {
        "v": 1,
        "sensor": sensor,
        "t": (BEGIN_NS + hour * HOUR_NS) // NS,
        "values": {quantity: {"value": value, "unit": unit}},
    }
    topic = f"infra/v1/gw-1/{asset}/{sensor}/reading"
    return Message(topic, json.dumps(payload).encode(), NOW_NS, retained=False)


def hour_of(asset: str, hour: int) -> list[Message]:
    place = ASSETS.index(asset)
    warmth = 10.0 + 6.0 * np.sin(hour / 24 * 2 * np.pi) + (hour * 31 % 17) / 10
    lost = min(max(hour - WEAKENS, 0) / 48, 1.0) * 0.35 if asset == "brug-1" else 0.0
    jitter = np.modf((hour + 100 * place) * 0.754877666)[0] - 0.5
    return [
        message(asset, hour, "temperature", "klimaat", "Cel", warmth),
        message(
            asset, hour, "natural_frequency_1", "acc1", "Hz", 4.0 + place / 8 - 0.003 * warmth - lost + jitter / 50
        ),
    ]


def live_hours(pipeline: Pipeline, hours: range) -> None:
    """Take what comes in some hours, twelve at a time, and what people decide meanwhile."""
    for first in range(hours.start, hours.stop, 12):
        for hour in range(first, first + 12):
            if hour in DECISIONS:
                decide(pipeline.journal, *DECISIONS[hour], hour=hour)
                pipeline.catch_up()
        if first == JOINS:
            onboard(pipeline, pipeline.journal.path.parent, "".join(SENSORS[:3]), assets=ASSETS)
        if first == SAVED + 24:
            onboard(pipeline, pipeline.journal.path.parent, "".join(SENSORS), assets=(*ASSETS, MUTE))
        now_ns = BEGIN_NS + (first + 12) * HOUR_NS + 1800 * NS
        items = [
            item
            for hour in range(first, first + 12)
            for asset in ASSETS
            if asset != "brug-3" or JOINS <= hour < SILENT
            for item in hour_of(asset, hour)
        ]
        pipeline.take(items, now_ns=now_ns, provisional=first % 24 == 0)
        pipeline.close(now_ns=now_ns)


def decide(journal: Journal, verb: DecisionVerb, asset: str, *, hour: int, alarm_id: str | None = None) -> None:
    draft = DecisionDraft(AssetId(asset), verb, "A. Smit", "seen on site", alarm_id, None, None, None)
    log = JournalDecisionLog(journal, lambda _: None if alarm_id is None else STIFFNESS_LOSS)
    log.append(draft, decided_at_ns=BEGIN_NS + hour * HOUR_NS + 1800 * NS)


@contextlib.contextmanager
def models(version: str, *, blind: bool = False) -> Iterator[None]:
    """Let the models be of another version; those that are blind take twice the way to failure for usual."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.state.MODEL_VERSION", version)
        patch.setattr("models.risk.MODEL_VERSION", version)
        if blind:
            patch.setattr("models.fleet._SPREAD_START", 2.0)
        yield


@pytest.fixture(scope="module")
def always(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Digests of a service that always ran the models of now: at the update and at the end."""
    pipeline = open_site(tmp_path_factory.mktemp("always"), "".join(SENSORS[:2]), assets=ASSETS[:2], policy=WALL)
    live_hours(pipeline, range(UPDATE))
    at_update = pipeline.live.digest()
    live_hours(pipeline, range(UPDATE, END))
    return at_update, pipeline.live.digest()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Data folders of installations before the update, by what is particular about them."""
    found = {}
    for name, blind in (("alike", False), ("blind", True)):
        folder = found[name] = tmp_path_factory.mktemp(name)
        with models(OLD, blind=blind):
            pipeline = open_site(folder, "".join(SENSORS[:2]), assets=ASSETS[:2], policy=WALL)
            live_hours(pipeline, range(SAVED))
            pipeline.save()
            live_hours(pipeline, range(SAVED, UPDATE))
            project(folder, pipeline)
            if name == "blind":
                found["crashed"] = _copy(folder, tmp_path_factory.mktemp("crashed"))
            pipeline.save()
            pipeline.journal.close()
    found["whole"] = _copy(found["blind"], tmp_path_factory.mktemp("whole"))
    for name in ("alike", "blind", "crashed"):
        with contextlib.closing(Journal(found[name] / "journal.sqlite")) as journal:
            assert journal.prune(upto=journal.snapshot_seq()) > 20
    return found


def _copy(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target, dirs_exist_ok=True)
    return target


@pytest.fixture
def site(folders: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Give a copy of one of the folders."""
    return lambda name: _copy(folders[name], tmp_path / name)


def update(folder: Path, series: ProjectedSeries | None = None) -> Relearnt:
    """Start with the models of now, as ingest does."""
    journal = Journal(folder / "journal.sqlite")
    limits = {"max_payload_bytes": 4_000_000, "head_bytes": 64}
    with pytest.raises(OtherModelVersion) as changed:
        open_pipeline(journal, WALL, **limits)
    shares: list[float] = []
    done = relearn(
        journal,
        series or SqliteSeries(folder / "series.sqlite"),
        WALL,
        changed.value,
        now_ns=NOW_NS,
        progress=shares.append,
        away=lambda _: None,
        **limits,
    )
    assert shares == sorted(shares)
    assert shares[0] < 0.5 < shares[-1] <= 1.0
    return done


def alarms(folder: Path, pipeline: Pipeline) -> dict[str, tuple[str, str]]:
    """Give state and asset of every alarm that people see."""
    project(folder, pipeline)
    engine = open_database(sqlite_address(folder / "operational.sqlite"))
    with engine.connect() as db:
        found = {row.id: (row.state, row.asset) for row in db.execute(select(alarm_table))}
    engine.dispose()
    return found


@pytest.mark.parametrize("name", ["alike", "blind", "crashed", "whole"])
def test_the_models_stand_where_they_would_had_they_always_been_there(
    site: Callable[[str], Path], always: tuple[str, str], name: str
) -> None:
    """From kept hops, from them and the entries behind the last save, and from a journal that is whole."""
    folder = site(name)
    with contextlib.closing(Journal(folder / "journal.sqlite")) as journal:
        before = journal.tally()
    done = update(folder)
    pipeline = done.pipeline
    assert pipeline.live.digest() == always[0]
    assert (done.body.before, done.body.after, done.body.is_whole) == (OLD, state.MODEL_VERSION, name == "whole")
    assert set(done.body.from_ns.values()) == {BEGIN_NS, BEGIN_NS + JOINS * HOUR_NS}
    assert (done.anew, done.body.shortened) == ([], [])
    assert pipeline.journal.tally() == before
    # The next start goes on from what was saved, and nothing is learnt again.
    pipeline.journal.close()
    again = open_chain(folder, policy=WALL)
    assert again.live.digest() == always[0]
    assert again.live.books == pipeline.live.books
    live_hours(again, range(UPDATE, END))
    assert again.live.digest() == always[1]


def test_what_comes_late_afterwards_is_scored_again_from_new_checkpoints(
    site: Callable[[str], Path], always: tuple[str, str]
) -> None:
    pipeline = update(site("crashed")).pipeline
    live = pipeline.live
    live.revise_ns = np.where(
        live.tracker.frontier_ns > NEVER_NS, live.tracker.frontier_ns - 6 * DAY_NS, live.revise_ns
    )
    assert pipeline.rescore() > 2 * 6 * 24
    assert live.digest() == always[0]


class _Breaks:
    """A series that fails at one of its answers."""

    def __init__(self, folder: Path, error: Exception, *, at: int) -> None:
        self._series = SqliteSeries(folder / "series.sqlite")
        self._error = error
        self._left = at

    def position(self) -> int:
        return self._series.position()

    def hop_values(self, asset: AssetId, *, start_ns: int, end_ns: int) -> Sequence[HopValues]:
        self._left -= 1
        if self._left == 0:
            raise self._error
        return self._series.hop_values(asset, start_ns=start_ns, end_ns=end_ns)


class _KilledError(Exception):
    """Nothing catches it, as nothing catches kill -9."""


@pytest.mark.parametrize("where", ["hops", "checkpoint", "entry", "save"])
def test_killed_in_the_middle_it_begins_again_and_ends_the_same(
    site: Callable[[str], Path], always: tuple[str, str], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    folder = site("crashed")
    told = Counter(_told(folder))
    series: Any = _Breaks(folder, _KilledError(), at=2) if where == "hops" else None
    with monkeypatch.context() as patch:
        _kill_at(patch, where)
        with pytest.raises(_KilledError):
            update(folder, series)
    with models(OLD, blind=True):  # what was saved is still in force, for who goes back
        assert open_chain(folder, policy=WALL).live.applied_seq > 0
    done = update(folder)
    assert done.pipeline.live.digest() == always[0]
    alarm = Counter({("condition.stiffness_loss", "brug-1"): 1})
    assert Counter(_told(folder)) - told == alarm
    journal, live = done.pipeline.journal, done.pipeline.live
    assert [item.seq for item in journal.newest("relearning", limit=9)] == [live.applied_seq]


def _kill_at(patch: pytest.MonkeyPatch, where: str) -> None:
    """Let the third checkpoint, the entry, or the save behind the entry be where it ends."""
    if where == "hops":
        return
    calls = {"checkpoint": ("keep_again", 3), "entry": ("commit", 1), "save": ("use_snapshots", 1)}
    name, left = calls[where]
    whole = getattr(Journal, name)

    def dying(*arguments: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise _KilledError
        return whole(*arguments, **more)

    patch.setattr(Journal, name, dying)


def _told(folder: Path) -> list[tuple[str, str]]:
    with contextlib.closing(Journal(folder / "journal.sqlite")) as journal:
        entries = journal.entries(after=0, limit=100_000)
    return [(alarm.kind, alarm.asset) for entry in entries for alarm in entry.outcome.alarms]


def test_series_that_are_away_are_asked_again(site: Callable[[str], Path], always: tuple[str, str]) -> None:
    folder = site("alike")
    breaking: Any = _Breaks(folder, StorageUnavailable("the server is away"), at=2)
    assert update(folder, breaking).pipeline.live.digest() == always[0]


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


def test_from_an_influxdb_the_same_bits_come(
    site: Callable[[str], Path], always: tuple[str, str], influx: InfluxServer
) -> None:
    folder = site("whole")
    influx.create("update")
    target = InfluxTarget(url=influx.url, kind="1.8", bucket="update")
    series = InfluxSeries(target, folder / "influx.sqlite")
    with contextlib.closing(Journal(folder / "journal.sqlite")) as journal:
        while entries := journal.entries(after=series.position(), limit=50):
            series.project(entries)
        assert journal.prune(upto=journal.snapshot_seq()) > 20
    assert update(folder, series).pipeline.live.digest() == always[0]
    series.close()


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
        installation.until("it learns again", lambda: "learns again" in said(installation), seconds=60)
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


def said(installation: Installation) -> str:
    """Give what ingest says of learning again in its status file; empty while it says nothing."""
    try:
        return str(json.loads((installation.folder / "ingest-status.json").read_bytes()).get("relearning", ""))
    except (OSError, json.JSONDecodeError):
        return ""
