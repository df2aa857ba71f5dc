"""Ranges of activations that are chosen by the error of rounding, not by the extremes."""

from __future__ import annotations

import numpy as np

BINS = 2048
_PLACES = 128
"""So many ends are tried on either side of zero."""
_STEPS = 255


class Counted:
    """How often values lie in each part of a range, counted batch by batch.

    Zeros are left out: they are always exact, and half of what a ReLU gives.

    Args:
        low: no value is lower.
        high: no value is higher.

    Example:
        >>> counted = Counted(-1.0, 10.0)
        >>> counted.add(np.append(np.linspace(-1, 1, 1_000_000), 10))
        >>> counted.range_of_least_error()[1] < 6
        True
    """

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = min(low, 0.0), max(high, 0.0)
        self._counts = np.zeros(BINS)

    def add(self, values: np.ndarray) -> None:
        """Count values."""
        values = values[(values != 0) & np.isfinite(values)]
        width = (self.high - self.low) / BINS
        if values.size and 0 < width < np.inf:
            places = np.clip((values - self.low) / width, 0, BINS - 1).astype(np.int32)
            self._counts += np.bincount(places, minlength=BINS)

    def range_of_least_error(self) -> tuple[float, float]:
        """Return the range in which 256 steps give the values back with the least squared error.

        Values beyond it move to its ends, the others to the nearest step: by a twelfth of a step's square on average.

        Returns:
            The lowest and the highest value, with zero between them or one of them; the whole range where no narrower
            one is better, or nothing was counted.
        """
        if not self._counts.any():
            return self.low, self.high
        shares = np.arange(_PLACES, 0, -1) / _PLACES
        lows, highs = (end * shares if end else np.zeros(1) for end in (self.low, self.high))
        below, lost_below = self._beyond(lows, -1)
        above, lost_above = self._beyond(highs, 1)
        steps = (highs[None, :] - lows[:, None]) / _STEPS
        inside = self._counts.sum() - below[:, None] - above[None, :]
        errors = lost_below[:, None] + lost_above[None, :] + inside * steps**2 / 12
        lowest, highest = np.unravel_index(errors.argmin(), errors.shape)
        return float(lows[lowest]), float(highs[highest])

    def _beyond(self, ends: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how many values lie beyond each of some ends, and the squares of how far, summed."""
        centers = self.low + (np.arange(BINS) + 0.5) * (self.high - self.low) / BINS
        far = np.maximum(side * (centers[None, :] - ends[:, None]), 0)
        return (far > 0) @ self._counts, far**2 @ self._counts
