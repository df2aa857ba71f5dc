"""The kinds' identities: what each becomes at the ends of its range (hybrid hypothesis; Xception, sec. 1)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.layers import Factorization, FactorizedConv2D, conv2d, factorization
from sepzoo.support.errors import SepzooError
from tests.layers import reference

CHANNELS, FILTERS, WINDOW = 8, 16, 3


def images(channels=CHANNELS):
    return np.random.default_rng(0).normal(size=(2, 9, 10, channels)).astype("float32")


def kernel(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def layer_of(kind, channels=CHANNELS, filters=FILTERS, **options):
    layer = conv2d(kind, filters, WINDOW, conv_options=options, padding="same", use_bias=False)
    layer.build((None, None, None, channels))
    return layer


def output(layer, x):
    return np.asarray(layer(x))


@pytest.mark.parametrize(
    ("kind", "options", "weights"),
    [
        ("inception", {"segments": 4}, CHANNELS * FILTERS + 9 * FILTERS**2 // 4),
        ("inception", {"segments": "channels"}, CHANNELS * FILTERS + 9 * FILTERS),
        ("inception", {"segments": 4, "order": "dw_pw"}, 9 * CHANNELS**2 // 4 + CHANNELS * FILTERS),
        ("resnext", {"cardinality": 2}, CHANNELS * 8 + 9 * 8**2 // 2 + 8 * FILTERS),
        ("resnext", {"cardinality": 4, "width": 0.25}, CHANNELS * 4 + 9 * 4 + 4 * FILTERS),
        ("hybrid", {}, CHANNELS * 8 + 9 * 8 + 8 * FILTERS),
        ("hybrid", {"width": 1.0}, CHANNELS * FILTERS + 9 * FILTERS + FILTERS * FILTERS),
    ],
)
def test_weights_of_each_kind(kind, options, weights):
    assert factorization(kind, **options).weights(CHANNELS, FILTERS, WINDOW**2) == weights
    assert layer_of(kind, **options).count_params() == weights


def test_hybrid_that_ends_in_the_identity_is_the_extreme_inception():
    pointwise, depthwise = kernel(1, 1, CHANNELS, FILTERS), kernel(3, 3, FILTERS, 1)
    hybrid, extreme = layer_of("hybrid", width=1.0), layer_of("inception", segments="channels")
    hybrid.set_weights([pointwise, depthwise, np.eye(FILTERS)[None, None]])
    extreme.set_weights([pointwise, depthwise])
    np.testing.assert_allclose(output(hybrid, images()), output(extreme, images()), atol=1e-5)


def test_resnext_with_one_channel_a_group_is_hybrid():
    resnext, hybrid = factorization("resnext", cardinality=FILTERS // 2), factorization("hybrid")
    assert resnext.steps(CHANNELS, FILTERS) == hybrid.steps(CHANNELS, FILTERS)
    layers = layer_of("resnext", cardinality=FILTERS // 2), layer_of("hybrid")
    layers[1].set_weights(layers[0].get_weights())
    np.testing.assert_array_equal(output(layers[0], images()), output(layers[1], images()))


@pytest.mark.parametrize("segments", [FILTERS, "channels"])
def test_inception_with_one_channel_a_segment_is_bsconv_u(segments):
    inception, bsconv = factorization("inception", segments=segments), factorization("bsconv_u")
    assert inception.steps(CHANNELS, FILTERS) == bsconv.steps(CHANNELS, FILTERS)
    layers = layer_of("inception", segments=segments), layer_of("bsconv_u")
    layers[1].set_weights(layers[0].get_weights())
    np.testing.assert_array_equal(output(layers[0], images()), output(layers[1], images()))


def test_inception_of_one_segment_is_a_pointwise_and_a_regular_convolution():
    layer = layer_of("inception", segments=1)
    pointwise = keras.layers.Conv2D(FILTERS, 1, use_bias=False)
    regular = keras.layers.Conv2D(FILTERS, 3, padding="same", use_bias=False)
    stack = keras.Sequential([keras.Input((None, None, CHANNELS)), pointwise, regular])
    stack.set_weights(layer.get_weights())
    np.testing.assert_allclose(output(layer, images()), np.asarray(stack(images())), atol=1e-5)


@pytest.mark.parametrize("order", ["pw_dw", "dw_pw"])
def test_inception_convolves_each_segment_by_itself(order):
    """Each segment alone, and nothing of one in another: against the dense convolutions of its channels."""
    layer = layer_of("inception", segments=4, order=order)
    first, second = layer.get_weights()
    x = images()
    if order == "pw_dw":
        x = reference.pointwise(x, first)
    grouped = second if order == "pw_dw" else first
    parts = [
        keras.ops.conv(part, weights, padding="same")
        for part, weights in zip(np.split(x, 4, axis=-1), np.split(grouped, 4, axis=-1), strict=True)
    ]
    expected = np.concatenate(parts, axis=-1)
    if order == "dw_pw":
        expected = reference.pointwise(expected, second)
    np.testing.assert_allclose(output(layer, images()), expected, atol=1e-5)


def test_two_separable_convolutions_are_a_depthwise_one_and_a_hybrid():
    first, second = layer_of("separable", filters=FILTERS), layer_of("separable", channels=FILTERS)
    depthwise_1, pointwise_1 = first.get_weights()
    depthwise_2, pointwise_2 = second.get_weights()
    hybrid = layer_of("hybrid", width=1.0)
    hybrid.set_weights([pointwise_1, depthwise_2, pointwise_2])
    expected = output(second, output(first, images()))
    found = output(hybrid, np.asarray(keras.ops.depthwise_conv(images(), depthwise_1, padding="same")))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("strides", [1, 2])
def test_all_terms_depthwise_first_are_a_dense_convolution(strides):
    """Network decoupling, depthwise first: an SVD for each input channel, min(filters, 9) terms."""
    dense = kernel(3, 3, CHANNELS, FILTERS)
    terms = min(FILTERS, 9)
    left, values, right = np.linalg.svd(dense.transpose(2, 3, 0, 1).reshape(CHANNELS, FILTERS, 9), full_matrices=False)
    pointwise = (left * values[:, None]).transpose(0, 2, 1).reshape(1, 1, CHANNELS * terms, FILTERS)
    depthwise = right.reshape(CHANNELS, terms, 3, 3).transpose(2, 3, 0, 1)
    layer = conv2d(
        "separable", FILTERS, 3, conv_options={"terms": terms}, strides=strides, padding="same", use_bias=False
    )
    layer.build((None, None, None, CHANNELS))
    assert type(layer) is keras.layers.SeparableConv2D
    layer.set_weights([depthwise, pointwise])
    expected = keras.ops.conv(images(), dense, strides=strides, padding="same")
    np.testing.assert_allclose(output(layer, images()), np.asarray(expected), atol=2e-5)


@pytest.mark.parametrize("strides", [1, 2])
def test_all_terms_pointwise_first_are_a_dense_convolution(strides):
    """Network decoupling, pointwise first: an SVD for each filter, min(channels, 9) terms."""
    dense = kernel(3, 3, CHANNELS, FILTERS)
    terms = min(CHANNELS, 9)
    left, values, right = np.linalg.svd(dense.transpose(3, 2, 0, 1).reshape(FILTERS, CHANNELS, 9), full_matrices=False)
    pointwise = (left * values[:, None]).transpose(1, 2, 0).reshape(1, 1, CHANNELS, terms * FILTERS)
    depthwise = right.reshape(FILTERS, terms, 3, 3).transpose(2, 3, 1, 0).reshape(3, 3, terms * FILTERS, 1)
    options = {"terms": terms, "order": "pw_dw"}
    layer = conv2d("separable", FILTERS, 3, conv_options=options, strides=strides, padding="same", use_bias=False)
    layer.build((None, None, None, CHANNELS))
    layer.set_weights([pointwise, depthwise])
    expected = keras.ops.conv(images(), dense, strides=strides, padding="same")
    np.testing.assert_allclose(output(layer, images()), np.asarray(expected), atol=2e-5)


@pytest.mark.parametrize(("kind", "steps"), [("inception", 1), ("resnext", 2), ("hybrid", 2), ("separable", 1)])
def test_normalization_and_activation_stand_between_the_steps(kind, steps):
    layer = conv2d(kind, FILTERS, 3, conv_options={"batch_norm": True, "activation": "relu"}, padding="same")
    layer.build((None, None, None, CHANNELS))
    classes = [type(factor).__name__ for factor in layer.factors]
    assert classes.count("BatchNormalization") == classes.count("Activation") == steps
    assert classes[-1].endswith("Conv2D")
    silent = -np.abs(images()) if kind == "separable" else images()
    assert np.isfinite(output(layer, silent)).all()


def test_a_bsconv_record_with_an_activation_keeps_it():
    record = Factorization("bsconv_u", groups="channels", expand=True, batch_norm=True, activation="relu")
    layer = conv2d(record, FILTERS, 3)
    layer.build((None, 9, 9, CHANNELS))
    assert [factor.name for factor in layer.factors] == ["pointwise", "pointwise_bn", "pointwise_relu", "depthwise"]


@pytest.mark.parametrize(
    ("channels", "filters", "cardinality", "mid"), [(64, 88, 8, 48), (3, 16, 8, 8), (64, 10, 8, 8), (64, 112, 8, 56)]
)
def test_the_width_of_resnext_is_rounded_up_to_whole_groups(channels, filters, cardinality, mid):
    assert factorization("resnext", cardinality=cardinality).steps(channels, filters)[0].outputs == mid


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        (
            "inception",
            {"segments": 3},
            "kind 'inception': expected a number of groups (segments, cardinality) that divides 16 channels. "
            "Received: 3. The nearest that do: 2, 4.",
        ),
        (
            "inception",
            {"segments": 12, "order": "dw_pw"},
            "divides 8 channels. Received: 12. The nearest that do: 4, 8.",
        ),
        ("resnext", {"cardinality": 32}, "divides 16 channels. Received: 32. The nearest that do: 8, 16."),
        ("inception", {"segments": 0}, "expected a number of groups, or 'channels'. Received: groups=0."),
        (
            "inception",
            {"segments": 2.0},
            "kind 'inception': expected segments as a whole number, or 'channels'. Received: segments=2.0.",
        ),
        ("hybrid", {"width": 1.5}, "expected a ratio of mid channels in 0 … 1. Received: width=1.5."),
        ("hybrid", {"ratio": 0.5}, "unknown option of kind 'hybrid': 'ratio'. Known: activation, batch_norm, width."),
    ],
)
def test_what_is_refused_is_said(kind, options, text):
    with pytest.raises(SepzooError) as raised:
        layer_of(kind, **options)
    assert text in str(raised.value)


@pytest.mark.parametrize(("kind", "options"), [("inception", {"segments": 4}), ("resnext", {}), ("hybrid", {})])
def test_config_and_file_round_trip(tmp_path, kind, options):
    layer = conv2d(kind, FILTERS, 3, conv_options=options, padding="same", strides=2, name="conv")
    model = keras.Sequential([keras.Input((9, 10, CHANNELS)), layer])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.layers[0], FactorizedConv2D)
    assert again.layers[0].factorization == layer.factorization
    np.testing.assert_allclose(np.asarray(again(images())), np.asarray(model(images())), atol=1e-6)
