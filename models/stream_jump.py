"""How likely a single row, far out as heavy tails have it, makes a weighted mean as high as it is.

A weighted mean of many residuals is near normal whatever their tails, but not where an alarm is looked for: a mean of
heavy-tailed residuals gets that high by one of them rather than by all (the principle of one large jump: Foss,
Korshunov and Zachary, An Introduction to Heavy-Tailed and Subexponential Distributions, 2013). So the chance of a
statistic is what normal noise gives, plus the chance that the latest row alone did it. The residuals of each channel
have a law of Student for that, of which the degrees of freedom follow from the kurtosis of rows known to be healthy:
damage cannot make the tails that excuse it. A kurtosis within two standard errors of the normal one is none, and then
nothing changes.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import stdtr

from domain.arrays import BoolArray, FloatArray

__all__ = ["JumpLaw"]

_NORMAL_KURTOSIS: Final = 3.0
# The variance of a kurtosis of n normal values is 24 / n.
_KURTOSIS_VARIANCE: Final = 24.0
_STANDARD_ERRORS: Final = 2.0
# Six thousand degrees of freedom and more are normal.
_LEAST_EXCESS: Final = 1e-3
_SMALLEST_CHANCE: Final = 1e-300


class JumpLaw:
    """Tails of one stream's channels.

    Parameters
    ----------
    channels : int
        Number of channels C.
    """

    __slots__ = ("_degrees", "_fourths", "_rows", "_squares")

    def __init__(self, *, channels: int) -> None:
        self._rows = 0
        self._squares = np.zeros(channels)
        self._fourths = np.zeros(channels)
        # Asked for with every row, and another only behind one known to be healthy.
        self._degrees: FloatArray | None = None

    def learn(self, deviation: FloatArray) -> None:
        """Take in the residuals of a row known to be healthy, float64[C], as multiples of their own spread."""
        square = deviation * deviation
        self._rows += 1
        self._squares += square
        self._fourths += square * square
        self._degrees = None

    def degrees(self) -> FloatArray:
        """float64[C]: degrees of freedom of each channel's law, more than 4; infinite where they may be normal."""
        if self._degrees is None:
            self._degrees = self._work_out_degrees()
        return self._degrees

    def _work_out_degrees(self) -> FloatArray:
        known = self._squares > 0.0
        usual = np.where(known, self._squares, 1.0) ** 2
        kurtosis = np.where(known, self._rows * self._fourths / usual, 0.0)
        chance = _STANDARD_ERRORS * math.sqrt(_KURTOSIS_VARIANCE / max(self._rows, 1))
        excess = kurtosis - _NORMAL_KURTOSIS - chance
        return np.where(excess > _LEAST_EXCESS, 4.0 + 6.0 / np.maximum(excess, _LEAST_EXCESS), np.inf)

    def chances(
        self, statistic: FloatArray, share: FloatArray, ready: BoolArray, *, channels: int
    ) -> FloatArray | None:
        """Give the chance that the latest row alone brought statistics this high.

        Parameters
        ----------
        statistic : float64[K]
            Square of a weighted mean over its own variance, summed over channels.
        share : float64[K]
            Weight of the latest row in the mean.
        ready : bool[C]
            Channels whose residuals have a known spread.
        channels : int
            How many channels the statistic sums.

        Returns
        -------
        float64[K] or None
            In (0, 1], summed over the channels that have heavy tails; None where there is none.
        """
        degrees = self.degrees()
        heavy = ready & np.isfinite(degrees)
        if not heavy.any():
            return None
        degrees = degrees[heavy]
        # Of the variance of the mean the latest row has this part; what other rows and channels usually add is not its.
        part = share * (2.0 - share)
        jump = np.sqrt(np.maximum(statistic - (channels - part), 0.0) / part)
        scaled = jump[:, np.newaxis] * np.sqrt(degrees / (degrees - 2.0))
        return np.asarray(np.clip(2.0 * stdtr(degrees, -scaled).sum(axis=1), _SMALLEST_CHANCE, 1.0))
