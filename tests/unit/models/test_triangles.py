"""Symmetric matrices come back from their triangles as they were, and the named places are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from models.triangles import diagonal, first_line, fold, triangle_length, unfold


@pytest.mark.parametrize("size", [1, 2, 12])
def test_triangles_keep_everything(size: int) -> None:
    half = np.random.default_rng(size).standard_normal((7, size, size))
    matrices = half + half.transpose(0, 2, 1)
    kept = fold(matrices)
    assert kept.shape == (7, triangle_length(size))
    assert unfold(kept, size).tobytes() == matrices.tobytes()
    assert np.array_equal(kept[:, diagonal(size)], np.diagonal(matrices, axis1=1, axis2=2))
    assert np.array_equal(kept[:, first_line(size)], matrices[:, 0])


def test_no_matrix_at_all() -> None:
    assert unfold(fold(np.empty((0, 3, 3))), 3).shape == (0, 3, 3)
