"""8-bit files of ONNX Runtime and OpenVINO: integers inside, probabilities out, calibrated on what was said."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import onnx, openvino, verify
from sepzoo.support.errors import SepzooError
from tests.export.networks import LABELS, pixels
from tests.extras import needed


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


@pytest.mark.parametrize(("write", "package"), [(onnx, "tf2onnx"), (openvino, "nncf")])
def test_integers_need_samples(write: object, package: str, model: keras.Model, tmp_path: Path) -> None:
    needed(package, write.__name__)  # type: ignore[attr-defined]
    with pytest.raises(SepzooError, match=r"^int8 needs calibration\. Received: calibration=None\."):
        write(model, tmp_path / "net.onnx", quantize="int8")  # type: ignore[operator]


@pytest.mark.parametrize("write", [onnx, openvino])
def test_another_quantization_is_refused(write: object, model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"^unknown quantization 'int4'\. Did you mean int8\?$"):
        write(model, tmp_path / "net.onnx", quantize="int4")  # type: ignore[operator]
