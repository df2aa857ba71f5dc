"""Channel decomposition: a k x k convolution to fewer channels, and a 1 x 1 one to all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.support.types import Arrays, Kwargs, Layer
from sepzoo.surgery.algebra.response_maps import ResponseMap, fit_response_map, fit_through_relu
from sepzoo.surgery.algebra.truncation import truncate
from sepzoo.surgery.approximate.dense_convolutions import DenseConv
from sepzoo.surgery.approximate.fitting import Patches
from sepzoo.surgery.approximate.low_rank import Decomposition, Factors, decompose
from sepzoo.surgery.walk.report import SurgeryReport


def decompose_channels(
    model: keras.Model,
    *,
    ratio: float = 2.0,
    keep: str | Sequence[str] = (),
    only_if_cheaper: bool = True,
    data: Samples | Arrays | None = None,
) -> tuple[keras.Model, SurgeryReport]:
    """Write each dense k x k convolution as one to fewer channels and a 1 x 1 one to all of them ("CD").

    Zhang et al., arXiv 1505.06798, in the form that network decoupling is combined with (1808.05517). `conv` becomes
    `conv_reduced` and `conv_pointwise`. Batch normalizations are folded first. For the combination call `decouple` on
    the result. With `data`, as the papers do it, the low-rank map is fitted to the original's outputs on what comes
    through the layers before it, behind the ReLU where one follows; no layer's error on the samples is larger than the
    data-free one, which takes the singular vectors of the kernel.

    Arguments and errors are those of `decompose_spatially`.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), keras.layers.Conv2D(16, 3, name="conv")])
        >>> new, report = decompose_channels(model)
        >>> [(layer.name, layer.kernel_size, layer.filters) for layer in new.layers]
        [('conv_reduced', (3, 3), 7), ('conv_pointwise', (1, 1), 16)]
    """
    return decompose(model, ChannelDecomposition(), ratio=ratio, keep=keep, only_if_cheaper=only_if_cheaper, data=data)


class ChannelDecomposition(Decomposition):
    """A k x k convolution to fewer channels, and a 1 x 1 one to all of them."""

    names = ("reduced", "pointwise")

    def rank(self, dense: DenseConv, ratio: float) -> int:
        """Return how many channels there are between the two."""
        height, width, inputs, filters = dense.site.layer.kernel.shape
        patch = height * width * inputs
        return max(1, min(int(patch * filters / (ratio * (patch + filters))), patch, filters))

    def macs(self, dense: DenseConv, rank: int) -> int:
        """Return the multiply-accumulates of the two."""
        layer = dense.site.layer
        return rank * (math.prod(layer.kernel.shape[:3]) + layer.filters) * dense.output_positions

    def data_free(self, dense: DenseConv, rank: int) -> Factors:
        """Return the factors whose kernel is nearest."""
        kernel = dense.kernel
        found = truncate(kernel.reshape(-1, kernel.shape[-1]), rank)
        action = f"{rank} channels between, kernel error {found.relative_squared_error:.4f}"
        return channel_factors(
            found.left.reshape(*kernel.shape[:3], rank), found.right, dense.bias, action, found.squared_error
        )

    def fitted(self, dense: DenseConv, rank: int, batches: Iterator[Patches]) -> Factors:
        """Return the factors whose outputs are best on the samples, or the data-free ones where those are."""
        plain, kernel = self.data_free(dense, rank), dense.kernel.reshape(-1, dense.site.layer.filters)
        pairs = [(x @ kernel + dense.bias, y) for x, y in batches]
        now, right = (np.concatenate(each) for each in zip(*pairs, strict=True))
        through_relu = _meets_relu(dense)
        pointwise = plain.second[0, 0]
        norms = np.linalg.norm(pointwise, axis=1)
        basis = pointwise.T / np.where(norms > 0, norms, 1.0)
        free = ResponseMap(basis, basis.T, dense.bias - dense.bias @ basis @ basis.T)
        fits = [fit_response_map(now, right, rank), *([fit_through_relu(now, right, rank)] if through_relu else [])]
        best = min(fits, key=lambda each: each.error(now, right, through_relu=through_relu))
        error, free_error = (each.error(now, right, through_relu=through_relu) for each in (best, free))
        if not error < free_error:
            return plain.noting(free_error, free_error)
        reduced = (kernel @ best.left).reshape(*plain.first.shape[:3], -1)
        return channel_factors(reduced, best.right, best.apply(dense.bias[None])[0], plain.action).noting(
            error, free_error
        )

    def geometry(self, layer: Layer) -> tuple[Kwargs, Kwargs]:
        """Return kernel size, strides and dilation of both."""
        del layer
        return {}, {"kernel_size": 1, "strides": 1, "dilation_rate": 1}


def channel_factors(
    reduced: np.ndarray, pointwise: np.ndarray, bias: np.ndarray, action: str, squared_error: float | None = None
) -> Factors:
    """Return the record of kernels (height, width, inputs, rank) and (rank, filters)."""
    return Factors(reduced, pointwise[None, None], reduced @ pointwise, bias, action, squared_error)


def _meets_relu(dense: DenseConv) -> bool:
    if dense.site.layer.activation is keras.activations.relu:
        return True
    behind = dense.site.consumer
    if isinstance(behind, keras.layers.ReLU):
        return behind.max_value is None and not behind.negative_slope and not behind.threshold
    return isinstance(behind, keras.layers.Activation) and behind.activation is keras.activations.relu
