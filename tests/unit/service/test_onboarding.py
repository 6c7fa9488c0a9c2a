"""Onboarding on a real journal: what was held tells what to register, and is taken once it is registered."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from types import ModuleType

import pytest

import ingest.fields
import ingest.sensors
import service.onboarding
from api.languages import Language
from api.onboarding import EXPECTED, ChannelRow, fault_sentence
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


def sent(content: object, kind: str = "reading") -> Message:
    return Message(f"infra/v1/gw-9/brug-9/acc9/{kind}", json.dumps(content).encode(), ARRIVAL_NS, retained=False)


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


def test_an_axis_beside_the_value_is_registered_with_it(tmp_path: Path) -> None:
    """The form dropped the key `axis` of the wire format: every held value became a dead letter."""
    pipeline = open_chain(tmp_path)
    vibration = {"vibration_rms": {"value": 0.42, "unit": "mm/s", "axis": "z"}}
    rows = [{"v": 1, "sensor": "acc9", "t": START_NS // NS + 600 * number, "values": vibration} for number in range(5)]
    pipeline.take([sent(row) for row in rows], now_ns=ARRIVAL_NS)
    desk = JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS)
    proposal = desk.propose(*SENDER)
    assert proposal.rows == (ChannelRow("vibration_rms", "z", "mm/s", "600"),)
    assert desk.accept(proposal, name="", asset_type="bridge", organisation="", rows=proposal.rows) == []
    pipeline.catch_up()
    assert pipeline.release_held(now_ns=ARRIVAL_NS) == 5
    tally = pipeline.journal.tally()
    assert (tally["readings_stored"], tally.get("messages_dead_lettered", 0)) == (5, 0)


@pytest.mark.parametrize("scale", [1, 1000, 1_000_000, NS])
def test_held_arrays_and_epochs_of_any_size_are_understood(tmp_path: Path, scale: int) -> None:
    pipeline = open_chain(tmp_path)
    values = {"temperature": {"value": 9.5, "unit": "Cel"}}
    rows = [
        {"v": 1, "sensor": "acc9", "t": (START_NS // NS + 600 * number) * scale, "values": values}
        for number in range(4)
    ]
    pipeline.take([sent(rows)], now_ns=ARRIVAL_NS)
    proposal = JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS).propose(*SENDER)
    assert proposal.rows == (ChannelRow("temperature", "", "Cel", "600"),)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 1e300, None, "yesterday", True])
def test_a_held_time_that_is_none_proposes_an_hour(tmp_path: Path, time: object) -> None:
    """`t: NaN` ended the form with an error of the server."""
    pipeline = open_chain(tmp_path)
    values = {"temperature": {"value": 9.5, "unit": "Cel"}}
    pipeline.take([sent({"v": 1, "sensor": "acc9", "t": time, "values": values})] * 2, now_ns=ARRIVAL_NS)
    proposal = JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS).propose(*SENDER)
    assert proposal.rows == (ChannelRow("temperature", "", "Cel", "3600"),)


def test_a_held_waveform_is_proposed_with_its_axis(tmp_path: Path) -> None:
    pipeline = open_chain(tmp_path)
    block = {"v": 1, "sensor": "acc9", "axis": "z", "fs_hz": 100.0, "n": 2, "unit": "g", "enc": "json", "data": [0, 1]}
    blocks = [block | {"t0": (START_NS // NS + 900 * number) * 1000} for number in range(3)]
    pipeline.take([sent(item, "waveform") for item in blocks], now_ns=ARRIVAL_NS)
    proposal = JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS).propose(*SENDER)
    assert proposal.rows == (ChannelRow("waveform", "z", "g", "900"),)


def test_what_is_wrong_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    pipeline = held(tmp_path)
    desk = JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS)
    rows = [ChannelRow("tilt", "x", "degC", "600"), ChannelRow("noise_level", "", "dB", "0")]
    faults = desk.accept(desk.propose(*SENDER), name="", asset_type="castle", organisation="", rows=rows)
    places = [(fault.row, fault.field) for fault in faults]
    assert places == [(0, "type"), (1, "unit"), (2, "interval_s"), (2, "role")]
    told = [fault_sentence(fault, Language.DUTCH) for fault in faults]
    assert told == [
        "er staat 'castle', verwacht wordt een van deze: Brug, Weg, Tunnel, Sluis, Kade of Ander bouwwerk",
        "er staat 'degC', verwacht wordt een eenheid die om te rekenen is naar deg",
        "er staat '0', verwacht wordt een getal van 0,001 tot en met 31.622.400",
        (
            "er is niets ingevuld, verwacht wordt een van deze: toont de conditie, weer of gebruik; "
            "bij de naam 'noise_level' hoort geen vaste rol"
        ),
    ]
    assert current_register(pipeline.journal).assets == ()
    assert desk.accept(desk.propose(*SENDER), name="", asset_type="bridge", organisation="", rows=[]) != []


def test_a_number_may_have_the_comma_of_a_dutch_keyboard(tmp_path: Path) -> None:
    pipeline = held(tmp_path)
    desk = JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS)
    rows = [ChannelRow("tilt", "x", "mrad", "0,5"), ChannelRow("tilt", "x", "mrad", "0,5")]
    (twice,) = desk.accept(desk.propose(*SENDER), name="", asset_type="bridge", organisation="", rows=rows)
    assert fault_sentence(twice, Language.DUTCH) == (
        "er staat 'tilt', verwacht wordt elk kanaal één keer; het staat al in rij 1"
    )
    assert desk.accept(desk.propose(*SENDER), name="", asset_type="bridge", organisation="", rows=rows[:1]) == []
    (channel,) = current_register(pipeline.journal).channels
    assert channel.interval_s == 0.5


def test_a_point_that_may_mark_thousands_is_asked_about(tmp_path: Path) -> None:
    pipeline = held(tmp_path)
    desk = JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS)
    rows = [ChannelRow("tilt", "x", "mrad", "3.600"), ChannelRow("temperature", "", "Cel", "1.209.600")]
    faults = desk.accept(desk.propose(*SENDER), name="", asset_type="bridge", organisation="", rows=rows)
    assert [fault_sentence(fault, Language.DUTCH) for fault in faults] == [
        (
            "er staat '3.600', verwacht wordt 3600 als de punt duizendtallen scheidt, "
            "of 3,6 als de decimalen erachter staan"
        ),
        "er staat '1.209.600', verwacht wordt 1209600, zonder punten tussen de duizendtallen",
    ]


@pytest.mark.parametrize("module", [ingest.fields, ingest.sensors, service.onboarding])
def test_every_fault_of_a_row_has_its_words_on_the_page(module: ModuleType) -> None:
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "fault"]
    added = [call for call in calls if ast.unparse(call.func) == "notes.add"]
    expected = {ast.literal_eval(call.args[1]) for call in named} | {ast.literal_eval(call.args[2]) for call in added}
    assert expected
    assert expected <= EXPECTED


def test_messages_that_cannot_be_read_propose_nothing(tmp_path: Path) -> None:
    pipeline = open_chain(tmp_path)
    assert JournalOnboarding(pipeline.journal, lambda: ARRIVAL_NS).propose(*SENDER).rows == ()
