"""Which damage could have given this history of severities: a grid of lives, weighed by Bayes.

A pair of asset and failure mode is sound, or a damage began ``elapsed`` days ago that reaches the failure level
after a ``life``: its severity is ``factor (step + (1 - step) (elapsed / life) ** growth)``. `growth` says whether it
slows down or accelerates, `step` what it began with (a flood takes the bed from under a pier at once), `factor` how far
the quantities that are measured show what the component has lost. Every combination
of a grid is one hypothesis; its prior is how often damage begins, with lives that are exponential.

What is compared are the severities of today and of five earlier days (`LAGS`). Around the course of a damage their
errors are normal with the spread of like assets and stay for weeks, so six of them are not six witnesses: errors a
month apart correlate by a quarter. Without damage they have heavier tails, those of Student's distribution: now and
then what nobody foresaw moves a sound asset further than its like, and being rare does not make it damage. The
posterior gives the chance that there is damage at all and the distribution of the remaining life, wide when one week
is all there is and narrow when a course of months leaves few lives that fit; a growth that one noisy month suggests is
shrunk towards the prior of the grid by the same rule.

The grid is the state: nothing is approximated by a normal distribution or kept from day to day but the
severities themselves, which makes every statement computable again from stored features.
"""

from __future__ import annotations

from math import lgamma, log
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray
from models.layout import PAST_DAYS

__all__ = ["LAGS", "USUAL_LIFE_DAYS", "Posterior", "weigh_lives"]

LAGS: Final = (0, 7, 14, 28, 56, PAST_DAYS - 1)
_ELAPSED_DAYS: Final = np.geomspace(2.0, 700.0, 17)
_LIFE_DAYS: Final = np.geomspace(12.0, 1100.0, 20)
# Lives of damages that begin are taken as exponential with this mean: what a sensor shows fails within months more
# often than within years. Judgement; a prior equal in the logarithm foresaw failure too soon on simulated fleets.
USUAL_LIFE_DAYS: Final = 250.0
# From a ground that finds a new balance to a crack that runs away.
_GROWTHS: Final = np.array([0.6, 1.0, 1.6, 2.5])
# Quantities of the same component show its damage unequally: some less, some more than their failure level says.
_FACTORS: Final = np.array([0.75, 0.95, 1.2])
_FACTOR_WEIGHTS: Final = np.array([0.35, 0.4, 0.25])
# One damage in five begins with a step; without this a step passes for a life of weeks. Judgement.
_STEPS: Final = np.array([0.0, 0.3])
_STEP_WEIGHTS: Final = np.array([0.8, 0.2])
# Errors of the severity: most of their variance stays for weeks, the rest is of the day.
_ERROR_DAYS: Final = 25.0
_DAILY_SHARE: Final = 0.15
_WORST: Final = 1.2
# Degrees of freedom of what a sound asset does: how surely the spread of like assets is also its own. Judgement.
_SOUND_FREEDOM: Final = 6.0
# All lives of so many pairs fit in a core's own cache.
_PAIRS_AT_ONCE: Final = 8


class _Lives(NamedTuple):
    """The hypotheses, by remaining life: float64[H], float64[L, H] of whitened severities, float64[H] twice."""

    remaining_days: FloatArray
    course: FloatArray
    half_square: FloatArray
    log_prior: FloatArray


class Posterior(NamedTuple):
    """What the histories of some pairs say.

    Attributes
    ----------
    damaged : float64[P]
        Chance that there is damage.
    failed : float64[P, T]
        Chance that it reaches the failure level within each time.
    """

    damaged: FloatArray
    failed: FloatArray


def _whitener() -> FloatArray:
    lag = np.array(LAGS, np.float64)
    correlation = (1.0 - _DAILY_SHARE) * np.exp(-np.abs(lag[:, np.newaxis] - lag) / _ERROR_DAYS)
    correlation += _DAILY_SHARE * np.eye(len(lag))
    return np.asarray(np.linalg.inv(np.linalg.cholesky(correlation)), np.float64)


def _whiten(values: FloatArray) -> FloatArray:
    """Give rows whose errors are independent; a sum in a fixed order, so that a row's bits do not depend on others."""
    total = np.zeros_like(values)
    for lag in range(len(LAGS)):
        total = total + values[:, lag, np.newaxis] * _WHITENER[:, lag]
    return total


def _make_lives() -> _Lives:
    kinds = (np.arange(len(_FACTORS)), np.arange(len(_STEPS)))
    axes = np.meshgrid(_ELAPSED_DAYS, _LIFE_DAYS, _GROWTHS, *kinds, indexing="ij")
    possible = axes[0] < 1.02 * axes[1]
    elapsed, life, growth, factor, step = (axis[possible] for axis in axes)
    factor, step = factor.astype(np.intp), step.astype(np.intp)
    # A damage may have begun on any day: each elapsed time stands for the days around it.
    width = np.gradient(_ELAPSED_DAYS)[np.searchsorted(_ELAPSED_DAYS, elapsed)]
    # The grid is even in the logarithm, so each point stands for a span as long as itself.
    likely = _LIFE_DAYS * np.exp(-_LIFE_DAYS / USUAL_LIFE_DAYS)
    likely = likely[np.searchsorted(_LIFE_DAYS, life)] / np.sum(likely)
    prior = width * likely * _FACTOR_WEIGHTS[factor] * _STEP_WEIGHTS[step] / len(_GROWTHS)
    since = elapsed[:, np.newaxis] - np.array(LAGS, np.float64)
    grown = np.minimum(np.maximum(since, 0.0) / life[:, np.newaxis], _WORST) ** growth[:, np.newaxis]
    start = _STEPS[step, np.newaxis]
    course = _FACTORS[factor, np.newaxis] * np.where(since > 0.0, start + (1.0 - start) * grown, 0.0)
    remaining = np.maximum(life - elapsed, 0.5)
    order = np.argsort(remaining, kind="stable")
    white = _whiten(course[order])
    half_square = 0.5 * np.sum(white * white, axis=-1)
    return _Lives(remaining[order], np.ascontiguousarray(white.T), half_square, np.log(prior[order]))


# Of Student's density over the normal one: the power of its bracket, and the logarithm of what stands before it.
_SOUND_POWER: Final = 0.5 * (_SOUND_FREEDOM + len(LAGS))
_SOUND_LOG: Final = lgamma(_SOUND_POWER) - lgamma(0.5 * _SOUND_FREEDOM) - 0.5 * len(LAGS) * log(0.5 * _SOUND_FREEDOM)

_WHITENER: Final = _whitener()
_LIVES: Final = _make_lives()


def weigh_lives(seen: FloatArray, deviation: FloatArray, onsets_per_day: FloatArray, days: FloatArray) -> Posterior:
    """Weigh all lives by the histories of some pairs.

    Parameters
    ----------
    seen : float64[P, L]
        Severities of today and of the days before that `LAGS` names; 0 from before the reference was made.
    deviation : float64[P]
        Spread of a severity of a sound asset, positive.
    onsets_per_day : float64[P]
        How often a damage of this mode begins.
    days : float64[T]
        Times from now, ascending, not negative.

    Examples
    --------
    >>> ramp = np.clip(0.6 - 0.006 * np.array(LAGS), 0.0, None)[np.newaxis]
    >>> answer = weigh_lives(ramp, np.array([0.05]), np.array([1e-4]), np.array([10.0, 300.0]))
    >>> np.round(answer.damaged, 2).tolist(), np.round(answer.failed[0]).tolist()
    ([1.0], [0.0, 1.0])
    """
    damaged, failed = np.empty(len(seen)), np.empty((len(seen), len(days)))
    reached: npt.NDArray[np.intp] = np.searchsorted(_LIVES.remaining_days, days, side="right")
    for first in range(0, len(seen), _PAIRS_AT_ONCE):
        part = np.s_[first : first + _PAIRS_AT_ONCE]
        damaged[part], failed[part] = _weigh(seen[part], deviation[part], onsets_per_day[part], reached)
    return Posterior(damaged, failed)


def _weigh(
    seen: FloatArray, deviation: FloatArray, onsets_per_day: FloatArray, reached: npt.NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    """Weigh all lives for a few pairs; `reached` counts the lives that have ended by each time."""
    white = _whiten(seen)
    fit = np.zeros((len(seen), len(_LIVES.remaining_days)))
    square = np.zeros(len(seen))
    for lag in range(len(LAGS)):
        fit += white[:, lag, np.newaxis] * _LIVES.course[lag]
        square += white[:, lag] * white[:, lag]
    variance = deviation * deviation
    fit = (fit - _LIVES.half_square) / variance[:, np.newaxis]
    fit += _LIVES.log_prior + np.log(onsets_per_day)[:, np.newaxis]
    square /= variance
    # As `fit`, it is over the normal density of no damage.
    sound_log = 0.5 * square + _SOUND_LOG - _SOUND_POWER * np.log1p(square / _SOUND_FREEDOM)
    highest = np.maximum(np.max(fit, axis=-1), sound_log)
    sound = np.exp(sound_log - highest)
    running = np.cumsum(np.exp(fit - highest[:, np.newaxis]), axis=-1)
    total = running[:, -1] + sound
    share = np.where(reached > 0, running[:, np.maximum(reached - 1, 0)], 0.0) / total[:, np.newaxis]
    return 1.0 - sound / total, share
