"""What is remembered of the modes of one structure: a Kalman filter each, and what they look like.

The filter's state is the logarithm of the natural frequency at 10 degrees Celsius, its rate a day, and how it answers
to temperature, above and below freezing. `models.modal_filter` moves it, `models.modal_tracks` says which peak is which
mode.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray
from domain.errors import ShapeError

__all__ = ["CONFIRMED_SEEN", "FROST", "LEVEL", "RATE", "SLOPE", "STATES", "ModeTracks"]

# The filter's state: logarithm of the level at 10 degrees, its rate a day, slopes per 10 K and per 5 K of frost.
STATES: Final = 4
LEVEL, RATE, SLOPE, FROST = range(STATES)
# Periods with a mode until it is confirmed, and its noise is learned.
CONFIRMED_SEEN: Final = 4
_RESTS_AFTER: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class ModeTracks:
    """The modes of one structure, `M` rows, confirmed or not.

    Attributes
    ----------
    number : int64[M]
        Lasting number of a confirmed mode, from 1; 0 for a candidate.
    mean, covariance : float64[M, 4], float64[M, 4, 4]
        Of the filter: logarithm of the level in Hz, rate a day, slopes.
    noise : float64[M]
        Mean square of the standardised innovations, at least 1 where it is used.
    log_share, log_damping : float64[M]
        Usual strength and damping ratio.
    warmth_seen : int64[M]
        Periods with a thermometer.
    seen, missed : int64[M]
        Periods with this mode, and periods without it since the last.
    first_ns, last_ns : int64[M]
        Ends of the first and the last period with it.
    settled : int64[M]
        Periods with it since a reference was asked for.
    reference, reference_sd : float64[M]
        Level when it was first well known, and its standard uncertainty; NaN before.
    time_ns : int
        End of the last period; 0 before the first.
    given : int
        Numbers given so far.
    """

    number: npt.NDArray[np.int64]
    mean: FloatArray
    covariance: FloatArray
    noise: FloatArray
    log_share: FloatArray
    log_damping: FloatArray
    warmth_seen: npt.NDArray[np.int64]
    seen: npt.NDArray[np.int64]
    missed: npt.NDArray[np.int64]
    first_ns: npt.NDArray[np.int64]
    last_ns: npt.NDArray[np.int64]
    settled: npt.NDArray[np.int64]
    reference: FloatArray
    reference_sd: FloatArray
    time_ns: int = 0
    given: int = 0

    @classmethod
    def empty(cls) -> ModeTracks:
        """Give no modes."""
        whole: dict[str, Any] = {name: np.zeros((0, *shape), dtype) for name, (dtype, shape) in _COLUMNS.items()}
        return cls(**whole)

    def __len__(self) -> int:
        return len(self.number)

    @property
    def rests(self) -> BoolArray:
        """bool[M]: not seen for some periods."""
        return np.asarray(self.missed >= _RESTS_AFTER)

    def without_reference(self) -> ModeTracks:
        """Give the same modes, whose reference level is still to be found."""
        unknown = np.full(len(self), np.nan)
        return replace(self, reference=unknown, reference_sd=unknown, settled=np.zeros(len(self), np.int64))

    def joined(self, others: ModeTracks) -> ModeTracks:
        """Give these modes with others behind them."""
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(others, name)]) for name in _COLUMNS
        }
        return replace(self, **columns)

    def only(self, kept: BoolArray) -> ModeTracks:
        """Give those of the modes that are kept, bool[M]."""
        columns: dict[str, Any] = {name: getattr(self, name)[kept] for name in _COLUMNS}
        return replace(self, **columns)

    def encode(self) -> bytes:
        """Write the tracks, little-endian."""
        head = np.array([len(self), self.time_ns, self.given], "<i8").tobytes()
        return head + b"".join(
            np.ascontiguousarray(getattr(self, name)).astype(dtype.newbyteorder("<")).tobytes()
            for name, (dtype, _) in _COLUMNS.items()
        )

    @classmethod
    def decode(cls, data: bytes) -> ModeTracks:
        """Read what `encode` wrote, to the bit.

        Raises
        ------
        ShapeError
            If the bytes are not as long as their head says.
        """
        width = sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in _COLUMNS.values())
        count, time_ns, given = np.frombuffer(data[:24], "<i8").tolist() if len(data) >= 24 else (-1, 0, 0)  # noqa: PLR2004
        if len(data) != 24 + count * width:
            raise ShapeError(f"got {len(data)} bytes of modes, expected 24 and {width} a mode")
        columns: dict[str, Any] = {}
        offset = 24
        for name, (dtype, shape) in _COLUMNS.items():
            size = dtype.itemsize * count * int(np.prod(shape))
            part = np.frombuffer(data[offset : offset + size], dtype.newbyteorder("<"))
            columns[name] = part.astype(dtype).reshape(count, *shape)
            offset += size
        return cls(**columns, time_ns=time_ns, given=given)


_FLOAT: Final = np.dtype(np.float64)
_INTEGER: Final = np.dtype(np.int64)
_COLUMNS: Final[dict[str, tuple[np.dtype[Any], tuple[int, ...]]]] = {
    "number": (_INTEGER, ()),
    "mean": (_FLOAT, (STATES,)),
    "covariance": (_FLOAT, (STATES, STATES)),
    "noise": (_FLOAT, ()),
    "log_share": (_FLOAT, ()),
    "log_damping": (_FLOAT, ()),
    "warmth_seen": (_INTEGER, ()),
    "seen": (_INTEGER, ()),
    "missed": (_INTEGER, ()),
    "first_ns": (_INTEGER, ()),
    "last_ns": (_INTEGER, ()),
    "settled": (_INTEGER, ()),
    "reference": (_FLOAT, ()),
    "reference_sd": (_FLOAT, ()),
}
