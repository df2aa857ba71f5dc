"""Where a network rounds: as TensorFlow's converter does, and with what it computes unchanged."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.compression.places import divided, rounds_output
from sepzoo.surgery import rewrite, sites

layers = keras.layers


def network(*stack: keras.layers.Layer) -> keras.Model:
    source = x = keras.Input((8, 8, 4), name="image")
    for layer in stack:
        x = layer(x)
    return keras.Model(source, x)


def places(model: keras.Model) -> list[str]:
    return [site.name for site in sites(model) if rounds_output(site)]


@pytest.mark.parametrize(
    ("stack", "rounded"),
    [
        ((layers.Conv2D(4, 3, name="conv"),), ["conv"]),
        ((layers.Conv2D(4, 3, name="conv"), layers.ReLU(name="relu")), ["relu"]),
        ((layers.Conv2D(4, 3, name="conv"), layers.ReLU(6.0, name="relu")), ["relu"]),
        ((layers.Conv2D(4, 3, name="conv"), layers.ReLU(3.0, name="relu")), ["conv", "relu"]),
        ((layers.Conv2D(4, 3, name="conv"), layers.ReLU(negative_slope=0.1, name="relu")), ["conv", "relu"]),
        ((layers.Conv2D(4, 3, name="conv"), layers.Activation("relu6", name="relu")), ["relu"]),
        ((layers.Conv2D(4, 3, name="conv", activation="relu"), layers.ReLU(name="relu")), ["conv", "relu"]),
        ((layers.DepthwiseConv2D(3, name="conv"), layers.Activation("silu", name="silu")), ["conv", "silu"]),
        ((layers.MaxPooling2D(name="pool"), layers.ZeroPadding2D(name="pad"), layers.Flatten(name="flat")), []),
        ((layers.AveragePooling2D(2, name="pool"), layers.GlobalAveragePooling2D(name="mean")), ["mean"]),
        ((layers.UpSampling2D(name="up"), layers.UpSampling2D(interpolation="bilinear", name="smooth")), ["smooth"]),
        ((layers.Flatten(), layers.Dense(3, name="dense"), layers.Softmax(name="softmax")), ["dense"]),
        ((layers.Flatten(), layers.Dense(3, name="dense"), layers.Activation("sigmoid", name="s")), ["dense"]),
    ],
)
def test_what_is_rounded(stack, rounded):
    assert places(network(*stack)) == rounded


def test_a_convolution_whose_output_goes_two_ways_is_rounded_before_its_relu():
    source = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3, padding="same", name="conv")(source)
    model = keras.Model(source, layers.Add(name="add")([x, layers.ReLU(name="relu")(x)]))
    assert places(model) == ["conv", "relu", "add"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (layers.Conv2D(4, 3, activation="hard_silu", name="l"), ["l", "l_activation"]),
        (layers.Conv2D(4, 3, activation="softmax", name="l"), ["l", "l_activation"]),
        (
            layers.Conv2D(4, 3, activation="hard_sigmoid", name="l"),
            ["l", "l_activation_shift", "l_activation_clip", "l_activation_scale"],
        ),
        (layers.Activation("hard_sigmoid", name="l"), ["l_shift", "l_clip", "l_scale"]),
        (layers.Rescaling(1 / 127.5, -1, name="l"), ["l_scale", "l_shift"]),
        (layers.Rescaling([1.0, 2, 3, 4], [4, 3, 2, 1], name="l"), ["l_scale", "l_shift"]),
        (layers.Normalization(mean=[1.0, 2, 3, 4], variance=[4.0, 3, 2, 1], name="l"), ["l_scale", "l_shift"]),
        (layers.Normalization(mean=0.5, variance=4.0, axis=None, name="l"), ["l_scale", "l_shift"]),
        (layers.BatchNormalization(name="l", beta_initializer="ones"), ["l_scale", "l_shift"]),
        (layers.Rescaling(2.0, name="l"), ["l"]),
        (layers.Conv2D(4, 3, activation="relu6", name="l"), ["l"]),
        (layers.Normalization(mean=0.5, variance=4.0, axis=None, invert=True, name="l"), ["l"]),
    ],
)
def test_what_is_divided_computes_the_same(layer, names):
    model = network(layer)
    images = np.random.default_rng(0).normal(0, 3, (5, 8, 8, 4)).astype("float32")
    new, _report = rewrite(model, divided)
    assert [each.name for each in new.layers[1:]] == names
    np.testing.assert_allclose(new.predict(images, verbose=0), model.predict(images, verbose=0), rtol=1e-5, atol=1e-5)
