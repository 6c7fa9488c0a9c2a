"""Bends of what warmth does are learnt from weeks of weather, and slow damage is not taken for one."""

from __future__ import annotations

import numpy as np

from domain.arrays import FloatArray
from models.bends import Bends, bend_effect, feel_warmth, learn_bends
from models.layout import BENDS
from models.triangles import triangle_length

ACTIVE = np.ones(1, np.bool_)
DAYS = np.arange(365.0)
# From winter to summer and back, with warm and cool weeks.
AIR_DEGC = 10.0 - 10.0 * np.cos(2 * np.pi * DAYS / 365.0) + 4.0 * np.sin(2 * np.pi * DAYS / 9.0)
SPREAD_OF_TEN_DEGREES = 0.1


def nothing_known() -> Bends:
    absent, none = np.full((1, BENDS), np.nan), np.zeros((1, BENDS))
    once = np.full(1, np.nan)
    return Bends(absent, absent, once, none, np.zeros((1, triangle_length(BENDS))), once)


def live(levels: FloatArray, air: FloatArray = AIR_DEGC) -> tuple[FloatArray, FloatArray, Bends]:
    """Give effect and standard deviation of each day, before it was learnt, and what is remembered at the end."""
    memory, felt = nothing_known(), np.full((1, BENDS), np.nan)
    said = []
    for level, degc in zip(levels, air, strict=True):
        felt = feel_warmth(felt, np.array([degc]))
        effect, variance = bend_effect(memory, felt)
        said.append((effect[0], np.sqrt(variance[0])))
        memory = learn_bends(memory, felt, np.array([level]), ACTIVE)
    effects, spreads = np.array(said).T
    return effects, spreads, memory


def follows(air: FloatArray, *, bend_degc: float, per_ten: float) -> FloatArray:
    felt = np.empty(len(air))
    felt[0] = air[0]
    for day in range(1, len(air)):
        felt[day] = felt[day - 1] - np.expm1(-0.5) * (air[day] - felt[day - 1])
    return per_ten * np.maximum(felt - bend_degc, 0.0) / 10.0


def test_a_bend_is_learnt_while_its_first_summer_comes() -> None:
    level = follows(AIR_DEGC, bend_degc=10.0, per_ten=0.3)
    effect, _, _ = live(level)
    summer = slice(150, 215)
    assert np.mean(level[summer]) > 0.25
    assert np.mean(np.abs(level - effect)[summer]) < 0.3 * np.mean(level[summer])


def test_damage_that_grows_with_the_season_is_not_taken_for_a_bend() -> None:
    damage = np.clip((DAYS - 60.0) / 150.0, 0.0, 1.0)
    effect, _, _ = live(damage)
    assert np.max(np.abs(effect)) < 0.12


def test_a_step_teaches_little() -> None:
    effect, _, _ = live(np.where(DAYS < 150, 0.0, 0.6))
    assert np.max(np.abs(effect)) < 0.12


def test_warmth_that_was_never_met_makes_unsure_and_a_year_makes_sure() -> None:
    level = 0.01 * np.sin(DAYS)
    _, spread, memory = live(level)
    assert spread[0] == 0.0
    # In June, before any warm week has taught: as the prior says, and no more than that.
    felt = feel_warmth(np.full((1, BENDS), np.nan), np.array([20.0]))
    untaught = nothing_known()._replace(start=np.zeros((1, BENDS)))
    expected = SPREAD_OF_TEN_DEGREES * np.sqrt(np.sum(felt**2))
    np.testing.assert_allclose(np.sqrt(bend_effect(untaught, felt)[1]), expected)
    assert np.sqrt(bend_effect(memory, felt)[1][0]) < 0.4 * expected


def test_an_asset_without_a_thermometer_has_no_bends() -> None:
    effect, spread, memory = live(np.sin(DAYS), np.full(len(DAYS), np.nan))
    assert not effect.any()
    assert not spread.any()
    assert np.isnan(memory.level[0])


def test_a_channel_that_is_not_heard_stays_as_it_is() -> None:
    _, _, memory = live(follows(AIR_DEGC, bend_degc=10.0, per_ten=0.3))
    again = learn_bends(memory, np.full((1, BENDS), 2.0), np.array([5.0]), np.zeros(1, np.bool_))
    assert all(np.array_equal(new, old, equal_nan=True) for new, old in zip(again, memory, strict=True))


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    _, _, one = live(follows(AIR_DEGC, bend_degc=10.0, per_ten=0.3))
    _, _, other = live(follows(AIR_DEGC, bend_degc=0.0, per_ten=-0.2))
    both = Bends(*(np.concatenate(pair) for pair in zip(other, one, strict=True)))
    felt = feel_warmth(np.full((1, BENDS), np.nan), np.array([23.4]))
    alone = learn_bends(one, felt, np.array([0.31]), ACTIVE)
    beside = learn_bends(both, np.concatenate([0.7 * felt, felt]), np.array([0.2, 0.31]), np.ones(2, np.bool_))
    assert all(np.array_equal(mine, all_of[1:]) for mine, all_of in zip(alone, beside, strict=True))
