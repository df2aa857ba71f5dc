"""Integer files of networks with layers that give next to nothing, or much more than others: they open and answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import TARGETS, Tolerance, export
from sepzoo.export.formats import tflite_converter
from sepzoo.export.formats.tflite_range_limits import within_limits
from sepzoo.export.formats.tflite_run import outputs_of
from sepzoo.records.inputs import Features

layers, ops = keras.layers, keras.ops
SHAPE = (6, 6, 4)
VALUES = np.random.default_rng(0).normal(size=(32, *SHAPE)).astype("float32")


def dead(x: Any, filters: int = 4, size: int = 3) -> Any:
    """Return what a ReLU gives that nothing gets through."""
    return layers.Conv2D(filters, size, padding="same", activation="relu", bias_initializer=fixed(-99.0))(x)


def fixed(value: float) -> keras.initializers.Initializer:
    return keras.initializers.Constant(value)


def gate(x: Any) -> Any:
    """Return x times a gate of squeeze and excite whose first layer is dead."""
    squeezed = dead(layers.GlobalAveragePooling2D(keepdims=True)(x), 2, 1)
    return layers.Multiply()([x, layers.Conv2D(4, 1, activation="hard_sigmoid")(squeezed)])


DEAD: dict[str, Any] = {
    "convolution": lambda x: layers.Conv2D(4, 3)(dead(x)),
    "depthwise convolution": lambda x: layers.DepthwiseConv2D(3)(dead(x)),
    "transposed convolution": lambda x: layers.Conv2DTranspose(4, 3)(dead(x)),
    "dense layer": lambda x: layers.Dense(4)(layers.Flatten()(dead(x))),
    "sum": lambda x: layers.Add()([x, dead(x)]),
    "sum of two": lambda x: layers.Add()([dead(x), dead(x)]),
    "difference": lambda x: layers.Subtract()([x, dead(x)]),
    "product": lambda x: layers.Multiply()([x, dead(x)]),
    "gate": gate,
    "mean": lambda x: layers.GlobalAveragePooling2D()(dead(x)),
    "pool": lambda x: layers.Conv2D(4, 1)(layers.AveragePooling2D(2)(dead(x))),
    "largest": lambda x: layers.Conv2D(4, 1)(layers.MaxPooling2D(2)(dead(x))),
    "parts side by side": lambda x: layers.Conv2D(4, 1)(layers.Concatenate()([x, dead(x)])),
    "padding": lambda x: layers.Conv2D(4, 3)(layers.ZeroPadding2D(1)(dead(x))),
    **{
        kind: lambda x, kind=kind: layers.Conv2D(4, 1)(layers.Activation(kind)(dead(x)))
        for kind in ("hard_swish", "hard_sigmoid", "sigmoid", "tanh", "swish", "elu", "gelu", "softmax", "leaky_relu")
    },
    "PReLU": lambda x: layers.Conv2D(4, 1)(layers.PReLU(shared_axes=[1, 2])(dead(x))),
    "layer normalization": lambda x: layers.Conv2D(4, 1)(layers.LayerNormalization()(dead(x))),
    "normalization": lambda x: layers.Conv2D(4, 1)(layers.BatchNormalization()(dead(x))),
    "constant": lambda x: layers.Add()(
        [x, layers.Conv2D(4, 1, kernel_initializer="zeros", bias_initializer="ones")(x)]
    ),
    "constant alone": lambda x: layers.Conv2D(4, 1, kernel_initializer="zeros", bias_initializer="ones")(x),
}


def network(*make: Any) -> keras.Model:
    """Return a network that gives three numbers for each branch that is made, which stands beside a live one."""
    keras.utils.set_random_seed(1)
    source = keras.Input(SHAPE)
    live = layers.Conv2D(4, 3, padding="same")(source)
    alive, *ends = [layers.Dense(3)(layers.Flatten()(each)) for each in (live, *(each(live) for each in make))]
    sums = [layers.Add()([alive, each]) for each in ends]
    return keras.Model(source, layers.Concatenate()(sums) if len(sums) > 1 else sums[0])


OTHER = ("tflite:int8_per_tensor", "onnx:int8", "openvino:int8")
TOGETHER = 4
"""Kinds that share a network: a conversion takes longer than all that is in the file."""
CASES = [
    *((tuple(DEAD)[first : first + TOGETHER], "tflite:int8_float_io") for first in range(0, len(DEAD), TOGETHER)),
    *((("convolution", "sum", "gate"), target) for target in OTHER),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kinds", "target"), CASES, ids=lambda given: given if isinstance(given, str) else given[0])
def test_a_layer_that_gives_nothing_is_no_obstacle(kinds: tuple[str, ...], target: str, tmp_path: Path) -> None:
    model = network(*(DEAD[kind] for kind in kinds))
    seen = Samples(VALUES, None, origin="random numbers", seed=0)
    path = tmp_path / f"m{TARGETS[target].suffix}"
    settings: dict[str, Any] = {"outputs": ["values"], "features": Features(SHAPE), "tolerance": Tolerance()}
    report = export(model, target, path, calibration=seen, check=seen, **settings)
    expected = model.predict(VALUES, verbose=0)
    found = inference.open(report.path).predict(VALUES)
    for kind, *pair in zip(kinds, *(np.split(each, len(kinds), axis=1) for each in (found, expected)), strict=True):
        assert np.abs(pair[0] - pair[1]).max() <= 0.05 * np.abs(pair[1]).max(), kind


def uneven(seed: int) -> keras.Model:
    """Return a network whose layers give numbers of sizes that differ by powers of ten."""
    generator = np.random.default_rng(seed)
    source = keras.Input(SHAPE, name="x")
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(source)
    side = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = layers.Add()([x, side])
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(4, 1, activation="relu")(pooled)])
    x = layers.Subtract()([layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(side)])
    model = keras.Model(source, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    for layer in model.layers:
        size = 10.0 ** generator.uniform(-6, 3)
        layer.set_weights([size * generator.normal(size=each.shape) for each in layer.get_weights()])
    return model


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_layers_of_any_size_make_a_file_that_opens(seed: int, tmp_path: Path) -> None:
    tflite_converter.save(uneven(seed), tmp_path / "saved")
    content = tflite_converter.calibrated(tmp_path / "saved", {"x": VALUES}, "uneven")
    limited = within_limits(content)
    assert within_limits(limited) == limited
    [found] = outputs_of(tflite_converter.integers(limited, edges="float"), {"x": VALUES[:4]})
    assert np.isfinite(found).all()


def test_ranges_that_runtimes_can_scale_stay(tmp_path: Path) -> None:
    model = network(lambda x: layers.Conv2D(4, 3, activation="relu")(x))
    tflite_converter.save(model, tmp_path / "saved")
    content = tflite_converter.calibrated(tmp_path / "saved", {model.input.name: VALUES}, "net")
    assert within_limits(content) == content
