"""Symmetric matrices kept as lower triangles: half the memory, and half of what is copied and saved.

A stack of matrices ``float64[R, K, K]`` is kept as ``float64[R, K (K + 1) / 2]``, row after row: (0, 0), (1, 0),
(1, 1), (2, 0) and so on, so that the first entry of the diagonal is the first of all.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray

__all__ = ["diagonal", "first_line", "fold", "places_in_triangle", "triangle_length", "unfold"]


def triangle_length(size: int) -> int:
    """Count the entries of the lower triangle of a matrix with so many rows.

    Examples
    --------
    >>> triangle_length(12)
    78
    """
    return size * (size + 1) // 2


@cache
def diagonal(size: int) -> npt.NDArray[np.intp]:
    """intp[K]: where the entries of the diagonal are kept."""
    row = np.arange(size)
    return row * (row + 3) // 2


@cache
def first_line(size: int) -> npt.NDArray[np.intp]:
    """intp[K]: where the entries of the first row, which are those of the first column, are kept."""
    row = np.arange(size)
    return row * (row + 1) // 2


def fold(matrices: FloatArray) -> FloatArray:
    """Keep the lower triangles of symmetric matrices.

    Parameters
    ----------
    matrices : float64[R, K, K]
        Symmetric to the bit; what is above the diagonal is not looked at.

    Returns
    -------
    float64[R, K (K + 1) / 2]

    Examples
    --------
    >>> fold(np.array([[[1.0, 2.0], [2.0, 5.0]]])).tolist()
    [[1.0, 2.0, 5.0]]
    """
    size = matrices.shape[-1]
    return np.take(matrices.reshape(len(matrices), size * size), _places_in_matrix(size), axis=1)


def unfold(triangles: FloatArray, size: int) -> FloatArray:
    """Give the matrices of which the lower triangles were kept.

    Parameters
    ----------
    triangles : float64[R, K (K + 1) / 2]
    size : int
        `K`.

    Returns
    -------
    float64[R, K, K]

    Examples
    --------
    >>> unfold(np.array([[1.0, 2.0, 5.0]]), 2).tolist()
    [[[1.0, 2.0], [2.0, 5.0]]]
    """
    return np.take(triangles, places_in_triangle(size), axis=1).reshape(len(triangles), size, size)


@cache
def _places_in_matrix(size: int) -> npt.NDArray[np.intp]:
    row, column = np.tril_indices(size)
    return np.asarray(row * size + column, np.intp)


@cache
def places_in_triangle(size: int) -> npt.NDArray[np.intp]:
    """intp[K * K]: where the entries of the whole matrix, row after row, are kept."""
    row, column = np.indices((size, size)).reshape(2, -1)
    high, low = np.maximum(row, column), np.minimum(row, column)
    return np.asarray(high * (high + 1) // 2 + low, np.intp)
