"""Each channel finds where its answer to frost bends, keeps what it cannot know, and reference and now agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domain.arrays import FeatureTable
from models import baseline
from models.catalogue import HOUR_NS
from models.frost import FROST_PLACES_DEGC, PLACE_SD_K, below_places, frost_at
from service.evaluation.benchmark_runs import service_area

START_NS = 472_224 * HOUR_NS
DAYS = 420
DAY_NS = 24 * HOUR_NS
# Where each of three structures bends; the third lives where it never freezes.
BENDS_DEGC = np.array([-2.0, 3.0, 2.0])
WARMER_K = np.array([0.0, 0.0, 30.0])


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest) -> Any:
    """A value a day over a winter and the year behind it, with frosts and thaws of a week."""
    maker = request.getfixturevalue("fleet_tools")
    run = maker.start(["natural_frequency_1", "temperature"], assets=len(BENDS_DEGC))
    rng = np.random.default_rng(4)
    day = np.arange(DAYS)
    air = 6.0 - 9.0 * np.cos(2 * np.pi * day / 365) + 5.0 * np.sin(2 * np.pi * day / 9) + rng.normal(size=DAYS)
    felt = air[0]
    for now in range(DAYS):
        felt -= np.expm1(-1.0) * (air[now] - felt)
        frost = 0.004 * np.maximum(BENDS_DEGC - felt - WARMER_K, 0.0)
        warmth = air[now] + WARMER_K
        frequency = 3.9 * np.exp(frost - 0.0005 * (warmth - 10.0) + rng.normal(scale=0.001, size=len(frost)))
        values = np.column_stack([frequency, warmth]).ravel()
        starts = np.full(len(frost), START_NS + now * DAY_NS)
        heard = np.ones(len(values), np.bool_)
        features = FeatureTable(starts, run.catalogue.hop_ns, values, heard, heard.astype(np.int32))
        run.state, _, _ = maker.step(run.catalogue, run.state, features)
    return run


def test_the_regressor_is_a_sharp_bend_away_from_it() -> None:
    degc = np.array([-12.0, -3.1, 9.0, 30.0])
    place = np.array([1.0, 0.0, 5.0, -8.0])
    assert frost_at(below_places(degc), place).value == pytest.approx(np.minimum(degc - place, 0.0) / 5.0)


def test_the_slope_says_what_moving_the_place_does() -> None:
    degc, place = np.linspace(-10.0, 10.0, 41), np.full(41, 0.7)
    below = below_places(degc)
    moved = frost_at(below, place + 0.1).value - frost_at(below, place).value
    assert frost_at(below, place).slope * 0.1 == pytest.approx(moved, abs=1e-12)


def test_a_place_beyond_the_ladder_is_its_end() -> None:
    below = below_places(np.array([-9.0]))
    end = frost_at(below, FROST_PLACES_DEGC[-1:]).value
    assert frost_at(below, np.array([30.0])).value == pytest.approx(end)


def test_a_winter_shows_where_frost_bends(fleet: Any) -> None:
    assert fleet.state.frost_place[:2] == pytest.approx(BENDS_DEGC[:2], abs=0.7)


def test_without_frost_the_place_stays_where_it_was_and_as_unsure(fleet: Any) -> None:
    assert fleet.state.frost_place[2] == 0.0
    assert fleet.state.frost_covariance[2, -1] == pytest.approx(PLACE_SD_K**2, rel=0.01)


def test_a_bend_that_is_found_shows_steps_that_one_at_freezing_hides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten bridges that no constant was chosen on: a step of 0.3 % where a day's noise is 0.12 %."""
    found, worst = service_area(0.0012, first_seed=300, bridges=10)
    monkeypatch.setattr(baseline, "PLACE_SD_K", 1e-6)
    at_freezing, worst_at_freezing = service_area(0.0012, first_seed=300, bridges=10)
    assert found > 0.975
    assert found - at_freezing > 0.01
    assert worst > worst_at_freezing
