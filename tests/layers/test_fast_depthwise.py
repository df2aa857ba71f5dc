"""Depthwise convolution as shifted products against Keras's own, and when it is taken."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as some

from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.factorized import FactorizedConv2D
from sepzoo.layers.fast_depthwise import FastDepthwiseConv2D, FastSeparableConv2D, use_shifted
from sepzoo.layers.shifted import shifted_depthwise_conv
from sepzoo.layers.twins import builtin_class
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import accelerate
from tests.backends import variables
from tests.extras import needed
from tests.layers.twin_comparison import assert_equal_in_training


def gradients(convolve: Any, x: np.ndarray, kernel: np.ndarray) -> list[np.ndarray]:
    """Return the output, and the gradients of the sum of its squares by the input and the kernel."""
    given = tf.constant(x), tf.constant(kernel)
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = convolve(*given)
        loss = tf.reduce_sum(y * y)
    return [np.asarray(each) for each in (y, *tape.gradient(loss, given))]


@settings(max_examples=10)
@given(
    size=some.tuples(some.integers(5, 14), some.integers(5, 14)),
    window=some.tuples(some.integers(1, 5), some.integers(1, 5)),
    stride=some.integers(1, 3),
    dilation=some.integers(1, 2),
    padding=some.sampled_from(["same", "valid"]),
    multiplier=some.integers(1, 2),
    own_gradient=some.booleans(),
)
def test_values_and_gradients_are_the_backend_s(
    size: tuple[int, int],
    window: tuple[int, int],
    stride: int,
    dilation: int,
    padding: str,
    multiplier: int,
    own_gradient: bool,
) -> None:
    dilation = 1 if stride > 1 else dilation
    if padding == "valid":
        window = tuple(min(taps, (side - 1) // dilation + 1) for taps, side in zip(window, size, strict=True))
    random = np.random.default_rng(0)
    x = random.normal(size=(2, *size, 3)).astype("float32")
    kernel = random.normal(size=(*window, 3, multiplier)).astype("float32")
    arguments = {"strides": (stride, stride), "padding": padding, "dilation_rate": (dilation, dilation)}
    shifted = functools.partial(shifted_depthwise_conv, **arguments, own_gradient=own_gradient)
    ours = gradients(shifted, x, kernel)
    theirs = gradients(lambda x, kernel: keras.ops.depthwise_conv(x, kernel, **arguments), x, kernel)
    for mine, own in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine / np.abs(own).max(), own / np.abs(own).max(), atol=1e-5)


@pytest.mark.parametrize("kernel_size", [3, 5, (1, 3)])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_transposed_gradient_is_keras_s(kernel_size: Any, dtype: str) -> None:
    arguments = {"kernel_size": kernel_size, "padding": "same", "bias_initializer": "uniform", "dtype": dtype}
    theirs, ours = keras.layers.DepthwiseConv2D(**arguments), FastDepthwiseConv2D(**arguments)
    allowed = 2e-2 if dtype == "mixed_bfloat16" else 2e-6
    assert_equal_in_training(theirs, ours, (3, 9, 7, 6), atol=allowed, training=True)


@pytest.mark.parametrize(
    ("arguments", "training", "kernels"),
    [
        ({"padding": "same"}, True, 0),
        ({"padding": "same"}, False, 1),
        ({"padding": "valid"}, True, 1),
        ({"padding": "same", "strides": 2}, True, 1),
        ({"padding": "same", "depth_multiplier": 2}, True, 1),
        ({"padding": "same", "kernel_size": 4}, True, 1),
        ({"padding": "same", "dilation_rate": 2}, True, 1),
    ],
)
def test_when_the_gradient_is_transposed(arguments: dict[str, Any], training: bool, kernels: int) -> None:
    layer = FastDepthwiseConv2D(**{"kernel_size": 3, **arguments})
    layer.build((2, 8, 8, 4))

    @tf.function
    def gradient(x: tf.Tensor) -> tf.Tensor:
        return tf.gradients(layer(x, training=training), x)[0]

    graph = gradient.get_concrete_function(tf.TensorSpec((2, 8, 8, 4))).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert kinds.count("DepthwiseConv2dNativeBackpropInput") == kernels


CASES = [
    (keras.layers.DepthwiseConv2D, FastDepthwiseConv2D, {"kernel_size": 3, "padding": "same", "activation": "relu"}),
    (keras.layers.DepthwiseConv2D, FastDepthwiseConv2D, {"kernel_size": 3, "depth_multiplier": 2, "use_bias": False}),
    (keras.layers.SeparableConv2D, FastSeparableConv2D, {"filters": 5, "kernel_size": 3, "strides": 2}),
]


@pytest.mark.parametrize(("builtin", "twin", "arguments"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_layers_give_what_keras_s_do(builtin: Any, twin: Any, arguments: dict[str, Any], dtype: str) -> None:
    theirs = builtin(**arguments, dtype=dtype, name="conv")
    ours = twin(**arguments, dtype=dtype, name="conv", lowering="shifted")
    for layer in (theirs, ours):
        layer.build((2, 9, 9, 4))
    values = np.random.default_rng(1)
    weights = [values.normal(size=each.shape) for each in theirs.weights]
    theirs.set_weights(weights), ours.set_weights(weights)
    assert builtin_class(ours) is builtin
    assert ours.get_config() == theirs.get_config()
    x = values.normal(size=(2, 9, 9, 4)).astype("float32")
    found, expected = (np.asarray(keras.ops.cast(layer(x), "float32")) for layer in (ours, theirs))
    np.testing.assert_allclose(found, expected, atol=1e-5 if dtype == "float32" else 0.03 * np.abs(expected).max())


@pytest.mark.parametrize(("training", "written"), [(True, True), (None, True), (False, False)])
def test_what_only_answers_holds_no_gradient(training: bool | None, written: bool) -> None:
    layer = FastDepthwiseConv2D(3, lowering="shifted")
    layer.build((2, 8, 8, 4))
    function = tf.function(functools.partial(layer, training=training))
    graph = function.get_concrete_function(tf.TensorSpec((2, 8, 8, 4))).graph
    assert any("_gradient_op_type" in node.attr for node in graph.as_graph_def().node) is written


@pytest.mark.parametrize(
    ("builtin", "twin"),
    [(keras.layers.DepthwiseConv2D, FastDepthwiseConv2D), (keras.layers.SeparableConv2D, FastSeparableConv2D)],
)
def test_channels_first_is_left_to_keras(builtin: Any, twin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    filters = (5,) if builtin is keras.layers.SeparableConv2D else ()
    layer = twin(*filters, 3, data_format="channels_first", lowering="shifted")
    layer.build((1, 4, 8, 8))
    seen: list[tuple[int, ...]] = []
    monkeypatch.setattr(builtin, "call", lambda self, x: seen.append(tuple(x.shape)) or x)
    layer(np.zeros((1, 4, 8, 8), "float32"))
    assert seen == [(1, 4, 8, 8)]


def test_xla_on_a_processor_takes_shifted_products_and_nothing_else_does() -> None:
    seen = []

    def look(x: tf.Tensor) -> tf.Tensor:
        seen.append((use_shifted("auto"), use_shifted("native"), use_shifted("shifted")))
        return x

    look(tf.ones(1))
    tf.function(look)(tf.ones(1))
    tf.function(look, jit_compile=True)(tf.ones(1))
    assert seen == [(False, False, True), (False, False, True), (True, False, True)]


def test_no_other_lowering_is_known() -> None:
    with pytest.raises(
        SepzooError, match=r"expected a lowering of auto, native, shifted, pallas\. Received: lowering='fast'\."
    ):
        FastDepthwiseConv2D(3, lowering="fast")  # type: ignore[arg-type]


def test_pallas_kernels_are_jax_s() -> None:
    with pytest.raises(
        SepzooError, match=r"expected the JAX backend for Pallas kernels\. Received: .* with tensorflow\."
    ):
        FastDepthwiseConv2D(3, lowering="pallas")


def small() -> keras.Model:
    layers = [
        keras.layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise"),
        keras.layers.SeparableConv2D(4, 3, name="separable"),
    ]
    return keras.Sequential([keras.Input((12, 12, 3)), *layers], name="small")


def test_accelerate_puts_them_in_for_xla_alone() -> None:
    model, report = accelerate(small(), xla=True)
    assert [(each.layer, each.action) for each in report.changes] == [
        ("depthwise", "is a sum of shifted products under XLA"),
        ("separable", "is a sum of shifted products under XLA"),
    ]
    assert [type(each) for each in model.layers if each.weights] == [FastDepthwiseConv2D, FastSeparableConv2D]
    assert accelerate(small())[1].changes == ()


@pytest.mark.parametrize("kind", ["bsconv_u", "separable"])
def test_the_depthwise_step_of_a_factorized_layer_is_one(kind: str) -> None:
    layer = FactorizedConv2D(PRESETS[kind](), 4, 3, padding="same", strides=2)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    expected = layer(images)
    for compiled in (False, True):
        function = tf.function(layer, jit_compile=compiled)
        names = {node.op for node in function.get_concrete_function(tf.constant(images)).graph.as_graph_def().node}
        assert ("DepthwiseConv2dNative" in names) is not compiled
        np.testing.assert_allclose(function(images), expected, atol=1e-5)


PROGRAM = """
import json, sys
import keras, numpy as np
from sepzoo.layers.shifted import shifted_depthwise_conv
random = np.random.default_rng(0)
x, kernel = (random.normal(size=shape).astype("float32") for shape in ((2, 9, 8, 3), (3, 3, 3, 2)))
def loss(x, kernel, convolve):
    y = convolve(x, kernel, strides=(2, 2), padding="same")
    return (y * y).sum()
found = []
for convolve in (shifted_depthwise_conv, keras.ops.depthwise_conv):
    if keras.backend.backend() == "jax":
        import jax
        gradients = jax.jit(jax.grad(loss, argnums=(0, 1)), static_argnums=2)(x, kernel, convolve)
    else:
        import torch
        given = [torch.tensor(each, requires_grad=True) for each in (x, kernel)]
        gradients = torch.autograd.grad(loss(*given, convolve), given)
    found.append([np.asarray(each).ravel().tolist() for each in gradients])
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", pytest.param("torch", marks=pytest.mark.nightly)])
def test_other_backends_give_the_same_gradients(backend: str) -> None:
    needed(backend, "jax" if backend == "jax" else "parity")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env=variables(backend),
    )
    for ours, theirs in zip(*json.loads(done.stdout), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())
