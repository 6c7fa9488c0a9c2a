"""A thermometer that wanders from like ones is named, and weather, place and season are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.identifiers import AssetId, SensorId
from domain.records import DecisionVerb
from domain.register import AssetType, Works
from models.catalogue import HOUR_NS
from models.chain import apply_decision
from models.compiling import compile_catalogue
from models.drift import DriftMemory, compare_instruments
from models.layout import COLUMNS, FLEET_COLUMNS
from models.state import initial_state, take_state

DAY_NS = 24 * HOUR_NS
FIRST_NS = 472_224 * HOUR_NS
NAMES = ["natural_frequency_1", "temperature", "humidity"]


class Site:
    """Assets whose slow means are dictated; noise of 0.15 K and 1 point a day."""

    def __init__(self, registers: Any, assets: int, *, kind: AssetType = AssetType.BRIDGE, **more: Any) -> None:
        self.catalogue = compile_catalogue(*registers(NAMES, assets=assets, kind=kind, **more))
        self.state = initial_state(self.catalogue)
        self.memory = DriftMemory()
        self.changes: list[tuple[int, str, bool, int]] = []
        self.day = 0
        self.chance = np.random.default_rng(4)
        self.is_air = np.array([key.channel == "temperature" for key in self.catalogue.channels])

    def live(self, days: int, air: Callable[[int], Any], *, heard: FloatArray | None = None) -> Site:
        """Give the air of each asset as a function of the day; humidity goes with it."""
        asset = self.catalogue.asset_of_channel
        for _ in range(days):
            self.day += 1
            now = FIRST_NS + self.day * DAY_NS
            degrees = np.broadcast_to(np.asarray(air(self.day), float), (len(self.catalogue.assets),))[asset]
            noise = self.chance.normal(size=len(asset))
            slow = np.where(self.is_air, degrees + 0.15 * noise, 80.0 - degrees + noise)
            spoke = np.full(len(asset), now) if heard is None else np.where(heard[asset] > 0, now, self.state.slow_ns)
            self.state = replace(self.state, slow=slow, slow_ns=spoke)
            self.state, changes = compare_instruments(self.catalogue, self.state, self.memory, now)
            self.changes += [(change.asset, change.subject, change.raised, self.day) for change in changes]
        return self


FRONTS = np.random.default_rng(7).normal(size=1000)
FRONTS = np.array([sum(0.7**k * FRONTS[day - k] for k in range(8)) for day in range(1000)])


def season(day: int) -> float:
    """A year's wave, and fronts of some days."""
    return 10.0 - 9.0 * float(np.cos(2 * np.pi * day / 365.25)) + float(FRONTS[day])


def wandering(day: int, first: int, size: float) -> float:
    return float(np.clip((day - first) / 60.0, 0.0, 1.0)) * size


@pytest.mark.parametrize("size", [3.0, -3.0])
def test_a_thermometer_that_drifts_is_named_and_no_other(registers: Any, size: float) -> None:
    site = Site(registers, 8).live(150, lambda day: season(day) + np.array([wandering(day, 60, size), *[0.0] * 7]))
    assert [(asset, subject, raised) for asset, subject, raised, _ in site.changes] == [
        (0, "s-temperature/temperature", True)
    ]
    assert 85 <= site.changes[0][3] <= 125


def test_what_all_do_is_weather(registers: Any) -> None:
    assert Site(registers, 8).live(730, season).changes == []


def test_a_place_in_the_sun_is_no_drift(registers: Any) -> None:
    """Each follows the season a little more or less than the others."""
    exposed = np.array([0.9, 0.94, 0.97, 1.0, 1.0, 1.02, 1.06, 1.1])
    assert Site(registers, 8).live(730, lambda day: 12.0 + (season(day) - 12.0) * exposed).changes == []


def test_a_step_that_goes_back_ends_the_alarm(registers: Any) -> None:
    site = Site(registers, 8).live(
        120, lambda day: season(day) + np.array([4.0 if 30 <= day < 70 else 0.0, *[0.0] * 7])
    )
    assert [raised for _, _, raised, _ in site.changes] == [True, False]
    assert site.changes[1][3] < 85


def test_what_has_weather_of_its_own_is_not_compared(registers: Any) -> None:
    """One stands on the other half of the globe."""
    site = Site(registers, 8).live(365, lambda day: [season(day + 183), *[season(day)] * 7])
    assert site.changes == []


def test_three_are_no_group_and_other_structures_none(registers: Any) -> None:
    def lone(day: int) -> FloatArray:
        return season(day) + np.array([wandering(day, 30, 5.0), 0.0, 0.0])

    def lone_of_eight(day: int) -> FloatArray:
        return season(day) + np.array([wandering(day, 30, 5.0), *[0.0] * 7])

    assert Site(registers, 3).live(120, lone).changes == []
    assert Site(registers, 8, kind=AssetType.OTHER).live(120, lone_of_eight).changes == []


def test_a_drift_that_is_there_while_others_are_silent_waits_for_them(registers: Any) -> None:
    def air(day: int) -> FloatArray:
        return season(day) + np.array([wandering(day, 30, 5.0), *[0.0] * 7])

    site = Site(registers, 8).live(30, air)
    site.live(60, air, heard=np.array([1.0, 1.0, 1.0, *[0.0] * 5]))
    assert site.changes == []
    site.live(20, air)
    assert [asset for asset, _, raised, _ in site.changes if raised] == [0]


@pytest.mark.parametrize("whole", [False, True])
def test_works_on_the_sensor_make_its_reference_anew(registers: Any, *, whole: bool) -> None:
    sensor = None if whole else SensorId("s-temperature")
    works = (
        Works(
            asset=AssetId("b000"),
            kind="sensor swap",
            start_ns=FIRST_NS + 40 * DAY_NS,
            end_ns=FIRST_NS + 41 * DAY_NS,
            sensor=sensor,
        ),
    )
    site = Site(registers, 8, works=works)
    site.live(120, lambda day: season(day) + np.array([3.0 if day > 41 else 0.0, *[0.0] * 7]))
    # Works on the whole asset say nothing of its thermometer.
    assert bool(site.changes) == whole


def test_accepting_a_new_normal_ends_the_alarm_and_a_repair_does_not(registers: Any) -> None:
    def air(day: int) -> FloatArray:
        return season(day) + np.array([4.0 if day > 30 else 0.0, *[0.0] * 7])

    for verb, open_afterwards in ((DecisionVerb.REPAIR, True), (DecisionVerb.ACCEPT_NORMAL, False)):
        site = Site(registers, 8).live(60, air)
        site.state, _ = apply_decision(site.catalogue, site.state, 0, verb, FIRST_NS, None)
        site.live(60, air)
        assert bool(np.any(site.state.drift_ns > 0)) == open_afterwards
        assert len(site.changes) == 2 - open_afterwards


def test_a_day_that_comes_again_for_one_asset_gives_it_the_same_bits(registers: Any) -> None:
    def air(day: int) -> FloatArray:
        return season(day) + np.array([wandering(day, 20, 5.0), *[0.0] * 7])

    site = Site(registers, 8).live(49, air)
    only = np.array([0], np.int32)
    before = take_state(site.catalogue, site.state, only)
    site.live(1, air)
    after = take_state(site.catalogue, site.state, only)
    contexts = {day: table.copy() for day, table in site.memory.context.items()}
    again, _ = compare_instruments(
        site.catalogue.take(only),
        replace(before, slow=after.slow, slow_ns=after.slow_ns),
        site.memory,
        FIRST_NS + 50 * DAY_NS,
    )
    assert all(same(getattr(again, name), getattr(after, name)) for name in COLUMNS)
    assert all(np.array_equal(table, site.memory.context[day], equal_nan=True) for day, table in contexts.items())


def same(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype != np.object_)


def test_nothing_but_its_own_columns_changes(registers: Any) -> None:
    """So that a drift lowers no risk, and the first stage knows nothing of it."""
    site = Site(registers, 8).live(40, season)
    before = site.state
    site.live(20, lambda day: season(day) + np.array([6.0, *[0.0] * 7]))
    changed = {name for name in COLUMNS if not same(getattr(before, name), getattr(site.state, name))}
    own = {*("reference", "like_reference", "reference_days", "apart", "like_moved", "stirred", "apart_ns", "drift_ns")}
    assert changed - {"slow", "slow_ns"} <= own < set(FLEET_COLUMNS)


@pytest.mark.slow
def test_slow_means_follow_what_is_believed(start_run: Any) -> None:
    """A thermometer that turns to Fahrenheit for two days is repaired before it counts."""
    hours = np.arange(10 * 24)
    air = 12.0 + 4.0 * np.sin(hours * 2 * np.pi / 24) + 0.1 * np.sin(hours * 1.7)
    mistaken = np.where((hours > 150) & (hours < 200), 1.8 * air + 32.0, air)
    runs = [
        start_run(["vibration_rms", "temperature"]).feed(
            {"vibration_rms": 0.3 + 0.01 * np.cos(hours), "temperature": row}
        )
        for row in (air, mistaken)
    ]
    slow = [run.state.slow[[key.channel == "temperature" for key in run.catalogue.channels]][0] for run in runs]
    assert slow[0] == pytest.approx(12.0, abs=1.0)
    assert slow[1] == pytest.approx(slow[0], abs=0.05)


def test_a_day_scored_behind_later_ones_knows_nothing_of_them(registers: Any) -> None:
    """Half of the instruments stand apart from day 30 on; what day 29 teaches is the same before and after that."""
    site = Site(registers, 8).live(29, season)
    now, late_ns = site.state, FIRST_NS + 29 * DAY_NS
    contexts = []
    for _ in range(2):
        site.memory.context.pop(late_ns)
        compare_instruments(site.catalogue, now, site.memory, late_ns)
        contexts.append(site.memory.context[late_ns])
        site.live(12, lambda day: season(day) + np.array([4.0, -4.0] * 2 + [0.0] * 4))
    assert np.array_equal(contexts[0], contexts[1])
