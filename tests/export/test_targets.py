"""Targets by name."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from sepzoo import export
from sepzoo.data import Samples
from sepzoo.export.target_names import TARGET_NAMES, named
from sepzoo.support.errors import SepzooError


def test_rows_of_names_are_the_targets_in_their_order() -> None:
    assert [row.name for row in TARGET_NAMES] == list(export.TARGETS)
    assert all(row.use for row in TARGET_NAMES)
    assert all(bool(row.packages) == bool(row.extra) for row in TARGET_NAMES)


@pytest.mark.parametrize("name", list(export.TARGETS))
def test_what_a_target_needs_is_said_before_anything_else(
    name: str, model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = named(name)
    if not row.packages:
        row.require_packages()
        return
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SepzooError, match=rf"^{name} needs .*pip install 'sepzoo\[{row.extra}\]'\.$"):
        export.export(model, name, tmp_path / f"model{export.TARGETS[name].suffix}")
    assert list(tmp_path.iterdir()) == []


def test_the_names() -> None:
    assert list(export.TARGETS) == [
        "tflite:float32",
        "tflite:float16",
        "tflite:dynamic",
        "tflite:int8",
        "tflite:int8_float_io",
        "tflite:int8_per_tensor",
        "tflite:int16x8",
        "tflite:weights_int8",
        "tflite:weights_int4",
        "tflite:weights_int4_int8",
        "tflite:int8_int4",
        "xla",
        "xla:cpu",
        "stablehlo",
        "onnx",
        "onnx:int8",
        "openvino",
        "openvino:int8",
        "browser",
        "browser:int8",
    ]
    assert [name for name, target in export.TARGETS.items() if target.calibrated] == [
        "tflite:int8",
        "tflite:int8_float_io",
        "tflite:int8_per_tensor",
        "tflite:int16x8",
        "tflite:int8_int4",
        "openvino:int8",
        "browser:int8",
    ]
    assert export.TARGETS["tflite:int8"].suffix == "_int8.tflite"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tflite:float32", "tflite:int8", "xla"])
def test_each_name_writes_its_format(
    name: str, model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path
) -> None:
    path = tmp_path / f"model{export.TARGETS[name].suffix}"
    report = export.export(model, name, path, calibration=calibration, check=check)
    assert (report.target, report.path) == (name, path)
    assert path.exists()
    assert (report.calibration is not None) == export.TARGETS[name].calibrated


def test_an_unknown_name_offers_the_nearest(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"^unknown target 'tflite:int7'\. Did you mean tflite:int8"):
        export.export(model, "tflite:int7", tmp_path / "model.tflite")


def test_functions_stay_functions_once_their_modules_are_loaded() -> None:
    import sepzoo.export.targets

    assert callable(sepzoo.export.tflite)
    assert callable(sepzoo.export.xla)
    assert callable(sepzoo.export.export)


def test_limits_of_relative_errors_are_those_of_the_page_and_above_what_was_measured() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "tolerances.md").read_text(encoding="utf-8")
    rows = [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    names, measured = rows[0][2:], [row for row in rows if row[1:2] not in ([""], ["network"], ["---"])]
    largest, limits = (next(row for row in rows if row[0] == word)[2:] for word in ("largest", "limit"))
    assert len(measured) == 20
    for place, (name, most, limit) in enumerate(zip(names, largest, limits, strict=True), start=2):
        assert float(most) == max(float(row[place]) for row in measured if row[place] != "-")
        assert float(most) < float(limit) == export.TARGETS[f"tflite:{name}"].tolerance.relative_error
