"""Layers that stay float in a `.tflite` file of integers: those that were named, at the price that is said."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

import sepzoo
from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import ExportReport, TfliteOptions, Tolerance, tflite
from sepzoo.export.formats import tflite_converter
from sepzoo.export.formats.tflite_modes import MODES, convert
from sepzoo.export.formats.tflite_operators import FileOperator, chosen, layers_in, operators_of, with_own_weights
from sepzoo.export.prepared import preparing
from sepzoo.inference.keras_model import from_model
from sepzoo.support.errors import SepzooError
from sepzoo.support.quiet import quiet
from tests.export.networks import samples
from tests.extras import needed_by

FLOAT = schema.TensorType.FLOAT32
ALIGNED = 16
"""Metadata begin at a multiple of it, and so does the archive behind a network with its metadata."""
MULTIPLIERS = (
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
)


def float_kernels(path: Path) -> set[str]:
    """Return the layers whose operators multiply by a float kernel and take floats."""
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    found: set[str] = set()
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode() in MULTIPLIERS:
            given, kernel, result = (
                graph.Tensors(number) for number in (operator.Inputs(0), operator.Inputs(1), operator.Outputs(0))
            )
            if given.Type() == kernel.Type() == result.Type() == FLOAT:
                found |= set(layers_in([result.Name().decode()]))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("quantize", "named"), [("int8", "unit0_*"), ("int8_int4", ["stem", "unit1_pointwise"])])
def test_named_layers_stay_float_and_no_others(
    quantize: Any, named: Any, model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path
) -> None:
    needed_by(f"tflite:{quantize}")
    options: dict[str, Any] = {
        "quantize": quantize,
        "calibration": calibration,
        "check": check,
        "tolerance": Tolerance(),
    }
    report = tflite(model, tmp_path / "some.tflite", keep_float=named, **options)
    plain = tflite(model, tmp_path / "none.tflite", **options)
    expected = {"unit0_depthwise", "unit0_pointwise"} if named == "unit0_*" else {"stem", "unit1_pointwise"}
    assert {name for name in float_kernels(report.path) if "re_lu" not in name} == expected == set(report.float_layers)
    assert float_kernels(plain.path) == set()
    assert (plain.float_layers, plain.float_bytes) == ((), 0)
    assert 0 < report.float_bytes == pytest.approx(report.size - plain.size, abs=ALIGNED)
    assert f"{', '.join(report.float_layers)} (2, {report.float_bytes / 1024:+.1f} KiB)" in str(report)


def test_a_pattern_that_fits_no_layer_offers_the_nearest(
    model: keras.Model, calibration: Samples, tmp_path: Path
) -> None:
    with pytest.raises(SepzooError, match=r"^unknown layer 'unit0_depthwize'\. Did you mean unit0_depthwise") as caught:
        tflite(model, tmp_path / "m.tflite", quantize="int8", keep_float="unit0_depthwize", calibration=calibration)
    assert "keep_float takes names of layers, and patterns such as 'block_1_*'." in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_factorized_layer_goes_by_its_own_name(tmp_path: Path) -> None:
    network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=4, conv="bsconv_s")
    options = TfliteOptions(keep_float="stage2_unit1_conv")
    with preparing(from_model(network), samples(network, 20, seed=3), beside=tmp_path) as preparations, quiet():
        prepared = preparations.of(calibrated=True, rounds_from=0)
        report = convert(prepared, tmp_path / "m.tflite", mode=MODES["int8"], options=options)
    parts = [f"stage2_unit1_conv_{part}" for part in ("pointwise_1", "pointwise_2", "depthwise")]
    assert [name for name in report.float_layers if not name.endswith("pad")] == parts


@pytest.mark.slow
@pytest.mark.parametrize("quantize", ["int8_float_io", "weights_int4"])
def test_the_search_reaches_what_was_asked_for_on_the_check_samples(
    quantize: Any, model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    options: dict[str, Any] = {
        "quantize": quantize,
        "calibration": calibration,
        "check": check,
        "tolerance": Tolerance(),
    }
    plain = tflite(model, tmp_path / "plain.tflite", **options)
    goal = (1 + agreed(plain, model, check)) / 2
    assert agreed(plain, model, check) < goal
    report = tflite(model, path, keep_float="auto", agreement=goal, **options)
    assert agreed(report, model, check) >= goal
    assert report.float_layers
    assert report.float_bytes == pytest.approx(network_bytes(report.path) - network_bytes(plain.path), abs=2 * ALIGNED)


def network_bytes(path: Path) -> int:
    """Return the bytes before the archive behind a network, whose record of the check is as long as its figures."""
    with zipfile.ZipFile(path) as archive:
        return min(member.header_offset for member in archive.infolist())


def agreed(report: ExportReport, model: keras.Model, check: Samples) -> float:
    expected = model.predict(check.images / np.float32(127.5) - 1, verbose=0).argmax(axis=1)
    return float(np.mean(inference.open(report.path).predict(check.images).argmax(axis=1) == expected))


def test_all_layers_float_are_the_network_itself_without_corrections(
    model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path
) -> None:
    report = tflite(
        model, tmp_path / "m.tflite", quantize="int8_float_io", keep_float="*", calibration=calibration, check=check
    )
    assert report.comparison.max_error < 1e-5


def test_weights_are_put_back_where_they_were_corrected_and_elsewhere_not() -> None:
    source = keras.Input((4,))
    model = keras.Model(source, keras.layers.Dense(3, name="d.1", bias_initializer=_seven)(source), name="net")
    content = _converted(model)
    bias = np.array([7, 8, 9], np.float32)
    [tensor] = [each.tensor for each in operators_of(content)]
    own = np.array([1, 2, 3], np.float32)
    inputs = np.zeros((1, 4), np.float32)
    assert _answer(with_own_weights(content, [tensor], {"d": [(bias, own)]}), inputs).tolist() == [[1, 2, 3]]
    assert with_own_weights(content, [], {"d": [(bias, own)]}) == content
    assert with_own_weights(content, [tensor], {"d": [(bias + 1, own)]}) == content  # it is another bias


def _seven(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.arange(7, 7 + shape[0]).astype(dtype)


def _converted(model: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder, quiet():
        tflite_converter.save(model, Path(folder) / "saved")
        return tflite_converter.floats(Path(folder) / "saved")


def _answer(content: bytes, inputs: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], inputs)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("conv", ("t1", "t2")),  # what became of a layer of the model
        ("conv_depthwise", ("t2",)),
        ("conv2", ("t3",)),
        ("*_depthwise", ("t2",)),
        ("relu", ("t1",)),
        ("net/conv", ("t1", "t2")),
        ("net/*", ("t1", "t2", "t3")),
        ("net/conv2", ("t3",)),
    ],
)
def test_patterns_fit_layers_and_what_became_of_them(pattern: str, expected: tuple[str, ...]) -> None:
    operators = [
        FileOperator("t1", ("conv_pointwise", "relu")),
        FileOperator("t2", ("conv_depthwise",)),
        FileOperator("t3", ("conv2",)),
    ]
    assert chosen(operators, [pattern], {"net/conv", "net/conv2", "relu"}) == expected
