"""A gateway was away for three days and sends what it kept: its asset is scored again, and all others go on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.arrays import ReadingFlag
from domain.identifiers import AssetId
from domain.records import DecisionVerb, RiskAssessment
from ingest.batch import Message
from service.doctor import examine
from service.pipeline import Pipeline
from service.settings import load_settings
from storage.database import open_database, sqlite_address
from storage.decisions import JournalDecisionLog
from storage.protocols import DecisionDraft
from storage.tables import alarm_table, assessment_table
from tests.chain import DAY_NS, NS, first_stage, open_chain
from tests.lengths import either
from tests.unit.service.site import HOUR_NS, NOW_NS, WALL, balanced, open_site, outcomes, project, stored, take

AWAY = range(either(3, long=5) * 24, either(6, long=8) * 24)
HOURS = AWAY.stop + 3 * 24
BEGIN_NS = NOW_NS - NOW_NS % DAY_NS
SENSORS = "".join(
    f"brug-{n},klimaat,temperature,Cel,,gw-{n},,3600\nbrug-{n},acc1,natural_frequency_1,Hz,,gw-{n},,3600\n"
    for n in (1, 2)
)
ASSETS = ("brug-1", "brug-2")


def message(asset: int, hour: int, quantity: str, sensor: str, unit: str, value: float) -> Message:
    payload = {
        "v": 1,
        "sensor": sensor,
        "t": (BEGIN_NS + hour * HOUR_NS) // NS,
        "values": {quantity: {"value": value, "unit": unit}},
        "is_backfill": hour in AWAY and asset == 1,
    }
    topic = f"infra/v1/gw-{asset}/brug-{asset}/{sensor}/reading"
    return Message(topic, json.dumps(payload).encode(), NOW_NS, retained=False)


def hour_of(asset: int, hour: int) -> list[Message]:
    warmth = 10.0 + 6.0 * (hour % 24) / 24 + hour % 7 / 10
    return [
        message(asset, hour, "temperature", "klimaat", "Cel", warmth),
        message(asset, hour, "natural_frequency_1", "acc1", "Hz", 4.0 - 0.003 * warmth + (hour * 37 % 11) / 2000),
    ]


def live_hour(pipeline: Pipeline, hour: int, *messages: Message) -> None:
    now_ns = BEGIN_NS + hour * HOUR_NS + 1800 * NS
    take(pipeline, *messages, now_ns=now_ns, look=hour % 5 == 0)
    pipeline.close(now_ns=now_ns)


def in_order(folder: Path) -> Pipeline:
    pipeline = open_site(folder, SENSORS, assets=ASSETS, policy=WALL)
    for hour in range(HOURS):
        live_hour(pipeline, hour, *hour_of(1, hour), *hour_of(2, hour))
    return pipeline


def back_filled(folder: Path, *, restarts: bool = False) -> Pipeline:
    """One gateway is away for three days; then what it kept comes in turn with what is live."""
    pipeline = open_site(folder, SENSORS, assets=ASSETS, policy=WALL)
    for hour in range(AWAY.stop):
        live_hour(pipeline, hour, *([] if hour in AWAY else hour_of(1, hour)), *hour_of(2, hour))
    kept = [item for hour in AWAY for item in hour_of(1, hour)]
    chunks = [kept[first : first + 20] for first in range(0, len(kept), 20)]
    for hour in range(AWAY.stop, HOURS):
        chunk = chunks.pop(0) if chunks else []
        live_hour(pipeline, hour, *hour_of(1, hour), *chunk, *hour_of(2, hour))
        if restarts and hour % 3 == 0:
            pipeline.journal.close()
            pipeline = open_chain(folder, policy=WALL)
        if hour % 2 == 0:
            pipeline.rescore()
        if restarts and hour % 4 == 0:
            pipeline.save()
    while pipeline.rescore():
        pass
    return pipeline


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return in_order(tmp_path_factory.mktemp("ordered"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("late")


@pytest.fixture(scope="module")
def late(folder: Path) -> Pipeline:
    return back_filled(folder)


def rows(pipeline: Pipeline, folder: Path, table: Any) -> list[Any]:
    project(folder, pipeline)
    engine = open_database(sqlite_address(folder / "operational.sqlite"))
    with engine.connect() as db:
        found = list(db.execute(select(table).order_by(table.c.revision, table.c.id)))
    engine.dispose()
    return found


@pytest.mark.slow
def test_the_models_end_as_if_nothing_had_been_late(ordered: Pipeline, late: Pipeline) -> None:
    assert first_stage(late) == first_stage(ordered)
    # So does the detector of each frequency, which the second stage asks: it knows its own asset alone.
    assert late.live.state.change_memory.tolist() == ordered.live.state.change_memory.tolist()
    assert late.live.state.change_day.tolist() == ordered.live.state.change_day.tolist()
    assert late.live.tracker.frontier_ns.tolist() == ordered.live.tracker.frontier_ns.tolist()
    flags = Counter(stored(late).flags.tolist())
    assert flags[ReadingFlag.LATE | ReadingFlag.REVISES | ReadingFlag.BACKFILL] == 2 * len(AWAY)
    assert balanced(late)["readings_stored"] == 4 * HOURS


def test_assessments_are_replaced_and_never_changed(ordered: Pipeline, late: Pipeline, folder: Path) -> None:
    found = {row.id: msgspec.convert(row.detail, RiskAssessment) for row in rows(late, folder, assessment_table)}
    newest: dict[tuple[str, int], RiskAssessment] = {}
    for item in found.values():
        assert item.revised == (".r" in item.assessment_id)
        assert not item.revised or item.asset == "brug-1"
        if item.replaces is not None:
            assert newest[item.asset, item.assessed_at_ns].assessment_id == item.replaces
        newest[item.asset, item.assessed_at_ns] = item
    revised = [item for item in found.values() if item.revised]
    assert min(item.assessed_at_ns for item in revised) > BEGIN_NS + AWAY.start * HOUR_NS
    assert sum(item.replaces is not None for item in revised) >= 3
    original = [item for outcome in outcomes(late) for item in outcome.assessments if not item.revised]
    assert all(found[item.assessment_id].health_index == item.health_index for item in original)
    # What stands in the end is what would have been said in order, but for what like assets learnt without it.
    for outcome in outcomes(ordered):
        for item in outcome.assessments:
            last = newest[item.asset, item.assessed_at_ns]
            assert (last.state, last.data_quality) == (item.state, item.data_quality)
            for mine, other in zip(last.probability_of_failure, item.probability_of_failure, strict=True):
                assert mine.value == pytest.approx(other.value, rel=0.01)


def test_the_alarm_of_silence_is_raised_once_and_marked(ordered: Pipeline, late: Pipeline, folder: Path) -> None:
    """The silence was real when it was told; that data came after all is said, and nothing is deleted."""
    alarms = [alarm.id for outcome in outcomes(late) for alarm in outcome.alarms]
    assert len(alarms) == len(set(alarms))
    table = {row.id: row for row in rows(late, folder, alarm_table)}
    assert sorted(table) == sorted(alarms)
    silent = [row for row in table.values() if row.kind == "data.silent" and row.asset == "brug-1"]
    assert silent
    for row in silent:
        assert (row.state, row.reasons[0]["code"]) == ("cleared", "late_data_disagree")
        assert row.cleared_at_ns is not None
    in_order_alarms = {alarm.id for outcome in outcomes(ordered) for alarm in outcome.alarms}
    supported = {name for name, row in table.items() if row.reasons[0]["code"] != "late_data_disagree"}
    assert supported == in_order_alarms


def test_series_and_accounts_are_whole(late: Pipeline, folder: Path) -> None:
    late.save()
    project(folder, late)
    settings = load_settings({"data_dir": folder, "ingest": {"backfill_days": 7.0}})
    findings = {finding.what: finding for finding in examine(settings)}
    assert all(finding.ok for finding in findings.values()), findings
    assert late.live.digest() in findings["model state"].detail


@pytest.mark.slow
def test_restarts_in_the_middle_change_no_bit(tmp_path: Path, ordered: Pipeline, late: Pipeline) -> None:
    again = back_filled(tmp_path, restarts=True)
    assert first_stage(again) == first_stage(ordered)
    names = [sorted(alarm.id for outcome in outcomes(one) for alarm in outcome.alarms) for one in (again, late)]
    assert names[0] == names[1]


@pytest.mark.slow
def test_what_is_older_than_the_window_is_stored_and_not_scored(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path, SENSORS, assets=ASSETS, policy=replace(WALL, window_ns=2 * DAY_NS))
    for hour in range(5 * 24):
        live_hour(pipeline, hour, *(hour_of(1, hour) if hour != 30 else []), *hour_of(2, hour))
    before = pipeline.live.digest()
    take(pipeline, *hour_of(1, 30), now_ns=BEGIN_NS + 5 * DAY_NS)
    assert pipeline.rescore() == 0
    assert pipeline.live.digest() == before
    assert stored(pipeline).flags.tolist()[-2:] == [ReadingFlag.LATE] * 2
    assert balanced(pipeline)["readings_stored"] == 4 * 5 * 24
    take(pipeline, *hour_of(1, 30), now_ns=BEGIN_NS + 5 * DAY_NS)
    assert balanced(pipeline)["readings_duplicate"] == 2


@pytest.mark.slow
def test_a_decision_holds_where_it_was_taken(tmp_path: Path) -> None:
    """A repair recorded before the late rows came makes another structure from its own moment on, not from theirs.

    So does one that no closed hop has followed yet.
    """
    digests = []
    for name in ("ordered", "late"):
        pipeline = open_site(tmp_path / name, SENSORS, assets=ASSETS, policy=WALL)
        held = range(100, 130) if name == "late" else range(0)
        for hour in range(200):
            live_hour(pipeline, hour, *([] if hour in held else hour_of(1, hour)), *hour_of(2, hour))
            if hour in {150, 199}:
                decide(pipeline, DecisionVerb.REPAIR)
        if name == "late":
            take(pipeline, *(item for hour in held for item in hour_of(1, hour)), now_ns=BEGIN_NS + 200 * HOUR_NS)
            assert pipeline.rescore() > 100
        digests.append(first_stage(pipeline))
    assert digests[0] == digests[1]


def decide(pipeline: Pipeline, verb: DecisionVerb) -> None:
    """Decide as the API does: an entry of another process, applied when it is seen."""
    draft = DecisionDraft(AssetId("brug-1"), verb, "A. Smit", "bearing replaced", None, None, None, None)
    JournalDecisionLog(pipeline.journal, lambda _: None).append(draft, decided_at_ns=NOW_NS)
    assert pipeline.catch_up() == 1
