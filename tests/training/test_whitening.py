from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.data.arrays import ArraySource
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.errors import SepzooError
from sepzoo.training import Networks, Recipe
from sepzoo.training.whitening import whiten_first, whitened
from tests.training.small_training import settings


def pictures(count: int) -> np.ndarray:
    """Return correlated colours: neighbours are alike, as in photographs."""
    noise = np.random.default_rng(0).normal(size=(count, 14, 14, 3))
    smooth = noise[:, 2:, 2:] + noise[:, 1:-1, 1:-1] + noise[:, :-2, :-2]
    return np.clip(128 + 30 * smooth, 0, 255).astype("uint8")


def network(*first: keras.layers.Layer) -> Networks:
    layers = [keras.Input((12, 12, 3)), *first, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    return Networks.of(keras.Sequential(layers), ZERO_TO_ONE)


def source(count: int) -> ArraySource:
    return ArraySource(pictures(count), np.arange(count) % 2, ("a", "b"))


@pytest.mark.parametrize("strides", [1, 2])
def test_outputs_are_uncorrelated_and_of_variance_one(strides: int) -> None:
    networks = network(keras.layers.Conv2D(27, 3, strides=strides))
    whiten_first(networks, source(300), settings(whitened=300))
    layer = networks.training.layers[0]
    kernel = layer.get_weights()[0]
    images = keras.ops.convert_to_tensor(pictures(300).astype("float32") / 255)
    outputs = keras.ops.convert_to_numpy(keras.ops.conv(images, kernel, padding="valid")).reshape(-1, 27)
    np.testing.assert_allclose(np.cov(outputs, rowvar=False), np.eye(27), atol=0.02)


def test_behind_batch_norm_of_the_input_they_whiten_what_that_gives_in_training() -> None:
    networks = network(keras.layers.BatchNormalization(), keras.layers.Conv2D(27, 3))
    whiten_first(networks, source(300), settings(whitened=300))
    norm, layer = networks.training.layers[:2]
    images = pictures(300).astype("float32") / 255
    standard = (images - images.mean((0, 1, 2))) / np.sqrt(images.var((0, 1, 2)) + norm.epsilon)
    outputs = keras.ops.convert_to_numpy(keras.ops.conv(standard, layer.get_weights()[0], padding="valid"))
    np.testing.assert_allclose(np.cov(outputs.reshape(-1, 27), rowvar=False), np.eye(27), atol=0.02)
    for weights, start in zip(norm.get_weights(), (1, 0, 0, 1), strict=True):
        np.testing.assert_array_equal(weights, start)


def test_filters_are_the_principal_directions() -> None:
    images = pictures(100) / 255.0
    kernel = whitened(np.zeros((3, 3, 3, 8)), images).reshape(27, 8)
    patches = np.lib.stride_tricks.sliding_window_view(images, (3, 3, 3), axis=(1, 2, 3)).reshape(-1, 27)
    _, lengths, directions = np.linalg.svd(patches - patches.mean(0), full_matrices=False)
    deviations = lengths[:8] / np.sqrt(len(patches) - 1)
    np.testing.assert_allclose(np.abs(np.sum(kernel.T * directions[:8], axis=1)), 1 / deviations, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1 / deviations, rtol=1e-6)


def test_more_filters_than_directions_are_their_negatives_and_then_what_was_there() -> None:
    before = np.random.default_rng(1).normal(size=(1, 1, 3, 8))
    kernel = whitened(before, pictures(20) / 255.0)
    np.testing.assert_allclose(kernel[..., 3:6], -kernel[..., :3])
    np.testing.assert_array_equal(kernel[..., 6:], before[..., 6:])


@pytest.mark.parametrize(
    ("first", "received"),
    [
        (keras.layers.DepthwiseConv2D(3, name="dw"), r"dw, a \w*DepthwiseConv2D"),
        (keras.layers.Conv2D(6, 3, groups=3, name="grouped"), r"grouped, a \w*Conv2D"),
    ],
)
def test_another_first_layer_is_refused(first: keras.layers.Layer, received: str) -> None:
    with pytest.raises(SepzooError, match=rf"expected a Conv2D without groups .* Received: {received}\. Leave"):
        whiten_first(network(first), source(10), settings(whitened=10))


@pytest.mark.parametrize("override", ["model.weights=imagenet", "model=runs/other/best.keras"])
def test_trained_weights_are_not_overwritten(override: str) -> None:
    with pytest.raises(SepzooError, match=r"expected .*whitened=0 beside trained weights"):
        Recipe.load("digits").with_overrides([override, "whitened=100"])
