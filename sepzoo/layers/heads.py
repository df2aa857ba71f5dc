"""Classifiers: from the last feature map to class scores."""

from __future__ import annotations

from typing import Any

import keras

from sepzoo.layers import initializers
from sepzoo.layers.blocks import Blocks


def dense_head(net: Blocks, x: Any, *, classes: int, activation: Any, dropout: float = 0.0) -> Any:
    """Global average pooling, dropout, one dense layer."""
    features, scheme = x.shape[-1], net.conventions.initializers
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    layer = keras.layers.Dense(
        classes,
        activation=activation,
        kernel_initializer=initializers.classifier_kernel(scheme, features, classes),
        bias_initializer=initializers.classifier_bias(scheme, features),
        name="predictions",
    )
    return layer(x)


def conv_head(net: Blocks, x: Any, *, classes: int, activation: Any, dropout: float = 0.0) -> Any:
    """Global average pooling, dropout, one 1 x 1 convolution, as Keras's MobileNetV1 and V3 have it."""
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Conv2D(classes, 1, padding="same", name="logits")(x)
    x = keras.layers.Reshape((classes,), name="flatten")(x)
    return keras.layers.Activation(activation, name="predictions")(x)
