"""What is left to do for layers that normalize inputs once their weights are loaded."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.records.preprocessing import IMAGENET


def settle(model: keras.Model) -> None:
    """Let normalizations derive what they keep beside their weights; call it after weights were assigned.

    The official files of Keras's EfficientNet hold ImageNet's deviation where the layer takes a variance, and their
    graph divides by its root once more (tensorflow issue 49930). Here it becomes the variance that it stands for, so
    that one graph is right with those weights and without.

    Args:
        model: whose layers are looked at; not those of models inside.
    """
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Normalization) or layer.input_mean is not None:
            continue
        variance = np.asarray(layer.adapt_variance)
        if _is_deviation(variance):
            layer.adapt_variance.assign(variance**2)
        layer.finalize_state()


def _is_deviation(values: np.ndarray) -> bool:
    """Whether values are ImageNet's deviation of pixels of 0 … 1, which no images' variance is (at most a quarter)."""
    colours = np.asarray(IMAGENET.std, np.float32) / 255
    expected = colours.mean() if len(values) == 1 else np.resize(colours, values.shape)
    return bool(np.allclose(values, expected, rtol=1e-3, atol=0))
