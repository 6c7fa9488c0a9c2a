"""A regression that learns row by row from sums, and is solved now and then.

It keeps the sums of products of its columns with each other and with the channels (the normal equations), fading at
a chosen rate, and from them solves for coefficients with a ridge. Sums do not blow up the way a recursive inverse
does, need no rows kept, and give the leverage of a new row: how far it lies outside what the coefficients were learned
from, which widens what may be expected there.

Two kinds of prior knowledge enter as made-up rows, as in Bayesian vector autoregression (Litterman, J. Bus. Econ.
Stat. 4 (1986) 25-38; Doan, Litterman and Sims, Econometric Reviews 3 (1984) 1-100): every coefficient is small, and,
where the columns are past rows, a channel that was away from its mean for some rows is expected to stay there. The
second is what keeps a channel that wanders by nature, such as a temperature, from being taken for a fault each time
it wanders.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import BoolArray, FloatArray

__all__ = ["StreamRegression"]

_RIDGE_ROWS: Final = 1.0
# Worth of the prior that a channel stays where it is, in rows one deviation away from the mean.
_PERSISTENCE_ROWS: Final = 30.0
_INTERCEPT_RIDGE: Final = 1e-6
# Share of the diagonal in the covariance of residuals: with few rows, correlations are not believed in full.
_SHRINKAGE: Final = 0.1
_SOLVES_PER_GROWTH: Final = 10
_LONGEST_BETWEEN_SOLVES: Final = 50
_FEWEST_ROWS: Final = 4
# A channel needs this many residuals that are not zero before its noise has a scale.
_FEWEST_RESIDUALS: Final = 20
_LARGEST_LEVERAGE: Final = 1e6
_ROUNDING: Final = 1e-9
_TINY: Final = 1e-300
# Of a column that never moved: below the variance of any quantity, and as an inverse with room for the square of the
# largest one (1e60) in floating point.
_LEAST_VARIANCE: Final = 1e-60


class StreamRegression:
    """Coefficients, noise and leverage of one stream.

    Parameters
    ----------
    columns : int
        Number of columns D, the first one the constant 1.
    channels : int
        Number of channels C.
    lags : int, default 0
        Where not 0, columns 1 to ``lags * channels`` are the channels of that many past rows, latest first.
    """

    __slots__ = (
        "_channels",
        "_coefficients",
        "_count",
        "_cross",
        "_floor",
        "_gram",
        "_lags",
        "_next_solve",
        "_noise",
        "_scales_known",
        "_since",
        "_solved",
        "_solved_rows",
        "_square",
        "precision",
        "ready",
        "sound_noise",
    )

    def __init__(
        self,
        *,
        columns: int,
        channels: int,
        lags: int = 0,
    ) -> None:
        self._channels = channels
        self._lags = lags
        self._gram = np.zeros((columns, columns))
        self._cross = np.zeros((columns, channels))
        self._square = np.zeros(channels)
        self._noise = np.zeros((channels, channels))
        self._count = np.zeros((channels, channels))
        self._scales_known = np.zeros(channels)
        self._floor = np.zeros(channels)
        self._since = 0
        self._next_solve = _FEWEST_ROWS
        self._solved = np.zeros((0, 0))
        self._solved_rows = 0
        self._coefficients = np.zeros((columns, channels))
        self.precision = np.zeros((channels, channels))
        self.sound_noise = np.eye(channels)
        self.ready: BoolArray = np.zeros(channels, np.bool_)

    @property
    def is_solved(self) -> bool:
        """Whether there are coefficients."""
        return self._solved.size > 0

    @property
    def solved_rows(self) -> int:
        """Rows that the coefficients know."""
        return self._solved_rows

    @property
    def noise(self) -> FloatArray:
        """float64[C, C]: covariance of the residuals, correlations shrunk."""
        noise = self._noise
        if self._floor.any():
            noise = noise + np.diag(np.maximum(self._floor - np.diag(noise), 0.0))
        return (1.0 - _SHRINKAGE) * noise + _SHRINKAGE * np.diag(np.diag(noise))

    @property
    def mean(self) -> FloatArray:
        """float64[C]: mean of the channels over what was learned, where the columns are past rows; 0 before."""
        return np.asarray(self._gram[0, 1 : 1 + self._channels] / max(self._gram[0, 0], 1.0))

    def expect(self, row: FloatArray) -> FloatArray:
        """float64[C]: what the channels should be, given a row of columns, float64[D]."""
        return np.asarray(row @ self._coefficients)

    def leverage(self, row: FloatArray) -> float:
        """Give the variance of what is expected by a row, float64[D], as a multiple of the variance of the noise."""
        if not self.is_solved:
            return _LARGEST_LEVERAGE
        return min(max(float(row @ self._solved @ row), 0.0), _LARGEST_LEVERAGE)

    def learn(self, row: FloatArray, values: FloatArray, residual: FloatArray, present: BoolArray, keep: float) -> None:
        """Fold in one row.

        Parameters
        ----------
        row : float64[D]
            Columns.
        values : float64[C]
            What was measured; an expected value where nothing was.
        residual : float64[C]
            Measured minus expected, 0 where nothing was measured.
        present : bool[C]
            Where something was measured.
        keep : float
            Share of what was known that is kept, in (0, 1].
        """
        self._gram = keep * self._gram + row[:, np.newaxis] * row
        self._cross = keep * self._cross + row[:, np.newaxis] * values
        self._square = keep * self._square + values * values
        # Residuals of the first few solves tell of the start, not of the noise.
        if self.is_solved and self._since > 2 * len(row):
            pairs = present[:, np.newaxis] & present
            self._count += pairs
            share = np.maximum(1.0 / np.maximum(self._count, 1.0), 1.0 - keep)
            self._noise += np.where(pairs, share * (residual[:, np.newaxis] * residual - self._noise), 0.0)
            self._scales_known += present & (residual != 0.0)
        self._since += 1
        if self._since >= self._next_solve:
            self._solve()

    def widen(self, floor: FloatArray) -> None:
        """Take the noise of channels to be at least so large, variances of float64[C]; 0 where nothing is said."""
        self._floor = floor
        self._invert_noise()

    def _solve(self) -> None:
        self._next_solve = self._since + max(1, min(self._since // _SOLVES_PER_GROWTH, _LONGEST_BETWEEN_SOLVES))
        rows = self._gram[0, 0]
        diagonal = np.diag(self._gram) / rows
        least = _ROUNDING**2 * diagonal + _LEAST_VARIANCE
        deviation = np.sqrt(np.maximum(diagonal - (self._gram[0] / rows) ** 2, least))
        if self._lags:
            # What happened for the first time is in the latest past row and not yet in the others, of which the own
            # deviation is still nought: a coefficient would be free to be anything.
            deviation[1:] = np.tile(deviation[1 : 1 + self._channels], self._lags)
        gram, cross = self._gram.copy(), self._cross.copy()
        prior = _RIDGE_ROWS * deviation**2
        prior[0] = _INTERCEPT_RIDGE
        at = np.arange(len(gram))
        gram[at, at] += prior
        for channel in range(self._channels if self._lags else 0):
            made_up = np.zeros(len(gram))
            past = slice(1 + channel, 1 + self._lags * self._channels, self._channels)
            made_up[past] = deviation[past]
            gram += _PERSISTENCE_ROWS * made_up[:, np.newaxis] * made_up
            cross[:, channel] += _PERSISTENCE_ROWS * made_up * deviation[1 + channel]
        # Columns in their own units differ by many powers of ten; scaled, the matrix is tame.
        size = np.sqrt(np.diag(gram))
        try:
            inverse = np.linalg.inv(gram / (size[:, np.newaxis] * size))
        except np.linalg.LinAlgError:
            # One row so far out that the others are lost beside it in rounding: what was known is as good as before,
            # and where nothing was, there is no evidence.
            return
        self._solved = inverse / (size[:, np.newaxis] * size)
        self._coefficients = self._solved @ cross
        self._solved_rows = self._since
        self._invert_noise()

    def _invert_noise(self) -> None:
        variance = np.maximum(np.diag(self._noise), self._floor)
        self.ready = ((self._scales_known >= _FEWEST_RESIDUALS) & (variance > _TINY)) | (self._floor > _TINY)
        self.precision = np.zeros_like(self._noise)
        self.sound_noise = np.diag(np.maximum(variance, _TINY))
        which = np.flatnonzero(self.ready)
        if len(which):
            scale = np.sqrt(variance[which])
            scales = scale[:, np.newaxis] * scale
            correlation = _made_sound(self.noise[np.ix_(which, which)] / scales)
            self.sound_noise[np.ix_(which, which)] = correlation * scales
            inverse = np.linalg.inv(correlation + _ROUNDING * np.eye(len(which)))
            self.precision[np.ix_(which, which)] = inverse / scales


def _made_sound(correlation: FloatArray) -> FloatArray:
    """Lift eigenvalues below what shrinkage leaves: where values are missing, pairs come from different rows."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] > _SHRINKAGE * (1.0 - _ROUNDING) - _ROUNDING:
        return correlation
    return np.asarray((vectors * np.maximum(values, _SHRINKAGE)) @ vectors.T)
