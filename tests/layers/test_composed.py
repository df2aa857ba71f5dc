"""Sums of separable products as one dense convolution, against the same sums step by step."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from sepzoo.layers import FactorizedConv1D, FactorizedConv2D, composed, factorized
from sepzoo.layers.composed import ComposedSeparableConv2D, composed_kernel, composing_pays
from sepzoo.layers.factorization import separable
from sepzoo.layers.twins import builtin_class, is_twin

TERMS = 3
GEOMETRIES = [
    {"padding": "same"},
    {"padding": "same", "strides": 2},
    {"padding": "valid", "dilation_rate": 2, "activation": "tanh"},
    {"padding": "same", "use_bias": False},
]
CHANNELS_LAST = {
    "symmetric": {"padding": "symmetric", "strides": 2},
    "mirrored": {"padding": 1, "padding_mode": "reflect"},
}


def results(layer, x):
    """Return the outputs in training and all gradients."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(y * tf.cos(y))
    return [y, *tape.gradient(loss, [x, *[variable.value for variable in layer.trainable_variables]])]


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(np.asarray(one) / scale, np.asarray(other) / scale, atol=5e-6)


@pytest.fixture
def convolutions(monkeypatch):
    """The kernel shapes of the convolutions that were run, newest last."""
    seen, convolve = [], keras.ops.conv

    def recorded(inputs, kernel, *arguments, **keywords):
        seen.append(tuple(kernel.shape))
        return convolve(inputs, kernel, *arguments, **keywords)

    monkeypatch.setattr(keras.ops, "conv", recorded)
    monkeypatch.setattr(composed.ops, "conv", recorded)
    return seen


def test_channels_first_is_left_to_keras(monkeypatch):
    layer = ComposedSeparableConv2D(6, 3, depth_multiplier=TERMS, data_format="channels_first")
    layer.build((1, 4, 8, 8))
    seen = []
    monkeypatch.setattr(keras.layers.SeparableConv2D, "call", lambda self, x: seen.append(tuple(x.shape)) or x)
    layer(np.zeros((1, 4, 8, 8), "float32"), training=True)
    assert seen == [(1, 4, 8, 8)]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_separable_values_and_gradients_are_keras_s(seed, convolutions, geometry):
    arguments = {"depth_multiplier": TERMS, "bias_initializer": "uniform", **geometry}
    layers = [cls(6, 3, **arguments) for cls in (keras.layers.SeparableConv2D, ComposedSeparableConv2D)]
    for layer in layers:
        layer.build((2, 9, 8, 5))
    layers[1].set_weights(layers[0].get_weights())
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 9, 8, 5)).astype("float32"))
    theirs = results(layers[0], x)
    convolutions.clear()
    assert_same(results(layers[1], x), theirs)
    assert convolutions == [(3, 3, 5, 6)]
    assert_same([layers[1](x)], [layers[0](x)])
    assert convolutions == [(3, 3, 5, 6)]  # in inference it is what Keras computes


@pytest.mark.parametrize("order", ["pw_dw", "dw_pw"])
@pytest.mark.parametrize("geometry", [*GEOMETRIES, *CHANNELS_LAST.values()], ids=str)
@pytest.mark.parametrize("cls", [FactorizedConv1D, FactorizedConv2D])
def test_factorized_values_and_gradients_are_those_of_the_steps(seed, monkeypatch, convolutions, cls, order, geometry):
    layer = cls(separable(terms=TERMS, order=order), 6, 3, bias_initializer="uniform", **geometry)
    shape = (2, *(9, 8)[: layer.rank], 5)
    x = tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32"))
    layer.build(shape)
    ours = results(layer, x)
    assert convolutions == [(*[3] * layer.rank, 5, 6)]
    monkeypatch.setattr(factorized, "composing_pays", lambda *arguments: False)
    theirs = results(layer, x)
    assert len(convolutions) == 1
    assert_same(ours, theirs)


@pytest.mark.parametrize("options", [{"batch_norm": True}, {"activation": "relu"}, {"terms": 1}])
def test_steps_with_something_between_them_and_single_terms_stay_steps(convolutions, options):
    layer = FactorizedConv2D(separable(**{"terms": TERMS, "order": "pw_dw", **options}), 6, 3)
    layer(np.zeros((1, 8, 8, 5), "float32"), training=True)
    assert not convolutions


@pytest.mark.parametrize(
    ("order", "width", "least"),
    [("pw_dw", 16, 2), ("pw_dw", 64, 4), ("pw_dw", 256, 7), ("dw_pw", 16, 2), ("dw_pw", 64, 3), ("dw_pw", 256, 5)],
)
def test_wide_layers_need_more_terms_for_it_to_pay(order, width, least):
    assert [composing_pays(order, terms, width, 9) for terms in range(1, 10)] == [t >= least for t in range(1, 10)]


def test_on_other_backends_it_is_left_alone(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert not composing_pays("pw_dw", 9, 16, 9)


@pytest.mark.parametrize("order", ["pw_dw", "dw_pw"])
def test_the_kernel_is_the_sum_of_outer_products(order):
    generator = np.random.default_rng(0)
    windows = generator.normal(size=(3, 3, 4 if order == "dw_pw" else 5, TERMS))  # of each channel
    vectors = generator.normal(size=(4, 5, TERMS))
    if order == "dw_pw":
        expected = sum(windows[:, :, :, None, t] * vectors[None, None, :, :, t] for t in range(TERMS))
        depthwise, pointwise = windows, np.moveaxis(vectors, 2, 1).reshape(1, 1, 4 * TERMS, 5)
    else:
        expected = sum(windows[:, :, None, :, t] * vectors[None, None, :, :, t] for t in range(TERMS))
        depthwise = np.swapaxes(windows, 2, 3).reshape(3, 3, TERMS * 5, 1)
        pointwise = np.swapaxes(vectors, 1, 2).reshape(1, 1, 4, TERMS * 5)
    found = composed_kernel(depthwise.astype("float32"), pointwise.astype("float32"), order, TERMS)
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-6)


def test_the_twin_passes_for_the_stock_layer():
    layer = ComposedSeparableConv2D(8, 3, depth_multiplier=2, name="conv")
    assert is_twin(layer)
    assert builtin_class(layer) is keras.layers.SeparableConv2D
    assert layer.get_config() == keras.layers.SeparableConv2D(8, 3, depth_multiplier=2, name="conv").get_config()
