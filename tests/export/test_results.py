"""What passes as an export to several formats, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.export import Comparison, ExportReport, Latency, Tolerance
from sepzoo.export.results import ExportFailure, ExportResults


def report(target: str, accuracy: float | None) -> ExportReport:
    seen = Comparison(
        count=50, origin="noise", max_error=0.1, mean_error=0.01, agreement=0.98, model_accuracy=0.9,
        file_accuracy=accuracy,
    )  # fmt: skip
    return ExportReport(
        path=Path(target), target=target, name="net", size=1, comparison=seen, tolerance=Tolerance(),
        latency=Latency(1, 1, 1, 30), operators={}, calibration=None, labels=0,
    )  # fmt: skip


def results(least: float | None, accuracies: list[float | None], failures: list[ExportFailure]) -> ExportResults:
    reports = tuple(report(f"file{number}", each) for number, each in enumerate(accuracies))
    return ExportResults(None, Latency(1, 1, 1, 30), reports, tuple(failures), least)


LACKING = ExportFailure("onnx", "onnx needs tf2onnx")
NAMED = ExportFailure("onnx", "onnx has no operators for parts of net", named=True)
REFUSED = ExportFailure("tflite:int8", "tflite:int8 of net was refused", refused=True)


@pytest.mark.parametrize(
    ("least", "accuracies", "failures", "passed", "said"),
    [
        (None, [0.1], [], True, None),
        (None, [0.1], [LACKING, REFUSED], True, None),
        (None, [], [LACKING], False, None),
        (None, [], [], True, None),
        (0.9, [0.9, 0.95], [], True, "kept by all files"),
        (0.9, [0.9, 0.89], [], False, "missed by file1"),
        (0.9, [None], [], False, "missed by file0"),
        (0.9, [0.9, 0.95], [LACKING] * 8, True, "kept by 2 files; 8 formats have none"),
        (0.9, [0.9], [LACKING], True, "kept by 1 file; 1 format has none"),
        (0.9, [0.9], [LACKING, REFUSED], False, "missed by tflite:int8; 2 formats have none"),
        (0.9, [0.8], [REFUSED], False, "missed by file0, tflite:int8; 1 format has none"),
        (None, [0.1], [NAMED], False, None),
        (0.9, [0.9], [NAMED], False, "kept by 1 file; 1 format has none"),
        (0.0, [], [LACKING] * 20, False, "kept by no file; 20 formats have none"),
    ],
)
def test_a_gate_passes_on_files_alone(
    least: float | None, accuracies: list[float | None], failures: list[ExportFailure], passed: bool, said: str | None
) -> None:
    found = results(least, accuracies, failures)
    assert found.passed is found.to_dict()["passed"] is passed
    gates = [note for note in found.notes() if note.startswith("least accuracy")]
    assert gates == ([] if said is None else [f"least accuracy {least:g}: {said}"])
