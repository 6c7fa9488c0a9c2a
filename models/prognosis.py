"""From severity to remaining life: a drift to the failure level, with its uncertainty.

The severity of each pair (1 at the failure level) is a Wiener process with drift. A two-state Kalman filter
follows level and growth a day; its prior is that of a sound asset, so a young history leans on the class and
not on its own noise, and growth may change faster the stronger the evidence is. In a horizon of t days the
severity is then normal with mean ``level + growth t``, variance ``level's + growth's t² + diffusion t``. The chance of
failure within t is the chance to be past the failure level at t or at any earlier time of the grid: simple, and
slightly low for paths that cross and return. The interval keeps the diffusion as chance and moves level and
growth by their 80 % bounds: what we do not know, apart from what nobody can.

Beside it stands a rate of failures by modes that no sensor sees, from class, age and inspection.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy import special

from domain.arrays import BoolArray, FloatArray, TimeArray
from models.catalogue import HOUR_NS, Catalogue
from models.memory import ModelState

__all__ = ["LIFE_DAYS", "Outlook", "crossing_probability", "follow_trend", "outlook"]

_DAY_NS: Final = 24 * HOUR_NS
# A sound asset loses its way to failure in some 25 years; one in a hundred in one year. Judgement.
_GROWTH_MEAN: Final = 1.0 / (25 * 365.25)
_GROWTH_SD: Final = 0.001
_LEVEL_SD: Final = 0.05
# Diffusion of severity and of growth, a square root of a day.
_DIFFUSION: Final = 0.01
_GROWTH_DIFFUSION: Final = 5e-5
# Errors of the severity stay for about this long, so that hourly values are not hourly evidence.
_ERROR_DAYS: Final = 10.0
_FASTEST_GROWTH: Final = 0.2
_QUANTILE_80: Final = 1.2815515655446004

# Grid of remaining lives: ten years, finer near.
LIFE_DAYS: Final[FloatArray] = np.concatenate([[0.0], np.geomspace(0.25, 3652.5, 120)])


def follow_trend(catalogue: Catalogue, state: ModelState, heard: BoolArray, end_ns: TimeArray) -> ModelState:
    """Fold the severity of this hop into level and growth of each pair.

    Parameters
    ----------
    heard : bool[P]
        Pairs whose severity is of this hop.
    end_ns : int64[A]
        End of the hop.
    """
    now = end_ns[catalogue.pair_asset]
    heard = heard & np.isfinite(state.severity)
    first = state.trend_ns == 0
    days = np.where(first, 0.0, np.maximum(now - state.trend_ns, 0) / _DAY_NS)
    level = np.where(first, 0.0, state.trend[:, 0])
    growth = np.where(first, _GROWTH_MEAN, state.trend[:, 1])
    p00 = np.where(first, _LEVEL_SD**2, state.trend_variance[:, 0])
    p01 = np.where(first, 0.0, state.trend_variance[:, 1])
    p11 = np.where(first, _GROWTH_SD**2, state.trend_variance[:, 2])

    severity = np.where(heard, np.clip(state.severity, -2.0, 3.0), 0.0)
    spread = np.where(heard, np.maximum(state.severity_sd, 1e-3), 1.0)
    level = level + growth * days
    p00 = p00 + 2 * days * p01 + days**2 * p11 + _DIFFUSION**2 * days
    p01 = p01 + days * p11
    suspicion = 1.0 + np.maximum(state.strength, 0.0) ** 2
    p11 = p11 + (_GROWTH_DIFFUSION * suspicion) ** 2 * days
    weight_days = np.where(first, 1.0, np.clip(days, 1e-6, _ERROR_DAYS))
    error = spread**2 * _ERROR_DAYS / weight_days
    total = p00 + error
    innovation = severity - level
    gain0, gain1 = p00 / total, p01 / total
    level = level + gain0 * innovation
    growth = np.clip(growth + gain1 * innovation, -_FASTEST_GROWTH, _FASTEST_GROWTH)
    trend = np.stack([level, growth], axis=1)
    variance = np.stack([p00 - gain0 * p00, p01 - gain0 * p01, p11 - gain1 * p01], axis=1)
    keep = heard[:, np.newaxis]
    return replace(
        state,
        trend=np.where(keep, trend, state.trend),
        trend_variance=np.where(keep, variance, state.trend_variance),
        trend_ns=np.where(heard, now, state.trend_ns),
    )


class Outlook:
    """Chance of failure over time for each pair, as arrays; built by `outlook`.

    Attributes
    ----------
    level, level_sd, growth, growth_sd : float64[P]
        Severity now and its growth a day; the prior of a sound asset where nothing is commissioned.
    known : bool[P]
        True where a severity was ever measured.
    """

    __slots__ = ("growth", "growth_sd", "known", "level", "level_sd")

    def __init__(
        self, level: FloatArray, level_sd: FloatArray, growth: FloatArray, growth_sd: FloatArray, known: BoolArray
    ) -> None:
        self.level = level
        self.level_sd = level_sd
        self.growth = growth
        self.growth_sd = growth_sd
        self.known = known


def outlook(catalogue: Catalogue, state: ModelState, at_ns: TimeArray) -> Outlook:
    """Give severity and growth of each pair at a time.

    The measured severity is shrunk towards nothing by its own significance, so that noise of one standard
    deviation counts for half of itself; a sudden step counts at once, growth as far as the trend has it.

    Parameters
    ----------
    at_ns : int64[A]
        Event time; silence since the last value widens both.
    """
    now = at_ns[catalogue.pair_asset]
    known = (state.trend_ns > 0) & np.isfinite(state.severity)
    days = np.where(known, np.maximum(now - state.trend_ns, 0) / _DAY_NS, 0.0)
    measured = np.where(known, state.severity, 0.0)
    spread = np.where(known, np.maximum(state.severity_sd, 1e-3), _LEVEL_SD)
    score = np.maximum(measured, 0.0) / spread
    shrunk = np.maximum(measured, 0.0) * score**2 / (1.0 + score**2)
    growth = np.where(known, state.trend[:, 1], _GROWTH_MEAN)
    growth_sd = np.where(
        known,
        np.sqrt(np.maximum(state.trend_variance[:, 2], 0.0) + _GROWTH_DIFFUSION**2 * days),
        _GROWTH_SD,
    )
    level = shrunk + np.maximum(growth, 0.0) * days
    level_sd = np.sqrt(spread**2 + _DIFFUSION**2 * days + (growth_sd * days) ** 2)
    return Outlook(level, level_sd, growth, growth_sd, known)


def crossing_probability(view: Outlook, days: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute the chance that each pair fails within some times.

    Parameters
    ----------
    days : float64[T]
        Ascending, not negative.

    Returns
    -------
    value, low, high : float64[P, T]
        In [0, 1], not falling with time, low <= value <= high.
    """
    mean = view.level[:, np.newaxis] + view.growth[:, np.newaxis] * days
    unknown = np.sqrt(view.level_sd[:, np.newaxis] ** 2 + (view.growth_sd[:, np.newaxis] * days) ** 2)
    chance = np.sqrt(_DIFFUSION**2 * days + 1e-4)
    value = np.maximum.accumulate(special.ndtr((mean - 1.0) / np.hypot(unknown, chance)), axis=-1)
    low = np.maximum.accumulate(special.ndtr((mean - _QUANTILE_80 * unknown - 1.0) / chance), axis=-1)
    high = np.maximum.accumulate(special.ndtr((mean + _QUANTILE_80 * unknown - 1.0) / chance), axis=-1)
    return value, np.minimum(low, value), np.maximum(high, value)
