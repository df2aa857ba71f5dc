"""BSConv layers against NumPy, and as drop-ins for Keras's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.layers import BSConvS, BSConvS1D, BSConvS2D, BSConvU, BSConvU1D, BSConvU2D, conv2d
from sepzoo.support.errors import SepzooError
from tests.layers import reference

LAYERS = {"u": BSConvU2D, "s": BSConvS2D}


def images(size=9, channels=8):
    return np.random.default_rng(0).normal(size=(2, size, size + 1, channels)).astype("float32")


def expected(layer, x, pairs, mode="zeros", strides=1, dilation=1):
    """Run the layer's kernels in NumPy: pointwise steps, padding, depthwise step, bias."""
    for factor in layer.factors:
        if isinstance(factor, keras.layers.DepthwiseConv2D):
            kernel = np.asarray(factor.kernel, np.float64)
            x = reference.depthwise(reference.pad(x, pairs, mode), kernel, strides, dilation)
            x = x + (np.asarray(factor.bias) if factor.use_bias else 0.0)
        elif isinstance(factor, keras.layers.Conv2D):
            assert not factor.use_bias
            x = reference.pointwise(x, np.asarray(factor.kernel, np.float64))
    return x


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same", "symmetric", 1, ((0, 1), (2, 1))])
def test_equals_numpy(seed, kind, strides, padding):
    layer = LAYERS[kind](6, 3, strides=strides, padding=padding, bias_initializer="uniform")
    x = images()
    found = np.asarray(layer(x))
    pairs = {
        "valid": ((0, 0), (0, 0)),
        "same": tuple(reference.same_pairs(size, 3, strides, 1) for size in x.shape[1:3]),
        "symmetric": ((1, 1), (1, 1)),
        1: ((1, 1), (1, 1)),
    }.get(padding, padding)
    np.testing.assert_allclose(found, expected(layer, x, pairs, strides=strides), atol=1e-5)
    assert layer.compute_output_shape(x.shape) == found.shape


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("strides", [1, 2])
def test_padding_modes_equal_numpy(seed, mode, strides):
    layer = BSConvU(6, 5, strides=strides, padding="symmetric", padding_mode=mode)
    x = images()
    found = np.asarray(layer(x))
    np.testing.assert_allclose(found, expected(layer, x, ((2, 2), (2, 2)), mode, strides=strides), atol=1e-5)


def test_dilation_equals_numpy(seed):
    layer = BSConvS(6, 3, padding="same", dilation_rate=2)
    x = images()
    np.testing.assert_allclose(np.asarray(layer(x)), expected(layer, x, ((2, 2), (2, 2)), dilation=2), atol=1e-5)


@pytest.mark.parametrize(("one", "two"), [(BSConvU1D, BSConvU2D), (BSConvS1D, BSConvS2D)])
@pytest.mark.parametrize("padding", ["same", "valid", "symmetric"])
def test_one_axis_equals_two_of_height_one(seed, one, two, padding):
    x = images()[:, 0]
    flat = one(6, 3, strides=1, padding=padding)
    flat.build(x.shape)
    square = two(6, (1, 3), strides=1, padding=padding)
    square.build(x[:, None].shape)
    square.set_weights([w[None] if w.ndim == 3 else w for w in flat.get_weights()])
    np.testing.assert_allclose(np.asarray(flat(x)), np.asarray(square(x[:, None]))[:, 0], atol=1e-5)


def test_batch_norm_stands_after_each_pointwise(seed):
    layer = BSConvS(6, 3, batch_norm=True)
    layer.build((None, 8, 8, 16))
    names = [factor.name for factor in layer.factors]
    assert names == ["pointwise_1", "pointwise_1_bn", "pointwise_2", "pointwise_2_bn", "depthwise"]
    x = images(channels=16)
    before = np.asarray(layer.factors[1].moving_mean)
    layer(x, training=True)
    assert not np.allclose(before, np.asarray(layer.factors[1].moving_mean))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (BSConvU2D(6, 3, strides=2, padding="symmetric", activation="relu", batch_norm=True), (None, 8, 8, 4)),
        (BSConvS2D(6, (3, 5), padding="same", p=0.5, min_mid_channels=2, use_bias=False), (None, None, None, 4)),
        (BSConvU1D(6, 3, dilation_rate=2, padding_mode="circular", padding="same"), (None, 12, 4)),
        (BSConvS1D(6, 3, orthonormal=0.0), (None, 12, 4)),
        (conv2d("separable", 6, 3, conv_options={"order": "pw_dw", "terms": 2}), (None, 8, 8, 4)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_config_and_file_round_trip(seed, tmp_path, layer, shape):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    inputs = keras.Input(shape[1:])
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(2, *(size or 8 for size in shape[1:]))).astype("float32")
    found = keras.saving.load_model(tmp_path / "model.keras")(x)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(model(x)))


@pytest.mark.parametrize("layer", [BSConvU, BSConvS])
def test_mixed_precision(layer):
    block = layer(6, 3, batch_norm=True, dtype="mixed_float16")
    result = block(images())
    assert keras.backend.standardize_dtype(result.dtype) == "float16"
    assert {keras.backend.standardize_dtype(weight.dtype) for weight in block.weights} == {"float32"}


def test_height_and_width_may_change():
    inputs = keras.Input((None, None, 4))
    model = keras.Model(inputs, BSConvU(6, 3, strides=2, padding="symmetric", padding_mode="reflect")(inputs))
    for size in (8, 13):
        assert model(images(size, channels=4)).shape[1] == -(-size // 2)


def test_takes_the_place_of_keras_layers():
    arguments = {
        "filters": 6,
        "kernel_size": 3,
        "strides": 2,
        "padding": "same",
        "activation": "relu",
        "use_bias": False,
    }
    shape = (None, 15, 15, 8)
    for theirs in (keras.layers.Conv2D, keras.layers.SeparableConv2D):
        for ours in (BSConvU, BSConvS):
            assert ours(**arguments).compute_output_shape(shape) == theirs(**arguments).compute_output_shape(shape)


def test_equal_kernels_are_drawn_anew():
    layer = BSConvS(8, 3, p=1.0, pointwise_initializer=keras.initializers.GlorotUniform())
    layer.build((None, 8, 8, 8))
    first, second = (np.asarray(factor.kernel) for factor in layer.factors[:2])
    assert not np.allclose(first, second)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"filters": 0}, "expected at least 1 filter. Received: filters=0."),
        ({"kernel_size": (3, 3, 3)}, "expected kernel_size as a positive number, or 2 of them."),
        ({"strides": 0}, "Received: strides=0."),
        ({"padding": "full"}, "Received: padding='full'."),
        ({"padding": "symmetric", "kernel_size": 4}, "expected an odd window for padding='symmetric'."),
        ({"padding_mode": "mirror"}, "Received: padding_mode='mirror'."),
        ({"padding": "same", "strides": 2, "padding_mode": "reflect"}, "Use padding='symmetric'."),
        ({"data_format": "channels_first"}, "expected data_format None or 'channels_last'."),
    ],
)
def test_what_is_refused_is_said(arguments, text):
    with pytest.raises(SepzooError) as raised:
        BSConvU(**{"filters": 8, "kernel_size": 3, **arguments})
    assert text in str(raised.value)
