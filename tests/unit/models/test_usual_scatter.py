"""Where structures hardly scatter a tenth of the way to failure is a sign, and where they wander it is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.arrays import FloatArray
from models.catalogue import HOUR_NS, Catalogue
from models.compiling import compile_catalogue
from models.degradation import LAGS, SOUND_FREEDOM
from models.fleet_memory import FleetMemory
from models.joining import DAYS
from models.prognosis import LIFE_DAYS, History, Outlook, look_ahead
from models.usual_scatter import UsualScatter
from tests.unit.models.conftest import make_register

DAY_NS = 24 * HOUR_NS
SPREAD = 0.05
LATER_NS = 10_000 * DAY_NS
NINETY = len(LIFE_DAYS) + 1


@pytest.fixture(scope="module")
def bridges() -> Catalogue:
    """Nine bridges, each with a failure mode of its frequencies and one of its tilt."""
    return compile_catalogue(*make_register(["natural_frequency_1", "natural_frequency_2", "tilt.x"], assets=9))


def shown(catalogue: Catalogue, days: int, severity: Callable[[np.random.Generator], FloatArray]) -> UsualScatter:
    """Let a fleet show its severities for some days."""
    chance, book, count = np.random.default_rng(4), UsualScatter(), len(catalogue.pair_asset)
    for day in range(1, days + 1):
        seen = severity(chance)
        book = book.learnt(catalogue, seen, np.full(count, SPREAD), np.isfinite(seen), day * DAY_NS)
    return book


def student(catalogue: Catalogue, scale: float) -> Callable[[np.random.Generator], FloatArray]:
    """Severities of sound structures that scatter by a share of their spread."""
    return lambda chance: scale * SPREAD * chance.standard_t(SOUND_FREEDOM, len(catalogue.pair_asset))


def test_all_of_the_spread_is_believed_before_anything_is_seen(bridges: Catalogue) -> None:
    assert UsualScatter().of_pairs(bridges, LATER_NS).tolist() == [1.0] * len(bridges.pair_asset)


@pytest.mark.parametrize(("scale", "expected"), [(0.05, 0.3), (0.5, 0.5), (0.8, 0.8), (3.0, 1.0)])
def test_what_the_fleet_shows_counts_within_bounds(bridges: Catalogue, scale: float, expected: float) -> None:
    """The median of nine is on average a little more than that of many, which is cautious."""
    found = shown(bridges, 600, student(bridges, scale)).of_pairs(bridges, LATER_NS)
    assert found == pytest.approx(expected, abs=0.06)


def test_it_takes_months_to_be_believed(bridges: Catalogue) -> None:
    month = shown(bridges, 30, student(bridges, 0.4)).of_pairs(bridges, LATER_NS)
    year = shown(bridges, 365, student(bridges, 0.4)).of_pairs(bridges, LATER_NS)
    assert np.all((month > 0.6) & (month < 0.8))
    assert np.all((year > 0.4) & (year < 0.5))


def test_a_third_that_is_damaged_unnoticed_does_not_double_it(bridges: Catalogue) -> None:
    def severity(chance: np.random.Generator) -> FloatArray:
        return np.where(bridges.pair_asset < 3, 0.5, student(bridges, 0.4)(chance))

    found = shown(bridges, 600, severity).of_pairs(bridges, LATER_NS)
    assert np.all((found > 0.4) & (found < 0.8))


def test_each_failure_mode_is_asked_by_itself(bridges: Catalogue) -> None:
    first = bridges.pair_mode == bridges.pair_mode[0]
    assert 0 < np.count_nonzero(first) < len(first)

    def severity(chance: np.random.Generator) -> FloatArray:
        return np.where(first, 0.4, np.nan) * SPREAD * chance.standard_t(SOUND_FREEDOM, len(first))

    found = shown(bridges, 600, severity).of_pairs(bridges, LATER_NS)
    assert found[first] == pytest.approx(0.4, abs=0.05)
    assert np.all(found[~first] == 1.0)


def test_a_day_teaches_once_and_scored_again_meets_what_was_known_then(bridges: Catalogue) -> None:
    count = len(bridges.pair_asset)
    book = shown(bridges, 10, student(bridges, 0.4))
    for day in (3, 10):
        same = book.learnt(bridges, np.full(count, 9.0), np.full(count, SPREAD), np.ones(count, np.bool_), day * DAY_NS)
        assert same is book
    moved = book.learnt(bridges, np.full(count, 9.0), np.full(count, SPREAD), np.ones(count, np.bool_), 11 * DAY_NS)
    assert np.all(moved.of_pairs(bridges, LATER_NS) >= book.of_pairs(bridges, LATER_NS))
    for day in range(11):
        then = book.of_pairs(bridges, day * DAY_NS + 1)
        assert moved.of_pairs(bridges, day * DAY_NS + 1).tolist() == then.tolist()
        assert np.all(then == 1.0) == (day == 0)


def test_it_is_remembered_to_the_bit(bridges: Catalogue) -> None:
    memory = FleetMemory(scatter=shown(bridges, 40, student(bridges, 0.4)))
    again = FleetMemory.decode(memory.encode())
    assert list(again.scatter.tables) == list(memory.scatter.tables)
    for day, table in memory.scatter.tables.items():
        assert again.scatter.tables[day].tobytes() == table.tobytes()


def ahead(seen: float | FloatArray, scatter: float, *, instrument: float = 0.0) -> Outlook:
    course = np.broadcast_to(seen, (1, len(LAGS))).astype(np.float64)
    history = History(
        known=np.ones(1, np.bool_),
        severity=course[:, 0],
        severity_sd=np.full(1, SPREAD),
        instrument=np.full(1, instrument),
        seen=course,
        silent_days=np.zeros(1),
        onsets_per_day=np.full(1, 1e-4),
        is_open=np.zeros(1, np.bool_),
        scatter=np.full(1, scatter),
    )
    return look_ahead(history, DAYS)


def test_a_tenth_of_the_way_within_two_weeks_is_a_sign_where_nothing_scatters() -> None:
    rising = np.clip(0.1 - 0.007 * np.array(LAGS), 0.0, None)
    wandering, calm = ahead(rising, 1.0), ahead(rising, 0.3)
    assert calm.damaged[0] > 5.0 * wandering.damaged[0]
    assert calm.failed[0, 0, NINETY] > 5.0 * wandering.failed[0, 0, NINETY]


def test_a_level_that_never_moved_is_the_sounder_where_nothing_scatters() -> None:
    assert ahead(0.0, 0.3).damaged[0] < ahead(0.0, 1.0).damaged[0]


@given(st.floats(0.35, 1.5), st.sampled_from([0.0, 0.3]))
def test_what_is_far_on_its_way_is_weighed_as_before(now: float, instrument: float) -> None:
    """From where a damage departs from its course by as much as the spread, the fleet's calm adds nothing."""
    course = np.clip(now - 0.004 * np.array(LAGS), 0.0, None)
    calm, wandering = ahead(course, 0.3, instrument=instrument), ahead(course, 1.0, instrument=instrument)
    assert calm.damaged.tolist() == wandering.damaged.tolist()
    assert calm.failed.tolist() == wandering.failed.tolist()


@given(st.floats(-0.5, 1.5), st.floats(0.3, 1.0))
def test_chances_stay_chances(now: float, scatter: float) -> None:
    found = ahead(now, scatter)
    assert 0.0 <= found.damaged[0] <= 1.0
    assert np.all((found.failed >= 0.0) & (found.failed <= 1.0))
    assert np.all(np.diff(found.failed[0, 0, : len(LIFE_DAYS)]) >= 0.0)


@pytest.mark.slow
def test_a_calm_fleet_tells_its_assets_so_and_an_alarm_does_not_count(start_run: Callable[..., Any]) -> None:
    hours = 24 * 100
    chance = np.random.default_rng(2)
    run = start_run(["natural_frequency_1", "natural_frequency_2", "temperature"], assets=1)
    wave = 12.0 + 4.0 * np.sin(np.arange(hours) * 2 * np.pi / 24)
    run.feed(
        {
            "natural_frequency_1": 3.0 * np.exp(chance.normal(scale=0.002, size=hours)),
            "natural_frequency_2": 5.0 * np.exp(chance.normal(scale=0.002, size=hours)),
            "temperature": wave,
        }
    )
    learnt = run.state.scatter.copy()
    assert np.all(learnt < 0.95)
    assert np.all(run.memory.scatter.of_pairs(run.catalogue, run.now_ns) == learnt)
    lost = 0.9 * np.exp(chance.normal(scale=0.002, size=hours))
    run.feed({"natural_frequency_1": 3.0 * lost, "natural_frequency_2": 5.0 * lost, "temperature": wave})
    assert np.all(run.state.raised_ns > 0)
    assert np.all(np.abs(run.state.scatter - learnt) < 0.1)
