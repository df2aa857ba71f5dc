"""Every mode of `.tflite`: what its file holds, that it answers as the model, and that its bytes are the same again."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from sepzoo import inference
from sepzoo.artifact.seal import SEAL
from sepzoo.data import Samples
from sepzoo.export import TARGETS, ExportReport, TfliteOptions, Tolerance, tflite
from sepzoo.export.batch_export import export_all
from sepzoo.export.formats import tflite_converter
from sepzoo.export.formats.tflite_modes import MODES
from sepzoo.export.formats.tflite_operators import require_built_in
from sepzoo.export.pipeline import write
from sepzoo.export.prepared import Preparations, preparing
from sepzoo.export.samples import ExportSamples
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.inference.keras_model import from_model
from sepzoo.support.errors import SepzooError
from sepzoo.support.quiet import quiet
from tests.export.networks import samples, separable

UINT8_EDGES = ("int8", "int8_per_tensor")


@pytest.fixture(scope="module")
def wide() -> keras.Model:
    """Of kernels large enough to be rounded in every mode, and to lie behind a FlatBuffer."""
    return separable(size=32)


@pytest.fixture(scope="module")
def seen(wide: keras.Model) -> ExportSamples:
    return ExportSamples(calibration=samples(wide, 40, seed=5), check=samples(wide, 100, seed=6))


@pytest.fixture(scope="module")
def files(wide: keras.Model, seen: ExportSamples, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportReport]:
    """A file of every mode, however well it answers; the tests see to that."""
    folder, classifier = tmp_path_factory.mktemp("modes"), saying_inputs(from_model(wide), seen.check)
    with preparing(classifier, seen.calibration, beside=folder) as preparations:
        return {
            name: write(
                classifier,
                TARGETS[f"tflite:{name}"],
                folder / f"{name}.tflite",
                calibration=seen.calibration,
                check=seen.check,
                tolerance=Tolerance(),
                preparations=preparations,
            )
            for name in MODES
        }


@pytest.fixture(scope="module")
def prepared(
    wide: keras.Model, seen: ExportSamples, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Preparations]:
    """The same network prepared once more, for files made from the beginning."""
    with preparing(from_model(wide), seen.calibration, beside=tmp_path_factory.mktemp("again")) as preparations:
        yield preparations


def made(prepared: Preparations, mode: str, options: TfliteOptions | None = None) -> bytes:
    chosen = MODES[mode]
    ready = prepared.of(calibrated=chosen.calibrated, rounds_from=chosen.rounds_from, rounding=chosen.rounding)
    with quiet():
        return chosen.make(ready, options or TfliteOptions())


def kernels(path: Path) -> list[dict[str, Any]]:
    """Return the kernels of a file: constant tensors of more than one axis that operators multiply by."""
    words = "convolution", "depthwise", "MatMul"
    details = Interpreter(str(path)).get_tensor_details()
    large = [each for each in details if len(each["shape"]) > 1 and any(word in each["name"] for word in words)]
    return [each for each in large if "Relu" not in each["name"] and "BiasAdd" not in each["name"]]


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(MODES))
def test_every_mode_answers_as_the_model_on_samples_of_its_own(
    files: dict[str, ExportReport], wide: keras.Model, mode: str
) -> None:
    report = files[mode]
    fresh = samples(wide, 100, seed=77)
    given = inference.open(report.path).predict(fresh.images)
    expected = wide.predict(fresh.images / np.float32(127.5) - 1, verbose=0)
    assert np.abs(given - expected).mean() < (0.05 if "int4" in mode else 0.02)
    assert report.comparison.mean_error == pytest.approx(np.abs(given - expected).mean(), rel=0.5, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(MODES))
def test_the_same_network_gives_the_same_bytes_in_every_mode(
    files: dict[str, ExportReport], prepared: Preparations, mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(made(prepared, mode))
    first = files[mode]
    TARGETS[first.target].add_metadata(path, inference.open(first.path).metadata, (32, 32, 3))
    assert without_record(path) == without_record(first.path)


def without_record(path: Path) -> tuple[bytes, dict[str, bytes]]:
    """Return a file's FlatBuffer and the members behind it, but for the record of a check, which only an export has."""
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name != SEAL}
    return content[: content.index(b"PK\x03\x04")], members


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(MODES))
def test_edges_are_those_of_the_mode_and_pixels_are_rounded_as_the_file_says(
    files: dict[str, ExportReport], mode: str
) -> None:
    path = files[mode].path
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    [source], [target] = interpreter.get_input_details(), interpreter.get_output_details()
    kind = np.uint8 if mode in UINT8_EDGES else np.float32
    assert (source["dtype"], target["dtype"]) == (kind, kind)
    pixels = np.random.default_rng(3).integers(0, 256, (1, 32, 32, 3), np.uint8)
    real = pixels / np.float32(127.5) - 1
    given = pixels if kind is np.uint8 else real
    interpreter.set_tensor(source["index"], given)
    interpreter.invoke()
    found = interpreter.get_tensor(target["index"]).astype(np.float32)
    if kind is np.uint8:
        scale, zero = target["quantization"]
        found = (found - zero) * scale
    np.testing.assert_allclose(inference.open(path).predict(pixels), found, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("edges", ["uint8", "int8", "float"])
@pytest.mark.parametrize("mode", UINT8_EDGES)
def test_edges_may_be_chosen(wide: keras.Model, prepared: Preparations, mode: str, edges: Any, tmp_path: Path) -> None:
    content = made(prepared, mode, TfliteOptions(edges=edges))
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    [source], [target] = interpreter.get_input_details(), interpreter.get_output_details()
    kind = np.dtype("float32" if edges == "float" else edges)
    assert (source["dtype"], target["dtype"]) == (kind, kind)
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    TARGETS["tflite:int8"].add_metadata(path, from_model(wide).metadata, (32, 32, 3))
    fresh = samples(wide, 60, seed=8)
    expected = wide.predict(fresh.images / np.float32(127.5) - 1, verbose=0)
    assert np.abs(inference.open(path).predict(fresh.images) - expected).mean() < 0.02


@pytest.mark.slow
def test_the_weights_have_the_types_and_the_scales_that_the_names_say(files: dict[str, ExportReport]) -> None:
    def types(mode: str) -> set[str]:
        return {np.dtype(each["dtype"]).name for each in kernels(files[mode].path)}

    def scales(mode: str) -> set[bool]:
        each = kernels(files[mode].path)
        return {len(one["quantization_parameters"]["scales"]) > 1 for one in each if one["dtype"] == np.int8}

    assert types("float32") == {"float32"}
    assert "int8" in types("int8")
    assert scales("int8_per_tensor") == {False}
    assert True in scales("int8")
    sizes = {mode: files[mode].size for mode in MODES}
    assert sizes["int8_per_tensor"] < sizes["int8"]
    assert sizes["weights_int4"] < sizes["weights_int8"]


def counted(counts: dict[str, int], name: str) -> Callable[..., Any]:
    """Return a function of the converter that counts its calls."""
    function = getattr(tflite_converter, name)

    def call(*given: Any, **options: Any) -> Any:
        counts[name] += 1
        return function(*given, **options)

    return call


@pytest.mark.slow
def test_modes_of_one_call_share_their_saved_models_and_what_was_calibrated(
    wide: keras.Model, seen: ExportSamples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"save": 0, "calibrated": 0}
    for name in counts:
        monkeypatch.setattr(tflite_converter, name, counted(counts, name))
    targets = ["tflite:float32", "tflite:float16", "tflite:int8", "tflite:int8_float_io", "tflite:int16x8"]
    export_all(from_model(wide), targets, tmp_path / "m", samples=seen)
    assert counts == {"save": 3, "calibrated": 1}  # as it is, and with biases of 8-bit and of 16-bit inputs


def test_operators_that_not_every_runtime_has_are_refused_by_name(
    float_file: ExportReport, model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flex = with_custom(float_file.path.read_bytes(), b"FlexErfinv")
    require_built_in(float_file.path.read_bytes(), "fine")
    with pytest.raises(SepzooError, match=r"operators of TFLite alone\. Received: FlexErfinv for mine, which only"):
        require_built_in(flex, "mine")
    monkeypatch.setattr(tflite_converter, "floats", lambda *_, **__: flex)
    with pytest.raises(SepzooError, match=r"Received: FlexErfinv for separable"):
        tflite(model, tmp_path / "m.tflite", tolerance=Tolerance())
    assert list(tmp_path.iterdir()) == []


def with_custom(content: bytes, name: bytes) -> bytes:
    """Return a file that names one more operator, a custom one."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    code = schema.OperatorCodeT()
    code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, name
    model.operatorCodes.append(code)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_versions_of_operators_are_in_the_report(float_file: ExportReport, int8_file: ExportReport) -> None:
    assert float_file.operator_versions.keys() == float_file.operators.keys()
    assert int8_file.operator_versions["CONV_2D"] > float_file.operator_versions["CONV_2D"] == 1
    assert f"CONV_2D v{int8_file.operator_versions['CONV_2D']}" in str(int8_file)


def test_the_old_name_of_edges_works_and_says_so(
    model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path
) -> None:
    with pytest.warns(DeprecationWarning, match="interface= is called edges= now"):
        report = tflite(
            model, tmp_path / "m.tflite", quantize="int8", interface="float32", calibration=calibration, check=check
        )
    assert Interpreter(str(report.path)).get_input_details()[0]["dtype"] == np.float32


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, mode in MODES.items() if mode.rounds_from == 0])
def test_a_file_holds_the_integers_that_the_outputs_asked_for(
    name: str, files: dict[str, ExportReport], wide: keras.Model, seen: ExportSamples, tmp_path: Path
) -> None:
    target = TARGETS[f"tflite:{name}"]
    with preparing(saying_inputs(from_model(wide), seen.check), seen.calibration, beside=tmp_path) as preparations:
        prepared = preparations.of(
            calibrated=target.calibrated, rounds_from=target.rounds_from, rounding=target.rounding
        )
    stored = kernels_of(files[name].path)
    layers = [
        layer for layer in prepared.model.layers if layer.weights and target.rounding.largest_of(layer) is not None
    ]
    assert len(layers) > 2
    for layer in layers:
        kernel = np.sort(layer.get_weights()[0].ravel())
        assert min(np.abs(kernel - each).max() for each in stored if each.size == kernel.size) < 1e-6, layer.name


def kernels_of(path: Path) -> list[np.ndarray]:
    """Return the values that the integers of each kernel stand for, in order of size."""
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    graph, found = model.Subgraphs(0), []
    for number in range(graph.TensorsLength()):
        tensor = graph.Tensors(number)
        data, steps = model.Buffers(tensor.Buffer()).DataAsNumpy(), tensor.Quantization()
        if tensor.Type() not in (schema.TensorType.INT8, schema.TensorType.INT4) or not isinstance(data, np.ndarray):
            continue
        whole = data.view(np.int8)
        if tensor.Type() == schema.TensorType.INT4:
            whole = np.stack([whole << 4 >> 4, whole >> 4], axis=1).ravel()
        axis, shape = steps.QuantizedDimension(), tensor.ShapeAsNumpy()
        by_channel = np.moveaxis(whole[: shape.prod()].reshape(shape), axis, -1)
        found.append(np.sort((by_channel * steps.ScaleAsNumpy()).ravel()))
    return found
