from dataclasses import replace

import numpy as np
import pytest

from simulator.bridges import Bridge, draw_bridge, modal_state
from simulator.conditions import Conditions, Structure, steady_conditions
from simulator.damage import Severities
from simulator.randomness import random_stream
from simulator.scenario import AssetPlan
from simulator.structures import KINDS, build_structure

# What each mode does at the failure level to its main indicator: (sensor, channel), factor or amount.
FAILURE_LEVELS: list[tuple[str, str, str, tuple[str, str], str, float]] = [
    ("bridge", "stiffness_loss", "span", ("acc1", "natural_frequency_1"), "factor", 0.90),
    ("bridge", "loosening", "joint", ("acc1", "vibration_rms.z"), "factor", 2.5),
    ("bridge", "loosening", "joint", ("acc1", "kurtosis.z"), "factor", 2.0),
    ("bridge", "crack_growth", "span", ("acc1", "natural_frequency_1"), "factor", 0.90),
    ("bridge", "crack_growth", "span", ("acc1", "kurtosis.z"), "factor", 1.4),
    ("bridge", "scour", "pier", ("acc1", "natural_frequency_1"), "factor", 0.90),
    ("movable_bridge", "bearing_wear", "drive", ("drv1", "vibration_rms.x"), "factor", 2.5),
    ("movable_bridge", "gear_wear", "drive", ("drv1", "vibration_rms.x"), "factor", 2.5),
    ("road", "pothole_growth", "surface", ("acc1", "vibration_rms.z"), "factor", 2.5),
    ("lock", "gear_wear", "drive1", ("drv1", "vibration_rms.x"), "factor", 2.5),
    ("lock", "gear_wear", "drive1", ("drv1", "motor_temperature"), "amount", 11.0),
    ("road", "moisture_ingress", "base", ("gnd1", "base_moisture"), "amount", 10.0),
    ("road", "moisture_ingress", "base", ("acc1", "vibration_rms.z"), "factor", 1.8),
    ("lock", "bearing_wear", "drive2", ("drv2", "vibration_rms.x"), "factor", 2.5),
    ("lock", "bearing_wear", "drive2", ("drv2", "kurtosis.x"), "factor", 2.0),
    ("tunnel", "bearing_wear", "fan1", ("fan1", "motor_temperature"), "amount", 22.0),
    ("tunnel", "pump_wear", "pump1", ("pmp1", "runtime"), "factor", 2.0),
    ("quay", "settlement", "wall", ("tlt1", "tilt.x"), "amount", 3.33),
    ("quay", "settlement", "wall", ("jnt1", "displacement"), "amount", 20.0),
]


def plan(kind: str, asset_id: str = "a") -> AssetPlan:
    return AssetPlan(asset_id, "", kind, "gw", 9000.0, 52.0, 5.0, 1980, 1.0, 1.0, 1.0, 1.0)


def respond(
    structure: Structure, conditions: Conditions, severities: Severities | None = None
) -> dict[tuple[str, str], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    values = structure.respond(conditions, severities or {})
    names = [
        (sensor.id, channel.name)
        for sensor in structure.sensors
        if sensor.kind == "readings"
        for channel in sensor.channels
    ]
    assert values.shape == (len(names), len(conditions))
    return dict(zip(names, values, strict=True))


def a_bridge() -> Bridge:
    return draw_bridge(random_stream(4, "bridge"))


@pytest.mark.parametrize(("kind", "mode", "component", "channel", "how", "level"), FAILURE_LEVELS)
def test_severity_one_is_the_failure_level(
    kind: str, mode: str, component: str, channel: tuple[str, str], how: str, level: float
) -> None:
    structure = build_structure(3, plan(kind))
    # Warm ground, so that neither thaw nor frost takes part.
    sound = respond(structure, steady_conditions())[channel]
    failed = respond(structure, steady_conditions(), {(mode, component): np.ones(1)})[channel]
    if how == "factor":
        assert failed / sound == pytest.approx(level, rel=0.012)
    else:
        assert failed - sound == pytest.approx(level, rel=0.012)


def test_every_mode_of_every_kind_has_a_failure_level_here() -> None:
    spans = {("movable_bridge", mode) for mode in KINDS["bridge"].modes}  # as of a fixed bridge
    modes = {(name, mode) for name, kind in KINDS.items() for mode in kind.modes}
    assert modes - spans == {(kind, mode) for kind, mode, *_ in FAILURE_LEVELS}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_damage_of_another_component_changes_nothing(kind: str) -> None:
    structure = build_structure(3, plan(kind))
    sound = structure.respond(steady_conditions(3), {})
    damaged = structure.respond(steady_conditions(3), {("bearing_wear", "of another asset"): np.ones(3)})
    np.testing.assert_array_equal(sound, damaged)


def test_frequency_falls_with_deck_temperature_at_the_slope_of_its_stiffness() -> None:
    bridge = a_bridge()
    warm = np.linspace(5.0, 30.0, 26)
    conditions = replace(steady_conditions(26), deck_temperature_degc=warm)
    frequency = modal_state(bridge, conditions, {}).frequency_hz[0]
    slope = np.polyfit(warm - 10.0, frequency / bridge.frequency_hz[0], 1)[0]
    # f goes as the root of stiffness, so its relative slope is half of the stiffness's.
    assert slope == pytest.approx(-bridge.warm_softening_per_k / 2, rel=0.02)
    assert 0.01 < 1 - frequency[-1] / frequency[0] < 0.04


def test_frequency_bends_upwards_in_frost_behind_the_inertia_of_the_section() -> None:
    bridge = a_bridge()
    cold = steady_conditions(1, temperature_degc=-8.0)
    still_warm_inside = replace(cold, core_temperature_degc=np.array([6.0]))
    straight = np.sqrt(1 + 18 * bridge.warm_softening_per_k + 14 * 0.0003)  # colder on top than inside: stiffer
    frozen = modal_state(bridge, cold, {}).frequency_hz[0, 0] / bridge.frequency_hz[0]
    not_yet = modal_state(bridge, still_warm_inside, {}).frequency_hz[0, 0] / bridge.frequency_hz[0]
    assert not_yet == pytest.approx(straight, rel=2e-4)
    assert frozen > straight + 6.0 * bridge.frost_stiffening_per_k / 2


def test_a_heavier_bridge_is_slower_and_a_soft_one_moves_more() -> None:
    bridge = a_bridge()
    plain = modal_state(bridge, steady_conditions(), {})
    humid = modal_state(bridge, replace(steady_conditions(), slow_humidity_pct=np.array([95.0])), {})
    soft = modal_state(bridge, steady_conditions(), {("stiffness_loss", "span"): np.ones(1)})
    assert humid.frequency_hz[0, 0] < plain.frequency_hz[0, 0]
    assert soft.velocity_mm_s[0] / plain.velocity_mm_s[0] == pytest.approx(np.sqrt(1 / 0.9), rel=0.01)


def test_vibration_follows_the_square_root_of_traffic_and_the_square_of_wind() -> None:
    bridge = replace(a_bridge(), wind_mm_s=0.0)
    loads = replace(steady_conditions(2), load=np.array([1.0, 4.0]))
    velocity = modal_state(bridge, loads, {}).velocity_mm_s
    assert velocity[1] / velocity[0] == pytest.approx(2.0, rel=0.01)
    gale = replace(steady_conditions(2), load=np.zeros(2), wind_m_s=np.array([10.0, 20.0]))
    windy = modal_state(replace(bridge, vibration_mm_s=1e-3, wind_mm_s=0.1), gale, {}).velocity_mm_s
    assert windy[1] / windy[0] == pytest.approx(4.0, rel=0.01)


def test_scour_tilts_the_pier_that_has_a_tilt_meter() -> None:
    bridge = build_structure(3, replace(plan("bridge"), has_tilt_meter=True))
    sound = respond(bridge, steady_conditions())["tlt1", "tilt.x"]
    scoured = respond(bridge, steady_conditions(), {("scour", "pier"): np.ones(1)})["tlt1", "tilt.x"]
    assert scoured - sound == pytest.approx(3.33)


def test_machines_beside_a_bridge_add_power_to_its_vibration_and_leave_its_frequency() -> None:
    bridge = a_bridge()
    works = replace(steady_conditions(), works_mm_s=np.array([0.5]))
    quiet, loud = modal_state(bridge, steady_conditions(), {}), modal_state(bridge, works, {})
    # But for the part that follows from the softer mode itself.
    assert loud.velocity_mm_s**2 - quiet.velocity_mm_s**2 == pytest.approx(0.25, rel=0.01)


def test_a_mode_is_softer_and_better_damped_the_more_it_moves_and_never_without_bound() -> None:
    bridge = replace(a_bridge(), wind_mm_s=0.0)
    loads = replace(steady_conditions(4), load=np.array([0.1, 1.0, 2.0, 1e6]))
    # Vehicles are mass, too: compare at the weight of the average hour.
    state = modal_state(bridge, loads, {})
    weight = np.sqrt(1.0 + 0.0008 * (loads.load - 1.0))
    frequency = state.frequency_hz[0] * weight / bridge.frequency_hz[0]
    assert frequency[1] == pytest.approx(1.0)
    assert (np.diff(frequency) < 0).all()
    assert 0.0005 < 1.0 - frequency[2] < 0.002
    assert 1.0 - frequency[3] < 0.015
    assert (np.diff(state.damping_ratio[0]) > 0).all()


def test_a_deck_warmer_on_top_than_inside_is_softer() -> None:
    bridge = a_bridge()
    sunny = replace(steady_conditions(), surface_temperature_degc=np.array([25.0]))
    ratio = modal_state(bridge, sunny, {}).frequency_hz / modal_state(bridge, steady_conditions(), {}).frequency_hz
    np.testing.assert_allclose(ratio, np.sqrt(1 - 15 * 0.0003), rtol=1e-6)


def test_an_idle_drive_reports_no_vibration() -> None:
    lock = build_structure(1, plan("lock"))
    values = respond(lock, replace(steady_conditions(2), passages_per_h=np.array([0.0, 2.0])))
    assert np.isnan(values["drv1", "vibration_rms.x"]).tolist() == [True, False]
    assert not np.isnan(values["drv1", "motor_temperature"]).any()


def test_rain_wets_the_base_and_frost_locks_its_water() -> None:
    road = build_structure(1, plan("road"))
    dry = respond(road, steady_conditions())["gnd1", "base_moisture"]
    wet = respond(road, replace(steady_conditions(), wetness_mm=np.array([30.0])))["gnd1", "base_moisture"]
    temperatures = np.array([-5.0, 1.5, 4.0])
    winter = replace(steady_conditions(3), base_temperature_degc=temperatures)
    frozen, thaw, after = respond(road, winter)["gnd1", "base_moisture"]
    assert wet > dry
    assert frozen < after < thaw


def test_constants_depend_on_the_identifier_and_not_on_other_assets() -> None:
    assert build_structure(1, plan("bridge", "x")) == build_structure(1, plan("bridge", "x"))
    assert build_structure(1, plan("bridge", "x")) != build_structure(1, plan("bridge", "y"))
