"""Tail, profile, rarity and alarm, one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from models.stream_alarm import BudgetAlarm
from models.stream_profile import DailyProfile
from models.stream_rarity import ValueRarity
from models.stream_shift import chi_square_strength
from models.stream_tail import EmpiricalTail

_DAY_S = 86400.0


def test_tail_is_silent_until_enough_scores_are_known() -> None:
    tail = EmpiricalTail()
    for score in range(99):
        tail.learn(float(score))
    assert tail.strength(1e9) == 0.0


def test_tail_of_exponential_scores_gives_back_their_chance() -> None:
    generator = np.random.default_rng(1)
    tail = EmpiricalTail()
    for score in generator.exponential(size=5000):
        tail.learn(float(score))
    for score in (0.5, 1.0, 3.0, 8.0):
        assert tail.strength(score) == pytest.approx(score, rel=0.12)


def test_tail_grows_with_the_score_and_does_not_care_about_its_unit() -> None:
    generator = np.random.default_rng(2)
    scores = generator.gamma(2.0, size=2000)
    plain, scaled = EmpiricalTail(), EmpiricalTail()
    for score in scores:
        plain.learn(float(score))
        scaled.learn(1024.0 * float(score))
    asked = np.linspace(0.0, 30.0, 200)
    strengths = [plain.strength(float(score)) for score in asked]
    assert strengths == sorted(strengths)
    assert [scaled.strength(1024.0 * float(score)) for score in asked] == pytest.approx(strengths)


def test_tail_forgets_what_has_left_its_memory() -> None:
    tail = EmpiricalTail()
    for _ in range(300):
        tail.learn(100.0)
    for score in np.random.default_rng(3).exponential(size=10_100):
        tail.learn(float(score))
    assert tail.strength(50.0) > 20.0


def test_tail_of_constant_scores_is_finite() -> None:
    tail = EmpiricalTail()
    for _ in range(200):
        tail.learn(0.0)
    assert tail.strength(0.0) == 0.0
    assert math.isfinite(tail.strength(1.0))


def test_profile_expects_what_is_usual_at_that_time_of_day() -> None:
    profile = DailyProfile(has_clock=True)
    for row in range(10 * 96):
        time_s = row * 900.0
        profile.step(time_s, 20.0 + 5.0 * math.sin(2.0 * math.pi * time_s / _DAY_S))
    expected, usual = profile.step(10 * _DAY_S + 0.25 * _DAY_S, 25.0)
    assert expected == pytest.approx(25.0, abs=0.5)
    _, unusual = profile.step(10 * _DAY_S + 0.26 * _DAY_S, 15.0)
    assert unusual > 10.0 * max(usual, 0.1)


def test_profile_without_a_clock_compares_with_all_rows() -> None:
    profile = DailyProfile(has_clock=False)
    for row in range(500):
        profile.step(float(row), 1.0 + (row % 2))
    expected, _ = profile.step(500.0, 1.0)
    assert expected == pytest.approx(1.5, abs=0.1)


def test_profile_bears_a_clock_that_steps_back_and_a_year_of_silence() -> None:
    profile = DailyProfile(has_clock=True)
    for time_s in (0.0, 5 * _DAY_S, 2 * _DAY_S, 400 * _DAY_S, -3 * _DAY_S):
        expected, score = profile.step(time_s, 7.0)
        assert math.isfinite(expected)
        assert score == 0.0


def test_profile_goes_on_after_one_row_decades_ahead() -> None:
    """Its day was the last one that weights had faded for, until the clock got there."""
    profile = DailyProfile(has_clock=True)
    for row in range(60 * 24):
        # Row 100 has a time of 2099.
        profile.step(4.1e9 if row == 100 else 1.7e9 + row * 3600.0, 10.0 if row < 30 * 24 else 20.0)
    expected, _ = profile.step(1.7e9 + 60 * _DAY_S, 20.0)
    assert expected == pytest.approx(20.0, abs=1.0)


def test_profile_fades_once_a_day_where_rows_of_two_days_take_turns() -> None:
    turns, order = DailyProfile(has_clock=True), DailyProfile(has_clock=True)
    for row in range(20):
        turns.step(_DAY_S * (1 + row % 2), float(row))
        order.step(_DAY_S * (1 + row // 10), float(row))
    assert sum(turns._weight) > 0.9 * sum(order._weight)


def test_rarity_is_high_between_the_modes_and_beyond_the_range() -> None:
    generator = np.random.default_rng(4)
    rarity = ValueRarity()
    for row in range(2000):
        rarity.step(float(generator.normal(10.0 if row % 2 else 20.0, 0.3)))
    usual = max(rarity.step(10.0), rarity.step(20.0))
    assert rarity.step(15.0) > 10.0 * usual
    assert rarity.step(40.0) > rarity.step(15.0)


def test_rarity_ends_when_a_value_has_come_back_a_few_times() -> None:
    rarity = ValueRarity()
    scores = [rarity.step(50.0 if row % 100 == 99 else float(row % 7)) for row in range(600)]
    spikes = scores[99::100]
    assert spikes[0] > 40.0
    assert spikes[-1] == 0.0


def test_rarity_forgets_values_that_have_left_its_memory() -> None:
    rarity = ValueRarity()
    for _ in range(10):
        rarity.step(100.0)
    for row in range(8100):
        rarity.step(float(row % 5))
    assert rarity.step(100.0) > 90.0


@pytest.mark.parametrize(("statistic", "chance"), [(3.841, 0.05), (10.828, 0.001)])
def test_chi_square_strength_agrees_with_the_tables(statistic: float, chance: float) -> None:
    assert chi_square_strength(statistic, 1) == pytest.approx(-math.log(chance), rel=1e-3)


def test_chi_square_strength_goes_on_where_floating_point_ends() -> None:
    strengths = [chi_square_strength(statistic, 8) for statistic in np.linspace(1200.0, 1400.0, 400)]
    assert np.all(np.diff(strengths) > 0.0)
    assert np.abs(np.diff(strengths, 2)).max() < 0.01
    assert chi_square_strength(0.0, 8) == 0.0


def test_alarm_opens_at_the_budget_and_is_one_until_calm() -> None:
    alarm = BudgetAlarm(expected_run_length=1000.0)
    line = math.log(1000.0)
    assert not alarm.step(line - 0.01)
    assert alarm.step(line)
    assert all(alarm.step(strength) for strength in (0.9 * line, 0.6 * line, line, 0.9 * line) * 20)
    calm = [alarm.step(0.0) for _ in range(20)]
    assert calm[0]
    assert not calm[-1]
    assert sum(a and not b for a, b in itertools.pairwise(calm)) == 1


def test_alarm_is_not_moved_by_rows_without_evidence() -> None:
    alarm = BudgetAlarm(expected_run_length=1000.0)
    assert not any(alarm.step(None) for _ in range(100))
    alarm.step(100.0)
    assert all(alarm.step(None) for _ in range(100))
