"""Models of several inputs are fitted to samples of all of them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo import surgery
from sepzoo.artifact.model_file import attach
from sepzoo.data.samples import Samples
from sepzoo.records.inputs import Features, Input
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.walk.model_inputs import model_inputs

layers = keras.layers
SIZE = (8, 8)


def network(inputs, source):
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="conv1")(source)
    x = layers.BatchNormalization(name="bn1")(layers.Conv2D(12, 3, padding="same", name="conv2")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="relu")(x))
    return keras.Model(inputs, layers.Dense(3, name="fc")(x), name="net")


@pytest.fixture
def pair(randomize):
    """The same network of two inputs, which it joins, and of one, which is both."""
    near, far = keras.Input((*SIZE, 2), name="near"), keras.Input((*SIZE, 4), name="far")
    two = randomize(network({"near": near, "far": far}, layers.Concatenate(name="join")([near, far])))
    whole = keras.Input((*SIZE, 6), name="whole")
    one = network(whole, whole)
    one.set_weights(two.get_weights())
    return two, one


def arrays(count=24):
    random = np.random.default_rng(1)
    return {"far": random.normal(size=(count, *SIZE, 4)), "near": random.normal(size=(count, *SIZE, 2))}


@pytest.mark.parametrize(
    "operation",
    [
        lambda model, data: surgery.decouple(model, macs=0.6, data=data),
        lambda model, data: surgery.decouple(model, terms=2, data=data),
        lambda model, data: surgery.decompose_spatially(model, ratio=2.0, data=data),
        lambda model, data: surgery.decompose_channels(model, ratio=2.0, data=data),
        lambda model, data: surgery.recalibrate_batch_norm(model, data),
        lambda model, data: surgery.prune_channels(model, macs=0.6, data=data),
        lambda model, data: surgery.prune_channels(model, macs=0.6, data=data, importance="taylor"),
    ],
    ids=["decouple macs", "decouple terms", "spatial", "channels", "recalibrate", "prune", "prune by taylor"],
)
def test_the_result_is_that_of_one_input_which_is_both(pair, operation):
    two, one = pair
    given = arrays()
    joined = np.concatenate([given["near"], given["far"]], axis=-1)
    (new, report), (wanted, wanted_report) = operation(two, given), operation(one, joined)
    assert len(new.weights) == len(wanted.weights)
    for found, right in zip(new.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_allclose(found, right, atol=1e-4)
    assert report.changes
    assert report.comparison.samples == wanted_report.comparison.samples == 24
    np.testing.assert_allclose(report.comparison.sample_error, wanted_report.comparison.sample_error, atol=1e-4)
    assert [tensor.name for tensor in new.inputs] == ["far", "near"]


def test_pixels_are_normalized_each_as_the_model_says(pair):
    two, _one = pair
    random = np.random.default_rng(0)
    images = {"near": random.integers(0, 256, (5, *SIZE, 2), np.uint8), "far": random.normal(size=(5, *SIZE, 4))}
    samples = Samples(images, None, origin="noise", seed=0)
    with pytest.raises(SepzooError, match=r"how pixels become its input\. Received: 'net', input 'near' without"):
        model_inputs(two, samples)
    said = (Input("near", Preprocessing(mean=(9.0,), std=(7.0,))), Input("far", Features((*SIZE, 4))))
    attach(two, Metadata("net", preprocessing=None, several=said))
    far, near = model_inputs(two, samples).arrays
    np.testing.assert_allclose(near, (images["near"] - 9.0) / 7.0, atol=1e-5)
    np.testing.assert_allclose(far, images["far"], atol=1e-6)
    attach(two, Metadata("net", preprocessing=Preprocessing(mean=(3.0,), std=(2.0,))))
    _far, near = model_inputs(two, samples).arrays
    np.testing.assert_allclose(near, (images["near"] - 3.0) / 2.0, atol=1e-5)


def test_whole_numbers_stay_whole_and_a_column_is_one_number_a_sample():
    words, age = keras.Input((4,), dtype="int32", name="words"), keras.Input((1,), name="age")
    x = layers.Concatenate()([layers.Flatten()(layers.Embedding(2**25, 1)(words)), age])
    model = keras.Model([words, age], layers.Dense(2)(x))
    ids, ages = model_inputs(model, {"words": np.full((3, 4), 2**24 + 1), "age": np.arange(3.0)}).arrays
    assert ids.tolist() == [[2**24 + 1] * 4] * 3  # which float32 has not
    assert ages.shape == (3, 1)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda given: given.pop("far"),
            "samples of each input of 'net', far, near. Received: near. Pass a",
        ),
        (lambda given: given.update(x=given["far"]), "far, near. Received: far, near, x."),
        (
            lambda given: given.update(far=given["far"][:5]),
            "many samples for each input of 'net'. Received: far: 5, near: 24",
        ),
        (lambda given: given.update(far=given["near"]), "of shape (n, 8, 8, 4) for 'net', input 'far', at least one."),
    ],
)
def test_samples_that_do_not_fit(pair, change, text):
    given = arrays()
    change(given)
    with pytest.raises(SepzooError) as caught:
        surgery.decouple(pair[0], terms=2, data=given)
    assert text in str(caught.value)
    with pytest.raises(SepzooError, match=r"Received: one array of shape \(2, 8, 8, 6\)"):
        surgery.decouple(pair[0], terms=2, data=np.zeros((2, 8, 8, 6)))
