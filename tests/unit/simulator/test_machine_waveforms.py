import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, hilbert, sosfiltfilt, welch

from domain.arrays import FloatArray
from simulator.machine_waveforms import Machine, draw_machine, synthesise_machine
from simulator.randomness import random_stream
from simulator.scenario_file import parse_scenario
from simulator.waveform_messages import waveforms
from simulator.world import World

RATE_HZ = 5000.0
SECONDS = 20.0


@pytest.fixture(scope="module")
def machine() -> Machine:
    return draw_machine(random_stream(3, "machine"))


def record(machine: Machine, *, wear: float = 0.0, gear: float = 0.0, seed: int = 1) -> FloatArray:
    return synthesise_machine(
        random_stream(seed, "strike"),
        machine,
        wear=wear,
        gear=gear,
        load=1.0,
        sampling_rate_hz=RATE_HZ,
        samples=int(SECONDS * RATE_HZ),
    )


def kurtosis(signal: FloatArray) -> float:
    centred = signal - signal.mean()
    return float(np.mean(centred**4) / np.mean(centred**2) ** 2)


def envelope_peak_hz(signal: FloatArray, machine: Machine) -> float:
    """Where the envelope around the resonance beats most, between 40 Hz and 120 Hz."""
    band = [machine.resonance_hz - 300.0, machine.resonance_hz + 300.0]
    around = sosfiltfilt(butter(4, band, "bandpass", fs=RATE_HZ, output="sos"), signal)
    envelope = np.abs(hilbert(around))
    grid_hz, power = welch(envelope - envelope.mean(), RATE_HZ, nperseg=2**15)
    inside = (grid_hz > 40.0) & (grid_hz < 120.0)
    return float(grid_hz[inside][np.argmax(power[inside])])


def test_a_pitted_bearing_beats_in_the_envelope_at_its_ball_pass_frequency(machine: Machine) -> None:
    found = envelope_peak_hz(record(machine, wear=0.6), machine)
    assert found == pytest.approx(machine.ball_pass_hz, rel=0.01)
    other = replace(machine, ball_pass_hz=0.9 * machine.ball_pass_hz)
    assert envelope_peak_hz(record(other, wear=0.6), other) == pytest.approx(other.ball_pass_hz, rel=0.01)


def test_kurtosis_climbs_with_strikes_and_not_with_gears(machine: Machine) -> None:
    sound, pitted = kurtosis(record(machine)), [kurtosis(record(machine, wear=wear)) for wear in (0.3, 0.6, 1.0)]
    assert sound == pytest.approx(3.0, abs=0.6)
    assert [*pitted] == sorted(pitted)
    assert pitted[-1] > 2.0 * sound
    assert kurtosis(record(machine, gear=1.0)) - sound < 0.4 * (pitted[-1] - sound)


@pytest.mark.parametrize("cause", ["wear", "gear"])
def test_root_mean_square_grows_in_proportion_to_two_and_a_half_times(machine: Machine, cause: str) -> None:
    sound = record(machine).std()
    assert sound == pytest.approx(machine.acceleration_m_s2, rel=0.03)
    for severity in (0.5, 1.0):
        worn = record(machine, wear=severity if cause == "wear" else 0.0, gear=severity if cause == "gear" else 0.0)
        assert worn.std() / sound == pytest.approx(1.0 + 1.5 * severity, rel=0.04)


def test_worn_gears_grow_sidebands_at_the_distance_of_the_shaft(machine: Machine) -> None:
    def level(signal: FloatArray, frequency_hz: float) -> float:
        grid_hz, power = welch(signal, RATE_HZ, nperseg=2**14)
        return float(power[np.abs(grid_hz - frequency_hz) < 1.0].max())

    sound, worn = record(machine), record(machine, gear=0.8)
    for side in (-2, -1, 1, 2):
        assert level(worn, machine.mesh_hz + side * machine.shaft_hz) > 20.0 * level(
            sound, machine.mesh_hz + side * machine.shaft_hz
        )
    assert level(worn, machine.mesh_hz) == pytest.approx(level(sound, machine.mesh_hz), rel=0.2)


def test_a_lock_records_its_drive_only_when_the_gate_moves() -> None:
    asset = '[[assets]]\nid = "s"\nkind = "lock"\nwaveform_every_h = 1\n'
    text = f'name = "x"\nseed = 5\ndays = 20\nstart = 2025-07-01\n{asset}'
    world = World(parse_scenario(text))
    blocks = [json.loads(payload) for _, payload in waveforms(world, 0, 0, 48)]
    moving = world.conditions(0, 0).passages_per_h[:48] > 0
    assert len(blocks) == moving.sum()
    assert 10 < len(blocks) < 48
    raw = np.frombuffer(base64.b64decode(blocks[0]["data"]), "<i2") * blocks[0]["scale"]
    assert (len(raw), blocks[0]["fs_hz"], blocks[0]["axis"]) == (20_000, 5000.0, "x")
    assert 0.5 < raw.std() < 1.3
