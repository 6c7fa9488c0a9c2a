"""What was never met tells nothing: a frost takes no level with it, and one hour of rain is no wet week."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.models.conftest import wander


@pytest.mark.slow
def test_a_first_frost_takes_no_level_with_it_that_is_off(start_run: Callable[..., Any]) -> None:
    """A sound bridge went 1.5 of the way to failure in a frost that did nothing, and stood there for a year.

    While it is off a level moves by itself, and what the frost does was not known: the level became as unsure as that,
    eight tenths of the way to failure here, and when effects were learnt again whatever fitted some hours was believed.
    """
    rng, days = np.random.default_rng(4), np.arange(75 * 24) / 24
    air = 12.0 + 3.0 * np.sin(2 * np.pi * days) + wander(rng, len(days), 2.0, 1.0)
    air = np.where((days >= 60) & (days < 64), air - 22.0, air)
    way = 120.0 * np.clip((days - 30.0) / 5.0, 0.0, 1.0)
    run = start_run(["strain", "temperature"])
    values = {"strain": 20.0 + way + rng.normal(scale=8.0, size=len(days)), "temperature": air}
    run.feed({name: row[: 63 * 24] for name, row in values.items()})
    assert run.state.deviation_sd[0] / run.state.distance[0] < 0.15
    run.feed({name: row[63 * 24 :] for name, row in values.items()})
    assert run.state.deviation[0] / run.state.distance[0] == pytest.approx(0.4, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_first_hours_of_a_first_frost_do_not_say_what_a_deep_one_does(
    start_run: Callable[..., Any], seed: int
) -> None:
    """Four bridges were alarmed in one frost: their decks froze half a day before what is remembered of the air.

    So a tenth of a degree of frost seemed to do what five degrees did, and when it deepened each was a way to failure
    from what was expected. What frost does saturates at nine degrees here, as water does once it is ice.
    """
    rng, days = np.random.default_rng(seed), np.arange(84 * 24) / 24
    air = 8.0 - 0.05 * days + 2.5 * np.sin(2 * np.pi * (days - 0.3)) + wander(rng, len(days), 2.0, 1.0)
    air = air - np.interp(days, [67.0, 68.0, 78.0, 79.0], [0.0, 14.0, 14.0, 0.0])
    deck = air.copy()
    for hour in range(1, len(deck)):
        deck[hour] = deck[hour - 1] + (air[hour] - deck[hour - 1]) / 6.0
    frozen = 0.0065 * np.clip(-deck, 0.0, 9.0) ** 1.1
    noise = 1.0 + rng.normal(scale=0.003, size=len(days))
    run = start_run(["natural_frequency_1", "temperature"])
    run.feed({"natural_frequency_1": 4.0 * (1.0 - 0.0015 * (deck - 10.0) + frozen) * noise, "temperature": air})
    assert run.kinds() == []
    assert abs(run.state.deviation[0]) < 0.2 * run.state.distance[0]


def test_an_hour_of_rain_is_no_wet_week(start_run: Callable[..., Any]) -> None:
    """A pump's first hour was wet, so four days of rain were held to explain what it did in four dry ones."""
    run = start_run(["base_moisture", "rain"])
    run.feed({"base_moisture": np.array([20.0]), "rain": np.array([6.0])})
    share = -np.expm1(-1.0 / 96.0)
    assert run.state.lagged[0, 2] == pytest.approx(0.1 + share * 5.9)
    run.feed({"base_moisture": np.full(3, 20.0), "rain": np.zeros(3)})
    assert run.state.lagged[0, 2] == pytest.approx((0.1 + share * 5.9) * np.exp(-3.0 / 96.0))
