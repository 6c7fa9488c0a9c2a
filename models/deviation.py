"""How far each condition indicator is from its healthy reference, and how surely.

The reference is the commissioning data, kept as eight block means of values and regressors and re-evaluated
with today's effects of the environment: what was measured then minus what today's model says that weather and
load did then. The deviation is today's level, and what lies beside it of late, minus that: in other words the
predicted value in the mean climate of commissioning minus what was then measured. Its uncertainty adds

- the covariance of level and effects, carried to the climate of commissioning: a first summer after a winter's
  commissioning is uncertain by what the effects are not known yet, and therefore no alarm;
- the wandering of the blocks around the mean of those at their time of day, weighed against a prior worth two blocks;
- the noise of what lies beside a level that lags behind;
- what four days cannot show: weather nobody measured, and more where there is no temperature sensor;
- what long works do besides their step.

A channel's distance to failure follows from the owner's absolute level or the default of `models.thresholds`;
deviation over distance is the severity. An owner's level is held against the reference in mild weather, as far as the
effects of warmth are known: who commissions in a frost is no nearer to failure, nor further from it, for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray
from models.alike_errors import behind_variance
from models.catalogue import HOUR_NS, Catalogue
from models.columns import carry, dot, gather, total
from models.environment import Explained, has_climate
from models.layout import AIR_LAGGED, AIR_NOW, BLOCKS, FROST, LEVEL_VARIANCE, REGRESSORS
from models.long_works import step_variance
from models.memory import ModelState, scatter, with_columns
from models.reference import APART, Reference, reference_of
from models.regressor_groups import Group
from models.triangles import diagonal
from models.warmth import warmth_of

__all__ = [
    "Expectation",
    "expect",
    "frost_variance",
    "harm",
    "hidden_variance",
    "hourly_wander",
    "in_unit",
    "is_suspect",
    "measure_deviation",
    "unmeasured_variance",
]

# Slow wandering of a sound structure that commissioning did not show, in distances to failure. Judgement; to be
# replaced by what like assets show (a second stage over the fleet).
_UNSEEN: Final = 0.05
_WANDER_PRIOR: Final = 0.03
# How far a sound level wanders in a day, in distances to failure; more where commissioning showed more.
_WANDER_PER_SQRT_DAY: Final = 0.01
# Without a temperature sensor half of the prior effect of 10 K stays unexplained.
_UNMEASURED_CLIMATE: Final = 0.25
# A channel is suspect when it is off by so many standard deviations and so much of its way to failure.
_SUSPECT_SCORE: Final = 2.5
_SUSPECT_SHARE: Final = 0.10
_QUANTILE_80: Final = 1.2815515655446004
# Bounds that keep exponentials finite: far beyond anything that is measured.
_LARGEST_LOG: Final = 600.0
_LARGEST_HALF: Final = 50.0
# Least distance to failure, when the commissioned level is already near or past the owner's limit.
_LEAST_DISTANCE: Final = 0.25
# A share of the commissioned level says nothing of a quantity that lies about 0: there its failure is as far as ten
# deviations of the means that commissioning is made of, so that what a lone one must exceed (0.3 of the way, the
# `drift_share` of `other`) is three of them.
_CLEAR_OF_SCATTER: Final = 10.0
# Where it freezes, or the air that is remembered is colder than this, the depth of frost in a structure is known to so
# much, in units of its regressor: decks radiate at night, thin ones freeze hours before the memory does, and thick ones
# a day behind it.
_NEAR_FROST_DEGC: Final = 3.0
_FROST_SPREAD: Final = 0.4
# A lost driver leaves its regressor anywhere within this, in regressor units.
STALE_SPREAD: Final = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What was normal for some judged channels in a hop, before its values were learnt.

    Attributes
    ----------
    expected, spread : float64[R]
        In the model's unit; spread is a standard deviation that includes the noise of one hop. NaN where the
        channel has too little history to say.
    usual : float64[R, K - 1]
        Mean regressors of commissioning; zeros before it began.
    steps : float64[R]
        Sum of the squared differences between blocks of commissioning that lie two apart, by today's effects.
    """

    expected: FloatArray
    spread: FloatArray
    usual: FloatArray
    steps: FloatArray

    def take(self, which: BoolArray) -> Expectation:
        """Choose some of the channels, bool[R]."""
        if which.all():
            return self
        return Expectation(self.expected[which], self.spread[which], self.usual[which], self.steps[which])


def expect(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], explained: Explained) -> Expectation:
    """Say what a healthy channel would measure at this environment.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels.
    explained : Explained
        What explains their values of the hop.
    """
    expected, spread, steps = np.empty((3, len(rows)))
    usual = np.zeros((len(REGRESSORS) - 1, len(rows)))
    for group in explained.groups:
        some = group.some
        reference = reference_of(catalogue, state, rows[some], group)
        expected[some], spread[some] = _expect_some(catalogue, state, rows[some], explained, group, reference)
        usual[group.effects[:, np.newaxis], some] = reference.usual
        steps[some] = reference.steps
    return Expectation(expected, spread, usual.T, steps)


def _expect_some(
    catalogue: Catalogue,
    state: ModelState,
    rows: npt.NDArray[np.intp],
    explained: Explained,
    group: Group,
    reference: Reference,
) -> tuple[FloatArray, FloatArray]:
    needed = catalogue.commission_count[catalogue.judged[rows]]
    count, noise = state.count[rows], state.noise[rows]
    met = group.places
    coefficients = gather(state.coefficients, rows, met)
    offset = gather(explained.regressors, group.some, met[1:]) - reference.usual
    hidden = np.zeros(len(rows))
    if explained.stale.any():
        offset = np.where(explained.is_unknown[group.some].T[met[1:]], 0.0, offset)
        hidden = _hidden_variance(state, rows, explained.stale[group.some])
    hidden += _frost_variance(state, rows, explained, group)
    weather = dot(reference.usual + offset, coefficients[1:])
    normal, level = reference.level + state.offset[rows] + weather, coefficients[0] + weather
    climate = _variance_along(state, rows, group, np.concatenate([np.zeros((1, len(rows))), offset])) + hidden
    wander = _wander_variance(catalogue, state, rows, reference)
    variance = climate + wander * (1 + 1 / BLOCKS) + noise
    running = climate + np.maximum(state.covariance[rows, LEVEL_VARIANCE], 0.0) + noise
    commissioned, enough = count >= needed, count * BLOCKS >= needed
    expected = np.where(commissioned, normal, np.where(enough, level, np.nan))
    spread = np.where(commissioned, np.sqrt(variance), np.where(enough, np.sqrt(running), np.nan))
    return expected, spread


def _variance_along(state: ModelState, rows: npt.NDArray[np.intp], group: Group, direction: FloatArray) -> FloatArray:
    """float64[R]: variance of level and effects along a direction, float64[K, R]; not negative."""
    carried = carry(gather(state.covariance, rows, group.entries), direction)
    return np.asarray(np.maximum(dot(carried, direction), 0.0), dtype=np.float64)


def hidden_variance(stale: BoolArray, coefficients: FloatArray, variance: FloatArray) -> FloatArray:
    """float64[R]: variance of what silent drivers, bool[K, R], may do, by effects and their variance, float64[K, R]."""
    return total(np.where(stale, coefficients**2 + variance, 0.0)) * STALE_SPREAD**2


def _hidden_variance(state: ModelState, rows: npt.NDArray[np.intp], stale: BoolArray) -> FloatArray:
    """float64[R]: the same of some channels by their state, `stale` being bool[R, K]."""
    own = state.covariance[np.ix_(rows, diagonal(len(REGRESSORS)))]
    return hidden_variance(stale.T, state.coefficients[rows].T, own.T)


def frost_variance(now: FloatArray, lagged: FloatArray, effect: FloatArray, variance: FloatArray) -> FloatArray:
    """float64[R]: variance of what frost does beside what its effect says; 0 in hours that are not near it.

    Parameters
    ----------
    now, lagged : float64[R]
        The regressors `air_now` and `air_lagged` of the hop.
    effect, variance : float64[R]
        That of frost, and how surely it is known, in the model's unit.
    """
    is_near = (now < warmth_of(0.0)) | (lagged < warmth_of(_NEAR_FROST_DEGC))
    return np.where(is_near, (effect**2 + variance) * _FROST_SPREAD**2, 0.0)


def _frost_variance(state: ModelState, rows: npt.NDArray[np.intp], explained: Explained, group: Group) -> FloatArray:
    """float64[R]: the same of the channels of a group, by their state."""
    if FROST not in group.met:
        return np.zeros(len(rows))
    now, lagged = (explained.regressors[group.some, place] for place in (AIR_NOW, AIR_LAGGED))
    variance = state.covariance[rows, diagonal(len(REGRESSORS))[FROST]]
    return frost_variance(now, lagged, state.coefficients[rows, FROST], variance)


def _wander_variance(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], reference: Reference
) -> FloatArray:
    """float64[R]: variance of a sound level around the reference, over days to months."""
    per_block = catalogue.commission_count[catalogue.judged[rows]] // BLOCKS
    between = reference.restless / (BLOCKS - APART) - state.noise[rows] / per_block
    scale = state.scale[rows]
    pooled = (2 * (_WANDER_PRIOR * scale) ** 2 + (BLOCKS - APART) * np.maximum(between, 0.0)) / (BLOCKS - APART + 2)
    measured = has_climate(state, catalogue.asset_of_judged[rows])
    unseen = np.where(measured, _UNSEEN, np.hypot(_UNSEEN, _UNMEASURED_CLIMATE))
    return np.asarray(pooled + (unseen * scale) ** 2, dtype=np.float64)


def hourly_wander(scale: FloatArray) -> FloatArray:
    """float64[R]: variance by which a sound level wanders in an hour at least, by distances that set the priors."""
    return np.asarray((_WANDER_PER_SQRT_DAY * scale) ** 2 / 24.0)


def unmeasured_variance(state: ModelState) -> FloatArray:
    """float64[J]: the part of `deviation_sd` squared that is there for want of a thermometer, where there is none."""
    return np.asarray((_UNMEASURED_CLIMATE * state.scale) ** 2 * (1 + 1 / BLOCKS), np.float64)


def measure_deviation(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], explained: Explained
) -> ModelState:
    """Measure deviation, its standard deviation and the distance to failure of commissioned channels.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels; those not commissioned yet keep NaN.
    explained : Explained
        What explains their values of the hop.

    Returns
    -------
    ModelState
        With `deviation`, `deviation_sd`, `distance` and `scale`; the one passed in is not changed.
    """
    done = state.is_commissioned(catalogue)[rows]
    rows, explained = rows[done], explained.take(done)
    columns = np.empty((4, len(rows)))
    for group in explained.groups:
        stale = explained.stale[group.some]
        columns[:, group.some] = _measure_some(catalogue, state, rows[group.some], stale, group)
    names = ("deviation", "deviation_sd", "distance", "scale")
    measured = zip(names, columns, strict=True)
    return with_columns(state, **{name: scatter(getattr(state, name), rows, column) for name, column in measured})


def _measure_some(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], stale: BoolArray, group: Group
) -> tuple[FloatArray, ...]:
    channel = catalogue.judged[rows]
    reference = reference_of(catalogue, state, rows, group)
    deviation = state.coefficients[rows, 0] + state.behind[rows] - (reference.level + state.offset[rows])
    climate = np.concatenate([np.ones((1, len(rows))), reference.usual])
    variance = _variance_along(state, rows, group, climate)
    variance += _wander_variance(catalogue, state, rows, reference) * (1 + 1 / BLOCKS) + step_variance(state, rows)
    hop_ns = catalogue.hop_ns[catalogue.asset_of_judged[rows]]
    apart_h = np.maximum(catalogue.interval_ns[channel], hop_ns) / HOUR_NS
    variance += behind_variance(state.noise[rows], hourly_wander(state.scale[rows]), apart_h)
    if stale.any():
        variance += _hidden_variance(state, rows, stale)

    level = total(state.block_value[rows].T) / state.count[rows] + state.offset[rows]
    limit = catalogue.limit[channel]
    to_limit = limit - (level - _warmth_then(state, rows, group, reference))
    direction = catalogue.direction[channel]
    by_limit = np.where(direction == 0.0, np.abs(to_limit), direction * to_limit)
    scatter_of_blocks = np.sqrt(reference.apart / (BLOCKS - 1))
    share = np.maximum(catalogue.ratio[channel] * np.abs(level), _CLEAR_OF_SCATTER * scatter_of_blocks)
    default = np.where(np.isnan(catalogue.scale[channel]), share, catalogue.scale[channel])
    least = np.maximum(_LEAST_DISTANCE * default, 1e-6 * np.maximum(np.abs(level), 1e-3))
    # An owner's level lies on one side: the other way, where that is harm too, is as far as without it.
    is_away = (direction == 0.0) & (deviation * to_limit < 0.0)
    by_limit = np.where(is_away, np.maximum(by_limit, default), by_limit)
    distance = np.maximum(np.where(np.isnan(limit), default, by_limit), least)
    return deviation, np.sqrt(variance), distance, np.minimum(state.scale[rows], distance)


def _warmth_then(state: ModelState, rows: npt.NDArray[np.intp], group: Group, reference: Reference) -> FloatArray:
    """float64[R]: what the weather of commissioning did to the level, beside mild weather, as far as it is known."""
    of_warmth = np.isin(group.places[1:], (AIR_NOW, AIR_LAGGED, FROST))
    effects = gather(state.coefficients, rows, group.places[1:][of_warmth])
    return dot(reference.usual[of_warmth], effects)


def harm(catalogue: Catalogue, deviation: FloatArray, rows: npt.NDArray[np.intp]) -> FloatArray:
    """float64[R]: the part of a deviation, float64[R], that points to harm, positive; both ways where either harms."""
    direction = catalogue.direction[catalogue.judged[rows]]
    return np.asarray(np.where(direction == 0.0, np.abs(deviation), direction * deviation), dtype=np.float64)


def is_suspect(state: ModelState, rows: npt.NDArray[np.intp], off: FloatArray) -> BoolArray:
    """bool[R]: tell which channels that are off by so much, float64[R], in the model's unit, are so by no chance."""
    by_score = off > _SUSPECT_SCORE * state.deviation_sd[rows]
    return np.asarray(by_score & (off > _SUSPECT_SHARE * state.distance[rows]))


def in_unit(is_log: BoolArray, expected: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turn an expectation in the model's unit into one in the channel's.

    Parameters
    ----------
    is_log : bool[R]
        True where the model works with the logarithm.
    expected, spread : float64[R]
        In the model's unit; NaN stays NaN.

    Returns
    -------
    expected, band : float64[R]
        Half the width of the 80 % band, positive; of a logarithm, half the distance between its two ends.

    Examples
    --------
    >>> level, band = in_unit(np.array([True, False]), np.array([0.0, 5.0]), np.array([0.01, 0.01]))
    >>> level.tolist(), np.round(band, 4).tolist()
    ([1.0, 5.0], [0.0128, 0.0128])
    """
    half = _QUANTILE_80 * spread
    level = np.exp(np.clip(np.where(is_log, expected, 0.0), -_LARGEST_LOG, _LARGEST_LOG))
    band = level * np.sinh(np.clip(np.where(is_log, half, 0.0), 0.0, _LARGEST_HALF))
    smallest = np.finfo(np.float64).tiny
    return np.where(is_log, level, expected), np.maximum(np.where(is_log, band, half), smallest)
