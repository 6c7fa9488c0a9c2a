"""A site whose installation is of an older version, for tests of what an update does.

What an older version would have said is made by the models of now with another name and other numbers: a wider prior
of what like structures differ by, and a threshold for alarms that is never or always reached.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from domain.errors import OtherModelVersion
from domain.identifiers import AssetId
from domain.records import DecisionVerb
from ingest.batch import Message
from service.pipeline import Pipeline
from service.relearning import Relearnt, relearn
from service.restore import open_pipeline
from storage.decisions import JournalDecisionLog
from storage.journal import Journal
from storage.protocols import DecisionDraft, ProjectedSeries
from storage.series import SqliteSeries
from tests.chain import DAY_NS, NS
from tests.unit.service.site import HOUR_NS, NOW_NS, WALL, onboard, open_site, project

BEGIN_NS = NOW_NS - NOW_NS % DAY_NS - DAY_NS
ASSETS = ("brug-1", "brug-2", "brug-3")
# Comes into the register behind a save, before all others by name, and is never heard.
MUTE = "brug-0"
SENSORS = [
    f"{name},klimaat,temperature,Cel,,gw-1,,3600\n{name},acc1,natural_frequency_1,Hz,,gw-1,,3600\n" for name in ASSETS
]
SENSORS.append(f"{MUTE},klimaat,temperature,Cel,,gw-1,,3600\n")
# When the third bridge joins, and when the first weakens; the update comes later, and the third falls silent before it.
JOINS = 3 * 24
WEAKENS, SAVED, SILENT, UPDATE, END = 4 * 24 + 6, 12 * 24, 13 * 24, 15 * 24, 17 * 24
OLD = "0.9"
STIFFNESS_LOSS = "condition.stiffness_loss"
# Verb, asset, and the day on which it failed; that day is corrected half a day later.
DECISIONS: dict[int, tuple[DecisionVerb, str, int | None]] = {
    8 * 24 + 5: (DecisionVerb.ACCEPT_NORMAL, "brug-2", None),
    14 * 24 + 4: (DecisionVerb.INSPECT, "brug-1", 14),
    14 * 24 + 16: (DecisionVerb.INSPECT, "brug-1", 13),
}


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
                verb, asset, failed_day = DECISIONS[hour]
                decide(pipeline.journal, verb, asset, hour=hour, failed_day=failed_day)
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
        pipeline.take(items, now_ns=now_ns)
        if first % 24 == 0:
            pipeline.assess_waiting()
        pipeline.close(now_ns=now_ns)


def decide(
    journal: Journal,
    verb: DecisionVerb,
    asset: str,
    *,
    hour: int,
    alarm_id: str | None = None,
    failed_day: int | None = None,
) -> None:
    failed_on = None
    if failed_day is not None:
        failed_on = datetime.fromtimestamp(BEGIN_NS // NS + 86_400 * failed_day, UTC).date().isoformat()
    draft = DecisionDraft(AssetId(asset), verb, "A. Smit", "seen on site", alarm_id, failed_on=failed_on)
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


def installed_before(base: Path) -> dict[str, Path]:
    """Make data folders of installations before the update, by what is particular about them."""
    found = {}
    for name, blind in (("alike", False), ("blind", True)):
        folder = found[name] = base / name
        with models(OLD, blind=blind):
            pipeline = open_site(folder, "".join(SENSORS[:2]), assets=ASSETS[:2], policy=WALL)
            live_hours(pipeline, range(SAVED))
            pipeline.save()
            live_hours(pipeline, range(SAVED, UPDATE))
            project(folder, pipeline)
            if name == "blind":
                found["crashed"] = copy_folder(folder, base / "crashed")
            pipeline.save()
            pipeline.journal.close()
    found["whole"] = copy_folder(found["blind"], base / "whole")
    for name in ("alike", "blind", "crashed"):
        with contextlib.closing(Journal(found[name] / "journal.sqlite")) as journal:
            assert journal.prune(upto=journal.snapshot_seq()) > 20
    return found


def copy_folder(folder: Path, target: Path) -> Path:
    """Copy a data folder, and give where it is."""
    shutil.copytree(folder, target, dirs_exist_ok=True)
    return target


def update(folder: Path, series: ProjectedSeries | None = None) -> Relearnt:
    """Start with the models of now, as ingest does."""
    journal = Journal(folder / "journal.sqlite")
    limits = {"max_payload_bytes": 4_000_000, "head_bytes": 64}
    with pytest.raises(OtherModelVersion) as changed:
        open_pipeline(journal, WALL, max_payload_bytes=4_000_000, head_bytes=64)
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
