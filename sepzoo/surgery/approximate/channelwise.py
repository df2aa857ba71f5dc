"""Channel decomposition: a k x k convolution to fewer channels, and a 1 x 1 one to all of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.surgery.algebra.response_maps import ResponseMap, nearest, nearest_behind_relu
from sepzoo.surgery.approximate.decomposing import Decomposition, decompose, two_layers
from sepzoo.surgery.approximate.dense import DenseConv
from sepzoo.surgery.approximate.sampling import Patches
from sepzoo.surgery.walk.promise import Promise
from sepzoo.surgery.walk.report import SurgeryReport


def decompose_channels(
    model: keras.Model,
    *,
    ratio: float = 2.0,
    keep: str | Sequence[str] = (),
    only_if_cheaper: bool = True,
    data: Samples | np.ndarray | None = None,
) -> tuple[keras.Model, SurgeryReport]:
    """Write each dense k x k convolution as one to fewer channels and a 1 x 1 one to all of them ("CD").

    Zhang et al., arXiv 1505.06798, in the form that network decoupling is combined with (1808.05517). `conv` becomes
    `conv_reduced` and `conv_pointwise`. Batch normalizations are folded first. For the combination call `decouple` on
    the result. With `data`, as the papers do it, the low-rank map is fitted to the original's answers on what comes
    through the layers before it, behind the ReLU where one follows; no layer's error on the samples is larger than the
    data-free one, which takes the singular vectors of the kernel.

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
        >>> new, report = decompose_channels(model)
        >>> [(layer.name, layer.kernel_size, layer.filters) for layer in new.layers]
        [('conv_reduced', (3, 3), 7), ('conv_pointwise', (1, 1), 16)]
    """
    return decompose(model, _CHANNELS, ratio=ratio, keep=keep, only_if_cheaper=only_if_cheaper, data=data)


@dataclasses.dataclass(frozen=True, eq=False)
class _Factors:
    """The kernels: reduced (k, k, inputs, rank), pointwise (rank, filters); the bias, and how good they are."""

    reduced: np.ndarray
    pointwise: np.ndarray
    bias: np.ndarray
    lost: float | None
    action: str

    @property
    def kernel(self) -> np.ndarray:
        """The dense kernel that the two stand for."""
        return self.reduced @ self.pointwise


def _rank(dense: DenseConv, ratio: float) -> int:
    height, width, inputs, filters = dense.site.layer.kernel.shape
    patch = height * width * inputs
    return max(1, min(int(patch * filters / (ratio * (patch + filters))), patch, filters))


def _macs(dense: DenseConv, rank: int) -> int:
    layer = dense.site.layer
    return rank * (math.prod(layer.kernel.shape[:3]) + layer.filters) * dense.output_positions


def _data_free(dense: DenseConv, rank: int) -> _Factors:
    kernel = dense.kernel
    u, s, vt = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), full_matrices=False)
    root = np.sqrt(s[:rank])
    lost = float(np.sum(s[rank:] ** 2))
    return _Factors(
        (u[:, :rank] * root).reshape(*kernel.shape[:3], rank),
        root[:, None] * vt[:rank],
        dense.bias,
        lost,
        f"{rank} channels between, kernel error {lost / float(np.sum(s**2) or 1.0):.4f}",
    )


def _fitted(dense: DenseConv, rank: int, batches: Iterator[Patches]) -> _Factors:
    """Return the factors that answer best on the samples, or the data-free ones where those do."""
    plain, kernel = _data_free(dense, rank), dense.kernel.reshape(-1, dense.site.layer.filters)
    pairs = [(x @ kernel + dense.bias, y) for x, y in batches]
    now, right = (np.concatenate(each) for each in zip(*pairs, strict=True))
    bends = _meets_relu(dense)
    norms = np.linalg.norm(plain.pointwise, axis=1)
    basis = plain.pointwise.T / np.where(norms > 0, norms, 1.0)
    free = ResponseMap(basis, basis.T, dense.bias - dense.bias @ basis @ basis.T)
    fits = [nearest(now, right, rank), *([nearest_behind_relu(now, right, rank)] if bends else [])]
    best = min(fits, key=lambda each: each.error(now, right, bends=bends))
    error, free_error = (each.error(now, right, bends=bends) for each in (best, free))
    note = f", answers' error {min(error, free_error):.4f} (data-free {free_error:.4f})"
    if not error < free_error:
        return dataclasses.replace(plain, action=plain.action + note)
    reduced = (kernel @ best.left).reshape(*plain.reduced.shape[:3], -1)
    bias = best.apply(dense.bias[None])[0]
    return _Factors(reduced, best.right, bias, None, plain.action + note)


def _meets_relu(dense: DenseConv) -> bool:
    if dense.site.layer.activation is keras.activations.relu:
        return True
    behind = dense.site.consumer
    if isinstance(behind, keras.layers.ReLU):
        return behind.max_value is None and not behind.negative_slope and not behind.threshold
    return isinstance(behind, keras.layers.Activation) and behind.activation is keras.activations.relu


def _promise(dense: DenseConv, found: _Factors) -> Promise:
    layer = dense.site.layer
    replacement = two_layers(
        layer,
        {},
        {"kernel_size": 1, "strides": 1, "dilation_rate": 1},
        kernels=(found.reduced, found.pointwise[None, None]),
        bias=found.bias if layer.use_bias or found.lost is None else None,
        names=("reduced", "pointwise"),
        action=found.action,
    )
    return Promise(dense, replacement, found.kernel, found.bias, found.lost)


_CHANNELS = Decomposition(rank=_rank, macs=_macs, data_free=_data_free, fitted=_fitted, promise=_promise)
