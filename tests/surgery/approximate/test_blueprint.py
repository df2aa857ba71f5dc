"""The best blueprint of each trained filter."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.layers import BSConvS, BSConvU
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import blueprint
from tests.surgery.networks import nested, single, stack


def dense_kernel(layer):
    """The kernel of a BSConv layer, from its weights."""
    *pointwise, depthwise = [weight for weight in layer.get_weights() if weight.ndim == 4]
    matrix = np.linalg.multi_dot([np.eye(pointwise[0].shape[2]), *(weight[0, 0] for weight in pointwise)])
    return depthwise[..., 0][:, :, None, :] * matrix


def test_each_filter_gets_its_first_singular_pair(randomize):
    model = randomize(single())
    kernel = model.get_layer("conv").get_weights()[0].astype("float64")
    new, report = blueprint(model)
    layer = new.get_layer("conv")
    assert isinstance(layer, BSConvU)
    squared_error = sum(
        np.sum(np.linalg.svd(kernel[..., o].reshape(9, 5), compute_uv=False)[1:] ** 2) for o in range(7)
    )
    np.testing.assert_allclose(np.sum((dense_kernel(layer) - kernel) ** 2), squared_error, rtol=1e-5)
    assert report.changes[0].action == f"its blueprints, kernel error {squared_error / np.sum(kernel**2):.4f}"


def test_filters_that_are_blueprints_are_kept(randomize, outputs_of):
    model = single(padding="same", strides=2, activation="relu")
    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(3, 3, 1, 7)) * generator.normal(size=(1, 1, 5, 7))
    model.get_layer("conv").set_weights([kernel, generator.normal(size=7)])
    new, _report = blueprint(model)
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)
    whole, _report = blueprint(model, p=1.0)
    np.testing.assert_allclose(outputs_of(whole)[0], outputs_of(model)[0], atol=1e-5)


@pytest.mark.parametrize("p", [0.0, 0.5, 0.75, 1.0])
def test_the_subspace_is_the_best_for_the_blueprints(p, randomize):
    model = randomize(single(shape=(9, 8, 8)))
    kernel = model.get_layer("conv").get_weights()[0].astype("float64")
    layer = blueprint(model, p=p, min_mid_channels=2)[0].get_layer("conv")
    assert isinstance(layer, BSConvS)
    basis = layer.get_weights()[0][0, 0]
    mid = max(2, int(8 * p))
    assert basis.shape == (8, mid)
    np.testing.assert_allclose(basis.T @ basis, np.eye(mid), atol=1e-6)
    u, s, vt = np.linalg.svd(kernel.transpose(3, 2, 0, 1).reshape(7, 8, 9), full_matrices=False)
    pointwise = (u[:, :, 0] * s[:, :1]).T
    squared_error = np.sum(s[:, 1:] ** 2) + np.sum(np.linalg.svd(pointwise, compute_uv=False)[mid:] ** 2)
    np.testing.assert_allclose(np.sum((dense_kernel(layer) - kernel) ** 2), squared_error, rtol=1e-5)
    assert vt.shape == (7, 8, 9)


def test_batch_norm_and_the_rest_stay(randomize):
    model = randomize(stack())
    new, report = blueprint(model, keep="conv2")
    assert [layer.name for layer in new.layers] == [layer.name for layer in model.layers]
    assert [change.layer for change in report.changes if change.action] == ["conv1", "conv3"]
    np.testing.assert_array_equal(new.get_layer("bn1").get_weights(), model.get_layer("bn1").get_weights())


def test_it_is_a_better_start_than_chance(randomize):
    """Blueprints answer more like the original than fresh weights do."""
    model = randomize(single(shape=(9, 8, 6), use_bias=False))
    images = np.random.default_rng(0).normal(size=(8, 9, 8, 6)).astype("float32")
    expected = keras.ops.convert_to_numpy(model(images))
    found = keras.ops.convert_to_numpy(blueprint(model)[0](images))
    assert np.mean((found - expected) ** 2) < 0.8 * np.mean(expected**2)


def test_nested_models_keep_their_form():
    new, report = blueprint(nested())
    assert [change.layer for change in report.changes] == ["net/conv", "last"]
    assert isinstance(new.get_layer("net").get_layer("conv"), BSConvU)


def test_zeros_stay_zeros():
    model = single()
    model.get_layer("conv").set_weights([np.zeros((3, 3, 5, 7)), np.ones(7)])
    for p in (None, 0.5):
        layer = blueprint(model, p=p)[0].get_layer("conv")
        assert not np.any(dense_kernel(layer))


def test_bad_arguments():
    with pytest.raises(SepzooError, match=r"expected a ratio of mid channels in 0 … 1. Received: p=2"):
        blueprint(single(), p=2.0)
    with pytest.raises(SepzooError, match=r"unknown layer to keep 'cov'\. Did you mean conv\?"):
        blueprint(single(), keep="cov")
    model = keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(4, 3, groups=2, name="grouped")])
    assert blueprint(model)[1].changes[0].skipped == "it has 2 groups"
