from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo import SepzooError
from sepzoo.compression.rounding import rounding
from sepzoo.data.samples import Samples
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.inference.keras_model import from_model
from sepzoo.records.outputs import Output
from sepzoo.shrinking import Budget, shrink
from sepzoo.shrinking.building import build
from sepzoo.shrinking.distilling import distilled
from sepzoo.shrinking.network import network_of
from sepzoo.surgery.exact.rounding_layers import rounds
from sepzoo.surgery.walk.model_inputs import model_inputs


def test_answers_come_nearer(network: keras.Model, pictures: np.ndarray) -> None:
    inputs = model_inputs(network, pictures)
    whole = network_of(network, inputs, prune=False)
    student = build(whole, {"inner": "pw_dw 1", "down": "rank 4"}, (), inputs).model
    before = [each.copy() for each in student.get_weights()]
    trained, told = distilled(student, whole.model, inputs, (Output("softmax"),), epochs=6)
    assert len(told) == 7
    assert min(told) < 0.8 * told[0]
    assert all(np.array_equal(*pair) for pair in zip(before, student.get_weights(), strict=True))
    right, found = (each.predict(pictures, verbose=0).astype("float64") for each in (network, trained))
    divergence = np.mean(np.sum(right * np.log(right / found), axis=1))  # of all samples, which are those compared
    assert divergence == pytest.approx(min(told), rel=1e-3)


def test_the_unit_of_the_inputs_makes_no_difference(network: keras.Model, pictures: np.ndarray) -> None:
    """A kernel behind pixels of 0 to 255 is so much shorter, and learns as much of itself."""
    told = []
    for unit in (1.0, 255.0):
        other = keras.models.clone_model(network)
        other.set_weights(network.get_weights())
        stem = other.get_layer("stem")
        stem.set_weights([stem.get_weights()[0] / unit])
        inputs = model_inputs(other, pictures * unit)
        whole = network_of(other, inputs, prune=False)
        student = build(whole, {"inner": "pw_dw 1"}, (), inputs).model
        told.append(distilled(student, whole.model, inputs, (Output("softmax"),), epochs=4)[1])
    assert min(abs(each - told[0][0]) for each in told[0][1:]) > 0.1 * told[0][0]
    assert told[1] == pytest.approx(told[0], rel=0.01)


def test_a_network_for_an_int8_file_learns_with_its_rounding(network: keras.Model, pictures: np.ndarray) -> None:
    inputs, samples = model_inputs(network, pictures), Samples(pictures, None, origin="noise", seed=0)
    whole = network_of(network, inputs, prune=False)
    student = build(whole, {"inner": "pw_dw 1"}, (), inputs).model
    rounded = rounding(saying_inputs(from_model(student), samples), samples)[1]
    trained, told = distilled(student, whole.model, inputs, (Output("softmax"),), epochs=6, learning=rounded)
    assert rounds(trained)
    assert min(told) < 0.95 * told[0]
    right, found = (each.predict(pictures, verbose=0).astype("float64") for each in (network, trained))
    assert np.mean(np.sum(right * np.log(right / found), axis=1)) == pytest.approx(min(told), rel=1e-3)


@pytest.mark.nightly
def test_an_int8_file_answers_nearer_after_distillation(network: keras.Model, pictures: np.ndarray) -> None:
    lessons = np.tile(pictures, (4, 1, 1, 1))
    settings = {"budget": Budget(macs="60%", kib="99%"), "samples": pictures, "techniques": ["decouple"]}
    before, after = (shrink(network, distil=epochs, lessons=lessons, **settings)[1] for epochs in (0, 12))
    assert after.comparison.kl_divergence < 0.95 * before.comparison.kl_divergence
    assert after.measured["macs"] == before.measured["macs"]
    assert after.measured["kib"] <= after.limits["kib"]


def test_no_epoch_changes_nothing(network: keras.Model, pictures: np.ndarray) -> None:
    inputs = model_inputs(network, pictures)
    same, told = distilled(network, network, inputs, (Output("softmax"),), epochs=0)
    assert told == (pytest.approx(0.0, abs=1e-6),)
    assert all(np.array_equal(*pair) for pair in zip(same.get_weights(), network.get_weights(), strict=True))


def test_epochs_are_a_number(network: keras.Model, pictures: np.ndarray) -> None:
    with pytest.raises(SepzooError, match=r"expected distil as a number of epochs, 0 or more\. Received: -1\."):
        shrink(network, budget=Budget(macs="50%"), samples=pictures, distil=-1)
