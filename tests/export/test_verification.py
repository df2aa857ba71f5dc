"""Exported files carry what a later check needs; whatever else than what was written is found."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import export, inference
from sepzoo.artifact.seal import SEAL, add_seal, read_seal
from sepzoo.data import Samples
from sepzoo.export import ExportReport, verify
from sepzoo.support.errors import SepzooError
from tests import several_models
from tests.cli.conftest import Command, command  # noqa: F401  (a fixture)
from tests.extras import needed_by

FORMATS = ("tflite:int8", "onnx", "openvino", "stablehlo", "xla")


@pytest.fixture(scope="module")
def made(
    model: keras.Model, calibration: Samples, check: Samples, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A file of each format, written when it is first asked for."""
    folder, files = tmp_path_factory.mktemp("verified"), dict[str, Path]()

    def path_of(name: str) -> Path:
        needed_by(name)
        if name not in files:
            path = folder / f"net{export.TARGETS[name].suffix}"
            files[name] = export.export(model, name, path, calibration=calibration, check=check).path
        return files[name]

    return path_of


def copied(source: Path, folder: Path) -> Path:
    target = folder / source.name
    shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    return target


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_passes_and_says_what_it_is(name: str, model: keras.Model, made: Callable[[str], Path]) -> None:
    found = verify(made(name))
    assert found.passed
    assert found.error < 1e-6  # the same machine
    record = found.record
    assert (record["target"], record["name"], record["labels"]) == (name, "separable", 4)
    weights = hashlib.sha256()
    for array in model.get_weights():
        weights.update(f"{array.shape}{array.dtype.name}".encode() + array.tobytes())
    assert record["weights"] == f"sha256:{weights.hexdigest()}"
    assert record["versions"]["keras"] == keras.__version__
    assert record["check"]["origin"] == "200 images of coloured quarters, seed 2"
    assert record["check"]["count"] == 200
    assert [output["kind"] for output in record["outputs"]] == ["softmax"]
    assert json.loads(found.to_json())["passed"] is True
    assert "as at its export" in str(found)


def test_answers_are_those_of_the_model(model: keras.Model, made: Callable[[str], Path]) -> None:
    [rows] = verify(made("onnx")).record["answers"]["values"].values()
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), np.uint8)[:4]
    np.testing.assert_allclose(rows, model.predict(noise / np.float32(127.5) - 1, verbose=0), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_byte_that_changed_is_found(name: str, made: Callable[[str], Path], tmp_path: Path) -> None:
    source, random = made(name), np.random.default_rng(7)
    for number in range(12):
        path = copied(source, tmp_path)
        files = sorted(file for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
        file = files[number % len(files)]
        if file.name != ".sepzoo-files":
            content = bytearray(file.read_bytes())
            content[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
            file.write_bytes(content)
            with pytest.raises(SepzooError) as caught:
                assert not verify(path)
            assert "\n" not in str(caught.value)
            assert str(path) in str(caught.value)
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("name", ["onnx", "browser"])
def test_a_file_whose_end_was_cut_off_may_be_damaged(name: str, made: Callable[[str], Path], tmp_path: Path) -> None:
    """The rest of it may still be sound: the record stood last."""
    path = copied(made(name), tmp_path)
    content = path.read_bytes()
    start = content.rindex(SEAL.encode())
    if name == "browser":
        start -= len("<!-- ")
    else:  # ahead of the text's own tag and length stand those of the entry, seven bits of the length a byte
        start -= 2
        start -= 1 + -(-(len(content) - start).bit_length() // 7)
    path.write_bytes(content[:start])
    with pytest.raises(SepzooError, match=r"Received: one without, of another program, or damaged: where a file was"):
        verify(path)


@pytest.mark.parametrize("name", ["tflite:int8", "onnx", "openvino"])
def test_a_truncated_file_is_one_line(
    name: str,
    made: Callable[[str], Path],
    tmp_path: Path,
    command: Command,  # noqa: F811
) -> None:
    path = copied(made(name), tmp_path)
    file = path / "model.bin" if path.is_dir() else path
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    outcome = command("verify", path)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(f"error: {path}: expected ")


@pytest.mark.parametrize("name", ["onnx", "xla"])
def test_other_answers_under_a_new_seal_fail(
    name: str,
    made: Callable[[str], Path],
    tmp_path: Path,
    command: Command,  # noqa: F811
) -> None:
    """A file that answers otherwise than its record says is found where its bytes can't tell; that is exit code 1."""
    path = copied(made(name), tmp_path)
    seal = read_seal(path)
    assert seal is not None
    record = json.loads(json.dumps(seal.record))
    [key] = record["answers"]["values"]
    record["answers"]["values"][key] = (1 - np.array(record["answers"]["values"][key])).tolist()
    add_seal(path, record)
    outcome = command("verify", path)
    assert (outcome.code, outcome.err) == (1, "")
    assert "NOT as at its export" in outcome.out


def test_a_file_without_a_record_is_refused(model: keras.Model, made: Callable[[str], Path], tmp_path: Path) -> None:
    model.save(tmp_path / "net.keras")
    path = copied(made("xla"), tmp_path)
    (path / SEAL).unlink()
    for each in (tmp_path / "net.keras", path):
        with pytest.raises(
            SepzooError, match=r"expected a file that sepzoo exported, .* Received: one without, of another"
        ):
            verify(each)
    with pytest.raises(SepzooError, match=r"none\.onnx: no such file\.$"):
        verify(tmp_path / "none.onnx")


def test_a_record_of_another_version_is_refused(made: Callable[[str], Path], tmp_path: Path) -> None:
    path = copied(made("xla"), tmp_path)
    add_seal(path, {"version": 99})
    with pytest.raises(
        SepzooError, match=r"expected a record of this version of sepzoo\. Received: another \(KeyError"
    ):
        verify(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tflite:int8", "onnx", "openvino", "stablehlo"])
def test_it_takes_the_format_s_runtime_alone(name: str, made: Callable[[str], Path]) -> None:
    path = made(name)
    code = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("keras", "tensorflow", "onnx", "tf2onnx"):
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
from sepzoo.cli import main
main(["verify", {str(path)!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "as they were written" in done.stdout


def test_two_exports_are_the_same_bytes(model: keras.Model, check: Samples, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export.tflite(model, tmp_path / f"{name}.tflite", check=check)
    assert (tmp_path / "a.tflite").read_bytes() == (tmp_path / "b.tflite").read_bytes()


def test_several_outputs_are_each_checked(tmp_path: Path) -> None:
    report: ExportReport = export.tflite(several_models.two_to_two(), tmp_path / "net.tflite")
    found = verify(report.path)
    assert set(found.record["answers"]["values"]) == {"zebra", "ant"}
    assert found.passed
    assert inference.open(report.path).output_tensors
