"""A few answers of a file to seeded noise: enough to see later that it still computes the same."""

from __future__ import annotations

import numpy as np

from sepzoo.export.noise import noise_of
from sepzoo.inference.classifier import Classifier

SEED = 0
"""Of the noise, and of which numbers of a large output are kept."""

_SAMPLES = 4
_NUMBERS = 32
_DIGITS = 6


def answers_of(file: Classifier) -> dict[str, np.ndarray]:
    """Return what a file predicts for noise, by the names of its outputs; that of one output as "".

    Args:
        file: which says what its inputs take.

    Returns:
        arrays (samples, numbers), rounded to six digits; of a large output a seeded choice of its numbers.
    """
    samples = noise_of(file, alike=True)  # another draw would fail files that were written before
    found = file.predict(samples.taken(slice(_SAMPLES)).images)
    named = found if isinstance(found, dict) else {"": found}
    return {str(name): _kept(rows.reshape(len(rows), -1)) for name, rows in named.items()}


def relative_error(expected: np.ndarray, given: np.ndarray) -> float:
    """Return the root of the squared differences' sum over that of the expected squares.

    Example:
        >>> relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.5]))
        0.1
    """
    norm = max(float(np.linalg.norm(expected)), float(np.finfo(np.float64).tiny))
    return float(np.linalg.norm(expected - given)) / norm


def _kept(rows: np.ndarray) -> np.ndarray:
    if rows.shape[1] > _NUMBERS:
        places = np.random.default_rng(SEED).choice(rows.shape[1], _NUMBERS, replace=False)
        rows = rows[:, np.sort(places)]
    return np.array([[float(f"{value:.{_DIGITS}g}") for value in row] for row in rows.astype(np.float64)])
