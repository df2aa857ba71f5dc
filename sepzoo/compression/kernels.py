"""Which layers' kernels tensorflow-model-optimization works on, and why others stay."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras
import numpy as np

from sepzoo.layers.keras_convolutions import DEPTHWISE
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Layer
from sepzoo.surgery.approximate.dense_convolutions import keeper
from sepzoo.surgery.walk.sites import Site, sites

layers = keras.layers

_KERNELS: dict[type, str] = {
    layers.Conv1D: "kernel",
    layers.Conv2D: "kernel",
    layers.Conv3D: "kernel",
    layers.Conv2DTranspose: "kernel",
    layers.Conv3DTranspose: "kernel",
    layers.SeparableConv1D: "pointwise_kernel",
    layers.SeparableConv2D: "pointwise_kernel",
    layers.Dense: "kernel",
    layers.Embedding: "embeddings",
}
"""Layers that tensorflow-model-optimization both prunes and clusters, and the weight of each."""


def kernel_of(layer: Layer) -> np.ndarray:
    """Return the weight of a layer that is pruned or clustered."""
    return np.asarray(keras.ops.convert_to_numpy(getattr(layer, _KERNELS[type(layer)])))


def chosen(
    model: keras.Model, keep: str | Sequence[str], obstacle: Callable[[np.ndarray], str]
) -> tuple[dict[str, Layer], dict[str, str]]:
    """Return the layers to work on, and of those that stay the reason, each by name.

    Args:
        model: the network.
        keep: names of layers that stay, with shell wildcards.
        obstacle: says why a kernel can't be worked on; empty where it can.

    Raises:
        SepzooError: a name that no layer has, or nothing to work on.
    """
    places = sites(model)
    is_kept = keeper(places, keep)
    found: dict[str, Layer] = {}
    kept: dict[str, str] = {}
    for site in places:
        if not any(len(weight.shape) > 1 for weight in site.layer.weights):
            continue
        reason = "it was to be kept" if is_kept(site) else _reason(site, obstacle)
        if reason:
            kept[site.name] = reason
        else:
            found[site.name] = site.layer
    if not found:
        raise SepzooError(
            f"expected a convolution or dense layer to work on. Received: {model.name!r}, where "
            + (", ".join(f"{name}: {reason}" for name, reason in kept.items()) or "none has a kernel")
            + "."
        )
    return found, kept


def _reason(site: Site, obstacle: Callable[[np.ndarray], str]) -> str:
    if isinstance(site.layer, DEPTHWISE):
        return "depthwise kernels have few weights, and miss each of them"
    if type(site.layer) not in _KERNELS:
        return f"tensorflow-model-optimization does not know {type(site.layer).__name__}"
    if not site.layer.trainable:
        return "it is frozen"
    return obstacle(kernel_of(site.layer))


def no_pattern(kernel: np.ndarray) -> str:
    """Return why a kernel can't have two zeros of each four weights."""
    return "" if kernel.ndim in (2, 4) else f"a kernel of {kernel.ndim} axes has no 2:4 pattern"


def no_blocks(kernel: np.ndarray, block: tuple[int, int]) -> str:
    """Return why a kernel can't be pruned in blocks: it must be a matrix, as that of a 1 x 1 convolution is too."""
    sides = kernel.shape[-2:]
    if math.prod(kernel.shape[:-2]) != 1:
        return "blocks are for matrices"
    if any(side <= size for side, size in zip(sides, block, strict=True)):
        return f"its {sides[0]} x {sides[1]} weights are too few for blocks of {block[0]} x {block[1]}"
    return ""


def no_clusters(kernel: np.ndarray, clusters: int) -> str:
    """Return why a kernel can't be clustered."""
    return "" if np.unique(kernel).size > clusters else f"its weights have {clusters} values or fewer"
