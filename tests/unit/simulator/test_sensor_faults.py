import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from simulator.conditions import ChannelSpec
from simulator.messages import day_messages
from simulator.scenario import HOUR_NS, Scenario, SensorFault, Transport
from simulator.scenario_file import load_scenario
from simulator.sensor_faults import FAULT_STRENGTHS, MESSAGE_FAULTS, spoil
from simulator.world import World

HOURS = 20 * 24
CHANNELS = (
    ChannelSpec("vibration_rms.z", "mm/s", relative_noise=0.05, decimals=4, low=0.0),
    ChannelSpec("temperature", "Cel", absolute_noise=0.2, decimals=2),
)
SOUND = np.stack([np.full(HOURS, 2.0), np.full(HOURS, 10.0)])


def spoilt(kind: str, strength: float = 0.0, values: FloatArray = SOUND) -> FloatArray:
    """The fault lasts from day 5 to day 15."""
    fault = SensorFault(kind, "a", "s", 5.0, 10.0, strength)
    elapsed = np.arange(HOURS, dtype=np.float64)
    held = values[:, 120].copy()
    return spoil(fault, values.copy(), CHANNELS, elapsed, chance=np.random.default_rng(1), held=held)


@pytest.mark.parametrize("kind", sorted(set(FAULT_STRENGTHS) - MESSAGE_FAULTS))
def test_a_fault_of_values_changes_its_own_hours_and_no_other(kind: str) -> None:
    moving = SOUND + np.random.default_rng(2).normal(size=SOUND.shape).round(2)
    bad = spoilt(kind, FAULT_STRENGTHS[kind][0], moving)
    np.testing.assert_array_equal(bad[:, :120], moving[:, :120])
    np.testing.assert_array_equal(bad[:, 360:], moving[:, 360:])
    assert not np.array_equal(bad[:, 120:360], moving[:, 120:360])


def test_drift_reaches_its_strength_in_deviations_of_each_channel() -> None:
    bad = spoilt("drift", 8.0)
    assert bad[0, 359] - 2.0 == pytest.approx(8.0 * 0.1, rel=0.01)
    assert bad[1, 359] - 10.0 == pytest.approx(8.0 * 0.2, rel=0.01)
    assert bad[1, 240] - 10.0 == pytest.approx(8.0 * 0.2 / 2, abs=0.01)


def test_a_unit_mistake_multiplies_and_turns_temperatures_into_fahrenheit() -> None:
    bad = spoilt("unit_mistake", 1000.0)
    assert bad[:, 200].tolist() == [2000.0, 50.0]


def test_noise_has_so_many_times_the_deviation_of_the_channel() -> None:
    clean = np.random.default_rng(3).normal(SOUND, np.array([[0.1], [0.2]]))
    bad = spoilt("noise", 5.0, clean)
    assert bad[0, 120:360].std() == pytest.approx(5 * 0.1, rel=0.15)
    assert bad[1, 120:360].std() == pytest.approx(5 * 0.2, rel=0.15)


def test_spikes_are_rare_and_high_and_gaps_come_by_their_share() -> None:
    jumps = np.abs(spoilt("spikes", 25.0)[1, 120:360] - 10.0)
    assert 1 <= (jumps > 4.0).sum() <= 15
    assert set(jumps.round(6).tolist()) == {0.0, 5.0}
    assert np.isnan(spoilt("intermittent", 0.5)[0, 120:360]).mean() == pytest.approx(0.5, abs=0.1)


@pytest.fixture(scope="module")
def small() -> Scenario:
    return replace(load_scenario("small"), transport=Transport(), sensor_faults=())


def readings(world: World, days: Sequence[int], sensor: str) -> list[dict[str, Any]]:
    messages = [message for day in days for message in day_messages(world, day) if f"/{sensor}/" in message.topic]
    found = []
    for message in messages:
        content = json.loads(message.payload)
        found += content if isinstance(content, list) else [content]
    return found


def test_a_stepped_clock_stamps_its_own_sensor_wrong_and_leaves_the_values(small: Scenario) -> None:
    fault = SensorFault("clock_step", "weg-1", "gnd1", 1.5, 1.0, 3.0)
    wrong, right = (World(replace(small, sensor_faults=faults)) for faults in ((fault,), ()))
    sent, meant = (readings(world, [1], "weg-1/gnd1") for world in (wrong, right))
    assert [each["values"] for each in sent] == [each["values"] for each in meant]
    assert [each["t"] for each in sent[:12]] == [each["t"] for each in meant[:12]]
    assert sent[12]["t"] == "2025-02-02T15:00:00Z"
    assert readings(wrong, [1], "weg-1/acc1") == readings(right, [1], "weg-1/acc1")


def test_what_was_kept_back_comes_once_at_the_end_and_says_so(small: Scenario) -> None:
    fault = SensorFault("backfill", "weg-1", "gnd1", 1.5, 2.25)
    late, plain = (World(replace(small, sensor_faults=faults)) for faults in ((fault,), ()))
    sent, meant = (readings(world, range(6), "weg-1/gnd1") for world in (late, plain))
    kept = [each for each in sent if each.get("is_backfill")]
    assert len(kept) == 54
    assert [each["t"] for each in kept] == [each["t"] for each in meant[36:90]]
    assert sorted(each["t"] for each in sent) == [each["t"] for each in meant]
    assert len(readings(late, [2], "weg-1/gnd1")) == 0
    # Cut into hours, it still comes once: in the hour in which the fault ends.
    by_hour = [m for m in day_messages(late, 3, hours_per_message=1) if "/gnd1/" in m.topic]
    assert sum(m.readings for m in by_hour) == 54 + 6


def test_a_day_half_sent_before_the_end_of_the_fault_is_not_kept_back_again(small: Scenario) -> None:
    fault = SensorFault("backfill", "weg-1", "gnd1", 1.5, 2.25)
    world = World(replace(small, sensor_faults=(fault,)))
    noon_ns = small.start_ns + (3 * 24 + 18) * HOUR_NS
    first = [m for m in day_messages(world, 3, until_ns=noon_ns) if "/gnd1/" in m.topic]
    rest = [m for m in day_messages(world, 3, since_ns=noon_ns) if "/gnd1/" in m.topic]
    assert (sum(m.readings for m in first), sum(m.readings for m in rest)) == (0, 54 + 6)


@pytest.mark.parametrize("hours_per_message", [1, 24])
def test_what_was_kept_back_to_the_end_of_the_history_comes_in_its_last_hour(
    small: Scenario, hours_per_message: int
) -> None:
    """It never came, though readings behind the history would have brought it."""
    fault = SensorFault("backfill", "weg-1", "gnd1", 1.5, 2.5)
    world = World(replace(small, days=4, sensor_faults=(fault,)))
    days = [day_messages(world, day, hours_per_message=hours_per_message) for day in range(6)]
    sent = [[m.readings for m in day if "/weg-1/gnd1/" in m.topic] for day in days]
    assert [sum(day) for day in sent] == [24, 12, 0, 60, 24, 24]
    last = [m for m in days[3] if "/weg-1/gnd1/" in m.topic]
    assert all(b'"is_backfill":true' in message.payload.replace(b" ", b"") for message in last)


def test_what_is_still_kept_back_when_the_history_ends_does_not_come(small: Scenario) -> None:
    fault = SensorFault("backfill", "weg-1", "gnd1", 1.5, 2.6)
    world = World(replace(small, days=4, sensor_faults=(fault,)))
    assert [len(readings(world, [day], "weg-1/gnd1")) for day in range(4)] == [24, 12, 0, 0]
