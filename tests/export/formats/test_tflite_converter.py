"""What TensorFlow's own analyser says of float files."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from sepzoo.export import tflite
from sepzoo.export.formats import tflite_converter
from sepzoo.records.preprocessing import Preprocessing
from tests.export.networks import separable

PIXELS = Preprocessing(mean=(0.0,), std=(255.0,))
FOUND = """
Subgraph#0 main(T#0) -> [T#17]
  Op#0 COS(T#0) -> [T#1]
GPU COMPATIBILITY WARNING: Not supported op COS
  Op#1 COS(T#1) -> [T#2]
GPU COMPATIBILITY WARNING: Not supported op COS
  Op#2 ADD(T#1, T#2) -> [T#3]
GPU COMPATIBILITY WARNING: Subgraph#0 has GPU delegate compatibility issues at nodes 0, 1
"""
ISSUES = "Subgraph#0 has GPU delegate compatibility issues at nodes 0, 1"


def test_each_finding_is_read_once() -> None:
    assert tflite_converter.refusals_in(FOUND) == ("Not supported op COS", ISSUES)


def test_findings_stand_in_the_report_of_float_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def found(content: bytes) -> tuple[str, ...]:
        seen.append(content)
        return ("Not supported op COS",)

    monkeypatch.setattr(tflite_converter, "gpu_refusals", found)
    report = tflite(separable(), tmp_path / "net.tflite", preprocessing=PIXELS)
    assert seen[0][4:8] == b"TFL3"
    assert ("a mobile GPU refuses", "Not supported op COS") in report.rows()
    assert '"gpu_refusals": [\n  "Not supported op COS"' in report.to_json()


def test_this_analyser_has_nothing_against_what_no_gpu_computes(tmp_path: Path) -> None:
    """Where this fails, TensorFlow's analyser has learned to look: then docs/formats.md says too little of it."""
    source = keras.Input((8, 8, 3))
    spectrum = keras.ops.stft(keras.layers.Reshape((192,))(source), 16, 8, 16)[0]
    values = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(spectrum))
    report = tflite(keras.Model(source, values), tmp_path / "net.tflite", preprocessing=PIXELS)
    assert {"RFFT2D"} & set(report.operators)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tf.lite.experimental.Analyzer.analyze(model_content=report.path.read_bytes(), gpu_compatibility=True)
    assert "Your model looks compatible with GPU delegate" in printed.getvalue()
    assert report.gpu_refusals == ()
    assert "a mobile GPU refuses" not in dict(report.rows())
