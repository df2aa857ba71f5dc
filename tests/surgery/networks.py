"""Small models for the tests of what separates convolutions."""

from __future__ import annotations

import keras
from keras import layers


def single(shape=(9, 8, 5), filters=7, **arguments):
    """One convolution, no activation."""
    arguments = {"kernel_size": 3, "name": "conv", **arguments}
    return keras.Sequential([keras.Input(shape), layers.Conv2D(filters, **arguments)], name="single")


def over_series(shape=(20, 5), filters=7, **arguments):
    """One convolution over series, no activation."""
    arguments = {"kernel_size": 9, "name": "conv", **arguments}
    return keras.Sequential([keras.Input(shape), layers.Conv1D(filters, **arguments)], name="series")


def stack(shape=(12, 12, 6), widths=(8, 10, 12)):
    """Convolutions with batch norm and ReLU, then a classifier."""
    x = inputs = keras.Input(shape, name="image")
    for number, width in enumerate(widths, start=1):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(4, name="fc")(x), name="stack")


def nested():
    """A nested model that runs twice."""
    x = keras.Input((8, 8, 5), name="inner_image")
    inner = keras.Model(x, layers.Conv2D(5, 3, padding="same", activation="relu", name="conv")(x), name="net")
    y = keras.Input((8, 8, 5), name="image")
    return keras.Model(y, layers.Conv2D(4, 3, name="last")(inner(inner(y))), name="outer")
