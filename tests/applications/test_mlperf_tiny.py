"""MLPerf Tiny's two networks by name: their real files load, and answer as they do by themselves."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from sepzoo.applications import build, card, preprocess
from sepzoo.artifact.model_file import load, metadata_of
from sepzoo.data import open_sounds
from sepzoo.inference.keras_model import from_model
from sepzoo.support.errors import SepzooError

FILES = {  # our name: Keras's file, range of the input, classes
    "mlperf_tiny_keywords": ("mlperf_tiny_dscnn_keywords.h5", (-60, 20), 12),
    "mlperf_tiny_persons": ("vww_96.h5", (0, 1), 2),
}


@pytest.fixture(scope="module")
def answers(shared):
    """Each network with its real file, some input, and what it gives."""

    def of(name):
        file, span, _classes = FILES[name]
        model = build(name, weights=shared / "weights" / file)
        inputs = np.random.default_rng(0).uniform(*span, (8, *model.input_shape[1:])).astype("float32")
        return model, inputs, np.asarray(model(inputs))

    return of


@pytest.mark.parametrize("name", FILES)
def test_the_real_file_answers_as_the_graph_that_it_holds(shared, answers, name):
    file, _span, classes = FILES[name]
    model, inputs, found = answers(name)
    expected = np.asarray(load(shared / "weights" / file)(inputs))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len(metadata_of(model).labels) == classes == model.output_shape[-1]


def test_the_person_detector_answers_as_its_tflite_file(shared, answers):
    """That of the keyword spotter has weights of 8 bits and says something else now and then."""
    _model, inputs, found = answers("mlperf_tiny_persons")
    interpreter = Interpreter(str(shared / "weights" / "vww_96_float.tflite"), num_threads=1)
    interpreter.allocate_tensors()
    expected = []
    for each in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], each[None])
        interpreter.invoke()
        expected.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.nightly
def test_the_keyword_spotter_hears_the_real_clips(shared, tfds_data_dir):
    """.903 of the test clips and .913 of all, as MLPerf's program has it with its own features; its target is .90."""
    model = build("mlperf_tiny_keywords", weights=shared / "weights" / FILES["mlperf_tiny_keywords"][0])
    classifier = from_model(model)
    for split, count, share in (("test", 868, 0.903), ("train+validation+test", 4_769, 0.913)):
        clips = open_sounds("speech_commands", split=split, sound=classifier.sound, data_dir=tfds_data_dir)
        evaluation = classifier.evaluate(clips, batch_size=256)
        assert (evaluation.count, evaluation.matched) == (count, "by name")
        assert evaluation.top1 == pytest.approx(share, abs=0.0006)


def test_features_are_said():
    metadata = metadata_of(build("ds_cnn_s"))
    assert metadata.preprocessing is None
    assert metadata.labels is None
    assert metadata.features.shape == metadata.features.sound.shape == (49, 10, 1)
    assert metadata.features.sound.window / metadata.features.sound.rate == 0.04
    assert metadata_of(build("ds_cnn_s", input_shape=(98, 10, 1))).features.sound is None
    assert metadata_of(build("ds_cnn_s", input_shape=(None, 10, 1))).inputs is None
    assert metadata_of(build("mlperf_tiny_keywords", classes=3)).labels is None
    assert card("ds_cnn_s").preprocessing == {}
    with pytest.raises(SepzooError, match=r"expected a network that takes pictures\. Received: one of audio"):
        preprocess("ds_cnn_s", np.zeros((8, 8, 3), "uint8"))
