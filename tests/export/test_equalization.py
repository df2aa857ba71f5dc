"""Channels that are scaled leave a network as it is, and are only where its rounded outputs are nearer for that."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from sepzoo.export import equalization_choice
from sepzoo.export.equalization import equalize, links_of
from sepzoo.export.equalization_choice import divergence, equalize_where_better
from sepzoo.export.rounding import INTEGERS
from sepzoo.records.outputs import Output

layers = keras.layers
SIZE = 10


def images(count: int = 40, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, SIZE, SIZE, 3)).astype(np.float32)


def uneven(model: keras.Model) -> keras.Model:
    """Give layers weights, and the channels of each but the last ranges that lie up to a hundred times apart."""
    generator = np.random.default_rng(5)
    weighted = [layer for layer in model.layers if layer.weights]
    for layer in weighted:
        kernel, *bias = layer.get_weights()
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        shape = kernel.shape[-2:] if depthwise else kernel.shape[-1:]
        sizes = np.ones(shape) if layer is weighted[-1] else 10 ** generator.uniform(-2, 0, shape)
        kernel = generator.normal(0, kernel[..., 0].size ** -0.5, kernel.shape) * sizes
        layer.set_weights([kernel, *(sizes.ravel() * generator.uniform(0, 0.3, each.shape) for each in bias)])
    return model


def chain(*steps: keras.layers.Layer) -> keras.Model:
    """Return a network of layers one after the other, whose channels have uneven ranges."""
    x = source = keras.Input((SIZE, SIZE, 3))
    for step in steps:
        x = step(x)
    return uneven(keras.Model(source, x))


def blocks(
    *, multiplier: int = 1, activation: Callable[[], keras.layers.Layer] = lambda: layers.ReLU(6.0)
) -> keras.Model:
    return chain(
        layers.Conv2D(6, 3, name="first"),
        activation(),
        layers.DepthwiseConv2D(3, depth_multiplier=multiplier, name="second"),
        activation(),
        layers.Conv2D(8, 1, name="third"),
    )


def padded() -> keras.Model:
    return chain(
        layers.Conv2D(6, 3, activation="relu6", use_bias=False, name="first"),
        layers.ZeroPadding2D(((0, 1), (0, 1))),
        layers.DepthwiseConv2D(3, strides=2, activation="relu", name="second"),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dense(5, activation="relu", name="third"),
        layers.Dense(4, name="last"),
    )


def plain() -> keras.Model:
    return chain(layers.Conv2D(6, 1, name="first"), layers.Conv2D(5, 3, name="second"), layers.Dense(3, name="third"))


NETWORKS = {
    "ReLU6": (blocks, ["first", "second"]),
    "two outputs a channel": (lambda: blocks(multiplier=2), ["first", "second"]),
    "ReLU": (lambda: blocks(activation=layers.ReLU), ["first", "second"]),
    "named activations": (lambda: blocks(activation=lambda: layers.Activation("relu6")), ["first", "second"]),
    "padding, pooling, dense": (padded, ["first", "second", "third"]),
    "no activation": (plain, ["first", "second"]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_what_it_did(name: str) -> None:
    build, producers = NETWORKS[name]
    model = build()
    before = model.predict(images(), verbose=0)
    factors = equalize(model, images())
    assert list(factors) == producers
    assert all((each >= 1).all() and each.max() > 2 for each in factors.values())
    after = model.predict(images(), verbose=0)
    np.testing.assert_allclose(after, before, atol=1e-5 * np.abs(before).max())


def peaks(model: keras.Model, name: str) -> np.ndarray:
    """Return the largest value that each channel of a layer reaches."""
    return keras.Model(model.inputs, model.get_layer(name).output).predict(images(), verbose=0).max(axis=(0, 1, 2))


def test_weights_are_multiplied_and_divided_channel_by_channel() -> None:
    model, own = blocks(multiplier=2), blocks(multiplier=2)
    factors = equalize(model, images())
    first = np.clip(0.95 * 6 / peaks(own, "first"), 1, 50)
    second = np.sqrt(np.clip(0.95 * 6 / peaks(own, "second"), 1, 50))
    np.testing.assert_allclose(factors["first"], first, rtol=1e-5)
    np.testing.assert_allclose(factors["second"], second, rtol=1e-5)
    kernels = {name: own.get_layer(name).get_weights()[0].copy() for name in ("first", "second", "third")}
    for channel in range(6):
        kernels["first"][..., channel] *= first[channel]
        kernels["second"][:, :, channel] /= first[channel]
        for output in range(2):
            kernels["second"][:, :, channel, output] *= second[2 * channel + output]
    for channel in range(12):
        kernels["third"][:, :, channel] /= second[channel]
    for name, kernel in kernels.items():
        np.testing.assert_allclose(model.get_layer(name).get_weights()[0], kernel, rtol=1e-5)
    bias = own.get_layer("second").get_weights()[1] * second
    np.testing.assert_allclose(model.get_layer("second").get_weights()[1], bias, rtol=1e-5)


@pytest.mark.parametrize("activation", [lambda: layers.ReLU(6.0), layers.ReLU], ids=["ReLU6", "ReLU"])
def test_before_a_depthwise_layer_channels_reach_the_bound_and_do_not_pass_it(
    activation: Callable[[], keras.layers.Layer],
) -> None:
    model = blocks(activation=activation)
    before = peaks(model, "first")
    bound = before.max() if activation is layers.ReLU else 0.95 * 6
    factor = equalize(model, images())["first"]
    after = peaks(model, "first")
    assert (after < bound * (1 + 1e-5)).all()
    np.testing.assert_allclose(after[factor < 50], bound, rtol=1e-4)
    assert (factor < 50).sum() >= 3


def test_channels_at_the_bound_that_never_fire_or_never_vary_stay() -> None:
    model = blocks()
    kernel, bias = model.get_layer("first").get_weights()
    kernel[..., 0], bias[0] = 0, -1
    kernel[..., 1], bias[1] = 1e-6, 0.5
    bias[2] += 5.8
    model.get_layer("first").set_weights([kernel, bias])
    factors = equalize(model, images())["first"]
    assert (factors[:3] == 1).all()
    assert (factors[3:] > 1).all()


def functional(build: Callable[[keras.KerasTensor, dict[str, keras.layers.Layer]], object]) -> keras.Model:
    source = keras.Input((SIZE, SIZE, 3))
    known = {
        "first": layers.Conv2D(3, 1, activation="relu", name="first"),
        "second": layers.DepthwiseConv2D(3, padding="same", name="second"),
        "third": layers.Conv2D(3, 1, name="third"),
    }
    return uneven(keras.Model(source, build(source, known)))


def grouped(x: keras.KerasTensor, known: dict[str, keras.layers.Layer]) -> object:
    return layers.Conv2D(6, 3, groups=3)(known["first"](x))


ALONE: dict[str, Callable[[keras.KerasTensor, dict[str, keras.layers.Layer]], object]] = {
    "two who read it": lambda x, known: layers.Concatenate()(
        [known["second"](y := known["first"](x)), known["third"](y)]
    ),
    "a residual addition": lambda x, known: layers.Add()([x, known["first"](x)]),
    "an output in the middle": lambda x, known: [y := known["first"](x), known["second"](y)],
    "called twice": lambda x, known: known["first"](known["first"](x)),
    "read twice by one": lambda x, known: known["second"](known["second"](known["first"](x))),
    "another activation": lambda x, known: known["second"](layers.Activation("swish")(known["first"](x))),
    "a slope": lambda x, known: known["second"](layers.ReLU(negative_slope=0.1)(known["first"](x))),
    "a threshold": lambda x, known: known["second"](layers.ReLU(threshold=0.1)(known["first"](x))),
    "channels that move": lambda x, known: layers.Dense(2)(layers.Flatten()(known["first"](x))),
    "groups": grouped,
}


@pytest.mark.parametrize("name", ALONE)
def test_what_cannot_be_scaled_stays(name: str) -> None:
    model = functional(ALONE[name])
    before = model.get_weights()
    assert links_of(model) == []
    assert equalize(model, images()) == {}
    for new, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, old)


def test_equal_weights_stay_equal_and_zeros_zero() -> None:
    model = blocks()
    kernel, bias = model.get_layer("second").get_weights()
    kernel[0, 1] = 0
    model.get_layer("second").set_weights([kernel, bias])
    third, bias = model.get_layer("third").get_weights()
    clustered = np.round(third / np.abs(third).max() * 3) / 3
    model.get_layer("third").set_weights([clustered, bias])
    assert list(equalize(model, images())) == ["first"]
    assert (model.get_layer("second").get_weights()[0][0, 1] == 0).all()
    np.testing.assert_array_equal(model.get_layer("third").get_weights()[0], clustered)


def test_scaled_channels_are_kept_only_where_the_rounded_outputs_are_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [Output("values")]
    model = blocks()
    before = model.get_weights()
    found = iter([1.0, 1.0, 2.0, 2.5, 2.0, 1.9])
    monkeypatch.setattr(equalization_choice, "divergence", lambda *_: next(found))
    for _ in range(2):  # as near, then farther
        assert not equalize_where_better(model, images(), values, rounding=INTEGERS)
        for new, old in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(new, old)
    assert equalize_where_better(model, images(), values, rounding=INTEGERS)
    scaled = blocks()
    equalize(scaled, images())
    for new, old in zip(model.get_weights(), scaled.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_of_several_outputs_none_may_get_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [Output("values"), Output("values")]
    keras.utils.set_random_seed(0)
    model = blocks()
    model = keras.Model(model.inputs, [model.output, layers.Dense(2)(model.output)])
    for found, better in (([2, 2, 1, 2], True), ([2, 2, 1, 3], False), ([2, 2, 2, 2], False)):
        left = iter(found)
        monkeypatch.setattr(equalization_choice, "divergence", lambda *_, left=left: next(left))
        assert equalize_where_better(model, images(), both, rounding=INTEGERS) == better


def test_divergence_is_that_of_the_outputs_kind() -> None:
    p, q = np.array([[0.2, 0.8]]), np.array([[0.5, 0.5]])
    right = 0.2 * np.log(0.2 / 0.5) + 0.8 * np.log(0.8 / 0.5)
    assert divergence(Output("softmax"), p, q) == pytest.approx(right)
    assert divergence(Output("sigmoid"), p[:, :1], q[:, :1]) == pytest.approx(right)
    assert divergence(Output("multilabel"), p, q) == pytest.approx(2 * right)
    assert divergence(Output("values"), p, q) == pytest.approx(0.18 / 0.68)
