"""How strange a value is to a mixture of normal distributions, as a score that is standard normal under health.

The chance that a mixture of normal variables is at most what was seen is the mixture of the chances; as a normal
quantile it can be averaged and squared like any other (the probability integral transform: Dawid, J. R. Stat. Soc. A
147 (1984) 278-292). A moment-matched normal would call impossible what one part in ten expected.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from domain.arrays import FloatArray

__all__ = ["normal_scores"]

_ALMOST_SURE: Final = -1e-12


def normal_scores(log_weight: FloatArray, score: FloatArray) -> FloatArray:
    """Give the standard normal quantiles of mixtures' distribution functions.

    Parameters
    ----------
    log_weight : float64[..., F]
        Logarithms of weights, which need not add up to one.
    score : float64[..., F]
        What was seen, in standard deviations from the mean of each part.

    Returns
    -------
    float64[...]
        About standard normal if the mixture is right.

    Examples
    --------
    >>> normal_scores(np.log([0.5, 0.5]), np.array([-3.0, 4.0])).round(3).tolist()
    0.002
    >>> normal_scores(np.log([1.0, 1e-9]), np.array([12.0, 0.0])).round(3).tolist()
    6.109
    """
    log_weight = log_weight - _log_sum(log_weight)[..., np.newaxis]
    # A chance near 1 has few digits left: of what lies above its middle, the chance of lying above is taken.
    is_above = (np.exp(log_weight) * score).sum(axis=-1) > 0.0
    turned = np.where(is_above[..., np.newaxis], -score, score)
    quantile = ndtri_exp(np.minimum(_log_sum(log_weight + log_ndtr(turned)), _ALMOST_SURE))
    return np.asarray(np.where(is_above, -quantile, quantile))


def _log_sum(logarithms: FloatArray) -> FloatArray:
    """Add numbers along the last axis that are given by their logarithms."""
    top = logarithms.max(axis=-1)
    return np.asarray(top + np.log(np.exp(logarithms - top[..., np.newaxis]).sum(axis=-1)))
