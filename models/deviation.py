"""How far each condition indicator is from its healthy reference, and how surely.

The reference is the commissioning data, kept as eight block means of values and regressors and re-evaluated
with today's effects of the environment: what was measured then minus what today's model says that weather and
load did then. The deviation is today's level minus that, in other words the predicted value in the mean
climate of commissioning minus what was then measured. Its uncertainty adds

- the covariance of level and effects, carried to the climate of commissioning: a first summer after a winter's
  commissioning is uncertain by what the effects are not known yet, and therefore no alarm;
- the wandering of the blocks around their mean, weighed against a prior worth two blocks;
- what four days cannot show: weather nobody measured, and more where there is no temperature sensor.

A channel's distance to failure follows from the owner's absolute level or the default of
`models.thresholds`; deviation over distance is the severity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray
from models.baseline import STALE_SPREAD, block_residuals, parts_of, scatter
from models.catalogue import Catalogue
from models.environment import has_climate
from models.layout import BLOCKS, LEVEL_VARIANCE, REGRESSORS
from models.memory import ModelState
from models.triangles import diagonal, unfold

__all__ = ["Expectation", "expect", "harm", "in_unit", "measure_deviation"]

# Slow wandering of a sound structure that commissioning did not show, in distances to failure. Judgement; to be
# replaced by what like assets show (a second stage over the fleet).
_UNSEEN: Final = 0.05
_WANDER_PRIOR: Final = 0.03
# Without a temperature sensor half of the prior effect of 10 K stays unexplained.
_UNMEASURED_CLIMATE: Final = 0.25
_QUANTILE_80: Final = 1.2815515655446004
# Bounds that keep exponentials finite: far beyond anything that is measured.
_LARGEST_LOG: Final = 600.0
_LARGEST_HALF: Final = 50.0
# Least distance to failure, when the commissioned level is already near or past the owner's limit.
_LEAST_DISTANCE: Final = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What was normal for some judged channels in a hop, before its values were learnt.

    Attributes
    ----------
    expected, spread : float64[R]
        In the model's unit; spread is a standard deviation that includes the noise of one hop. NaN where the
        channel has too little history to say.
    """

    expected: FloatArray
    spread: FloatArray


def expect(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], regressors: FloatArray, stale: BoolArray
) -> Expectation:
    """Say what a healthy channel would measure at this environment.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels.
    regressors, stale : float64[R, K], bool[R, K]
        Of the channel's asset.
    """
    expected, spread = np.empty(len(rows)), np.empty(len(rows))
    for part in parts_of(rows):
        expected[part], spread[part] = _expect_some(catalogue, state, rows[part], regressors[part], stale[part])
    return Expectation(expected, spread)


def _expect_some(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], regressors: FloatArray, stale: BoolArray
) -> tuple[FloatArray, FloatArray]:
    per_channel = catalogue.commission_count[catalogue.judged[rows]]
    commissioned = state.count[rows] >= per_channel
    usual = np.sum(state.block_regressors[rows], axis=1) / np.maximum(state.count[rows], 1)[:, np.newaxis]
    residual = block_residuals(catalogue, state, rows)
    offset = np.where(stale[:, 1:], 0.0, regressors[:, 1:] - usual)
    effects = state.coefficients[rows, 1:]
    reference = np.mean(residual, axis=-1) + state.offset[rows]
    weather = np.einsum("rk,rk->r", usual + offset, effects)
    normal, level = reference + weather, state.coefficients[rows, 0] + weather
    away = np.concatenate([np.zeros((len(rows), 1)), offset], axis=1)
    climate = _variance_along(state, rows, away)
    wander = _wander_variance(catalogue, state, rows, residual)
    variance = climate + wander * (1 + 1 / BLOCKS) + state.noise[rows]
    running = climate + np.maximum(state.covariance[rows, LEVEL_VARIANCE], 0.0) + state.noise[rows]
    enough = state.count[rows] * BLOCKS >= per_channel
    expected = np.where(commissioned, normal, np.where(enough, level, np.nan))
    spread = np.where(commissioned, np.sqrt(variance), np.where(enough, np.sqrt(running), np.nan))
    return expected, spread


def _variance_along(state: ModelState, rows: npt.NDArray[np.intp], direction: FloatArray) -> FloatArray:
    """float64[R]: variance of level and effects along a direction, float64[R, K]; not negative."""
    carried = np.einsum("rkl,rl->rk", unfold(state.covariance[rows], len(REGRESSORS)), direction)
    return np.asarray(np.maximum(np.einsum("rk,rk->r", direction, carried), 0.0), dtype=np.float64)


def _wander_variance(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], residual: FloatArray
) -> FloatArray:
    """float64[R]: variance of a sound level around the reference, over days to months.

    Parameters
    ----------
    residual : float64[R, G]
        `block_residuals` of these rows.
    """
    per_block = catalogue.commission_count[catalogue.judged[rows]] // BLOCKS
    centred = residual - np.mean(residual, axis=-1)[:, np.newaxis]
    between = np.sum(centred * centred, axis=-1) / (BLOCKS - 1) - state.noise[rows] / per_block
    scale = state.scale[rows]
    pooled = (2 * (_WANDER_PRIOR * scale) ** 2 + (BLOCKS - 1) * np.maximum(between, 0.0)) / (BLOCKS + 1)
    measured = has_climate(state, catalogue.asset_of_judged[rows])
    unseen = np.where(measured, _UNSEEN, np.hypot(_UNSEEN, _UNMEASURED_CLIMATE))
    return np.asarray(pooled + (unseen * scale) ** 2, dtype=np.float64)


def measure_deviation(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], stale: BoolArray
) -> ModelState:
    """Measure deviation, its standard deviation and the distance to failure of commissioned channels.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels; those not commissioned yet keep NaN.
    stale : bool[R, K]
        True where a driver of the channel's asset is lost.

    Returns
    -------
    ModelState
        With `deviation`, `deviation_sd`, `distance` and `scale`; the one passed in is not changed.
    """
    done = state.is_commissioned(catalogue)[rows]
    rows, stale = rows[done], stale[done]
    columns = np.empty((4, len(rows)))
    for part in parts_of(rows):
        columns[:, part] = _measure_some(catalogue, state, rows[part], stale[part])
    names = ("deviation", "deviation_sd", "distance", "scale")
    measured = zip(names, columns, strict=True)
    return replace(state, **{name: scatter(getattr(state, name), rows, column) for name, column in measured})


def _measure_some(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], stale: BoolArray
) -> tuple[FloatArray, ...]:
    channel = catalogue.judged[rows]
    count = state.count[rows].astype(np.float64)
    block = block_residuals(catalogue, state, rows)
    reference = np.mean(block, axis=-1) + state.offset[rows]
    deviation = state.coefficients[rows, 0] - reference

    climate = np.concatenate(
        [np.ones((len(rows), 1)), np.sum(state.block_regressors[rows], axis=1) / count[:, np.newaxis]], axis=1
    )
    coefficients = _variance_along(state, rows, climate)
    own = state.covariance[np.ix_(rows, diagonal(len(REGRESSORS)))]
    lost = np.sum(np.where(stale, state.coefficients[rows] ** 2 + own, 0.0), axis=-1) * STALE_SPREAD**2
    wander = _wander_variance(catalogue, state, rows, block) * (1 + 1 / BLOCKS)

    level = np.sum(state.block_value[rows], axis=-1) / count + state.offset[rows]
    limit = catalogue.limit[channel]
    direction = catalogue.direction[channel]
    by_limit = np.where(direction == 0.0, np.abs(limit - level), direction * (limit - level))
    default = np.where(
        np.isnan(catalogue.scale[channel]), catalogue.ratio[channel] * np.abs(level), catalogue.scale[channel]
    )
    least = np.maximum(_LEAST_DISTANCE * default, 1e-6 * np.maximum(np.abs(level), 1e-3))
    distance = np.maximum(np.where(np.isnan(limit), default, by_limit), least)
    return deviation, np.sqrt(coefficients + wander + lost), distance, np.minimum(state.scale[rows], distance)


def harm(catalogue: Catalogue, deviation: FloatArray, rows: npt.NDArray[np.intp]) -> FloatArray:
    """float64[R]: the part of a deviation that points towards harm, positive; both ways where either harms."""
    direction = catalogue.direction[catalogue.judged[rows]]
    return np.asarray(np.where(direction == 0.0, np.abs(deviation), direction * deviation), dtype=np.float64)


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
