from __future__ import annotations

import keras
import numpy as np
import pytest


def small_network(classes: int = 4) -> keras.Model:
    """A residual network with a batch normalization, a fused activation, and a strided convolution."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(image)
    x = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_norm")(x))
    y = layers.Conv2D(16, 3, padding="same", activation="relu", name="inner")(x)
    y = layers.Conv2D(16, 3, padding="same", name="outer")(y)
    x = layers.ReLU(name="sum_relu")(layers.Add(name="sum")([x, y]))
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="down")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(image, layers.Dense(classes, activation="softmax", name="head")(x), name="small")
    random = np.random.default_rng(2)
    model.get_layer("stem_norm").set_weights(
        [random.uniform(0.5, 1.5, 16), random.normal(size=16), random.normal(size=16), random.uniform(0.5, 2, 16)]
    )
    head = model.get_layer("head")
    features = np.asarray(keras.Model(image, x)(smooth_noise()))
    kernel = head.get_weights()[0]
    kernel = 2 * kernel / (features @ kernel).std(axis=0)
    head.set_weights([kernel, -(features @ kernel).mean(axis=0)])  # so that answers differ
    return model


def smooth_noise() -> np.ndarray:
    noise = np.random.default_rng(3).normal(size=(48, 4, 4, 3))
    return np.kron(noise, np.ones((1, 2, 2, 1))).astype("float32")


@pytest.fixture(scope="session")
def network() -> keras.Model:
    return small_network()


@pytest.fixture(scope="session")
def tiny() -> keras.Model:
    """Three layers in a row, for what trains or shrinks anew in each test."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    row = [
        layers.Conv2D(8, 3, strides=2, activation="relu", name="stem"),
        layers.Conv2D(8, 3, activation="relu", name="inner"),
        layers.Flatten(name="flat"),
        layers.Dense(4, activation="softmax", name="head"),
    ]
    return keras.Sequential([keras.Input((8, 8, 3), name="image"), *row], name="tiny")


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """Smooth noise, in float32 as the network takes it."""
    return smooth_noise()
