"""Inputs of linear maps left out one after the other, the rest fitted again each time in closed form.

For outputs y = W' x with second moments G of x, leaving out the inputs S and fitting the others anew adds the squared
error W_S' (inv(G)_SS)^-1 W_S (the "optimal brain surgeon" of Hassibi and Stork, NIPS 1992, for several at once).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class LinearMap:
    """A linear map some of whose inputs may be left out.

    Attributes:
        gram: second moments of its inputs, (inputs, inputs), positive definite; or of each candidate's inputs alone,
            (candidates, rows, rows), where they are too many: then nothing is fitted again.
        matrix: (inputs, outputs).
        rows: the inputs of each candidate, (candidates, rows).
        power: what its errors are a share of.
    """

    gram: np.ndarray
    matrix: np.ndarray
    rows: np.ndarray
    power: float


def elimination_order(maps: Sequence[LinearMap]) -> tuple[np.ndarray, np.ndarray]:
    """Return the order in which candidates are best left out, greedily, and the relative squared error that each adds.

    Args:
        maps: of the same candidates; their relative errors are added up.

    Example:
        >>> twice = np.array([[1.0, 0.999, 0.0], [0.999, 1.01, 0.0], [0.0, 0.0, 1.0]])  # the first two say the same
        >>> order, errors = elimination_order([LinearMap(twice, np.ones((3, 1)), np.arange(3)[:, None], 4.998)])
        >>> order.tolist(), errors.round(3).tolist()
        ([0, 2, 1], [0.002, 0.2, 0.8])
    """
    count = len(maps[0].rows)
    works = [_Independent(each) if each.gram.ndim == 3 else _Fitted(each) for each in maps]
    left, order, added = np.arange(count), [], []
    while len(left):
        errors = sum((work.errors(left) for work in works), start=np.zeros(len(left)))
        place = int(np.argmin(errors))
        order.append(int(left[place]))
        added.append(float(errors[place]))
        for work in works:
            work.leave_out(int(left[place]))
        left = np.delete(left, place)
    return np.array(order), np.array(added)


class _Independent:
    """Each candidate's error is that of its own part of the outputs."""

    def __init__(self, given: LinearMap) -> None:
        parts = given.matrix[given.rows]
        self.all = np.einsum("crf,crs,csf->c", parts, given.gram, parts) / (given.power or 1.0)

    def errors(self, candidates: np.ndarray) -> np.ndarray:
        return self.all[candidates]

    def leave_out(self, candidate: int) -> None:
        del candidate


class _Fitted:
    """What is left makes up for what is gone as well as it can."""

    def __init__(self, given: LinearMap) -> None:
        self.rows, self.power = given.rows, given.power or 1.0
        self.inverse = np.linalg.inv(given.gram)
        self.matrix = given.matrix.copy()

    def errors(self, candidates: np.ndarray) -> np.ndarray:
        rows = self.rows[candidates]
        own = self.inverse[rows[:, :, None], rows[:, None, :]]
        parts = self.matrix[rows]
        return np.maximum(np.sum(parts * np.linalg.solve(own, parts), axis=(1, 2)), 0.0) / self.power

    def leave_out(self, candidate: int) -> None:
        rows = self.rows[candidate]
        columns = self.inverse[:, rows]
        step = np.linalg.solve(self.inverse[np.ix_(rows, rows)], np.hstack([self.matrix[rows], columns.T]))
        outputs = self.matrix.shape[1]
        self.matrix -= columns @ step[:, :outputs]
        self.inverse -= columns @ step[:, outputs:]
        self.matrix[rows] = 0.0
        self.inverse[rows] = self.inverse[:, rows] = 0.0
        self.inverse[rows, rows] = 1.0
