"""Averaged spectra: what the blocks of one structure have in common, bin by bin.

Each block's power is divided by its own total, so that one heavy lorry does not outweigh a night of light traffic and
sensors of different sensitivity count alike: the mean of many blocks is a mean of normalised spectra. A block's shares
are rounded to eleven bits, which is far finer than the scatter of a periodogram, and kept as integers. Integers add up
to the same sum in whatever order they come, so arrival order and batches change no bit of an average. The second
moment is kept beside the first: it tells how far the mean scatters, and a steady tone, whose power is the same in
every block, from the answer of a structure to random traffic, whose power is not.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray
from domain.errors import ShapeError

__all__ = ["LEAST_SAMPLES", "MOST_BINS", "SpectrumSum", "bins_of", "block_shares"]

# Shorter blocks have bins too wide to tell two modes apart; joining them would mean keeping raw samples.
LEAST_SAMPLES: Final = 256
# Bounds the memory of a structure: 51 Hz at 20 s a block, which is beyond the modes that traffic and wind excite.
MOST_BINS: Final = 1024
# The mean of a block is removed, and with the window these bins are what that leaves.
FIRST_BIN: Final = 2

# A share of the power, at most 1, times this is a float16 without its largest exponent, and times 2**24 an integer.
_CODE: Final = 2.0**15
_UNIT: Final = 2.0**24
# Shares to this are squared in the second moment; 32,000 blocks of one pure tone fit into 63 bits.
_SQUARED_UNIT: Final = 2.0**24
_HEAD: Final = struct.Struct("<diqqi")

IntArray = npt.NDArray[np.int64]
HalfArray = npt.NDArray[np.float16]


def bins_of(samples: int) -> int:
    """Give how many bins are kept of a block; 0 where it is too short to take part."""
    return min(samples // 2 + 1, MOST_BINS) if samples >= LEAST_SAMPLES else 0


def block_shares(magnitude: FloatArray) -> tuple[HalfArray, BoolArray]:
    """Turn the spectra of some blocks into shares of each block's power.

    Parameters
    ----------
    magnitude : float64[B, N // 2 + 1]
        Absolute values of the Hann-windowed spectrum, in any unit.

    Returns
    -------
    shares : float16[B, F]
        Times 32,768, at most that in a row; bins below `FIRST_BIN` are 0. What lies 110 dB below the whole is 0.
    moves : bool[B]
        False where a block has no power, or one that is not finite, and no shares.
    """
    power = magnitude[:, :MOST_BINS] ** 2
    power[:, :FIRST_BIN] = 0.0
    total = power.sum(axis=-1)
    moves = np.isfinite(total) & (total > 0.0)
    power[~moves] = 0.0
    power *= (_CODE / np.where(moves, total, 1.0))[:, np.newaxis]
    return power.astype(np.float16), moves


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumSum:
    """The sum of the blocks of one length and sampling rate.

    Attributes
    ----------
    sampling_rate_hz : float
    samples : int
        Length of a block.
    blocks : int
    kurtosis_milli : int
        Sum of the blocks' kurtosis, in thousandths.
    first, second : int64[F]
        Sums of the shares and of their squares.
    """

    sampling_rate_hz: float
    samples: int
    blocks: int
    kurtosis_milli: int
    first: IntArray
    second: IntArray

    @classmethod
    def empty(cls, sampling_rate_hz: float, samples: int) -> SpectrumSum:
        """Give the sum of no blocks."""
        bins = bins_of(samples)
        return cls(sampling_rate_hz, samples, 0, 0, np.zeros(bins, np.int64), np.zeros(bins, np.int64))

    @property
    def bin_hz(self) -> float:
        """Width of a bin."""
        return self.sampling_rate_hz / self.samples

    def add(self, shares: HalfArray, kurtosis: FloatArray) -> SpectrumSum:
        """Add blocks.

        Parameters
        ----------
        shares : float16[B, F]
            As `block_shares` gives them.
        kurtosis : float64[B]
            Of each block.

        Raises
        ------
        ShapeError
            If the blocks have another number of bins.
        """
        if shares.shape[1:] != self.first.shape:
            msg = f"shares have shape {shares.shape}, expected [B, {len(self.first)}]; add blocks of one length"
            raise ShapeError(msg)
        wide = shares.astype(np.float64)
        squared = np.rint(wide * (_SQUARED_UNIT / _CODE)).astype(np.int64)
        return SpectrumSum(
            self.sampling_rate_hz,
            self.samples,
            self.blocks + len(shares),
            self.kurtosis_milli + int(np.rint(np.clip(kurtosis, 1.0, 1000.0) * 1000.0).astype(np.int64).sum()),
            self.first + (wide * _UNIT).astype(np.int64).sum(axis=0),
            self.second + (squared * squared).sum(axis=0),
        )

    def join(self, other: SpectrumSum) -> SpectrumSum:
        """Add the blocks of another sum of the same kind."""
        return SpectrumSum(
            self.sampling_rate_hz,
            self.samples,
            self.blocks + other.blocks,
            self.kurtosis_milli + other.kurtosis_milli,
            self.first + other.first,
            self.second + other.second,
        )

    def density_per_hz(self) -> FloatArray:
        """float64[F]: mean share of a block's power in each hertz; sums to 1 when multiplied by the bins' width."""
        return self.first / (max(self.blocks, 1) * _CODE * _UNIT * self.bin_hz)

    def scatter(self) -> FloatArray:
        """Give how far each bin scatters between blocks.

        Returns
        -------
        float64[F]
            Variance over squared mean, corrected for the number of blocks: 1 for Gaussian noise of one strength, more
            where the strength changes, 0 for a steady tone; 1 where a bin has too little power, or there are fewer
            than two blocks.
        """
        count = float(self.blocks)
        if self.blocks < 2:  # noqa: PLR2004 - a variance needs two
            return np.ones(len(self.first))
        mean = self.first / (count * _CODE * _UNIT)
        square = self.second / (count * _SQUARED_UNIT**2)
        variance = np.maximum(square - mean**2, 0.0) * count / (count - 1.0)
        # The square of a mean is on average too large by the mean's own variance.
        squared_mean = np.maximum(mean**2 - variance / count, mean**2 / 2.0)
        told = mean * _SQUARED_UNIT > 16.0  # noqa: PLR2004 - steps of the rounding
        return np.where(told, variance / np.where(told, squared_mean, 1.0), 1.0)

    def kurtosis(self) -> float:
        """Mean kurtosis of the blocks; 3 where there are none."""
        return self.kurtosis_milli / (1000.0 * self.blocks) if self.blocks else 3.0

    def encode(self) -> bytes:
        """Write the sum, little-endian."""
        head = _HEAD.pack(self.sampling_rate_hz, self.samples, self.blocks, self.kurtosis_milli, len(self.first))
        return head + self.first.astype("<i8").tobytes() + self.second.astype("<i8").tobytes()

    @classmethod
    def decode(cls, data: bytes) -> SpectrumSum:
        """Read what `encode` wrote, to the bit.

        Raises
        ------
        ShapeError
            If the bytes are not as long as their head says.
        """
        if len(data) < _HEAD.size:
            raise ShapeError(f"got {len(data)} bytes of an averaged spectrum, expected {_HEAD.size} or more")
        rate_hz, samples, blocks, kurtosis_milli, bins = _HEAD.unpack_from(data)
        if len(data) != _HEAD.size + 16 * bins:
            raise ShapeError(f"got {len(data)} bytes of an averaged spectrum, expected {_HEAD.size + 16 * bins}")
        sums = np.frombuffer(data, "<i8", offset=_HEAD.size).astype(np.int64).reshape(2, bins)
        return cls(rate_hz, samples, blocks, kurtosis_milli, sums[0].copy(), sums[1].copy())
