"""Several formats of one call, of which some fail."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from sepzoo.data import Samples
from sepzoo.export import Tolerance
from sepzoo.export.batch_export import export_all
from sepzoo.export.samples import ExportSamples
from sepzoo.export.target_names import named
from sepzoo.inference.keras_model import from_model

NO_FLOAT16 = Tolerance(max_error=1e-5)
"""Weights of half the digits err by more than that, those of float32 by less."""


@pytest.fixture
def both(calibration: Samples, check: Samples) -> ExportSamples:
    return ExportSamples(calibration=calibration, check=check)


@pytest.mark.slow
def test_of_all_a_refused_file_misses_a_gate(
    model: keras.Model, both: ExportSamples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tuple(map(named, ("tflite:float16", "tflite:float32")))
    monkeypatch.setattr("sepzoo.export.target_names.TARGET_NAMES", some)
    given = {"samples": both, "tolerance": NO_FLOAT16}
    found = export_all(from_model(model), ["all"], tmp_path / "m", least_accuracy=0.0, **given)
    assert [(failure.target, failure.refused) for failure in found.failures] == [("tflite:float16", True)]
    assert not found.passed
    assert export_all(from_model(model), ["all"], tmp_path / "m", **given).passed
    assert {path.name for path in tmp_path.iterdir()} == {"m_float32.tflite"}
