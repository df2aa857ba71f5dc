"""Networks and what is done to them: many cases for one process, which has Keras 2 as well."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy as np

from sepzoo.data import Samples

layers = keras.layers


@dataclasses.dataclass(frozen=True)
class Case:
    """One call of `prune` or `cluster`."""

    build: Callable[[], keras.Model]
    operation: Literal["prune", "cluster"]
    arguments: dict[str, Any]
    outputs: Any = "values"


def gates() -> keras.Model:
    """Return what tensorflow-model-optimization refuses by itself: leading batch norm, gates, functions, nesting."""
    inner_source = x = keras.Input((8, 8, 6), name="inner")
    x = layers.Conv2D(8, 3, padding="same", activation="hard_silu", name="conv")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = layers.Conv2D(8, 1, activation="hard_sigmoid", name="excite")(gate)
    nested = keras.Model(inner_source, layers.Multiply(name="scale")([x, gate]), name="block")
    source = keras.Input((16, 16, 3), name="image")
    x = layers.BatchNormalization(name="first")(layers.Rescaling(1 / 127.5, -1.0, name="rescaling")(source))
    x = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu6", name="stem")(x)
    x = nested(x) + layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1, name="depthwise")(
        layers.Conv2D(8, 1, name="side")(x)
    )
    x = layers.SpatialDropout2D(0.3, name="drop")(keras.ops.leaky_relu(x))
    x = layers.LayerNormalization(name="norm")(layers.GlobalAveragePooling2D(name="mean")(x))
    return keras.Model(source, layers.Dense(5, activation="softmax", name="scores")(x), name="gates")


def sequence() -> keras.Model:
    """Return a network of one-dimensional layers, two of whose calls share one layer."""
    source = keras.Input((24,), dtype="int32", name="words")
    x = layers.Embedding(40, 12, name="embedding")(source)
    x = layers.SeparableConv1D(16, 3, activation="gelu", name="separable")(x)
    shared = layers.Conv1D(16, 3, dilation_rate=2, padding="causal", name="shared")
    x = shared(shared(x))
    x = layers.GRU(8, name="gru")(x)
    return keras.Model(source, layers.Dense(1, name="score")(x), name="sequence")


def pictures() -> keras.Model:
    """Return a network of other layers with kernels, and two outputs."""
    source = keras.Input((8, 8, 4), name="image")
    x = layers.SeparableConv2D(8, 3, depth_multiplier=2, use_bias=False, name="separable")(source)
    x = layers.Conv2D(8, 3, groups=2, padding="same", activation="silu", name="grouped")(x)
    up = layers.Conv2DTranspose(4, 2, strides=2, name="up")(x)
    solid = layers.Conv3D(3, 2, name="solid")(layers.Reshape((6, 6, 4, 2), name="cube")(x))
    frozen = layers.Conv2D(8, 1, name="frozen", trainable=False)(x)
    head = layers.Dense(6, activation="sigmoid", name="head")(
        layers.Flatten(name="flat")(layers.Add(name="sum")([x, frozen]))
    )
    tail = layers.GlobalAveragePooling3D(name="tail")(solid)
    return keras.Model(source, {"map": up, "head": head, "tail": tail}, name="pictures")


def matrices() -> keras.Model:
    """Return a network whose kernels are matrices, but for one."""
    source = keras.Input((6, 6, 16), name="image")
    x = layers.Conv2D(24, 1, activation="relu", name="pointwise")(source)
    x = layers.Conv2D(8, 3, name="conv")(x)
    x = layers.Dense(10, name="dense")(layers.GlobalAveragePooling2D(name="mean")(x))
    return keras.Model(source, layers.Dense(2, name="narrow")(x), name="matrices")


def settled(build: Callable[[], keras.Model]) -> keras.Model:
    """Return a network with weights and statistics that are no defaults."""
    keras.utils.set_random_seed(5)
    model = build()
    generator = np.random.default_rng(5)
    for layer in [each for whole in model.layers for each in getattr(whole, "layers", [whole])]:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return model


def hard() -> keras.Model:
    """Return what tensorflow-model-optimization can't round by itself: leading batch norm, gates, hard activations."""
    source = keras.Input((12, 12, 3), name="image")
    x = layers.BatchNormalization(name="first")(source)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    y = layers.Activation("hard_silu", name="hard")(layers.BatchNormalization(name="norm")(x))
    y = layers.DepthwiseConv2D(3, padding="same", activation="relu6", name="depthwise")(y)
    gate = layers.Conv2D(8, 1, activation="hard_sigmoid", name="excite")(
        layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(y)
    )
    x = layers.Add(name="sum")([x, layers.Multiply(name="scale")([y, gate])])
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(source, layers.Dense(5, activation="softmax", name="scores")(x), name="hard")


def sparse() -> keras.Model:
    """Return such a network that tells its classes apart, and whose first kernel has zeros."""
    model = settled(hard)
    (kernel,) = model.get_layer("stem").get_weights()
    model.get_layer("stem").set_weights([np.where(np.abs(kernel) < np.median(np.abs(kernel)), 0, kernel)])
    kernel, bias = model.get_layer("scores").get_weights()
    model.get_layer("scores").set_weights([9 * kernel, bias])
    return model


def data(model: keras.Model) -> Samples:
    """Return what a case is trained on."""
    generator = np.random.default_rng(1)
    shape = (48, *model.inputs[0].shape[1:])
    if model.inputs[0].dtype == "int32":
        return Samples(generator.integers(0, 40, shape, np.int32), None, origin="numbers", seed=0)
    labels = generator.integers(0, 2, shape[0])
    return Samples(generator.normal(size=shape).astype("float32"), labels, origin="normal", seed=0)


KINDS = {"map": "values", "head": "multilabel", "tail": "values"}
_STILL = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-7}
"""Training that moves no weight: what becomes of them can be foretold."""
_FEW = {"epochs": 3, "batch_size": 16}

CASES = {
    "pattern": Case(gates, "prune", {"sparsity": "2:4", **_STILL}, "softmax"),
    "blocks": Case(
        matrices,
        "prune",
        {"sparsity": 0.5, "block_size": (4, 2), "schedule": "constant", "targets": "labels", **_STILL},
        "logits",
    ),
    "linear": Case(matrices, "cluster", {"clusters": 5, "initialization": "linear", "keep": "narrow", **_STILL}),
}
"""Run in CI."""
MORE = {
    "words": Case(sequence, "cluster", {"clusters": 5, "initialization": "linear", "keep": "score", **_STILL}),
    "half": Case(gates, "prune", {"sparsity": 0.5, **_FEW}, "softmax"),
    "constant": Case(sequence, "prune", {"sparsity": 0.75, "schedule": "constant", "keep": "embedding", **_STILL}),
    "several": Case(pictures, "prune", {"sparsity": 0.3, **_FEW}, KINDS),
    "kmeans": Case(gates, "cluster", {"clusters": 6, **_FEW}, "softmax"),
    "density": Case(pictures, "cluster", {"clusters": 16, "initialization": "density", **_FEW}, KINDS),
}
"""Run nightly."""
