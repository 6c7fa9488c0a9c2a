"""What warmth does to a level beyond what the first stage can say: bends, learnt from the weather of weeks.

The first stage explains a level by warmth along a line, with a bend at freezing. What bends elsewhere is left over, and
its first summer or winter looks like damage. But damage does not follow the thermometer: what a warm week does and a
cool week takes back is weather. So the swings of a level around its own last days are explained by the swings of
warmth beyond each bend, by a Kalman filter for each channel. Slow change, be it damage or wandering, is hardly in those
swings: of damage that grows from nothing to failure in one spring a ninth is taken for a bend. A single swing counts
for at most three of its usual sizes, so that a step teaches little.

What the bends have done since the reference was made is taken off the level, and what is not known of them widens what
it may deviate by: warmth that was never met makes unsure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from domain.arrays import BoolArray, FloatArray
from models.layout import BENDS
from models.triangles import fold, unfold

__all__ = ["Bends", "bend_effect", "feel_warmth", "learn_bends"]

# Degrees where effects may bend, and how softly: ten degrees apart, as no more can be told by the weather of weeks.
_PLACES_DEGC: Final = np.array([0.0, 10.0, 20.0])
_SOFT_K: Final = 2.0
# Spread of the effect of ten degrees beyond a bend, in shares of the failure level; effects change over years.
_PRIOR: Final = 0.1
_EFFECT_DAYS: Final = 2000.0
# The level of the first stage follows within two days; a swing is what left its mean of five.
_FELT_DAYS: Final = 2.0
_SLOW_DAYS: Final = 5.0
# What a swing differs by from what warmth explains: at first, over how long it is learnt, at least, and how much of it
# counts. Days that follow each other are one witness.
_ERROR_START: Final = 0.05
_ERROR_DAYS: Final = 30.0
_ERROR_LEAST: Final = 0.01
_ERROR_LIMIT: Final = 3.0
_DRAW_DAYS: Final = 5.0


class Bends(NamedTuple):
    """What is remembered of each channel; B bends, levels in shares of the failure level, warmth in ten degrees.

    Attributes
    ----------
    start, slow : float64[J, B]
        Warmth beyond each bend when the reference was made, and its mean of five days; NaN before.
    level : float64[J]
        Level towards harm, its mean of five days; NaN before the first.
    effect : float64[J, B]
        What ten degrees beyond each bend do.
    learnt : float64[J, B (B + 1) / 2]
        By how much the covariance of the effects is less than before anything was known, as a lower triangle.
    error : float64[J]
        Mean square of swings that warmth did not explain; NaN before the first.
    """

    start: FloatArray
    slow: FloatArray
    level: FloatArray
    effect: FloatArray
    learnt: FloatArray
    error: FloatArray


def feel_warmth(felt: FloatArray, degc: FloatArray) -> FloatArray:
    """float64[A, B]: fold a day in: warmth beyond each bend in ten degrees, as a level follows it.

    Parameters
    ----------
    felt : float64[A, B]
        As it was the day before; NaN before the first.
    degc : float64[A]
        Remembered temperature; NaN where the asset has none, which changes nothing.
    """
    known = np.isfinite(degc)[:, np.newaxis]
    over = (np.nan_to_num(degc)[:, np.newaxis] - _PLACES_DEGC) / _SOFT_K
    now = _SOFT_K * np.logaddexp(0.0, over) / 10.0
    moved = felt - np.expm1(-1.0 / _FELT_DAYS) * (now - felt)
    return np.asarray(np.where(known, np.where(np.isnan(felt), now, moved), felt), np.float64)


def bend_effect(memory: Bends, felt: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give what the bends did to each level since its reference was made, and the variance of that.

    Parameters
    ----------
    felt : float64[J, B]
        Of the channel's asset.

    Returns
    -------
    effect, variance : float64[J]
        0 where the warmth is not known, or no reference was made.
    """
    away = np.nan_to_num(felt - memory.start)
    _, variance = _unsure(memory, away)
    return _along(memory.effect, away), variance


def learn_bends(memory: Bends, felt: FloatArray, towards: FloatArray, active: BoolArray) -> Bends:
    """Fold one day in.

    Parameters
    ----------
    felt : float64[J, B]
        Of the channel's asset.
    towards : float64[J]
        Level towards harm without the common shock, and with what bends did.
    active : bool[J]
        Channels with a level of this day; the others stay as they are.
    """
    heard = active & np.isfinite(felt[:, 0])
    first = heard & np.isnan(memory.level)
    each, begins = heard[:, np.newaxis], first[:, np.newaxis]
    gain = -np.expm1(-1.0 / _SLOW_DAYS)
    level = np.where(first, towards, memory.level + gain * (towards - memory.level))
    slow = np.where(begins, felt, memory.slow + gain * (felt - memory.slow))
    swing = np.where(heard, towards - level, 0.0)
    warmth = np.where(each, felt - slow, 0.0)

    usual = np.where(np.isnan(memory.error), _ERROR_START**2, memory.error)
    limit = _ERROR_LIMIT * np.sqrt(usual)
    error = np.clip(swing - _along(memory.effect, warmth), -limit, limit)
    carried, variance = _unsure(memory, warmth)
    whole = _DRAW_DAYS * usual + variance
    keep = float(np.exp(-1.0 / _EFFECT_DAYS))
    effect = keep * (memory.effect + carried * (error / whole)[:, np.newaxis])
    outer = carried[:, :, np.newaxis] * carried[:, np.newaxis, :] / whole[:, np.newaxis, np.newaxis]
    learnt = keep**2 * (memory.learnt + fold(outer))
    moved = np.maximum(usual - np.expm1(-1.0 / _ERROR_DAYS) * (error**2 - usual), _ERROR_LEAST**2)
    return Bends(
        start=np.where(begins, felt, memory.start),
        slow=np.where(each, slow, memory.slow),
        level=np.where(heard, level, memory.level),
        effect=np.where(each, effect, memory.effect),
        learnt=np.where(each, learnt, memory.learnt),
        error=np.where(heard, moved, memory.error),
    )


def _unsure(memory: Bends, warmth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """float64[J, B] and float64[J]: the covariance of the effects times some warmth, and the variance of its effect."""
    learnt = unfold(memory.learnt, BENDS)
    carried = _PRIOR**2 * warmth - np.stack([_along(learnt[:, bend], warmth) for bend in range(BENDS)], axis=1)
    return carried, np.maximum(_along(carried, warmth), 0.0)


def _along(effect: FloatArray, warmth: FloatArray) -> FloatArray:
    """float64[J]: a sum in a fixed order, so that a row's bits do not depend on others."""
    total = np.zeros(len(warmth))
    for bend in range(BENDS):
        total = total + effect[:, bend] * warmth[:, bend]
    return total
