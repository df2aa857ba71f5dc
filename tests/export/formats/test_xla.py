"""Export for XLA: a folder that runs without sepzoo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from sepzoo import inference
from sepzoo.artifact.seal import SEAL
from sepzoo.data import Samples
from sepzoo.export import ExportReport, Tolerance, xla
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.atomic import MARKER, atomic_write
from sepzoo.support.errors import SepzooError
from tests.export.networks import LABELS, pixels, separable

PROGRAM = """
import sys
import keras
import sepzoo
from sepzoo.records.preprocessing import Preprocessing
keras.utils.set_random_seed(0)
layers = [keras.layers.Conv2D(4, 3), keras.layers.Conv2D(6, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
model = keras.Sequential([keras.Input((8, 8, 3)), *layers], name="net")
sepzoo.export.xla(model, sys.argv[1], preprocessing=Preprocessing())
"""


@pytest.fixture(scope="module")
def report(model: keras.Model, check: Samples, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return xla(model, tmp_path_factory.mktemp("xla") / "served", check=check)


def test_report_by_the_same_mechanism(report: ExportReport) -> None:
    assert (report.target, report.labels, report.operators) == ("xla", len(LABELS), {})
    assert report.comparison.max_error < 1e-4
    assert (report.comparison.model_accuracy, report.comparison.file_accuracy) == (1.0, 1.0)
    assert report.size == sum(file.stat().st_size for file in report.path.rglob("*") if file.is_file())


def test_opens_with_labels_and_preprocessing(model: keras.Model, report: ExportReport) -> None:
    opened = inference.open(report.path)
    assert (opened.name, opened.labels, opened.preprocessing) == ("separable", LABELS, Preprocessing())
    assert (opened.input_shape, opened.classes) == ((16, 16, 3), len(LABELS))
    expected = model.predict(pixels(7) / np.float32(127.5) - 1, verbose=0)
    np.testing.assert_allclose(opened.predict(pixels(7)), expected, atol=1e-4)


def test_the_function_is_one_that_xla_must_compile(report: ExportReport) -> None:
    saved = tf.saved_model.load(str(report.path))
    graph = saved.signatures["serving_default"].graph.as_graph_def()
    compiled = [function for function in graph.library.function if function.attr["_XlaMustCompile"].b]
    assert compiled


def operators(path: Path) -> set[str]:
    graph = tf.saved_model.load(str(path)).signatures["serving_default"].graph.as_graph_def()
    return {node.op for function in graph.library.function for node in function.node_def}


@pytest.mark.slow
def test_for_processors_depthwise_convolutions_are_written_in_another_way(
    model: keras.Model, report: ExportReport, check: Samples, tmp_path: Path
) -> None:
    other = xla(model, tmp_path / "served", check=check, device="cpu")
    assert (other.target, other.comparison.max_error < 1e-4) == ("xla:cpu", True)
    assert "DepthwiseConv2dNative" in operators(report.path)
    assert "DepthwiseConv2dNative" not in operators(other.path)
    expected = model.predict(pixels(7) / np.float32(127.5) - 1, verbose=0)
    np.testing.assert_allclose(inference.open(other.path).predict(pixels(7)), expected, atol=1e-4)


def test_another_device_is_unknown(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"^unknown device 'gpus'\. Did you mean gpu\?$"):
        xla(model, tmp_path / "served", device="gpus")  # type: ignore[arg-type]


OUTSIDE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "sepzoo":
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import numpy as np, tensorflow as tf
saved = tf.saved_model.load(sys.argv[1])
images = np.load(sys.argv[2])
for count in (1, len(images)):
    (answers,) = saved.signatures["serving_default"](tf.constant(images[:count])).values()
    assert answers.shape == (count, 4)
np.save(sys.argv[3], answers.numpy())
"""


@pytest.mark.slow
def test_runs_without_sepzoo_for_any_batch(model: keras.Model, report: ExportReport, tmp_path: Path) -> None:
    images = pixels(5) / np.float32(127.5) - 1
    np.save(tmp_path / "images.npy", images)
    command = [
        sys.executable,
        "-c",
        OUTSIDE,
        str(report.path),
        str(tmp_path / "images.npy"),
        str(tmp_path / "answers.npy"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), model.predict(images, verbose=0), atol=1e-4)


def test_a_refused_folder_leaves_the_old_one(model: keras.Model, check: Samples, tmp_path: Path) -> None:
    with atomic_write(tmp_path / "served", folder=True) as temporary:
        temporary.mkdir()
        (temporary / "old.txt").write_text("old")
    with pytest.raises(SepzooError, match=r"^xla of separable was refused: probabilities differ"):
        xla(model, tmp_path / "served", check=check, tolerance=Tolerance(max_error=-1.0))
    assert {path.name for path in tmp_path.rglob("*")} == {"served", "old.txt", MARKER}


@pytest.mark.slow
def test_logits_get_their_softmax_and_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report = xla(separable(softmax=False), tmp_path / "served", labels=list("wxyz"))
    assert capfd.readouterr() == ("", "")
    assert json.loads((report.path / "assets.extra" / "sepzoo.json").read_text())["labels"] == list("wxyz")
    probabilities = inference.open(report.path).predict(pixels(3))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_damaged_folder_is_one_line(report: ExportReport, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "assets.extra").mkdir(parents=True)
    (broken / "saved_model.pb").write_bytes((report.path / "saved_model.pb").read_bytes()[:500])
    source = report.path / "assets.extra" / "sepzoo.json"
    (broken / "assets.extra" / "sepzoo.json").write_bytes(source.read_bytes())
    with pytest.raises(SepzooError, match=r"broken: expected a SavedModel\. Received: a damaged one") as caught:
        inference.open(broken)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_same_network_makes_the_same_bytes(tmp_path: Path) -> None:
    """All but a number that TensorFlow draws by chance, and the hash over it."""
    found = []
    for place in (tmp_path / "one", tmp_path / "other"):
        subprocess.run([sys.executable, "-c", PROGRAM, place], check=True, capture_output=True)
        files = {str(file.relative_to(place)): file for file in place.rglob("*") if file.is_file()}
        assert {"saved_model.pb", "fingerprint.pb", SEAL} <= files.keys()
        found.append({name: file.read_bytes() for name, file in files.items() if name not in ("fingerprint.pb", SEAL)})
    assert found[0] == found[1]
