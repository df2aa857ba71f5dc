"""Corrected biases keep the means of a network whose weights are rounded."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.export.bias_correction import Rounding, correct_biases, rounded

layers = keras.layers
KERNELS = {"Conv2D": (-1,), "DepthwiseConv2D": (-2, -1), "Dense": (-1,)}


def network(*, bias: bool = True, activation: str = "relu") -> keras.Model:
    """Return a network in which one huge weight a channel makes the rounding of the others coarse."""
    keras.utils.set_random_seed(0)
    source = keras.Input((12, 12, 3))
    x = layers.Conv2D(6, 3, name="first", activation=activation)(source)
    x = layers.DepthwiseConv2D(3, name="second", use_bias=bias)(x)
    x = layers.Conv2D(8, 1, name="third")(x)
    x = layers.Dense(4, name="last")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(source, x)
    for layer in model.layers:
        if layer.weights:
            kernel, *rest = layer.get_weights()
            kernel[(0,) * (kernel.ndim - 2)] *= 60
            layer.set_weights([kernel, *rest])
    return model


def images(count: int = 32) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (count, 12, 12, 3)).astype(np.float32) + np.float32(0.3)


def rounded_means(model: keras.Model, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Return each layer's mean output per channel in a copy of the model whose kernels are rounded."""
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    for layer in twin.layers:
        if layer.weights:
            kernel, *rest = layer.get_weights()
            layer.set_weights([rounded(kernel, KERNELS[type(layer).__name__]), *rest])
    return means(twin, pictures)


def means(model: keras.Model, pictures: np.ndarray) -> dict[str, np.ndarray]:
    named = {layer.name: layer.output for layer in model.layers if layer.weights}
    outputs = keras.Model(model.inputs, named).predict(pictures, verbose=0)
    return {name: value.mean(axis=tuple(range(value.ndim - 1))) for name, value in outputs.items()}


def test_rounding_is_symmetric_and_by_channel() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 5)) * [1, 10, 100, 1000, 0]
    result = rounded(kernel, (-1,))
    for channel, largest in enumerate(np.abs(kernel).max(axis=(0, 1, 2))):
        steps = result[..., channel] / (largest / 127 or 1)
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
        assert np.abs(result - kernel)[..., channel].max() <= largest / 254 + 1e-12


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_means_come_back(activation: str) -> None:
    model = network(activation=activation)
    exact, before = means(model, images()), rounded_means(model, images())
    assert len(correct_biases(model, images())) == 4
    after = rounded_means(model, images())
    assert np.abs(before["last"] - exact["last"]).max() > 0.01
    for name in exact:
        error = np.abs(after[name] - exact[name]).max()
        limit = 1e-3 if activation == "linear" or name != "first" else np.inf  # "first" is measured after its ReLU
        assert error < limit * max(1, np.abs(exact[name]).max()), name


def on_256_values(values: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return the nearest of 256 equally spaced values, zero among them, that cover all of an array."""
    low, high = min(within.min(), 0.0), max(within.max(), 0.0)
    grid = (np.arange(256) - np.rint(-low * 255 / (high - low))) * (high - low) / 255
    return grid[np.abs(values[..., None] - grid).argmin(axis=-1)].astype(np.float32)


def all_rounded_means(model: keras.Model, exact: keras.Model, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Return each layer's mean output where its kernel and its input are rounded, one layer at a time.

    Inputs are rounded between the lowest and the highest value in an exact model.
    """
    values = right = pictures
    found = {}
    for layer, exact_layer in zip(model.layers[1:], exact.layers[1:], strict=True):
        if layer.weights:
            twin = type(layer).from_config(layer.get_config())
            twin.build(values.shape)
            kernel, *rest = layer.get_weights()
            twin.set_weights([rounded(kernel, KERNELS[type(layer).__name__]), *rest])
            values = np.asarray(twin(on_256_values(values, right)))
            found[layer.name] = values.mean(axis=tuple(range(values.ndim - 1)))
        else:
            values = np.asarray(layer(values))
        right = np.asarray(exact_layer(right))
    return found


@pytest.mark.parametrize("bias", [True, False], ids=["biases", "a layer without"])
def test_means_come_back_where_inputs_are_rounded_too(bias: bool) -> None:
    pictures = images(8) * np.array([100, 1, 1], np.float32)  # the step of all channels is too coarse for two of them
    exact = network(bias=bias, activation="linear")
    right = means(exact, pictures)
    errors = {}
    for inputs in (False, True):
        model = network(bias=bias, activation="linear")
        correct_biases(model, pictures, rounding=Rounding(inputs=inputs))
        found = all_rounded_means(model, exact, pictures)
        errors[inputs] = {name: np.abs(found[name] - right[name]).max() / np.abs(right[name]).max() for name in right}
    for name in ("first", "third", "last"):
        assert errors[True][name] < 1e-4, name
        assert errors[False][name] > 10 * errors[True][name], name


def test_a_layer_without_bias_is_made_good_by_the_next() -> None:
    model = network(bias=False)
    exact = means(model, images())
    assert len(correct_biases(model, images())) == 3
    np.testing.assert_allclose(rounded_means(model, images())["third"], exact["third"], rtol=1e-5, atol=1e-3)


def test_kernels_change_nowhere() -> None:
    model, untouched = network(), network()
    correct_biases(model, images())
    for layer in untouched.layers:
        if layer.weights:
            np.testing.assert_array_equal(model.get_layer(layer.name).get_weights()[0], layer.get_weights()[0])


def test_kernels_that_stay_exact_need_no_correction() -> None:
    model, untouched = network(), network()
    correct_biases(model, images(), rounds_from=10**6)
    for new, old in zip(model.get_weights(), untouched.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)


def test_a_shared_layer_stays_as_it_is() -> None:
    shared = layers.Conv2D(3, 1, name="shared")
    source = keras.Input((4, 4, 3))
    model = keras.Model(source, shared(shared(source)))
    before = shared.get_weights()
    assert correct_biases(model, images()[:, :4, :4]) == {}
    np.testing.assert_array_equal(shared.get_weights()[1], before[1])
