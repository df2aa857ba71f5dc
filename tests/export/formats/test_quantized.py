"""8-bit files of ONNX Runtime and OpenVINO: integers inside, probabilities out, calibrated on what was said."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import TARGETS, export, onnx, openvino, verify
from sepzoo.export.prepared import preparing
from sepzoo.inference.keras_model import from_model
from sepzoo.support.errors import SepzooError
from tests.export.networks import LABELS, pixels
from tests.extras import needed, needed_by


def test_onnx_computes_convolutions_in_integers(
    model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    needed("tf2onnx", "onnx")
    needed("onnxruntime", "onnx")
    standard = needed("onnx", "onnx")
    report = onnx(model, tmp_path / "net.onnx", quantize="int8", calibration=calibration, check=check)
    assert capfd.readouterr() == ("", "")
    assert (report.target, report.labels) == ("onnx:int8", len(LABELS))
    assert report.calibration == "50 images of coloured quarters, seed 1"
    assert report.comparison.agreement > 0.9
    assert report.comparison.max_error > 1e-4  # it rounds
    file = standard.load(report.path)
    standard.checker.check_model(file, full_check=True)
    kernels = {node.input[1] for node in file.graph.node if node.op_type == "Conv"}
    makers = {node.output[0]: node for node in file.graph.node}
    stored = {each.name: each for each in file.graph.initializer}
    assert len(kernels) == 5
    for kernel in kernels:
        assert makers[kernel].op_type == "DequantizeLinear"
        values, scales = (standard.numpy_helper.to_array(stored[name]) for name in makers[kernel].input[:2])
        assert values.dtype == np.int8
        assert scales.shape == (values.shape[0],)  # one scale a channel
    assert file.graph.node[-1].op_type == "Softmax"
    assert verify(report.path).passed
    rows = inference.open(report.path).predict(pixels(3))
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)


def test_openvino_computes_convolutions_in_integers(
    model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runtime = needed("openvino", "openvino")
    needed("nncf", "openvino")
    report = openvino(model, tmp_path / "net", quantize="int8", calibration=calibration, check=check)
    assert capfd.readouterr() == ("", "")
    assert (report.target, report.labels) == ("openvino:int8", len(LABELS))
    assert report.calibration == "50 images of coloured quarters, seed 1"
    assert report.comparison.agreement > 0.9
    assert report.comparison.max_error > 1e-4
    network = runtime.Core().read_model(report.path / "model.xml")
    constants = [each for each in network.get_ops() if each.get_type_name() == "Constant"]
    kernels = Counter(
        str(each.get_element_type()) for each in constants if len(each.shape) >= 4 and np.prod(each.shape) > 8
    )
    assert kernels["<Type: 'int8_t'>"] == 5
    assert report.operators["FakeQuantize"] > 5
    assert verify(report.path).passed


def kernels_of(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the integers of each kernel in a file, and the values that they stand for in order of size."""
    if path.is_file():
        standard = needed("onnx", "onnx")
        file = standard.load(path)
        stored = {each.name: standard.numpy_helper.to_array(each) for each in file.graph.initializer}
        pairs = [
            [stored[name] for name in node.input[:2]]
            for node in file.graph.node
            if node.op_type == "DequantizeLinear" and node.input[0] in stored
        ]
        axes = [(-1, *[1] * (whole.ndim - 1)) if len(whole) == steps.size else (-1,) for whole, steps in pairs]
        scaled = [(whole, whole * steps.reshape(axis)) for (whole, steps), axis in zip(pairs, axes, strict=True)]
    else:
        scaled = []
        for node in needed("openvino", "openvino").Core().read_model(path / "model.xml").get_ops():
            sources = [each.get_node() for each in node.input_values()]
            if [each.get_type_name() for each in sources] == ["Convert", "Constant"]:
                whole = sources[0].input_value(0).get_node()
                if whole.get_type_name() == "Constant" and whole.get_element_type().to_string() == "i8":
                    scaled.append((whole.get_data(), whole.get_data() * sources[1].get_data()))
    return [(whole, np.sort(values.ravel())) for whole, values in scaled]


@pytest.mark.slow
@pytest.mark.parametrize(("target", "largest"), [("onnx:int8", 64), ("openvino:int8", 63)])
def test_a_file_holds_the_integers_that_the_outputs_asked_for(
    target: str, largest: int, model: keras.Model, calibration: Samples, tmp_path: Path
) -> None:
    needed_by(target)
    row = TARGETS[target]
    with preparing(from_model(model), calibration, beside=tmp_path) as preparations:
        asked = {"calibrated": row.calibrated, "rounds_from": row.rounds_from, "rounding": row.rounding}
        prepared = preparations.of(**asked)
    path = tmp_path / f"net{row.extension or ''}"
    export(model, target, path, calibration=calibration)
    stored = kernels_of(path)
    layers = [layer for layer in prepared.model.layers if layer.weights]
    assert len(layers) == 6
    for layer in layers:
        kernel = np.sort(layer.get_weights()[0].ravel())
        whole, values = min(
            (each for each in stored if each[1].size == kernel.size), key=lambda each: np.abs(kernel - each[1]).max()
        )
        np.testing.assert_allclose(values, kernel, atol=1e-6, err_msg=layer.name)
        assert np.abs(whole.astype(int)).max() == largest, layer.name


@pytest.mark.parametrize("target", ["onnx:int8", "openvino:int8"])
def test_sums_of_large_products_do_not_overflow(target: str, tmp_path: Path) -> None:
    """Of 16 bits two such products would, where a processor adds them so: half of each sum would be missing."""
    needed_by(target)
    random = np.random.default_rng(0)
    source = keras.Input((6, 6, 32), name="bright")
    layers = [keras.layers.Conv2D(16, 1, activation="relu", name="sums"), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([source, *layers, keras.layers.Dense(5, name="values")], name="large")
    for layer in model.layers:
        layer.set_weights([random.uniform(0.8, 1, weight.shape) for weight in layer.get_weights()])
    data = Samples(random.uniform(0.7, 1, (40, 6, 6, 32)).astype("float32"), None, origin="bright", seed=0)
    path = tmp_path / f"large{TARGETS[target].extension or ''}"
    export(model, target, path, calibration=data, outputs="values")
    np.testing.assert_allclose(inference.open(path).predict(data.images), model.predict(data.images), rtol=0.02)


@pytest.mark.parametrize(("write", "package"), [(onnx, "tf2onnx"), (openvino, "nncf")])
def test_integers_need_samples(write: object, package: str, model: keras.Model, tmp_path: Path) -> None:
    needed(package, write.__name__)  # type: ignore[attr-defined]
    with pytest.raises(SepzooError, match=r"^int8 needs calibration\. Received: calibration=None\."):
        write(model, tmp_path / "net.onnx", quantize="int8")  # type: ignore[operator]


@pytest.mark.parametrize("write", [onnx, openvino])
def test_another_quantization_is_refused(write: object, model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"^unknown quantization 'int4'\. Did you mean int8\?$"):
        write(model, tmp_path / "net.onnx", quantize="int4")  # type: ignore[operator]
