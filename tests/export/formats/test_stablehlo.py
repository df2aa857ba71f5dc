"""Export to StableHLO: a function that the program of docs/formats.md runs, without Keras and sepzoo."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.analysis import profile
from sepzoo.artifact.inspection import inspect
from sepzoo.data import Samples
from sepzoo.export import ExportReport, stablehlo
from sepzoo.inference.stablehlo_file import StablehloClassifier, XlaCost
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from tests import several_models
from tests.export.networks import LABELS, pixels
from tests.extras import needed
from tests.test_imports import ROOT

needed("jax", "jax")


@pytest.fixture(scope="module")
def report(model: keras.Model, check: Samples, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return stablehlo(model, tmp_path_factory.mktemp("stablehlo") / "net", check=check)


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """A model of several inputs and outputs, with its weights beside it."""
    network = several_models.dictionaries()
    path = tmp_path_factory.mktemp("beside") / "net"
    stablehlo(network, path, weights="beside", preprocessing={"photo": several_models.PIXELS})
    return network, path


def test_the_report_is_that_of_every_format(model: keras.Model, report: ExportReport) -> None:
    assert (report.target, report.labels) == ("stablehlo", len(LABELS))
    assert report.operators["convolution"] == 5
    assert report.comparison.max_error < 1e-4
    assert (report.comparison.model_accuracy, report.comparison.file_accuracy) == (1.0, 1.0)
    assert report.cost is not None
    assert report.cost.macs == profile(model).macs
    assert 2 * report.cost.macs < report.cost.flops < 2.5 * report.cost.macs  # additions of biases and residuals too
    assert f"{report.cost.flops:,} operations" in str(report)
    assert report.cost.fusions is not None
    assert report.cost.fusions > 5  # a convolution, what normalizes it and what follows are no more than one
    assert f" bytes for one sample, {report.cost.fusions} fusions" in str(report)
    cost = json.loads(report.to_json())["cost"]
    assert (cost["bytes"], cost["fusions"]) == (report.cost.bytes, report.cost.fusions)


def test_fusions_are_those_of_the_program_that_xla_compiles(beside: tuple[keras.Model, Path]) -> None:
    import jax
    from jax import export
    from tensorflow.compiler.xla.service import hlo_pb2

    exported = export.deserialize(bytearray((beside[1] / "model.stablehlo").read_bytes()))
    (weights,), inputs = jax.tree_util.tree_unflatten(exported.in_tree, exported.in_avals)
    one = {name: jax.ShapeDtypeStruct((1, *each.shape[1:]), each.dtype) for name, each in inputs.items()}
    compiled = jax.jit(exported.call).lower(weights, **one).compile()
    [program] = compiled.runtime_executable().hlo_modules()
    module = hlo_pb2.HloModuleProto.FromString(program.as_serialized_hlo_module_proto())
    instructions = [each for computation in module.computations for each in computation.instructions]
    counted = sum(each.opcode == "fusion" for each in instructions)
    assert 0 < counted < len(instructions)
    opened = inference.open(beside[1])
    assert isinstance(opened, StablehloClassifier)
    assert opened.cost.fusions == counted


def test_a_folder_that_says_no_fusions_is_read(beside: tuple[keras.Model, Path], tmp_path: Path) -> None:
    path = tmp_path / "net"
    shutil.copytree(beside[1], path)
    about = json.loads((path / "about.json").read_text())
    del about["fusions"]
    (path / "about.json").write_text(json.dumps(about))
    opened = inference.open(path)
    assert isinstance(opened, StablehloClassifier)
    assert opened.cost == XlaCost(about["flops"], about["bytes"])


def test_it_is_for_three_platforms(report: ExportReport) -> None:
    about = json.loads((report.path / "about.json").read_text())
    assert about["platforms"] == ["cpu", "cuda", "tpu"]
    content = (report.path / "model.stablehlo").read_bytes()
    assert about["sha256"] == {"model.stablehlo": hashlib.sha256(content).hexdigest()}


def test_opens_with_labels_and_preprocessing(model: keras.Model, report: ExportReport) -> None:
    opened = inference.open(report.path)
    assert (opened.name, opened.labels, opened.preprocessing) == ("separable", LABELS, Preprocessing())
    assert (opened.input_shape, opened.classes, opened.output.kind) == ((16, 16, 3), len(LABELS), "softmax")
    expected = model.predict(pixels(7) / np.float32(127.5) - 1, verbose=0)
    np.testing.assert_allclose(opened.predict(pixels(7)), expected, atol=1e-4)
    assert opened.predict(pixels(7)[:0]).shape == (0, 4)


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sepzoo", "keras", "tensorflow"):
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
"""


def test_the_program_of_the_page_runs_it(model: keras.Model, report: ExportReport, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    [program] = re.findall(r"```py title=\"run.py\"\n(.*?)```", page, re.DOTALL)
    assert len(program.strip().splitlines()) <= 10
    images = pixels(5) / np.float32(127.5) - 1
    np.save(tmp_path / "images.npy", images)
    line = [sys.executable, "-c", BLOCKED + program, str(report.path), str(tmp_path / "images.npy")]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    best = model.predict(images, verbose=0)
    said = [line.split() for line in done.stdout.splitlines()]
    assert [label for label, _ in said] == [LABELS[row.argmax()] for row in best]
    np.testing.assert_allclose([float(score) for _, score in said], best.max(axis=1), atol=1e-3)


def test_weights_beside_are_its_first_argument(beside: tuple[keras.Model, Path]) -> None:
    network, path = beside
    given = {name: array for name, array in several_models.arrays(4).items() if name != "spare" and name != "far"}
    found = inference.open(path).predict(given)
    raw = {**given, "photo": several_models.PIXELS.normalize(given["photo"])}
    expected = network.predict(raw, verbose=0)
    for name, each in expected.items():
        np.testing.assert_allclose(found[name], each, atol=1e-4, rtol=1e-4)
    from jax import export

    with np.load(path / "weights.npz") as weights:
        assert sum(array.size for array in weights.values()) <= network.count_params()
        arrays = dict(weights)
    exported = export.deserialize(bytearray((path / "model.stablehlo").read_bytes()))
    nothing = {name: np.zeros_like(array) for name, array in arrays.items()}
    assert float(np.abs(np.asarray(exported.call(nothing, **raw)["grid"])).max()) == 0.0
    np.testing.assert_allclose(np.asarray(exported.call(arrays, **raw)["grid"]), expected["grid"], atol=1e-4)
    assert [array.name for array in inspect(path).arrays] == sorted(arrays)


@pytest.mark.slow
def test_a_layer_of_code_is_refused_by_name(tmp_path: Path) -> None:
    source = keras.Input((4,))
    network = keras.Model(source, keras.layers.Lambda(lambda x: x * 2, name="double")(source), name="coded")
    with pytest.raises(SepzooError, match=r"coded: Keras on JAX: .*The converter's own words are in .*net\.log\.$"):
        stablehlo(network, tmp_path / "net")
    assert [path.name for path in tmp_path.iterdir()] == ["net.log"]


def cut(path: Path) -> None:
    content = (path / "model.stablehlo").read_bytes()
    (path / "model.stablehlo").write_bytes(content[: len(content) // 2])


def other_weights(path: Path) -> None:
    with np.load(path / "weights.npz") as weights:
        arrays = {name: array + 1 for name, array in weights.items()}
    np.savez(path / "weights.npz", **arrays)


def calls_python(path: Path) -> None:
    about = json.loads((path / "about.json").read_text())
    content = (path / "model.stablehlo").read_bytes() + b"xla_ffi_python_cpu_callback"
    (path / "model.stablehlo").write_bytes(content)
    about["sha256"]["model.stablehlo"] = hashlib.sha256(content).hexdigest()
    (path / "about.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cut, "expected a StableHLO model. Received: a damaged one (its model.stablehlo is another than was written)."),
        (other_weights, "a damaged one (its weights.npz is another than was written)."),
        (lambda path: (path / "weights.npz").unlink(), "a damaged one (its weights.npz is missing, or larger than"),
        (lambda path: (path / "about.json").unlink(), "a damaged one (its about.json: no such file)."),
        (lambda path: (path / "about.json").write_text("[]"), "does not say the hashes of its files)."),
        (calls_python, "Received: a call of xla_ffi_python_cpu_callback. It was not loaded"),
    ],
)
def test_what_is_refused_in_one_line(
    beside: tuple[keras.Model, Path], tmp_path: Path, change: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "net"
    shutil.copytree(beside[1], path)
    change(path)
    with pytest.raises(SepzooError) as caught:
        inference.open(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
