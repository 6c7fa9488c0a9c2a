"""A structure without a thermometer is compensated by the warmth that others felt, as far as that is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.borrowed_weather import lend_warmth, with_warmth
from models.catalogue import HOUR_NS, Catalogue
from models.chain import assess, step_fleet
from models.compiling import compile_catalogue
from models.deviation import unmeasured_variance
from models.fleet_memory import FleetMemory
from models.memory import ModelState
from models.risk import risk_records
from models.state import initial_state

DAY_NS = 24 * HOUR_NS
FIRST_NS = 472_224 * HOUR_NS
NAMES = ["natural_frequency_1", "natural_frequency_2", "temperature"]
DISTANCE = float(-np.log(0.9))
FRONTS = np.random.default_rng(3).normal(size=900)
FRONTS = np.array([sum(0.8**back * FRONTS[day - back] for back in range(9)) for day in range(900)])


def air(day: int) -> float:
    """A year's wave from its coldest day on, and fronts of some days."""
    return 10.0 - 9.0 * float(np.cos(2 * np.pi * day / 365.25)) + 1.8 * float(FRONTS[day])


class Site:
    """Twelve bridges whose first stage is dictated, of which the first has no thermometer and feels warmth."""

    def __init__(self, registers: Any, *, thermometers: int = 11, effect: float = 0.0) -> None:
        self.catalogue: Catalogue = compile_catalogue(*registers(NAMES, assets=12))
        self.state: ModelState = initial_state(self.catalogue)
        self.memory = FleetMemory()
        self.effect = effect
        self.raised: list[tuple[int, int]] = []
        self.day = 0
        self.chance = np.random.default_rng(1)
        self.has_own = np.arange(12) >= 12 - thermometers
        judged = len(self.catalogue.judged)
        self.of = self.catalogue.asset_of_judged
        self.state = replace(
            self.state,
            started_ns=np.full(12, FIRST_NS),
            count=self.catalogue.commission_count[self.catalogue.judged].copy(),
            distance=np.full(judged, DISTANCE),
            scale=np.full(judged, DISTANCE),
            deviation=np.zeros(judged),
        )
        unmeasured = np.where(self.has_own[self.of], 0.0, unmeasured_variance(self.state))
        self.state = replace(self.state, deviation_sd=np.sqrt(0.005**2 + unmeasured))

    def live(self, days: int, damage: Callable[[int], float] = lambda _: 0.0) -> Site:
        """Let days pass; damage is that of the first bridge, in shares of the failure level, and noise is 0.02."""
        start = air(1)
        for _ in range(days):
            self.day += 1
            now = FIRST_NS + self.day * DAY_NS
            share = self.chance.normal(scale=0.02, size=len(self.of))
            warmed = self.effect * (air(self.day) - start) / 10.0 + damage(self.day)
            share = share + np.where(self.of == 0, warmed, 0.0)
            lagged = np.where(self.has_own[:, np.newaxis], air(self.day), np.nan) * np.ones_like(self.state.lagged)
            spoke = np.where(self.has_own[:, np.newaxis], now, 0) * np.ones_like(self.state.driver_ns)
            self.state = replace(
                self.state,
                heard_ns=np.full(len(self.catalogue.channels), now),
                updated_ns=np.full(len(share), now),
                deviation=-share * self.state.distance,
                lagged=lagged,
                driver_ns=spoke,
            )
            self.state, changes = step_fleet(self.catalogue, self.state, self.memory, now)
            self.raised += [(change.asset, self.day) for change in changes if change.raised]
        return self

    def of_first(self, column: FloatArray) -> FloatArray:
        return np.asarray(column[self.of == 0])


@pytest.mark.slow
def test_warmth_that_others_felt_is_no_damage(registers: Any) -> None:
    """With two thermometers nobody knows whose is right, so nothing is borrowed: two springs are two false alarms."""
    lent, alone = (Site(registers, thermometers=count, effect=0.12).live(547) for count in (11, 2))
    assert (len(lent.raised), len(alone.raised)) == (0, 2)
    assert np.all(lent.of_first(lent.state.residual_sd) < 0.8 * alone.of_first(alone.state.residual_sd))
    assert np.all(np.abs(lent.of_first(lent.state.residual)) < 0.05)
    assert np.all(np.abs(alone.of_first(alone.state.residual)) > 0.2)


@pytest.mark.slow
def test_damage_is_told_sooner_where_warmth_is_borrowed(registers: Any) -> None:
    """Warmth takes these levels away from harm, and hides a damage of four months that begins in summer."""
    raised = []
    for count in (11, 2):
        site = Site(registers, thermometers=count, effect=-0.09).live(582).live(60, lambda day: (day - 582) / 120.0)
        raised.append(site.raised)
    assert [[asset for asset, _ in one] for one in raised] == [[0], [0]]
    assert 582 < raised[0][0][1] <= raised[1][0][1] - 5


def test_nothing_is_believed_of_borrowed_warmth_on_the_first_days(registers: Any) -> None:
    """Calm days bear it out; until then a structure is as uncertain as it was."""
    lent, alone = (Site(registers, thermometers=count).live(1) for count in (11, 2))
    first = lent.of_first(lent.state.residual_sd)
    assert np.all(first > 0.95 * alone.of_first(alone.state.residual_sd))
    assert np.all(lent.live(60).of_first(lent.state.residual_sd) < 0.75 * first)


def test_one_that_borrows_shares_no_uncertainty_with_those_that_measure(registers: Any) -> None:
    """A day that is hotter than all before makes both unsure, and who only heard of it the more."""
    site = Site(registers).live(200)
    now = FIRST_NS + 201 * DAY_NS
    hot = replace(site.state, lagged=site.state.lagged + 20.0, updated_ns=np.full(len(site.of), now))
    hot = replace(hot, driver_ns=np.where(hot.driver_ns > 0, now, 0), heard_ns=np.full_like(hot.heard_ns, now))
    hot, _ = step_fleet(site.catalogue, hot, site.memory, now)
    assert np.all(site.of_first(hot.residual_sd) > 1.5 * np.max(hot.residual_sd[site.of != 0]))


def test_one_that_has_a_thermometer_goes_by_its_own(registers: Any) -> None:
    """The second bridge is ten degrees warmer than all others."""
    site = Site(registers).live(1)
    site.state = replace(site.state, lagged=site.state.lagged + 10.0 * (np.arange(12) == 1)[:, np.newaxis])
    site.state, _ = step_fleet(site.catalogue, site.state, site.memory, FIRST_NS + 2 * DAY_NS)
    felt = site.state.bend_felt
    assert np.all(felt[1] > felt[2])
    assert felt[0] == pytest.approx(felt[2])


def test_the_warmth_of_a_day_is_the_median_of_those_who_spoke(registers: Any) -> None:
    site = Site(registers)
    now = FIRST_NS + DAY_NS
    lagged = np.tile(np.array([np.nan, 90.0, *range(10)], float)[:, np.newaxis], (1, site.state.lagged.shape[1]))
    spoke = np.full_like(site.state.driver_ns, now)
    spoke[:1] = 0
    spoke[3] = FIRST_NS - DAY_NS
    state = replace(site.state, lagged=lagged, driver_ns=spoke)
    assert with_warmth({}, state, now)[now].tolist() == [[5.5]]


@pytest.mark.parametrize(("speaking", "known"), [(2, False), (3, True)])
def test_two_thermometers_lend_nothing(registers: Any, speaking: int, *, known: bool) -> None:
    site = Site(registers, thermometers=speaking).live(1)
    assert np.isfinite(site.memory.warmth[FIRST_NS + DAY_NS]).all() == known


def test_a_day_that_comes_again_meets_the_warmth_of_then(registers: Any) -> None:
    site = Site(registers).live(3)
    now = FIRST_NS + 2 * DAY_NS
    warmer = replace(site.state, lagged=site.state.lagged + 10.0)
    assert with_warmth(site.memory.warmth, warmer, now) is site.memory.warmth
    own = np.array([np.nan, 21.0])
    assert lend_warmth(site.memory.warmth, own, now).tolist() == [pytest.approx(air(2)), 21.0]
    assert np.isnan(lend_warmth({}, own, now)[0])


@pytest.mark.parametrize(("thermometers", "said"), [(11, "climate_borrowed"), (2, "climate_not_measured")])
def test_a_reason_tells_whether_the_warmth_of_others_stands_in(registers: Any, thermometers: int, said: str) -> None:
    site = Site(registers, thermometers=thermometers).live(60)
    at_ns = np.full(12, FIRST_NS + 60 * DAY_NS)
    columns = assess(site.catalogue, replace(site.state, stepped_ns=at_ns), at_ns)
    records = risk_records(site.catalogue, columns, np.arange(12, dtype=np.int32), provisional=False)
    of_climate = [{reason.code for reason in record.reasons if "climate" in reason.code} for record in records]
    assert of_climate == [{said}] * (12 - thermometers) + [set()] * thermometers


def test_the_warmth_survives_as_bytes(registers: Any) -> None:
    site = Site(registers).live(3)
    again = FleetMemory.decode(site.memory.encode()).warmth
    assert {day: table.tolist() for day, table in again.items()} == {
        day: table.tolist() for day, table in site.memory.warmth.items()
    }
