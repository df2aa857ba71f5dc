"""Layers fitted one after the other to what comes to each when a model runs on samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import keras
import numpy as np

from sepzoo.support.progress import counted
from sepzoo.support.types import Layer
from sepzoo.surgery.algebra.patches import drawn_places, extract_patches
from sepzoo.surgery.approximate.dense_convolutions import DenseConv, as_images, window_of
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.rewriting import Part, Replacement, rewrite

POSITIONS = 32
"""Of each sample and layer at most so many places are looked at; they are drawn by chance, always the same."""

Patches = tuple[np.ndarray, np.ndarray]


class Fitted(Protocol):
    """What was found for a layer: the dense kernel that it stands for, and its bias."""

    @property
    def kernel(self) -> np.ndarray:
        """(height, width, inputs, filters)."""

    @property
    def bias(self) -> np.ndarray:
        """Of each filter."""


_Fitted = TypeVar("_Fitted", bound=Fitted)


def fit_through(
    model: keras.Model,
    convs: Sequence[DenseConv],
    inputs: ModelInputs,
    fit: Callable[[DenseConv, Iterator[Patches]], _Fitted],
) -> list[_Fitted]:
    """Fit layer after layer, each to the original's outputs on what comes through the layers fitted before it.

    Args:
        model: the original.
        convs: its layers that are fitted, in the order of the graph.
        inputs: samples as the model takes them.
        fit: gets a layer and batches of (patches as they now come, right outputs), and returns what stands in its
            place.
    """
    parts = {}
    for dense in convs:
        layer = dense.site.layer
        copy = type(layer).from_config({**layer.get_config(), "use_bias": True})
        parts[id(layer)] = Part(copy, dense.own([dense.kernel, dense.bias]))
    changed, _report = rewrite(
        model, lambda site: Replacement((parts[id(site.layer)],), "") if id(site.layer) in parts else None
    )
    old, new = LayerInputs(model, inputs), LayerInputs(changed, inputs)
    found = []
    for dense in counted(convs, len(convs), "layers fitted"):
        copy = parts[id(dense.site.layer)].layer
        result = fit(dense, patch_batches(dense, old, new, copy))
        # Dense as it was, with what the new layers will compute.
        copy.set_weights(dense.own([result.kernel, result.bias]))
        found.append(result)
    return found


def patch_batches(
    dense: DenseConv, original: LayerInputs, changed: LayerInputs | None = None, new: Layer = None
) -> Iterator[Patches]:
    """Yield patches of a convolution's input and the outputs they should give, batch by batch, in double precision.

    Args:
        dense: a convolution of the original model, whose outputs (without activation) are right.
        original: what comes to the layers of that model.
        changed: the same of a copy, whose earlier layers may have been changed; the patches come from it. None: the
            original.
        new: the convolution in the copy.
    """
    layer, window, generator = dense.site.layer, window_of(dense.site.layer), np.random.default_rng(0)
    kernel, bias = dense.kernel.reshape(-1, layer.filters), dense.bias
    rights = original.of(layer)
    both = ((right, right) for right in rights) if changed is None else zip(changed.of(new), rights, strict=True)
    for seen, right in both:
        for images in zip(seen, right, strict=True):
            views = [extract_patches(as_images(each), window) for each in images]
            places = drawn_places(views[0].shape, POSITIONS, generator)
            x, unchanged = (view[places].reshape(-1, len(kernel)).astype("float64") for view in views)
            yield x, unchanged @ kernel + bias
