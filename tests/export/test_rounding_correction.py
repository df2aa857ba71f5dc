"""Corrected biases keep the means of a network whose weights are rounded."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from sepzoo.export.rounding import Rounding
from sepzoo.export.rounding_correction import _count, correct_rounding
from sepzoo.surgery.algebra.rounding import rounded

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


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_means_come_back(activation: str) -> None:
    model = network(activation=activation)
    exact, before = means(model, images()), rounded_means(model, images())
    assert len(correct_rounding(model, images())) == 4
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
        correct_rounding(model, pictures, rounding=Rounding(inputs=inputs))
        found = all_rounded_means(model, exact, pictures)
        errors[inputs] = {name: np.abs(found[name] - right[name]).max() / np.abs(right[name]).max() for name in right}
    for name in ("first", "third", "last"):
        assert errors[True][name] < 1e-4, name
        assert errors[False][name] > 10 * errors[True][name], name


def test_a_layer_without_bias_is_made_good_by_the_next() -> None:
    model = network(bias=False)
    exact = means(model, images())
    assert len(correct_rounding(model, images())) == 3
    np.testing.assert_allclose(rounded_means(model, images())["third"], exact["third"], rtol=1e-5, atol=1e-3)


def test_kernels_change_nowhere() -> None:
    model, untouched = network(), network()
    correct_rounding(model, images())
    for layer in untouched.layers:
        if layer.weights:
            np.testing.assert_array_equal(model.get_layer(layer.name).get_weights()[0], layer.get_weights()[0])


def test_kernels_that_stay_exact_need_no_correction() -> None:
    model, untouched = network(), network()
    correct_rounding(model, images(), rounds_from=10**6)
    for new, old in zip(model.get_weights(), untouched.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)


def test_a_shared_layer_stays_as_it_is() -> None:
    shared = layers.Conv2D(3, 1, name="shared")
    source = keras.Input((4, 4, 3))
    model = keras.Model(source, shared(shared(source)))
    before = shared.get_weights()
    assert correct_rounding(model, images()[:, :4, :4]) == {}
    np.testing.assert_array_equal(shared.get_weights()[1], before[1])


def errors_on(pictures: np.ndarray, *, by_outputs: bool, rounding: Rounding) -> float:
    """Return the variance of what a rounded and corrected network's outputs differ by from the exact ones."""
    model, exact = network(), network()
    own = correct_rounding(model, images(64), rounding=dataclasses.replace(rounding, by_outputs=by_outputs))
    assert list(own) == [layer.name for layer in exact.layers if layer.weights]
    for layer in model.layers:
        if layer.weights:
            kernel, *rest = layer.get_weights()
            for kept, before in zip(own[layer.name], exact.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(kept, before)
            axes = KERNELS[type(layer).__name__] if rounding.per_channel else ()
            largest = rounding.depthwise if layer.name == "second" else rounding.largest
            layer.set_weights([rounded(kernel, axes, largest=largest or 2**23), *rest])
    return float(np.var(model.predict(pictures, verbose=0) - exact.predict(pictures, verbose=0)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "rounding",
    [Rounding(), Rounding(per_channel=False), Rounding(largest=7), Rounding(largest=7, depthwise=None)],
    ids=["8 bits", "one step", "4 bits", "4 bits and floats"],
)
def test_outputs_of_other_samples_err_less_where_kernels_are_rounded_by_outputs(rounding: Rounding) -> None:
    others = np.random.default_rng(7).uniform(-1, 1, (64, 12, 12, 3)).astype(np.float32) + np.float32(0.3)
    ours, nearest = (errors_on(others, by_outputs=each, rounding=rounding) for each in (True, False))
    assert ours < nearest


def test_who_rounds_to_the_nearest_finds_the_kernels_as_they_are() -> None:
    model = network()
    correct_rounding(model, images(), rounding=Rounding(by_outputs=True))
    for layer in model.layers:
        if layer.weights:
            kernel = layer.get_weights()[0]
            np.testing.assert_allclose(rounded(kernel, KERNELS[type(layer).__name__]), kernel, rtol=1e-6)


def test_equal_weights_stay_equal_and_zeros_zero() -> None:
    model = network()
    kernel, bias = model.get_layer("third").get_weights()
    clustered = np.round(kernel / np.abs(kernel).max() * 6) / 6 * np.abs(kernel).max()
    model.get_layer("third").set_weights([clustered, bias])
    pruned, bias = model.get_layer("first").get_weights()
    pruned[0, 1] = 0
    model.get_layer("first").set_weights([pruned, bias])
    correct_rounding(model, images(), rounding=Rounding(by_outputs=True))
    found = model.get_layer("third").get_weights()[0]
    np.testing.assert_allclose(found, rounded(clustered, (-1,)), rtol=1e-6)
    assert (model.get_layer("first").get_weights()[0][0, 1] == 0).all()


def test_convolutions_in_groups_and_layers_along_one_axis_are_rounded_too() -> None:
    source = keras.Input((6, 40))
    x = layers.Dense(6, name="steps", activation="relu")(source)
    x = layers.Conv2D(6, 3, groups=2, name="grouped", padding="same")(layers.Reshape((6, 3, 2))(x))
    model = keras.Model(source, x)
    samples = np.random.default_rng(0).normal(size=(20, 6, 40)).astype("float32").cumsum(axis=2)  # alike side by side
    own = correct_rounding(model, samples, rounding=Rounding(by_outputs=True))
    steps, grouped = (model.get_layer(name).get_weights()[0] for name in ("steps", "grouped"))
    np.testing.assert_allclose(rounded(steps, (-1,)), steps, rtol=1e-6)
    assert np.abs(steps - rounded(own["steps"][0], (-1,))).max() > 0
    np.testing.assert_allclose(grouped, rounded(own["grouped"][0], (-1,)), rtol=1e-6)


def test_fewer_samples_are_looked_at_where_they_are_large() -> None:
    source = keras.Input((2048, 2048, 3))
    model = keras.Model(source, layers.Conv2D(32, 1)(source))
    assert _count(model, 200) == 16
    assert _count(network(), 200) == 128
    assert _count(network(), 20) == 20
