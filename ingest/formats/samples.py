"""Raw samples of many equal blocks into one array, in one vectorised step."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray
from domain.errors import ShapeError

__all__ = ["SampleEncoding", "decode_samples"]


class SampleEncoding(StrEnum):
    """How raw samples are packed, little-endian; JSON numbers are packed as float64 on arrival."""

    I16 = "i16le"
    I24 = "i24le"
    I32 = "i32le"
    F32 = "f32le"
    JSON = "json"

    @property
    def width(self) -> int:
        """Bytes of one sample."""
        return _WIDTHS[self]


_WIDTHS: Final = {
    SampleEncoding.I16: 2,
    SampleEncoding.I24: 3,
    SampleEncoding.I32: 4,
    SampleEncoding.F32: 4,
    SampleEncoding.JSON: 8,
}
_DTYPES: Final[dict[SampleEncoding, np.dtype[Any]]] = {
    SampleEncoding.I16: np.dtype("<i2"),
    SampleEncoding.I32: np.dtype("<i4"),
    SampleEncoding.F32: np.dtype("<f4"),
    SampleEncoding.JSON: np.dtype("<f8"),
}
_BITS: Final = {SampleEncoding.I16: 16, SampleEncoding.I24: 24, SampleEncoding.I32: 32}


def decode_samples(
    encoding: SampleEncoding, length: int, blocks: Sequence[bytes], *, factor: FloatArray, offset: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Unpack blocks of one encoding and length, and scale them.

    Parameters
    ----------
    encoding : SampleEncoding
        Of all blocks.
    length : int
        Samples in each block, `N`.
    blocks : sequence of bytes
        `B` blocks of `length * encoding.width` bytes.
    factor, offset : float64[B]
        `sample = factor * raw + offset`, in the unit wanted.

    Returns
    -------
    samples : float64[B, N]
        C-contiguous; not finite where a float block held such values or scaling overflowed.
    clipped : bool[B]
        True where a raw integer is at the limit of its width.

    Raises
    ------
    ShapeError
        If the bytes are not `B` blocks of that length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> decode_samples(SampleEncoding.I24, 3, [bytes.fromhex("000000a086016079fe")], factor=one, offset=one * 0)[0]
    array([[      0.,  100000., -100000.]])
    """
    packed = b"".join(blocks)
    if len(packed) != len(blocks) * length * encoding.width:
        raise ShapeError(f"got {len(packed)} bytes, expected {len(blocks)} blocks of {length} x {encoding.width} bytes")
    raw = _unpack(encoding, packed).reshape(len(blocks), length)
    bits = _BITS.get(encoding)
    if bits is None:
        clipped = np.zeros(len(blocks), dtype=np.bool_)
    else:
        limit = 2 ** (bits - 1)
        clipped = (raw.max(axis=1) == limit - 1) | (raw.min(axis=1) == -limit)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused by the caller
        samples = raw * factor[:, np.newaxis]
        # Always added, also where it is 0: skipping it would keep a -0.0 that another cut of the batch loses.
        samples += offset[:, np.newaxis]
    return samples, clipped


def _unpack(encoding: SampleEncoding, packed: bytes) -> npt.NDArray[Any]:
    """View bytes as numbers; 24-bit samples go into the high bytes of 32 and are shifted back with their sign."""
    if encoding is not SampleEncoding.I24:
        return np.frombuffer(packed, dtype=_DTYPES[encoding])
    triples = np.frombuffer(packed, dtype=np.uint8).reshape(-1, 3)
    widened = np.zeros((len(triples), 4), dtype=np.uint8)
    widened[:, 1:] = triples
    return widened.view("<i4")[:, 0] >> 8
