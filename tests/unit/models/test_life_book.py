"""What recorded failures and repairs say of the next interval: as stated without any, and never out of order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.identifiers import AssetId
from models.catalogue import HOUR_NS, Catalogue
from models.compiling import compile_catalogue
from models.life_book import EndedLife, LifeBook, StatedLife, stretched
from tests.unit.models.conftest import make_register

DAY_NS = 24 * HOUR_NS
LATER_NS = 10_000 * DAY_NS
ASSET = AssetId("b000")


@pytest.fixture(scope="module")
def bridges() -> Catalogue:
    return compile_catalogue(*make_register(["natural_frequency_1"], assets=2))


def noted(lives: dict[int, tuple[float, float, float]], book: LifeBook | None = None, asset: str = ASSET) -> LifeBook:
    book = book or LifeBook()
    for day, life in lives.items():
        book = book.with_notes((AssetId(asset),), np.array([life]), np.array([True]), day * DAY_NS)
    return book


def failing(times: int, left_days: int, organisation: str = "") -> LifeBook:
    """Lives that were stated as 40 to 160 days, 80 by the median, and ended after some other time."""
    book = LifeBook()
    for number in range(times):
        name = f"x{number}"
        book = noted({100: (40.0, 80.0, 160.0)}, book, name)
        end_ns = (100 + left_days) * DAY_NS
        book = book.with_failure(AssetId(name), organisation, end_ns, end_ns + DAY_NS)
    return book


def stretch_of(book: LifeBook, bridges: Catalogue, at_ns: int = LATER_NS) -> float:
    first, second = book.stretches(bridges, at_ns).tolist()
    assert first == second
    return float(first)


def test_without_failures_intervals_are_as_stated(bridges: Catalogue) -> None:
    assert stretch_of(LifeBook(), bridges) == 1.0
    assert stretch_of(noted({7: (10.0, 20.0, 40.0)}), bridges) == 1.0


@pytest.mark.parametrize(("left_days", "narrower"), [(80, True), (90, True), (300, False), (1, False)])
def test_failures_near_the_median_narrow_and_those_outside_widen(
    bridges: Catalogue, left_days: int, *, narrower: bool
) -> None:
    """More failures move it further, up to a half and the double."""
    found = [stretch_of(failing(times, left_days), bridges) for times in (2, 6, 50)]
    assert found == sorted(found, reverse=narrower)
    assert (found[0] < 1.0) == narrower
    assert min(found) >= 0.5
    assert max(found) <= 2.0
    assert found[-1] == (0.5 if narrower else pytest.approx(min(2.0, abs(reach_of(left_days))), rel=0.02))


def reach_of(left_days: int) -> float:
    return StatedLife(0, 40.0, 80.0, 160.0).reach(left_days * DAY_NS)


def test_a_reach_of_one_is_the_end_of_the_interval() -> None:
    assert [reach_of(days) for days in (40, 80, 160)] == pytest.approx([-1.0, 0.0, 1.0])


def test_one_life_counts_once_however_long_its_alarm_stood(bridges: Catalogue) -> None:
    many = noted(dict.fromkeys(range(7, 70, 7), (40.0, 80.0, 160.0)))
    end_ns = 400 * DAY_NS
    few = noted({63: (40.0, 80.0, 160.0)})
    stretches = [stretch_of(book.with_failure(ASSET, "", end_ns, end_ns), bridges) for book in (many, few)]
    assert stretches[0] == pytest.approx(stretches[1], abs=0.05)


def test_what_was_recorded_later_or_by_others_does_not_count(bridges: Catalogue) -> None:
    assert stretch_of(failing(20, 80), bridges, 181 * DAY_NS) == 1.0
    assert stretch_of(failing(20, 80), bridges, 182 * DAY_NS) < 1.0
    assert stretch_of(failing(20, 80, "others"), bridges) == 1.0
    details = (bridges.details[0], replace(bridges.details[1], organisation="others"))
    mine, theirs = failing(20, 80, "others").stretches(replace(bridges, details=details), LATER_NS)
    assert (mine, theirs < 1.0) == (1.0, True)


@pytest.mark.parametrize("failed_day", [3, 5000])
def test_a_day_before_the_notes_or_weeks_from_now_tells_nothing(failed_day: int) -> None:
    book = noted({7: (10.0, 20.0, 40.0)})
    assert book.with_failure(ASSET, "", failed_day * DAY_NS, 30 * DAY_NS) == book


def test_a_failure_is_learnt_once_and_notes_go_with_the_alarm() -> None:
    book = noted({7: (10.0, 20.0, 40.0), 14: (5.0, 15.0, 30.0)})
    assert book.with_notes((ASSET,), np.full((1, 3), np.nan), np.array([False]), 21 * DAY_NS).stated == {}
    assert noted({14: (1.0, 2.0, 3.0)}, book) == book
    failed = book.with_failure(ASSET, "", 20 * DAY_NS, 20 * DAY_NS)
    assert len(failed.ended[0].reaches) == 2
    assert failed.with_failure(ASSET, "", 20 * DAY_NS, 20 * DAY_NS) == failed
    assert LifeBook.decode(failed.encode()) == failed
    assert LifeBook.decode(book.encode()) == book


def test_a_repair_weeks_after_a_recorded_failure_teaches_no_life_under_the_same_alarm() -> None:
    """The alarm stood on, more was noted, and the repair was learnt as of a structure that had not failed."""
    stands = noted({28: (4.0, 8.0, 16.0), 35: (2.0, 4.0, 8.0)}, LifeBook.decode(failed_once().encode()))
    assert stands.with_repair(ASSET, "", 40 * DAY_NS).ended == failed_once().ended
    cleared = stands.with_notes((ASSET,), np.full((1, 3), np.nan), np.array([False]), 42 * DAY_NS)
    assert cleared.stated == stands.without(ASSET).stated == {}
    again = noted({70: (1.0, 2.0, 4.0)}, cleared).with_repair(ASSET, "", 72 * DAY_NS)
    assert [life.has_failed for life in again.ended] == [True, False]


@pytest.mark.parametrize(("days", "least", "most"), [(5, 0.999, 1.001), (30, 0.9, 0.98), (700, 1.5, 2.0)])
def test_repairs_alone_move_it_by_what_they_rule_out(bridges: Catalogue, days: int, least: float, most: float) -> None:
    """Stated were 40 to 160 days: lasting five says nothing, thirty that few end early, 700 that it was late."""
    book = LifeBook()
    for number in range(20):
        name = AssetId(f"x{number}")
        book = noted({100: (40.0, 80.0, 160.0)}, book, name).with_repair(name, "", (100 + days) * DAY_NS)
    assert least <= stretch_of(book, bridges) <= most


def test_what_was_repaired_in_time_does_not_make_the_failures_that_are_left_look_usual(bridges: Catalogue) -> None:
    """Most lives are repaired within ten weeks, whatever they would have lasted: failures alone are the early ones."""
    rng = np.random.default_rng(11)
    note = StatedLife(0, 40.0, 80.0, 160.0)
    left = np.round(101.0 * np.exp(rng.normal(0.0, 0.3, 4000)) - 21.0).clip(1.0)
    repaired = np.where(rng.random(4000) < 0.9, np.round(rng.uniform(10.0, 70.0, 4000)), np.inf)

    def book(end: np.ndarray, has_failed: np.ndarray) -> LifeBook:
        ended = tuple(
            EndedLife("", AssetId(f"x{number}"), 0, (note,), (note.reach(int(day) * DAY_NS),), failed)
            for number, (day, failed) in enumerate(zip(end.tolist(), has_failed.tolist(), strict=True))
        )
        return LifeBook(ended=ended)

    fails = left <= repaired
    as_it_is = stretch_of(book(left, np.ones(4000, np.bool_)), bridges)
    assert as_it_is < 0.85
    assert stretch_of(book(np.minimum(left, repaired), fails), bridges) == pytest.approx(as_it_is, rel=0.05)
    assert stretch_of(book(left[fails], fails[fails]), bridges) > 1.15 * as_it_is


def test_a_repair_is_learnt_once_and_without_notes_not_at_all() -> None:
    book = noted({7: (10.0, 20.0, 40.0)})
    repaired = book.with_repair(ASSET, "", 20 * DAY_NS)
    assert (repaired.stated, repaired.ended[0].has_failed) == ({}, False)
    assert repaired.with_repair(ASSET, "", 21 * DAY_NS) == repaired
    assert LifeBook.decode(repaired.encode()) == repaired


def failed_once(*, recorded_day: int = 21) -> LifeBook:
    """A life stated on days 7 and 14, and recorded to have failed on day 20."""
    book = noted({7: (10.0, 20.0, 40.0), 14: (5.0, 15.0, 30.0)})
    return book.with_failure(ASSET, "", 20 * DAY_NS, recorded_day * DAY_NS)


@pytest.mark.parametrize("corrected_day", [10, 18, 27])
def test_another_day_for_the_same_failure_is_learnt_as_if_it_had_been_recorded_first(
    bridges: Catalogue, corrected_day: int
) -> None:
    """Nor does a repair in between matter. What was said before the correction is explained by what was known then."""
    book = failed_once().without(ASSET).with_failure(ASSET, "", corrected_day * DAY_NS, 30 * DAY_NS)
    right = noted({7: (10.0, 20.0, 40.0), 14: (5.0, 15.0, 30.0)})
    right = right.with_failure(ASSET, "", corrected_day * DAY_NS, 30 * DAY_NS)
    assert book.ended[-1] == right.ended[-1]
    assert book.ended[-1].reaches != book.ended[0].reaches
    assert stretch_of(book, bridges) == stretch_of(right, bridges)
    assert stretch_of(book, bridges, 30 * DAY_NS) == stretch_of(failed_once(), bridges)
    assert LifeBook.decode(book.encode()) == book


def test_a_day_before_the_alarm_takes_back_what_was_learnt_until_it_is_corrected_again(bridges: Catalogue) -> None:
    book = failed_once().with_failure(ASSET, "", 6 * DAY_NS, 30 * DAY_NS)
    assert stretch_of(book, bridges) == 1.0
    again = book.with_failure(ASSET, "", 20 * DAY_NS, 40 * DAY_NS)
    assert stretch_of(again, bridges) == stretch_of(failed_once(), bridges)
    assert [len(life.reaches) for life in again.ended] == [2, 0, 2]


def test_a_failure_recorded_behind_its_repair_takes_the_place_of_the_repair(bridges: Catalogue) -> None:
    book = noted({7: (10.0, 20.0, 40.0), 14: (5.0, 15.0, 30.0)}).with_repair(ASSET, "", 21 * DAY_NS)
    failed = book.with_failure(ASSET, "", 20 * DAY_NS, 25 * DAY_NS)
    assert [life.has_failed for life in failed.ended] == [False, True]
    assert stretch_of(failed, bridges) == stretch_of(failed_once(), bridges)


def test_a_later_failure_is_another_and_each_is_corrected_by_itself(bridges: Catalogue) -> None:
    book = noted({70: (1.0, 2.0, 4.0)}, failed_once().without(ASSET))
    book = book.with_failure(ASSET, "", 72 * DAY_NS, 73 * DAY_NS)
    assert [len(life.reaches) for life in book.ended] == [2, 1]
    book = book.with_failure(ASSET, "", 19 * DAY_NS, 80 * DAY_NS).with_failure(ASSET, "", 75 * DAY_NS, 81 * DAY_NS)
    assert [life.began_ns // DAY_NS for life in book.ended] == [7, 70, 7, 70]
    alone = noted(
        {70: (1.0, 2.0, 4.0)},
        noted({7: (10.0, 20.0, 40.0), 14: (5.0, 15.0, 30.0)})
        .with_failure(ASSET, "", 19 * DAY_NS, 21 * DAY_NS)
        .without(ASSET),
    ).with_failure(ASSET, "", 75 * DAY_NS, 81 * DAY_NS)
    assert stretch_of(book, bridges) == stretch_of(alone, bridges)


def test_an_older_failure_or_one_that_no_alarm_foretold_corrects_nothing() -> None:
    book = noted({400: (1.0, 2.0, 4.0)}).with_failure(ASSET, "", 410 * DAY_NS, 411 * DAY_NS)
    assert book.with_failure(ASSET, "", 300 * DAY_NS, 412 * DAY_NS) == book
    assert book.with_failure(ASSET, "", 700 * DAY_NS, 701 * DAY_NS) == book


def test_a_correction_is_learnt_by_who_learnt_the_failure() -> None:
    book = failed_once().with_failure(ASSET, "others", 18 * DAY_NS, 30 * DAY_NS)
    assert [life.organisation for life in book.ended] == ["", ""]
    assert failed_once().with_failure(AssetId("b001"), "", 18 * DAY_NS, 30 * DAY_NS) == failed_once()


def test_stretched_lives_stay_in_order_and_keep_their_median() -> None:
    rng = np.random.default_rng(5)
    life = np.sort(rng.exponential(100.0, (200, 3)), axis=1)
    stretch = rng.uniform(0.5, 2.0, 200)
    moved = stretched(life, stretch)
    assert np.all(np.diff(moved, axis=1) >= 0.0)
    assert np.all(moved >= 0.0)
    assert np.array_equal(moved[:, 1], life[:, 1])
    assert np.array_equal(stretched(life, np.ones(200)), life)
