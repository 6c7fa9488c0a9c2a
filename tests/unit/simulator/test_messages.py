import base64
import itertools
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simulator.messages import Message, day_messages, live_messages
from simulator.scenario import DAY_NS, HOUR_NS, Scenario, SensorFault, Transport
from simulator.scenario_file import load_scenario
from simulator.world import World


@pytest.fixture(scope="module")
def small() -> Scenario:
    return load_scenario("small")


def clean(scenario: Scenario) -> Scenario:
    return replace(scenario, transport=Transport())


def objects(message: Message) -> list[dict[str, Any]]:
    content = json.loads(message.payload)
    return content if isinstance(content, list) else [content]


def test_the_same_scenario_gives_the_same_bytes_and_any_day_alone_too(small: Scenario) -> None:
    world = World(small)
    days = [day_messages(world, day) for day in range(20)]
    for day in (0, 7, 15, 16, 19):
        assert day_messages(World(small), day) == days[day]
    assert [day_messages(world, day) for day in (19, 3)] == [days[19], days[3]]


def test_one_message_holds_a_day_of_one_sensor_and_sensors_take_turns(small: Scenario) -> None:
    world = World(clean(small))
    messages = day_messages(world, 0)
    readings = [message for message in messages if message.kind == "readings"]
    assert len({message.topic for message in readings}) == len(readings)
    frequencies = next(m for m in readings if m.topic == "infra/v1/gw-a/brug-1/acc1/reading")
    sent = objects(frequencies)
    assert len(sent) == frequencies.readings == 24
    assert sent[0]["t"] == "2025-02-01T00:00:00Z"
    assert sent[23]["t"] == "2025-02-01T23:00:00Z"
    assert set(sent[0]["values"]) == {"natural_frequency_1", "natural_frequency_2", "vibration_rms", "kurtosis"}
    assert sent[0]["values"]["vibration_rms"]["axis"] == "z"
    value = sent[5]["values"]["natural_frequency_1"]["value"]
    assert value == world.measured(0, 0)[0, 5]
    assets = [message.topic.split("/")[3] for message in messages[:5]]
    assert assets == ["brug-1", "brug-2", "weg-1", "sluis-1", "tunnel-1"]


@pytest.mark.parametrize("hours_per_message", [1, 5, 24])
def test_cutting_a_day_into_messages_changes_no_reading(small: Scenario, hours_per_message: int) -> None:
    def flat(messages: list[Message]) -> list[str]:
        return sorted(m.topic + json.dumps(o) for m in messages for o in objects(m))

    whole = day_messages(World(clean(small)), 3)
    parts = day_messages(World(clean(small)), 3, hours_per_message=hours_per_message)
    assert flat(parts) == flat(whole)


def test_a_part_of_a_day_is_what_was_measured_in_it(small: Scenario) -> None:
    world = World(clean(small))
    noon_ns = small.start_ns + 2 * DAY_NS + 12 * HOUR_NS
    morning = day_messages(world, 2, until_ns=noon_ns)
    evening = day_messages(world, 2, since_ns=noon_ns)
    whole = day_messages(world, 2)

    def count(messages: list[Message]) -> tuple[int, int]:
        return sum(m.readings for m in messages), sum(m.kind == "waveform" for m in messages)

    assert count(morning) == (count(whole)[0] // 2, 1)
    assert count(evening) == (count(whole)[0] // 2, 1)
    assert day_messages(world, 2, since_ns=small.start_ns + 3 * DAY_NS) == []


def test_idle_and_faulty_channels_are_left_out(small: Scenario) -> None:
    silent = replace(clean(small), sensor_faults=(SensorFault("dropout", "tunnel-1", "pmp1", 0.0, 0.5),))
    messages = {m.topic: m for m in day_messages(World(silent), 0) if m.kind == "readings"}
    assert messages["infra/v1/gw-c/tunnel-1/pmp1/reading"].readings == 12
    drive = objects(messages["infra/v1/gw-b/sluis-1/drv1/reading"])
    assert len(drive) == 24
    assert {"vibration_rms" in each["values"] for each in drive} == {True, False}
    assert all("motor_temperature" in each["values"] for each in drive)


def test_a_waveform_has_the_spectrum_of_the_bridge_in_that_hour(small: Scenario) -> None:
    world = World(clean(small))
    waveforms = [m for day in range(8) for m in day_messages(world, day) if m.kind == "waveform"]
    assert len(waveforms) == 16
    power = np.zeros(1001)
    for message in waveforms:
        block = json.loads(message.payload)
        raw = np.frombuffer(base64.b64decode(block["data"]), "<i2")
        assert (len(raw), block["n"], block["fs_hz"], block["unit"]) == (2000, 2000, 100.0, "m/s2")
        power += np.abs(np.fft.rfft(raw * block["scale"])) ** 2
    expected_hz = world.modal(1, 0).frequency_hz[0, : 8 * 24 : 12].mean()
    grid_hz = np.fft.rfftfreq(2000, 0.01)
    near = grid_hz < 1.3 * expected_hz
    assert grid_hz[near][np.argmax(power[near])] == pytest.approx(expected_hz, rel=0.03)


def test_transport_doubles_delays_and_litters_at_its_rates(small: Scenario) -> None:
    transport = Transport(duplicate_rate=0.05, disorder_rate=0.1, disorder_messages=5, garbage_rate=0.1)
    world, sound = World(replace(small, transport=transport)), World(clean(small))
    days = [day_messages(world, day, hours_per_message=1) for day in range(6)]
    plain = [day_messages(sound, day, hours_per_message=1) for day in range(6)]
    kinds = Counter(message.kind for day in days for message in day)
    total = sum(len(day) for day in plain)
    assert kinds["duplicate"] / total == pytest.approx(0.05, abs=0.015)
    assert kinds["garbage"] / total == pytest.approx(0.1, abs=0.02)
    for sent, made in zip(days, plain, strict=True):
        kept = [m for m in sent if m.kind in {"readings", "waveform"}]
        assert sorted(kept) == sorted(made)
        assert kept != made
        place = {message: index for index, message in enumerate(made)}
        assert max(abs(place[message] - index) for index, message in enumerate(kept)) <= 12
        originals = set(made)
        assert all(m._replace(kind="readings", readings=1) in originals or m._replace(kind="waveform") in originals
                   for m in sent if m.kind == "duplicate")  # fmt: skip


def test_a_live_round_at_a_full_hour_agrees_with_the_history(small: Scenario) -> None:
    world = World(clean(small))
    moment_ns = small.start_ns + 100 * HOUR_NS
    messages = live_messages(world, moment_ns, since_ns=moment_ns - 10**9)
    readings = {m.topic: objects(m)[0] for m in messages if m.kind == "readings"}
    assert len(readings) == len([s for st in world.structures for s in st.sensors if s.kind == "readings"])
    temperature = readings["infra/v1/gw-a/brug-1/env1/reading"]["values"]["temperature"]["value"]
    assert temperature == pytest.approx(world.measured_hour(0, 100)[4], abs=0.2)
    assert live_messages(World(small), moment_ns, since_ns=moment_ns - 10**9) == messages


def test_a_drive_speaks_in_a_live_round_when_its_lock_opens_and_only_then(small: Scenario) -> None:
    """Before the first ship of the morning the counter moved already, and the drives looked lost."""
    world = World(clean(small))
    moments = [small.start_ns + step * 20 * 60 * 10**9 for step in range(1, 3 * 24 * 3)]
    seen = set()
    for moment_ns in moments:
        messages = live_messages(world, moment_ns, since_ns=moment_ns - 10**9)
        values = {m.topic.split("/")[4]: objects(m)[0]["values"] for m in messages if "/sluis-1/" in m.topic}
        opens = values["plc1"]["cycles"]["value"] > 0
        assert ["vibration_rms" in values[drive] for drive in ("drv1", "drv2")] == [opens] * 2
        seen.add(opens)
    assert seen == {True, False}


def test_live_rounds_bring_each_waveform_block_once(small: Scenario) -> None:
    world = World(clean(small))
    start_ns = small.start_ns + 23 * HOUR_NS
    moments = [start_ns + step * 20 * 60 * 10**9 for step in range(8)]
    rounds = [live_messages(world, now, since_ns=before) for before, now in itertools.pairwise(moments)]
    blocks = [json.loads(m.payload)["t0"] for r in rounds for m in r if m.kind == "waveform"]
    assert blocks == ["2025-02-02T00:00:00Z"]
