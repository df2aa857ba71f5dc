"""Whole-model files of Keras 2."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from sepzoo import inference
from sepzoo.analysis import kernel_correlations, profile
from sepzoo.artifact import model_file
from sepzoo.artifact.keras2 import reading as keras2_file
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import decouple, fold_batch_norm

CONV = {
    "name": "conv",
    "filters": 4,
    "kernel_size": [3, 3],
    "padding": "same",
    "activation": "relu",
    "dtype": "float32",
}
DEPTHWISE = {"name": "dw", "kernel_size": [3, 3], "groups": 1, "depth_multiplier": 1, "use_bias": True}
NORM = {"name": "bn", "axis": [3], "momentum": 0.9, "epsilon": 1e-3}
SHAPE = {"batch_input_shape": [None, 6, 6, 3], "dtype": "float32", "name": "image"}


def functional(*layers):
    """A configuration as Keras 2 wrote it, of layers in a row."""
    nodes, before = [], None
    for kind, config in [("InputLayer", SHAPE), *layers]:
        inbound = [[[before, 0, 0, {}]]] if before else []
        nodes.append({"class_name": kind, "config": config, "name": config["name"], "inbound_nodes": inbound})
        before = config["name"]
    config = {"name": "net", "layers": nodes, "input_layers": [["image", 0, 0]], "output_layers": [[before, 0, 0]]}
    return {"class_name": "Functional", "config": config}


def write(path: Path, config: dict, weights: dict[str, dict[str, np.ndarray]]) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [layer["config"]["name"] for layer in config["config"]["layers"]]
        group.attrs["keras_version"], group.attrs["backend"] = "2.4.0", "tensorflow"
        for layer in config["config"]["layers"]:
            name = layer["config"]["name"]
            own = group.create_group(name)
            own.attrs["weight_names"] = [f"{name}/{key}:0" for key in weights.get(name, {})]
            for key, value in weights.get(name, {}).items():
                own[f"{name}/{key}:0"] = value
    return path


@pytest.fixture
def weights(seed):
    generator = np.random.default_rng(seed)
    return {
        "conv": {"kernel": generator.normal(size=(3, 3, 3, 4)), "bias": generator.normal(size=4)},
        "bn": {
            "gamma": generator.normal(size=4),
            "beta": generator.normal(size=4),
            "moving_mean": generator.normal(size=4),
            "moving_variance": generator.uniform(0.5, 1.5, size=4),
        },
        "dw": {"depthwise_kernel": generator.normal(size=(3, 3, 4, 1)), "bias": generator.normal(size=4)},
    }


def expected(weights, images):
    stack = [
        keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.DepthwiseConv2D(3),
    ]
    model = keras.Sequential([keras.Input((6, 6, 3)), *stack])
    for layer, values in zip(model.layers, weights.values(), strict=True):
        layer.set_weights(list(values.values()))
    return to_numpy(model(images))


def test_what_keras_3_rejects_is_read(tmp_path, weights):
    layers = (("Conv2D", dict(CONV)), ("BatchNormalization", dict(NORM)), ("DepthwiseConv2D", dict(DEPTHWISE)))
    path = write(tmp_path / "net.h5", functional(*layers), weights)
    before = path.read_bytes()
    with pytest.raises((TypeError, ValueError)):
        keras.saving.load_model(path, compile=False)
    model = model_file.load(path)
    assert path.read_bytes() == before
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    np.testing.assert_allclose(to_numpy(model(images)), expected(weights, images), atol=1e-5)
    assert model.get_layer("bn").axis == 3


def test_a_sequential_model_gets_its_input(tmp_path, weights):
    first = {**CONV, "batch_input_shape": [None, 6, 6, 3]}
    layers = [("Conv2D", first), ("BatchNormalization", dict(NORM)), ("DepthwiseConv2D", dict(DEPTHWISE))]
    config = {"name": "net", "layers": [{"class_name": kind, "config": config} for kind, config in layers]}
    path = write(tmp_path / "net.h5", {"class_name": "Sequential", "config": config}, weights)
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    model = keras2_file.read(path)
    np.testing.assert_allclose(to_numpy(model(images)), expected(weights, images), atol=1e-5)
    assert profile(model).input_shapes == ((6, 6, 3),)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (
            ("DepthwiseConv2D", {**DEPTHWISE, "groups": 3}),
            "expected settings that Keras 3 has. Received: layer 'dw' (DepthwiseConv2D) with groups=3.",
        ),
        (("Lambda", {"name": "fn", "function": ["4wEAAAA=", None, None]}), "Keras cannot read this file: "),
        (("Strange", {"name": "strange"}), "Keras cannot read this file: "),
    ],
)
def test_what_can_not_be_read_is_said(tmp_path, layer, text):
    path = write(tmp_path / "net.h5", functional(layer), {})
    with pytest.raises(SepzooError) as error:
        keras2_file.read(path)
    assert str(error.value).startswith(f"{path}: {text}")
    assert "\n" not in str(error.value)


def test_weights_alone_are_no_model(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.create_group("conv")
    with pytest.raises(SepzooError, match=r"expected a whole model\. Received: weights alone\."):
        keras2_file.read(tmp_path / "weights.h5")
    with pytest.raises(SepzooError, match="which does not exist"):
        keras2_file.read(tmp_path / "none.h5")


@pytest.mark.slow
def test_a_person_detector_that_the_zoo_has_never_seen(shared, tmp_path):
    """MLPerf Tiny's: opened, profiled, analysed, folded, decoupled, exported; the file answers like its authors'."""
    from sepzoo import export

    pixels = Preprocessing(mean=(0.0,), std=(255.0,))
    detector = inference.open(shared / "weights" / "vww_96.h5", labels=("no person", "person"), preprocessing=pixels)
    assert (detector.input_shape, detector.classes) == ((96, 96, 3), 2)
    assert profile(detector.model).macs == 7_489_664
    found = kernel_correlations(detector.model).layers
    assert (len(found), found[0].fits) == (14, "pw_dw")
    folded, report = fold_batch_norm(detector.model)
    assert not any(change.skipped for change in report.changes)
    assert report.params_before - report.params_after == 4 * sum(
        layer.gamma.shape[0] for layer in detector.model.layers if isinstance(layer, keras.layers.BatchNormalization)
    )
    photographs = sorted((shared / "data" / "imagenet_sample" / "images").iterdir())[::50]
    answers = detector.predict(photographs)
    reference = inference.open(shared / "weights" / "vww_96_float.tflite", labels=detector.labels, preprocessing=pixels)
    np.testing.assert_allclose(reference.predict(photographs), answers, atol=1e-4)
    export.tflite(folded, tmp_path / "vww.tflite", labels=detector.labels, preprocessing=pixels)
    np.testing.assert_allclose(inference.open(tmp_path / "vww.tflite").predict(photographs), answers, atol=1e-4)
    assert answers.std() > 0.1
    assert decouple(detector.model)[1].layers == ()  # its only dense convolution would get more expensive


@pytest.mark.slow
def test_real_imagenet_weights_in_a_file_of_keras_2(shared):
    model = model_file.load(shared / "weights" / "mobilenet_v1_0.25_224_imagenet_keras.h5")
    official = keras.applications.MobileNet(alpha=0.25, weights=None)
    official.load_weights(shared / "weights" / "mobilenet_v1_0.25_224_imagenet_keras.h5")
    images = np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3)).astype("float32")
    np.testing.assert_allclose(to_numpy(model(images)), to_numpy(official(images)), atol=1e-5)
