"""Files that take raw pixels: with their normalization inside they answer as the model does with it outside."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import export, inference
from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.export.batch_export import export_all
from sepzoo.export.pipeline import write
from sepzoo.export.samples import ExportSamples
from sepzoo.inference.keras_model import from_model
from sepzoo.layers.fake_quantization import QuantizedOutput
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import CAFFE, Preprocessing
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError
from tests import several_models
from tests.export.networks import LABELS, normalized, pixels, separable
from tests.extras import needed, needed_by

ODD = Preprocessing(mean=(90.0, 120.0, 150.0), std=(30.0, 60.0, 50.0), crop_fraction=0.5, channel_order="bgr")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx", "openvino", "tflite:float32", "xla", "stablehlo"])
def test_raw_pixels_in_probabilities_out(name: str, tmp_path: Path) -> None:
    needed_by(name)
    network = model_file.attach(separable(), Metadata("separable", LABELS, preprocessing=ODD))
    path = tmp_path / f"net{export.TARGETS[name].suffix}"
    check = Samples(pixels(12), None, origin="coloured quarters", seed=0)
    report = export.export(network, name, path, check=check, embed_preprocessing=True)
    assert report.comparison.max_error < 1e-4
    assert report.comparison.half_error is None
    opened = inference.open(path)
    assert opened.input_tensors[0].dtype == "uint8"
    assert opened.preprocessing == Preprocessing(mean=(0.0,), std=(1.0,), crop_fraction=0.5)
    images = pixels(6, seed=4)
    expected = network.predict(normalized(images, ODD), verbose=0)
    np.testing.assert_allclose(opened.predict(images), expected, atol=1e-4)
    np.testing.assert_allclose(opened.run(images), expected, atol=1e-4)  # the pixels themselves
    assert export.verify(path).passed


def test_onnx_runtime_alone_takes_the_pixels(tmp_path: Path) -> None:
    runtime = needed("onnxruntime", "onnx")
    needed("tf2onnx", "onnx")
    network = model_file.attach(separable(), Metadata("separable", LABELS, preprocessing=CAFFE))
    export.onnx(network, tmp_path / "net.onnx", embed_preprocessing=True)
    images = pixels(6, seed=4)
    [found] = runtime.InferenceSession(tmp_path / "net.onnx").run(None, {"image": images})
    np.testing.assert_allclose(found, network.predict(normalized(images, CAFFE), verbose=0), atol=1e-4)


def test_an_input_of_integers_has_its_channels_in_the_order_of_the_network(int8_file: export.ExportReport) -> None:
    file = inference.open(int8_file.path, preprocessing=ODD)
    images = pixels(6, seed=4)
    scale, zero_point = file.input_quantization.scale, file.input_quantization.zero_point
    expected = np.clip(np.round(normalized(images, ODD) / scale + zero_point), 0, 255)
    assert np.ptp(expected) > 100
    np.testing.assert_allclose(file.prepare(images), expected, atol=1)  # a tie rounds either way


def test_only_pictures_of_several_inputs_are_changed(tmp_path: Path) -> None:
    network = several_models.dictionaries()
    export.xla(network, tmp_path / "net", preprocessing={"photo": several_models.PIXELS}, embed_preprocessing=True)
    opened = inference.open(tmp_path / "net")
    assert {each.name: each.dtype for each in opened.input_tensors} == {
        "near": "float32",
        "photo": "uint8",
        "words": "int32",
    }
    given = {name: several_models.arrays(5)[name] for name in ("near", "photo", "words")}
    raw = {**given, "photo": normalized(given["photo"], several_models.PIXELS)}
    expected, found = network.predict(raw, verbose=0), opened.predict(given)
    for name, rows in expected.items():
        np.testing.assert_allclose(found[name], rows, atol=1e-4, rtol=1e-4)


def test_features_have_no_preprocessing(tmp_path: Path) -> None:
    source = keras.Input((4,))
    network = keras.Model(source, keras.layers.Dense(2)(source), name="plain")
    with pytest.raises(
        SepzooError, match=r"^expected a model that takes pixels or .* Received: 'plain', which takes other feat"
    ):
        export.xla(network, tmp_path / "net", embed_preprocessing=True)
    assert not list(tmp_path.iterdir())


def test_a_network_trained_with_rounding_hears_nothing_inside_its_file(tmp_path: Path) -> None:
    sound = Sound()
    source = keras.Input(sound.shape, name="features")
    pooled = keras.layers.GlobalAveragePooling2D()(QuantizedOutput()(source))
    network, takes = keras.Model(source, pooled, name="ear"), Features(sound.shape, sound=sound)
    clips = np.random.default_rng(0).normal(size=(4, *sound.shape)).astype(np.float32)
    seen = Samples(clips, None, origin="noise", seed=0)
    refusal = "^tflite:int8: expected a format with float weights, to make features of sound in the file"
    classifier, both, path = from_model(network, features=takes), ExportSamples(seen, seen), tmp_path / "ear.tflite"
    with pytest.raises(SepzooError, match=refusal):
        export_all(classifier, ["tflite:int8"], tmp_path / "ear", samples=both, embed_preprocessing=True)
    with pytest.raises(SepzooError, match=refusal):
        write(classifier, export.TARGETS["tflite:int8"], path, calibration=seen, embed_preprocessing=True)
    assert not list(tmp_path.iterdir())
