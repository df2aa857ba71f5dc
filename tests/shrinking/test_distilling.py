from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from sepzoo import SepzooError
from sepzoo.data.samples import Samples
from sepzoo.inference import open as open_file
from sepzoo.inference.keras_model import KerasClassifier, from_model
from sepzoo.records.outputs import Output
from sepzoo.shrinking import Budget, distilling, shrink
from sepzoo.shrinking.building import build
from sepzoo.shrinking.distilling import common_blocks, distilled
from sepzoo.shrinking.files import Reference
from sepzoo.shrinking.forms import Forms, attach_said
from sepzoo.shrinking.network import network_of
from sepzoo.shrinking.work import Work
from sepzoo.surgery.exact.rounding_layers import rounds
from sepzoo.surgery.walk.model_inputs import model_inputs


def learned(
    network: keras.Model, pictures: np.ndarray, ways: dict[str, str], epochs: int
) -> tuple[keras.Model, keras.Model, tuple[float, ...]]:
    """Return a network with other ways in some layers, what it is after distillation, and what was told of that."""
    inputs = model_inputs(network, pictures)
    whole = network_of(network, inputs, prune=False)
    student = build(whole, ways, (), inputs).model
    before = [each.copy() for each in student.get_weights()]
    trained, told = distilled(student, whole.model, inputs, (Output("softmax"),), epochs=epochs)
    assert all(np.array_equal(*pair) for pair in zip(before, student.get_weights(), strict=True))
    return student, trained, told


def divergence(right: np.ndarray, found: np.ndarray) -> float:
    right, found = right.astype("float64"), found.astype("float64")
    return float(np.mean(np.sum(right * np.log(right / found), axis=1)))


@pytest.mark.slow
def test_answers_come_nearer(network: keras.Model, pictures: np.ndarray) -> None:
    student, trained, told = learned(network, pictures, {"inner": "pw_dw 1", "down": "rank 4"}, epochs=6)
    assert len(told) == 7
    assert min(told) < 0.8 * told[0]
    before, right, found = (each.predict(pictures, verbose=0) for each in (student, network, trained))
    assert divergence(right, before) == pytest.approx(told[0], rel=1e-3)
    assert divergence(right, found) == pytest.approx(min(told), rel=1e-3)  # of all samples, which are those compared


@pytest.mark.slow
def test_the_unit_of_the_inputs_makes_no_difference(
    tiny: keras.Model, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel behind pixels of 0 to 255 is so much shorter, and learns as much of itself."""
    monkeypatch.setattr(distilling, "highest_rate", lambda distance: 2e-3)  # these answers are near
    other = keras.models.clone_model(tiny)
    other.set_weights(tiny.get_weights())
    kernel, bias = other.get_layer("stem").get_weights()
    other.get_layer("stem").set_weights([kernel / 255, bias])
    one, many = (
        learned(*each, {"inner": "pw_dw 1"}, epochs=12)[2] for each in ((tiny, pictures), (other, pictures * 255))
    )
    changes = np.diff(one)
    assert np.abs(changes).max() > 0.005 * one[0]
    assert np.diff(many) == pytest.approx(changes, abs=0.02 * np.abs(changes).max())


@dataclasses.dataclass(frozen=True, eq=False)
class Deployed:
    """A network for an int8 file, before and after distillation."""

    work: Work
    original: KerasClassifier
    student: Forms
    teacher: Forms
    trained: KerasClassifier
    told: tuple[float, ...]


@pytest.fixture(scope="module")
def deployed(pictures: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """Of logits and probabilities in this order, of names that TensorFlow refuses, with a dropout and a multiplier."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="my image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="_stem")(image)
    x = layers.Conv2D(8, 3, padding="same", name="my layer")(x)
    x = layers.Dropout(0.5, name="drop")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu", name="wide")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    last = layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(stddev=8), name="z")(x)
    first = layers.Dense(2, activation="softmax", name="a b")(x)
    model = keras.Model(image, [last, first], name="two")
    samples = Samples(pictures, None, origin="noise", seed=0)
    original = from_model(model, outputs={"z": "logits"})
    work = Work(
        Reference(original, samples),
        "tflite:int8",
        samples,
        ("decouple",),
        tmp_path_factory.mktemp("distilling"),
        epochs=2,
    )
    inputs = model_inputs(model, pictures)
    whole = network_of(model, inputs, prune=False)
    student, teacher = work.forms(build(whole, {"my layer": "pw_dw 1"}, (), inputs).model), work.forms(whole.model)
    trained, told = distilled(
        student.plain.model,
        teacher.plain.model,
        inputs,
        teacher.plain.outputs,
        epochs=work.epochs,
        learning=student.learning.model,
    )
    return Deployed(work, original, student, teacher, dataclasses.replace(student.learning, model=trained), told)


@pytest.mark.slow
def test_a_network_for_an_int8_file_learns_with_its_rounding(deployed: Deployed, pictures: np.ndarray) -> None:
    """Held against the original: softmax of its logits, its outputs by their names."""
    logits, first = (each.astype("float64") for each in deployed.original.model.predict(pictures, verbose=0))
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    right = {"z": scores / scores.sum(axis=1, keepdims=True), "a_b": first}
    for model, told in (
        (deployed.student.learning.model, deployed.told[0]),
        (deployed.trained.model, min(deployed.told)),
    ):
        found = model.predict(pictures, verbose=0)
        assert rounds(model)
        assert sum(divergence(right[name], found[name]) for name in right) == pytest.approx(told, rel=1e-3)
    assert min(deployed.told) < 0.95 * deployed.told[0]


@pytest.mark.slow
def test_blocks_are_those_of_the_deployed_networks(deployed: Deployed, pictures: np.ndarray) -> None:
    """The dropout behind the layer that was replaced is none of them; what comes behind it is, and means the same."""
    models = [each.plain.model for each in (deployed.student, deployed.teacher)]
    (name,) = common_blocks(*models)
    original = deployed.original.model
    assert deployed.student.learning.model.get_layer(name).output.shape == original.get_layer("wide").output.shape
    found = keras.Model(models[1].inputs, models[1].get_layer(name).output).predict(pictures, verbose=0)
    right = keras.Model(original.inputs, original.get_layer("wide").output).predict(pictures, verbose=0)
    np.testing.assert_allclose(np.maximum(found, 0), right, atol=1e-4)


@pytest.mark.slow
def test_the_file_of_what_learned_has_one_softmax(deployed: Deployed, pictures: np.ndarray) -> None:
    measured = deployed.work.measured(deployed.trained, "trained")
    kinds = {each.name: each.kind for each in open_file(measured.path, trust=True).outputs}
    assert kinds == {"z": "softmax", "a b": "softmax"}
    divergences = {each.name: each.kl_divergence for each in measured.comparison.outputs}
    logits = deployed.original.model.predict(pictures, verbose=0)[0].astype("float64")
    once = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    twice = np.exp(once) / np.exp(once).sum(axis=1, keepdims=True)
    assert 0 <= divergences["z"] < 0.2 * divergence(once, twice)
    assert {each.name: each.kind for each in from_model(attach_said(deployed.trained)).outputs} == {
        "a_b": "softmax",
        "z": "softmax",
    }


@pytest.mark.nightly
def test_an_int8_file_answers_nearer_after_distillation(network: keras.Model, pictures: np.ndarray) -> None:
    lessons = np.tile(pictures, (4, 1, 1, 1))
    settings = {"budget": Budget(macs="50%", kib=20), "samples": pictures, "techniques": ["decouple"]}
    before, after = (shrink(network, distil=epochs, lessons=lessons, **settings)[1] for epochs in (0, 12))
    assert after.comparison.kl_divergence < 0.95 * before.comparison.kl_divergence
    assert after.measured["macs"] == before.measured["macs"]
    assert after.measured["kib"] <= after.limits["kib"]


@pytest.mark.slow
def test_where_nothing_is_learned_an_int8_file_is_no_farther_than_without(
    network: keras.Model, pictures: np.ndarray
) -> None:
    settings = {"budget": Budget(macs="60%", kib="99%"), "samples": pictures, "techniques": ["decouple"]}
    before, after = (shrink(network, distil=epochs, **settings)[1] for epochs in (0, 1))
    assert after.distilled[0] < after.distilled[1]
    assert after.comparison.kl_divergence <= before.comparison.kl_divergence


def test_no_epoch_changes_nothing(tiny: keras.Model, pictures: np.ndarray) -> None:
    inputs = model_inputs(tiny, pictures)
    same, told = distilled(tiny, tiny, inputs, (Output("softmax"),), epochs=0)
    assert told == (pytest.approx(0.0, abs=1e-6),)
    assert all(np.array_equal(*pair) for pair in zip(same.get_weights(), tiny.get_weights(), strict=True))


def test_epochs_are_a_number(tiny: keras.Model, pictures: np.ndarray) -> None:
    with pytest.raises(SepzooError, match=r"expected distil as a number of epochs, 0 or more\. Received: -1\."):
        shrink(tiny, budget=Budget(macs="50%"), samples=pictures, distil=-1)
