"""The chain in process, as tests drive it: a folder, a journal, a pipeline, and messages of the simulator."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingest.batch import Message
from models.layout import FLEET_COLUMNS
from models.state import initial_state, state_digest
from service.clock_policy import ClockPolicy
from service.pipeline import Pipeline
from service.register_commands import import_assets, import_works
from service.restore import open_pipeline
from simulator.publish import write_files
from simulator.run import write_register
from simulator.scenario import Scenario
from storage.journal import Journal

NS = 1_000_000_000
DAY_NS = 86_400 * NS
ARRIVAL_NS = 1_800_000_000 * NS
STREAM = ClockPolicy(by_stream=True, lateness_ns=DAY_NS, idle_ns=8 * DAY_NS, future_ns=300 * NS, earliest_ns=None)


def simulated_messages(scenario: Scenario, folder: Path, *, days: int) -> list[Message]:
    """Give what the simulator publishes, in its order; arrival is numbered, not timed."""
    path = folder / "messages.jsonl"
    write_files(scenario, path, days=days)
    with path.open() as lines:
        items = [json.loads(line) for line in lines]
    return [
        Message(item["topic"], b64decode(item["payload"]), ARRIVAL_NS + number, retained=False)
        for number, item in enumerate(items)
    ]


def open_chain(folder: Path, scenario: Scenario | None = None, *, policy: ClockPolicy = STREAM) -> Pipeline:
    """Open the pipeline of a folder as ingest does at its start; with a scenario, its register comes first."""
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder / "journal.sqlite")
    if scenario is not None:
        write_register(scenario, folder / "register")
        import_assets(journal, [folder / "register" / "assets.csv", folder / "register" / "sensors.csv"], at_ns=0)
        import_works(journal, folder / "register" / "works.csv", at_ns=0)
    pipeline = open_pipeline(journal, policy, max_payload_bytes=4_000_000, head_bytes=64)
    pipeline.catch_up()
    return pipeline


def feed(pipeline: Pipeline, messages: Sequence[Message], *, batch: int, close_every: int = 1) -> None:
    """Take messages in batches and close hops behind every few of them."""
    for number, first in enumerate(range(0, len(messages), batch)):
        pipeline.take(messages[first : first + batch], now_ns=ARRIVAL_NS)
        if number % 3 == 0:
            pipeline.assess_waiting()
        if number % close_every == 0:
            pipeline.close(now_ns=ARRIVAL_NS)


def finish(pipeline: Pipeline) -> str:
    """Close what is complete, as when the stream pauses, and give the hash of the model state."""
    pipeline.close(now_ns=ARRIVAL_NS, lateness_ns=0)
    return pipeline.live.digest()


def first_stage(pipeline: Pipeline) -> str:
    """Give the hash of what the models learnt of each asset alone; the second stage's columns are left out."""
    live = pipeline.live
    empty = initial_state(live.catalogue)
    columns: dict[str, Any] = {name: getattr(empty, name) for name in FLEET_COLUMNS}
    return state_digest(live.catalogue, replace(live.state, **columns))
