from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.errors import ConfigurationError, ShapeError
from domain.identifiers import AssetId, ChannelName, GatewayId, SensorId
from domain.register import LAST_END_NS, Asset, AssetType, Channel, Direction, Register, Role, Works
from models.catalogue import Catalogue, Summary
from models.compiling import compile_catalogue, moves_reference
from models.drivers import DRIVERS
from models.evidence import alarm_threshold
from models.thresholds import MODES, THRESHOLDS, failure_mode, threshold_of

NAMES = ["natural_frequency_1", "natural_frequency_2", "vibration_rms", "tilt", "temperature", "traffic_count"]


def equal(first: Catalogue, second: Catalogue) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=name in {"scale", "limit", "ratio"})
        for name in Catalogue.__slots__
    )


def test_the_order_of_the_register_changes_nothing(registers: Callable[..., Any]) -> None:
    register, numbers = registers(NAMES, assets=3)
    turned = Register(register.assets[::-1], register.channels[::-1], register.works)
    assert equal(compile_catalogue(register, numbers), compile_catalogue(turned, numbers))


def test_works_of_earlier_registers_may_end_when_no_time_does(registers: Callable[..., Any]) -> None:
    """With such an entry in its journal ingest could not start."""
    register, numbers = registers(NAMES)
    works = (Works(register.assets[0].id, "load limit", 2**60, 2**63 + 10),)
    catalogue = compile_catalogue(replace(register, works=works), numbers)
    assert catalogue.works_end_ns.tolist() == [LAST_END_NS]


def test_channels_stand_side_by_side_and_keep_their_numbers(registers: Callable[..., Any]) -> None:
    register, numbers = registers(NAMES, assets=3)
    catalogue = compile_catalogue(register, numbers)
    assert list(catalogue.channels) == sorted(numbers)
    assert catalogue.channel_number.tolist() == [numbers[key] for key in catalogue.channels]
    assert catalogue.first_channel.tolist() == [0, 6, 12, 18]
    assert catalogue.asset_of_channel.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert [MODES[mode] for mode in catalogue.pair_mode] == ["settlement", "stiffness_loss"] * 3


def test_taking_some_assets_equals_compiling_only_those(registers: Callable[..., Any]) -> None:
    """But for the group of like sensors, which stays what it is among all: four have one of their own, two have not."""
    works = (
        Works(AssetId("b000"), "resurfacing", 5, 9),
        Works(AssetId("b002"), "sensor swap", 5, 9, SensorId("s-tilt")),
    )
    register, numbers = registers(NAMES, assets=4, works=works)
    part = compile_catalogue(register, numbers).take(np.array([0, 2], np.int32))
    kept = {"b000", "b002"}
    alone = Register(
        tuple(row for row in register.assets if row.id in kept),
        tuple(row for row in register.channels if row.asset in kept),
        works,
    )
    assert part.has_own_group[part.judged].all()
    assert equal(replace(part, has_own_group=np.zeros(len(part.channels), np.bool_)), compile_catalogue(alone, numbers))
    assert part.works_sensor.tolist() == [-1, part.channels.index(("b002", "s-tilt", "tilt"))]


@pytest.mark.parametrize(
    ("kind", "moves"),
    [
        *[("resurfacing", True), ("sensor swap", True), ("greasing", True), ("Maintenance of bearings", True)],
        *[("herasfaltering", True), ("sensor vervangen", True), ("smeren", True), ("Groot onderhoud", True)],
        *[("conservering staal", True), ("kalibratie", True), ("diversion", False), ("inspection", False)],
        *[("schedule change", False), ("omleiding", False), ("dijkinspectie", False), ("evenement", False)],
    ],
)
def test_works_that_leave_another_level_are_known_in_both_languages(
    registers: Callable[..., Any], kind: str, *, moves: bool
) -> None:
    """What a Dutch owner wrote down was no reason for a step: a new deck or another sensor passed for damage."""
    register, numbers = registers(NAMES, assets=1, works=(Works(AssetId("b000"), kind, 5, 9),))
    assert compile_catalogue(register, numbers).works_moves.tolist() == [moves]


@pytest.mark.parametrize(
    "kind",
    [
        *["ijken", "Sensoren ijken", "herijking", "sensorijking", "peilijking", "drukijking", "geijkt", "gekalibreerd"],
        *[
            "kalibratie",
            "calibratie",
            "vervanging",
            "vervangen lagers",
            "wisselen",
            "Wisseling oplegging",
            "verwisseld",
        ],
        *["onderhoud", "dagelijks onderhoud", "onderhoudsbeurt", "herstel", "herstelwerk", "reparatie", "gerepareerd"],
        *["afgesteld", "justeren", "geconserveerd", "gereviseerd", "reviseren", "vergelijking na ijking"],
        *["inspectie en onderhoud", "preparatie en schilderwerk", "repairs", "replaced bearing", "restoration"],
    ],
)
def test_ordinary_words_for_maintenance_leave_another_level(kind: str) -> None:
    assert moves_reference(kind)


@pytest.mark.parametrize(
    "kind",
    [
        *["onderzoek afwijking", "Afwijkingen bekijken", "vergelijking", "vergelijkingsmeting", "bedijking verhoogd"],
        *[
            "uitwijken",
            "kijken naar scheur",
            "dijken maaien",
            "bezwijking elders",
            "bodemverrijking",
            "gelijke rijstroken",
            "blijken",
        ],
        *["wisselwerking met buurbrug", "wisselende verkeersdrukte", "afwisselend verkeer", "wisselstrook open"],
        *["wisselstroom uit", "onderhoudsinspectie", "maintenance inspection", "preparation", "preparations"],
        *["inspectie installaties", "proefbelasting", "test", "load test"],
    ],
)
def test_words_that_hold_a_stem_by_chance_explain_no_step(kind: str) -> None:
    """What was written down as a look at a deviation was taken for a calibration, and the deviation taken off."""
    assert not moves_reference(kind)


@pytest.mark.parametrize("positions", [[1, 0], [0, 0], [-1], [3]])
def test_positions_must_ascend_within_the_catalogue(registers: Callable[..., Any], positions: list[int]) -> None:
    catalogue = compile_catalogue(*registers(NAMES, assets=3))
    with pytest.raises(ShapeError, match="strictly ascending"):
        catalogue.take(np.array(positions, np.int32))


def channel(name: str, unit: str, role: Role = Role.CONDITION, **changes: Any) -> Channel:
    plain = Channel(AssetId("a"), SensorId("s"), ChannelName(name), unit, GatewayId("g"), 3600.0, role, Direction.UP)
    return replace(plain, **changes)


def compiled(row: Channel, kind: AssetType = AssetType.OTHER) -> Catalogue:
    return compile_catalogue(Register((Asset(AssetId("a"), "A", kind),), (row,)), {row.key: 1})


def test_default_thresholds_are_converted_into_the_unit_of_the_channel() -> None:
    assert compiled(channel("tilt", "deg")).scale[0] == pytest.approx(np.degrees(3.33e-3))
    assert compiled(channel("motor_temperature", "degF")).scale[0] == pytest.approx(54.0)
    assert compiled(channel("natural_frequency_1", "Hz")).scale[0] == pytest.approx(-np.log(0.9))
    unknown = compiled(channel("strain", "V"))
    assert np.isnan(unknown.scale[0])
    assert unknown.ratio[0] == pytest.approx(0.5)


def test_the_owners_threshold_wins() -> None:
    assert compiled(channel("vibration_rms", "mm/s", failure_threshold=7.1)).limit[0] == pytest.approx(np.log(7.1))
    assert compiled(channel("tilt", "mrad", failure_threshold=-4.0)).limit[0] == -4.0
    assert np.isnan(compiled(channel("vibration_rms", "mm/s", failure_threshold=0.0)).limit[0])


def test_drivers_are_converted_and_condition_channels_explain_nothing() -> None:
    fahrenheit = compiled(channel("temperature", "degF", Role.ENVIRONMENT))
    assert fahrenheit.driver[0] == 0
    assert fahrenheit.driver_factor[0] * 50.0 + fahrenheit.driver_offset[0] == pytest.approx(10.0)
    assert compiled(channel("temperature", "V", Role.ENVIRONMENT)).driver[0] == -1
    assert compiled(channel("humidity", "%RH", Role.CONDITION), AssetType.TUNNEL).driver[0] == -1


@pytest.mark.parametrize(
    ("measured", "warmth", "damp"),
    [
        ([("temperature", "Cel"), ("deck_temperature", "Cel"), ("humidity", "%RH")], "deck", "humidity"),
        ([("temperature", "Cel")], "air", None),
        ([("humidity", "%RH")], None, "humidity"),
        ([("temperature", "V")], None, None),
    ],
)
def test_a_frequency_is_explained_by_the_deck_or_else_the_air_and_by_humidity(
    measured: list[tuple[str, str]], warmth: str | None, damp: str | None
) -> None:
    rows = [channel("natural_frequency_1", "Hz"), *(channel(*row, Role.ENVIRONMENT) for row in measured)]
    register = Register((Asset(AssetId("a"), "A", AssetType.BRIDGE),), tuple(rows))
    catalogue = compile_catalogue(register, {row.key: number for number, row in enumerate(rows)})
    found = (catalogue.warmth_of_frequency.tolist(), catalogue.damp_of_frequency.tolist())
    assert found == tuple([-1 if name is None else DRIVERS.index(name)] for name in (warmth, damp))


def test_quantities_of_several_kinds_carry_a_driver_in_a_fixed_order(registers: Callable[..., Any]) -> None:
    names = ["base_temperature", "cycles", "deck_temperature", "surface_temperature", "temperature", "traffic_count"]
    catalogue = compile_catalogue(*registers([*names, "motor_temperature"], assets=2))
    order = {
        (DRIVERS[driver], str(key.channel)): int(place)
        for key, driver, place in zip(catalogue.channels, catalogue.driver, catalogue.driver_order, strict=True)
        if driver >= 0
    }
    assert order == {
        ("air", "temperature"): 0,
        ("deck", "deck_temperature"): 0,
        ("deck", "surface_temperature"): 1,
        ("deck", "base_temperature"): 2,
        ("load", "traffic_count"): 0,
        ("load", "cycles"): 1,
    }
    assert catalogue.is_duty.tolist() == [str(key.channel) == "cycles" for key in catalogue.channels]


def test_peaks_are_kept_as_maxima() -> None:
    assert compiled(channel("vibration_peak.x", "mm/s")).summary[0] == Summary.MAX
    assert compiled(channel("vibration_rms.x", "mm/s")).summary[0] == Summary.MEAN


@pytest.mark.parametrize("interval_s", [60.0, 3600.0, 21600.0, 86400.0, 604800.0])
def test_commissioning_is_a_multiple_of_its_blocks_and_at_most_96(interval_s: float) -> None:
    count = int(compiled(channel("tilt", "mrad", interval_s=interval_s)).commission_count[0])
    assert count % 8 == 0
    assert 16 <= count <= 96


def test_an_impossible_budget_is_refused(registers: Callable[..., Any]) -> None:
    register, numbers = registers(NAMES)
    with pytest.raises(ConfigurationError, match="expected a positive number"):
        compile_catalogue(replace(register, budgets={"": 0.0}), numbers)


def test_each_organisation_has_its_own_budget_and_a_smaller_one_takes_more_evidence(
    registers: Callable[..., Any],
) -> None:
    register, numbers = registers(NAMES, assets=2)
    first, second = register.assets
    shared = replace(register, assets=(replace(first, organisation="oost"), second), budgets={"": 0.1, "oost": 0.01})
    catalogue = compile_catalogue(shared, numbers)
    assert catalogue.false_alarms_per_year.tolist() == [0.01, 0.1]
    threshold = alarm_threshold(catalogue, np.zeros(len(catalogue.pair_asset)))
    of_first = catalogue.pair_asset == 0
    # Ten times rarer is the logarithm of ten more.
    assert threshold[of_first] - threshold[~of_first] == pytest.approx(np.full(of_first.sum(), np.log(10.0)))


def test_a_channel_without_number_is_refused(registers: Callable[..., Any]) -> None:
    register, _ = registers(NAMES)
    with pytest.raises(ConfigurationError, match="has no number"):
        compile_catalogue(register, {})


def test_an_empty_register_compiles() -> None:
    catalogue = compile_catalogue(Register(), {})
    assert catalogue.take(np.empty(0, np.int32)).assets == ()


def test_every_threshold_has_a_source_and_a_reachable_level() -> None:
    for row in THRESHOLDS:
        assert row.source
        assert row.level > 0
        assert row.level != 1.0
        assert 0 <= row.drift_share < 1


@pytest.mark.parametrize("kind", list(AssetType))
def test_every_quantity_of_every_type_has_a_known_mode(kind: AssetType) -> None:
    for row in THRESHOLDS:
        assert failure_mode(kind, row.quantity) in MODES
    assert failure_mode(kind, "natural_frequency_12") == failure_mode(kind, "natural_frequency")
    assert threshold_of("damping_ratio_3").quantity == "damping_ratio"
