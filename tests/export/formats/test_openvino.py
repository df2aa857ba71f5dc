"""Export to OpenVINO: two files and a record in a folder, which runs without sepzoo; hostile and foreign ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.artifact.inspection import inspect
from sepzoo.artifact.seal import SEAL
from sepzoo.data import Samples
from sepzoo.export import ExportReport, Tolerance, openvino
from sepzoo.export.formats import openvino_graph
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.atomic import MARKER
from sepzoo.support.errors import SepzooError
from tests import several_models
from tests.export.networks import LABELS, pixels
from tests.extras import needed

runtime = needed("openvino", "openvino")


@pytest.fixture(scope="module")
def report(model: keras.Model, check: Samples, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return openvino(model, tmp_path_factory.mktemp("openvino") / "net", check=check)


def test_the_report_is_that_of_every_format(report: ExportReport) -> None:
    assert (report.target, report.labels) == ("openvino", len(LABELS))
    assert (report.operators["Convolution"], report.operators["GroupConvolution"]) == (3, 2)
    assert report.comparison.max_error < 1e-4
    assert (report.comparison.model_accuracy, report.comparison.file_accuracy) == (1.0, 1.0)
    assert {path.name for path in report.path.iterdir()} == {"model.xml", "model.bin", "sepzoo.json", SEAL, MARKER}


@pytest.mark.parametrize("name", ["", "model.xml"])
def test_the_folder_opens_and_so_does_its_graph(model: keras.Model, report: ExportReport, name: str) -> None:
    opened = inference.open(report.path / name, preprocessing=Preprocessing(), labels=LABELS)
    assert (opened.input_shape, opened.classes, opened.output.kind) == ((16, 16, 3), len(LABELS), "softmax")
    expected = model.predict(pixels(7) / np.float32(127.5) - 1, verbose=0)
    np.testing.assert_allclose(opened.predict(pixels(7), batch_size=3), expected, atol=1e-4)
    assert opened.predict(pixels(7)[:0]).shape == (0, 4)


def test_the_record_lies_beside(report: ExportReport) -> None:
    opened = inference.open(report.path)
    assert (opened.name, opened.labels, opened.preprocessing) == ("separable", LABELS, Preprocessing())


OUTSIDE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sepzoo", "keras", "tensorflow"):
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import numpy as np, openvino
network = openvino.Core().compile_model(sys.argv[1] + "/model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
np.save(sys.argv[3], network({"image": np.load(sys.argv[2])})["probability"])
"""


def test_runs_without_sepzoo(model: keras.Model, report: ExportReport, tmp_path: Path) -> None:
    images = pixels(5) / np.float32(127.5) - 1
    np.save(tmp_path / "images.npy", images)
    files = [str(report.path), str(tmp_path / "images.npy"), str(tmp_path / "answers.npy")]
    done = subprocess.run([sys.executable, "-c", OUTSIDE, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), model.predict(images, verbose=0), atol=1e-4)


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    network = several_models.two_to_two()
    given = {name: several_models.arrays(9)[name] for name in ("near", "far")}
    openvino(network, tmp_path / "net")
    found = inference.open(tmp_path / "net").predict(given)
    expected = network.predict(list(given.values()), verbose=0)
    for name, each in zip(("zebra", "ant"), expected, strict=True):
        np.testing.assert_allclose(found[name], each, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_nothing_is_printed_nor_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`openvino.convert_model` tells its maker of each conversion; it must not be what converts."""
    code = f"""
import sys, openvino
openvino.convert_model = None
import sepzoo
from tests.export.networks import separable
sepzoo.export.openvino(separable(softmax=False), {str(tmp_path / "net")!r}, labels=list("wxyz"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    np.testing.assert_allclose(inference.open(tmp_path / "net").predict(pixels(3)).sum(axis=1), 1, atol=1e-5)


def test_a_refused_folder_leaves_nothing(model: keras.Model, check: Samples, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"^openvino of separable was refused: probabilities differ"):
        openvino(model, tmp_path / "net", check=check, tolerance=Tolerance(max_error=-1.0))
    assert list(tmp_path.iterdir()) == []


def foreign(path: Path, batch: int = -1) -> tuple[Path, np.ndarray]:
    """Write a classifier as another program would, and return its matrix too."""
    ops = runtime.opset13
    matrix = np.random.default_rng(0).normal(size=(6, 3)).astype("f4")
    source = ops.parameter([batch, 6], np.float32, name="x")
    scores = ops.softmax(ops.matmul(source, ops.constant(matrix), False, False), 1)
    runtime.save_model(runtime.Model([scores], [source], "foreign"), path, compress_to_fp16=False)
    return path, matrix


@pytest.mark.parametrize("batch", [-1, 2])
def test_a_graph_of_another_program(tmp_path: Path, batch: int) -> None:
    path, matrix = foreign(tmp_path / "other.xml", batch)
    opened = inference.open(path)
    assert (opened.name, opened.output.kind, opened.input_shape) == ("other", "softmax", (6,))
    given = np.random.default_rng(1).normal(size=(5, 6)).astype("f4")
    scores = np.exp(given @ matrix)
    np.testing.assert_allclose(opened.predict(given), scores / scores.sum(axis=1, keepdims=True), atol=1e-5)
    assert inspect(path).format == "OpenVINO"


def changed(old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed('offset="0"', 'offset="900"'), r"\(its constant '\S+' ends at byte 9\d\d of \d+\)"),
        (changed('shape="6, 3"', 'shape="600, 3"'), r"\(its constant '\S+' has 72 bytes for 1,800 numbers of f32\)"),
        (changed('element_type="f32" shape="6, 3"', 'element_type="string" shape="6, 3"'), r"of type 'string', which"),
        (changed("<net ", '<!DOCTYPE net [<!ENTITY a "b">]><net '), r"a declaration of a document type"),
        (changed("</layers>", ""), r"\(its graph is no XML: "),
        (changed("<dim>6</dim>", "<dim>9999999999</dim>"), r"has a tensor of [\d,]+ numbers\)"),
        (changed('shape="?,6"', 'shape="4000000000,6"'), r"its layer 'x' has a tensor of 24,000,000,000 numbers\)"),
        (changed("<dim>6</dim>", "<dim>six</dim>"), r"has 'six' in the place of a number\)"),
        (changed('type="SoftMax"', 'type="Evil"'), r"\(Opset opset8 doesn't contain the operation with type: Evil\)"),
        (changed("<net ", f"<!--{' ' * 5000}--><net "), r"\(its graph has no <net>\)"),
        (lambda path: path.with_suffix(".bin").unlink(), r"ends at byte \d+ of 0\)"),
    ],
)
def test_what_is_refused_in_one_line(tmp_path: Path, change: Callable[[Path], None], said: str) -> None:
    path, _ = foreign(tmp_path / "other.xml")
    change(path)
    with pytest.raises(SepzooError, match=rf"^{path}: expected an OpenVINO model\. Received: a damaged one .*{said}"):
        inference.open(path)


def test_of_very_many_variables_it_gets_constants(
    model: keras.Model, report: ExportReport, check: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO goes down where TensorFlow needs a second block for their index; the files are the same either way."""
    monkeypatch.setattr(openvino_graph, "INDEX_BLOCK", 0)
    read: list[int] = []
    frozen = openvino_graph._with_constants
    monkeypatch.setattr(openvino_graph, "_with_constants", lambda *given: read.append(1) or frozen(*given))
    other = openvino(model, tmp_path / "net", check=check)
    assert read == [1]
    assert other.operators == report.operators
    assert other.comparison.max_error < 1e-4
    weights = [np.sort(np.fromfile(each.path / "model.bin", np.uint8)) for each in (report, other)]
    np.testing.assert_array_equal(*weights)
    network = several_models.two_to_two()
    given = {name: several_models.arrays(9)[name] for name in ("near", "far")}
    opened = inference.open(openvino(network, tmp_path / "several", tolerance=Tolerance(), check=given).path)
    for name, right in zip(("zebra", "ant"), network.predict(list(given.values()), verbose=0), strict=True):
        np.testing.assert_allclose(opened.predict(given)[name], right, atol=1e-4, rtol=1e-4)
