"""What was known on a day is found again, whatever came later and in whatever order days were scored."""

from __future__ import annotations

import numpy as np

from models.day_tables import padded, table_as_of, table_before, with_table

TABLES = {day: np.array([float(day)]) for day in (40, 10, 30)}


def test_the_newest_before_a_day_is_found_whatever_came_later() -> None:
    """Day 10 was scored behind day 40: the order of scoring is not that of time."""
    found = {day: table_before(TABLES, day) for day in (11, 30, 31, 40, 99)}
    assert {day: None if table is None else table.item() for day, table in found.items()} == {
        11: 10.0,
        30: 10.0,
        31: 30.0,
        40: 30.0,
        99: 40.0,
    }


def test_nothing_is_known_before_the_first_day() -> None:
    assert table_before(TABLES, 10) is None
    assert table_as_of(TABLES, 9) is None
    assert table_before({}, 10) is None


def test_a_day_that_was_scored_has_its_own_table() -> None:
    assert table_as_of(TABLES, 30) is TABLES[30]
    assert table_as_of(TABLES, 35) is TABLES[30]


def test_a_day_is_added_beside_what_is_kept() -> None:
    more = with_table(TABLES, 20, np.array([20.0]))
    assert sorted(more) == [10, 20, 30, 40]
    assert sorted(TABLES) == [10, 30, 40]


def test_two_years_are_kept_and_the_oldest_day_goes_first() -> None:
    tables: dict[int, np.ndarray] = {}
    for day in range(760):
        tables = with_table(tables, day, np.zeros(1))
    assert (min(tables), len(tables)) == (10, 750)
    assert min(with_table(tables, 3, np.zeros(1))) == 10


def test_groups_that_came_later_have_rows_of_their_own() -> None:
    unknown, known = np.array([0.0, 7.0]), np.array([[1.0, 2.0]])
    assert padded(known, 3, unknown).tolist() == [[1.0, 2.0], [0.0, 7.0], [0.0, 7.0]]
    assert padded(None, 1, unknown).tolist() == [[0.0, 7.0]]
    assert padded(None, 0, unknown).shape == (0, 2)
    assert padded(known, 1, unknown) is not known
