"""Export to ONNX: a file that runs without sepzoo, in ONNX Runtime and in ONNX's own reference evaluator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import ExportReport, Tolerance, onnx
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from tests import several_models
from tests.export.networks import LABELS, pixels, separable
from tests.extras import needed

needed("tf2onnx", "onnx")
needed("onnxruntime", "onnx")
standard = needed("onnx", "onnx")
reference = needed("onnx.reference", "onnx")


@pytest.fixture(scope="module")
def report(model: keras.Model, check: Samples, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return onnx(model, tmp_path_factory.mktemp("onnx") / "net.onnx", check=check)


def test_the_report_is_that_of_every_format(report: ExportReport) -> None:
    assert (report.target, report.labels) == ("onnx", len(LABELS))
    assert report.operators["Conv"] == 5
    assert "BatchNormalization" not in report.operators
    assert report.comparison.max_error < 1e-4
    assert (report.comparison.model_accuracy, report.comparison.file_accuracy) == (1.0, 1.0)
    assert report.size == report.path.stat().st_size


def test_it_is_a_valid_file_whose_batch_is_open(report: ExportReport) -> None:
    file = standard.load(report.path)
    standard.checker.check_model(file, full_check=True)
    assert {entry.domain for entry in file.opset_import if entry.domain} <= {"ai.onnx.ml"}
    assert file.graph.name == "separable"
    for values, name, shape in ((file.graph.input, "image", [16, 16, 3]), (file.graph.output, "probability", [4])):
        [value] = values
        batch, *rest = value.type.tensor_type.shape.dim
        assert (value.name, batch.dim_param, [side.dim_value for side in rest]) == (name, "batch", shape)


def test_the_record_is_metadata_that_others_read(report: ExportReport) -> None:
    entries = {entry.key: entry.value for entry in standard.load(report.path).metadata_props}
    record = json.loads(entries["sepzoo.json"])
    assert (record["name"], record["labels"]) == ("separable", list(LABELS))
    assert record["preprocessing"]["mean"] == [127.5]
    assert record["outputs"] == [{"kind": "softmax"}]


def test_onnx_s_reference_evaluator_gives_the_same(model: keras.Model, report: ExportReport) -> None:
    images = pixels(3) / np.float32(127.5) - 1
    [answers] = reference.ReferenceEvaluator(str(report.path)).run(None, {"image": images})
    np.testing.assert_allclose(answers, model.predict(images, verbose=0), atol=1e-4)


def test_opens_with_labels_and_preprocessing(model: keras.Model, report: ExportReport) -> None:
    opened = inference.open(report.path)
    assert (opened.name, opened.labels, opened.preprocessing) == ("separable", LABELS, Preprocessing())
    assert (opened.input_shape, opened.classes, opened.output.kind) == ((16, 16, 3), len(LABELS), "softmax")
    expected = model.predict(pixels(7) / np.float32(127.5) - 1, verbose=0)
    np.testing.assert_allclose(opened.predict(pixels(7), batch_size=3), expected, atol=1e-4)
    assert opened.predict(pixels(7)[:0]).shape == (0, 4)


OUTSIDE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sepzoo", "keras", "tensorflow", "onnx", "tf2onnx"):
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import json, numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
labels = json.loads(session.get_modelmeta().custom_metadata_map["sepzoo.json"])["labels"]
images = np.load(sys.argv[2])
for count in (1, len(images)):
    [answers] = session.run(None, {"image": images[:count]})
    assert answers.shape == (count, len(labels))
np.save(sys.argv[3], answers)
"""


def test_runs_without_sepzoo_for_any_batch(model: keras.Model, report: ExportReport, tmp_path: Path) -> None:
    images = pixels(5) / np.float32(127.5) - 1
    np.save(tmp_path / "images.npy", images)
    files = [str(report.path), str(tmp_path / "images.npy"), str(tmp_path / "answers.npy")]
    done = subprocess.run([sys.executable, "-c", OUTSIDE, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), model.predict(images, verbose=0), atol=1e-4)


@pytest.mark.parametrize("build", [several_models.two_to_two, several_models.dictionaries])
def test_several_inputs_and_outputs_keep_their_names(build: Callable[[], keras.Model], tmp_path: Path) -> None:
    network = build()
    given = {name: array for name, array in several_models.arrays(9).items() if name in network_inputs(network)}
    said = {"preprocessing": {"photo": several_models.PIXELS}} if "photo" in given else {}
    onnx(network, tmp_path / "net.onnx", **said)
    opened = inference.open(tmp_path / "net.onnx")
    assert [each.name for each in opened.input_tensors] == network_inputs(network)
    raw = dict(given)
    if "photo" in raw:
        raw["photo"] = several_models.PIXELS.normalize(raw["photo"])
    flat = [raw[name] for name in network_inputs(network)]
    expected = network.predict(keras.tree.pack_sequence_as(network.input, flat), verbose=0)
    names = list(expected) if isinstance(expected, dict) else ["zebra", "ant"]
    rows = expected.values() if isinstance(expected, dict) else expected
    for name, each in zip(names, rows, strict=True):
        np.testing.assert_allclose(opened.predict(given)[name], each, atol=1e-4, rtol=1e-4)


def network_inputs(network: keras.Model) -> list[str]:
    """Return the names of a network's inputs, in its own order."""
    return [tensor.name for tensor in network.inputs]


def test_logits_get_their_softmax_and_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    onnx(separable(softmax=False), tmp_path / "net.onnx", labels=list("wxyz"))
    assert capfd.readouterr() == ("", "")
    probabilities = inference.open(tmp_path / "net.onnx").predict(pixels(3))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_refused_file_leaves_the_old_one(model: keras.Model, check: Samples, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_text("old")
    with pytest.raises(SepzooError, match=r"^onnx of separable was refused: probabilities differ"):
        onnx(model, tmp_path / "net.onnx", check=check, tolerance=Tolerance(max_error=-1.0))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_another_suffix_is_refused(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"^expected a file name that ends in \.onnx\. Received: .*net\.bin\.$"):
        onnx(model, tmp_path / "net.bin")


def test_weights_are_written_once_and_not_for_each_step_of_simplifying(
    model: keras.Model, check: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time takes as much memory as all weights do, and gives none of it back: counted, and a step that fails."""
    from tf2onnx.graph import Graph
    from tf2onnx.optimizer import transpose_optimizer

    written: list[object] = []
    update = Graph.update_proto
    monkeypatch.setattr(Graph, "update_proto", lambda *given: (written.append(given[0]), update(*given)))
    report = onnx(model, tmp_path / "net.onnx", check=check)
    assert len(written) == 2  # as it came, and at the end

    def fail(*_given: object) -> None:
        raise ValueError

    monkeypatch.setattr(transpose_optimizer.TransposeOptimizer, "optimize", fail)
    other = onnx(model, tmp_path / "other.onnx", check=check)
    assert other.operators["Conv"] == report.operators["Conv"]
    assert other.operators["Transpose"] > report.operators.get("Transpose", 0)
    assert other.comparison.max_error < 1e-4
