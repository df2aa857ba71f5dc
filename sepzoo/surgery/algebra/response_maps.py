"""Low-rank maps from the outputs that a layer gives to those that it should give."""

from __future__ import annotations

import dataclasses

import numpy as np

from sepzoo.surgery.algebra.regression import RIDGE, low_rank

STEPS = ((0.1, 30), (1.0, 20))
"""Weight of the linear part, and for how many rounds of the alternation (the decoupling authors' program)."""


@dataclasses.dataclass(frozen=True, eq=False)
class ResponseMap:
    """A map of low rank from the outputs as they come to those that are given: now @ left @ right + shift."""

    left: np.ndarray
    right: np.ndarray
    shift: np.ndarray

    def apply(self, now: np.ndarray) -> np.ndarray:
        """Return the outputs after the map."""
        return now @ self.left @ self.right + self.shift

    def error(self, now: np.ndarray, wanted: np.ndarray, *, through_relu: bool) -> float:
        """Return the squared error as a share of the variance, behind the ReLU where there is one."""
        given = self.apply(now)
        if through_relu:
            given, wanted = np.maximum(given, 0.0), np.maximum(wanted, 0.0)
        whole = float(np.sum((wanted - wanted.mean(axis=0)) ** 2))
        return float(np.sum((given - wanted) ** 2)) / whole if whole else 0.0


def fit_response_map(now: np.ndarray, wanted: np.ndarray, rank: int) -> ResponseMap:
    """Return the map whose outputs are nearest: reduced-rank regression.

    Args:
        now: outputs as they come, (n, filters).
        wanted: the right ones.
        rank: of the map.

    Example:
        >>> outputs = np.random.default_rng(0).normal(size=(100, 4))
        >>> fit_response_map(outputs, outputs, 4).error(outputs, outputs, through_relu=False) < 1e-9
        True
    """
    mean, target = now.mean(axis=0), wanted.mean(axis=0)
    gram = (now - mean).T @ (now - mean) / len(now)
    cross = (now - mean).T @ (wanted - target) / len(now)
    noise = (RIDGE * float(np.trace(gram)) / len(gram) or RIDGE) * np.eye(len(gram))  # whose right output is itself
    left, right = low_rank(gram + noise, cross + noise, rank)
    return ResponseMap(left, right, target - mean @ left @ right)


def fit_through_relu(now: np.ndarray, wanted: np.ndarray, rank: int) -> ResponseMap:
    """Return the map whose outputs are nearest behind a ReLU, by alternation (Zhang et al., sec. 3.1).

    For a given map each free output is the best of two closed forms; for given free outputs the map is a regression.

    Args:
        now: outputs as they come, (n, filters).
        wanted: the right ones, before the ReLU.
        rank: of the map.
    """
    positive = np.maximum(wanted, 0.0)
    found = fit_response_map(now, wanted, rank)
    for weight, rounds in STEPS:
        for _round in range(rounds):
            linear = found.apply(now)
            below = np.minimum(linear, 0.0)
            above = np.maximum((weight * linear + positive) / (weight + 1.0), 0.0)
            costs = (
                positive**2 + weight * (below - linear) ** 2,
                (above - positive) ** 2 + weight * (above - linear) ** 2,
            )
            found = fit_response_map(now, np.where(costs[0] < costs[1], below, above), rank)
    return found
