"""What the simulator writes must be what the other end reads: its register, its payloads, its garbage."""

from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import PayloadError
from domain.register import Register
from ingest.formats.project import channel_name, decode_readings, decode_waveform
from ingest.register import read_register, read_works
from ingest.topics import TopicKind, parse_topic
from simulator.messages import Message, day_messages
from simulator.owner_files import write_register
from simulator.scenario import Scenario, Transport
from simulator.scenario_file import load_scenario
from simulator.world import World


@pytest.fixture(scope="module")
def municipality() -> Scenario:
    return load_scenario("municipality")


def register_of(scenario: Scenario, folder: Path) -> Register:
    write_register(scenario, folder)
    return read_register([folder / "assets.csv", folder / "sensors.csv"])


def understood(message: Message) -> set[tuple[str, str, str]]:
    """Give asset, sensor and channel of all that a message holds; empty when nothing of it can be read."""
    topic = parse_topic(message.topic)
    asset, sensor = str(topic.asset), str(topic.sensor)
    try:
        if topic.kind is TopicKind.WAVEFORM:
            return {(asset, sensor, f"dominant_frequency.{decode_waveform(message.payload, sensor).axis}")}
        readings, refused = decode_readings(message.payload, sensor)
    except PayloadError:
        return set()
    assert not readings or not refused
    return {(asset, sensor, channel_name(name, axis)) for each in readings for name, axis, _ in each.keys}


def test_the_register_and_the_works_are_read_as_they_stand(municipality: Scenario, tmp_path: Path) -> None:
    register = register_of(municipality, tmp_path)
    assert {asset.id for asset in register.assets} == {plan.id for plan in municipality.assets}
    by_id = {str(asset.id): asset for asset in register.assets}
    assert by_id["brug-001"].emergency_repair_cost_eur == pytest.approx(
        3 * (by_id["brug-001"].planned_repair_cost_eur or 0)
    )
    works = read_works(tmp_path / "works.csv", register)
    assert {(each.asset, each.kind, each.sensor) for each in works} == {
        ("brug-006", "diversion", None),
        ("weg-009", "resurfacing", None),
        ("brug-013", "sensor swap", "acc1"),
    }


def test_every_sound_message_is_understood_in_full_and_names_registered_channels(
    municipality: Scenario, tmp_path: Path
) -> None:
    registered = {tuple(channel.key) for channel in register_of(municipality, tmp_path).channels}
    seen: set[tuple[str, str, str]] = set()
    for message in day_messages(World(municipality), 200):
        if message.kind != "garbage":
            names = understood(message)
            assert names
            seen |= names
    assert seen <= registered
    derived = {key for key in registered - seen if key[1] == "acc2"}
    assert registered - seen == derived


def test_no_garbage_is_understood() -> None:
    scenario = replace(load_scenario("small"), transport=Transport(garbage_rate=0.5))
    world = World(scenario)
    garbage = [m for day in range(10) for m in day_messages(world, day) if m.kind == "garbage"]
    assert len({message.payload for message in garbage}) == 8
    assert not any(understood(message) for message in garbage)
