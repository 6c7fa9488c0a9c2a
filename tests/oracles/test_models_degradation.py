"""The weighing of lives against the same in plain loops and scipy's densities."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from models.degradation import LAGS, weigh_lives
from models.layout import PAST_DAYS

ELAPSED = np.geomspace(2.0, 700.0, 17)
LIVES = np.geomspace(12.0, 1100.0, 20)
GROWTHS = (0.6, 1.0, 1.6, 2.5)
FACTORS = {0.55: 0.1, 0.75: 0.315, 0.95: 0.36, 1.2: 0.225}
STEPS = {0.0: 0.8, 0.3: 0.2}


# Of an instrument's drift on the days that are looked back on: at once 20, 50 or more days ago, or with every day more.
DRIFTS = [
    np.where(np.array(LAGS) < 20, 1.0, 0.0),
    np.where(np.array(LAGS) < 50, 1.0, 0.0),
    np.ones(len(LAGS)),
    np.clip(1.0 - np.array(LAGS) / 70.0, 0.0, None),
    np.clip(1.0 - np.array(LAGS) / 200.0, 0.0, None),
]


def slow_chances(
    past: np.ndarray, deviation: float, instrument: float, onsets: float, days: list[float]
) -> tuple[float, list[float]]:
    lag = np.array(LAGS, float)
    correlation = 0.85 * np.exp(-np.abs(lag[:, None] - lag) / 25.0) + 0.15 * np.eye(len(lag))
    errors = stats.multivariate_normal(np.zeros(len(lag)), deviation**2 * correlation)
    wider = stats.multivariate_normal(np.zeros(len(lag)), (3 * deviation) ** 2 * correlation)
    seen = np.minimum(past[list(LAGS)], 1.2)

    def tails(drift: np.ndarray) -> float:
        # As wide as the errors of damage and of the drift, with six degrees of freedom.
        shape = deviation**2 * correlation + (instrument / 2.0) ** 2 * np.outer(drift, drift)
        return float(stats.multivariate_t(np.zeros(len(lag)), shape, df=6).pdf(seen))

    sound = 0.7 * tails(np.zeros(len(lag))) + 0.3 * np.mean([tails(drift) for drift in DRIFTS])
    width = np.gradient(ELAPSED)
    found = []
    for (place, elapsed), life, growth, (factor, weight), (step, often) in itertools.product(
        enumerate(ELAPSED), LIVES, GROWTHS, FACTORS.items(), STEPS.items()
    ):
        if elapsed >= 1.02 * life:
            continue
        begun = [(elapsed - back) / life for back in LAGS]
        course = [factor * (step + (1 - step) * part**growth) if part > 0 else 0.0 for part in begun]
        likely = life * np.exp(-life / 250.0) / np.sum(LIVES * np.exp(-LIVES / 250.0))
        prior = onsets * width[place] * weight * often * likely / len(GROWTHS)
        fit = 0.9 * errors.pdf(seen - course) + 0.1 * wider.pdf(seen - course)
        found.append((max(life - elapsed, 0.5), prior * fit))
    total = sound + sum(chance for _, chance in found)
    return 1 - sound / total, [sum(chance for left, chance in found if left <= day) / total for day in days]


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.0, 0.002, 0.01, -0.02])
@pytest.mark.parametrize("instrument", [0.0, 0.3])
def test_the_posterior_is_that_of_plain_loops(slope: float, instrument: float) -> None:
    rng = np.random.default_rng(5)
    past = np.clip(0.5 - slope * np.arange(PAST_DAYS), 0.0, None) + rng.normal(scale=0.03, size=PAST_DAYS)
    days = [30.0, 90.0, 365.0]
    moved = np.array([instrument])
    answer = weigh_lives(past[np.newaxis, LAGS], np.array([0.08]), moved, np.array([2e-4]), np.array(days))
    damaged, failed = slow_chances(past, 0.08, instrument, 2e-4, days)
    assert answer.damaged[0] == pytest.approx(damaged, rel=1e-9)
    assert answer.failed[0].tolist() == pytest.approx(failed, rel=1e-9)


def test_a_history_answers_alike_alone_and_among_others() -> None:
    past = np.random.default_rng(6).normal(0.2, 0.1, size=(7, len(LAGS)))
    deviation, instrument, onsets = np.full(7, 0.07), np.linspace(0.0, 0.5, 7), np.full(7, 1e-4)
    together = weigh_lives(past, deviation, instrument, onsets, np.array([30.0, 90.0]))
    alone = weigh_lives(past[[3]], deviation[[3]], instrument[[3]], onsets[[3]], np.array([30.0, 90.0]))
    assert np.array_equal(together.failed[3], alone.failed[0])
    assert together.damaged[3] == alone.damaged[0]


def test_what_an_instrument_can_do_is_less_often_damage_and_what_goes_beyond_it_still_is() -> None:
    lag = np.array(LAGS, float)
    steady, rising = np.full(len(lag), 0.3), np.clip(0.8 - 0.008 * lag, 0.0, None)
    seen, onsets = np.array([steady, rising]), np.full(2, 2e-4)
    alone = weigh_lives(seen, np.full(2, 0.06), np.full(2, 0.3), onsets, np.array([90.0]))
    agreed = weigh_lives(seen, np.full(2, 0.06), np.zeros(2), onsets, np.array([90.0]))
    assert alone.damaged[0] < 0.5 * agreed.damaged[0]
    assert alone.damaged[1] > 0.95
    # Where it is damage, its remaining life is known as well as with two witnesses.
    given = [answer.failed[1, 0] / answer.damaged[1] for answer in (alone, agreed)]
    assert given[0] == pytest.approx(given[1], rel=1e-9)


# In the order of `LAGS`: nothing of the grid rests for two months and goes on, grows beyond failure in leaps, stands
# there for a season, or heals.
IRREGULAR = {
    "rested": [0.55, 0.22, 0.22, 0.22, 0.20, 0.10],
    "grew past failure": [1.60, 1.50, 1.40, 1.20, 0.80, 0.40],
    "stands past failure": [1.60, 1.60, 1.60, 1.60, 1.60, 1.60],
    "far past failure": [2.50, 2.40, 2.30, 2.00, 1.50, 1.00],
    "was higher before": [0.40, 0.50, 0.60, 0.80, 0.80, 0.80],
}


@pytest.mark.parametrize("deviation", [0.03, 0.05])
@pytest.mark.parametrize("history", IRREGULAR.values(), ids=list(IRREGULAR))
def test_damage_that_keeps_to_no_course_is_damage_all_the_same(history: list[float], deviation: float) -> None:
    nothing, onsets = np.array([0.0]), np.array([1e-4])
    answer = weigh_lives(np.array([history]), np.array([deviation]), nothing, onsets, np.array([90.0]))
    assert answer.damaged[0] > 0.75
    assert answer.failed[0, 0] > (0.75 if history[0] > 1.2 else 0.0)


@pytest.mark.parametrize("deviation", [0.03, 0.06, 0.1])
def test_what_grew_past_failure_is_near_it_however_far(deviation: float) -> None:
    rising = np.array([1.0, 0.95, 0.9, 0.8, 0.6, 0.2])
    seen = np.linspace(1.0, 3.0, 21)[:, np.newaxis] * rising
    nothing, onsets = np.zeros(len(seen)), np.full(len(seen), 1e-4)
    answer = weigh_lives(seen, np.full(len(seen), deviation), nothing, onsets, np.array([90.0]))
    assert np.all(answer.damaged > 0.95)
    assert np.all(answer.failed > 0.85)
