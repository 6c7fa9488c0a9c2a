"""The fleets that the simulator did not make: drawn by their seed, as their truth says, and taken by the chain."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from domain.register import AssetType
from tests.performance.other_fleets import fleet as module
from tests.performance.other_fleets.fleet import draw_fleet
from tests.performance.other_fleets.instruments import HOUR_NS, Instrument, Trace, spoil
from tests.performance.other_fleets.run import run_fleet
from tests.performance.other_fleets.story import FAULT_KINDS, Damage, Happening, draw_damage, severity


def _instrument(hours: int = 240) -> Instrument:
    values = np.random.default_rng(3).normal(5.0, 0.1, (1, hours))
    hour = np.arange(hours)
    return Instrument("acc1", (Trace("vibration_rms.z", "mm/s", 4.0, 0.1),), values, hour * HOUR_NS, hour)


def test_the_same_seed_gives_the_same_messages() -> None:
    first, again, other = ([*itertools.islice(draw_fleet(seed, days=120, share=0.1).days(), 2)] for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert sum(map(len, first)) > 20


def test_nothing_is_taken_from_the_simulator() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(module.__file__).parent.glob("*.py")]
    assert len(sources) > 4
    assert not any("import simulator" in source or "from simulator" in source for source in sources)


def _damages() -> list[Damage]:
    drawn = (draw_damage(np.random.default_rng(seed), AssetType.BRIDGE, 730) for seed in range(60))
    return [damage for damage in drawn if damage is not None]


def test_damages_grow_from_sound_to_failed_each_in_its_shape_and_pace() -> None:
    damages = _damages()
    assert {damage.shape for damage in damages} == {"linear", "power", "exponential"}
    assert {damage.step > 0.0 for damage in damages} == {True, False}
    assert min(damage.life_days for damage in damages) < 60.0
    assert max(damage.life_days for damage in damages) > 300.0
    for damage in damages:
        day = np.linspace(damage.onset_day - 5.0, damage.failure_day, 500)
        grown = severity(damage, day)
        assert np.all(grown[day < damage.onset_day] == 0.0)
        assert np.all(np.diff(grown) >= 0.0)
        assert grown[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_each_fault_changes_what_is_sent_while_it_lasts_and_nothing_else(kind: str) -> None:
    sound = _instrument()
    sizes = {"clock_step": 5.0, "drift": 0.3, "intermittent": 0.6, "noise": 6.0, "spikes": 2.0, "unit_mistake": 3.6}
    fault = Happening(kind, "acc1", 2.0, 4.0, sizes.get(kind, 0.0))
    spoilt = spoil(sound, fault, np.random.default_rng(1))
    hour = np.arange(240)[np.newaxis]
    during = (hour >= 48) & (hour < 144)
    changed = ~np.isclose(spoilt.values, sound.values) | (spoilt.time_ns != sound.time_ns)
    changed |= spoilt.held_until != sound.held_until
    assert np.any(changed[during])
    assert not np.any(changed[~during])


@pytest.mark.slow
def test_the_chain_takes_a_small_fleet_and_says_something_of_every_asset() -> None:
    run = run_fleet(5, days=30, share=0.08)
    tally = run.facts.tally
    assert run.facts.monitored == len(run.truth.assets) >= 5
    assert tally["messages_received"] == tally["messages_decoded"] + tally.get("messages_duplicate", 0) > 500
    assert tally["readings_stored"] == tally["readings_decoded"] - tally.get("readings_duplicate", 0) > 10_000
    assert np.all(np.isfinite(run.records[0].chance_90[:, -1]))


@pytest.mark.slow
def test_the_command_prints_the_scoreboard_of_several_fleets() -> None:
    """Each fleet has a process of its own, which must find what it is to run."""
    command = [sys.executable, "-m", "tests.performance.other_fleets", "5", "6", "--days", "12", "--share", "0.05"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "false alarms" in done.stdout.lower()
    assert "knows all damage" in done.stdout
