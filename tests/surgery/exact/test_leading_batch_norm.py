"""Batch normalization folded into the layer behind it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.support.errors import SepzooError
from sepzoo.surgery import fold_leading_batch_norm

FOLDABLE = {
    "conv2d": (lambda: layers.Conv2D(6, 3, strides=2, use_bias=False, name="f"), (9, 8, 4)),
    "active": (lambda: layers.Conv2D(6, 3, activation="relu", name="f"), (9, 8, 4)),
    "one": (lambda: layers.Conv2D(6, 1, padding="same", name="f"), (9, 8, 4)),
    "grouped": (lambda: layers.Conv2D(6, 3, groups=2, name="f"), (9, 8, 4)),
    "conv1d": (lambda: layers.Conv1D(6, 3, dilation_rate=2, name="f"), (9, 4)),
    "conv3d": (lambda: layers.Conv3D(6, 2, name="f"), (4, 5, 3, 4)),
    "depthwise": (lambda: layers.DepthwiseConv2D(3, depth_multiplier=3, name="f"), (9, 8, 4)),
    "depthwise1d": (lambda: layers.DepthwiseConv1D(3, use_bias=False, name="f"), (9, 4)),
    "separable": (lambda: layers.SeparableConv2D(6, 3, depth_multiplier=2, name="f"), (9, 8, 4)),
    "separable1d": (lambda: layers.SeparableConv1D(6, 3, use_bias=False, name="f"), (9, 4)),
    "dense": (lambda: layers.Dense(6, name="f"), (5,)),
}


@pytest.mark.parametrize("name", FOLDABLE)
@pytest.mark.parametrize("norm", [{}, {"scale": False}])
def test_every_layer_without_padding_takes_it_over(name, norm, randomize, outputs_of, fingerprint):
    make, shape = FOLDABLE[name]
    model = randomize(keras.Sequential([keras.Input(shape), layers.BatchNormalization(name="bn", **norm), make()]))
    before = fingerprint(model)
    new, report = fold_leading_batch_norm(model)
    assert fingerprint(model) == before
    assert [layer.name for layer in new.layers] == ["f"]
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)
    assert [(change.layer, change.action) for change in report.changes] == [
        ("bn", "folded in 'f'"),
        ("f", "takes over 'bn'"),
    ]


@pytest.mark.parametrize("make", [layers.Conv2D, layers.SeparableConv2D])
def test_without_shift_padding_does_not_matter(make, outputs_of):
    norm = layers.BatchNormalization(name="bn")
    model = keras.Sequential([keras.Input((9, 8, 4)), norm, make(6, 3, padding="same", name="f")])
    norm.set_weights([np.full(4, 1.5), np.zeros(4), np.zeros(4), np.full(4, 0.5)])
    new, _report = fold_leading_batch_norm(model)
    assert [layer.name for layer in new.layers] == ["f"]
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)


def twice(x):
    y = layers.BatchNormalization(name="bn")(x)
    return layers.Add()([layers.Conv2D(3, 3, name="f")(y), layers.Conv2D(3, 3, name="g")(y)])


def shared_conv(x):
    conv = layers.Conv2D(3, 1, name="f")
    return layers.Add()([conv(layers.BatchNormalization(name="bn")(x)), conv(x)])


def before_a_nested(x):
    inner = keras.Input((8, 8, 3), name="inner")
    net = keras.Model(inner, layers.Conv2D(3, 3, name="f")(inner), name="net")
    return net(layers.BatchNormalization(name="bn")(x))


STAY = {
    "before_a_nested": (
        before_a_nested,
        "the layer behind it, 'net' (Functional), has no kernel that could carry it",
    ),
    "padded": (
        lambda x: layers.Conv2D(3, 3, padding="same", name="f")(layers.BatchNormalization(name="bn")(x)),
        "'f' (Conv2D) pads with zeros, which its shift would have to come before",
    ),
    "padding_layer": (
        lambda x: layers.Conv2D(3, 3, name="f")(
            layers.ZeroPadding2D(name="pad")(layers.BatchNormalization(name="bn")(x))
        ),
        "the layer behind it, 'pad' (ZeroPadding2D), has no kernel that could carry it",
    ),
    "twice": (twice, "not one layer alone gets its output"),
    "shared": (shared_conv, "'f' (Conv2D) is called elsewhere too"),
    "training": (
        lambda x: layers.Conv2D(3, 3, name="f")(layers.BatchNormalization(name="bn")(x, training=True)),
        "it is called with training=True",
    ),
    "other_axis": (
        lambda x: layers.Conv2D(3, 3, name="f")(layers.BatchNormalization(axis=1, name="bn")(x)),
        "it normalizes axis 1, which is not that of the channels of 'f' (Conv2D)",
    ),
}


@pytest.mark.parametrize("name", STAY)
def test_what_stays_is_said(name, randomize, outputs_of):
    make, reason = STAY[name]
    x = keras.Input((8, 8, 3))
    model = randomize(keras.Model(x, make(x)))
    new, report = fold_leading_batch_norm(model)
    assert [(change.layer, change.skipped) for change in report.changes] == [("bn", reason)]
    np.testing.assert_array_equal(outputs_of(new)[0], outputs_of(model)[0])


def test_what_ends_a_nested_model_stays(randomize, outputs_of):
    inner = keras.Input((8, 8, 3), name="inner")
    net = keras.Model(inner, layers.BatchNormalization(name="bn")(inner), name="net")
    x = keras.Input((8, 8, 3), name="x")
    model = randomize(keras.Model(x, layers.Conv2D(3, 3, name="f")(net(x)), name="m"))
    new, report = fold_leading_batch_norm(model)
    changes = [(change.layer, change.skipped) for change in report.changes]
    assert changes == [("net/bn", "not one layer alone gets its output")]
    np.testing.assert_array_equal(outputs_of(new)[0], outputs_of(model)[0])


def test_weights_that_are_no_numbers():
    norm = layers.BatchNormalization(name="bn")
    model = keras.Sequential([keras.Input((8, 8, 3)), norm, layers.Conv2D(4, 3, name="f")])
    norm.set_weights([np.ones(3), np.zeros(3), np.full(3, np.nan), np.ones(3)])
    with pytest.raises(SepzooError, match="Received: NaN or infinite values in 'bn'"):
        fold_leading_batch_norm(model)
