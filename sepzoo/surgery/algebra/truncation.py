"""The best approximation of a matrix by two thin ones."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Truncation:
    """The first singular pairs of a matrix, shared evenly between two factors.

    Attributes:
        left: (rows, rank).
        right: (rank, columns).
        squared_error: squared norm of what their product leaves out.
        relative_squared_error: that as a share of the matrix's own.
    """

    left: np.ndarray
    right: np.ndarray
    squared_error: float
    relative_squared_error: float


def truncate(matrix: np.ndarray, rank: int) -> Truncation:
    """Return the two factors of this rank whose product is nearest to a matrix.

    Example:
        >>> found = truncate(np.diag([2.0, 1.0]), 1)
        >>> (found.left @ found.right).round(3).tolist(), round(found.relative_squared_error, 3)
        ([[2.0, 0.0], [0.0, 0.0]], 0.2)
    """
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    root = np.sqrt(s[:rank])
    squared_error = float(np.sum(s[rank:] ** 2))
    return Truncation(
        u[:, :rank] * root, root[:, None] * vt[:rank], squared_error, squared_error / float(np.sum(s**2) or 1.0)
    )
