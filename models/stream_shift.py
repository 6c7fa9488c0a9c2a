"""Evidence that residuals have shifted, looked for over several lengths of time at once.

A fault may be a shock of one row or a shift of a fraction of the noise that lasts for months. Each length of time has
an exponentially weighted mean of the residuals of all channels, compared with the noise as one vector (the
multivariate EWMA of Lowry, Woodall, Champ and Rigdon, Technometrics 34 (1992) 46-53). For independent normal
residuals the statistic is chi-square with as many degrees of freedom as there are channels. Residuals of real
channels are neither: the statistic is divided by its own mean under health, which is what wandering and
autocorrelation raise most, before its chance is looked up. The strength is ``-ln`` of that chance, in nats.

A fault may show in all channels a little or in one alone. Beside the statistic of all there is one of each channel by
itself, with a mean under health of its own, so that a channel that wanders by nature does not hide a steady one. Of
the two views the stronger counts, less ``ln 2``, the single channel less ``ln C`` besides; of the K lengths of time the
strongest, less ``ln K`` (Bonferroni, which holds whatever their dependence).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import gammaincc

from domain.arrays import FloatArray
from models.stream_regression import StreamRegression

__all__ = ["SHARES", "ShiftEvidence", "chi_square_strength"]

# Weight of the latest row: the row itself, then memories of about 6, 20 and 40 rows.
SHARES: Final = (1.0, 0.3, 0.1, 0.05)
# The mean under health starts as theory has it, worth this many rows, and follows the last thousands.
_PRIOR_ROWS: Final = 20.0
_MEMORY_ROWS: Final = 3000.0
_LN2: Final = math.log(2.0)
_SMALLEST_CHANCE: Final = 1e-280


def chi_square_strength(statistic: float, channels: int) -> float:
    """Give ``-ln`` of the chance that a chi-square variable is at least this high.

    Parameters
    ----------
    statistic : float
        At least 0.
    channels : int
        Degrees of freedom, positive.

    Returns
    -------
    float
        Nats, at least 0; beyond the range of floating point by the leading term of the expansion
        of the incomplete gamma function (Abramowitz and Stegun 6.5.32).
    """
    half, shape = statistic / 2.0, channels / 2.0
    chance = float(gammaincc(shape, half))
    if chance > _SMALLEST_CHANCE:
        return max(-math.log(chance), 0.0)
    return half - (shape - 1.0) * math.log(half) + math.lgamma(shape)


class ShiftEvidence:
    """Weighted means of one stream's residuals and how high their statistics usually are.

    Parameters
    ----------
    channels : int
        Number of channels C.
    columns : int
        Number of columns D of the regression that the residuals come from.
    """

    __slots__ = (
        "_lone",
        "_lone_usual",
        "_means",
        "_rows",
        "_rows_unlearned",
        "_share",
        "_statistics",
        "_usual",
    )

    def __init__(self, *, channels: int, columns: int) -> None:
        self._share = np.array(SHARES)
        self._means = np.zeros((len(SHARES), channels))
        self._rows_unlearned = np.zeros((len(SHARES), columns))
        self._usual = np.ones(len(SHARES))
        self._lone = np.zeros((len(SHARES), channels))
        self._lone_usual = np.ones((len(SHARES), channels))
        self._rows = _PRIOR_ROWS
        self._statistics = np.zeros(len(SHARES))

    def step(
        self, residual: FloatArray, row: FloatArray, regression: StreamRegression, *, is_held: bool
    ) -> list[float]:
        """Weigh the residuals of a row.

        While the regression learns, its residuals divided by their own spread, noise and coefficients together,
        are independent. While it does not, the coefficients err the same way in row after row, and that error
        does not average out: the mean of the rows that were not learned tells how much of it there may be.

        Parameters
        ----------
        residual : float64[C]
            Measured minus expected.
        row : float64[D]
            Columns of the regression in this row.
        regression : StreamRegression
            With its noise and leverage before this row is learned.
        is_held : bool
            Whether the row is kept from being learned.

        Returns
        -------
        list of float
            Strength for each of `SHARES`, in nats, below 0 where nothing is strange.
        """
        share = self._share[:, np.newaxis]
        widening = 1.0 if is_held else 1.0 / math.sqrt(1.0 + regression.leverage(row))
        self._means = (1.0 - share) * self._means + share * (residual * widening)
        self._rows_unlearned *= 1.0 - share
        if is_held:
            self._rows_unlearned += share * row
            common = np.array([regression.leverage(mean) for mean in self._rows_unlearned])
        else:
            common = np.zeros(len(self._share))
        channels = int(regression.ready.sum())
        spread = self._share / (2.0 - self._share) + common
        raw = ((self._means @ regression.precision) * self._means).sum(axis=1)
        self._statistics = np.maximum(raw, 0.0) / spread / channels
        scaled = (self._statistics / np.maximum(self._usual, 1.0) * channels).tolist()
        variance = np.where(regression.ready, np.diag(regression.noise), math.inf)
        self._lone = self._means**2 / (spread[:, np.newaxis] * variance)
        highest = (self._lone / np.maximum(self._lone_usual, 1.0)).max(axis=1).tolist()
        return [_stronger_view(*view, channels) for view in zip(scaled, highest, strict=True)]

    def learn(self) -> None:
        """Count the last row as healthy."""
        self._rows += 1.0
        self._usual += max(1.0 / self._rows, 1.0 / _MEMORY_ROWS) * (self._statistics - self._usual)
        self._lone_usual += max(1.0 / self._rows, 1.0 / _MEMORY_ROWS) * (self._lone - self._lone_usual)


def _stronger_view(joint: float, lone: float, channels: int) -> float:
    """Give the strength of all channels together or of the strangest by itself, for having looked twice."""
    together = chi_square_strength(joint, channels)
    if channels == 1:
        return together
    return max(together, chi_square_strength(lone, 1) - math.log(channels)) - _LN2
