"""The batched baseline against slow, obvious versions: one channel at a time, one formula a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import stats
from scipy import stats as scipy_stats

from models.deviation import measure_deviation, unmeasured_variance
from models.environment import Explained
from models.features import waveform_features
from models.layout import REGRESSORS
from models.memory import with_columns
from models.triangles import unfold
from tests.frequencies import fold_in, frequencies

PRIOR = np.array([2.0, 0.5, 0.5, 1.0, 0.3, 0.3, 0.7, 0.7, 2.0, 0.5, 0.3, 0.3])
SCALE = float(-np.log(0.9))
COUNT = 96


class SlowChannel:
    """One natural frequency in logarithms, as a textbook Kalman filter with matrices written out."""

    def __init__(self) -> None:
        self.coefficients = np.zeros(len(REGRESSORS))
        self.covariance = np.diag((SCALE * PRIOR) ** 2)
        self.noise = (0.1 * SCALE) ** 2
        self.blocks: list[list[float]] = [[] for _ in range(8)]
        # Of the regressors, in single precision.
        self.sums = np.zeros((8, len(REGRESSORS) - 1), np.float32)
        self.values = 0
        self.begun_again = 0
        self.previous = np.nan
        self.behind = 0.0

    def residuals(self) -> list[float]:
        effects = self.sums.astype(np.float64) @ self.coefficients[1:]
        return [(sum(block) - float(effect)) / len(block) for block, effect in zip(self.blocks, effects, strict=True)]

    def wander_rate(self) -> float:
        least = (0.01 * SCALE) ** 2 / 24
        if self.values < COUNT:
            return least
        means = self.residuals()
        # Blocks of twelve hours: those that lie at the same time of day differ by no course of a day.
        squares = sum((after - before) ** 2 for before, after in zip(means[:-2], means[2:], strict=True))
        rate = max(squares / 6 - 2 * self.noise / 12, 0.0) / (12 * 5 / 3)
        return max((2 * least + 6 * rate) / 8, least)

    def learn(self, y: float, h: Any, *, frozen: bool, elapsed_h: float = 1.0) -> None:
        is_first = self.values == 0
        if is_first:
            self.coefficients[0] = y
        drift = np.zeros(len(REGRESSORS))
        drift[0] = self.wander_rate()
        if not frozen:
            drift[1:] = (0.005 * SCALE * PRIOR[1:]) ** 2 / 24
        covariance = self.covariance + np.diag(drift)
        # Near frost its depth is known to 0.4 of a unit; the air now and lagged are below 0 and 3 degrees there.
        frost, is_near = 3, h[1] < -1.0 or h[2] < -0.7
        hidden = 0.4**2 * float(self.coefficients[frost] ** 2 + self.covariance[frost, frost]) if is_near else 0.0
        total = float(h @ covariance @ h) + self.noise + hidden
        forecast, limit = float(h @ self.coefficients), 3 * total**0.5
        if self.values == 3:
            mean = float(np.mean(self.blocks[0]))
            if abs(y - mean) > 0.3 * SCALE and abs(y - self.previous) < 0.25 * abs(y - mean):
                self.begin_again(covariance, y - forecast)
                is_first = True
                forecast = y
                total = float(h @ covariance @ h) + self.noise + hidden
            else:
                third = abs(y - mean) > 0.3 * SCALE and abs(y - forecast) < 0.25 * abs(y - mean)
                kept = forecast if third else min(max(mean, forecast - limit), forecast + limit)
                self.blocks[0] = [value + kept - mean for value in self.blocks[0]]
        innovation = min(max(y - forecast, -limit), limit)
        # Errors are alike for 4.5 hours; of a level that is off half of that counts, and it wanders at least, as far as
        # effects are known.
        alike = 1.0 / np.tanh(elapsed_h / 9.0)
        alike = alike**0.5 if frozen else alike
        noise = alike * (self.noise + hidden)
        gain = covariance @ h / (total - self.noise - hidden + noise)
        if frozen:
            unknown = float(h[1:] @ covariance[1:, 1:] @ h[1:])
            least = (drift[0] * elapsed_h / (alike * self.noise + hidden + unknown)) ** 0.5
            gain[0] = max(gain[0], min(least, 1.0))
        if frozen or self.values < 3:
            gain[1:] = 0.0
        self.coefficients = self.coefficients + gain * innovation
        beside = innovation * (1.0 - float(h @ gain))
        share = min(alike**0.5 * max(gain[0], 0.0), 1.0 - np.exp(-elapsed_h / 24.0))
        self.behind = 0.0 if is_first else self.behind + share * (beside - self.behind)
        left = np.eye(len(REGRESSORS)) - np.outer(gain, h)
        self.covariance = left @ covariance @ left.T + noise * np.outer(gain, gain)
        if not frozen:
            pace = 2 / (self.values + 10) if self.values < COUNT else 1 / 300
            moved = self.noise + pace * (self.noise / total) ** 2 * (innovation**2 - total)
            self.noise = max(moved, (0.01 * SCALE) ** 2)
        if self.values < COUNT:
            self.blocks[self.values // 12].append(y if self.values < 3 else forecast + innovation)
            self.sums[self.values // 12] += h[1:]
            self.values += 1
        self.previous = y

    def begin_again(self, covariance: Any, miss: float) -> None:
        """Take this value for the first one, and keep what is known of the effects."""
        self.coefficients[0] += miss
        covariance[0, :] = covariance[:, 0] = 0.0
        covariance[0, 0] = (SCALE * PRIOR[0]) ** 2
        self.noise = (0.1 * SCALE) ** 2
        self.blocks = [[] for _ in range(8)]
        self.sums[:] = 0.0
        self.values = 0
        self.begun_again += 1

    def deviation(self) -> tuple[float, float]:
        climate = np.concatenate([[1.0], np.sum(self.sums, axis=0, dtype=np.float64) / self.values])
        means = np.array(self.residuals())
        by_day, by_night = np.var(means[::2], ddof=1), np.var(means[1::2], ddof=1)
        between = max(float(by_day + by_night) / 2 - self.noise / 12, 0.0)
        wander = (2 * (0.03 * SCALE) ** 2 + 6 * between) / 8 + (0.05**2 + 0.25**2) * SCALE**2
        share = min(((0.01 * SCALE) ** 2 / 24 / self.noise) ** 0.5, 1 / 24)
        lately = 0.5 * share / np.tanh(1.0 / 9.0) * self.noise
        variance = float(climate @ self.covariance @ climate) + wander * (1 + 1 / 8) + lately
        return self.coefficients[0] + self.behind - float(np.mean(means)), variance**0.5


def all_met(design: Any) -> Explained:
    """Explained by regressors of which none is stale, on assets that have met them all."""
    never = np.zeros(design.shape, np.bool_)
    return Explained(design, never, ~never)


def test_the_batched_filter_equals_a_textbook_filter_per_channel() -> None:
    """Three channels, 300 hours, wild values, a frozen stretch and a missing one; no climate sensor, so wide."""
    catalogue, state = frequencies(3)
    slow = [SlowChannel() for _ in range(3)]
    rng = np.random.default_rng(8)
    truth = rng.normal(scale=0.02, size=(3, len(REGRESSORS) - 1))
    for hour in range(300):
        design = np.concatenate([[1.0], rng.normal(size=len(REGRESSORS) - 1)])
        y = np.log([3.0, 4.0, 5.0]) + truth @ design[1:] + rng.normal(scale=0.005, size=3)
        if hour % 37 == 5:
            y = y + 0.3
        # The first value of one channel and the second of another are wild.
        if hour < 2:
            y[hour + 1] += 5.0
        rows = np.array([0, 2]) if 150 <= hour < 160 else np.array([0, 1, 2])
        frozen = np.array([0, 0, 200 <= hour < 220], np.bool_)[rows]
        explained = all_met(np.tile(design, (len(rows), 1)))
        state = fold_in(catalogue, state, y[rows], rows, explained=explained, frozen=frozen, hour=hour)
        # The slow filter counts hours by its own steps: let it live through the missing ones as the batch does.
        for place, row in enumerate(rows.tolist()):
            if hour == 160 and row == 1:
                slow[1].covariance[0, 0] += 10 * slow[1].wander_rate()
                ageing = 10 * (0.005 * SCALE * PRIOR[1:]) ** 2 / 24
                slow[1].covariance[range(1, len(REGRESSORS)), range(1, len(REGRESSORS))] += ageing
            elapsed_h = 11.0 if hour == 160 and row == 1 else 1.0
            slow[row].learn(float(y[row]), design, frozen=bool(frozen[place]), elapsed_h=elapsed_h)
    assert [channel.begun_again for channel in slow] == [0, 1, 1]
    for row, channel in enumerate(slow):
        assert state.coefficients[row] == pytest.approx(channel.coefficients, rel=1e-6, abs=1e-9)
        covariance = unfold(state.covariance[[row]], len(REGRESSORS))[0]
        assert covariance == pytest.approx(channel.covariance, rel=1e-5, abs=1e-12)
        assert state.noise[row] == pytest.approx(channel.noise, rel=1e-6)
    state = measure_deviation(catalogue, state, np.arange(3), all_met(np.tile(design, (3, 1))))
    for row, channel in enumerate(slow):
        deviation, spread = channel.deviation()
        assert state.deviation[row] == pytest.approx(deviation, rel=1e-6, abs=1e-9)
        assert state.deviation_sd[row] == pytest.approx(spread, rel=1e-6)


def test_what_no_thermometer_adds_is_what_borrowed_warmth_may_take_off() -> None:
    """The same channels with a thermometer of their own differ by that much, and by nothing else."""
    catalogue, state = frequencies(3)
    rng = np.random.default_rng(12)
    design = np.concatenate([[1.0], np.zeros(len(REGRESSORS) - 1)])
    rows, explained = np.arange(3), all_met(np.tile(design, (3, 1)))
    for hour in range(120):
        y = np.log([3.0, 4.0, 5.0]) + rng.normal(scale=0.005, size=3)
        state = fold_in(catalogue, state, y, rows, explained=explained, frozen=np.zeros(3, np.bool_), hour=hour)
    without = measure_deviation(catalogue, state, rows, explained)
    spoke_ns = np.full_like(state.driver_ns, 1)
    measured = measure_deviation(catalogue, with_columns(state, driver_ns=spoke_ns), rows, explained)
    assert np.array_equal(without.deviation, measured.deviation)
    added = without.deviation_sd**2 - measured.deviation_sd**2
    assert np.all(added > 0.0)
    assert added == pytest.approx(unmeasured_variance(without), rel=1e-9)


@pytest.mark.slow
def test_effects_are_those_of_least_squares_when_much_was_seen() -> None:
    """With a flat level the filter must end near ordinary least squares on the same hours."""
    catalogue, state = frequencies(1)
    rng = np.random.default_rng(9)
    design = np.column_stack([np.ones(1500), rng.normal(size=(1500, len(REGRESSORS) - 1))])
    truth = np.concatenate([[1.1], rng.normal(scale=0.02, size=len(REGRESSORS) - 1)])
    y = design @ truth + rng.normal(scale=0.004, size=1500)
    for hour in range(1500):
        explained, frozen = all_met(design[[hour]]), np.zeros(1, np.bool_)
        state = fold_in(catalogue, state, y[[hour]], np.array([0]), explained=explained, frozen=frozen, hour=hour)
    fitted = np.linalg.lstsq(design, y, rcond=None)[0]
    assert state.coefficients[0, 1:] == pytest.approx(fitted[1:], abs=4e-4)
    assert np.sqrt(state.noise[0]) == pytest.approx(0.004, rel=0.15)


def test_features_agree_with_scipy_and_river() -> None:
    waves = np.random.default_rng(10).gamma(2.0, size=(5, 700))
    features = waveform_features(waves, 100.0)
    for wave, row in zip(waves, features, strict=True):
        streaming = stats.Kurtosis(bias=True)
        for sample in wave:
            streaming.update(float(sample))
        assert row[0] == pytest.approx(np.std(wave), rel=1e-12)
        assert row[1] == pytest.approx(np.max(np.abs(wave - np.mean(wave))), rel=1e-12)
        assert row[3] == pytest.approx(scipy_stats.kurtosis(wave, fisher=False), rel=1e-9)
        assert row[3] == pytest.approx(streaming.get() + 3.0, rel=1e-6)
