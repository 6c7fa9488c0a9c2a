"""The healthy baseline of each condition indicator: level, effects of the environment, noise.

Theory of operation
-------------------
A judged channel, in logarithms where effects multiply, is ``y = h · theta + noise``: the first entry of
`theta` is a level that wanders slowly, the others are the effects of the regressors `h` of
`models.environment`. A Kalman filter, one per channel and all in one vectorised call, follows them. The
wandering keeps slow change from being learnt as environment; the covariance says what is not known yet, such
as the effect of a frost that was never met.

- Predict before learn: a value is scored against what was known before it.
- Robust: an innovation counts for at most three of its standard deviations, in the reference that commissioning builds
  as in the filter, so that one wild value among a hundred neither moves what is normal nor makes it look restless.
- The first value of all has nothing to be held against. The first three move the level alone, and where the fourth
  agrees with the third and not with their mean, one of them was wild and commissioning begins again.
- Gated: while a channel is suspect its effects are frozen and only the level moves, so that damage can
  neither be learnt as weather nor hide (a Schmidt-Kalman update: suboptimal gain, honest covariance). The level moves
  by itself then, as fast as one that wanders is followed.
- The variance of the noise follows the innovations by the EM step for one observation.
- Hours err alike, as what nobody measures lasts for hours: a hundred values of four days say no more than a dozen would
  whose errors are their own (`models.alike_errors`). Level and effects are told by so few, and are as unsure as that.
- Near frost a structure is colder or less cold than the air that is remembered, by two kelvins: such hours say less, of
  what frost does as of the level. The first ones of a first frost said what half a degree did, and that was believed of
  ten.
- A level that moves so slowly lags behind a damage of weeks. What values of late lie beside it is kept apart:
  deviations go by it, effects do not.

Priors are in units of the distance to failure (`scale`): what is far for a natural frequency (a few per
cent) is nothing for a vibration. They are judgement: wide enough for published effects of temperature on
bridges (5 % of frequency over 10 K, twice that in frost: Peeters and De Roeck, Earthq. Eng. Struct. Dyn. 30
(2001) 149-171), narrow enough to commission in four days. What is measured in degrees Celsius, as a motor is, stands
in the air, so that the effect of that is known beforehand: four warm days of more work each day taught 3 K a kelvin.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from models.alike_errors import BEHIND_H, as_one
from models.catalogue import HOUR_NS, Catalogue
from models.columns import carry, dot, downdate, gather, put, total
from models.deviation import Expectation, frost_variance, hidden_variance, hourly_wander
from models.environment import Explained
from models.layout import AIR_LAGGED, AIR_NOW, BLOCKS, FROST, REGRESSORS
from models.memory import ModelState, scatter, with_columns
from models.reference import APART
from models.regressor_groups import Group
from models.triangles import diagonal, first_line

__all__ = ["forget_reference", "learn", "meet_drivers"]

# Standard deviation of each coefficient before anything is known, in distances to failure per regressor unit.
_PRIOR: Final = np.array([2.0, 0.5, 0.5, 1.0, 0.3, 0.3, 0.7, 0.7, 2.0, 0.5, 0.3, 0.3])
# What is measured in degrees Celsius stands in the air and is as warm as that, by some 0.85 of each degree: a
# part of it soon, the rest with the day behind it. Kelvins for ten kelvins, and how surely that is known.
_AIR_EFFECTS: Final = {"air_now": 3.5, "air_lagged": 5.0}
_AIR_EFFECT_SD: Final = 0.5
_AIR_MEANS: Final = np.array([_AIR_EFFECTS.get(name, 0.0) for name in REGRESSORS])
# Noise of one hop before it is measured, and the least it is believed to be.
_NOISE_START: Final = 0.1
_NOISE_LEAST: Final = 0.01
# Effects change over years (ageing of bearings and asphalt), and with the seasons, as no line is straight: share of
# their prior in a day.
_EFFECT_PER_SQRT_DAY: Final = 0.005
_INNOVATION_LIMIT: Final = 3.0
# Values that say nothing of the effects yet, and are held against the next one.
_FIRST: Final = 3
# One of them was wild where their mean is so many distances to failure from the next value, by a third of what it was
# wild by, while the last two differ by no more than a share of that.
_WILD: Final = 0.3
_ALIKE: Final = 0.25
# Where failure is a share of the level: how many times as far as the first values lie apart it is, and how many times
# too small the distance by the very first was for what it taught to be kept. Judgement.
_APART: Final = 3.0
_TOO_SMALL: Final = 3.0
_LONGEST_GAP_H: Final = 365.0 * 24.0
_LEARNT: Final = ("coefficients", "covariance", "noise", "updated_ns", "behind")


def learn(
    catalogue: Catalogue,
    state: ModelState,
    value: FloatArray,
    rows: npt.NDArray[np.intp],
    *,
    explained: Explained,
    expectation: Expectation,
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
    explained, expectation : Explained, Expectation
        What explains these values, and what was expected of them.
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
    state = _widen_first(catalogue, state, rows, value)
    first = np.isnan(state.scale[rows])
    scale = np.where(first, _first_scale(catalogue, catalogue.judged[rows], value), state.scale[rows])
    scaled = with_columns(state, scale=scatter(state.scale, rows, scale))
    values = _Values(value, rows, explained, expectation, frozen, end_ns)
    learnt = {name: getattr(scaled, name).copy() for name in _LEARNT}
    counted, again = np.empty(len(rows)), np.zeros(len(rows), np.bool_)
    for group in explained.groups:
        some = rows[group.some]
        found = _learn_some(catalogue, scaled, values, group)
        put(learnt["coefficients"], some, group.places, found.coefficients)
        put(learnt["covariance"], some, group.entries, found.lower)
        learnt["noise"][some] = found.noise
        learnt["behind"][some] = found.behind
        counted[group.some], again[group.some] = found.counted, found.again
    learnt["updated_ns"][rows] = end_ns
    begun = with_columns(scaled, **learnt)
    if again.any():
        begun = _begin_again(catalogue, begun, rows[again], value[again])
    return _commission(catalogue, begun, values, counted, commissioning)


class _Values(NamedTuple):
    """What `learn` is given of all channels."""

    value: FloatArray
    rows: npt.NDArray[np.intp]
    explained: Explained
    expectation: Expectation
    frozen: BoolArray
    end_ns: TimeArray


class _Learnt(NamedTuple):
    """What the channels of a group know now.

    Attributes
    ----------
    coefficients, lower, noise, behind : float64[p, R], float64[p (p + 1) / 2, R], float64[R], float64[R]
        Of the regressors that the group has met.
    counted : float64[R]
        The values as far as they are believed, which is what the reference is made of.
    again : bool[R]
        Channels whose first value was wrong.
    """

    coefficients: FloatArray
    lower: FloatArray
    noise: FloatArray
    behind: FloatArray
    counted: FloatArray
    again: BoolArray


def _learn_some(catalogue: Catalogue, state: ModelState, values: _Values, group: Group) -> _Learnt:
    """Learn the values of a group, of which the state has the scale already."""
    some, met = group.some, group.places
    rows, value, frozen = values.rows[some], values.value[some], values.frozen[some]
    scale, count = state.scale[rows], state.count[rows]
    coefficients = gather(state.coefficients, rows, met)
    lower = gather(state.covariance, rows, group.entries)
    follows_air = _follows_air(catalogue, rows, met)
    prior = _PRIOR[met][:, np.newaxis] * scale
    prior = np.where(follows_air, np.minimum(_AIR_EFFECT_SD, prior), prior)
    on_diagonal = diagonal(len(met))
    variance = lower[on_diagonal]
    # Behind an accepted normal the effects are kept: a row starts anew when its level has no uncertainty yet.
    fresh_level = variance[0] <= 0.0
    known = values.explained.met[some].T[met]
    unheard = known & (variance <= 0.0)
    variance = np.where(unheard, prior**2, variance)
    design = gather(values.explained.regressors, some, met)
    if unheard[1:].any():
        usual = np.where(follows_air, _AIR_MEANS[met][:, np.newaxis], 0.0)[1:]
        coefficients[1:] = np.where(unheard[1:], usual, coefficients[1:])
        # A driver that is heard later on finds a level that was measured without it.
        coefficients[0] -= dot(design[1:], np.where(unheard[1:], usual, 0.0))
    hidden = np.zeros(len(rows))
    if values.explained.stale.any():
        stale, unknown = values.explained.stale[some].T[met], values.explained.is_unknown[some].T[met]
        design[1:] = np.where(unknown[1:], values.expectation.usual[some].T[group.effects], design[1:])
        hidden = hidden_variance(stale, coefficients, variance)
    if FROST in group.met:
        now, lagged = (values.explained.regressors[some, place] for place in (AIR_NOW, AIR_LAGGED))
        frost = group.met.index(FROST)
        hidden += frost_variance(now, lagged, coefficients[frost], variance[frost])

    start = value - dot(design[1:], coefficients[1:])
    coefficients[0] = np.where(fresh_level, start, coefficients[0])
    noise = np.where(state.noise[rows] > 0.0, state.noise[rows], (_NOISE_START * scale) ** 2)

    updated_ns = state.updated_ns[rows]
    elapsed_h = np.clip((values.end_ns[some] - updated_ns) / HOUR_NS, 0.0, _LONGEST_GAP_H)
    elapsed_h = np.where(updated_ns > 0, elapsed_h, 1.0)
    wandered = _wander_rate(catalogue, state, rows, values.expectation.steps[some]) * elapsed_h
    variance[0] += wandered
    variance[1:] += np.where(frozen | ~known[1:], 0.0, (_EFFECT_PER_SQRT_DAY * prior[1:]) ** 2 * (elapsed_h / 24.0))
    lower[on_diagonal] = variance

    spread, forecast = carry(lower, design), dot(design, coefficients)
    along = dot(design, spread)
    expected_square = along + noise + hidden
    limit = _INNOVATION_LIMIT * np.sqrt(expected_square)
    again, moved_by = _hear_first(catalogue, state, rows, value, forecast, limit)
    if again.any():
        coefficients[0] += np.where(again, value - forecast, 0.0)
        forecast = np.where(again, value, forecast)
        line = first_line(len(met))
        lower[line] = np.where(again, 0.0, lower[line])
        lower[on_diagonal[0]] = np.where(again, prior[0] ** 2, lower[on_diagonal[0]])
        noise = np.where(again, (_NOISE_START * scale) ** 2, noise)
        count = np.where(again, 0, count)
        spread = carry(lower, design)
        along = dot(design, spread)
        expected_square = along + noise + hidden
    innovation = np.clip(value - forecast, -limit, limit)
    alike = as_one(elapsed_h)
    # A level that is off moves by itself, as fast as one that wanders is followed, whatever effects might explain. Half
    # of how alike errors are is left, or a week of wind would be followed as well. What effects are not known by tells
    # no level either: in a frost that was never met a level would be lost that no value told anything of.
    alike = np.where(frozen, np.sqrt(alike), alike)
    total_square = expected_square + (alike - 1.0) * (noise + hidden)
    gain = spread / total_square
    unknown = np.maximum(along - 2.0 * spread[0] + lower[on_diagonal[0]], 0.0)
    least = np.minimum(np.sqrt(wandered / (alike * noise + hidden + unknown)), 1.0)
    gain[0] = np.where(frozen, np.maximum(gain[0], least), gain[0])
    gain[1:] = np.where(frozen | (count < _FIRST), 0.0, gain[1:])
    coefficients += gain * innovation
    left = innovation * (1.0 - dot(design, gain))
    weight = np.minimum(np.sqrt(alike) * np.maximum(gain[0], 0.0), -np.expm1(-elapsed_h / BEHIND_H))
    behind = np.where(again | fresh_level, 0.0, state.behind[rows] + weight * (left - state.behind[rows]))
    # The covariance loses g s' + s g' - total g g', which is g r' + r g'.
    downdate(lower, gain, spread - 0.5 * total_square * gain)

    pace = np.where(count < catalogue.commission_count[catalogue.judged[rows]], 2.0 / (count + 10.0), 1.0 / 300.0)
    share = noise / expected_square
    moved = noise + pace * share**2 * (innovation**2 - expected_square)
    noise = np.where(frozen, noise, np.maximum(moved, (_NOISE_LEAST * scale) ** 2))
    counted = np.where(count < _FIRST, value, forecast + innovation + moved_by)
    return _Learnt(coefficients, lower, noise, behind, counted, again)


def _follows_air(catalogue: Catalogue, rows: npt.NDArray[np.intp], met: IndexArray) -> BoolArray:
    """bool[p, R]: tell which effects are of the air on what is as warm as it, and known before anything is heard."""
    is_celsius = catalogue.is_celsius[catalogue.judged[rows]]
    return np.asarray((_AIR_MEANS[met] != 0.0)[:, np.newaxis] & is_celsius)


def _hear_first(
    catalogue: Catalogue,
    state: ModelState,
    rows: npt.NDArray[np.intp],
    value: FloatArray,
    forecast: FloatArray,
    limit: FloatArray,
) -> tuple[BoolArray, FloatArray]:
    """Hold the first values against the fourth; until then they are in the reference as they were measured.

    Returns
    -------
    bool[R]
        Where one of them was wild, and the level is not to be trusted.
    float64[R]
        Elsewhere, what the reference is to be moved by: to the level where the third was wild.
    """
    early = (state.count[rows] == _FIRST) & (catalogue.commission_count[catalogue.judged[rows]] > _FIRST * BLOCKS)
    if not early.any():
        return early, np.zeros(len(rows))
    channel = catalogue.judged[rows]
    mean = total(state.block_value[rows].T) / _FIRST
    off = np.abs(mean - value)
    wild = early & (off > _WILD * _first_scale(catalogue, channel, value))
    again = wild & (np.abs(value - state.recent[channel, 1]) < _ALIKE * off)
    third = wild & (np.abs(value - forecast) < _ALIKE * off)
    kept = np.where(third, forecast, np.clip(mean, forecast - limit, forecast + limit))
    return again, np.where(early & ~again, _FIRST * (kept - mean), 0.0)


def _widen_first(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], value: FloatArray) -> ModelState:
    """Begin channels anew whose first value was by chance next to 0, where failure is a share of it.

    All priors are a share of the distance to failure, and were a share of nought: such a channel followed nothing any
    more, neither the weather nor a damage. The first values differ by their scatter, which is what a distance is told
    from beside the largest of them.
    """
    channel = catalogue.judged[rows]
    early = np.flatnonzero(
        (state.count[rows] == _FIRST)
        & np.isfinite(catalogue.ratio[channel])
        & np.isnan(catalogue.limit[channel])
        & (catalogue.commission_count[channel] > _FIRST * BLOCKS)
    )
    if not len(early):
        return state
    some, channel = rows[early], channel[early]
    heard = np.stack([total(state.block_value[some].T) / _FIRST, state.recent[channel, 1], value[early]])
    by_level = _first_scale(catalogue, channel, np.max(np.abs(heard), axis=0))
    scale = np.maximum(by_level, _APART * (np.max(heard, axis=0) - np.min(heard, axis=0)))
    found = np.isfinite(scale) & (scale > _TOO_SMALL * state.scale[some])
    some = some[found]
    if not len(some):
        return state
    learnt = {name: getattr(state, name).copy() for name in _LEARNT}
    for column in learnt.values():
        column[some] = 0
    return forget_reference(with_columns(state, scale=scatter(state.scale, some, scale[found]), **learnt), some)


def _begin_again(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], value: FloatArray) -> ModelState:
    """Forget what the first values told of the reference and of the distance to failure."""
    scale = scatter(state.scale, rows, _first_scale(catalogue, catalogue.judged[rows], value))
    return forget_reference(with_columns(state, scale=scale), rows)


def forget_reference(state: ModelState, rows: npt.NDArray[np.intp]) -> ModelState:
    """Begin the commissioning of some judged channels, by their rows, with the next value."""
    count, block_value, block_regressors = state.count.copy(), state.block_value.copy(), state.block_regressors.copy()
    count[rows], block_value[rows], block_regressors[rows] = 0, 0.0, 0.0
    return with_columns(state, count=count, block_value=block_value, block_regressors=block_regressors)


def _wander_rate(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], steps: FloatArray) -> FloatArray:
    """Measure how fast a sound level wanders, from the differences between commissioning blocks of one time of day.

    Parameters
    ----------
    rows : intp[R]
        Rows of judged channels; not commissioned ones get the prior.
    steps : float64[R]
        Of their `Expectation`.

    Returns
    -------
    float64[R]
        Variance an hour, in the squared unit of the model; at least the prior.

    Notes
    -----
    Means over stretches of length L of a random walk with variance q an hour, with one such stretch between them,
    differ by 5/3 q L in the mean square. Six differences are weighed against a prior worth two. Of hourly values such
    stretches are half a day, and those beside each other differ by what a night differs from a day: where no traffic is
    counted a level was taken for one that may move by all its way in a day, and every effect drifted (until 3.59).
    """
    least = hourly_wander(state.scale[rows])
    needed = catalogue.commission_count[catalogue.judged[rows]]
    per_block = needed // BLOCKS
    measured = steps / (BLOCKS - APART) - 2.0 * state.noise[rows] / per_block
    hop_ns = catalogue.hop_ns[catalogue.asset_of_judged[rows]]
    block_h = per_block * np.maximum(catalogue.interval_ns[catalogue.judged[rows]], hop_ns) / HOUR_NS
    rate = np.maximum(measured, 0.0) / (block_h * (APART - 1.0 / 3.0))
    pooled = (2.0 * least + (BLOCKS - APART) * rate) / (BLOCKS - APART + 2)
    return np.asarray(np.where(state.count[rows] >= needed, np.maximum(pooled, least), least), dtype=np.float64)


def _commission(
    catalogue: Catalogue, state: ModelState, values: _Values, believed: FloatArray, commissioning: BoolArray
) -> ModelState:
    """Add values, as far as they are believed, to the reference of channels that are not commissioned yet."""
    needed = catalogue.commission_count[catalogue.judged[values.rows]]
    counted = np.flatnonzero(commissioning & (state.count[values.rows] < needed))
    if not len(counted):
        return state
    rows = values.rows[counted]
    explained, usual = values.explained.take(counted), values.expectation.usual[counted]
    block = np.minimum(state.count[rows] // (needed[counted] // BLOCKS), BLOCKS - 1)
    sums = state.block_value[rows, block] + believed[counted]
    block_value, block_regressors = state.block_value.copy(), state.block_regressors.copy()
    block_value[rows, block] = sums
    block_regressors[rows, block] += np.where(explained.is_unknown[:, 1:], usual, explained.regressors[:, 1:])
    count = scatter(state.count, rows, state.count[rows] + 1)
    return with_columns(state, block_value=block_value, block_regressors=block_regressors, count=count)


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
    return with_columns(state, block_regressors=(state.block_regressors + added).astype(np.float32))


def _first_scale(catalogue: Catalogue, channel: IndexArray, value: FloatArray) -> FloatArray:
    """Give the distance to failure that sets the priors, before a commissioned level is known."""
    by_limit = np.abs(catalogue.limit[channel] - value)
    by_ratio = np.where(np.isnan(by_limit), np.abs(value) * catalogue.ratio[channel], by_limit)
    scale = np.where(np.isnan(catalogue.scale[channel]), by_ratio, catalogue.scale[channel])
    return np.asarray(np.maximum(scale, 1e-3 * np.maximum(np.abs(value), 1e-3)), dtype=np.float64)
