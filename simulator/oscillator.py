"""A damped oscillator in samples: an autoregression of order two with exactly its frequency and damping.

Sampled, an oscillator of natural frequency `f` and damping ratio `z` that white noise drives is an autoregression whose
poles are `exp(2 pi f dt (-z +/- i sqrt(1 - z^2)))` (impulse invariance). Its second difference behaves as acceleration
does: nothing at zero frequency.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Oscillator", "make_oscillator"]


class Oscillator(NamedTuple):
    """Coefficients of the autoregression, and its autocovariance under white noise of unit variance.

    Attributes
    ----------
    first, second : float
        Weights of the last position and of the one before.
    variance, next_to, after : float
        Autocovariance of the position at lags 0, 1 and 2.
    """

    first: float
    second: float
    variance: float
    next_to: float
    after: float

    @property
    def acceleration_sd(self) -> float:
        """Standard deviation of the second difference."""
        return float(np.sqrt(6.0 * self.variance - 8.0 * self.next_to + 2.0 * self.after))


def make_oscillator(frequency_hz: float, damping_ratio: float, sampling_rate_hz: float) -> Oscillator:
    """Give the oscillator of a mode at a rate of sampling.

    References
    ----------
    G. E. P. Box and G. M. Jenkins, Time Series Analysis, section 3.2: autocovariance of such an autoregression.
    """
    angle = 2.0 * np.pi * frequency_hz / sampling_rate_hz
    radius = np.exp(-damping_ratio * angle)
    first = 2.0 * radius * np.cos(angle * np.sqrt(1.0 - damping_ratio**2))
    second = -(radius**2)
    variance = (1.0 - second) / ((1.0 + second) * ((1.0 - second) ** 2 - first**2))
    next_to = first / (1.0 - second) * variance
    return Oscillator(first, second, variance, next_to, first * next_to + second * variance)
