"""Batch normalization folded away: outputs stay, what can't be folded is said."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.layers import BSConvS, BSConvU, FactorizedConv2D, factorization
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import fold_batch_norm

FOLDABLE = {
    "conv2d": (lambda: layers.Conv2D(6, 3, strides=2, use_bias=False, name="f"), (9, 8, 4)),
    "grouped": (lambda: layers.Conv2D(6, 3, groups=2, padding="same", name="f"), (9, 8, 4)),
    "dilated": (lambda: layers.Conv2D(6, 3, dilation_rate=2, name="f"), (9, 8, 4)),
    "conv1d": (lambda: layers.Conv1D(6, 3, padding="causal", name="f"), (9, 4)),
    "conv3d": (lambda: layers.Conv3D(6, 2, name="f"), (4, 5, 3, 4)),
    "depthwise": (lambda: layers.DepthwiseConv2D(3, use_bias=False, name="f"), (9, 8, 4)),
    "depthwise_multiplied": (lambda: layers.DepthwiseConv2D(3, depth_multiplier=3, name="f"), (9, 8, 4)),
    "depthwise1d": (lambda: layers.DepthwiseConv1D(3, depth_multiplier=2, name="f"), (9, 4)),
    "separable": (lambda: layers.SeparableConv2D(6, 3, depth_multiplier=2, name="f"), (9, 8, 4)),
    "separable1d": (lambda: layers.SeparableConv1D(6, 3, use_bias=False, name="f"), (9, 4)),
    "transposed": (lambda: layers.Conv2DTranspose(6, 3, strides=2, padding="same", name="f"), (5, 4, 3)),
    "transposed1d": (lambda: layers.Conv1DTranspose(6, 3, use_bias=False, name="f"), (5, 3)),
    "transposed3d": (lambda: layers.Conv3DTranspose(5, 2, strides=2, name="f"), (2, 3, 2, 4)),
    "dense": (lambda: layers.Dense(6, name="f"), (5,)),
    "dense_in_space": (lambda: layers.Dense(6, use_bias=False, name="f"), (5, 4, 3)),
}


@pytest.mark.parametrize("name", FOLDABLE)
@pytest.mark.parametrize("norm", [{}, {"scale": False}, {"center": False, "epsilon": 1e-5}])
def test_every_linear_layer_takes_a_batch_norm_over(name, norm, randomize, outputs_of, fingerprint):
    make, shape = FOLDABLE[name]
    stack = [keras.Input(shape), make(), layers.BatchNormalization(name="bn", **norm), layers.ReLU(name="act")]
    model = randomize(keras.Sequential(stack))
    before = fingerprint(model)
    new, report = fold_batch_norm(model)
    assert fingerprint(model) == before
    assert [layer.name for layer in new.layers] == ["f", "act"]
    assert new.get_layer("f").use_bias
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)
    assert [(change.layer, change.action) for change in report.changes] == [
        ("f", "takes over 'bn'"),
        ("bn", "folded in 'f'"),
    ]
    assert report.macs_after == report.macs_before > 0


def test_channels_first_is_folded_on_its_own_axis():
    model = keras.Sequential(
        [
            keras.Input((3, 8, 8)),
            layers.Conv2D(4, 3, data_format="channels_first", name="f"),
            layers.BatchNormalization(axis=1, name="bn"),
        ]
    )
    new, report = fold_batch_norm(model)
    assert [layer.name for layer in new.layers] == ["f"]
    assert report.params_after == report.params_before - 16


def test_two_in_a_row_fold_into_one(randomize, outputs_of):
    stack = [layers.Conv2D(4, 3, name="f"), layers.BatchNormalization(name="a"), layers.BatchNormalization(name="b")]
    model = randomize(keras.Sequential([keras.Input((8, 8, 3)), *stack]))
    new, report = fold_batch_norm(model)
    assert [layer.name for layer in new.layers] == ["f"]
    assert report.changes[0].action == "takes over 'a', 'b'"
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)


def test_what_the_layer_has_stays(randomize):
    conv = layers.Conv2D(4, 3, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.25), name="f")
    conv.trainable = False
    model = randomize(keras.Sequential([keras.Input((8, 8, 3)), conv, layers.BatchNormalization(name="bn")]))
    folded = fold_batch_norm(model)[0].get_layer("f")
    assert folded.kernel_regularizer.l2 == 0.25
    assert not folded.trainable


def test_nested_and_shared_models_are_folded_inside(randomize, outputs_of):
    x = keras.Input((8, 8, 3), name="in")
    inner = keras.Model(
        x, layers.BatchNormalization(name="bn")(layers.Conv2D(3, 3, padding="same", name="f")(x)), name="net"
    )
    y = keras.Input((8, 8, 3), name="y")
    model = randomize(keras.Model(y, inner(inner(y)), name="outer"))
    new, report = fold_batch_norm(model)
    assert [change.layer for change in report.changes] == ["net/f", "net/bn"]
    assert [layer.name for layer in new.get_layer("net").layers] == ["in", "f"]
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)


def test_factorized_layers_are_expanded_where_a_batch_norm_needs_it(randomize, outputs_of):
    x = keras.Input((8, 8, 3), name="x")
    y = BSConvS(8, 3, padding="same", batch_norm=True, activation="relu", name="inside")(x)
    y = layers.BatchNormalization(name="bn")(BSConvU(8, 3, padding="symmetric", strides=2, name="behind")(y))
    model = randomize(keras.Model(x, BSConvU(4, 3, name="alone")(y), name="m"))
    new, report = fold_batch_norm(model)
    assert [layer.name for layer in new.layers] == [
        "x",
        "inside_pointwise_1",
        "inside_pointwise_2",
        "inside_depthwise",
        "behind_pointwise",
        "behind_pad",
        "behind_depthwise",
        "alone",
    ]
    assert [change.action.split()[0] for change in report.changes[:2]] == ["expanded", "expanded"]
    assert report.params_before == model.count_params()
    assert report.params_after == new.count_params()
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)


def test_terms_with_batch_norm_between_are_folded(randomize, outputs_of):
    kind = factorization("separable", terms=3, order="pw_dw", batch_norm=True)
    model = randomize(keras.Sequential([keras.Input((8, 8, 3)), FactorizedConv2D(kind, 5, 3, name="t")]))
    new, _report = fold_batch_norm(model)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in new.layers)
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)


class OwnConv(layers.Conv2D):
    """A subclass may compute anything."""


def branch(x):
    y = layers.Conv2D(3, 3, padding="same", name="f")(x)
    return layers.Add(name="add")([y, layers.BatchNormalization(name="bn")(y)])


def shared_norm(x):
    norm = layers.BatchNormalization(name="bn")
    return layers.Add()([norm(layers.Conv2D(3, 3, name="f")(x)), norm(layers.Conv2D(3, 3, name="g")(x))])


def shared_conv(x):
    conv = layers.Conv2D(3, 3, padding="same", name="f")
    return conv(layers.BatchNormalization(name="bn")(conv(x)))


def nested(x):
    inner = keras.Input((8, 8, 3))
    net = keras.Model(inner, layers.Conv2D(3, 3)(inner), name="net")
    return layers.BatchNormalization(name="bn")(net(x))


def output_too(x):
    y = layers.Conv2D(3, 3, name="f")(x)
    return [y, layers.BatchNormalization(name="bn")(y)]


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (
            lambda x: layers.BatchNormalization(name="bn")(x),
            "the layer before it, 'x' (InputLayer), has no kernel that could carry it",
        ),
        (
            lambda x: layers.BatchNormalization(name="bn")(layers.MaxPooling2D(name="pool")(x)),
            "the layer before it, 'pool' (MaxPooling2D), has no kernel that could carry it",
        ),
        (
            lambda x: layers.BatchNormalization(name="bn")(OwnConv(3, 3, name="f")(x)),
            "the layer before it, 'f' (OwnConv), has no kernel that could carry it",
        ),
        (nested, "the layer before it, 'net' (Functional), has no kernel that could carry it"),
        (
            lambda x: layers.BatchNormalization(name="bn")(layers.Conv2D(3, 3, activation="relu", name="f")(x)),
            "'f' (Conv2D) ends in the activation 'relu'",
        ),
        (
            lambda x: layers.BatchNormalization(name="bn")(layers.Conv2D(3, 3, activation=layers.ReLU(), name="f")(x)),
            "'f' (Conv2D) ends in the activation 'ReLU'",
        ),
        (branch, "the output of 'f' is used elsewhere too"),
        (output_too, "the output of 'f' is used elsewhere too"),
        (shared_norm, "it is shared by 2 calls"),
        (shared_conv, "the output of 'f' is used elsewhere too"),
        (
            lambda x: layers.BatchNormalization(axis=1, name="bn")(layers.Conv2D(3, 3, name="f")(x)),
            "it normalizes axis 1, which is not that of the channels of 'f' (Conv2D)",
        ),
        (
            lambda x: layers.BatchNormalization(name="bn")(layers.Conv2D(3, 3, name="f")(x), training=True),
            "it is called with training=True",
        ),
    ],
)
def test_what_can_not_be_folded_stays_with_the_reason(build, reason, randomize, outputs_of):
    x = keras.Input((8, 8, 3), name="x")
    model = randomize(keras.Model(x, build(x), name="m"))
    new, report = fold_batch_norm(model)
    assert [(change.layer, change.skipped) for change in report.changes] == [("bn", reason)]
    for expected, got in zip(outputs_of(model), outputs_of(new), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_no_batch_norm_is_folded_into_the_model_around_it(randomize, outputs_of):
    inner = keras.Input((6, 6, 3), name="inner")
    net = keras.Model(inner, layers.BatchNormalization(name="bn")(inner), name="net")
    x = keras.Input((8, 8, 3), name="x")
    model = randomize(keras.Model(x, net(layers.Conv2D(3, 3, name="f")(x)), name="m"))
    new, report = fold_batch_norm(model)
    reason = "the layer before it, 'inner' (InputLayer), has no kernel that could carry it"
    assert [(change.layer, change.skipped) for change in report.changes] == [("net/bn", reason)]
    np.testing.assert_array_equal(outputs_of(new)[0], outputs_of(model)[0])


def test_weights_that_are_not_finite_are_named():
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="f"), layers.BatchNormalization(name="bn")]
    )
    model.get_layer("bn").moving_variance.assign([1.0, -1.0, 1.0, 1.0])
    with pytest.raises(SepzooError) as error:
        fold_batch_norm(model)
    assert str(error.value) == (
        "expected finite weights. Received: NaN or infinite values in 'f', 'bn'. "
        "Train the model again, or load another checkpoint."
    )


@pytest.mark.slow
@pytest.mark.parametrize("network", ["MobileNetV2", "ResNet50", "EfficientNetB0", "Xception"])
def test_real_networks_lose_every_batch_norm(network, randomize, outputs_of):
    build = getattr(keras.applications, network)
    model = randomize(build(weights=None, input_shape=(71, 71, 3), classes=10, classifier_activation=None))
    for layer in model.layers:  # random signs would let the signal grow with the depth
        if not isinstance(layer, layers.BatchNormalization):
            layer.set_weights([weight * 0.1 for weight in layer.get_weights()])
    new, report = fold_batch_norm(model)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in new.layers)
    assert not any(change.skipped for change in report.changes)
    expected = outputs_of(model)[0]
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(outputs_of(new)[0], expected, atol=1e-5 * max(1.0, float(np.abs(expected).max())))
