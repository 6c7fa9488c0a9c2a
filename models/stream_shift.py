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

An alarm takes more care than a score. Its strengths allow for one row far out in a heavy tail (`models.stream_jump`),
and for the common error of rows that were not learned as long as the means remember them, not only until learning goes
on: otherwise a lasting shift would come back with full strength whenever a hold ends, and be an alarm anew each time.
The score leaves both out, which ranks the rows of one stream against those of others better.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from scipy.special import gammaincc

from domain.arrays import FloatArray
from models.stream_jump import JumpLaw
from models.stream_regression import StreamRegression

__all__ = ["SHARES", "ShiftEvidence", "ShiftStrengths", "chi_square_strength"]

# Weight of the latest row: the row itself, then memories of about 6, 20 and 40 rows.
SHARES: Final = (1.0, 0.3, 0.1, 0.05)
# The mean under health starts as theory has it, worth this many rows, and follows the last thousands.
_PRIOR_ROWS: Final = 20.0
_MEMORY_ROWS: Final = 3000.0
_LN2: Final = math.log(2.0)
_SMALLEST_CHANCE: Final = 1e-280
# Weight of the rows not learned in the slowest mean, below which they are forgotten.
_FORGOTTEN: Final = 1e-3


class ShiftStrengths(NamedTuple):
    """Strength for each of `SHARES`, in nats, below 0 where nothing is strange: for the score, and for an alarm."""

    score: list[float]
    alarm: list[float]


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
        "_deviation",
        "_jumps",
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
        self._deviation = np.zeros(channels)
        self._jumps = JumpLaw(channels=channels)

    def step(
        self, residual: FloatArray, row: FloatArray, regression: StreamRegression, *, is_held: bool
    ) -> ShiftStrengths:
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
        ShiftStrengths
        """
        share = self._share[:, np.newaxis]
        widening = 1.0 if is_held else 1.0 / math.sqrt(1.0 + regression.leverage(row))
        self._means = (1.0 - share) * self._means + share * (residual * widening)
        self._rows_unlearned *= 1.0 - share
        if is_held:
            self._rows_unlearned += share * row
        plain = self._share / (2.0 - self._share)
        careful = plain
        # The first column is the constant: the weight of the rows not learned.
        if self._rows_unlearned[-1, 0] > _FORGOTTEN:
            careful = plain + np.array([regression.leverage(mean) for mean in self._rows_unlearned])
        spread = careful if is_held else plain
        channels = int(regression.ready.sum())
        raw = ((self._means @ regression.precision) * self._means).sum(axis=1)
        self._statistics = np.maximum(raw, 0.0) / spread / channels
        scaled = self._statistics / np.maximum(self._usual, 1.0) * channels
        variance = np.where(regression.ready, np.diag(regression.noise), math.inf)
        self._deviation = residual * widening / np.sqrt(variance)
        self._lone = self._means**2 / (spread[:, np.newaxis] * variance)
        highest = (self._lone / np.maximum(self._lone_usual, 1.0)).max(axis=1)
        score = [_stronger_view(*view, channels) for view in zip(scaled.tolist(), highest.tolist(), strict=True)]
        scaled, highest = scaled * (spread / careful), highest * (spread / careful)
        ready = regression.ready
        jumps = (
            self._jumps.chances(scaled, self._share, ready, channels=channels),
            self._jumps.chances(highest, self._share, ready, channels=1),
        )
        if jumps[0] is None and spread is careful:
            return ShiftStrengths(score, score)
        together, alone = (np.zeros(len(SHARES)) if chance is None else chance for chance in jumps)
        views = zip(*(view.tolist() for view in (scaled, highest, together, alone)), strict=True)
        return ShiftStrengths(
            score, [_stronger_view(joint, lone, channels, *chances) for joint, lone, *chances in views]
        )

    def learn(self, *, is_known_healthy: bool) -> None:
        """Count the last row as healthy; tails are learned only from rows of which that is known."""
        if is_known_healthy:
            self._jumps.learn(self._deviation)
        self._rows += 1.0
        self._usual += max(1.0 / self._rows, 1.0 / _MEMORY_ROWS) * (self._statistics - self._usual)
        self._lone_usual += max(1.0 / self._rows, 1.0 / _MEMORY_ROWS) * (self._lone - self._lone_usual)


def _stronger_view(joint: float, lone: float, channels: int, together: float = 0.0, alone: float = 0.0) -> float:
    """Give the strength of all channels together or of the strangest by itself, for having looked twice.

    `together` and `alone` are the chances that one row alone did it, in all channels or in any.
    """
    all_strength = _with_jump(chi_square_strength(joint, channels), together)
    if channels == 1:
        return all_strength
    return max(all_strength, _with_jump(chi_square_strength(lone, 1) - math.log(channels), alone)) - _LN2


def _with_jump(strength: float, chance: float) -> float:
    """Add the chance of a jump to that of a strength in nats."""
    if chance <= 0.0:
        return strength
    other = -math.log(chance)
    return min(strength, other) - math.log1p(math.exp(-abs(strength - other)))
