"""Means and covariances of a layer's patches and right outputs: all that a least-squares fit needs of the samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from sepzoo.support.types import Tensor

_ROUNDING = 1e-12
"""What subtracting means leaves of a constant, as a share of its square, is less than this."""


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """Means and covariances of a convolution's patches x and of the outputs y that they should get.

    Attributes:
        gram: covariance of x, (k * k * inputs)^2, in the order of a kernel's axes.
        cross: covariance of x and y, (k * k * inputs, filters).
        power: variance of y, (filters,).
        patch_mean: of x.
        output_mean: of y.
        count: number of patches.
    """

    gram: np.ndarray
    cross: np.ndarray
    power: np.ndarray
    patch_mean: np.ndarray
    output_mean: np.ndarray
    count: int

    @classmethod
    def of(cls, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> Moments:
        """Return the moments of batches of (patches, outputs); none is kept."""
        sums: list[Tensor] = [0.0] * 5
        count = 0
        for x, y in batches:
            terms = (x.T @ x, x.T @ y, np.sum(y**2, axis=0), x.sum(axis=0), y.sum(axis=0))
            sums = [total + term for total, term in zip(sums, terms, strict=True)]
            count += len(x)
        gram, cross, power, patch_mean, output_mean = (total / count for total in sums)
        return cls(
            gram - np.outer(patch_mean, patch_mean),
            cross - np.outer(patch_mean, output_mean),
            np.maximum(power - output_mean**2, 0.0),
            patch_mean,
            output_mean,
            count,
        )

    @property
    def unsure(self) -> float:
        """How large a variance may be by rounding alone, where patches hardly differ from their mean."""
        return _ROUNDING * float(np.trace(self.gram) + np.sum(self.patch_mean**2))

    def error(self, kernel: np.ndarray, bias: np.ndarray | None = None) -> float:
        """Return a kernel's squared error as a share of the variance of the outputs.

        Args:
            kernel: (height, width, inputs, filters).
            bias: of each filter; None for the best one.
        """
        whole = float(self.power.sum())
        return float(self.squared_errors(kernel, bias).sum()) / whole if whole else 0.0

    def squared_errors(self, kernel: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
        """Return a kernel's mean squared error of each output, (filters,); see `error`."""
        matrix = kernel.reshape(-1, kernel.shape[-1])
        squared = self.power - 2 * np.sum(matrix * self.cross, axis=0) + np.sum(matrix * (self.gram @ matrix), axis=0)
        squared = np.maximum(squared, 0.0)  # where rounding made it less
        return squared if bias is None else squared + (bias - self.best_bias(kernel)) ** 2

    def best_bias(self, kernel: np.ndarray) -> np.ndarray:
        """Return the bias that makes a kernel's mean output right."""
        return self.output_mean - self.patch_mean @ kernel.reshape(-1, kernel.shape[-1])

    def regularized(self, kernel: np.ndarray, share: float) -> Moments:
        """Return the moments with a ridge that draws fits towards a kernel: some white noise with its outputs.

        So directions that the samples do not show stay as the kernel has them, and every fit is well posed.

        Args:
            kernel: the original one.
            share: power of the noise, as a share of the patches' mean power.
        """
        matrix = kernel.reshape(-1, kernel.shape[-1])
        noise = max(share * float(np.trace(self.gram)) / len(self.gram), self.unsure) or share
        return dataclasses.replace(
            self,
            gram=self.gram + noise * np.eye(len(self.gram)),
            cross=self.cross + noise * matrix,
            power=self.power + noise * np.sum(matrix**2, axis=0),
        )
