"""`sepzoo export` to several formats at once, of which some fail, and as a gate."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import keras
import pytest

from sepzoo.export.target_names import named
from tests.cli.conftest import Command


def lacking(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Let packages seem not to be installed."""
    installed = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name in packages else installed(name, *more)
    )


@pytest.mark.slow
def test_all_goes_on_where_a_format_fails(
    command: Command, small_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tuple(map(named, ("tflite:float32", "tflite:int8", "onnx", "tflite:float16")))
    monkeypatch.setattr("sepzoo.export.target_names.TARGET_NAMES", some)
    lacking(monkeypatch, "tf2onnx")
    outcome = command("export", small_files / "small.keras", "--to", "all", "--out", tmp_path)
    assert outcome.code == 0, outcome.err
    header, *lines = outcome.out.splitlines()
    assert header.split()[-1] == "status"
    assert [[line.split()[0], line.split()[-1]] for line in lines[1:5]] == [
        ["tflite:float32", "pass"],
        ["tflite:int8", "file"],
        ["onnx", "file"],
        ["tflite:float16", "file"],
    ]
    assert "tflite:int8: tflite:int8 needs images to calibrate on. Received: no --data." in outcome.out
    assert "onnx: onnx needs tf2onnx" in outcome.out
    assert "tflite:float16: float16 rounds, and random pixels cannot show what that does." in outcome.out
    assert {path.name for path in tmp_path.iterdir()} == {"small_float32.tflite", "report.json", "report.html"}
    report = json.loads((tmp_path / "report.json").read_text())
    assert [file["passed"] for file in report["files"]] == [True]
    assert [failure["target"] for failure in report["failures"]] == ["tflite:int8", "onnx", "tflite:float16"]


@pytest.mark.slow
@pytest.mark.parametrize(("least", "code", "status"), [("0", 0, "pass"), ("0.999", 1, "FAIL")])
def test_a_least_accuracy_is_a_gate(
    command: Command, small_files: Path, tmp_path: Path, least: str, code: int, status: str
) -> None:
    arguments = ["--to", "tflite:float32", "--data", "digits", "--out", tmp_path, "--least-accuracy", least]
    outcome = command("export", small_files / "small.keras", *arguments)
    assert (outcome.code, outcome.out.splitlines()[2].split()[-1]) == (code, status)
    assert f"least accuracy {least}: {'missed by tflite:float32' if code else 'kept by all files'}" in outcome.out
    assert (tmp_path / "small_float32.tflite").exists()


@pytest.mark.parametrize("gate", [[], ["--least-accuracy", "0.0"]])
def test_all_without_any_file_fails(
    command: Command, small_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: list[str]
) -> None:
    monkeypatch.setattr("sepzoo.export.target_names.TARGET_NAMES", tuple(map(named, ("onnx", "stablehlo"))))
    lacking(monkeypatch, "tf2onnx", "jax")
    arguments = ["--to", "all", "--data", "digits", "--out", tmp_path, *gate]
    outcome = command("export", small_files / "small.keras", *arguments)
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.count("no file\n") == 2
    if gate:
        assert outcome.out.endswith("least accuracy 0: kept by no file; 2 formats have none\n")
    assert json.loads((tmp_path / "report.json").read_text())["passed"] is False


@pytest.mark.slow
def test_of_named_formats_the_others_go_on_where_one_fails(command: Command, tmp_path: Path) -> None:
    source = keras.Input((4,))
    inverted = keras.ops.erfinv(keras.ops.tanh(source))
    keras.Model(source, keras.layers.Dense(2)(inverted), name="inverts").save(tmp_path / "inverts.keras")
    out = tmp_path / "out"
    outcome = command("export", tmp_path / "inverts.keras", "--to", "tflite:float32,xla", "--out", out)
    said = "error: expected a file of each format. Received: none of tflite:float32. The results say why.\n"
    assert (outcome.code, outcome.err) == (2, said)
    [status] = [line.split()[-1] for line in outcome.out.splitlines() if line.startswith("xla ")]
    assert status == "pass"
    assert "tflite:float32: tflite:float32 has no operators for parts of inverts: " in outcome.out
    report = json.loads((out / "report.json").read_text())
    assert [file["target"] for file in report["files"]] == ["xla"]
    assert [(failure["target"], failure["named"]) for failure in report["failures"]] == [("tflite:float32", True)]
    alone = command("export", tmp_path / "inverts.keras", "--to", "tflite:float32", "--out", tmp_path / "alone")
    assert (alone.code, alone.out) == (2, "")
    assert alone.err.startswith("error: tflite:float32 has no operators for parts of inverts: ")


def test_a_report_that_can_not_be_written_is_seen_before_the_first_file(
    command: Command, small_files: Path, tmp_path: Path
) -> None:
    (tmp_path / "report.html").mkdir()
    outcome = command("export", small_files / "small.keras", "--to", "tflite:float32", "--out", tmp_path)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert f"{tmp_path}/report.html, which is a folder" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "tflite:float32", "--least-accuracy", "0.9"], "Received: least_accuracy=0.9 and no samples. Name"),
        (["--to", "all,xla"], "expected all alone, or names of formats. Received: all,xla."),
    ],
)
def test_what_is_no_gate_and_not_all(
    command: Command, small_files: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    outcome = command("export", small_files / "small.keras", *arguments, "--out", tmp_path)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert said in outcome.err
    assert not list(tmp_path.iterdir())
