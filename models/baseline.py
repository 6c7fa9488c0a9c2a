"""The healthy baseline of each condition indicator: level, effects of the environment, noise.

Theory of operation
-------------------
A judged channel, in logarithms where effects multiply, is ``y = h · theta + noise``: the first entry of
`theta` is a level that wanders slowly, the others are the effects of the regressors `h` of
`models.environment`. A Kalman filter, one per channel and all in one vectorised call, follows them. The
wandering keeps slow change from being learnt as environment; the covariance says what is not known yet, such
as the effect of a frost that was never met.

- Predict before learn: a value is scored against what was known before it.
- Robust: an innovation counts for at most three of its standard deviations.
- Gated: while a channel is suspect its effects are frozen and only the level moves, so that damage can
  neither be learnt as weather nor hide (a Schmidt-Kalman update: suboptimal gain, honest covariance).
- The variance of the noise follows the innovations by the EM step for one observation.

Priors are in units of the distance to failure (`scale`): what is far for a natural frequency (a few per
cent) is nothing for a vibration. They are judgement: wide enough for published effects of temperature on
bridges (5 % of frequency over 10 K, twice that in frost: Peeters and De Roeck, Earthq. Eng. Struct. Dyn. 30
(2001) 149-171), narrow enough to commission in four days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from models.catalogue import HOUR_NS, Catalogue
from models.layout import BLOCKS, REGRESSORS
from models.memory import ModelState
from models.triangles import fold, unfold

__all__ = ["STALE_SPREAD", "block_residuals", "learn", "meet_drivers", "parts_of", "scatter", "wander_rate"]

# Standard deviation of each coefficient before anything is known, in distances to failure per regressor unit.
_PRIOR: Final = np.array([2.0, 0.5, 0.5, 1.0, 0.3, 0.3, 0.7, 0.7, 2.0, 0.5, 0.3, 0.3])
# Noise of one hop before it is measured, and the least it is believed to be.
_NOISE_START: Final = 0.1
_NOISE_LEAST: Final = 0.01
# How far a sound level wanders in a day, in distances to failure; more where commissioning showed more.
_WANDER_PER_SQRT_DAY: Final = 0.01
# Effects change over years (ageing of bearings and asphalt): share of their prior in a day.
_EFFECT_PER_SQRT_DAY: Final = 0.001
_INNOVATION_LIMIT: Final = 3.0
# A lost driver leaves its regressor anywhere within this, in regressor units.
STALE_SPREAD: Final = 0.7
_LONGEST_GAP_H: Final = 365.0 * 24.0
_LEARNT: Final = ("coefficients", "covariance", "noise", "updated_ns", "count", "block_value", "block_regressors")
# Covariances of so many channels, and what is made of them, fit in a core's own cache.
_ROWS_AT_ONCE: Final = 256


def wander_rate(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp]) -> FloatArray:
    """Measure how fast a sound level wanders, from the differences between commissioning blocks.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels; not commissioned ones get the prior.

    Returns
    -------
    float64[R]
        Variance an hour, in the squared unit of the model; at least the prior.

    Notes
    -----
    Means over consecutive stretches of length L of a random walk with variance q an hour differ by
    2/3 q L in the mean square. Seven differences are weighed against a prior worth two.
    """
    least = (_WANDER_PER_SQRT_DAY * state.scale[rows]) ** 2 / 24.0
    needed = catalogue.commission_count[catalogue.judged[rows]]
    per_block = needed // BLOCKS
    residual = block_residuals(catalogue, state, rows)
    steps = residual[:, 1:] - residual[:, :-1]
    measured = np.sum(steps * steps, axis=-1) / (BLOCKS - 1) - 2.0 * state.noise[rows] / per_block
    hop_ns = catalogue.hop_ns[catalogue.asset_of_judged[rows]]
    block_h = per_block * np.maximum(catalogue.interval_ns[catalogue.judged[rows]], hop_ns) / HOUR_NS
    rate = np.maximum(measured, 0.0) / (block_h * 2.0 / 3.0)
    pooled = (2.0 * least + (BLOCKS - 1) * rate) / (BLOCKS + 1)
    return np.asarray(np.where(state.count[rows] >= needed, np.maximum(pooled, least), least), dtype=np.float64)


def block_residuals(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp]) -> FloatArray:
    """float64[R, G]: means of the commissioning blocks without the environment, by today's effects."""
    per_block = (catalogue.commission_count[catalogue.judged[rows]] // BLOCKS)[:, np.newaxis]
    effect = np.einsum("rgk,rk->rg", state.block_regressors[rows], state.coefficients[rows, 1:])
    return np.asarray((state.block_value[rows] - effect) / per_block, dtype=np.float64)


def learn(
    catalogue: Catalogue,
    state: ModelState,
    value: FloatArray,
    rows: npt.NDArray[np.intp],
    *,
    regressors: FloatArray,
    stale: BoolArray,
    frozen: BoolArray,
    commissioning: BoolArray,
    end_ns: TimeArray,
) -> ModelState:
    """Fold one value of some judged channels into their baselines.

    Parameters
    ----------
    value : float64[R]
        In the model's unit.
    rows : intp[R]
        Rows of the judged channels, ascending.
    regressors, stale : float64[R, K], bool[R, K]
        Of the channel's asset.
    frozen : bool[R]
        True where only the level may move.
    commissioning : bool[R]
        True where the value belongs to the reference that is being built.
    end_ns : int64[R]
        End of the hop.

    Returns
    -------
    ModelState
        With new baseline columns; the one passed in is not changed.
    """
    first = np.isnan(state.scale[rows])
    scale = np.where(first, _first_scale(catalogue, catalogue.judged[rows], value), state.scale[rows])
    scaled = replace(state, scale=scatter(state.scale, rows, scale))
    learnt = {name: getattr(state, name).copy() for name in _LEARNT}
    whole = _Values(value, rows, regressors, stale, frozen, commissioning, end_ns)
    for some in parts_of(rows):
        part = _Values._make(column[some] for column in whole)
        for name, values in zip(_LEARNT, _learn_values(catalogue, scaled, part), strict=True):
            learnt[name][part.rows] = values
    return replace(scaled, **learnt)


class _Values(NamedTuple):
    """What `learn` is given, of all channels or of some."""

    value: FloatArray
    rows: npt.NDArray[np.intp]
    regressors: FloatArray
    stale: BoolArray
    frozen: BoolArray
    commissioning: BoolArray
    end_ns: TimeArray


def _learn_values(catalogue: Catalogue, state: ModelState, values: _Values) -> tuple[npt.NDArray[Any], ...]:
    """Give the new values of `_LEARNT` for some rows, of which the state has the scale already."""
    value, rows, regressors, stale, frozen, commissioning, end_ns = values
    channel = catalogue.judged[rows]
    scale = state.scale[rows]
    prior = scale[:, np.newaxis] * _PRIOR
    diagonal = np.arange(len(REGRESSORS))

    coefficients = state.coefficients[rows]
    covariance = unfold(state.covariance[rows], len(REGRESSORS))
    # After `recommission` the effects may be kept: a row starts anew when its level has no uncertainty yet.
    fresh_level = covariance[:, 0, 0] <= 0.0
    unknown = covariance[:, diagonal, diagonal] <= 0.0
    covariance[:, diagonal, diagonal] = np.where(unknown, prior**2, covariance[:, diagonal, diagonal])

    block_sums = state.block_regressors[rows]
    count = state.count[rows]
    per_block = catalogue.commission_count[channel] // BLOCKS
    usual = np.sum(block_sums, axis=1) / np.maximum(count, 1)[:, np.newaxis]
    design = regressors.copy()
    design[:, 1:] = np.where(stale[:, 1:], usual, regressors[:, 1:])
    effect_variance = coefficients**2 + covariance[:, diagonal, diagonal]
    hidden = np.sum(np.where(stale, effect_variance, 0.0), axis=-1) * STALE_SPREAD**2

    start = value - np.einsum("rk,rk->r", design[:, 1:], coefficients[:, 1:])
    coefficients[:, 0] = np.where(fresh_level, start, coefficients[:, 0])
    noise = np.where(state.noise[rows] > 0.0, state.noise[rows], (_NOISE_START * scale) ** 2)

    elapsed_h = np.clip((end_ns - state.updated_ns[rows]) / HOUR_NS, 0.0, _LONGEST_GAP_H)
    elapsed_h = np.where(state.updated_ns[rows] > 0, elapsed_h, 1.0)
    covariance[:, 0, 0] += wander_rate(catalogue, state, rows) * elapsed_h
    ageing = (_EFFECT_PER_SQRT_DAY * prior[:, 1:]) ** 2 * (elapsed_h / 24.0)[:, np.newaxis]
    covariance[:, diagonal[1:], diagonal[1:]] += np.where(frozen[:, np.newaxis], 0.0, ageing)

    spread = np.einsum("rkl,rl->rk", covariance, design)
    total = np.einsum("rk,rk->r", design, spread) + noise + hidden
    innovation = value - np.einsum("rk,rk->r", design, coefficients)
    limit = _INNOVATION_LIMIT * np.sqrt(total)
    innovation = np.clip(innovation, -limit, limit)
    gain = spread / total[:, np.newaxis]
    gain[:, 1:] = np.where(frozen[:, np.newaxis], 0.0, gain[:, 1:])
    coefficients = coefficients + gain * innovation[:, np.newaxis]
    # The covariance loses g s' + s g' - total g g', which is half + half': symmetric to the bit.
    rest = spread - 0.5 * total[:, np.newaxis] * gain
    half = gain[:, :, np.newaxis] * rest[:, np.newaxis, :]
    covariance -= half + half.transpose(0, 2, 1)

    pace = np.where(count < catalogue.commission_count[channel], 2.0 / (count + 10.0), 1.0 / 300.0)
    share = noise / total
    moved = noise + pace * share**2 * (innovation**2 - total)
    noise = np.where(frozen, noise, np.maximum(moved, (_NOISE_LEAST * scale) ** 2))

    block = np.minimum(count // per_block, BLOCKS - 1)
    counted = commissioning & (count < catalogue.commission_count[channel])
    block_value = state.block_value[rows]
    picked = np.arange(len(rows))
    block_value[picked, block] += np.where(counted, value, 0.0)
    block_sums[picked, block] += np.where(counted[:, np.newaxis], design[:, 1:], 0.0)
    return coefficients, fold(covariance), noise, end_ns, count + counted, block_value, block_sums


def meet_drivers(catalogue: Catalogue, state: ModelState, regressors: FloatArray, newly_met: BoolArray) -> ModelState:
    """Give commissioning blocks that ended before a driver first spoke the climate of that moment.

    Without it the first temperature of an asset would move the reference by its whole effect.

    Parameters
    ----------
    regressors, newly_met : float64[J, K], bool[J, K]
        Of the channel's asset, for every judged channel.
    """
    if not np.any(newly_met & (state.count > 0)[:, np.newaxis]):
        return state
    per_block = (catalogue.commission_count[catalogue.judged] // BLOCKS)[:, np.newaxis]
    filled = np.clip(state.count[:, np.newaxis] - per_block * np.arange(BLOCKS), 0, per_block)
    met_now = np.where(newly_met, regressors, 0.0)[:, 1:]
    added = filled[:, :, np.newaxis] * met_now[:, np.newaxis, :]
    return replace(state, block_regressors=state.block_regressors + added)


def _first_scale(catalogue: Catalogue, channel: IndexArray, value: FloatArray) -> FloatArray:
    """Give the distance to failure that sets the priors, before a commissioned level is known."""
    by_limit = np.abs(catalogue.limit[channel] - value)
    by_ratio = np.where(np.isnan(by_limit), np.abs(value) * catalogue.ratio[channel], by_limit)
    scale = np.where(np.isnan(catalogue.scale[channel]), by_ratio, catalogue.scale[channel])
    return np.asarray(np.maximum(scale, 1e-3 * np.maximum(np.abs(value), 1e-3)), dtype=np.float64)


def parts_of(rows: npt.NDArray[np.intp]) -> Iterator[slice]:
    """Cut rows of judged channels into parts that are quick to work on, one after the other."""
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        yield slice(begin, begin + _ROWS_AT_ONCE)


def scatter(column: npt.NDArray[Any], rows: npt.NDArray[np.intp], values: npt.NDArray[Any]) -> Any:
    """Copy a column with some of its rows replaced."""
    copy = column.copy()
    copy[rows] = values
    return copy
