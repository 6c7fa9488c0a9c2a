"""Which damage could have given this history of severities: a grid of lives, weighed by Bayes.

A pair of asset and failure mode is sound, or a damage began ``elapsed`` days ago that reaches the failure level
after a ``life``: its severity is ``factor (step + (1 - step) (elapsed / life) ** growth)``. `growth` says whether it
slows down or accelerates, `step` what it began with (a flood takes the bed from under a pier at once), `factor` how far
the quantities that are measured show what the component has lost. Every combination
of a grid is one hypothesis; its prior is how often damage begins, with lives that are exponential.

What is compared are the severities of now and of five earlier times (`LAGS`). Around the course of a damage their
errors are normal with the spread of like assets and stay for weeks, so six of them are not six witnesses: errors a
month apart correlate by a quarter. One damage in ten keeps to no course (it rests and goes on, or was measured wrongly
for a while), and its errors are three times as wide. Without damage errors have heavier tails, those of Student's
distribution: now and then what nobody foresaw moves a sound asset further than its like, and being rare does not make
it damage. How far past failure a severity is says nothing.

A quantity that stands alone may also be moved by its instrument, or by a load that changed, while the asset is sound.
That is a hypothesis of its own: the same tails around a course that was always there, set in lately, or came slowly,
of a size that is normal. Damage is then told from drift by how far it went and how it came, and where it is damage its
course is as sharp as with two witnesses.

The posterior gives the chance that there is damage at all and the distribution of the remaining life, wide when one
week is all there is and narrow when a course of months leaves few lives that fit; a growth that one noisy month
suggests is shrunk towards the prior of the grid by the same rule.

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

__all__ = ["LAGS", "SOUND_FREEDOM", "USUAL_LIFE_DAYS", "Posterior", "weigh_lives"]

LAGS: Final = (0, 7, 14, 28, 56, PAST_DAYS - 1)
_ELAPSED_DAYS: Final = np.geomspace(2.0, 700.0, 17)
_LIFE_DAYS: Final = np.geomspace(12.0, 1100.0, 20)
# Lives of damages that begin are taken as exponential with this mean: what a sensor shows fails within months more
# often than within years. Judgement; a prior equal in the logarithm foresaw failure too soon on simulated fleets.
USUAL_LIFE_DAYS: Final = 250.0
# From a ground that finds a new balance to a crack that runs away.
_GROWTHS: Final = np.array([0.6, 1.0, 1.6, 2.5])
# Quantities of the same component show its damage unequally: some less, some more than their failure level says. One in
# ten fails at half of it: a level that is assumed for a kind of structure is not that of each, and without this what
# stood at half for months was sure to stand.
_FACTORS: Final = np.array([0.55, 0.75, 0.95, 1.2])
_FACTOR_WEIGHTS: Final = np.array([0.1, 0.315, 0.36, 0.225])
# One damage in five begins with a step; without this a step passes for a life of weeks. Judgement.
_STEPS: Final = np.array([0.0, 0.3])
_STEP_WEIGHTS: Final = np.array([0.8, 0.2])
# Errors of the severity: most of their variance stays for weeks, the rest is of the day.
_ERROR_DAYS: Final = 25.0
_DAILY_SHARE: Final = 0.15
# Damage that keeps to no course: its share beforehand, and how much wider its errors are. Judgement: a twentieth to
# three tenths, and 2.5 to 6 times, gave the same on simulated fleets. Without it a severity that rose as no course of
# the grid does was put down to a sound asset's heavier tails.
_IRREGULAR_SHARE: Final = 0.1
_IRREGULAR_SPREADS: Final = 3.0
# A severity beyond this counts as this.
_WORST: Final = 1.2
# Degrees of freedom of what a sound asset does: how surely the spread of like assets is also its own. Judgement.
SOUND_FREEDOM: Final = 6.0
# A drift of an instrument, or a change of load, is there from some days ago on, at once or with more every day;
# equally likely, and together this likely beforehand. Judgement: a tenth gave the same on simulated fleets.
_DRIFT_STEP_DAYS: Final = (20.0, 50.0, float("inf"))
_DRIFT_RAMP_DAYS: Final = (70.0, 200.0)
_DRIFT_CHANCE: Final = 0.3
# What an instrument can do by itself (`models.thresholds`) is taken for two standard deviations.
_DRIFT_SPREADS: Final = 2.0
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


def _make_drifts() -> FloatArray:
    """float64[K, L]: whitened courses of a drift, as shares of what it is today."""
    lag = np.array(LAGS, np.float64)
    steps = [(lag < days).astype(np.float64) for days in _DRIFT_STEP_DAYS]
    ramps = [np.maximum(1.0 - lag / days, 0.0) for days in _DRIFT_RAMP_DAYS]
    return _whiten(np.array([*steps, *ramps]))


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
    grown = (np.maximum(since, 0.0) / life[:, np.newaxis]) ** growth[:, np.newaxis]
    start = _STEPS[step, np.newaxis]
    course = _FACTORS[factor, np.newaxis] * np.where(since > 0.0, start + (1.0 - start) * grown, 0.0)
    remaining = np.maximum(life - elapsed, 0.5)
    order = np.argsort(remaining, kind="stable")
    white = _whiten(course[order])
    half_square = 0.5 * np.sum(white * white, axis=-1)
    return _Lives(remaining[order], np.ascontiguousarray(white.T), half_square, np.log(prior[order]))


# Of Student's density over the normal one: the power of its bracket, and the logarithm of what stands before it.
_SOUND_POWER: Final = 0.5 * (SOUND_FREEDOM + len(LAGS))
_SOUND_LOG: Final = lgamma(_SOUND_POWER) - lgamma(0.5 * SOUND_FREEDOM) - 0.5 * len(LAGS) * log(0.5 * SOUND_FREEDOM)

_WHITENER: Final = _whitener()
_LIVES: Final = _make_lives()
_DRIFTS: Final = _make_drifts()


def weigh_lives(
    seen: FloatArray, deviation: FloatArray, instrument: FloatArray, onsets_per_day: FloatArray, days: FloatArray
) -> Posterior:
    """Weigh all lives by the histories of some pairs.

    Parameters
    ----------
    seen : float64[P, L]
        Severities of today and as many days ago as `LAGS` names; 0 from before the reference was made.
    deviation : float64[P]
        Spread of a severity of a sound asset, positive.
    instrument : float64[P]
        How far the instrument of a lone quantity, or a change of load, can move it; 0 where quantities agree.
    onsets_per_day : float64[P]
        How often a damage of this mode begins.
    days : float64[P, T] or float64[T]
        Times from the newest severity, ascending, not negative; of each pair, or of all.

    Examples
    --------
    >>> ramp = np.clip(0.6 - 0.006 * np.array(LAGS), 0.0, None)[np.newaxis]
    >>> spread, onsets = np.array([0.05]), np.array([1e-4])
    >>> answer = weigh_lives(ramp, spread, np.array([0.0]), onsets, np.array([10.0, 300.0]))
    >>> np.round(answer.damaged, 2).tolist(), np.round(answer.failed[0]).tolist()
    ([1.0], [0.0, 1.0])
    """
    damaged, failed = np.empty(len(seen)), np.empty((len(seen), np.shape(days)[-1]))
    times = np.broadcast_to(days, (len(seen), np.shape(days)[-1]))
    reached: npt.NDArray[np.intp] = np.searchsorted(_LIVES.remaining_days, times, side="right")
    white = _whiten(np.minimum(seen, _WORST))
    variance = deviation * deviation
    sound_log = _weigh_sound(white, variance, (instrument / _DRIFT_SPREADS) ** 2)
    for first in range(0, len(seen), _PAIRS_AT_ONCE):
        part = np.s_[first : first + _PAIRS_AT_ONCE]
        damaged[part], failed[part] = _weigh(
            white[part], variance[part], sound_log[part], onsets_per_day[part], reached[part]
        )
    return Posterior(damaged, failed)


def _weigh_sound(white: FloatArray, variance: FloatArray, drift_variance: FloatArray) -> FloatArray:
    """float64[P]: logarithm of the density without damage, over the normal one of a level that never moved."""
    square = _dot(white, white) / variance
    ratio = drift_variance / variance
    drifted = np.full(len(white), -np.inf)
    for course in _DRIFTS:
        # A drift of normal size adds a matrix of rank one to the covariance: what it explains of the square, and what
        # it makes of the determinant.
        wider = 1.0 + ratio * _dot(course, course)
        explained = ratio * _dot(white, course) ** 2 / (variance * wider)
        drifted = np.logaddexp(drifted, _student_log(square - explained) - 0.5 * np.log(wider))
    usual = _student_log(square) + log(1.0 - _DRIFT_CHANCE)
    return np.asarray(0.5 * square + np.logaddexp(usual, drifted + log(_DRIFT_CHANCE / len(_DRIFTS))))


def _student_log(square: FloatArray) -> FloatArray:
    """Logarithm of Student's density at a squared distance, but for what the normal one has too."""
    return np.asarray(_SOUND_LOG - _SOUND_POWER * np.log1p(square / SOUND_FREEDOM))


def _dot(one: FloatArray, other: FloatArray) -> FloatArray:
    """Add products over the lags, which is the last axis, in a fixed order."""
    return np.asarray(sum(one[..., lag] * other[..., lag] for lag in range(len(LAGS))))


def _weigh(
    white: FloatArray,
    variance: FloatArray,
    sound_log: FloatArray,
    onsets_per_day: FloatArray,
    reached: npt.NDArray[np.intp],
) -> tuple[FloatArray, FloatArray]:
    """Weigh all lives for a few pairs; `reached`, intp[P, T], counts the lives that have ended by each time."""
    fit = np.zeros((len(white), len(_LIVES.remaining_days)))
    for lag in range(len(LAGS)):
        fit += white[:, lag, np.newaxis] * _LIVES.course[lag]
    # As `sound_log`, both are over the normal density of no damage.
    fit -= _LIVES.half_square
    fit /= variance[:, np.newaxis]
    onsets = np.log(onsets_per_day)
    narrow = _IRREGULAR_SPREADS**-2
    left_over = (1.0 - narrow) * 0.5 * _dot(white, white) / variance - len(LAGS) * log(_IRREGULAR_SPREADS)
    irregular = narrow * fit
    irregular += _LIVES.log_prior
    irregular += (onsets + left_over + log(_IRREGULAR_SHARE))[:, np.newaxis]
    fit += _LIVES.log_prior
    fit += (onsets + log(1.0 - _IRREGULAR_SHARE))[:, np.newaxis]
    highest = np.maximum(np.maximum(np.max(fit, axis=-1), np.max(irregular, axis=-1)), sound_log)
    sound = np.exp(sound_log - highest)
    fit -= highest[:, np.newaxis]
    irregular -= highest[:, np.newaxis]
    running = np.cumsum(np.exp(fit, out=fit) + np.exp(irregular, out=irregular), axis=-1)
    total = running[:, -1] + sound
    ended = np.take_along_axis(running, np.maximum(reached - 1, 0), axis=-1)
    share = np.where(reached > 0, ended, 0.0) / total[:, np.newaxis]
    return 1.0 - sound / total, share
