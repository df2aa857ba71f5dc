"""A first convolution that starts by the data: its filters are the principal directions of the images' patches."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.data.source import Source
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Layer
from sepzoo.training.batches import first_inputs
from sepzoo.training.fit_settings import FitSettings
from sepzoo.training.networks import Networks


def whiten_first(networks: Networks, source: Source, settings: FitSettings) -> None:
    """Give the training network's first convolution filters that whiten its input.

    Filter i is the i-th principal direction of the patches under the kernel, over its deviation, so that the outputs
    are uncorrelated and of variance 1; when there are no more directions, their negatives follow, and then what was
    there (after Jordan 2024, arXiv 2404.00498, where they stay frozen; here they train on, like all others).

    Args:
        networks: whose training network has initial weights.
        source: of training images.
        settings: how many images, and which: the first of the run's first order.

    Raises:
        SepzooError: the network takes no pictures, or its first layer with weights, but for batch norm, is no dense
            convolution.
    """
    if not isinstance(networks.preprocessing, Preprocessing):
        raise SepzooError(f"expected pictures for whitened. Received: {networks.inference.name}, which takes none.")
    model = networks.training
    behind = [
        layer for layer in model.layers if layer.weights and not isinstance(layer, keras.layers.BatchNormalization)
    ]
    first = behind[0] if behind else None
    if not isinstance(first, keras.layers.Conv2D) or first.groups != 1:
        kind = "none" if first is None else f"{first.name}, a {type(first).__name__}"
        raise SepzooError(
            f"expected a Conv2D without groups as the first layer with weights, for whitened. Received: {kind}. "
            "Leave whitened out."
        )
    images = first_inputs(
        source,
        networks.preprocessing,
        settings.whitened,
        size=networks.inference.input_shape[1:3],
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    kernel = keras.ops.convert_to_numpy(first.kernel)
    first.kernel.assign(whitened(kernel, _inputs_of(first, model, images)))


def _inputs_of(layer: Layer, model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return what comes to a layer in training, behind batch normalization of the input too; nothing is changed."""
    before = keras.Model(model.inputs[0], layer.input)
    kept = before.get_weights()
    found = keras.ops.convert_to_numpy(before(images, training=True))
    before.set_weights(kept)
    return found


def whitened(kernel: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return a kernel (height, width, channels, filters) whose filters whiten the patches of images.

    Example:
        >>> images = np.random.default_rng(0).normal(size=(50, 6, 6, 1)) * 3
        >>> kernel = whitened(np.zeros((2, 2, 1, 4)), images)
        >>> patches = np.lib.stride_tricks.sliding_window_view(images, (2, 2), axis=(1, 2)).reshape(-1, 4)
        >>> np.cov(patches @ kernel.reshape(4, 4), rowvar=False).round(3).diagonal().tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    height, width, channels, filters = kernel.shape
    windows = np.lib.stride_tricks.sliding_window_view(images.astype(np.float64), (height, width), axis=(1, 2))
    patches = np.moveaxis(windows, 3, -1).reshape(-1, height * width * channels)
    variances, directions = np.linalg.eigh(np.cov(patches, rowvar=False))
    order = np.argsort(-variances)
    least = np.finfo(np.float32).eps * variances.max()
    rows = directions.T[order] / np.sqrt(np.maximum(variances[order], least))[:, None]
    rows = np.concatenate([rows, -rows])[:filters]
    new = kernel.copy()
    new[..., : len(rows)] = rows.T.reshape(height, width, channels, -1)
    return new
