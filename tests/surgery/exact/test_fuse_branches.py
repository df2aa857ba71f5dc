"""Branches of one input become one convolution, and the model answers as before; what can't has its reason."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo import SepzooError, surgery
from sepzoo.applications import build
from tests.small import SMALL

layers = keras.layers
SHAPES = {1: (13, 6), 2: (9, 10, 6)}


def dense(rank, size, filters=6, **arguments):
    return getattr(layers, f"Conv{rank}D")(filters, size, **{"padding": "same", **arguments})


def depthwise(rank, size, **arguments):
    return getattr(layers, f"DepthwiseConv{rank}D")(size, **{"padding": "same", **arguments})


def grouped(rank, size, **arguments):
    return dense(rank, size, groups=3, **arguments)


def normalized(x):
    return layers.BatchNormalization()(x)


def held(model, randomize, outputs_of, fingerprint):
    """Fuse a model with random weights, hold the outputs against those that it had, and return it with the report."""
    randomize(model)
    before = fingerprint(model)
    new, report = surgery.fuse_branches(model)
    assert fingerprint(model) == before
    for found, expected in zip(outputs_of(new), outputs_of(model), strict=True):
        assert np.ptp(expected) > 0.1
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    return new, report


def classes(model):
    return [type(layer).__name__ for layer in model.layers[1:]]


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("make", [dense, depthwise, grouped])
@pytest.mark.parametrize(
    "window",
    [{}, {"strides": 2}, {"dilation_rate": 2}, {"padding": "valid"}],
    ids=["one", "strided", "dilated", "valid"],
)
def test_branches_of_every_kind(make, rank, window, randomize, outputs_of, fingerprint):
    x = keras.Input(SHAPES[rank])
    alone = window == {"padding": "valid"}  # such branches have windows of one size
    terms = [normalized(make(rank, 3, **window)(x)), make(rank, 3 if alone else 1, use_bias=False, **window)(x)]
    if not window or "dilation_rate" in window:
        terms += [normalized(x), x]
    model = keras.Model(x, layers.ReLU()(layers.Add()(terms)))
    new, report = held(model, randomize, outputs_of, fingerprint)
    assert classes(new) == [type(make(rank, 3)).__name__, "ReLU"]
    assert new.layers[1].name == model.layers[1].name
    assert report.params_after == new.count_params() < report.params_before == model.count_params()
    assert report.macs_after < report.macs_before


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (11, 11)])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_symmetric_padding_as_pytorch_models_have_it(size, strides, randomize, outputs_of, fingerprint):
    x = keras.Input((*size, 4))
    wide = layers.Conv2D(5, 5, strides=strides, name="wide")(layers.ZeroPadding2D(2)(x))
    middle = layers.Conv2D(5, 3, strides=strides)(layers.ZeroPadding2D(1)(x))
    narrow = normalized(layers.Conv2D(5, 1, strides=strides)(x))
    model = keras.Model(x, layers.Add()([narrow, middle, wide]))
    new, _report = held(model, randomize, outputs_of, fingerprint)
    assert classes(new) == ["ZeroPadding2D", "Conv2D"]
    assert new.layers[-1].name == "wide"


def test_kernels_that_are_no_squares(randomize, outputs_of, fingerprint):
    """As in ACNet: a 3 x 3 takes up a 1 x 3 and a 3 x 1."""
    x = keras.Input((7, 8, 4))
    model = keras.Model(x, layers.Add()([normalized(dense(2, size, 4)(x)) for size in [(1, 3), (3, 1), (3, 3)]]))
    assert classes(held(model, randomize, outputs_of, fingerprint)[0]) == ["Conv2D"]


def test_sums_of_sums_and_terms_of_other_inputs(randomize, outputs_of, fingerprint):
    x = keras.Input((8, 8, 4))
    y = layers.ReLU(name="other")(dense(2, 1, 4, name="first")(x))
    inner = layers.Add(name="inner")([dense(2, 3, 4, name="kept")(x), normalized(x)])
    model = keras.Model(x, layers.Add(name="outer")([dense(2, 1, 4)(x), y, inner, x]))
    new, _report = held(model, randomize, outputs_of, fingerprint)
    assert sorted(layer.name for layer in new.layers[1:]) == ["first", "kept", "other", "outer"]


def test_an_open_size_is_fused_where_it_does_not_matter(randomize):
    x = keras.Input((None, None, 4))
    fits = layers.Add()([dense(2, 3, 4)(x), dense(2, 1, 4)(x)])
    alike = layers.Add()([dense(2, 3, 4, strides=2)(x), dense(2, 3, 4, strides=2)(x)])
    apart = layers.Add()([dense(2, 3, 4, strides=2)(x), dense(2, 1, 4, strides=2, name="narrow")(x)])
    model = randomize(keras.Model(x, [fits, alike, apart]))
    new, report = surgery.fuse_branches(model)
    assert len([layer for layer in new.layers if isinstance(layer, layers.Conv2D)]) == 4
    assert {change.layer for change in report.changes if change.skipped} == {"narrow"}
    for size in (8, 9):
        images = np.random.default_rng(0).normal(size=(2, size, size, 4)).astype("float32")
        for found, expected in zip(new(images), model(images), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-5)


REASONS = {
    "no one window": (lambda x: [dense(2, (1, 5))(x), dense(2, (3, 1), name="b")(x)], "does not cover its own"),
    "another class": (lambda x: [dense(2, 3)(x), depthwise(2, 3, name="b")(x)], "its class or its groups"),
    "other groups": (lambda x: [dense(2, 3)(x), grouped(2, 3, name="b")(x)], "its class or its groups"),
    "another dilation": (lambda x: [dense(2, 3)(x), dense(2, 3, dilation_rate=2, name="b")(x)], "its dilation"),
    "other precision": (lambda x: [dense(2, 3)(x), dense(2, 1, dtype="mixed_bfloat16", name="b")(x)], "its precision"),
    "frozen": (lambda x: [dense(2, 3)(x), dense(2, 1, trainable=False, name="b")(x)], "its trainable flag"),
    "spread": (lambda x: [dense(2, 3)(x), dense(2, 3, 1, name="b")(x)], "another shape"),
}


@pytest.mark.parametrize("name", REASONS)
def test_branches_that_stay_have_a_reason(name):
    make, reason = REASONS[name]
    x = keras.Input(SHAPES[2])
    model = keras.Model(x, layers.Add()(make(x)))
    new, report = surgery.fuse_branches(model)
    assert classes(new) == classes(model)
    (change,) = report.changes
    assert change.layer == "b"
    assert reason in change.skipped


def test_what_is_used_elsewhere_too_or_is_not_linear_stays():
    x = keras.Input((8, 8, 4))
    twice = dense(2, 3, 4)(x)
    bent = dense(2, 3, 4, activation="relu")(x)
    shared = dense(2, 3, 4)
    sums = [layers.Add()(pair) for pair in ([twice, normalized(x)], [bent, x], [shared(x), shared(twice)])]
    model = keras.Model(x, [twice, *sums])
    new, report = surgery.fuse_branches(model)
    assert report.changes == ()
    assert classes(new) == classes(model)


def test_weights_that_are_not_finite_are_named(randomize):
    x = keras.Input((8, 8, 4))
    model = randomize(keras.Model(x, layers.Add()([dense(2, 3, 4)(x), dense(2, 1, 4, name="broken")(x)])))
    kernel, bias = model.get_layer("broken").get_weights()
    model.get_layer("broken").set_weights([kernel * np.nan, bias])
    with pytest.raises(SepzooError, match=r"^expected finite weights\. Received: NaN or infinite values in 'broken'\."):
        surgery.fuse_branches(model)


def test_mobileone_becomes_its_own_fused_form(randomize, outputs_of, fingerprint):
    name, arguments = SMALL["mobileone"]
    arguments = {**arguments, "branches": 2}
    new, report = held(build(name, **arguments), randomize, outputs_of, fingerprint)
    fused = build(f"{name}_fused", **arguments)
    assert [(layer.name, type(layer)) for layer in new.layers] == [(layer.name, type(layer)) for layer in fused.layers]
    assert report.params_after == fused.count_params()
    fused.set_weights(new.get_weights())
    np.testing.assert_array_equal(outputs_of(fused)[0], outputs_of(new)[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobileone_s1", "mobileone_s4"])
def test_a_block_of_one_branch_becomes_that_of_the_fused_form_by_a_fold(name, randomize, outputs_of):
    """Where channels change, such a block has no input to add: there is no sum, and batch normalization stays."""
    settings = {"input_shape": (32, 32, 3), "classes": 5}
    model, own = randomize(build(name, **settings)), build(f"{name}_fused", **settings)
    fused, _ = surgery.fuse_branches(model)
    folded, _ = surgery.fold_batch_norm(fused)
    assert len(fused.weights) > len(folded.weights)
    assert [weight.path for weight in folded.weights] == [weight.path for weight in own.weights]
    own.set_weights(folded.get_weights())
    np.testing.assert_allclose(outputs_of(own), outputs_of(model), atol=1e-5)
