"""Small linear algebra for many channels at once, with the channels along the last axis.

What belongs to one channel is a column: vectors are ``float64[K, R]``, symmetric matrices are kept as their lower
triangles ``float64[K (K + 1) / 2, R]`` (`models.triangles`); ``R`` may be several axes, such as channels and filters.
One step of numpy then does a thing for all channels, and sums are added one after the other, so that a channel's
numbers are the same to the bit whatever else is in its batch.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray, IndexArray
from models.triangles import places_in_triangle

__all__ = ["carry", "dot", "downdate", "gather", "places_of", "put", "subtract_product", "total"]

# Of a table, so few entries of a row are taken one by one; of more, whole rows are.
_SPARSE: Final = 4


def gather(column: npt.NDArray[np.floating[Any]], rows: npt.NDArray[np.intp], places: IndexArray) -> FloatArray:
    """Take some entries of some rows of a table, as columns.

    Parameters
    ----------
    column : float[J, N]
    rows, places : intp[R], int[P]

    Returns
    -------
    float64[P, R]
    """
    width = column.shape[1]
    if _SPARSE * len(places) < width:
        return np.asarray(column.reshape(-1)[places[:, np.newaxis] + rows * width], dtype=np.float64)
    return np.asarray(column[rows].T[places], dtype=np.float64)


def put(column: FloatArray, rows: npt.NDArray[np.intp], places: IndexArray, values: FloatArray) -> None:
    """Write `values`, float64[P, R], back into a table, float[J, N], in place: the inverse of `gather`."""
    flat = column.reshape(-1)
    flat[places[:, np.newaxis] + rows * column.shape[1]] = values


@cache
def places_of(chosen: tuple[int, ...]) -> IndexArray:
    """int32[K (K + 1) / 2]: where the entries of a triangle lie that are left when only some rows are chosen.

    Parameters
    ----------
    chosen : tuple of int
        Ascending.

    Examples
    --------
    >>> places_of((0, 2)).tolist()
    [0, 3, 5]
    """
    places = [row * (row + 1) // 2 + column for row in chosen for column in chosen if column <= row]
    return np.asarray(places, np.int32)


def total(values: FloatArray) -> FloatArray:
    """Add along the first axis, one after the other.

    Parameters
    ----------
    values : float64[N, ..., R]

    Returns
    -------
    float64[..., R]
        Zeros where `N` is 0.
    """
    added = np.zeros(values.shape[1:])
    for value in values:
        added += value
    return added


def dot(first: FloatArray, second: FloatArray) -> FloatArray:
    """Add products along the first axis, one after the other.

    Parameters
    ----------
    first : float64[K, ..., R]
    second : float64[K, R]
        One axis or several.

    Returns
    -------
    float64[..., R]
        Zeros where `K` is 0.

    Examples
    --------
    >>> dot(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [2.0, 0.5]])).tolist()
    [7.0, 4.0]
    """
    added = np.zeros(first.shape[1:])
    for one, other in zip(first, second, strict=True):
        added += one * other
    return added


def carry(lower: FloatArray, vector: FloatArray) -> FloatArray:
    """Multiply symmetric matrices by vectors.

    Parameters
    ----------
    lower : float64[K (K + 1) / 2, R]
    vector : float64[K, R]

    Returns
    -------
    float64[K, R]

    Examples
    --------
    >>> carry(np.array([[1.0], [2.0], [5.0]]), np.array([[1.0], [10.0]])).tolist()
    [[21.0], [52.0]]
    """
    size = len(vector)
    whole = np.take(lower, places_in_triangle(size), axis=0).reshape(size, size, *lower.shape[1:])
    return dot(whole, vector)


def downdate(lower: FloatArray, gain: FloatArray, rest: FloatArray) -> None:
    """Subtract ``gain rest' + rest gain'`` from symmetric matrices, in place.

    Parameters
    ----------
    lower : float64[K (K + 1) / 2, R]
    gain, rest : float64[K, R]
    """
    begin = 0
    for row in range(len(gain)):
        end = begin + row + 1
        lower[begin:end] -= gain[row] * rest[: row + 1] + gain[: row + 1] * rest[row]
        begin = end


def subtract_product(lower: FloatArray, gain: FloatArray, cross: FloatArray) -> None:
    """Subtract ``gain cross'`` from symmetric matrices, in place, where `cross` is a multiple of `gain`.

    Parameters
    ----------
    lower : float64[K (K + 1) / 2, R]
    gain, cross : float64[K, R]
        Only what is on and below the diagonal of their product is taken: it is symmetric but for rounding.

    Examples
    --------
    >>> lower = np.array([[1.0], [2.0], [5.0]])
    >>> subtract_product(lower, np.array([[0.5], [1.0]]), np.array([[1.0], [2.0]]))
    >>> lower.ravel().tolist()
    [0.5, 1.0, 3.0]
    """
    begin = 0
    for row in range(len(gain)):
        end = begin + row + 1
        lower[begin:end] -= gain[row] * cross[: row + 1]
        begin = end
