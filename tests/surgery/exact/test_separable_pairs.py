"""Separable convolutions split and merged, linear 1 x 1 convolutions fused: the same function every time."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.analysis import profile
from sepzoo.layers import BSConvS, BSConvS1D, BSConvU
from sepzoo.surgery import fold_batch_norm, fuse_pointwise, merge_separable, split_separable, to_keras

SEPARABLE = {
    "plain": (lambda: layers.SeparableConv2D(6, 3, name="c"), (9, 8, 4)),
    "full": (
        lambda: layers.SeparableConv2D(
            *(6, (3, 5)),
            strides=2,
            padding="same",
            depth_multiplier=3,
            activation="relu",
            use_bias=False,
            depthwise_regularizer="l1",
            pointwise_regularizer="l2",
            activity_regularizer="l2",
            name="c",
        ),
        (9, 8, 4),
    ),
    "dilated": (lambda: layers.SeparableConv2D(6, 3, dilation_rate=2, name="c"), (9, 8, 4)),
    "one_dimension": (lambda: layers.SeparableConv1D(6, 3, padding="same", depth_multiplier=2, name="c"), (9, 4)),
}


@pytest.mark.parametrize("name", SEPARABLE)
def test_split_and_merged_again_it_is_the_same(name, randomize, outputs_of):
    make, shape = SEPARABLE[name]
    model = randomize(keras.Sequential([keras.Input(shape), make(), layers.ReLU(name="act")]))
    split, report = split_separable(model)
    assert [layer.name for layer in split.layers] == ["c_depthwise", "c_pointwise", "act"]
    np.testing.assert_allclose(outputs_of(split)[0], outputs_of(model)[0], atol=1e-5)
    assert (report.macs_before, report.params_before) == (report.macs_after, report.params_after)
    merged, report = merge_separable(split)
    assert [change.action for change in report.changes] == ["merged into 'c'", "merged with 'c_depthwise'"]
    np.testing.assert_array_equal(outputs_of(merged)[0], outputs_of(model)[0])
    assert merged.get_layer("c").get_config() == model.get_layer("c").get_config()


def test_the_depthwise_bias_goes_through(randomize, outputs_of):
    stack = [layers.DepthwiseConv2D(3, padding="same", name="dw"), layers.Conv2D(6, 1, use_bias=False, name="pw")]
    model = randomize(keras.Sequential([keras.Input((9, 8, 4)), *stack]))
    new, _report = merge_separable(model)
    assert [(layer.name, layer.use_bias) for layer in new.layers] == [("pw", True)]
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)


def frozen(layer):
    layer.trainable = False
    return layer


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (
            lambda: layers.DepthwiseConv2D(3, name="dw"),
            lambda: layers.Conv2D(6, 3, name="pw"),
            "the layer behind it, 'pw' (Conv2D), is no 1 x 1 convolution",
        ),
        (
            lambda: layers.DepthwiseConv2D(3, activation="relu", name="dw"),
            lambda: layers.Conv2D(6, 1, name="pw"),
            "it ends in the activation 'relu'",
        ),
        (
            lambda: layers.DepthwiseConv2D(3, name="dw"),
            lambda: layers.Conv2D(6, 1, strides=2, name="pw"),
            "the layer behind it, 'pw' (Conv2D), has strides or groups, or is called elsewhere too",
        ),
        (
            lambda: frozen(layers.DepthwiseConv2D(3, name="dw")),
            lambda: layers.Conv2D(6, 1, name="pw"),
            "its data format or its trainable flag is not that of 'pw' (Conv2D)",
        ),
        (
            lambda: layers.DepthwiseConv2D(3, bias_regularizer="l2", name="dw"),
            lambda: layers.Conv2D(6, 1, name="pw"),
            "its bias or its output has a penalty or a constraint",
        ),
        (
            lambda: layers.DepthwiseConv2D(3, name="dw"),
            lambda: layers.BatchNormalization(name="bn"),
            "the layer behind it, 'bn' (BatchNormalization), is no 1 x 1 convolution",
        ),
    ],
)
def test_pairs_that_can_not_be_merged_are_named(first, second, reason, randomize, outputs_of):
    model = randomize(keras.Sequential([keras.Input((9, 8, 4)), first(), second()]))
    new, report = merge_separable(model)
    assert [(change.layer, change.skipped) for change in report.changes] == [("dw", reason)]
    np.testing.assert_array_equal(outputs_of(new)[0], outputs_of(model)[0])


@pytest.mark.parametrize("make", [lambda: BSConvS(16, 3, p=0.75, name="c"), lambda: BSConvS1D(16, 3, p=0.75, name="c")])
def test_a_subspace_that_saves_nothing_is_fused_away(make, randomize, outputs_of):
    layer = make()
    model = randomize(keras.Sequential([keras.Input((9, 8, 16)[-layer.rank - 1 :]), layer]))
    new, report = fuse_pointwise(model)
    assert type(new.get_layer("c")).__name__.startswith("BSConvU")
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-4)
    assert report.macs_after == profile(new).macs < report.macs_before


def test_a_subspace_that_saves_stays():
    model = keras.Sequential([keras.Input((9, 8, 16)), BSConvS(16, 3, p=0.25, name="c")])
    report = fuse_pointwise(model)[1]
    assert report.changes[0].skipped == "one 1 x 1 kernel of 16 x 16 is no cheaper than two over 4 channels"


def test_what_is_between_must_be_folded_first(randomize, outputs_of):
    model = randomize(keras.Sequential([keras.Input((9, 8, 16)), BSConvS(16, 3, p=0.75, batch_norm=True, name="c")]))
    report = fuse_pointwise(model)[1]
    assert report.changes[0].skipped == "there is a batch normalization between its 1 x 1 steps; fold it first"
    new, _report = fuse_pointwise(fold_batch_norm(model)[0])
    assert [layer.name for layer in new.layers] == ["c_pointwise_2", "c_depthwise"]
    expected = outputs_of(model)[0]
    np.testing.assert_allclose(outputs_of(new)[0], expected, atol=1e-5 * max(1.0, np.abs(expected).max()))


def test_stock_layers_in_a_row(randomize, outputs_of):
    names = ("a", "b", "c")
    stack = [layers.Conv2D(8, 1, strides=2 if name == "a" else 1, use_bias=name != "b", name=name) for name in names]
    model = randomize(keras.Sequential([keras.Input((9, 8, 8)), *stack]))
    new, report = fuse_pointwise(model)
    assert [(layer.name, layer.strides) for layer in new.layers] == [("c", (2, 2))]
    assert len(report.changes) == 4
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-4)


def test_what_is_not_linear_stays():
    stack = [layers.Conv2D(8, 1, activation="relu", name="a"), layers.Conv2D(8, 1, name="b")]
    report = fuse_pointwise(keras.Sequential([keras.Input((9, 8, 8)), *stack]))[1]
    assert report.changes[0].skipped == "what it gives to 'b' is not linear or has a penalty"


def test_expanded_bsconv_is_merged_no_further_than_it_can(randomize, outputs_of):
    model = randomize(
        keras.Sequential([keras.Input((9, 8, 8)), BSConvU(8, 3, name="c"), layers.Conv2D(4, 1, name="d")])
    )
    builtin, _report = to_keras(model)
    new, _report = merge_separable(builtin)
    assert [layer.name for layer in new.layers] == ["c_pointwise", "d"]
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)
