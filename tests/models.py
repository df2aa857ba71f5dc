"""Small models as anybody may write them, for the tests of several rooms."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


class Program(keras.Model):
    """A subclassed model, whose layers are hidden in its `call`."""

    def __init__(self, name: str = "program") -> None:
        super().__init__(name=name)
        self.dense = layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def chain() -> keras.Model:
    """A Sequential model."""
    stack = [
        keras.Input((8, 8, 3)),
        layers.Conv2D(4, 3, name="conv"),
        layers.ReLU(name="act"),
        layers.Flatten(name="flat"),
    ]
    return keras.Sequential(stack, name="chain")


def shared(channels: int = 3, filters: int = 4) -> keras.Model:
    """One convolution on two inputs."""
    left, right = keras.Input((8, 8, channels), name="left"), keras.Input((8, 8, channels), name="right")
    conv = layers.Conv2D(filters, 3, name="conv")
    return keras.Model([left, right], layers.Subtract(name="sub")([conv(left), conv(right)]), name="shared")
