"""Separable terms fitted to samples: reduced-rank regression on covariances.

Like the singular value decomposition of the kernel, but what counts is the error of the layer's answers instead of that
of its weights; with white patches both are the same. After He et al., arXiv 1910.09455, of which only the summary was
read; the formulas are our own.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from sepzoo.layers.factorization import Order
from sepzoo.surgery.expansion import Expansion, Terms
from sepzoo.surgery.moments import Moments

SWEEPS = 3
PRIOR = 1e-4
"""Power of the white noise, as a share of the patches', that ties a fit to the original kernel."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """Terms and bias for a convolution.

    Attributes:
        terms: the sum.
        bias: of each filter.
        error: squared error of the answers on the samples, as a share of their variance.
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
    """Return `count` terms that answer best on the samples; never worse there than the decomposition of the kernel.

    Args:
        moments: of the layer's patches and right answers.
        expansion: of its kernel.
        count: number of terms.
        bias: the original one.
    """
    plain = expansion.terms.truncated(count)
    kernel = expansion.terms.kernel
    data_free = moments.error(plain.kernel, bias)
    search = {"dw_pw": _fit_inputs, "pw_dw": _fit_filters}[plain.order]
    terms = search(moments.steadied(kernel, PRIOR), kernel, plain)
    error = moments.error(terms.kernel)
    if not error < data_free:
        return Fit(plain, bias, data_free, data_free)
    return Fit(terms, moments.best_bias(terms.kernel), error, data_free)


def low_rank(gram: np.ndarray, target: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (L, R) with `count` columns and rows, such that x L R answers best: reduced-rank regression.

    Args:
        gram: covariance of x, positive definite.
        target: covariance of x and the right answers.
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


def _fit_inputs(moments: Moments, kernel: np.ndarray, start: Terms) -> Terms:
    """Fit the terms of each input channel to what the other channels leave, in sweeps over the channels.

    Each step is the best possible for its channel, so the error never grows.
    """
    height, width, inputs, filters = kernel.shape
    area = height * width
    gram = moments.gram.reshape(area, inputs, area, inputs)
    cross = moments.cross.reshape(area, inputs, filters)
    own = kernel.reshape(area, inputs, filters)
    alone = [low_rank(gram[:, i, :, i], gram[:, i, :, i] @ own[:, i], start.count) for i in range(inputs)]
    begun = _of_channels("dw_pw", alone, (height, width))
    best = min((start, begun), key=lambda terms: moments.error(terms.kernel))
    current = best.kernel.reshape(area, inputs, filters)
    windows, spread = best.windows.copy(), best.spread.copy()
    strength = [float(np.sum(own[:, i] * (gram[:, i, :, i] @ own[:, i]))) for i in range(inputs)]
    error = moments.error(best.kernel)
    for _sweep in range(SWEEPS):
        for i in np.argsort(strength)[::-1]:
            answered = np.tensordot(gram[:, i], current, axes=((1, 2), (0, 1)))
            left = cross[:, i] - answered + gram[:, i, :, i] @ current[:, i]
            filters_of_i, vectors = low_rank(gram[:, i, :, i], left, start.count)
            current[:, i] = filters_of_i @ vectors
            windows[i], spread[i] = filters_of_i.T.reshape(-1, height, width), vectors
        before, error = error, moments.error(current)
        if error > 0.999 * before:
            break
    return Terms("dw_pw", windows, spread)


def _fit_filters(moments: Moments, kernel: np.ndarray, start: Terms) -> Terms:
    """Fit the terms of each filter by turns: the vectors for given windows, the windows for given vectors.

    Filters do not meet each other here. Each half step is the best possible, so the error never grows.
    """
    height, width, inputs, filters = kernel.shape
    gram = moments.gram.reshape(height * width, inputs, height * width, inputs)
    cross = moments.cross.reshape(height * width, inputs, filters)
    pairs = []
    for o in range(filters):
        windows = start.windows[o].reshape(start.count, -1).T
        for _sweep in range(SWEEPS):
            windows = np.linalg.qr(windows)[0]
            vectors = _solved(
                np.einsum("kt,kilj,ls->tisj", windows, gram, windows, optimize=True), windows.T @ cross[..., o]
            )
            basis = np.linalg.qr(vectors.T)[0].T
            windows = _solved(
                np.einsum("ti,kilj,sj->tksl", basis, gram, basis, optimize=True), basis @ cross[..., o].T
            ).T
            vectors = basis
        pairs.append((windows, vectors))
    return _of_channels("pw_dw", pairs, (height, width))


def _solved(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a symmetric system whose unknown is a matrix."""
    size = right.size
    return np.linalg.solve(system.reshape(size, size), right.reshape(size)).reshape(right.shape)


def _of_channels(order: Order, pairs: list[tuple[np.ndarray, np.ndarray]], window: tuple[int, int]) -> Terms:
    """Return terms of each channel's (window positions x terms) and (terms x vector)."""
    windows = np.stack([filters.T.reshape(-1, *window) for filters, _vectors in pairs])
    return Terms(order, windows, np.stack([vectors for _filters, vectors in pairs]))
