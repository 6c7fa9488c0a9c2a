"""How far clocks are off: the usual, jumps, and what is told of it."""

from __future__ import annotations

import numpy as np
import pytest

from models.source_skew import SkewBook, SkewJump


def fresh(*firsts: int) -> SkewBook:
    """Give a book of sensors with one channel each, or of those whose first channels are told for each channel."""
    return SkewBook.empty(np.array(firsts or (0, 1, 2), np.int32))


def feed(book: SkewBook, *values: float, row: int = 1, size: int = 1) -> tuple[SkewBook, list[SkewJump], list[int]]:
    jumps: list[SkewJump] = []
    shown: list[int] = []
    for first in range(0, len(values), size):
        part = np.array(values[first : first + size])
        heard, more, told = book.observe(np.full(len(part), row, np.int32), part)
        book.put(heard)
        jumps += more
        shown += told.tolist()
    return book, jumps, shown


def usual(book: SkewBook, row: int = 1) -> float:
    return float(book.skew_s()[np.searchsorted(book.first, row)])


def test_the_skew_is_the_median_of_the_last_messages_and_not_told_before_there_are_five() -> None:
    book, jumps, shown = feed(fresh(), 2.0, 3.0, 2.5, 400.0)
    assert (jumps, shown) == ([], [])
    assert np.isnan(usual(book))
    book, jumps, shown = feed(book, 2.2)
    assert (jumps, shown, usual(book)) == ([], [1], 2.5)
    book, _, shown = feed(book, 2.4, 2.6, 2.5)
    assert shown == []  # told again only when it has moved


def test_one_message_that_took_long_is_no_jump() -> None:
    book, _, _ = feed(fresh(), *[2.0] * 20)
    book, jumps, _ = feed(book, 7200.0, 2.0, 2.1, 7200.0, 2.0)
    assert jumps == []
    assert usual(book) == 2.0


@pytest.mark.parametrize("offset", [3600.0, -120.0, 7.8e8])
def test_a_clock_that_jumps_is_named_once_and_when_it_comes_back(offset: float) -> None:
    book, _, _ = feed(fresh(), *[2.0, 2.5, 3.0] * 6)
    book, jumps, shown = feed(book, *[2.5 + offset] * 6)
    assert [(jump.row, jump.is_over) for jump in jumps] == [(1, False)]
    assert jumps[0].jump_s == pytest.approx(offset, rel=0.02)
    assert usual(book) == 2.5 + offset
    assert shown
    book, jumps, _ = feed(book, 2.4, 2.5, 2.6)
    assert [(jump.row, jump.is_over) for jump in jumps] == [(1, True)]
    assert usual(book) == pytest.approx(2.5, abs=0.6)
    assert feed(book, *[2.0, 2.5, 3.0] * 9)[1] == []


def test_a_newest_reading_that_is_now_older_and_now_less_old_is_no_jump() -> None:
    """A gateway sends once a day what a loose sensor said: the newest is of the last hour, or of one before."""
    hours_missed = [0, 1, 2, 0, 1, 3, 0, 2, 4, 0, 1, 2, 0, 1]
    book, _, _ = feed(fresh(), *[3602.0] * 15)
    assert feed(book, *[3602.0 + 3600.0 * missed for missed in hours_missed])[1] == []


def test_a_clock_that_drifts_on_while_it_is_off_has_jumped() -> None:
    book, _, _ = feed(fresh(), *[2.0] * 15)
    book, jumps, _ = feed(book, 86_400.0, 86_900.0, 87_400.0)
    (jump,) = jumps
    assert not jump.is_over
    assert jump.jump_s == pytest.approx(86_898.0)


def test_a_jump_that_lasts_becomes_the_usual() -> None:
    book, _, _ = feed(fresh(), *[2.0] * 15)
    book, jumps, _ = feed(book, *[3602.0] * 110)
    assert [jump.is_over for jump in jumps] == [False, True]
    assert usual(book) == 3602.0
    assert feed(book, *[3602.0] * 20)[1] == []


def test_a_gateway_that_gathers_messages_for_an_hour_does_not_jump() -> None:
    waits = np.random.default_rng(4).uniform(0.0, 3600.0, 400)
    assert feed(fresh(), *waits.tolist())[1] == []


@pytest.mark.parametrize("between_s", [600.0, 3600.0])
@pytest.mark.parametrize("hours", [2, 5, 30])
def test_old_hours_sent_again_are_no_jump_and_no_habit(between_s: float, hours: int) -> None:
    """A gateway that said known hours again with other values, and not that they were buffered, raised an alarm."""
    book, _, _ = feed(fresh(), *[2.0, 2.5, 3.0] * 6)
    again = between_s * np.arange(hours, 0, -1) + np.random.default_rng(6).uniform(1.0, 4.0, hours)
    book, jumps, _ = feed(book, *again.tolist(), *[2.0, 2.5, 3.0] * 6)
    assert jumps == []
    assert usual(book) == 2.5


def test_a_clock_that_jumps_while_hours_are_sent_again_is_named() -> None:
    book, _, _ = feed(fresh(), *[2.0, 2.5, 3.0] * 6, *[18_000.0, 14_400.0, 10_800.0])
    book, jumps, _ = feed(book, *[7_202.0, 7_203.0, 7_202.0])
    assert [(jump.row, jump.is_over) for jump in jumps] == [(1, False)]
    assert jumps[0].jump_s == pytest.approx(7_200.0, rel=0.01)


@pytest.mark.parametrize("size", [2, 7, 16])
def test_cutting_into_batches_changes_nothing(size: int) -> None:
    values = [2.0, 2.5, 3.0] * 6 + [9000.0, 5400.0, 1800.0] + [500.0] * 8 + [2.0] * 8
    one, jumps, _ = feed(fresh(), *values)
    many, others, _ = feed(fresh(), *values, size=size)
    assert jumps == others
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one.columns()[:3], many.columns()[:3], strict=True))


def test_times_that_cannot_be_are_a_fault_after_three_messages_also_of_a_clock_that_was_never_set() -> None:
    book, jumps, _ = feed(fresh(), *[np.inf] * 10)
    assert jumps == [SkewJump(1, 0.0, is_over=False, what="impossible")]
    assert np.isnan(usual(book))
    book, jumps, _ = feed(book, 2.0, np.inf, np.inf, 2.0, 2.0, 2.0, 2.0)
    assert jumps == [SkewJump(1, 0.0, is_over=True, what="impossible")]
    assert usual(book) == 2.0


def test_sensors_are_apart_and_looking_changes_nothing() -> None:
    book, _, _ = feed(fresh(), *[2.0] * 15)
    before = [column.copy() for column in book.columns()]
    rows = np.array([2, 1, 2, 1, 2, 1, 2, 2], np.int32)
    after, jumps, shown = book.observe(rows, np.array([9.0, 900.0, 9.0, 900.0, 9.0, 900.0, 9.0, 9.0]))
    assert [(jump.row, jump.is_over) for jump in jumps] == [(1, False)]
    assert shown.tolist() == [1, 2]
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, book.columns(), strict=True))
    book.put(after)
    carried = book.rebase(np.array([0, 1], np.int32), np.array([2, -1], np.int32))
    assert usual(carried, 0) == 9.0
    assert np.isnan(usual(carried, 1))


def test_a_sensor_has_one_row_and_is_known_by_its_first_channel_over_a_change_of_the_register() -> None:
    book, _, shown = feed(fresh(0, 0, 0, 3, 3, 5), *[2.0] * 6, row=3)
    assert (book.first.tolist(), shown) == ([0, 3, 5], [3])
    assert np.isnan(usual(book, 0))
    assert usual(book, 3) == 2.0
    assert [np.isfinite(book.rows(slice(*part))[3]).tolist() for part in ((0, 3), (3, 5), (4, 6))] == [
        [False, False, False],
        [True, False],
        [False, False],
    ]
    there, place = book.place(np.array([-1, 3, 4, 5, 9], np.int32))
    assert (there.tolist(), place.tolist()) == ([False, True, False, True, False], [1, 2])
    # The first sensor leaves, a new one comes, and the one that was heard gets a channel behind its others.
    later = book.rebase(np.array([0, 0, 0, 3, 4], np.int32), np.array([3, 4, -1, 5, -1], np.int32))
    assert (later.first.tolist(), usual(later, 0)) == ([0, 3, 4], 2.0)
    assert np.isnan(usual(later, 3))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_many_messages_at_once_say_what_each_of_them_alone_would(seed: int) -> None:
    """Of clocks that stand and that jump, of hours caught up with, and of times that cannot be."""
    generator = np.random.default_rng(seed)
    skew = generator.choice([0.0, 3600.0, -50.0], 4)
    one, many, jumps = fresh(0, 1, 2, 3), fresh(0, 1, 2, 3), 0
    for _ in range(40):
        rows = generator.integers(0, 4, int(generator.integers(1, 17))).astype(np.int32)
        skew[0] += generator.choice([0.0, 0.0, 0.0, 61.0, -3600.0])
        value = skew[rows] + generator.normal(2.0, generator.choice([0.1, 20.0, 60.0]), len(rows))
        value[generator.random(len(rows)) < 0.02] = np.inf
        if generator.random() < 0.2:
            value = np.sort(generator.uniform(0.0, 40_000.0, len(rows)))[::-1]
        heard, told, _ = many.observe(rows, value)
        many.put(heard)
        alone: list[SkewJump] = []
        for row in range(4):
            for place in np.flatnonzero(rows == row):
                heard, more, _ = one.observe(rows[place : place + 1], value[place : place + 1])
                one.put(heard)
                alone += more
        assert sorted(map(repr, told)) == sorted(map(repr, alone))
        # What was told last depends on when it was told.
        for mine, other in zip(many.columns(), one.columns(), strict=True):
            if mine is not many.shown_s:
                assert np.array_equal(mine, other, equal_nan=True)
        jumps += len(told)
    assert jumps
