"""Spatial decomposition: a k x k convolution as a column one and a row one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.support.types import Arrays, Kwargs, Layer
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.regression import RIDGE
from sepzoo.surgery.algebra.truncation import truncate
from sepzoo.surgery.approximate.dense_convolutions import DenseConv
from sepzoo.surgery.approximate.fitting import Patches
from sepzoo.surgery.approximate.low_rank import Decomposition, Factors, decompose
from sepzoo.surgery.walk.report import SurgeryReport


def decompose_spatially(
    model: keras.Model,
    *,
    ratio: float = 2.0,
    keep: str | Sequence[str] = (),
    only_if_cheaper: bool = True,
    data: Samples | Arrays | None = None,
) -> tuple[keras.Model, SurgeryReport]:
    """Write each dense k x k convolution as a k x 1 one and a 1 x k one over fewer channels ("SD").

    Jaderberg et al., arXiv 1405.3866, in the form that network decoupling is combined with (1808.05517): the singular
    vectors of the (inputs * k) x (filters * k) matrix. `conv` becomes `conv_vertical` and `conv_horizontal`. Batch
    normalizations are folded first. For the combination call `decouple` on the result: both factors are decoupled where
    that is cheaper. With `data` the second factor is fitted to the original's outputs on what comes through the layers
    before it; no layer's error on the samples is larger than the data-free one.

    Args:
        model: functional or Sequential, trained; it is only read.
        ratio: by how much a layer's weights shall shrink; the channels between follow from it.
        keep: names of layers that stay as they are, with shell wildcards.
        only_if_cheaper: keep a layer whose two factors would take more multiply-accumulates.
        data: samples to fit to: an array as the model takes it (pixels, uint8, where it says how these become its
            input), or `sepzoo.data.Samples`; of several inputs a dictionary of arrays by their names.

    Raises:
        SepzooError: a model that `rewrite` refuses, a ratio that is not above 0, a name in `keep` that no layer has,
            weights that are not finite, samples that don't fit, or new layers that are not what was computed.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), keras.layers.Conv2D(16, 3, name="conv")])
        >>> new, report = decompose_spatially(model)
        >>> [(layer.name, layer.kernel_size, layer.filters) for layer in new.layers]
        [('conv_vertical', (3, 1), 12), ('conv_horizontal', (1, 3), 16)]
    """
    return decompose(model, SpatialDecomposition(), ratio=ratio, keep=keep, only_if_cheaper=only_if_cheaper, data=data)


class SpatialDecomposition(Decomposition):
    """A k x 1 convolution to fewer channels, and a 1 x k one to all of them."""

    names = ("vertical", "horizontal")

    def rank(self, dense: DenseConv, ratio: float) -> int:
        """Return how many channels there are between the two."""
        height, width, inputs, filters = dense.site.layer.kernel.shape
        rank = int(inputs * filters * height * width / (ratio * (height * inputs + width * filters)))
        return max(1, min(rank, height * inputs, width * filters))

    def obstacle(self, dense: DenseConv) -> str:
        """Return why a convolution can't be written so, or an empty text."""
        height, width = dense.site.layer.kernel_size
        return f"its window is {height} x {width} already" if 1 in (height, width) else ""

    def macs(self, dense: DenseConv, rank: int) -> int:
        """Return the multiply-accumulates of the two."""
        layer = dense.site.layer
        height, width, inputs, filters = layer.kernel.shape
        if not dense.sized:
            return rank * (layer.strides[1] * height * inputs + width * filters)
        macs = 0
        for run in dense.runs:
            columns_in, (rows, columns) = run.taken[1], run.given[0][:2]
            macs += rows * rank * (columns_in * height * inputs + columns * width * filters)
        return macs

    def data_free(self, dense: DenseConv, rank: int) -> Factors:
        """Return the factors whose kernel is nearest."""
        kernel = dense.kernel
        height, width, inputs, filters = kernel.shape
        found = truncate(kernel.transpose(0, 2, 3, 1).reshape(height * inputs, -1), rank)
        horizontal = found.right.reshape(rank, filters, width).transpose(2, 0, 1)
        action = f"{rank} channels between, kernel error {found.relative_squared_error:.4f}"
        return _factors(
            found.left.reshape(height, inputs, rank), horizontal, dense.bias, action, squared_error=found.squared_error
        )

    def fitted(self, dense: DenseConv, rank: int, batches: Iterator[Patches]) -> Factors:
        """Return the data-free factors, the second one fitted to the outputs where that is better."""
        return self.fitted_to(dense, rank, Moments.of(batches))

    def fitted_to(self, dense: DenseConv, rank: int, moments: Moments) -> Factors:
        """Return the same for samples of which the moments are known.

        Args:
            dense: the convolution.
            rank: channels between the two.
            moments: of its patches and right outputs.
        """
        plain = self.data_free(dense, rank)
        vertical, (height, width, inputs, filters) = plain.first[:, 0], dense.kernel.shape
        regularized = moments.regularized(dense.kernel, RIDGE)
        # What the vertical factor makes of a patch, as a matrix: (height, width, inputs) -> (width, rank).
        seen = np.einsum("hir,wv->hwivr", vertical, np.eye(width)).reshape(height * width * inputs, width * rank)
        horizontal = np.linalg.lstsq(seen.T @ regularized.gram @ seen, seen.T @ regularized.cross, rcond=None)[0]
        found = _factors(vertical, horizontal.reshape(width, rank, filters), dense.bias, plain.action)
        free, error = moments.error(plain.kernel, plain.bias), moments.error(found.kernel)
        if not error < free:
            return plain.noting(free, free)
        bias = moments.best_bias(found.kernel)
        return _factors(vertical, found.second[0], bias, plain.action).noting(error, free)

    def geometry(self, layer: Layer) -> tuple[Kwargs, Kwargs]:
        """Return kernel size, strides and dilation of both."""
        (height, width), (down, right), (tall, wide) = layer.kernel_size, layer.strides, layer.dilation_rate
        return (
            {"kernel_size": (height, 1), "strides": (down, 1), "dilation_rate": (tall, 1)},
            {"kernel_size": (1, width), "strides": (1, right), "dilation_rate": (1, wide)},
        )


def _factors(
    vertical: np.ndarray, horizontal: np.ndarray, bias: np.ndarray, action: str, squared_error: float | None = None
) -> Factors:
    """Return the record of kernels (height, inputs, rank) and (width, rank, filters)."""
    kernel = np.einsum("hir,wro->hwio", vertical, horizontal)
    return Factors(vertical[:, None], horizontal[None], kernel, bias, action, squared_error)
