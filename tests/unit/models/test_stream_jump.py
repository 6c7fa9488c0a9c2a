"""Heavy tails: known from healthy rows, and how likely one row makes a mean high."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from models.stream_detector import StreamDetector
from models.stream_jump import JumpLaw
from models.stream_regression import StreamRegression
from models.stream_shift import ShiftEvidence

_BOTH = np.ones(2, np.bool_)


def _learnt(rows: int = 4000) -> JumpLaw:
    """A law of a Student channel of six degrees of freedom, as multiples of its spread, and a uniform one."""
    generator = np.random.default_rng(1)
    law = JumpLaw(channels=2)
    student = generator.standard_t(6, size=rows) / np.sqrt(1.5)
    for deviation in np.column_stack([student, generator.uniform(-1.7, 1.7, rows)]):
        law.learn(deviation)
    return law


def test_degrees_of_freedom_follow_from_the_kurtosis() -> None:
    heavy, light = _learnt().degrees()
    assert 5.0 < heavy < 8.0
    assert light == np.inf
    assert JumpLaw(channels=2).degrees().tolist() == [np.inf, np.inf]


def test_chance_of_a_jump_is_that_of_a_row_as_far_out() -> None:
    """With all the weight on the latest row the mean is that row."""
    law = _learnt()
    degrees = float(law.degrees()[0])
    found = law.chances(np.array([25.0]), np.ones(1), _BOTH, channels=1)
    assert found is not None
    assert found[0] == pytest.approx(2.0 * stats.t.sf(5.0 * np.sqrt(degrees / (degrees - 2.0)), degrees))
    assert law.chances(np.array([25.0]), np.ones(1), np.array([False, True]), channels=1) is None


@pytest.mark.parametrize("share", [0.3, 0.05])
def test_chance_of_a_mean_of_heavy_tails_is_near_what_is_counted(share: float) -> None:
    """Means of Student's noise beyond 4.5 deviations, counted in two million rows; normal noise has 7 in a million."""
    law, rows = JumpLaw(channels=1), 200
    generator = np.random.default_rng(2)
    noise = generator.standard_t(6, size=(10_000, rows)) / np.sqrt(1.5)
    law.learn(np.zeros(1))
    for deviation in noise.ravel()[:50_000, np.newaxis]:
        law.learn(deviation)
    mean, counted = np.zeros(len(noise)), 0
    part = share / (2.0 - share)
    for at in range(rows):
        before = mean**2 / part
        mean = (1.0 - share) * mean + share * noise[:, at]
        counted += int(((mean**2 / part > 20.25) & (before <= 20.25)).sum())
    jump = law.chances(np.array([20.25]), np.array([share]), np.ones(1, np.bool_), channels=1)
    assert jump is not None
    theory = noise.size * (float(jump[0]) + 2.0 * stats.norm.sf(4.5))
    assert 0.4 < counted / theory < 2.5


@pytest.mark.slow
def test_a_row_far_out_is_no_alarm_where_healthy_rows_had_such_tails() -> None:
    """Ten deviations in one row: an alarm of a normal channel, and of a heavy-tailed one only when it lasts."""
    alarmed = {}
    for name in ("normal", "student"):
        for lasts in (1, 60):
            generator = np.random.default_rng(3)
            noise = {
                "normal": generator.normal(size=(900, 2)),
                "student": generator.standard_t(5, size=(900, 2)) / np.sqrt(5.0 / 3.0),
            }[name]
            noise[700 : 700 + lasts, 0] += 8.0
            detector = StreamDetector(channels=2, commission=400)
            verdicts = [detector.step(60.0 * at, row, np.zeros(0)) for at, row in enumerate(noise)]
            alarmed[name, lasts] = any(verdict.alarm for verdict in verdicts[700:760])
    assert alarmed == {("normal", 1): True, ("normal", 60): True, ("student", 1): False, ("student", 60): True}


def test_what_was_not_learned_weighs_on_the_evidence_until_it_is_forgotten() -> None:
    """An alarm opened every 21 rows: a hold of twenty, and one row at full strength when learning went on."""
    generator = np.random.default_rng(4)
    regression = StreamRegression(columns=3, channels=1, lags=2)
    for _ in range(120):
        row = np.concatenate([np.ones(1), generator.normal(size=2)])
        noise = generator.normal(size=1)
        regression.learn(row, noise, noise, np.ones(1, np.bool_), 1.0)
    evidence = ShiftEvidence(channels=1, columns=3)
    far = np.array([1.0, 20.0, -20.0])
    held = [evidence.step(np.full(1, 2.0), far, regression, is_held=True) for _ in range(20)]
    after = evidence.step(np.full(1, 2.0), far / 20.0, regression, is_held=False)
    assert after.score[-1] > 2.0 * held[-1].score[-1]
    assert after.alarm[-1] < 1.2 * held[-1].alarm[-1]
    for _ in range(150):
        last = evidence.step(np.full(1, 2.0), far / 20.0, regression, is_held=False)
    assert last.alarm == last.score
