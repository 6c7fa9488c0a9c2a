"""The budget: the run length that is promised against the one achieved, and what damage may not do to the line."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from domain.arrays import FloatArray
from models.stream_alarm import BudgetAlarm
from models.stream_detector import StreamDetector
from tests.lengths import either

Evidence = Callable[[np.random.Generator, int], FloatArray]


def _opened(alarms: list[bool]) -> int:
    return sum(now and not before for before, now in itertools.pairwise([False, *alarms]))


def _as_theory(generator: np.random.Generator, rows: int) -> FloatArray:
    return generator.exponential(size=rows)


def _clustered(generator: np.random.Generator, rows: int) -> FloatArray:
    """Unit exponential, but the highest of the last ten rows stays."""
    fresh = generator.exponential(size=rows)
    return np.array([fresh[max(at - 9, 0) : at + 1].max() for at in range(rows)])


def _overstated(generator: np.random.Generator, rows: int) -> FloatArray:
    """Claims three times the nats that it is worth: taken at its word it would alarm forty times too often."""
    return 3.0 * generator.exponential(size=rows)


def _heavy(generator: np.random.Generator, rows: int) -> FloatArray:
    return np.asarray(generator.exponential(size=rows) ** 1.5)


@pytest.mark.parametrize("evidence", [_as_theory, _clustered, _overstated, _heavy])
def test_run_length_is_within_a_factor_two_of_the_promise_whatever_the_evidence(evidence: Evidence) -> None:
    promised, rows, opened = 1000.0, 40_000, 0
    for seed in range(4):
        alarm = BudgetAlarm(expected_run_length=promised)
        strengths = evidence(np.random.default_rng(seed), rows)
        opened += _opened([alarm.step(strength) for strength in strengths.tolist()])
    assert 0.5 < 4 * rows / opened / promised < 2.0


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "autocorrelation"), either([(3, 0.9)], long=[(1, 0.9), (3, 0.0), (3, 0.9)]))
def test_a_commissioned_stream_of_healthy_noise_keeps_the_promise(channels: int, autocorrelation: float) -> None:
    promised, rows, opened = 400.0, 8_000, 0
    for seed in range(2):
        generator = np.random.default_rng(seed)
        detector = StreamDetector(channels=channels, commission=400, expected_run_length=promised)
        row, alarms = np.zeros(channels), []
        for at in range(rows):
            row = autocorrelation * row + generator.normal(size=channels)
            alarms.append(detector.step(60.0 * at, row, np.zeros(0)).alarm)
        opened += _opened(alarms)
    assert 0.5 < 2 * rows / opened / promised < 2.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", either(["student"], long=["normal", "student", "lognormal"]))
def test_a_channel_of_which_nobody_knows_anything_keeps_the_promise_under_heavy_tails(kind: str) -> None:
    """Student's noise of four degrees of freedom alarmed twice too often while views were taken at their word."""
    promised, rows, opened = 500.0, 12_000, 0
    for seed in range(3):
        generator = np.random.default_rng(seed)
        noise = {
            "normal": generator.normal(size=rows),
            "student": generator.standard_t(4, size=rows),
            "lognormal": np.exp(generator.normal(size=rows)),
        }[kind]
        detector = StreamDetector(channels=1, expected_run_length=promised)
        nothing = np.zeros(0)
        opened += _opened([detector.step(300.0 * at, noise[at : at + 1], nothing).alarm for at in range(rows)])
    assert 0.6 < 3 * rows / opened / promised < 1.7


def test_damage_that_lasts_raises_the_line_as_one_event_only() -> None:
    generator = np.random.default_rng(1)
    once, lasting = BudgetAlarm(expected_run_length=1000.0), BudgetAlarm(expected_run_length=1000.0)
    for strength in generator.exponential(size=10_000).tolist():
        once.learn(strength)
        lasting.learn(strength)
    before = once.line
    for alarm, rows in ((once, 1), (lasting, 5000)):
        assert all(alarm.step(300.0) for _ in range(rows))
        calm = [alarm.step(0.0) for _ in range(20)]
        assert not calm[-1]
    assert once.line == lasting.line < 1.5 * before


def test_few_blocks_that_look_as_theory_has_them_leave_the_line_near_theory() -> None:
    generator = np.random.default_rng(2)
    alarm = BudgetAlarm(expected_run_length=10_000.0)
    for strength in generator.exponential(size=400).tolist():
        alarm.learn(strength)
    assert 8.0 < alarm.line < 11.0


def test_evidence_of_nothing_does_not_bring_the_line_to_nothing() -> None:
    alarm = BudgetAlarm(expected_run_length=10_000.0)
    assert not any(alarm.step(0.0) for _ in range(200_000))
    assert alarm.line > 4.0
