"""The nearest product of two thin matrices, by the eigenvalues of the matrix with its transpose."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.surgery.algebra.truncation import truncate


@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (4, 4)])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_what_is_left_out_is_the_sum_of_the_small_eigenvalues(shape, rank):
    matrix = np.random.default_rng(rank).normal(size=shape)
    values = np.sort(np.linalg.eigvalsh(matrix @ matrix.T))[::-1][: min(shape)]
    found = truncate(matrix, rank)
    assert found.left.shape == (shape[0], rank)
    assert found.right.shape == (rank, shape[1])
    assert np.sum((matrix - found.left @ found.right) ** 2) == pytest.approx(values[rank:].sum(), rel=1e-9)
    assert found.squared_error == pytest.approx(values[rank:].sum(), rel=1e-9)
    assert found.relative_squared_error == pytest.approx(values[rank:].sum() / np.sum(matrix**2), rel=1e-9)
    np.testing.assert_allclose(  # shared evenly
        np.linalg.norm(found.left, axis=0), np.linalg.norm(found.right, axis=1), rtol=1e-9
    )


def test_nothing_is_left_out_of_nothing():
    found = truncate(np.zeros((3, 2)), 1)
    assert (found.squared_error, found.relative_squared_error) == (0.0, 0.0)
    assert not (found.left @ found.right).any()
