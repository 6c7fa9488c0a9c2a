"""Harm that goes away by itself is no evidence when it comes again, and more than it is."""

from __future__ import annotations

import numpy as np

from domain.arrays import FloatArray
from models.healing import Healing, remember_healing

SPREAD = np.full(1, 0.1)
ACTIVE = np.ones(1, np.bool_)


def live(levels: FloatArray, memory: Healing | None = None) -> tuple[Healing, float]:
    memory = memory or Healing(np.full(1, np.nan), np.zeros(1), np.zeros(1))
    spread = SPREAD
    for level in levels:
        memory, spread = remember_healing(memory, np.array([level]), SPREAD, ACTIVE)
    return memory, float(spread[0])


def test_damage_that_grows_and_stays_widens_nothing() -> None:
    assert live(np.linspace(0.0, 1.2, 300))[1] == 0.1
    assert live(np.concatenate([np.zeros(50), np.full(200, 0.7)]))[1] == 0.1


def test_wandering_within_what_is_usual_widens_nothing() -> None:
    assert live(0.07 * np.sin(np.arange(400) / 20.0))[1] == 0.1


def test_a_season_that_came_and_went_widens_the_next_one_while_it_comes() -> None:
    year = 0.6 * np.maximum(np.sin(np.arange(365) * 2 * np.pi / 365), 0.0)
    memory, _ = live(year)
    _, at_its_height = live(year[:92], memory)
    assert at_its_height > 2.0 * SPREAD[0]


def test_a_change_away_from_harm_is_no_healing() -> None:
    assert live(np.concatenate([np.zeros(50), np.full(50, -0.5)]))[1] == 0.1


def test_it_fades_over_years() -> None:
    memory, soon = live(np.concatenate([np.full(40, 0.8), np.zeros(60)]))
    _, later = live(np.zeros(3 * 365), memory)
    assert later < 0.5 * soon


def test_a_channel_that_is_not_heard_stays_as_it_is() -> None:
    memory, _ = live(np.concatenate([np.full(40, 0.8), np.zeros(60)]))
    again, _ = remember_healing(memory, np.array([5.0]), SPREAD, np.zeros(1, np.bool_))
    assert all(np.array_equal(new, old) for new, old in zip(again, memory, strict=True))
