"""The healthy reference of a stream without an environment, and how far its rows are from it.

Each row is compared with what was expected of it from the last rows of all channels, and the residuals are weighed
over several lengths of time (`models.stream_shift`). Only then is the row learned, and only if it is calm: while
anything is strange, and for some rows after, nothing is learned. A detector that learns through a fault learns the
fault away, and a shift that lasts is hidden within the memory of the learner. Calm rows are learned with a slow
memory, so that wear-in and seasons are followed.

The first rows of a stream, those of commissioning or, without it, as many as the coefficients need, are learned
whatever they are. That is the one assumption made about them: that they are healthy.

Missing values are no evidence. A missing channel is taken to be where the others say it is; one that was away for more
than some rows counts again when its own past is whole, and one that comes late has a commissioning of its own. A row
far outside of what was learned from has a wide expectation, so that its residual weighs little.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray
from models.stream_regression import StreamRegression
from models.stream_shift import SHARES, ShiftEvidence, ShiftStrengths

__all__ = ["HealthyReference", "ReferenceVerdict"]

# Past rows of all channels: two for level and trend, and more where rows known to be healthy can teach what they say,
# ten for each coefficient (a rule of thumb of regression), up to the four that show how channels follow each other.
_LAGS: Final = 2
_MOST_LAGS: Final = 4
_ROWS_PER_LEARNT: Final = 10
# Without commissioning, rows for each coefficient before anything is said.
_ROWS_PER_COEFFICIENT: Final = 20
_FEWEST_HEALTHY_ROWS: Final = 100
# Nats of evidence from which a row is not calm (one healthy row in 1,100 for each length of time), and the
# calm rows it takes before learning goes on: the memory of the second slowest mean, twice.
_STRANGE: Final = 7.0
_HOLD_ROWS: Final = 20
# Calm rows fade by half in seven hundred.
_KEEP: Final = 1.0 - 1.0 / 1000.0
# Where a channel is away, its forecast stands in and goes back to its mean with this share a row; after so many rows
# away, it counts again when its own past is whole.
_FORECAST_KEEP: Final = 0.98
_LONGEST_GAP_ROWS: Final = 10
_FIRST_SHIFT: Final = 1


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceVerdict:
    """How one row compares with the reference.

    Attributes
    ----------
    expected : float64[C]
        In the channels' units; NaN where nothing can be expected yet.
    strength : float
        Of the strongest evidence, in nats, at least 0.
    shift_strength : float
        For an alarm: what lasts for more than one row, with more care for tails and for what was not learned.
    has_evidence : bool
        Whether anything could be compared.
    """

    expected: FloatArray
    strength: float
    shift_strength: float
    has_evidence: bool


class HealthyReference:
    """Reference of one stream of several channels, or with rows known to be healthy.

    Parameters
    ----------
    channels : int
        Number of channels C, positive.
    commission : int
        Rows known to be healthy; 0 where nobody said.
    """

    __slots__ = (
        "_age",
        "_channels",
        "_evidence",
        "_held",
        "_highest",
        "_lags",
        "_lowest",
        "_met_rows",
        "_offset",
        "_past",
        "_regression",
        "_rows",
        "_unbroken",
        "_warm_rows",
        "healthy_rows",
    )

    def __init__(self, *, channels: int, commission: int) -> None:
        self._channels = channels
        self._lags = min(max((commission // _ROWS_PER_LEARNT - 1) // channels, _LAGS), _MOST_LAGS)
        coefficients = 1 + self._lags * channels
        self._regression = StreamRegression(columns=coefficients, channels=channels, lags=self._lags)
        self.healthy_rows = commission or max(_FEWEST_HEALTHY_ROWS, _ROWS_PER_COEFFICIENT * coefficients)
        self._warm_rows = max(self.healthy_rows // 3, min(2 * coefficients, self.healthy_rows // 2))
        self._evidence = ShiftEvidence(channels=channels, columns=coefficients)
        self._offset = np.full(channels, np.nan)
        # Rows of each channel that were learned, short gaps included; below 0 those of a late one whose mean is still
        # being taken.
        self._met_rows = np.zeros(channels)
        self._lowest = np.zeros(channels)
        self._highest = np.zeros(channels)
        self._age = np.full(channels, _LONGEST_GAP_ROWS + 1)
        self._unbroken = np.zeros(channels)
        self._past: deque[FloatArray] = deque(maxlen=self._lags)
        self._rows = 0
        self._held = 0

    def step(self, time_s: float, values: FloatArray, environment: FloatArray) -> ReferenceVerdict:
        """Judge a row by what was learned before it, then learn it if it is calm.

        Parameters
        ----------
        time_s : float
            Not used: rows follow each other.
        values : float64[C]
            In the channels' units, NaN where missing.
        environment : float64[0]
            Not used.

        Returns
        -------
        ReferenceVerdict
        """
        present = self._meet(values)
        if len(self._past) < self._lags:
            self._remember(np.where(present, values - self._offset, 0.0), present)
            return ReferenceVerdict(np.full(self._channels, np.nan), 0.0, 0.0, has_evidence=False)
        row = np.concatenate([np.ones(1), *self._past])
        expected = self._regression.expect(row)
        # What is imagined is learned as past of the others, and must not run away where much is missing: it stays
        # within what was measured.
        imagined = np.clip(expected, self._lowest, self._highest)
        deviation = values - self._offset
        self._lowest = np.where(present, np.fmin(self._lowest, deviation), self._lowest)
        self._highest = np.where(present, np.fmax(self._highest, deviation), self._highest)
        measured = np.where(present, deviation, imagined)
        comparable = present & (self._unbroken >= self._lags)
        residual = measured - expected
        # Whoever came late is learned for as many rows as the others were, before it counts.
        is_learned = self._met_rows >= min(self._rows, self.healthy_rows) - self._lags
        counts = comparable & self._regression.ready & is_learned
        strengths = self._weigh(residual, counts, row)
        self._learn(row, measured, residual, comparable)
        mean = self._regression.mean
        self._remember(np.where(present, measured, mean + _FORECAST_KEEP * (imagined - mean)), present)
        seen = expected + self._offset if self._regression.is_solved else np.full(self._channels, np.nan)
        if strengths is None:
            return ReferenceVerdict(seen, 0.0, 0.0, has_evidence=False)
        many = math.log(len(SHARES))
        return ReferenceVerdict(
            seen,
            max(max(strengths.score) - many, 0.0),
            max(max(strengths.alarm[_FIRST_SHIFT:]) - many, 0.0),
            has_evidence=True,
        )

    def _meet(self, values: FloatArray) -> BoolArray:
        """Say which channels are there and known, and take the mean of those that came late.

        All that is learned of a channel is relative to its first value, as a mean that all rows share cannot be
        mended when a channel was not there in most of them. Of a late channel the mean of its first rows is used.
        """
        there = ~np.isnan(values)
        met = ~np.isnan(self._offset)
        new = there & ~met
        if new.any():
            self._offset[new] = values[new]
            if self._rows > _LONGEST_GAP_ROWS:
                self._met_rows[new] = -min(self.healthy_rows, _FEWEST_HEALTHY_ROWS)
        waiting = there & (self._met_rows < 0)
        if waiting.any():
            left = -self._met_rows[waiting]
            done = min(self.healthy_rows, _FEWEST_HEALTHY_ROWS) - left
            self._offset[waiting] += (values[waiting] - self._offset[waiting]) / (done + 1.0)
            self._met_rows[waiting] += 1
        return there & ~waiting

    def _weigh(self, residual: FloatArray, counts: BoolArray, row: FloatArray) -> ShiftStrengths | None:
        """Weigh the residuals; None where there is no evidence."""
        strengths = None
        if counts.any():
            ready = self._regression.ready
            if (counts != ready).any():
                residual = self._fill(residual, counts, ready)
            strengths = self._evidence.step(residual, row, self._regression, is_held=self._held > 0)
            commissioning = self._rows < self.healthy_rows
            if max(strengths.score) > _STRANGE and not commissioning:
                self._held = _HOLD_ROWS
            else:
                self._held = max(self._held - 1, 0)
            if self._rows > self._warm_rows and not self._held:
                self._evidence.learn(is_known_healthy=commissioning)
        return strengths

    def _fill(self, residual: FloatArray, counts: BoolArray, ready: BoolArray) -> FloatArray:
        """Put channels that are away where the others say they are, so that they add no evidence."""
        here, away = np.flatnonzero(counts), np.flatnonzero(ready & ~counts)
        noise = self._regression.sound_noise
        filled = np.where(counts, residual, 0.0)
        filled[away] = noise[np.ix_(away, here)] @ np.linalg.solve(noise[np.ix_(here, here)], residual[here])
        return filled

    def _learn(self, row: FloatArray, values: FloatArray, residual: FloatArray, present: BoolArray) -> None:
        if present.any() and not self._held:
            keep = 1.0 if self._rows < self.healthy_rows else _KEEP
            self._regression.learn(row, values, np.where(present, residual, 0.0), present, keep)
            self._met_rows += (self._met_rows >= 0) & (self._age <= _LONGEST_GAP_ROWS)
        self._rows += 1

    def _remember(self, measured: FloatArray, present: BoolArray) -> None:
        """Keep the row as the past of the next one."""
        self._age = np.where(present, 0, self._age + 1)
        away = self._age > _LONGEST_GAP_ROWS
        self._unbroken = np.where(away, 0, self._unbroken + present)
        self._past.appendleft(measured)
