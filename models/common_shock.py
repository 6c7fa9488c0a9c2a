"""Who speaks for a group of like channels on a day: those that are sound, judged by what most likely moved them.

Weather that nobody measured moves all of a group together, damage moves some of it, one by one and towards harm. Where
half of a small group is damaged the median is damage, and the sound ones, which did not move, then stand out by as
much as the others were damaged. So a common shock is weighed like this: none is likeliest, one of a given size is as
likely as weather of that size is, and each channel is near it, or damaged and further towards harm (most likely where
an alarm stands), or (seldom: works, a faulty instrument) somewhere else. The most likely of a few sizes decides who is
near it, and they speak.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray
from models.medians import grouped_quantiles

__all__ = ["choose_speakers"]

# How far weather that nobody measured moves a level, in shares of the failure level.
_WEATHER: Final = 0.25
# All of a group past failure at once is weather that nobody could foresee, not that many damages: beyond the failure
# level a shock gets less likely by so much of a logarithm for each way more, which is less than three damages that went
# as far cost (each 1 / 0.6 of a logarithm, see below).
_BEYOND_LOG: Final = 4.0
# Most days no such weather moves a group: no shock is likelier than by that law, by so much of a logarithm of the odds.
# Where two of four are damaged it says which two are sound.
_NO_WEATHER_LOG: Final = 3.0
# A channel that was sound yesterday, that stood out, or whose alarm stands is something else than sound by these
# chances; judgement. Nine alarms in ten are right, and damage that is known does not become weather when more begins.
_DAMAGED: Final = 0.1
_STILL_DAMAGED: Final = 0.7
_ALARMED: Final = 0.95
# How far damage goes, as the mean of an exponential; and how much of it is not towards harm but something else.
_DAMAGE_SHARE: Final = 0.6
_OTHERWISE: Final = 0.1
_QUANTILES: Final[FloatArray] = np.linspace(0.0, 1.0, 21)


def choose_speakers(
    group: npt.NDArray[np.intp],
    value: FloatArray,
    variance: FloatArray,
    *,
    stood_out: BoolArray,
    is_alarmed: BoolArray,
    is_two_sided: BoolArray,
    groups: int,
) -> BoolArray:
    """Choose the channels that most likely did nothing but follow what is common to their group.

    Parameters
    ----------
    group : intp[N]
        Group of each channel, below `groups`.
    value, variance : float64[N]
        Deviation towards harm in shares of the failure level, and the variance of a sound one around the common shock.
    stood_out : bool[N]
        Whether it did the day before.
    is_alarmed : bool[N]
        True while an alarm of its failure mode stands.
    is_two_sided : bool[N]
        True where either way is harm.

    Returns
    -------
    bool[N]

    Examples
    --------
    >>> moved = np.array([0.01, -0.02, 0.7, 0.8, 0.9, 0.6])
    >>> of, variance = np.zeros(6, np.intp), np.full(6, 0.005)
    >>> either, nobody = np.ones(6, bool), np.zeros(6, bool)
    >>> one = {"is_alarmed": nobody, "is_two_sided": either, "groups": 1}
    >>> choose_speakers(of, moved, variance, stood_out=moved > 0.5, **one).tolist()
    [True, True, False, False, False, False]
    >>> together = np.array([0.41, 0.4, 0.44, 0.35, 0.38, 0.9])
    >>> choose_speakers(of, together, variance, stood_out=nobody, **one).tolist()
    [True, True, True, True, True, False]
    >>> choose_speakers(of, together + 2.5, variance, stood_out=nobody, **one).tolist()
    [True, True, True, True, True, False]
    """
    damaged = np.where(is_alarmed, _ALARMED, np.where(stood_out, _STILL_DAMAGED, _DAMAGED))
    towards = np.where(is_two_sided, 0.5, 1.0 - _OTHERWISE)
    sound_log = np.log(1.0 - damaged) - 0.5 * np.log(2.0 * np.pi * variance)
    candidates = np.concatenate([np.zeros((groups, 1)), grouped_quantiles(group, value, groups, _QUANTILES)], axis=1)
    best = np.full(groups, -np.inf)
    shock = np.zeros(groups)
    for size in candidates.T:
        near, far = _likelihoods(value - size[group], variance, sound_log, damaged, towards)
        likely = np.bincount(group, np.logaddexp(near, far), groups) - _unlikeliness(size)
        likely += np.where(size == 0.0, _NO_WEATHER_LOG, 0.0)
        better = likely > best
        best, shock = np.where(better, likely, best), np.where(better, size, shock)
    near, far = _likelihoods(value - shock[group], variance, sound_log, damaged, towards)
    return np.asarray(near >= far)


def _unlikeliness(size: FloatArray) -> FloatArray:
    """Logarithm of how much likelier no weather is than weather that moves a group by a size, but for a constant."""
    within, beyond = np.minimum(np.abs(size), 1.0), np.maximum(np.abs(size) - 1.0, 0.0)
    return np.asarray(0.5 * (within / _WEATHER) ** 2 + _BEYOND_LOG * beyond)


def _likelihoods(
    left: FloatArray, variance: FloatArray, sound_log: FloatArray, damaged: FloatArray, towards: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """float64[N] twice: logarithms of how likely what is left is of a sound channel, and of another."""
    near = sound_log - 0.5 * left**2 / variance
    side = np.where(left > 0.0, towards, 1.0 - towards)
    far = np.log(damaged * side / _DAMAGE_SHARE) - np.abs(left) / _DAMAGE_SHARE
    return near, far
