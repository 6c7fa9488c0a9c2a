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

What a filter knows is a column (`models.columns`), its covariance a lower triangle, symmetric to the bit. Banks of many
streams are stepped together, and none depends on which others are there.

A residual beyond three deviations is taken for noise as much larger as it is. Nothing is frozen: what lasts is taken up
by the level, whose wandering is what it is for, and not by the coefficients. A jump is too far for a level that
wanders, and slopes would take it up; who sees one coming lets the level go (intervention: West and Harrison, Bayesian
Forecasting and Dynamic Models, 1997, chapter 11).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray
from models.columns import carry, dot, subtract_product
from models.mixtures import normal_scores
from models.stream_environment import KNOTS, MEMORIES, Surroundings
from models.triangles import diagonal, fold, triangle_length, unfold

__all__ = ["LEVEL_SHARES", "BankStep", "LevelBank", "LevelVerdict", "step_banks"]

# How fast the level wanders: the weight that the steady filter gives to a row; memories of ten and thirty rows.
LEVEL_SHARES: Final = (0.1, 0.03)
# Prior slopes, in deviations of the noise for each deviation of the environment.
_LINE_SLOPE: Final = 30.0
_BEND_SLOPE: Final = 15.0
_LINE_ALONE: Final = 10.0
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
# Banks stepped at once: as many as a processor's cache holds.
_TOGETHER: Final = 16
_TINY: Final = 1e-300
_ROUNDING: Final = 1e-12


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


@dataclass(frozen=True, slots=True, eq=False)
class BankStep:
    """A value for a bank to judge and to learn.

    Attributes
    ----------
    bank : LevelBank
    value : float
        Finite, in the channel's unit.
    environment : Surroundings
        From `EnvironmentMemory.step`.
    is_commissioning : bool
        Whether the row is known to be healthy: the level stays nought.
    jump : float, default 0.0
        Deviations that the level may have jumped by since the last row, besides its wandering.
    """

    bank: LevelBank
    value: float
    environment: Surroundings
    is_commissioning: bool
    jump: float = 0.0


class _Combinations(NamedTuple):
    """intp[F] each: share, environmental quantity of the bend, memory and place of the bend of each filter."""

    share: npt.NDArray[np.intp]
    environment: npt.NDArray[np.intp]
    memory: npt.NDArray[np.intp]
    knot: npt.NDArray[np.intp]


@cache
def _combinations(environments: int) -> _Combinations:
    axes = np.indices((len(LEVEL_SHARES), environments, MEMORIES, KNOTS), np.intp)
    return _Combinations(*(axis.ravel() for axis in axes))


@cache
def _wander(environments: int) -> FloatArray:
    """float64[F]: variance that the level of each filter gains a row, over that of the noise."""
    return np.asarray(np.array(LEVEL_SHARES)[_combinations(environments).share] ** 2)


class LevelBank:
    """Filters of one channel.

    Parameters
    ----------
    first_values : float64[N]
        Finite values of the first rows, for middle and scale; not learned: give them to `step_banks` as well.
    knots : float64[K, E]
        Places of bends.
    lines : int, default 0
        Number of quantities P that act by a slope alone.

    Attributes
    ----------
    middle, scale : float
        In the channel's unit: what is followed is the deviation from the middle over the scale.
    state : float64[D, F]
        Each filter's level, constant, slopes and bend.
    spread : float64[D (D + 1) / 2, F]
        Lower triangle of its covariance; the first entry is the level's variance.
    log_weight : float64[F]
        How well each has foretold; 0 for the best.
    noise : float
        Variance of a row's noise.
    autocorrelation : float
        As in `LevelVerdict`.
    places, pitch : float64[K, E], float64[E]
        Places of bends as they are now, and the way from one to the next.
    rows : int
        Learned so far.
    """

    __slots__ = (
        "_highest",
        "_innovation",
        "_lowest",
        "_noise_rows",
        "_products",
        "_squares",
        "autocorrelation",
        "log_weight",
        "middle",
        "noise",
        "pitch",
        "places",
        "rows",
        "scale",
        "spread",
        "state",
    )

    def __init__(self, first_values: FloatArray, knots: FloatArray, lines: int = 0) -> None:
        environments = knots.shape[1]
        filters = _combinations(environments).share.size
        self.places = knots.copy()
        self.pitch = knots[1] - knots[0]
        self._lowest: list[float] = knots.min(axis=0).tolist()
        self._highest: list[float] = knots.max(axis=0).tolist()
        self.middle = float(np.median(first_values))
        self.scale = _scale(first_values, self.middle)
        slopes = [*[_LINE_SLOPE] * (2 * environments), *[_LINE_ALONE] * lines]
        prior = np.array([0.0, _CONSTANT, *slopes, _BEND_SLOPE])
        self.spread = np.zeros((triangle_length(len(prior)), filters))
        self.spread[diagonal(len(prior))] = prior[:, np.newaxis] ** 2
        self.state = np.zeros((len(prior), filters))
        self.log_weight = np.zeros(filters)
        self.noise = 1.0
        self._noise_rows = 0
        self._innovation = 0.0
        self._products = 0.0
        self._squares = _INDEPENDENT_ROWS
        self.autocorrelation = 0.0
        self.rows = 0

    def wait(self, jump: float = 0.0) -> None:
        """Let a row pass without a value: the level may have wandered, and jumped by so many deviations."""
        self.spread[0] += (_wander(len(self.pitch)) + jump * jump) * self.noise

    def step(self, value: float, environment: Surroundings, *, is_commissioning: bool) -> LevelVerdict:
        """Judge a value and learn it, as `step_banks` does for many."""
        return step_banks([BankStep(self, value, environment, is_commissioning=is_commissioning)])[0]

    def shift(self) -> tuple[float, float]:
        """Give how far the level is from nought and its standard error, in the channel's unit, over all filters."""
        weight = np.exp(self.log_weight)
        weight /= weight.sum()
        level = float((weight * self.state[0]).sum())
        variance = float((weight * (self.spread[0] + (self.state[0] - level) ** 2)).sum())
        inflation = (1.0 + self.autocorrelation) / (1.0 - self.autocorrelation)
        return level * self.scale, math.sqrt(max(variance * inflation, 0.0)) * self.scale

    def reach(self, now: FloatArray) -> None:
        """Keep places for bends beyond the weather met: the ladder moves on before the weather gets there.

        Parameters
        ----------
        now : float64[E]
            The environment, without its memories.
        """
        for quantity, (value, pitch) in enumerate(zip(now.tolist(), self.pitch.tolist(), strict=True)):
            ahead = _PLACES_AHEAD * pitch
            for _ in range(_MOVES_A_ROW):
                if self._lowest[quantity] > value - ahead:
                    self._lowest[quantity] = self._move(quantity, int(self.places[:, quantity].argmin()), -pitch)
                elif self._highest[quantity] < value + ahead:
                    self._highest[quantity] = self._move(quantity, int(self.places[:, quantity].argmax()), pitch)
                else:
                    break

    def _move(self, quantity: int, end: int, by: float) -> float:
        """Move the bend believed least to the place next to one end of the ladder, and give that place.

        Below all weather met a bend has never acted: it is as unknown as before the first row. Above all of it, a
        bend has always acted, as a slope: what it adds at its new place is taken from the constant.
        """
        of = _combinations(len(self.pitch))
        weight = np.where(of.environment == quantity, np.exp(self.log_weight), 0.0)
        believed = np.bincount(of.knot, weights=weight, minlength=KNOTS)
        believed[[int(self.places[:, quantity].argmin()), int(self.places[:, quantity].argmax())]] = np.inf
        least = int(believed.argmin())
        taken = np.flatnonzero((of.environment == quantity) & (of.knot == least))
        source = np.flatnonzero((of.environment == quantity) & (of.knot == end))
        state, spread = self.state[:, source], unfold(self.spread[:, source].T, len(self.state))
        if by < 0.0:
            state[-1] = 0.0
            spread[:, -1, :] = spread[:, :, -1] = 0.0
            spread[:, -1, -1] = _BEND_SLOPE**2
        else:
            state[1] -= by * state[-1]
            spread[:, 1, :] -= by * spread[:, -1, :]
            spread[:, :, 1] -= by * spread[:, :, -1]
        self.state[:, taken], self.spread[:, taken] = state, fold(spread).T
        self.log_weight[taken] = self.log_weight[source]
        place = float(self.places[end, quantity]) + by
        self.places[least, quantity] = place
        return place

    def follow_noise(self, surprise: float) -> None:
        """Count a row, and learn from the square of its miss over its variance how large the noise is."""
        self.rows += 1
        if self.is_settled():
            self._noise_rows += 1
            share = max(1.0 / (self._noise_rows + _NOISE_PRIOR_ROWS), 1.0 / _NOISE_ROWS)
            self.noise *= 1.0 + share * (_CLIP_LOSS * min(surprise, _MOST_NOISE) - 1.0)

    def follow_autocorrelation(self, innovation: float) -> None:
        """Tell from healthy rows how much more a mean of n rows wanders than one of n independent rows."""
        if self.is_settled():
            clipped = min(max(innovation, -_CLIP), _CLIP)
            self._products += clipped * self._innovation
            self._squares += clipped * clipped
            self._innovation = clipped
            self.autocorrelation = min(max(self._products / self._squares, 0.0), _MOST_AUTOCORRELATION)

    def is_settled(self) -> bool:
        """Tell whether enough rows are known for what they miss to be noise."""
        return self.rows > max(_UNCLIPPED_ROWS, 2 * len(self.state))


def step_banks(steps: Sequence[BankStep]) -> list[LevelVerdict]:
    """Judge a value of each of several banks by what it learned before, then learn it.

    Parameters
    ----------
    steps : sequence of BankStep, length R
        Each of another bank, all with as many environmental quantities. Banks are changed in place.

    Returns
    -------
    list of LevelVerdict, length R
        The same to the bit whatever other banks are stepped with it.
    """
    found: list[LevelVerdict] = []
    for begin in range(0, len(steps), _TOGETHER):
        found += _step(steps[begin : begin + _TOGETHER])
    return found


def _step(steps: Sequence[BankStep]) -> list[LevelVerdict]:
    for step in steps:
        if not step.is_commissioning:
            step.bank.wait(step.jump)
        step.bank.reach(step.environment.remembered[0])
    banks = [step.bank for step in steps]
    spread, state, log_weight = _side_by_side(banks)
    told = [(bank.noise, bank.scale, bank.middle, step.value) for bank, step in zip(banks, steps, strict=True)]
    noise, scale, middle, value = np.array(told).T[:, :, np.newaxis]
    columns = _columns(steps)
    cross = carry(spread, columns)
    known = dot(cross, columns)
    total = known + noise
    miss = (value - middle) / scale - dot(state, columns)
    surprise = miss * miss / total
    weight = np.exp(log_weight)
    weight /= weight.sum(axis=1, keepdims=True)
    expected = (value[:, 0] - scale[:, 0] * (weight * miss).sum(axis=1)).tolist()
    innovation = _by_share(log_weight)[:, -1:].copy(), _by_share(miss / np.sqrt(total))[:, -1:]
    is_clipped = np.array([[bank.rows >= _UNCLIPPED_ROWS] for bank in banks])
    gain = cross / (known + noise * np.where(is_clipped, np.maximum(surprise / _CLIP**2, 1.0), 1.0))
    state += gain * miss
    subtract_product(spread, gain, cross)
    log_weight -= 0.5 * (np.log(total / noise) + np.minimum(surprise, _MOST_SURPRISE))
    log_weight -= log_weight.max(axis=1, keepdims=True)
    for bank, mean in zip(banks, (weight * surprise).sum(axis=1).tolist(), strict=True):
        bank.follow_noise(mean)
    _put_back(banks, spread, state, log_weight)
    level = _by_share(log_weight), _levels(banks, spread[0], state[0])
    scores = normal_scores(*(np.concatenate(pair, axis=1) for pair in zip(innovation, level, strict=True)))
    return [_verdict(*row) for row in zip(steps, expected, scores, strict=True)]


def _verdict(step: BankStep, expected: float, scores: FloatArray) -> LevelVerdict:
    """Learn the innovation, the first of the scores, and widen the levels, the others, as noise hangs together."""
    innovation = float(scores[0])
    if step.is_commissioning:
        step.bank.follow_autocorrelation(innovation)
    keep = step.bank.autocorrelation
    return LevelVerdict(expected, innovation, scores[1:] / math.sqrt((1.0 + keep) / (1.0 - keep)), keep)


def _scale(first_values: FloatArray, middle: float) -> float:
    """Give the deviation of noise from the steps between first values, or what is larger than noise will be.

    First values on a straight line, such as interpolated ones, have steps that differ by rounding alone.
    """
    rounding = _ROUNDING * float(np.abs(first_values).max())
    steps = float(np.diff(first_values).std()) / math.sqrt(2.0) if len(first_values) > 1 else 0.0
    if steps > rounding:
        return steps
    spread = float(first_values.std())
    return spread if spread > rounding else max(abs(middle), 1.0)


def _side_by_side(banks: list[LevelBank]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """float64[T, R, F], [D, R, F], [R, F]: spread, state and weight of banks; of one, what it has, not a copy."""
    if len(banks) == 1:
        (bank,) = banks
        return bank.spread[:, np.newaxis], bank.state[:, np.newaxis], bank.log_weight[np.newaxis]
    return (
        np.stack([bank.spread for bank in banks], axis=1),
        np.stack([bank.state for bank in banks], axis=1),
        np.stack([bank.log_weight for bank in banks]),
    )


def _put_back(banks: list[LevelBank], spread: FloatArray, state: FloatArray, log_weight: FloatArray) -> None:
    """Undo `_side_by_side`."""
    if len(banks) > 1:
        for row, bank in enumerate(banks):
            bank.spread[...], bank.state[...], bank.log_weight[...] = spread[:, row], state[:, row], log_weight[row]


def _columns(steps: Sequence[BankStep]) -> FloatArray:
    """float64[D, R, F]: each filter's columns: level, constant, slopes now, slopes remembered, lines, bend."""
    environment = np.stack([step.environment.remembered for step in steps])
    lines = np.stack([step.environment.lines for step in steps])
    rows, _, environments = environment.shape
    of = _combinations(environments)
    columns = np.ones((3 + 2 * environments + lines.shape[1], rows, len(of.share)))
    columns[2 : 2 + environments] = environment[:, 0].T[:, :, np.newaxis]
    for quantity in range(environments):
        columns[2 + environments + quantity] = environment[:, of.memory, quantity]
    columns[2 + environments : 2 + 2 * environments, :, of.memory == 0] = 0.0
    columns[2 + 2 * environments : -1] = lines.T[:, :, np.newaxis]
    place = np.stack([step.bank.places[of.knot, of.environment] for step in steps])
    columns[-1] = np.maximum(place - environment[:, of.memory, of.environment], 0.0)
    return columns


def _by_share(numbers: FloatArray) -> FloatArray:
    """float64[R, L, F / L], of float64[R, F]: the filters of each share, the slowest last."""
    return numbers.reshape(len(numbers), len(LEVEL_SHARES), -1)


def _levels(banks: list[LevelBank], variance: FloatArray, level: FloatArray) -> FloatArray:
    """float64[R, L, F / L]: level over its spread under health."""
    level, variance = _by_share(level), _by_share(variance)
    noise = np.array([bank.noise for bank in banks])[:, np.newaxis, np.newaxis]
    # Under health the level is nought and its estimate moves by noise alone: of the steady filter's spread
    # share * noise, that is noise's part share / (2 - share); what the coefficients add is left as it is.
    share = np.array(LEVEL_SHARES)[:, np.newaxis]
    variance = np.maximum(variance - share * (1.0 - share) / (2.0 - share) * noise, variance / (2.0 - share))
    return np.where(variance > _TINY, level / np.sqrt(np.maximum(variance, _TINY)), 0.0)
