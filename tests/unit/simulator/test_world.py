from dataclasses import replace

import numpy as np
import pytest

from simulator.damage import severity
from simulator.scenario import Damage, Event, Scenario, SensorFault
from simulator.scenario_file import load_scenario
from simulator.world import BLOCK_HOURS, World


@pytest.fixture(scope="module")
def small() -> Scenario:
    return load_scenario("small")


def row_of(world: World, asset: str, sensor: str, channel: str) -> tuple[int, int]:
    index = [plan.id for plan in world.scenario.assets].index(asset)
    names = [(s.id, c.name) for s in world.structures[index].sensors if s.kind == "readings" for c in s.channels]
    return index, names.index((sensor, channel))


def series(world: World, asset: str, sensor: str, channel: str, blocks: int = 4) -> np.ndarray[
    tuple[int], np.dtype[np.float64]
]:  # fmt: skip
    index, row = row_of(world, asset, sensor, channel)
    return np.concatenate([world.measured(index, block)[row] for block in range(blocks)])


def test_any_block_of_any_asset_alone_equals_the_same_in_sequence(small: Scenario) -> None:
    sequence = World(small)
    expected = [[sequence.measured(a, b).copy() for b in range(5)] for a in range(len(small.assets))]
    for asset, block in ((4, 3), (0, 4), (2, 0), (1, 2), (3, 1)):
        np.testing.assert_array_equal(World(small).measured(asset, block), expected[asset][block])


def test_an_assets_readings_do_not_depend_on_the_other_assets(small: Scenario) -> None:
    alone = World(replace(small, assets=small.assets[2:3], damage=(), sensor_faults=()))
    among = World(replace(small, sensor_faults=()))
    np.testing.assert_array_equal(alone.measured(0, 1), among.measured(2, 1))


def test_another_seed_gives_other_readings(small: Scenario) -> None:
    other = World(replace(small, seed=small.seed + 1))
    assert not np.array_equal(other.measured(0, 0), World(small).measured(0, 0))


def test_the_world_goes_on_beyond_the_history_without_changing_it(small: Scenario) -> None:
    world = World(small)
    before = world.measured(0, 1).copy()
    far = world.measured(0, 60)
    assert np.isfinite(far).all()
    np.testing.assert_array_equal(world.measured(0, 1), before)


def test_sound_sensors_send_finite_values_of_natural_size(small: Scenario) -> None:
    world = World(replace(small, sensor_faults=(), damage=()))
    frequency = series(world, "brug-1", "acc1", "natural_frequency_1")
    hourly_noise = np.std(np.diff(frequency)) / np.sqrt(2) / frequency.mean()
    assert 0.0015 < hourly_noise < 0.006
    assert 0.005 < (frequency.max() - frequency.min()) / frequency.mean() < 0.08
    vibration = series(world, "brug-1", "acc1", "vibration_rms.z")
    traffic = series(world, "brug-1", "lus1", "traffic_count")
    assert np.corrcoef(vibration**2, traffic)[0, 1] > 0.9


def test_damage_moves_its_channel_by_its_severity_and_nothing_before_onset(small: Scenario) -> None:
    damage = Damage("brug-1", "stiffness_loss", "span", 20.0, 50.0, 1.0)
    sound = series(World(replace(small, damage=())), "brug-1", "acc1", "natural_frequency_1")
    hurt = series(World(replace(small, damage=(damage,))), "brug-1", "acc1", "natural_frequency_1")
    np.testing.assert_array_equal(hurt[: 20 * 24], sound[: 20 * 24])
    assert hurt[50 * 24] / sound[50 * 24] == pytest.approx(0.9, abs=0.001)
    grown = severity(damage, np.arange(len(sound)) / 24.0)
    np.testing.assert_allclose(hurt / sound, np.sqrt(1 - 0.19 * grown), atol=0.001)


def test_a_stuck_sensor_repeats_its_last_value_across_blocks(small: Scenario) -> None:
    fault = SensorFault("stuck_sensor", "weg-1", "gnd1", 10.5, 30.0)
    world = World(replace(small, sensor_faults=(fault,)))
    moisture = series(world, "weg-1", "gnd1", "base_moisture")
    stuck = moisture[int(10.5 * 24) : int(40.5 * 24)]
    assert len(stuck) > BLOCK_HOURS
    assert (stuck == stuck[0]).all()
    assert moisture[int(40.5 * 24)] != stuck[0]
    sound = series(World(replace(small, sensor_faults=())), "weg-1", "gnd1", "base_moisture")
    assert stuck[0] == sound[int(10.5 * 24)]
    assert (series(world, "weg-1", "lus1", "traffic_count")[260:300] != 0).any()


def test_the_range_of_a_drive_that_rests_at_first_ends_where_it_runs(small: Scenario) -> None:
    """Locks rest at midnight, and from then on the drive said nothing instead of too little."""
    fault = SensorFault("clipping", "sluis-1", "drv1", 10.0, 30.0, 0.5)
    sound, bad = (
        series(World(replace(small, damage=(), sensor_faults=faults)), "sluis-1", "drv1", "vibration_rms.x")
        for faults in ((), (fault,))
    )
    during = np.s_[10 * 24 : 40 * 24]
    assert np.isnan(sound[10 * 24])
    np.testing.assert_array_equal(np.isfinite(bad), np.isfinite(sound))
    assert np.nanmax(bad[during]) < np.nanmax(sound[during])
    assert (bad[during] == np.nanmax(bad[during])).sum() > 20


def test_a_dropout_silences_one_sensor_for_its_time(small: Scenario) -> None:
    world = World(replace(small, sensor_faults=(SensorFault("dropout", "tunnel-1", "pmp1", 5.0, 2.0),)))
    runtime = series(world, "tunnel-1", "pmp1", "runtime")
    assert np.isnan(runtime[120:168]).all()
    assert np.isfinite(runtime[:120]).all()
    assert np.isfinite(runtime[168:]).all()
    assert np.isfinite(series(world, "tunnel-1", "fan1", "runtime")).all()


def test_a_diversion_takes_traffic_and_with_it_vibration_but_not_frequency(small: Scenario) -> None:
    diverted = Event("diversion", 10.0, 10.0, 0.25, "brug-1")
    plain, quiet = World(replace(small, damage=(), events=())), World(replace(small, damage=(), events=(diverted,)))
    during = slice(10 * 24, 20 * 24)

    def ratio(sensor: str, channel: str) -> float:
        before, after = (series(world, "brug-1", sensor, channel)[during].mean() for world in (plain, quiet))
        return float(after / before)

    assert ratio("lus1", "traffic_count") == pytest.approx(0.25, abs=0.01)
    assert ratio("acc1", "vibration_rms.z") == pytest.approx(0.5, abs=0.06)
    assert ratio("acc1", "natural_frequency_1") == pytest.approx(1.0, abs=0.002)


def test_a_storm_shakes_bridges_and_a_swapped_sensor_reads_higher(small: Scenario) -> None:
    storm = Event("storm", 10.0, 1.0, 25.0)
    swap = Event("sensor_swap", 20.0, 0.5, 1.3, "brug-1", "acc1")
    plain = World(replace(small, damage=(), events=()))
    eventful = World(replace(small, damage=(), events=(storm, swap)))
    before, after = (series(world, "brug-1", "acc1", "vibration_rms.z") for world in (plain, eventful))
    assert after[252] > 1.2 * before[252]
    assert (after / before)[20 * 24 :].mean() == pytest.approx(1.3, abs=0.02)
    frequency = [series(world, "brug-1", "acc1", "natural_frequency_1") for world in (plain, eventful)]
    # The storm made the deck a little wetter, so a little heavier.
    np.testing.assert_allclose(frequency[0][20 * 24 :], frequency[1][20 * 24 :], rtol=2e-4)


def test_resurfacing_closes_the_road_and_leaves_it_smoother(small: Scenario) -> None:
    works = Event("resurfacing", 10.0, 2.0, 1.0, "weg-1")
    plain, new = (World(replace(small, events=events, sensor_faults=())) for events in ((), (works,)))
    assert (series(new, "weg-1", "lus1", "traffic_count")[240:288] == 0).all()
    before, after = (series(world, "weg-1", "acc1", "vibration_rms.z")[300:] for world in (plain, new))
    assert (after / before).mean() == pytest.approx(0.8, abs=0.02)
