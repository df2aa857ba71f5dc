"""Spatial decomposition: a k x k convolution as a column one and a row one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.regression import PRIOR
from sepzoo.surgery.approximate.decomposing import Decomposition, decompose, two_layers
from sepzoo.surgery.approximate.dense import DenseConv
from sepzoo.surgery.approximate.sampling import Patches
from sepzoo.surgery.walk.promise import Promise
from sepzoo.surgery.walk.report import SurgeryReport


def decompose_spatially(
    model: keras.Model,
    *,
    ratio: float = 2.0,
    keep: str | Sequence[str] = (),
    only_if_cheaper: bool = True,
    data: Samples | np.ndarray | None = None,
) -> tuple[keras.Model, SurgeryReport]:
    """Write each dense k x k convolution as a k x 1 one and a 1 x k one over fewer channels ("SD").

    Jaderberg et al., arXiv 1405.3866, in the form that network decoupling is combined with (1808.05517): the singular
    vectors of the (inputs * k) x (filters * k) matrix. `conv` becomes `conv_vertical` and `conv_horizontal`. Batch
    normalizations are folded first. For the combination call `decouple` on the result: both factors are decoupled where
    that is cheaper. With `data` the second factor is fitted to the original's answers on what comes through the layers
    before it; no layer's error on the samples is larger than the data-free one.

    Args:
        model: functional or Sequential, trained; it is only read.
        ratio: by how much a layer's weights shall shrink; the channels between follow from it.
        keep: names of layers that stay as they are, with shell wildcards.
        only_if_cheaper: keep a layer whose two factors would take more multiply-accumulates.
        data: samples to fit to: an array as the model takes it, or `sepzoo.data.Samples`.

    Raises:
        SepzooError: a model that `rewrite` refuses, a ratio that is not above 0, a name in `keep` that no layer has,
            weights that are not finite, samples that don't fit, or a result that is not what was promised.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), keras.layers.Conv2D(16, 3, name="conv")])
        >>> new, report = decompose_spatially(model)
        >>> [(layer.name, layer.kernel_size, layer.filters) for layer in new.layers]
        [('conv_vertical', (3, 1), 12), ('conv_horizontal', (1, 3), 16)]
    """
    return decompose(model, _SPATIAL, ratio=ratio, keep=keep, only_if_cheaper=only_if_cheaper, data=data)


@dataclasses.dataclass(frozen=True, eq=False)
class _Factors:
    """The two kernels: vertical (k, inputs, rank), horizontal (k, rank, filters); the bias, and how good they are."""

    vertical: np.ndarray
    horizontal: np.ndarray
    bias: np.ndarray
    lost: float | None
    action: str

    @property
    def kernel(self) -> np.ndarray:
        """The dense kernel that the two stand for."""
        return np.einsum("hir,wro->hwio", self.vertical, self.horizontal)


def _rank(dense: DenseConv, ratio: float) -> int:
    height, width, inputs, filters = dense.site.layer.kernel.shape
    rank = int(inputs * filters * height * width / (ratio * (height * inputs + width * filters)))
    return max(1, min(rank, height * inputs, width * filters))


def _obstacle(dense: DenseConv) -> str:
    height, width = dense.site.layer.kernel_size
    return f"its window is {height} x {width} already" if 1 in (height, width) else ""


def _macs(dense: DenseConv, rank: int) -> int:
    layer = dense.site.layer
    height, width, inputs, filters = layer.kernel.shape
    if not dense.sized:
        return rank * (layer.strides[1] * height * inputs + width * filters)
    macs = 0
    for call in dense.site.calls:
        columns_in, (rows, columns) = call.inputs[0].shape[2], call.outputs[0].shape[1:3]
        macs += rows * rank * (columns_in * height * inputs + columns * width * filters)
    return macs * (dense.runs // len(dense.site.calls))


def _data_free(dense: DenseConv, rank: int) -> _Factors:
    kernel = dense.kernel
    height, width, inputs, filters = kernel.shape
    u, s, vt = np.linalg.svd(kernel.transpose(0, 2, 3, 1).reshape(height * inputs, -1), full_matrices=False)
    root = np.sqrt(s[:rank])
    vertical = (u[:, :rank] * root).reshape(height, inputs, rank)
    horizontal = (root[:, None] * vt[:rank]).reshape(rank, filters, width).transpose(2, 0, 1)
    lost = float(np.sum(s[rank:] ** 2))
    action = f"{rank} channels between, kernel error {lost / float(np.sum(s**2) or 1.0):.4f}"
    return _Factors(vertical, horizontal, dense.bias, lost, action)


def _fitted(dense: DenseConv, rank: int, batches: Iterator[Patches]) -> _Factors:
    """Return the data-free factors, the second one fitted to the answers where that is better."""
    plain, moments = _data_free(dense, rank), Moments.of(batches)
    height, inputs, _rank = plain.vertical.shape
    width = plain.horizontal.shape[0]
    steadied = moments.steadied(dense.kernel, PRIOR)
    # What the vertical factor makes of a patch, as a matrix: (height, width, inputs) -> (width, rank).
    seen = np.einsum("hir,wv->hwivr", plain.vertical, np.eye(width)).reshape(height * width * inputs, width * rank)
    horizontal = np.linalg.lstsq(seen.T @ steadied.gram @ seen, seen.T @ steadied.cross, rcond=None)[0]
    found = dataclasses.replace(plain, horizontal=horizontal.reshape(plain.horizontal.shape), lost=None)
    free, error = moments.error(plain.kernel, plain.bias), moments.error(found.kernel)
    note = f", answers' error {min(error, free):.4f} (data-free {free:.4f})"
    if not error < free:
        return dataclasses.replace(plain, action=plain.action + note)
    return dataclasses.replace(found, bias=moments.best_bias(found.kernel), action=plain.action + note)


def _promise(dense: DenseConv, found: _Factors) -> Promise:
    layer = dense.site.layer
    (down, right), (tall, wide) = layer.strides, layer.dilation_rate
    replacement = two_layers(
        layer,
        {"kernel_size": (found.vertical.shape[0], 1), "strides": (down, 1), "dilation_rate": (tall, 1)},
        {"kernel_size": (1, found.horizontal.shape[0]), "strides": (1, right), "dilation_rate": (1, wide)},
        kernels=(found.vertical[:, None], found.horizontal[None]),
        bias=found.bias if layer.use_bias or found.lost is None else None,
        names=("vertical", "horizontal"),
        action=found.action,
    )
    return Promise(dense, replacement, found.kernel, found.bias, found.lost)


_SPATIAL = Decomposition(
    rank=_rank, macs=_macs, data_free=_data_free, fitted=_fitted, promise=_promise, obstacle=_obstacle
)
