"""The learners of the stream detector against slow and obvious versions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from domain.arrays import FloatArray
from models.stream_environment import KNOTS, MEMORIES, EnvironmentMemory, Surroundings
from models.stream_level import LevelBank
from models.stream_rarity import ValueRarity
from models.stream_regression import StreamRegression
from models.stream_shift import SHARES, ShiftEvidence, chi_square_strength
from models.stream_tail import EmpiricalTail
from tests.lengths import either


def test_rarity_agrees_with_a_search_through_all_values() -> None:
    values = np.round(np.random.default_rng(1).normal(size=400), 1)
    rarity = ValueRarity()
    for at, value in enumerate(values):
        got = rarity.step(float(value))
        known = np.sort(np.abs(values[: max(at - 5, 0)] - value))
        expected = math.sqrt(float(np.mean(known[:3] ** 2))) if len(known) > 3 else 0.0
        assert got == pytest.approx(expected, abs=1e-12)


def test_tail_agrees_with_counting_within_the_scores() -> None:
    scores = np.random.default_rng(2).gamma(2.0, size=2000)
    tail = EmpiricalTail()
    for score in scores:
        tail.learn(float(score))
    known = scores[:2000]
    for score in np.quantile(scores, [0.1, 0.5, 0.8]):
        assert tail.strength(float(score)) == pytest.approx(-math.log((known >= score).mean()), abs=0.02)


def test_tail_beyond_the_scores_is_the_predictive_distribution_of_an_exponential() -> None:
    """Monte Carlo of the definition: a scale drawn from what the excesses say, then an excess drawn from it."""
    generator = np.random.default_rng(3)
    tail = EmpiricalTail()
    scores = generator.exponential(size=100)
    for score in scores:
        tail.learn(float(score))
    ordered = np.sort(scores)
    start, excess = ordered[89], ordered[90:] - ordered[89]
    scale = (excess.sum() * 10 / 11) / generator.gamma(10.0, size=2_000_000)
    asked = start + 3.0
    chance = 0.1 * float((generator.exponential(size=len(scale)) * scale > 3.0).mean())
    assert tail.strength(float(asked)) == pytest.approx(-math.log(chance), abs=0.05)


def test_regression_agrees_with_least_squares_on_rows_and_made_up_rows() -> None:
    generator = np.random.default_rng(4)
    columns = np.concatenate([np.ones((60, 1)), generator.normal(size=(60, 4)) + 3.0], axis=1)
    values = columns @ generator.normal(size=(5, 2)) + 0.1 * generator.normal(size=(60, 2))
    regression = StreamRegression(columns=5, channels=2, lags=2)
    present = np.ones(2, np.bool_)
    for row, value in zip(columns, values, strict=True):
        regression.learn(row, value, value - regression.expect(row), present, 1.0)
    known = regression.solved_rows
    deviation = columns[:known].std(axis=0)
    # A channel has the deviation of its latest past row in all of them.
    deviation[3:] = deviation[1:3]
    made_up, answers = [np.array([1e-3, 0, 0, 0, 0])], [np.zeros(2)]
    for column in range(1, 5):
        made_up.append(deviation[column] * np.eye(5)[column])
        answers.append(np.zeros(2))
    for channel in range(2):
        made_up.append(math.sqrt(30.0) * deviation * (np.arange(5) % 2 == 1 - channel) * (np.arange(5) > 0))
        answers.append(math.sqrt(30.0) * deviation[1 + channel] * np.eye(2)[channel])
    stacked = np.concatenate([columns[:known], np.array(made_up)])
    wanted, *_ = np.linalg.lstsq(stacked, np.concatenate([values[:known], np.array(answers)]), rcond=None)
    asked = np.array([1.0, 2.0, 4.0, 3.0, 1.0])
    assert regression.expect(asked) == pytest.approx(asked @ wanted, rel=1e-6)
    assert regression.leverage(asked) == pytest.approx(asked @ np.linalg.inv(stacked.T @ stacked) @ asked, rel=1e-6)


def _strengths_of_noise(channels: int) -> list[FloatArray]:
    """Give for each length of time the strengths of independent noise, rows far enough apart to be independent."""
    generator = np.random.default_rng(5)
    regression = StreamRegression(columns=1, channels=channels)
    row = np.ones(1)
    for noise in generator.normal(size=(4000, channels)):
        regression.learn(row, noise, noise - regression.expect(row), np.ones(channels, np.bool_), 1.0)
    evidence = ShiftEvidence(channels=channels, columns=1)
    noises = generator.normal(size=(either(20_000, long=40_000), channels))
    strengths = [evidence.step(noise, row, regression, is_held=False) for noise in noises]
    # Nothing was held and no tail was learned, so that an alarm has nothing to be more careful of.
    assert all(strength.alarm == strength.score for strength in strengths)
    scores = np.array([strength.score for strength in strengths])[200:]
    # What a mean keeps of a row is 0.002 of it after six times its memory; the latest row by itself keeps nothing.
    return [scores[:: 1 if share == 1.0 else round(6.0 / share), scale] for scale, share in enumerate(SHARES)]


@pytest.mark.slow
def test_shift_statistics_of_a_channel_are_chi_square_for_independent_noise() -> None:
    for strengths in _strengths_of_noise(1):
        assert stats.kstest(strengths, "expon").pvalue > 0.001


@pytest.mark.slow
def test_of_two_views_the_stronger_is_as_rare_as_it_says_or_rarer() -> None:
    for strengths in _strengths_of_noise(3):
        for nats in (0.5, 1.0, 2.0):
            chance = math.exp(-nats)
            margin = 4.0 * math.sqrt(chance * (1.0 - chance) / len(strengths))
            share = float((strengths > nats).mean())
            assert 0.4 * chance - margin < share < chance + margin


def test_chi_square_strength_agrees_with_scipy() -> None:
    for channels in (1, 2, 8):
        for statistic in (0.1, 3.0, 40.0, 900.0, 1400.0):
            wanted = -stats.chi2.logsf(statistic, channels)
            assert chi_square_strength(statistic, channels) == pytest.approx(wanted, rel=2e-3)


def test_level_bank_agrees_with_bayesian_regression_while_commissioning() -> None:
    """With one knot and no memory all filters are alike, and a filter of a level that stands still is a regression."""
    generator = np.random.default_rng(6)
    temperature = generator.normal(size=19)
    values = 7.0 + 0.5 * temperature + 0.2 * generator.normal(size=19)
    knots = np.full((KNOTS, 1), -100.0)
    bank = LevelBank(values, knots)
    environment = np.tile(temperature[:, np.newaxis, np.newaxis], (1, MEMORIES, 1))
    environment[:, 1:] = 0.0
    for row, value in zip(environment, values, strict=True):
        verdict = bank.step(float(value), Surroundings(row, np.empty(0)), is_commissioning=True)
    scale = float(np.diff(values).std()) / math.sqrt(2.0)
    columns = np.stack([np.ones(18), temperature[:18]], axis=1)
    precision = columns.T @ columns + np.diag([1e-4, 1.0 / 900.0])
    scaled = (values - np.median(values)) / scale
    coefficients = np.linalg.solve(precision, columns.T @ scaled[:18])
    wanted = np.median(values) + scale * np.array([1.0, temperature[18]]) @ coefficients
    assert verdict.expected == pytest.approx(float(wanted), rel=1e-6)


def test_environment_memory_agrees_with_the_sum_it_stands_for() -> None:
    generator = np.random.default_rng(7)
    rows = generator.normal(size=(200, 1)) * 5.0 + 10.0
    memory = EnvironmentMemory(rows[:30])
    for at, row in enumerate(rows):
        got = memory.step(3600.0 * at, row)
    centre, scale = np.median(rows[:30]), rows[:30].std()
    keep = math.exp(-3600.0 / 86400.0)
    weights = np.array([keep ** (199 - at) * ((1.0 - keep) if at else 1.0) for at in range(200)])
    wanted = (float((weights * rows[:, 0]).sum()) - centre) / scale
    assert got.remembered[-1, 0] == pytest.approx(wanted)
    assert got.remembered[0, 0] == pytest.approx((rows[-1, 0] - centre) / scale)
