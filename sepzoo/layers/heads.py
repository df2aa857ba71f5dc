"""Classifiers: from the last feature map to class scores."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from sepzoo.layers import initializers
from sepzoo.layers.builder import Blocks

LAYERS = ("hidden", "hidden1", "hidden2", "logits", "predictions")  # names of a head's layers that have weights


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A layer between the pooling and the classifier."""

    channels: int
    activation: str
    use_bias: bool = True


def dense_head(
    net: Blocks, x: Any, hidden: Hidden | None = None, *, classes: int, activation: Any, dropout: float = 0.0
) -> Any:
    """Global average pooling, a hidden layer if there is one, dropout, one dense layer."""
    scheme = net.conventions.initializers
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    if hidden is not None:
        kernel = initializers.dense_kernel(scheme)
        layer = keras.layers.Dense(hidden.channels, use_bias=hidden.use_bias, kernel_initializer=kernel, name="hidden")
        x = net.activation(layer(x), hidden.activation, name="hidden")
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    features = x.shape[-1]
    layer = keras.layers.Dense(
        classes,
        activation=activation,
        kernel_initializer=initializers.classifier_kernel(scheme, features, classes),
        bias_initializer=initializers.classifier_bias(scheme, features),
        name="predictions",
    )
    return layer(x)


def conv_head(
    net: Blocks, x: Any, hidden: Hidden | None = None, *, classes: int, activation: Any, dropout: float = 0.0
) -> Any:
    """The same by 1 x 1 convolutions, as Keras's MobileNetV1 and V3 have it."""
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    if hidden is not None:
        x = net.conv(x, hidden.channels, 1, use_bias=hidden.use_bias, name="hidden")
        x = net.activation(x, hidden.activation, name="hidden")
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Conv2D(classes, 1, padding="same", name="logits")(x)
    x = keras.layers.Reshape((classes,), name="flatten")(x)
    return keras.layers.Activation(activation, name="predictions")(x)
