"""Separable terms fitted to samples: reduced-rank regression on covariances.

Like the singular value decomposition of the kernel, but what counts is the error of the layer's outputs instead of that
of its weights; with white patches both are the same. After He et al., arXiv 1910.09455, of which only the summary was
read; the formulas are our own.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from sepzoo.layers.factorization import Order
from sepzoo.surgery.algebra.expansion import Expansion, Terms
from sepzoo.surgery.algebra.moments import Moments

SWEEPS = 3
RIDGE = 1e-4
"""Power of the white noise, as a share of the patches', that ties a fit to the original kernel."""
EXACT = 1e-9
"""Squared error of which nothing but rounding is left, so that there is nothing to fit."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """Terms and bias for a convolution.

    Attributes:
        terms: the sum.
        bias: of each filter.
        error: squared error of the outputs on the samples, as a share of their variance.
        data_free_error: that of the decomposed kernel with the original bias, on the same patches.
    """

    terms: Terms
    bias: np.ndarray
    error: float
    data_free_error: float

    @property
    def kernel(self) -> np.ndarray:
        """The dense kernel that the terms stand for."""
        return self.terms.kernel

    @property
    def fitted(self) -> bool:
        """Whether the fit was better than the decomposition, and is what stands here."""
        return self.error < self.data_free_error


def fit(moments: Moments, expansion: Expansion, count: int, bias: np.ndarray) -> Fit:
    """Return `count` terms whose outputs are best on the samples, never worse than those of the decomposed kernel.

    Args:
        moments: of the layer's patches and right outputs.
        expansion: of its kernel.
        count: number of terms.
        bias: the original one.
    """
    plain, kernel = expansion.terms.truncated(count), expansion.terms.kernel
    data_free = moments.error(plain.kernel, bias)
    if data_free < EXACT:
        return Fit(plain, bias, data_free, data_free)
    regularized = moments.regularized(kernel, RIDGE)
    starts = (plain, weighted(regularized, kernel, plain.order).truncated(count))
    start = min(starts, key=lambda terms: regularized.error(terms.kernel))
    terms = {"dw_pw": _sweep_inputs, "pw_dw": _sweep_filters}[plain.order](regularized, start)
    error = moments.error(terms.kernel)
    if not error < data_free:
        return Fit(plain, bias, data_free, data_free)
    return Fit(terms, moments.best_bias(terms.kernel), error, data_free)


def low_rank(gram: np.ndarray, target: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (L, R) with `count` columns and rows, such that x L R is closest to the outputs: reduced-rank regression.

    Args:
        gram: covariance of x, positive definite.
        target: covariance of x and the right outputs.
        count: the rank.

    Example:
        >>> generator = np.random.default_rng(0)
        >>> x, weights = generator.normal(size=(50, 4)), np.outer([1.0, 2, 3, 4], [1.0, 0, -1])
        >>> left, right = low_rank(x.T @ x, x.T @ x @ weights, 1)
        >>> bool(np.allclose(left @ right, weights))
        True
    """
    root = np.linalg.cholesky(gram)
    u, s, vt = np.linalg.svd(np.linalg.solve(root, target), full_matrices=False)
    return np.linalg.solve(root.T, u[:, :count]), s[:count, None] * vt[:count]


def weighted(moments: Moments, kernel: np.ndarray, order: Order) -> Terms:
    """Return all terms of a kernel, decomposed in the metric of the patches; any number of first ones is a good start.

    "dw_pw": each input channel alone, whose patches' covariance is the metric; for one channel nothing is better.
    "pw_dw": each filter, in the metric of the positions' covariance times that of the channels.

    Args:
        moments: positive definite ones, see `Moments.regularized`.
        kernel: (height, width, inputs, filters).
        order: as in `expand`.
    """
    height, width, inputs, filters = kernel.shape
    area = height * width
    gram, own = moments.gram.reshape(area, inputs, area, inputs), kernel.reshape(area, inputs, filters)
    if order == "dw_pw":
        blocks = np.einsum("kili->ikl", gram)
        pairs = [low_rank(blocks[i], blocks[i] @ own[:, i], min(area, filters)) for i in range(inputs)]
        return _of_channels(order, pairs, (height, width))
    places, channels = (np.linalg.cholesky(np.einsum(axes, gram)) for axes in ("kili->kl", "kikj->ij"))
    u, s, vt = np.linalg.svd(places.T @ np.moveaxis(own, -1, 0) @ channels, full_matrices=False)
    spatial_filters, vectors = np.linalg.solve(places.T, u), s[..., None] * vt @ np.linalg.inv(channels)
    return _of_channels(order, list(zip(spatial_filters, vectors, strict=True)), (height, width))


def _sweep_inputs(moments: Moments, start: Terms) -> Terms:
    """Fit the terms of each input channel to what the other channels leave, in sweeps over the channels.

    Each step is the best possible for its channel, so the error never grows.
    """
    inputs, _count, height, width = start.spatial_filters.shape
    area, filters = height * width, start.channel_vectors.shape[2]
    gram = moments.gram.reshape(area, inputs, area, inputs)
    cross = moments.cross.reshape(area, inputs, filters)
    current = start.kernel.reshape(area, inputs, filters)
    spatial_filters, channel_vectors = start.spatial_filters.copy(), start.channel_vectors.copy()
    strength = [float(np.sum(current[:, i] * (gram[:, i, :, i] @ current[:, i]))) for i in range(inputs)]
    error = moments.error(current)
    for _sweep in range(SWEEPS):
        for i in np.argsort(strength)[::-1]:
            given = np.tensordot(gram[:, i], current, axes=((1, 2), (0, 1)))
            left = cross[:, i] - given + gram[:, i, :, i] @ current[:, i]
            filters_of_i, vectors = low_rank(gram[:, i, :, i], left, start.count)
            current[:, i] = filters_of_i @ vectors
            spatial_filters[i], channel_vectors[i] = filters_of_i.T.reshape(-1, height, width), vectors
        before, error = error, moments.error(current)
        if error > 0.999 * before:
            break
    return Terms("dw_pw", spatial_filters, channel_vectors)


def _sweep_filters(moments: Moments, start: Terms) -> Terms:
    """Fit the terms of each filter by turns: the vectors for given spatial filters, the filters for given vectors.

    Filters do not meet each other here. Each half step is the best possible, so the error never grows.
    """
    filters, count, height, width = start.spatial_filters.shape
    area, inputs = height * width, start.channel_vectors.shape[2]
    cross = moments.cross.reshape(area, inputs, filters)
    pairs = []
    for o in range(filters):
        spatial_filters, target = start.spatial_filters[o].reshape(count, -1).T, cross[..., o]
        for _sweep in range(SWEEPS):
            spatial_filters = np.linalg.qr(spatial_filters)[0]
            half = (spatial_filters.T @ moments.gram.reshape(area, -1)).reshape(count * inputs, area, inputs)
            system = (spatial_filters.T @ half).reshape(count * inputs, -1)  # of the vectors: (term, input) twice
            vectors = np.linalg.qr(_solved(system, spatial_filters.T @ target).T)[0].T
            half = (vectors @ moments.gram.reshape(area, inputs, -1)).reshape(area, count, area, inputs)
            system = (half @ vectors.T).swapaxes(0, 1).swapaxes(2, 3)  # of the spatial filters: (term, place) twice
            spatial_filters = _solved(system.reshape(count * area, -1), vectors @ target.T).T
        pairs.append((spatial_filters, vectors))
    return _of_channels("pw_dw", pairs, (height, width))


def _solved(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a system whose unknown is a matrix, row after row."""
    return np.linalg.solve(system, right.ravel()).reshape(right.shape)


def _of_channels(order: Order, pairs: list[tuple[np.ndarray, np.ndarray]], window: tuple[int, int]) -> Terms:
    """Return terms of each channel's (window positions x terms) and (terms x vector)."""
    spatial_filters = np.stack([filters.T.reshape(-1, *window) for filters, _vectors in pairs])
    return Terms(order, spatial_filters, np.stack([vectors for _filters, vectors in pairs]))
