from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo import SepzooError
from sepzoo.records.outputs import Output
from sepzoo.shrinking import Budget, shrink
from sepzoo.shrinking.building import build
from sepzoo.shrinking.distilling import distilled
from sepzoo.shrinking.network import network_of
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


def test_no_epoch_changes_nothing(network: keras.Model, pictures: np.ndarray) -> None:
    inputs = model_inputs(network, pictures)
    same, told = distilled(network, network, inputs, (Output("softmax"),), epochs=0)
    assert told == (pytest.approx(0.0, abs=1e-6),)
    assert all(np.array_equal(*pair) for pair in zip(same.get_weights(), network.get_weights(), strict=True))


def test_epochs_are_a_number(network: keras.Model, pictures: np.ndarray) -> None:
    with pytest.raises(SepzooError, match=r"expected distil as a number of epochs, 0 or more\. Received: -1\."):
        shrink(network, budget=Budget(macs="50%"), samples=pictures, distil=-1)
