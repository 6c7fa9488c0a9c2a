"""The second stage: what like assets share is no damage, and what one does alone is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.register import AssetType
from models.catalogue import HOUR_NS, Catalogue
from models.chain import step_fleet
from models.compiling import compile_catalogue
from models.fleet import group_names
from models.fleet_memory import FleetMemory
from models.state import ModelState, initial_state, take_state
from tests.lengths import either

DAY_NS = 24 * HOUR_NS
FIRST_NS = 472_224 * HOUR_NS
NAMES = ["natural_frequency_1", "natural_frequency_2", "temperature"]


def commissioned(catalogue: Catalogue) -> ModelState:
    """A state in which every channel has its reference and the distance of a natural frequency."""
    state = initial_state(catalogue)
    rows = len(catalogue.judged)
    return replace(
        state,
        started_ns=np.full(len(catalogue.assets), FIRST_NS),
        driver_ns=np.full_like(state.driver_ns, FIRST_NS),
        count=catalogue.commission_count[catalogue.judged].copy(),
        distance=np.full(rows, float(-np.log(0.9))),
        deviation_sd=np.full(rows, 0.005),
        deviation=np.zeros(rows),
    )


class Fleet:
    """Bridges whose first stage is dictated: shares of the failure level, by asset and day."""

    def __init__(self, registers: Any, assets: int, *, kind: AssetType = AssetType.BRIDGE) -> None:
        self.catalogue = compile_catalogue(*registers(NAMES, assets=assets, kind=kind))
        self.state = commissioned(self.catalogue)
        self.memory = FleetMemory()
        self.raised: list[tuple[int, int]] = []
        self.day = 0
        self.chance = np.random.default_rng(1)

    def live(self, days: int, shares: Any) -> None:
        """Give each asset a share of the way to failure, as a function of the day; noise is 0.02."""
        for _ in range(days):
            self.day += 1
            now = FIRST_NS + self.day * DAY_NS
            share = np.array(shares(self.day))[self.catalogue.asset_of_judged]
            share = share + self.chance.normal(scale=0.02, size=len(share))
            heard = np.full(len(self.catalogue.channels), now)
            self.state = replace(
                self.state,
                heard_ns=heard,
                updated_ns=np.full(len(share), now),
                deviation=-share * self.state.distance,
            )
            self.state, changes = step_fleet(self.catalogue, self.state, self.memory, now)
            self.raised += [(change.asset, self.day) for change in changes if change.raised]


def test_what_all_like_assets_do_is_weather(registers: Any) -> None:
    fleet = Fleet(registers, 12)
    fleet.live(200, lambda day: [0.4 * np.sin(day / 30.0)] * 12)
    assert fleet.raised == []
    assert np.max(np.abs(fleet.state.residual)) < 0.2


def test_what_one_asset_does_alone_is_alarmed_under_the_same_weather(registers: Any) -> None:
    fleet = Fleet(registers, 12)
    weather = 0.4 * np.sin(np.arange(200) / 30.0)
    fleet.live(60, lambda day: [weather[day]] * 12)
    fleet.live(60, lambda day: [weather[day] + (day - 60) / 150.0, *[weather[day]] * 11])
    assert [asset for asset, _ in fleet.raised] == [0]
    assert 70 <= fleet.raised[0][1] <= 110


def test_what_stays_where_it_was_while_the_others_move_away_from_harm_is_no_alarm(registers: Any) -> None:
    """A frost that stiffens eleven of twelve bridges is no damage to the twelfth."""
    fleet = Fleet(registers, 12)
    fleet.live(60, lambda _: [0.0] * 12)
    fleet.live(60, lambda day: [0.0, *[-min((day - 60) / 40.0, 0.6)] * 11])
    assert fleet.raised == []
    assert fleet.state.residual[:2] == pytest.approx([0.15, 0.15], abs=0.05)
    fleet.live(40, lambda day: [min((day - 120) / 40.0, 0.5), *[-0.6] * 11])
    assert [asset for asset, _ in fleet.raised] == [0]
    assert fleet.state.residual[:2] == pytest.approx([0.65, 0.65], abs=0.1)


def test_an_asset_alone_is_judged_by_its_own_uncertainty(registers: Any) -> None:
    fleet = Fleet(registers, 1)
    fleet.live(30, lambda _: [0.3])
    assert np.all(fleet.state.shock == 0.0)
    assert np.all(fleet.state.residual_sd >= 0.07)


def test_an_asset_that_joins_later_is_compared_with_what_happened_since(registers: Any) -> None:
    fleet = Fleet(registers, 12)
    fleet.live(40, lambda _: [0.5] * 11 + [np.nan])
    fleet.live(40, lambda _: [0.5] * 11 + [0.0])
    assert fleet.raised == []
    late = fleet.catalogue.asset_of_judged == 11
    assert np.max(np.abs(fleet.state.residual[late])) < 0.15


def test_a_day_that_comes_again_for_another_asset_meets_the_same_context(registers: Any) -> None:
    fleet = Fleet(registers, 8)
    fleet.live(20, lambda _: [0.1] * 8)
    before = {day: table.copy() for day, table in fleet.memory.context.items()}
    only = np.array([3], np.int32)
    part = take_state(fleet.catalogue, fleet.state, only)
    step_fleet(fleet.catalogue.take(only), part, fleet.memory, FIRST_NS + 10 * DAY_NS)
    assert before.keys() == fleet.memory.context.keys()
    assert all(np.array_equal(table, fleet.memory.context[day]) for day, table in before.items())


def test_the_memory_survives_as_bytes(registers: Any) -> None:
    fleet = Fleet(registers, 5)
    fleet.live(9, lambda _: [0.1] * 5)
    again = FleetMemory.decode(fleet.memory.encode())
    assert again.encode() == fleet.memory.encode()
    assert again.onsets_per_year == fleet.memory.onsets_per_year


@pytest.mark.parametrize(("assets", "own"), [(3, False), (4, True)])
def test_machines_of_another_name_are_a_group_where_there_are_enough(registers: Any, assets: int, *, own: bool) -> None:
    catalogue = compile_catalogue(*registers(["vibration_rms"], assets=assets))
    assert all(name.endswith("/s") == own for name in group_names(catalogue))


def test_a_few_assets_that_are_scored_again_have_the_groups_that_they_have_among_all(registers: Any) -> None:
    """By itself no asset has three others with such sensors, so it was compared with another group than before."""
    catalogue = compile_catalogue(*registers(["vibration_rms"], assets=5))
    only = catalogue.take(np.array([1, 3], np.int32))
    assert group_names(only) == [group_names(catalogue)[row] for row in (1, 3)]


@pytest.mark.slow
def test_damage_on_most_of_a_small_group_is_not_taken_for_weather(registers: Any) -> None:
    """Six quays of which four were damaged one after the other: the two that never moved had the alarms."""
    fleet = Fleet(registers, 6, kind=AssetType.QUAY)
    onsets = [20, 50, 80, 110]
    fleet.live(260, lambda day: [min(max(day - onset, 0) / 120.0, 1.1) for onset in onsets] + [0.0, 0.0])
    assert sorted({asset for asset, _ in fleet.raised}) == [0, 1, 2, 3]
    sound = fleet.catalogue.asset_of_judged >= 4
    assert np.max(np.abs(fleet.state.residual[sound])) < 0.1


@pytest.mark.slow
def test_damage_that_begins_on_two_at_a_time_is_found_each_time(registers: Any) -> None:
    """Six quays: two fail, then two more go the same way, as slowly as weather; two never moved."""
    fleet = Fleet(registers, 6, kind=AssetType.QUAY)
    onsets = [20, 30, 160, 168]
    fleet.live(360, lambda day: [min(max(day - onset, 0) / 180.0, 1.2) for onset in onsets] + [0.0, 0.0])
    assert sorted({asset for asset, _ in fleet.raised}) == [0, 1, 2, 3]
    sound = fleet.catalogue.asset_of_judged >= 4
    assert np.max(np.abs(fleet.state.residual[sound])) < 0.1


def test_a_storm_that_moves_a_small_group_at_once_is_weather(registers: Any) -> None:
    fleet = Fleet(registers, 6, kind=AssetType.QUAY)
    fleet.live(60, lambda _: [0.0] * 6)
    fleet.live(40, lambda _: [0.35, 0.4, 0.42, 0.38, 0.45, 0.36])
    assert fleet.raised == []


@pytest.mark.slow
def test_where_a_sound_level_lies_is_found_and_said(registers: Any) -> None:
    fleet = Fleet(registers, 12)
    fleet.live(either(220, long=300), lambda _: [0.09, *[0.0] * 11])
    first = fleet.catalogue.asset_of_judged == 0
    state = fleet.state
    assert np.all(state.residual[first] < 0.05)
    assert np.all(np.abs(state.settled[first] - 0.09) < 0.03)
    parts = state.residual + state.shock + state.bent + state.placed
    assert parts == pytest.approx(-state.deviation / state.distance)


@pytest.mark.slow
@pytest.mark.parametrize("place", either([-0.09, 0.09], long=[-0.09, 0.0, 0.09]))
def test_damage_counts_from_where_the_level_lay(registers: Any, place: float) -> None:
    fleet = Fleet(registers, 12)
    fleet.live(either(235, long=300), lambda day: [place + max(day - 200, 0) / 150.0, *[0.0] * 11])
    assert [asset for asset, _ in fleet.raised] == [0]
    # A fifth of the way is reached on day 230.
    assert 228 <= fleet.raised[0][1] <= 234


@pytest.mark.slow
def test_nothing_is_learnt_while_an_alarm_stands(registers: Any) -> None:
    fleet = Fleet(registers, 12)
    fleet.live(100, lambda day: [0.6 * (day > 50), *[0.0] * 11])
    assert [asset for asset, _ in fleet.raised] == [0]
    first = fleet.catalogue.asset_of_judged == 0
    settled = fleet.state.settled[first]
    assert np.all(np.abs(settled) < 0.03)
    fleet.live(100, lambda _: [0.6, *[0.0] * 11])
    assert np.array_equal(fleet.state.settled[first], settled)
