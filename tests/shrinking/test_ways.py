"""Each way against the profile of what it becomes, and against Keras's own convolution."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.analysis import profile
from sepzoo.shrinking.building import build
from sepzoo.shrinking.known_ways import way_of
from sepzoo.shrinking.network import Network, network_of
from sepzoo.shrinking.steps import total_macs
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
