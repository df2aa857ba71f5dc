"""Each way against the profile of what it becomes, and against Keras's own convolution."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.analysis import profile
from sepzoo.records.outputs import Output
from sepzoo.shrinking import channel_moments, measuring
from sepzoo.shrinking.building import build
from sepzoo.shrinking.candidates import ways_for
from sepzoo.shrinking.divergence import answers, divergence
from sepzoo.shrinking.known_ways import way_of
from sepzoo.shrinking.measuring import score
from sepzoo.shrinking.network import Network, network_of
from sepzoo.shrinking.settings import TECHNIQUES
from sepzoo.shrinking.steps import total_macs
from sepzoo.shrinking.ways import Fits
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import ModelInputs, model_inputs


@pytest.fixture(scope="module")
def wide() -> tuple[keras.Model, ModelInputs]:
    """A network of one 5 x 5, one strided 3 x 3 and one 1 x 1 convolution, and samples."""
    keras.utils.set_random_seed(1)
    layers = [
        keras.layers.Conv2D(8, 5, padding="same", name="five"),
        keras.layers.Conv2D(12, 3, strides=2, padding="same", name="three"),
        keras.layers.Conv2D(10, 1, name="one"),
    ]
    model = keras.Sequential([keras.Input((9, 10, 6)), *layers], name="wide")
    samples = np.random.default_rng(0).normal(size=(24, 9, 10, 6))
    return model, model_inputs(model, samples)


@pytest.fixture(scope="module")
def looked_at(wide: tuple[keras.Model, ModelInputs]) -> Network:
    return network_of(*wide, prune=False)


@pytest.fixture(scope="module")
def windows() -> tuple[keras.Model, ModelInputs]:
    """A network of 5 x 5 depthwise convolutions, with and without strides, a bias and several outputs a channel."""
    keras.utils.set_random_seed(2)
    layers = [
        keras.layers.DepthwiseConv2D(5, padding="same", activation="relu", bias_initializer="normal", name="one"),
        keras.layers.DepthwiseConv2D(
            5, strides=2, padding="same", depth_multiplier=2, use_bias=False, activation="relu", name="two"
        ),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(24, activation="relu", name="wide"),
        keras.layers.Dense(3, name="head"),
    ]
    model = keras.Sequential([keras.Input((10, 9, 6)), *layers], name="windows")
    samples = np.random.default_rng(0).normal(size=(24, 10, 9, 6))
    return model, model_inputs(model, samples + 1)


def test_a_smaller_depthwise_window_is_the_best_one(windows: tuple[keras.Model, ModelInputs]) -> None:
    """Against a least-squares fit of Keras's own patches, channel by channel."""
    model, inputs = windows
    x = inputs.arrays[0]
    network = network_of(model, inputs, prune=False)
    assert {each.name: [str(way) for way in ways_for(each, ["smaller"])] for each in network.layers} == {
        "one": ["depthwise 3 x 3"],
        "two": ["depthwise 3 x 3"],
        "wide": [],
        "head": [],
    }
    # All places, so that both look at the same ones:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channel_moments, "PLACES", 1000)
        built = build(network, {"two": "depthwise 3 x 3"}, (), inputs)
    hidden = np.asarray(model.get_layer("one")(x))
    right = np.asarray(keras.ops.depthwise_conv(hidden, model.get_layer("two").kernel, strides=2, padding="same"))
    new = built.model.get_layer("two")
    assert new.kernel.shape == (3, 3, 6, 2)
    found = np.asarray(keras.ops.depthwise_conv(hidden, new.kernel, strides=2, padding="same")) + new.bias
    for output in range(12):
        channel = hidden[..., [output // 2]]
        patches = np.asarray(keras.ops.image.extract_patches(channel, (5, 5), strides=2, padding="same"))
        patches = patches.reshape(-1, 5, 5)[:, 1:-1, 1:-1].reshape(-1, 9)
        columns = np.column_stack([patches, np.ones(len(patches))])
        wanted = right[..., output].ravel()
        best = np.mean((columns @ np.linalg.lstsq(columns, wanted, rcond=None)[0] - wanted) ** 2)
        assert np.mean((found[..., output].ravel() - wanted) ** 2) == pytest.approx(best, rel=1e-3)
    before = profile(network.model).macs
    assert profile(built.model).macs == before - 16 * right[0].size
    assert {each.layer for each in built.layers} == {"two", "wide", "head"}


def test_a_dense_layer_of_low_rank(windows: tuple[keras.Model, ModelInputs]) -> None:
    model, inputs = windows
    network = network_of(model, inputs, prune=False)
    place = next(each for each in network.layers if each.name == "wide")
    names = [str(way) for way in ways_for(place, ["lowrank"])]
    assert all(name.startswith("dense_rank ") for name in names)
    assert max(int(name.split()[1]) for name in names) < 12 * 24 / (12 + 24)
    built = build(network, {"wide": names[-1]}, (), inputs)
    rank = int(names[-1].split()[1])
    assert [each.kernel.shape for each in built.model.layers if each.name.startswith("wide") and each.weights] == [
        (12, rank),
        (rank, 24),
    ]
    assert profile(built.model).macs == profile(network.model).macs - 12 * 24 + rank * (12 + 24)
    exact = build(network, {"wide": "dense_rank 12"}, (), inputs).model
    wanted, found = (np.asarray(each(inputs.arrays[0])) for each in (model, exact))
    assert np.abs(wanted - found).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.slow
def test_what_these_ways_do_is_known_before(windows: tuple[keras.Model, ModelInputs]) -> None:
    model, inputs = windows
    network = network_of(model, inputs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "TRIALS", 12)
        found = score(network, inputs, inputs, [Output("values")], techniques=TECHNIQUES, integers=True)
    ways = {each.way for item in found.items for each in item.candidates}
    assert {"depthwise 3 x 3"} < ways
    assert any(way.startswith("dense_rank") for way in ways)
    right = answers(model, inputs)
    for layer in ("one", "two"):
        item = next(each for each in found.items if each.layer == layer)
        expected = next(
            each.error for each in item.candidates if each.way == "depthwise 3 x 3" and not any(each.levels)
        )
        built = build(network, {layer: "depthwise 3 x 3"}, (0,) * len(network.groups), inputs)
        assert expected == pytest.approx(divergence([Output("values")], right, answers(built.model, inputs)), rel=0.6)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("three", "pw_dw 3"),
        ("three", "dw_pw 2"),
        ("three", "bsconv_u"),
        ("three", "bsconv_s 3"),
        ("three", "rank 4"),
        ("three", "spatial 5"),
        ("five", "3 x 3"),
        ("one", "rank 3"),
        ("three", "rank 40"),  # more than there is room for, as where channels have gone
        ("three", "spatial 30"),
        ("three", "bsconv_s 20"),
    ],
)
def test_costs_are_those_of_the_profile_and_the_stated_kernel_is_what_runs(
    wide: tuple[keras.Model, ModelInputs], looked_at: Network, layer: str, name: str
) -> None:
    _model, inputs = wide
    place = next(each for each in looked_at.layers if each.name == layer)
    kernel = place.channels.layer.kernel.shape
    others = sum(each.macs for each in profile(looked_at.model).layers if each.name != layer)
    built = build(looked_at, {layer: name}, (), inputs)
    way = way_of(name)
    assert str(way) == name
    assert way.applies(place.windows[0])
    expected = total_macs(way.steps(place.windows[0], kernel[2], kernel[3]))
    assert profile(built.model).macs == others + expected  # the walk has verified the new layers' kernel


def test_full_rank_changes_nothing(wide: tuple[keras.Model, ModelInputs], looked_at: Network) -> None:
    model, inputs = wide
    given = inputs.arrays[0]
    built = build(looked_at, {"one": "rank 10", "three": "dw_pw 9"}, (), inputs)
    wanted, found = (np.asarray(each(given)) for each in (model, built.model))
    assert np.abs(wanted - found).max() < 1e-4 * np.abs(wanted).max()
    assert all(each.error < 1e-6 for each in built.layers)


def test_the_fit_is_better_than_the_decomposed_kernel(
    wide: tuple[keras.Model, ModelInputs], looked_at: Network
) -> None:
    from sepzoo.surgery import decouple

    model, inputs = wide
    given = inputs.arrays[0]
    fitted = build(looked_at, {"five": "dw_pw 2", "three": "dw_pw 2"}, (), inputs).model
    plain = decouple(model, terms=2, order="dw_pw")[0]
    wanted = np.asarray(model(given))
    errors = [float(np.mean((np.asarray(each(given)) - wanted) ** 2)) for each in (fitted, plain)]
    assert errors[0] < 0.9 * errors[1]


@pytest.mark.parametrize("name", ["spatial 5", "rank 4", "bsconv_s 3", "bsconv_u", "dw_pw 2", "pw_dw 2"])
def test_what_is_looked_at_first_is_near_what_is_carried_out(
    wide: tuple[keras.Model, ModelInputs], looked_at: Network, name: str
) -> None:
    """The kernel by which a way is judged errs about as much as the one that is built, and never more than nothing."""
    place = next(each for each in looked_at.layers if each.name == "three")
    assert place.record is not None
    moments = looked_at.moments(place, LayerInputs(looked_at.model, wide[1]))
    fits = Fits(place.record, moments)
    looked, carried_out = (moments.error(each) for each in (way_of(name).kernel(fits), way_of(name).made(fits).kernel))
    assert carried_out <= looked * 1.001 < 1
    assert looked < 1.5 * carried_out
