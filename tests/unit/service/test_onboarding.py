"""Onboarding on a real journal: what was held tells what to register, and is taken once it is registered."""

from __future__ import annotations

import json
from pathlib import Path

from api.onboarding import ChannelRow
from domain.identifiers import AssetId, GatewayId, SensorId
from ingest.batch import Message
from service.onboarding import JournalOnboarding
from service.pipeline import Pipeline
from service.register_commands import current_register
from tests.chain import ARRIVAL_NS, NS, open_chain

START_NS = 1_750_000_000 * NS
SENDER = (GatewayId("gw-9"), AssetId("brug-9"), SensorId("acc9"))


def reading(number: int, *, seconds: int = 600) -> Message:
    values = {"temperature": {"value": 9.5, "unit": "Cel"}, "tilt.x": {"value": 0.2, "unit": "mrad"}}
    payload = {"v": 1, "sensor": "acc9", "t": START_NS // NS + number * seconds, "values": values}
    return Message(
        "infra/v1/gw-9/brug-9/acc9/reading", json.dumps(payload).encode(), ARRIVAL_NS + number, retained=False
    )


def held(folder: Path) -> Pipeline:
    pipeline = open_chain(folder)
    pipeline.take([reading(number) for number in range(5)], now_ns=ARRIVAL_NS)
    return pipeline


def test_held_messages_tell_channels_units_and_interval(tmp_path: Path) -> None:
    proposal = JournalOnboarding(held(tmp_path).journal, lambda: ARRIVAL_NS).propose(*SENDER)
    assert not proposal.is_known_asset
    assert proposal.rows == (
        ChannelRow("temperature", "", "Cel", "600"),
        ChannelRow("tilt", "x", "mrad", "600"),
    )


def test_what_was_held_is_taken_after_onboarding(tmp_path: Path) -> None:
    pipeline = held(tmp_path)
    desk = JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS)
    proposal = desk.propose(*SENDER)
    faults = desk.accept(proposal, name="Brug negen", asset_type="bridge", organisation="", rows=proposal.rows)
    assert faults == []
    (asset,) = current_register(pipeline.journal).assets
    assert (asset.id, asset.name, asset.type) == ("brug-9", "Brug negen", "bridge")
    pipeline.catch_up()
    assert pipeline.release_held(now_ns=ARRIVAL_NS) == 5
    assert pipeline.journal.tally()["readings_stored"] == 10


def test_what_is_wrong_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    pipeline = held(tmp_path)
    desk = JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS)
    rows = [ChannelRow("tilt", "x", "degC", "600"), ChannelRow("noise_level", "", "dB", "0")]
    faults = desk.accept(desk.propose(*SENDER), name="", asset_type="castle", organisation="", rows=rows)
    places = [(fault.row, fault.field) for fault in faults]
    assert places == [(0, "type"), (1, "unit"), (2, "interval_s"), (2, "role")]
    assert faults[0].detail.startswith("got 'castle', expected one of ")
    assert current_register(pipeline.journal).assets == ()
    assert desk.accept(desk.propose(*SENDER), name="", asset_type="bridge", organisation="", rows=[]) != []


def test_messages_that_cannot_be_read_propose_nothing(tmp_path: Path) -> None:
    pipeline = open_chain(tmp_path)
    assert JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS).propose(*SENDER).rows == ()
