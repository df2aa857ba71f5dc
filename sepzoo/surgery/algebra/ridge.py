"""Least squares that are meant for other samples than those that were seen."""

from __future__ import annotations

import numpy as np

from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.regression import RIDGE

RIDGES = RIDGE * 10.0 ** np.arange(5, -0.1, -0.25)
"""Shares of the patches' mean power that are tried, the strongest first: it stays where no other is better."""


def fitted_matrix(moments: Moments, matrix: np.ndarray) -> np.ndarray:
    """Return the matrix whose outputs are expected to be nearest to the right ones on other samples.

    Each ridge draws the fit towards the given matrix, as `Moments.regularized` does. The one is taken whose error,
    divided by the squared share of the samples that the fit leaves free, is least: generalized cross-validation (Golub,
    Heath and Wahba, Technometrics 21, 1979). Many samples for each number need next to none; of few the fit stays near
    what it begins with.

    Args:
        moments: of the samples.
        matrix: (inputs, outputs), as it is.

    Example:
        >>> random = np.random.default_rng(0)
        >>> x, matrix = random.normal(size=(20, 16)), random.normal(size=(16, 3))
        >>> moments = Moments.of([(x, x @ matrix + random.normal(size=(20, 3)))])
        >>> near, exact = fitted_matrix(moments, matrix), np.linalg.solve(moments.gram, moments.cross)
        >>> bool(np.abs(near - matrix).max() < np.abs(exact - matrix).max())
        True
    """
    values, axes = np.linalg.eigh(moments.gram)
    values = np.maximum(values, 0.0)  # where rounding made it less
    missed = axes.T @ (moments.cross - moments.gram @ matrix)
    powers, left = np.sum(missed**2, axis=1), float(moments.squared_errors(matrix).sum())
    scores, noises = [], np.maximum(RIDGES * float(values.mean()), moments.unsure or RIDGES)
    for noise in noises:
        damped = values + noise
        error = max(left - 2 * np.sum(powers / damped) + np.sum(values * powers / damped**2), 0.0)
        free = 1 - (np.sum(values / damped) + 1) / moments.count  # one goes to the mean
        scores.append(error / free**2 if free > 0 else np.inf)
    best = noises[int(np.argmin(scores))]
    return np.asarray(matrix + axes @ (missed / (values + best)[:, None]))
