"""What surgery computes is checked before anybody gets it; what it is shown must fit."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo import surgery
from sepzoo.artifact.model_file import attach
from sepzoo.data import Samples
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import blueprint, decouple, recalibrate_batch_norm
from sepzoo.surgery.algebra.expansion import Terms
from sepzoo.surgery.approximate.verification import KernelVerification
from sepzoo.surgery.walk.model_inputs import model_inputs
from tests.models import Program
from tests.surgery.networks import single, stack

SAMPLES = np.zeros((2, 8, 8, 3), "float32")
OPERATIONS = {
    "blueprint": blueprint,
    "decompose_channels": surgery.decompose_channels,
    "decompose_spatially": surgery.decompose_spatially,
    "decouple": decouple,
    "fold_leading_batch_norm": surgery.fold_leading_batch_norm,
    "fuse_pointwise": surgery.fuse_pointwise,
    "merge_separable": surgery.merge_separable,
    "recalibrate_batch_norm": lambda model: recalibrate_batch_norm(model, SAMPLES),
    "replace": lambda model: surgery.replace(model, "bsconv_u"),
    "split_separable": surgery.split_separable,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_models_that_can_not_be_rewritten_are_named(name):
    program = Program()
    program(SAMPLES)
    with pytest.raises(SepzooError, match=r"Received: 'program', a subclassed model \(Program\)"):
        OPERATIONS[name](program)
    with pytest.raises(SepzooError, match=r"Received: 'later' \(Sequential\), which has no weights yet"):
        OPERATIONS[name](keras.Sequential([layers.Conv2D(3, 3)], name="later"))


@pytest.mark.parametrize("name", ["decouple", "blueprint", "decompose_channels", "decompose_spatially"])
def test_nothing_is_returned_that_is_not_as_computed(name, randomize, monkeypatch):
    """A layer whose weights are mixed up is caught, whatever mixed them up."""
    check = KernelVerification.check

    def spoiled(self, row, replacement):
        for layer in (part.layer for part in replacement.parts):
            layer.set_weights([np.flip(weight, 0) if weight.shape[0] > 1 else weight for weight in layer.get_weights()])
        check(self, row, replacement)

    monkeypatch.setattr(KernelVerification, "check", spoiled)
    with pytest.raises(
        SepzooError, match=r"layer 'conv': expected the output of its replacement within .* off\. No model"
    ):
        getattr(surgery, name)(
            randomize(single(shape=(9, 8, 16), filters=16)), **{"decouple": {"terms": 2}}.get(name, {})
        )


def test_a_kernel_that_is_further_off_than_computed_is_caught(randomize, monkeypatch):
    def worse(terms):
        return dataclasses.replace(terms, channel_vectors=terms.channel_vectors * 0.99)

    monkeypatch.setattr(Terms, "balanced", worse)
    with pytest.raises(SepzooError, match="layer 'conv': expected the kernel of its replacement within"):
        decouple(randomize(single(shape=(9, 8, 16), filters=16)), terms=2)


def test_samples_are_normalized_as_the_model_says():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 6), np.uint8)
    samples = Samples(pixels, None, origin="noise", seed=0)
    model = attach(stack(), Metadata("stack", labels=None, preprocessing=Preprocessing(mean=(100.0,), std=(50.0,))))
    np.testing.assert_allclose(model_inputs(model, samples).arrays[0], (pixels - 100.0) / 50.0, atol=1e-5)
    new, report = recalibrate_batch_norm(model, samples)
    other, _report = recalibrate_batch_norm(model, (pixels - 100.0) / 50.0)
    np.testing.assert_allclose(new.get_layer("bn1").moving_mean, other.get_layer("bn1").moving_mean, atol=1e-5)
    assert report.changes[0].action == "statistics of 4 samples"


NO_PREPROCESSING = (
    "expected a model that says how pixels become its input. Received: 'stack' without, and Samples. Pass an array as "
    "the model takes it (on the command line: --preprocessing; as_they_are, where it normalizes pixels itself)."
)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (Samples(np.zeros((2, 12, 12, 6), "uint8"), None, "noise", 0), NO_PREPROCESSING),
        (np.zeros((0, 12, 12, 6)), "expected samples of shape (n, 12, 12, 6) for 'stack', at least one."),
        (np.zeros((12, 12, 6)), "expected samples of shape (n, 12, 12, 6) for 'stack', at least one."),
        (np.full((2, 12, 12, 6), "a"), "expected samples of shape (n, 12, 12, 6) for 'stack', at least one."),
        (np.full((2, 12, 12, 6), np.inf), "expected finite samples for 'stack'. Received: NaN or infinite values."),
    ],
)
def test_samples_that_do_not_fit(data, text):
    with pytest.raises(SepzooError) as error:
        model_inputs(stack(), data)
    assert str(error.value).startswith(text)


def test_other_data_formats_and_classes_stay():
    class OwnConv(layers.Conv2D):
        """A subclass may compute anything."""

    own = keras.Sequential([keras.Input((8, 8, 4)), OwnConv(4, 3, name="own")])
    assert decouple(own)[1].changes[0].skipped.endswith("OwnConv is not Keras's own")
    first = keras.Sequential([keras.Input((4, 8, 8)), layers.Conv2D(4, 3, data_format="channels_first", name="f")])
    assert decouple(first)[1].changes[0].skipped == "its data format is channels_first"


@pytest.mark.slow
@pytest.mark.parametrize("order", ["pw_dw", "dw_pw"])
def test_a_decoupled_network_is_exported_and_answers_the_same(order, tmp_path, randomize):
    from sepzoo import export, inference

    x = source = keras.Input((12, 12, 3), name="image")
    x = layers.ReLU(name="relu")(layers.Conv2D(16, 3, padding="same", name="conv1")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(layers.Conv2D(16, 3, name="conv2")(x))
    model = randomize(keras.Model(source, layers.Dense(4, activation="softmax", name="fc")(x), name="net"))
    attach(model, Metadata("net", labels=("a", "b", "c", "d")))
    new, _report = decouple(model, order=order, terms=3, only_if_cheaper=False)
    report = export.tflite(new, tmp_path / "net.tflite")
    pixels = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), np.uint8)
    expected = keras.ops.convert_to_numpy(new(Preprocessing().normalize(pixels)))
    np.testing.assert_allclose(inference.open(tmp_path / "net.tflite").predict(pixels), expected, atol=1e-4)
    assert report.operators["DEPTHWISE_CONV_2D"] > 1
