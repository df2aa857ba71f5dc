"""Networks that tensorflow-model-optimization trains with rounding: beside its own scheme, and such as that refuses."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras

from sepzoo.compression import quantize_aware
from sepzoo.compression.keras2.rounding import Rounding
from sepzoo.compression.keras2.twin import Twin
from sepzoo.compression.rounding import rounding
from sepzoo.data import Samples
from sepzoo.inference.keras_model import from_model
from sepzoo.layers.fake_quantization import QuantizedKernel, QuantizedOutput
from tests.compression.keras2.cases import data, settled, sparse


def main(folder: Path) -> None:
    beside_its_own(folder)
    model = sparse()
    found = quantize_aware(model, data(model), epochs=3, batch_size=16, learning_rate=1e-3, by="tfmot")
    found.model.save(folder / "hard_rounded.keras")
    (folder / "losses.json").write_text(json.dumps(found.losses))


def plain() -> keras.Model:
    """Return a network of which tensorflow-model-optimization knows every layer."""
    source = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(6, 3, strides=2, activation="relu", name="conv")(source)
    x = keras.layers.Conv2D(4, 1, activation="relu", name="pointwise")(x)
    return keras.Model(source, keras.layers.Dense(3, name="dense")(keras.layers.Flatten(name="flat")(x)), name="plain")


def beside_its_own(folder: Path) -> None:
    """Write what our layers give and what its own scheme gives, from the same ranges on, in a step and after it."""
    model = settled(plain)
    generator = np.random.default_rng(2)
    first, batch = (generator.normal(0, scale, (16, 8, 8, 3)).astype("float32") for scale in (1, 2))
    classifier = from_model(model, outputs="values")
    _, rounded, _ = rounding(classifier, Samples(first, None, origin="normal", seed=0))
    names = {each.name for each in rounded.layers if isinstance(each, QuantizedKernel | QuantizedOutput)}
    method = Rounding({"preserve": False})
    ours = Twin(rounded, names, method.wrap).model
    method.begin(ours)

    layers = [tf_keras.layers.Conv2D(6, 3, strides=2, activation="relu", name="conv")]
    layers += [tf_keras.layers.Conv2D(4, 1, activation="relu", name="pointwise")]
    layers += [tf_keras.layers.Flatten(name="flat"), tf_keras.layers.Dense(3, name="dense")]
    twin = tf_keras.Sequential([tf_keras.Input((8, 8, 3)), *layers])
    for name in ("conv", "pointwise", "dense"):
        twin.get_layer(name).set_weights(model.get_layer(name).get_weights())
    theirs = tfmot.quantization.keras.quantize_model(twin)
    ranges = {weight.name.split(":")[0]: weight for layer in theirs.layers for weight in layer.weights}
    bounds = {name: [key for key in ranges if name in key] for name in ("min", "max")}
    pairs = dict(zip(sorted(bounds["min"]), sorted(bounds["max"]), strict=True))
    for low, high in pairs.items():
        name = low.removeprefix("quant_").partition("/")[0]
        if "kernel" in low:
            limit = np.abs(model.get_layer(name).kernel).max(axis=None if name == "dense" else (0, 1, 2))
            values = -limit, limit
        else:
            layer = rounded.get_layer("image_rounded" if "quantize_layer" in low else f"{name}.1_output")
            values = float(layer.low), float(layer.high)
        ranges[low].assign(values[0])
        ranges[high].assign(values[1])

    found = {}
    for name, network in (("ours", ours), ("theirs", theirs)):
        found[f"{name}_before"] = np.asarray(network(batch, training=False)).ravel()
        found[f"{name}_step"] = np.asarray(network(batch, training=True)).ravel()
        found[f"{name}_after"] = np.asarray(network(batch, training=False)).ravel()
    outputs = sorted(name for name in names if isinstance(rounded.get_layer(name), QuantizedOutput))
    found["ours_ranges"] = np.sort(np.ravel([method.weights(name, None) for name in outputs]))
    activations = [each for pair in pairs.items() for each in pair if "kernel" not in each]
    found["theirs_ranges"] = np.sort([float(ranges[each].numpy()) for each in activations])
    kernels = sorted(names - set(outputs))
    found["ours_steps"] = np.concatenate([np.ravel(2.0 ** method.weights(name, None)[0] * 127) for name in kernels])
    lasts = sorted(each for each in pairs.values() if "kernel" in each)
    found["theirs_steps"] = np.concatenate([np.ravel(ranges[each].numpy()) for each in lasts])
    np.savez(folder / "beside.npz", **found)
