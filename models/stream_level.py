"""The level of one channel, apart from what its environment does to it.

The channel is level + constant + slopes of the environment now and remembered + one bend + noise. The level is nought
while commissioning and wanders slowly afterwards; that is where damage shows. As the level may wander, what lasts is
not learned as weather; and as the slopes stay uncertain, weather not met before is not taken for damage.

Nobody knows which memory the structure has, where the bend lies and how fast the level wanders. So there is a Kalman
filter for each combination (R. Kalman, J. Basic Eng. 82 (1960) 35-45), and each weighs as much as it has foretold
(Bayesian model averaging: Hoeting, Madigan, Raftery and Volinsky, Stat. Sci. 14 (1999) 382-417). Filters whose bend
lies in weather not met yet foretell alike, keep their weight and disagree when such weather comes, which widens the
level's spread at the right time. Every number that leaves carries the uncertainty of all coefficients.

Noise that hangs together from row to row (first-order autocorrelation c while commissioning) makes levels wander
more than independent noise would: their variance is taken as (1 + c) / (1 - c) times as large, as for a long mean.

A residual beyond three deviations is taken for noise as much larger as it is. Nothing is frozen: what lasts is taken up
by the level, whose wandering is what it is for, and not by the coefficients. A jump is too far for a level that
wanders, and slopes would take it up; who sees one coming lets the level go (intervention: West and Harrison, Bayesian
Forecasting and Dynamic Models, 1997, chapter 11).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from domain.arrays import FloatArray
from models.stream_environment import KNOTS, MEMORIES

__all__ = ["LEVEL_SHARES", "LevelBank", "LevelVerdict"]

# How fast the level wanders: the weight that the steady filter gives to a row; memories of ten and thirty rows.
LEVEL_SHARES: Final = (0.1, 0.03)
# Prior slopes, in deviations of the noise for each deviation of the environment.
_LINE_SLOPE: Final = 30.0
_BEND_SLOPE: Final = 15.0
_CONSTANT: Final = 100.0
_CLIP: Final = 3.0
_MOST_SURPRISE: Final = 16.0
# The noise is followed over some hundreds of rows; a clipped square of a normal variable is 3 % short.
_NOISE_ROWS: Final = 300.0
_NOISE_PRIOR_ROWS: Final = 5.0
_MOST_NOISE: Final = 9.0
_CLIP_LOSS: Final = 1.03
_UNCLIPPED_ROWS: Final = 20
# Noise is taken for independent unless so many healthy rows say otherwise.
_INDEPENDENT_ROWS: Final = 10.0
_MOST_AUTOCORRELATION: Final = 0.9
# Places of bends kept beyond the weather met, and how many may move in a row: one wrong temperature moves few.
_PLACES_AHEAD: Final = 4.0
_MOVES_A_ROW: Final = 2
_TINY: Final = 1e-300
_ALMOST_SURE: Final = -1e-12


@dataclass(frozen=True, slots=True, eq=False)
class LevelVerdict:
    """What the bank says of one value.

    Attributes
    ----------
    expected : float
        In the channel's unit, the level included.
    innovation : float
        Measured minus expected over its spread, by the filters whose level wanders least, which still see a step in
        its later rows; about standard normal under health.
    level : float64[L]
        Level over its spread, for each of `LEVEL_SHARES`; about standard normal under health.
    autocorrelation : float
        Of healthy innovations from one row to the next, in [0, 1).
    """

    expected: float
    innovation: float
    level: FloatArray
    autocorrelation: float


class LevelBank:
    """Filters of one channel.

    Parameters
    ----------
    first_values : float64[N]
        Finite values of the first rows, for middle and scale; not learned: give them to `step` as well.
    knots : float64[K, E]
        Places of bends.
    """

    __slots__ = (
        "_autocorrelation",
        "_environment",
        "_innovation",
        "_knot",
        "_log_weight",
        "_memory",
        "_middle",
        "_noise",
        "_noise_rows",
        "_pitch",
        "_place",
        "_places",
        "_products",
        "_rows",
        "_scale",
        "_share",
        "_spread",
        "_squares",
        "_state",
        "_wander",
    )

    def __init__(self, first_values: FloatArray, knots: FloatArray) -> None:
        environments = knots.shape[1]
        shape = (len(LEVEL_SHARES), environments, MEMORIES, KNOTS)
        self._share, self._environment, self._memory, self._knot = (axis.ravel() for axis in np.indices(shape))
        self._places = knots.copy()
        self._pitch = knots[1] - knots[0]
        self._place = knots[self._knot, self._environment]
        self._wander = np.array(LEVEL_SHARES)[self._share] ** 2
        self._middle = float(np.median(first_values))
        steps = np.diff(first_values)
        self._scale = float(steps.std() if len(steps) else 0.0) / math.sqrt(2.0) or max(abs(self._middle), 1.0)
        prior = np.array([0.0, _CONSTANT, *[_LINE_SLOPE] * (2 * environments), _BEND_SLOPE])
        self._spread = np.tile(np.diag(prior**2), (self._share.size, 1, 1))
        self._state = np.zeros((self._share.size, len(prior)))
        self._log_weight = np.zeros(self._share.size)
        self._noise = 1.0
        self._noise_rows = 0
        self._innovation = 0.0
        self._products = 0.0
        self._squares = _INDEPENDENT_ROWS
        self._autocorrelation = 0.0
        self._rows = 0

    def wait(self) -> None:
        """Let a row pass without a value: the level may have moved."""
        self._spread[:, 0, 0] += self._wander * self._noise

    def step(self, value: float, environment: FloatArray, *, is_commissioning: bool, jump: float = 0.0) -> LevelVerdict:
        """Judge a value by what was learned before it, then learn it.

        Parameters
        ----------
        value : float
            Finite, in the channel's unit.
        environment : float64[M, E]
            From `EnvironmentMemory.step`.
        is_commissioning : bool
            Whether the row is known to be healthy: the level stays nought.
        jump : float, default 0.0
            Deviations that the level may have jumped by since the last row, besides its wandering.

        Returns
        -------
        LevelVerdict
        """
        if not is_commissioning:
            self.wait()
            self._spread[:, 0, 0] += jump * jump * self._noise
        self._reach(environment[0])
        columns = self._columns(environment)
        cross = (self._spread * columns[:, np.newaxis, :]).sum(axis=2)
        known = (cross * columns).sum(axis=1)
        total = known + self._noise
        miss = (value - self._middle) / self._scale - (self._state * columns).sum(axis=1)
        surprise = miss * miss / total
        weight = np.exp(self._log_weight)
        weight /= weight.sum()
        mean_miss = float((weight * miss).sum())
        believed = total
        if self._rows >= _UNCLIPPED_ROWS:
            believed = known + self._noise * np.maximum(surprise / _CLIP**2, 1.0)
        gain = cross / believed[:, np.newaxis]
        self._state += gain * miss[:, np.newaxis]
        self._spread -= gain[:, :, np.newaxis] * cross[:, np.newaxis, :]
        self._log_weight -= 0.5 * (np.log(total / self._noise) + np.minimum(surprise, _MOST_SURPRISE))
        self._log_weight -= self._log_weight.max()
        self._rows += 1
        slowest = np.where(self._share == len(LEVEL_SHARES) - 1, weight, 0.0)
        innovation = _normal_score(slowest / max(float(slowest.sum()), _TINY), miss / np.sqrt(total))
        if self._rows > max(_UNCLIPPED_ROWS, 2 * columns.shape[1]):
            self._follow_noise(float((weight * surprise).sum()))
            if is_commissioning:
                self._follow_autocorrelation(min(max(innovation, -_CLIP), _CLIP))
        expected = self._middle + value - self._middle - mean_miss * self._scale
        keep = self._autocorrelation
        inflation = (1.0 + keep) / (1.0 - keep)
        return LevelVerdict(expected, innovation, self._levels() / math.sqrt(inflation), keep)

    def shift(self) -> tuple[float, float]:
        """Give how far the level is from nought and its standard error, in the channel's unit, over all filters."""
        weight = np.exp(self._log_weight)
        weight /= weight.sum()
        level = float((weight * self._state[:, 0]).sum())
        variance = float((weight * (self._spread[:, 0, 0] + (self._state[:, 0] - level) ** 2)).sum())
        inflation = (1.0 + self._autocorrelation) / (1.0 - self._autocorrelation)
        return level * self._scale, math.sqrt(max(variance * inflation, 0.0)) * self._scale

    def _reach(self, now: FloatArray) -> None:
        """Keep places for bends beyond the weather met: the ladder moves on before the weather gets there."""
        for quantity, value in enumerate(now.tolist()):
            ahead = _PLACES_AHEAD * self._pitch[quantity]
            for _ in range(_MOVES_A_ROW):
                places = self._places[:, quantity]
                if places.min() > value - ahead:
                    self._move(quantity, int(places.argmin()), -self._pitch[quantity])
                elif places.max() < value + ahead:
                    self._move(quantity, int(places.argmax()), self._pitch[quantity])

    def _move(self, quantity: int, end: int, by: float) -> None:
        """Move the bend believed least to the place next to one end of the ladder.

        Below all weather met a bend has never acted: it is as unknown as before the first row. Above all of it, a
        bend has always acted, as a slope: what it adds at its new place is taken from the constant.
        """
        weight = np.where(self._environment == quantity, np.exp(self._log_weight), 0.0)
        believed = np.bincount(self._knot, weights=weight, minlength=KNOTS)
        believed[[int(self._places[:, quantity].argmin()), int(self._places[:, quantity].argmax())]] = np.inf
        least = int(believed.argmin())
        taken = np.flatnonzero((self._environment == quantity) & (self._knot == least))
        source = np.flatnonzero((self._environment == quantity) & (self._knot == end))
        state, spread = self._state[source], self._spread[source]
        if by < 0.0:
            state[:, -1] = 0.0
            spread[:, -1, :] = spread[:, :, -1] = 0.0
            spread[:, -1, -1] = _BEND_SLOPE**2
        else:
            state[:, 1] -= by * state[:, -1]
            spread[:, 1, :] -= by * spread[:, -1, :]
            spread[:, :, 1] -= by * spread[:, :, -1]
        self._state[taken], self._spread[taken] = state, spread
        self._log_weight[taken] = self._log_weight[source]
        self._places[least, quantity] = self._places[end, quantity] + by
        self._place = self._places[self._knot, self._environment]

    def _columns(self, environment: FloatArray) -> FloatArray:
        """float64[F, D]: each filter's columns: level, constant, slopes now, slopes remembered, bend."""
        environments = environment.shape[1]
        columns = np.ones((self._share.size, 3 + 2 * environments))
        columns[:, 2 : 2 + environments] = environment[0]
        remembered = environment[self._memory]
        columns[:, 2 + environments : -1] = np.where(self._memory[:, np.newaxis] == 0, 0.0, remembered)
        columns[:, -1] = np.maximum(self._place - environment[self._memory, self._environment], 0.0)
        return columns

    def _follow_noise(self, surprise: float) -> None:
        self._noise_rows += 1
        share = max(1.0 / (self._noise_rows + _NOISE_PRIOR_ROWS), 1.0 / _NOISE_ROWS)
        self._noise *= 1.0 + share * (_CLIP_LOSS * min(surprise, _MOST_NOISE) - 1.0)

    def _follow_autocorrelation(self, innovation: float) -> None:
        """Tell from healthy rows how much more a mean of n rows wanders than one of n independent rows."""
        self._products += innovation * self._innovation
        self._squares += innovation * innovation
        self._innovation = innovation
        self._autocorrelation = min(max(self._products / self._squares, 0.0), _MOST_AUTOCORRELATION)

    def _levels(self) -> FloatArray:
        """float64[L]: normal score of the level, over the filters of each share."""
        weight = np.exp(self._log_weight).reshape(len(LEVEL_SHARES), -1)
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), _TINY)
        level = self._state[:, 0].reshape(weight.shape)
        variance = self._spread[:, 0, 0].reshape(weight.shape)
        # Under health the level is nought and its estimate moves by noise alone: of the steady filter's spread
        # share * noise, that is noise's part share / (2 - share); what the coefficients add is left as it is.
        share = np.array(LEVEL_SHARES)[:, np.newaxis]
        variance = np.maximum(variance - share * (1.0 - share) / (2.0 - share) * self._noise, variance / (2.0 - share))
        scores = np.where(variance > _TINY, level / np.sqrt(np.maximum(variance, _TINY)), 0.0)
        return np.array([_normal_score(w, z) for w, z in zip(weight, scores, strict=True)])


def _normal_score(weight: FloatArray, score: FloatArray) -> float:
    """Give the standard normal quantile of a mixture's distribution function.

    The chance that a mixture of normal variables is at most what was seen is the mixture of the chances; as a normal
    quantile it can be averaged and squared like any other (the probability integral transform: Dawid, J. R. Stat.
    Soc. A 147 (1984) 278-292). A moment-matched normal would call impossible what one filter in ten expected.
    """
    log_weight = np.log(np.maximum(weight, _TINY))
    below, above = log_weight + log_ndtr(score), log_weight + log_ndtr(-score)
    below_top, above_top = float(below.max()), float(above.max())
    log_below = min(below_top + math.log(float(np.exp(below - below_top).sum())), _ALMOST_SURE)
    log_above = min(above_top + math.log(float(np.exp(above - above_top).sum())), _ALMOST_SURE)
    return float(ndtri_exp(log_below)) if log_below < log_above else -float(ndtri_exp(log_above))
