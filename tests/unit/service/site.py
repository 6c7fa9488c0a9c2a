"""A bridge with a thermometer and an accelerometer, messages for it, and its pipeline on a folder."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from domain.arrays import ReadingColumns
from domain.measurements import DeadLetter
from ingest.batch import Message
from service.clock_policy import ClockPolicy
from service.pipeline import Pipeline
from service.register_commands import import_assets
from service.status import IngestStatus
from storage.database import open_database, sqlite_address, upgrade_schema
from storage.entries import BatchBody, Outcome, decode_readings
from storage.projection import OperationalProjection
from storage.series import SqliteSeries
from tests.chain import NS, STREAM, open_chain

NOW_NS = 1_750_000_000 * NS  # 2025-06-15T15:06:40Z
HOUR_NS = 3600 * NS
WALL = replace(STREAM, by_stream=False, lateness_ns=900 * NS, earliest_ns=1_420_000_000 * NS)
THERMOMETER = "brug-1,klimaat,temperature,Cel,,gw-1,,3600\n"
ACCELEROMETER = "brug-1,acc1,waveform,m/s2,z,gw-1,,3600\n"

_ASSETS = "id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours\n"
_SENSORS = "asset,sensor,channel,unit,axis,gateway,position,interval_s\n"
_MESSAGES = ("decoded", "duplicate", "dead_lettered", "quarantined", "waiting")
_READINGS = ("stored", "duplicate", "refused")


def write_register(folder: Path, rows: str, *, assets: tuple[str, ...] = ("brug-1",)) -> list[Path]:
    """Write register files with these sensors and give their paths."""
    paths = [folder / "assets.csv", folder / "sensors.csv"]
    paths[0].write_text(_ASSETS + "".join(f"{name},{name.title()},bridge,52.1,5.1,1970,40000,,8\n" for name in assets))
    paths[1].write_text(_SENSORS + rows)
    return paths


def open_site(
    folder: Path, rows: str = THERMOMETER + ACCELEROMETER, *, policy: ClockPolicy = STREAM, **assets: Any
) -> Pipeline:
    """Open a pipeline on a folder with a register."""
    pipeline = open_chain(folder, policy=policy)
    onboard(pipeline, folder, rows, **assets)
    return pipeline


def onboard(pipeline: Pipeline, folder: Path, rows: str, **assets: Any) -> None:
    """Put another register in force."""
    import_assets(pipeline.journal, write_register(folder, rows, **assets), at_ns=NOW_NS)
    pipeline.catch_up()


def reading(
    time: object, value: object = 11.5, *, asset: str = "brug-1", sensor: str = "klimaat", received_ns: int = NOW_NS
) -> Message:
    """Give one temperature; a number as time is in seconds."""
    payload = {"v": 1, "sensor": sensor, "t": time, "values": {"temperature": {"value": value, "unit": "Cel"}}}
    return Message(f"infra/v1/gw-1/{asset}/{sensor}/reading", json.dumps(payload).encode(), received_ns, retained=False)


def part(
    number: int,
    parts: int = 3,
    *,
    burst: str = "b1",
    received_ns: int = NOW_NS,
    length: int = 8,
    keys: Mapping[str, object] | None = None,
) -> Message:
    """Give one part of a waveform; `keys` replace those of the payload."""
    samples = np.arange(1, length + 1) * number
    payload = {
        "v": 1, "id": burst, "sensor": "acc1", "axis": "z", "t0": NOW_NS // NS, "fs_hz": 100.0, "n": length,
        "unit": "m/s2", "enc": "i16le", "scale": 0.001, "part": number, "parts": parts,
        "data": base64.b64encode(samples.astype("<i2").tobytes()).decode(),
    } | dict(keys or {})  # fmt: skip
    return Message("infra/v1/gw-1/brug-1/acc1/waveform", json.dumps(payload).encode(), received_ns, retained=False)


def take(pipeline: Pipeline, *messages: Message, now_ns: int = NOW_NS, look: bool = False) -> dict[str, int]:
    """Take one batch, look at what is open then where that is asked for, and give the counts of everything so far."""
    pipeline.take(list(messages), now_ns=now_ns)
    if look:
        pipeline.assess_waiting()
    return balanced(pipeline)


def balanced(pipeline: Pipeline) -> dict[str, int]:
    """Give the counts, having checked that every message and reading is accounted for; 0 where nothing is."""
    tally = {f"messages_{kind}": 0 for kind in ("received", *_MESSAGES)}
    tally |= {f"readings_{kind}": 0 for kind in ("decoded", "conflicting", *_READINGS)}
    tally |= pipeline.journal.tally()
    assert tally["messages_received"] == sum(tally[f"messages_{kind}"] for kind in _MESSAGES)
    assert tally["readings_decoded"] == sum(tally[f"readings_{kind}"] for kind in _READINGS)
    return tally


def outcomes(pipeline: Pipeline) -> list[Outcome]:
    """Give the outcomes of all entries."""
    return [entry.outcome for entry in pipeline.journal.entries(after=0, limit=100_000)]


def letters(pipeline: Pipeline) -> list[DeadLetter]:
    """Give all dead letters."""
    return [letter for outcome in outcomes(pipeline) for letter in outcome.dead_letters]


def stored(pipeline: Pipeline) -> ReadingColumns:
    """Give all readings in the order they were stored."""
    bodies = [entry.body for entry in pipeline.journal.entries(after=0, limit=100_000)]
    return ReadingColumns.concatenate(
        [decode_readings(body.readings) for body in bodies if isinstance(body, BatchBody)]
    )


def project(folder: Path, pipeline: Pipeline) -> None:
    """Write everything that the journal has into the stores beside it, as the projector would."""
    engine = open_database(sqlite_address(folder / "operational.sqlite"))
    upgrade_schema(engine)
    operational, series = OperationalProjection(engine), SqliteSeries(folder / "series.sqlite")
    for store in (operational, series):
        store.project(pipeline.journal.entries(after=store.position(), limit=100_000))
    series.close()
    engine.dispose()


def furnish(folder: Path) -> None:
    """Make an installation as ingest leaves it: two days of a bridge, one dead letter, everything projected."""
    folder.mkdir(parents=True, exist_ok=True)
    pipeline = open_site(folder)
    begin = NOW_NS // NS - 2 * 86_400
    take(pipeline, *(reading(begin + 3600 * hour, 10.0 + hour / 8) for hour in range(48)))
    take(pipeline, Message("infra/v1/gw-1/brug-1/klimaat/reading", b"{", NOW_NS, retained=False))
    pipeline.close(now_ns=NOW_NS, lateness_ns=0)
    pipeline.save()
    project(folder, pipeline)
    pipeline.journal.close()


def ingest_status(now_ns: int, /, **more: Any) -> IngestStatus:
    """Give the status of an ingest that has a broker and nothing to do, unless told otherwise."""
    fields: dict[str, Any] = {
        "pid": 1, "at_ns": now_ns, "started_ns": now_ns, "by_stream": True, "progress_ns": None,
        "broker_connected": True, "broker_since_ns": now_ns, "broker_error": "", "storage_error": "",
        "storage_since_ns": 0, "applied_seq": 9, "projections": [], "queued_messages": 0, "open_readings": 0,
        "assets": 1, "channels": 2,
    }  # fmt: skip
    return IngestStatus(**(fields | more))
