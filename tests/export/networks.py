"""Small networks with everything that exports must handle, and samples that they tell apart."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing

LABELS = ("ant", "bee", "cat", "dog")
RESIDUAL_ADDS = 2

layers = keras.layers


def separable(*, softmax: bool = True, size: int = 16, seed: int = 3) -> keras.Model:
    """Return a separable network with two residual additions, whose batch norms do something."""
    keras.utils.set_random_seed(seed)
    source = keras.Input((size, size, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(source)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    for unit in range(RESIDUAL_ADDS):
        y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"unit{unit}_depthwise")(x)
        y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
        y = layers.Conv2D(8, 1, use_bias=False, name=f"unit{unit}_pointwise")(y)
        x = layers.Add()([x, layers.BatchNormalization()(y)])
    x = layers.Dense(len(LABELS), name="logits")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(source, layers.Softmax()(x) if softmax else x, name="separable")
    _settle(model, seed)
    return model_file.attach(model, Metadata("separable", LABELS))


def _settle(model: keras.Model, seed: int) -> None:
    """Give batch norms statistics, and the classifier weights that spread the classes."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.gamma.shape
            ranges = ((0.5, 2.0), (-0.5, 0.5), (-0.3, 0.3), (0.05, 0.5))  # gamma, beta, mean, variance
            layer.set_weights([generator.uniform(*each, shape) for each in ranges])
    classifier = model.get_layer("logits")
    classifier.set_weights([generator.normal(0, 3, weight.shape) for weight in classifier.get_weights()])
    features = keras.Model(model.input, classifier.output)
    kernel, _ = classifier.get_weights()
    mean = features.predict(pixels(64, model.input_shape[1], seed=99) / 127.5 - 1, verbose=0).mean(axis=0)
    classifier.set_weights([kernel, classifier.get_weights()[1] - mean])


def pixels(count: int, size: int = 16, *, seed: int = 0) -> np.ndarray:
    """Return images of four flat quarters of random colours."""
    quarters = np.random.default_rng(seed).integers(0, 256, (count, 2, 2, 3), np.uint8)
    return quarters.repeat(size // 2, axis=1).repeat(size // 2, axis=2)


def normalized(images: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Return what a network takes of pixels, by arithmetic alone."""
    channels = images.astype(np.float64)
    if preprocessing.channel_order == "bgr":
        channels = channels[..., ::-1]
    return ((channels - np.array(preprocessing.mean)) / np.array(preprocessing.std)).astype(np.float32)


def samples(model: keras.Model, count: int, *, seed: int = 0) -> Samples:
    """Return images with the classes that the model itself sees in them."""
    images = pixels(count, model.input_shape[1], seed=seed)
    labels = model.predict(images / np.float32(127.5) - 1, verbose=0).argmax(axis=1)
    return Samples(images, labels, origin="coloured quarters", seed=seed)
