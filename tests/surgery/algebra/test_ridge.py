"""The ridge against cross-validation on the samples themselves, and what it gains on others."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.ridge import RIDGES, fitted_matrix


def drawn(count: int, seed: int, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return samples with correlated inputs, their outputs, and a matrix that is nearly the one behind them."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(24, 24)) * np.geomspace(1, 0.1, 24)
    x = random.normal(size=(count, 24)) @ mixed + 1
    matrix = random.normal(size=(24, 6))
    right = matrix + 0.1 * random.normal(size=matrix.shape)
    return x, x @ right + noise * random.normal(size=(count, 6)) + 2, matrix


@pytest.mark.parametrize("count", [20, 30, 60, 1000])
def test_it_is_the_ridge_of_the_least_score(count: int) -> None:
    x, y, matrix = drawn(count, seed=count)
    seen, left = x - x.mean(axis=0), (y - y.mean(axis=0)) - (x - x.mean(axis=0)) @ matrix
    found = []
    for share in RIDGES:
        noise = share * np.mean(np.sum(seen**2, axis=0))
        hat = seen @ np.linalg.solve(seen.T @ seen + noise * np.eye(24), seen.T)
        free = 1 - (np.trace(hat) + 1) / count
        score = np.sum((left - hat @ left) ** 2) / free**2 if free > 0 else np.inf
        found.append((score, tuple((matrix + np.linalg.lstsq(seen, hat @ left, rcond=None)[0]).ravel())))
    best = np.reshape(min(found)[1], matrix.shape)
    np.testing.assert_allclose(seen @ fitted_matrix(Moments.of([(x, y)]), matrix), seen @ best, atol=1e-6)


@pytest.mark.parametrize("count", [28, 40, 100])
def test_it_is_nearer_on_other_samples_than_least_squares(count: int) -> None:
    ours, plain, kept = [], [], []
    for seed in range(20):
        x, y, matrix = drawn(2 * count, seed)
        moments, others = Moments.of([(x[:count], y[:count])]), Moments.of([(x[count:], y[count:])])
        least = moments.regularized(matrix, 1e-4)
        ours.append(others.error(fitted_matrix(moments, matrix)))
        plain.append(others.error(np.linalg.solve(least.gram, least.cross)))
        kept.append(others.error(matrix))
    assert np.mean(ours) < np.mean(plain)
    assert np.mean(ours) < np.mean(kept)


def test_what_is_exact_stays() -> None:
    x, _y, matrix = drawn(40, seed=1)
    np.testing.assert_allclose(fitted_matrix(Moments.of([(x, x @ matrix)]), matrix), matrix, atol=1e-9)


def test_samples_that_say_nothing_change_nothing() -> None:
    x, y, matrix = drawn(1, seed=2)
    np.testing.assert_array_equal(fitted_matrix(Moments.of([(x, y)]), matrix), matrix)
