"""The healthy reference of a stream without an environment, and how far its rows are from it.

Each row is compared with what was expected of it from the last rows of all channels, and the residuals are weighed
over several lengths of time (`models.stream_shift`). Only then is the row learned, and only if it is calm: while
anything is strange, and for some rows after, nothing is learned. A detector that learns through a fault learns the
fault away, and a shift that lasts is hidden within the memory of the learner. Calm rows are learned with a slow
memory, so that wear-in and seasons are followed.

The first rows of a stream, those of commissioning or, without it, as many as the coefficients need, are learned
whatever they are. That is the one assumption made about them: that they are healthy. A single value unlike all others
is missing (`models.stream_belief`): it says something of the instrument, and as a measurement it would hide all that
comes after it. So the very first rows are kept until they tell what is usual.

A channel that stood exactly still in all of them has no noise that a change could be measured by. The smallest step it
is ever seen to make is one of its resolution at most, and the noise of rounding to steps of q is q / sqrt(12) (Widrow,
IRE Trans. Circuit Theory 3 (1956) 266-276): one row elsewhere is unusual, some in succession are an alarm. Such a
channel says nothing of the others.

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
from models.stream_belief import Belief, like_most
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
# Rows kept before the first is learned; there is no evidence before three times as many, whatever the stream.
_FIRST_ROWS: Final = 12
# Steps that are rounding of the sums, and the square of a step over the variance of rounding to it.
_ROUNDING: Final = 1e-9
_ROUNDING_VARIANCE: Final = 12.0


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
        "_belief",
        "_channels",
        "_early",
        "_evidence",
        "_held",
        "_highest",
        "_is_absurd",
        "_is_judged",
        "_is_still",
        "_lags",
        "_last",
        "_lowest",
        "_met_rows",
        "_moves",
        "_offset",
        "_past",
        "_regression",
        "_rows",
        "_smallest_step",
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
        self._early: list[FloatArray] = []
        self._belief: Belief | None = None
        self._is_absurd: BoolArray = np.zeros(channels, np.bool_)
        # Once of every channel it is known what is usual, no value is left out any more.
        self._is_judged = False
        self._offset = np.full(channels, np.nan)
        # Rows of each channel that were learned, short gaps and absurd values included; below 0 those of a late one
        # whose mean is still being taken.
        self._met_rows = np.zeros(channels)
        self._lowest = np.zeros(channels)
        self._highest = np.zeros(channels)
        # Channels that moved while it was learned what is usual; those that stood still in all of these rows, with
        # their last deviation and smallest step.
        self._moves: BoolArray = np.zeros(channels, np.bool_)
        self._is_still: BoolArray = np.zeros(channels, np.bool_)
        self._last = np.zeros(channels)
        self._smallest_step = np.full(channels, np.inf)
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
        if self._belief is None:
            return self._gather(values)
        return self._judge(values if self._is_judged else self._believed(values, self._belief))

    def _believed(self, values: FloatArray, belief: Belief) -> FloatArray:
        """Leave out what is not to be believed of channels of which it is still learned what is usual.

        Nothing is left out of a channel that is evidence: what is far from usual then is what is looked for.
        """
        is_known = (self._regression.ready | self._is_still) & (self._met_rows >= self.healthy_rows - self._lags)
        if self._rows >= self.healthy_rows and is_known.all():
            self._is_judged = True
            self._is_absurd[:] = False
            return values
        self._is_absurd = ~belief.step(values) & ((self._rows < self.healthy_rows) | ~is_known)
        return np.where(self._is_absurd, np.nan, values)

    def _gather(self, values: FloatArray) -> ReferenceVerdict:
        """Keep the first rows until they tell what is usual, then learn those that are."""
        self._early.append(values)
        if len(self._early) == _FIRST_ROWS:
            rows = np.array(self._early)
            self._belief, self._early = Belief(rows), []
            is_sane = like_most(rows)
            sane = np.where(is_sane, rows, np.nan)
            for channel in np.flatnonzero(~np.isnan(sane).all(axis=0)):
                self._offset[channel] = np.nanmedian(sane[:, channel])
            for row, believed in zip(sane, is_sane, strict=True):
                self._is_absurd = ~believed
                self._judge(row)
        return ReferenceVerdict(np.full(self._channels, np.nan), 0.0, 0.0, has_evidence=False)

    def _judge(self, values: FloatArray) -> ReferenceVerdict:
        """Judge a row, then learn it if it is calm."""
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
        # Whoever came late is learned for as many rows as the others were, before it counts.
        is_learned = self._met_rows >= min(self._rows, self.healthy_rows) - self._lags
        self._watch_still(deviation, present, is_learned)
        self._lowest = np.where(present, np.fmin(self._lowest, deviation), self._lowest)
        self._highest = np.where(present, np.fmax(self._highest, deviation), self._highest)
        measured = np.where(present, deviation, imagined)
        comparable = present & (self._unbroken >= self._lags)
        residual = measured - expected
        counts = comparable & self._regression.ready & is_learned
        strengths = self._weigh(residual, counts, row)
        self._learn(row, measured, residual, comparable)
        mean = self._regression.mean
        remembered = np.where(present, measured, mean + _FORECAST_KEEP * (imagined - mean))
        self._remember(np.where(self._is_still, 0.0, remembered), present)
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

        All that is learned of a channel is relative to its first values, as a mean that all rows share cannot be
        mended when a channel was not there in most of them. Of a late channel the mean of its first rows is used.
        What is not to be believed while it is learned what is usual is not there.
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
            for channel in np.flatnonzero(waiting)[done + 1.0 == _FIRST_ROWS]:
                # The first of them, which is believed whatever it is, weighs no longer.
                if self._belief is not None:
                    self._offset[channel] = self._belief.middle(int(channel))
            self._met_rows[waiting] += 1
        return there & ~waiting

    def _watch_still(self, deviation: FloatArray, present: BoolArray, is_learned: BoolArray) -> None:
        """Give channels that stood still a noise, by the smallest step that they are ever seen to make."""
        if self._moves.all():
            return
        self._moves |= ~self._is_still & ((self._lowest != 0.0) | (self._highest != 0.0))
        if self._rows >= self.healthy_rows:
            is_known = is_learned & (self._met_rows >= _FEWEST_HEALTHY_ROWS - self._lags)
            self._is_still |= is_known & ~self._moves
        watched = present & self._is_still
        if not watched.any():
            return
        smallest = self._smallest_step.copy()
        for step in (np.abs(deviation), np.abs(deviation - self._last)):
            is_step = watched & (step > _ROUNDING * (np.abs(self._offset) + np.abs(deviation)))
            smallest = np.where(is_step, np.minimum(smallest, step), smallest)
        self._last = np.where(watched, deviation, self._last)
        if (smallest < self._smallest_step).any():
            self._smallest_step = smallest
            self._regression.widen(np.where(np.isfinite(smallest), smallest**2 / _ROUNDING_VARIANCE, 0.0))

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
        if (present.any() or self._is_absurd.any()) and not self._held:
            self._met_rows += (self._met_rows >= 0) & ((self._age <= _LONGEST_GAP_ROWS) | self._is_absurd)
        self._rows += 1

    def _remember(self, measured: FloatArray, present: BoolArray) -> None:
        """Keep the row as the past of the next one."""
        self._age = np.where(present, 0, self._age + 1)
        away = self._age > _LONGEST_GAP_ROWS
        self._unbroken = np.where(away, 0, self._unbroken + present)
        self._past.appendleft(measured)
