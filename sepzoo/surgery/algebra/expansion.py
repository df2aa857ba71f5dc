"""A dense kernel as a sum of depthwise separable ones (Guo et al., BMVC 2018, arXiv 1808.05517)."""

from __future__ import annotations

import dataclasses

import numpy as np

from sepzoo.layers.factorization import Factorization, Order, separable
from sepzoo.support.errors import SepzooError


@dataclasses.dataclass(frozen=True, eq=False)
class Terms:
    """A sum of products of a k x k filter and a vector across channels, for each channel.

    Attributes:
        order: "dw_pw": a channel is one of the input, its vectors are as long as there are filters. "pw_dw": a channel
            is a filter, its vectors are as long as there are inputs.
        spatial_filters: (channels, terms, height, width), the k x k filters.
        channel_vectors: (channels, terms, inputs or filters), the vectors.
    """

    order: Order
    spatial_filters: np.ndarray
    channel_vectors: np.ndarray

    @property
    def count(self) -> int:
        """Number of terms."""
        return self.spatial_filters.shape[1]

    @property
    def kind(self) -> Factorization:
        """The convolution that computes this sum."""
        return separable(terms=self.count, order=self.order)

    @property
    def kernel(self) -> np.ndarray:
        """The dense kernel that the sum stands for: (height, width, inputs, filters)."""
        axes = "cthw,cto->hwco" if self.order == "dw_pw" else "cthw,cti->hwic"
        return np.einsum(axes, self.spatial_filters, self.channel_vectors, optimize=True)

    def truncated(self, count: int) -> Terms:
        """Return the first `count` terms."""
        return dataclasses.replace(
            self, spatial_filters=self.spatial_filters[:, :count], channel_vectors=self.channel_vectors[:, :count]
        )

    def balanced(self) -> Terms:
        """Return the same products with both factors of the same norm, from which fine-tuning is steadier."""
        norms = [
            np.linalg.norm(factor.reshape(*factor.shape[:2], -1), axis=2)
            for factor in (self.spatial_filters, self.channel_vectors)
        ]
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.sqrt(norms[1] / norms[0])
        usable = np.isfinite(scale) & (scale > 0)
        scale = np.where(usable, scale, 1.0)
        return Terms(self.order, self.spatial_filters * scale[..., None, None], self.channel_vectors / scale[..., None])

    def keras_kernels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the depthwise and the pointwise kernel as the layers of `kind` hold them."""
        if self.order == "dw_pw":
            pointwise = self.channel_vectors.reshape(
                1, 1, -1, self.channel_vectors.shape[2]
            )  # channel after channel, in it the terms
            return np.moveaxis(self.spatial_filters, (0, 1), (2, 3)), pointwise
        depthwise = np.swapaxes(self.spatial_filters, 0, 1).reshape(
            -1, *self.spatial_filters.shape[2:]
        )  # term after term, in it
        vectors = np.swapaxes(self.channel_vectors, 0, 1).reshape(-1, self.channel_vectors.shape[2])  # the channels
        return np.moveaxis(depthwise, 0, 2)[..., None], vectors.T[None, None]


@dataclasses.dataclass(frozen=True, eq=False)
class Expansion:
    """All terms of a kernel, the strongest of each channel first.

    Attributes:
        terms: as many as it takes to be exact: min(filters or inputs, k * k).
        energy: (channels, terms), the squared norm of each.
    """

    terms: Terms
    energy: np.ndarray

    @property
    def rank(self) -> int:
        """Number of terms with which the sum is exact."""
        return self.terms.count

    def squared_error(self, count: int) -> float:
        """Return the squared norm of what `count` terms leave out (the formula of the paper's theorem)."""
        return float(self.energy[:, count:].sum())

    def relative_squared_error(self, count: int) -> float:
        """Return what `count` terms leave out as a share of the kernel's squared norm, 0 … 1."""
        whole = float(self.energy.sum())
        return self.squared_error(count) / whole if whole else 0.0

    def count_for(self, energy: float) -> int:
        """Return how many terms keep this share of the energy, on average over the channels that are not all zero.

        Raises:
            SepzooError: `energy` is not in (0, 1].
        """
        if not 0.0 < energy <= 1.0:
            raise SepzooError(f"expected an energy above 0 and up to 1. Received: energy={energy}.")
        alive = self.energy[self.energy.sum(axis=1) > 0]
        if not len(alive):
            return 1
        kept = np.cumsum(alive, axis=1) / alive.sum(axis=1, keepdims=True)
        enough = kept.mean(axis=0) >= energy - 1e-12  # rounding must not ask for a term more
        return int(np.argmax(enough)) + 1


def expand(kernel: np.ndarray, order: Order) -> Expansion:
    """Return a dense kernel as a sum of separable ones, exactly: one singular value decomposition for each channel.

    "dw_pw" decomposes the filters (outputs) x (k * k) matrix of each input channel, "pw_dw" the inputs x (k * k) matrix
    of each filter. Any number of first terms is the best approximation of that many terms in the squared norm.

    Args:
        kernel: (height, width, inputs, filters).
        order: whether the depthwise step stands first ("dw_pw") or last ("pw_dw").

    Example:
        >>> kernel = np.random.default_rng(0).normal(size=(3, 3, 5, 7))
        >>> expansion = expand(kernel, "pw_dw")
        >>> expansion.rank, bool(np.allclose(expansion.terms.kernel, kernel))
        (5, True)
        >>> missing = kernel - expansion.terms.truncated(2).kernel
        >>> bool(np.isclose(np.sum(missing**2), expansion.squared_error(2)))
        True
    """
    height, width = kernel.shape[:2]
    by_channel = np.moveaxis(kernel, (2, 3), (0, 1) if order == "dw_pw" else (1, 0))
    u, s, vt = np.linalg.svd(by_channel.reshape(*by_channel.shape[:2], height * width), full_matrices=False)
    channel_vectors = np.swapaxes(u * s[:, None, :], 1, 2)
    return Expansion(Terms(order, vt.reshape(*vt.shape[:2], height, width), channel_vectors), s**2)
