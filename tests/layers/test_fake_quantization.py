"""Layers that round: against NumPy's integers, against Keras's own operation, and what they learn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sepzoo.layers.fake_quantization import CHANNEL_AXES, QuantizedKernel, QuantizedOutput, first_steps

RANDOM = np.random.default_rng(0)
LAYERS = [
    (keras.layers.Conv1D(6, 3, groups=2), (2, 9, 4)),
    (keras.layers.Conv2D(5, 3, strides=2, padding="same"), (2, 8, 8, 4)),
    (keras.layers.Conv1D(6, 4, strides=2, padding="same", activation="relu", name="strided_series"), (2, 9, 4)),
    (keras.layers.Conv1D(6, 3, dilation_rate=2, padding="causal", use_bias=False, name="causal_series"), (2, 9, 4)),
    (keras.layers.DepthwiseConv1D(3, depth_multiplier=2), (2, 9, 4)),
    (keras.layers.DepthwiseConv1D(4, strides=2, padding="same", use_bias=False, name="strided_channels"), (2, 9, 4)),
    (keras.layers.DepthwiseConv1D(3, dilation_rate=2, activation="relu", name="dilated_channels"), (2, 9, 4)),
    (keras.layers.DepthwiseConv2D(3, depth_multiplier=3, padding="same"), (2, 8, 8, 4)),
    (keras.layers.Dense(5, activation="relu"), (2, 4)),
]


def built(layer: keras.layers.Layer, shape: tuple[int, ...], **arguments: bool) -> QuantizedKernel:
    """Return a layer that rounds, whose steps clip the largest weights of some channels."""
    layer = QuantizedKernel(type(layer).from_config(layer.get_config()), **arguments)
    layer.build(shape)
    random = np.random.default_rng(1)
    weights = [random.normal(size=weight.shape) for weight in layer.layer.get_weights()]
    steps = first_steps(weights[0], CHANNEL_AXES[type(layer.layer)])
    layer.set_weights([steps + np.log2(random.uniform(0.5, 1.5, steps.shape)), *weights])
    return layer


def rounded_by_numpy(layer: QuantizedKernel) -> np.ndarray:
    """Return the kernel on its steps, channel by channel."""
    kernel, steps = np.asarray(layer.layer.kernel, "float64"), 2.0 ** np.asarray(layer.log_step, "float64")
    found = np.empty_like(kernel)
    for place in np.ndindex(kernel.shape):
        channel = place[-2] * kernel.shape[-1] + place[-1] if "Depthwise" in type(layer.layer).__name__ else place[-1]
        step = steps if steps.ndim == 0 else steps[channel]
        found[place] = np.clip(np.floor(kernel[place] / step + 0.5), -127, 127) * step
    return found


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: getattr(value, "name", None))
@pytest.mark.parametrize("frozen", [False, True])
def test_a_kernel_is_rounded_channel_by_channel(layer, shape, frozen):
    rounding = built(layer, shape, frozen=frozen)
    inputs = RANDOM.normal(size=shape).astype("float32")
    plain = type(layer).from_config(rounding.layer.get_config())
    plain.build(shape)
    plain.set_weights([rounded_by_numpy(rounding), *rounding.layer.get_weights()[1:]])
    np.testing.assert_allclose(rounding(inputs), plain(inputs), rtol=1e-4, atol=1e-4)
    assert np.abs(np.asarray(rounding(inputs)) - np.asarray(rounding.layer(inputs))).max() > 1e-3  # it does something


@example(low=-1.5, width=5.0, seed=0)  # zero is half way between two steps
@given(low=st.floats(-50, 0), width=st.floats(0.01, 100), seed=st.integers(0, 9))
def test_outputs_are_rounded_to_256_values_with_zero(low: float, width: float, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(low - width, low + 2 * width, (3, 7)).astype("float32")
    found = []
    for frozen in (False, True):
        layer = QuantizedOutput(frozen=frozen)
        layer.build((None, 7))
        layer.set_weights([np.float32(low), np.float32(low + width)])
        found.append(np.asarray(layer(values)))
    bottom, top = low, max(low + width, low + 255e-7, 0.0)
    step = (top - bottom) / 255
    zeros = [np.clip(np.round(-bottom / step + slight), 0, 255) for slight in (-1e-4, 1e-4)]
    either = [(np.clip(np.round(values / step + zero), 0, 255) - zero) * step for zero in zeros]
    for each in found:  # a value between two may fall to either in single precision, and so may zero
        wanted = min(either, key=lambda one: np.abs(each - one).mean())
        assert np.abs(each - wanted).max() <= step * 1.01
        assert (np.abs(each - wanted) < step * 1e-2).mean() > 0.9
        np.testing.assert_allclose(np.round(each / step), each / step, atol=2e-2)


def test_gradients_are_those_of_the_paper():
    import tensorflow as tf

    layer = built(keras.layers.Dense(3, use_bias=False), (1, 4))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(np.eye(4, dtype="float32")))
    by_kernel, by_step = tape.gradient(loss, [layer.layer.kernel.value, layer.log_step.value])
    kernel, step = np.asarray(layer.layer.kernel), 2.0 ** float(layer.log_step)
    inside = np.abs(kernel / step) <= 127
    assert not inside.all()
    np.testing.assert_allclose(by_kernel, inside.astype("float32"))
    wanted = np.where(inside, np.round(kernel / step) - kernel / step, 127 * np.sign(kernel)).sum()  # LSQ, equation 3
    np.testing.assert_allclose(by_step, wanted * step * np.log(2), rtol=1e-4)


def test_bounds_learn_from_what_lies_beyond():
    import tensorflow as tf

    layer = QuantizedOutput()
    layer.build((None, 3))
    layer.set_weights([np.float32(-1), np.float32(4)])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(np.array([[-9.0, 1.0, 7.0]])) ** 2)
    low, high = tape.gradient(loss, [layer.low.value, layer.high.value])
    assert low < -1 < 7 < high  # 2 * -1 and 2 * 4, with what rounding adds


@pytest.mark.slow
def test_a_saved_network_opens_where_sepzoo_was_only_imported(tmp_path: Path) -> None:
    source = keras.Input((8, 8, 3))
    layer = QuantizedKernel(keras.layers.Conv2D(4, 3, kernel_regularizer="l2", name="conv"))
    model = keras.Model(source, QuantizedOutput(name="rounded")(layer(source)))
    layer.set_weights([RANDOM.normal(size=weight.shape) for weight in layer.get_weights()])
    model.save(tmp_path / "model.keras")
    images = RANDOM.normal(size=(2, 8, 8, 3)).astype("float32")
    np.save(tmp_path / "images.npy", images)
    program = (
        "import sys, numpy as np, sepzoo, keras; folder = sys.argv[1]\n"
        "model = keras.saving.load_model(folder + '/model.keras')\n"
        "np.save(folder + '/found.npy', model.predict(np.load(folder + '/images.npy'), verbose=0))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), model.predict(images, verbose=0), atol=1e-6)
