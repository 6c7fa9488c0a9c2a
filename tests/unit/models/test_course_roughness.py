"""How far damages depart from a smooth course: learnt from those under way, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.catalogue import HOUR_NS
from models.compiling import compile_catalogue
from models.course_roughness import CourseRoughness
from models.fleet_memory import FleetMemory
from models.layout import PAST_DAYS
from models.life_book import EndedLife, LifeBook, StatedLife
from tests.unit.models.conftest import make_register

DAY_NS = 24 * HOUR_NS
AGES = np.arange(PAST_DAYS, dtype=np.float64)
OPEN = np.ones(1, np.bool_)


def shown(severity: Callable[[FloatArray], FloatArray], days: int = 400) -> CourseRoughness:
    """Let one damage after another show its severities, by day, for some days; each takes 120."""
    book = CourseRoughness()
    for day in range(1, days + 1):
        past = severity(day % 120.0 - AGES)[np.newaxis]
        book = book.learnt(past, OPEN, day * DAY_NS)
    return book


def steady(day: FloatArray) -> FloatArray:
    return np.where(day > 0.0, np.abs(day / 120.0) ** 1.5, 0.0)


def by_fits(day: FloatArray) -> FloatArray:
    """Rests for two weeks and goes on for one."""
    whole, part = np.divmod(np.maximum(day, 0.0), 21.0)
    return (whole + np.clip((part - 14.0) / 7.0, 0.0, 1.0)) * 21.0 / 120.0


def share(book: CourseRoughness) -> float:
    return book.departure(10_000 * DAY_NS)


def test_the_usual_is_taken_before_anything_is_seen() -> None:
    assert share(CourseRoughness()) == pytest.approx(0.08)
    assert CourseRoughness().stretch(DAY_NS) == pytest.approx(0.94)


def test_steady_damages_depart_by_little_however_fast_they_grow() -> None:
    assert share(shown(steady)) < 0.06
    assert share(shown(lambda day: np.minimum(2.0 * steady(day), 1.0))) < 0.06


def test_damages_by_fits_and_starts_depart_by_much() -> None:
    assert 0.1 < share(shown(by_fits)) < 0.2


@pytest.mark.parametrize("size", [0.06, 0.09, 0.12])
def test_errors_that_stay_for_weeks_are_found_in_their_size(size: float) -> None:
    chance, book = np.random.default_rng(3), CourseRoughness()
    lag = np.abs(AGES[:, np.newaxis] - AGES)
    root = np.linalg.cholesky(0.85 * np.exp(-lag / 25.0) + 0.15 * np.eye(PAST_DAYS))
    for day in range(1, 200):
        past = 0.6 * (1.0 + size * root @ chance.normal(size=(PAST_DAYS, 40))).T
        book = book.learnt(past, np.ones(40, np.bool_), day * DAY_NS)
    assert share(book) == pytest.approx(size, rel=0.1)


def test_lives_are_told_more_narrowly_where_damages_are_steady_within_bounds() -> None:
    steadily, roughly = shown(steady), shown(lambda day: by_fits(day) * (1.0 + 0.5 * np.sin(day)))
    assert steadily.stretch(10_000 * DAY_NS) == pytest.approx(0.805, abs=0.03)
    assert roughly.stretch(10_000 * DAY_NS) == pytest.approx(1.21)


def test_records_of_failures_start_from_what_damages_show() -> None:
    catalogue = compile_catalogue(*make_register(["natural_frequency_1"], assets=2))
    assert LifeBook().stretches(catalogue, DAY_NS, usual=0.85).tolist() == [0.85, 0.85]
    # Ends as far off as was stated count against a prior that says less.
    reaches = tuple(np.linspace(-1.25, 1.25, 41).tolist())
    note = StatedLife(0, 10.0, 20.0, 40.0)
    ended = (EndedLife("", catalogue.assets[0], 1, (note,), reaches),)
    found = [LifeBook({}, ended).stretches(catalogue, DAY_NS, usual=usual)[0] for usual in (0.8, 1.0, 1.2)]
    assert found == sorted(found)
    assert 0.8 < found[0] < 1.0 <= found[1] < found[2] <= 1.2


@pytest.mark.slow
def test_an_asset_with_a_steady_damage_is_told_so(start_run: Callable[..., Any]) -> None:
    hours = np.arange(24 * 150)
    chance = np.random.default_rng(2)
    worn = np.exp(-0.1 * np.clip((hours - 24 * 60) / (24 * 120.0), 0.0, 1.0))
    run = start_run(["natural_frequency_1", "natural_frequency_2", "temperature"], assets=1)
    run.feed(
        {
            "natural_frequency_1": 3.0 * worn * np.exp(chance.normal(scale=0.002, size=len(hours))),
            "natural_frequency_2": 5.0 * worn * np.exp(chance.normal(scale=0.002, size=len(hours))),
            "temperature": 12.0 + 4.0 * np.sin(hours * 2 * np.pi / 24),
        }
    )
    assert np.all(run.state.raised_ns[run.state.severity > 0.3] > 0)
    assert run.memory.roughness.departure(run.now_ns) < 0.08
    assert np.all(run.state.life_stretch == run.memory.roughness.stretch(run.now_ns))


def test_what_has_no_alarm_or_is_not_under_way_teaches_nothing() -> None:
    rough = by_fits(100.0 - AGES)
    low, fresh, over = 0.1 * rough, np.where(AGES < 20.0, 0.5, 0.0), 2.0 * rough
    book = CourseRoughness()
    for day in range(1, 300):
        past = np.stack([rough, low, fresh, over])
        book = book.learnt(past, np.array([False, True, True, True]), day * DAY_NS)
    assert share(book) == pytest.approx(0.08)


def test_a_day_teaches_once_and_no_day_before_one_that_was_learnt() -> None:
    book = shown(by_fits, 200)
    past = by_fits(100.0 - AGES)[np.newaxis]
    assert book.learnt(past, OPEN, 200 * DAY_NS) is book
    assert book.learnt(past, OPEN, 150 * DAY_NS) is book


def test_a_day_scored_again_meets_what_was_known_then() -> None:
    book = shown(by_fits, 100)
    then = book.departure(100 * DAY_NS)
    for day in range(101, 300):
        book = book.learnt(steady(60.0 - AGES)[np.newaxis], OPEN, day * DAY_NS)
    assert book.departure(100 * DAY_NS) == then
    assert share(book) < then


def test_it_is_kept_to_the_bit() -> None:
    memory = FleetMemory(roughness=shown(by_fits, 60))
    again = FleetMemory.decode(memory.encode())
    assert share(again.roughness) == share(memory.roughness) != share(CourseRoughness())
    assert again.encode() == memory.encode()
