"""A quantity of the environment holds as long as it usually takes to speak again, and no longer."""

from __future__ import annotations

import numpy as np
import pytest

from domain.arrays import FloatArray
from service.held_environment import HeldEnvironment

NAN = np.nan


def held(column: FloatArray | list[float]) -> FloatArray:
    environment = HeldEnvironment(1)
    return np.array([environment.hold(np.array([value]))[0] for value in column])


@pytest.mark.parametrize("turn", [2, 3, 60])
def test_what_speaks_in_turn_holds_until_it_speaks_again(turn: int) -> None:
    column = np.where(np.arange(600) % turn == 0, np.arange(600.0), NAN)
    found = held(column)
    # Until the second word nobody knows when it comes.
    assert np.isnan(found[1:turn]).all()
    assert found[turn:].tolist() == [float(row - row % turn) for row in range(turn, 600)]


def test_what_is_in_every_row_is_missing_where_it_is_missing() -> None:
    column = np.arange(100.0)
    column[[40, 41, 42, 70]] = NAN
    assert np.array_equal(held(column), column, equal_nan=True)


@pytest.mark.parametrize("outage", [9, 24, 200, 1400])
def test_an_outage_is_no_way_to_speak(outage: int) -> None:
    """A thermometer that was in every row, but for an outage, was held for days in the next one."""
    column = np.arange(3000.0)
    column[100 : 100 + outage] = NAN
    column[110 + outage : 1000 + outage] = NAN
    column[1020 + outage :: 2] = NAN
    found = held(column)
    sent = 1020 + outage
    assert np.array_equal(found[:sent], column[:sent], equal_nan=True)
    # It does speak in turn from then on, and is soon held.
    assert np.isfinite(found[sent + 30 :]).all()


def test_what_fell_silent_does_not_hold_for_ever() -> None:
    column = np.where((np.arange(400) % 4 == 0) & (np.arange(400) < 200), 7.0, NAN)
    found = held(column)
    assert np.isfinite(found[4:204]).all()
    assert np.isnan(found[204:]).all()


def test_a_silence_of_days_is_no_way_to_speak() -> None:
    column = np.full(4000, NAN)
    column[:100], column[3000:3100] = 5.0, 6.0
    found = held(column)
    assert np.array_equal(found, column, equal_nan=True)


def test_without_an_environment_there_is_nothing_to_hold() -> None:
    assert HeldEnvironment(0).hold(np.empty(0)).shape == (0,)
