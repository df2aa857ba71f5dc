"""Layers fitted to samples: never worse there than the decomposition, exact where they can be, through the depth."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from sepzoo.surgery import decouple, recalibrate_batch_norm
from sepzoo.surgery.algebra.expansion import expand
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.patches import extract_patches
from sepzoo.surgery.algebra.regression import fit
from sepzoo.surgery.approximate.dense_convolutions import dense_convs, window_of
from sepzoo.surgery.approximate.fitting import patch_batches
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.plan import Plan
from tests.surgery.images import smooth
from tests.surgery.networks import nested, single, stack

ORDERS = ("pw_dw", "dw_pw")


def by_hand(layer, images):
    """All patches and answers as matrices, for comparison."""
    x = extract_patches(images.astype("float64"), window_of(layer)).reshape(-1, layer.kernel.shape[2] * 9)
    kernel, bias = layer.get_weights()
    return x, x @ kernel.reshape(-1, layer.filters) + bias


def moments_by_hand(x, y):
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    xc, yc = x - x_mean, y - y_mean
    return Moments(xc.T @ xc / len(x), xc.T @ yc / len(x), np.mean(yc**2, axis=0), x_mean, y_mean, len(x))


@pytest.mark.parametrize("form", [{}, {"padding": "same", "strides": 2}, {"dilation_rate": 2}])
def test_patches_are_what_the_layer_multiplies(form, randomize):
    model = randomize(single(**form))
    images = smooth((9, 8, 5), count=3)
    _x, y = by_hand(model.get_layer("conv"), images)
    np.testing.assert_allclose(y.reshape(model(images).shape), to_numpy(model(images)), atol=1e-5)


def test_streamed_moments_are_those_of_all_patches(randomize):
    model = randomize(single(shape=(7, 6, 5)))  # 20 places, so all of them are taken
    images = smooth((7, 6, 5), count=70)  # three batches
    (dense,) = dense_convs(Plan(model))
    streamed = Moments.of(patch_batches(dense, LayerInputs(model, ModelInputs((images,)))))
    expected = moments_by_hand(*by_hand(model.get_layer("conv"), images))
    for field in dataclasses.fields(Moments):
        np.testing.assert_allclose(getattr(streamed, field.name), getattr(expected, field.name), atol=1e-4)


def test_the_error_is_that_of_the_answers(randomize):
    layer = randomize(single()).get_layer("conv")
    x, y = by_hand(layer, smooth((9, 8, 5)))
    other = layer.get_weights()[0] + np.random.default_rng(1).normal(size=(3, 3, 5, 7)) * 0.1
    bias = np.arange(7.0)
    moments = moments_by_hand(x, y)
    missed = np.mean(np.sum((x @ other.reshape(45, 7) + bias - y) ** 2, axis=1))
    np.testing.assert_allclose(moments.error(other, bias) * moments.power.sum(), missed, rtol=1e-9)
    assert moments.error(other) < moments.error(other, bias)
    assert moments.error(other) == pytest.approx(moments.error(other, moments.best_bias(other)))


@pytest.mark.parametrize("order", ORDERS)
def test_a_fit_is_never_worse_and_mostly_better(order, randomize):
    layer = randomize(single()).get_layer("conv")
    kernel, bias = (weight.astype("float64") for weight in layer.get_weights())
    moments = moments_by_hand(*by_hand(layer, smooth((9, 8, 5))))
    expansion = expand(kernel, order)
    errors = []
    for count in range(1, expansion.rank + 1):
        found = fit(moments, expansion, count, bias)
        plain = moments.error(expansion.terms.truncated(count).kernel, bias)
        assert found.error <= found.data_free_error == plain
        assert found.error == pytest.approx(moments.error(found.terms.kernel, found.bias), abs=1e-12)
        if count <= 3:
            assert found.error < 0.8 * plain
        errors.append(found.error)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-9  # at full rank both are exact


def output_gap(model, new, images):
    expected = to_numpy(model(images))
    return float(np.mean((to_numpy(new(images)) - expected) ** 2) / np.var(expected))


@pytest.mark.parametrize("order", ORDERS)
def test_through_the_depth_every_layer_gains(order, randomize):
    model = randomize(stack())
    images = smooth((12, 12, 6), count=96)
    free, _report = decouple(model, order=order, terms=2, only_if_cheaper=False)
    new, report = decouple(model, order=order, terms=2, only_if_cheaper=False, data=images)
    for each in report.layers:
        assert 0 < each.output_error <= each.data_free_output_error
    assert sum(each.output_error for each in report.layers) < 0.8 * sum(
        each.data_free_output_error for each in report.layers
    )
    fresh = smooth((12, 12, 6), seed=0, count=200)[100:]
    assert output_gap(model, new, fresh) < output_gap(model, free, fresh)
    assert "output error" in report.changes[-1].action


def test_a_fit_makes_a_bias(randomize):
    new, _report = decouple(
        randomize(single(use_bias=False)), terms=1, only_if_cheaper=False, data=smooth((9, 8, 5)) + 1.0
    )
    assert new.get_layer("conv").use_bias


@pytest.mark.parametrize("order", ORDERS)
def test_nested_models_are_fitted_too(order, randomize):
    model = randomize(nested())
    report = decouple(model, order=order, terms=1, only_if_cheaper=False, data=smooth((8, 8, 5)))[1]
    assert [each.layer for each in report.layers] == ["net/conv", "last"]
    assert all(each.output_error < each.data_free_output_error for each in report.layers)


def test_full_rank_stays_exact_through_the_depth(randomize, outputs_of):
    model = randomize(stack())
    new, _report = decouple(model, terms=9, only_if_cheaper=False, data=smooth((12, 12, 6)))
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], rtol=1e-3, atol=1e-3)


def test_statistics_of_batch_norm_become_those_of_the_samples(randomize):
    model = randomize(stack())
    images = smooth((12, 12, 6), count=64)
    new, report = recalibrate_batch_norm(model, images)
    trained = keras.models.clone_model(model)
    trained.set_weights(model.get_weights())
    for layer in trained.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # the statistics of the last batch, which here is all there is
    trained(images, training=True)
    for number in (1, 2, 3):
        for old, found in zip(
            trained.get_layer(f"bn{number}").weights, new.get_layer(f"bn{number}").weights, strict=True
        ):
            np.testing.assert_allclose(to_numpy(found), to_numpy(old), rtol=1e-4, atol=1e-5)
    assert [change.action for change in report.changes] == ["statistics of 64 samples"] * 3
    assert not np.allclose(model.get_layer("bn1").moving_mean, new.get_layer("bn1").moving_mean)
