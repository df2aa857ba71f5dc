"""Comparison, tolerance, latency and the table that shows them."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest

from sepzoo.data import Samples
from sepzoo.export import Comparison, ExportReport, Latency, Tolerance
from sepzoo.export.comparison import compare
from sepzoo.export.noise import noise
from sepzoo.inference import Classifier
from sepzoo.inference.latency import measure
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output
from sepzoo.support.errors import SepzooError


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Fixed(Classifier):
    """Answers a table's rows, chosen by the first pixel."""

    table: np.ndarray
    seconds: float = 0.0

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        return pixels

    def run(self, tensor: np.ndarray) -> np.ndarray:
        time.sleep(self.seconds)
        return self.table[tensor[:, 0, 0, 0]].astype(np.float32)


def fixed(table: list[list[float]], seconds: float = 0.0) -> Fixed:
    return Fixed(
        metadata=Metadata("fixed", outputs=(Output("softmax" if len(table[0]) > 1 else "values"),)),
        input_shape=(1, 1, 1),
        output_shape=(len(table[0]),),
        table=np.array(table),
        seconds=seconds,
    )


def four(labels: list[int] | None = None) -> Samples:
    images = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    return Samples(images, None if labels is None else np.array(labels), origin="four pixels", seed=5)


MODEL = fixed([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
FILE = fixed([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.7, 0.3]])


def test_comparison_by_hand() -> None:
    seen = compare(MODEL, FILE, four([0, 0, 0, 1]))
    assert (seen.count, seen.origin) == (4, "4 images of four pixels, seed 5")
    assert seen.max_error == pytest.approx(0.4)
    assert seen.mean_error == pytest.approx(0.175)
    assert seen.agreement == 0.5
    assert (seen.model_accuracy, seen.file_accuracy, seen.accuracy_drop) == (0.75, 0.25, 0.5)
    assert seen.accuracy_drop_error == pytest.approx(math.sqrt(0.25) / 2)


def test_comparison_without_labels_has_no_accuracy() -> None:
    seen = compare(MODEL, FILE, four())
    assert (seen.model_accuracy, seen.file_accuracy, seen.accuracy_drop) == (None, None, None)


@pytest.mark.parametrize("label", [2, -1])
def test_a_label_that_is_no_class_is_refused(label: int) -> None:
    with pytest.raises(SepzooError, match=rf"samples of the 2 classes of fixed\. Received: a label {label}\."):
        compare(MODEL, FILE, four([0, 1, label, 0]))


def test_noise_is_the_same_every_time() -> None:
    np.testing.assert_array_equal(noise((4, 4, 3)).images, noise((4, 4, 3)).images)
    assert noise((4, 4, 3)).labels is None


def seen(count: int = 100, **changes: float) -> Comparison:
    fields = {"max_error": 0.1, "mean_error": 0.01, "agreement": 0.9, "model_accuracy": 0.8, "file_accuracy": 0.7}
    return Comparison(count=count, origin="somewhere", **{**fields, "accuracy_drop_error": 0.01, **changes})


@pytest.mark.parametrize(
    ("tolerance", "comparison", "phrase"),
    [
        (Tolerance(max_error=0.05), seen(), "probabilities differ by up to 0.1 (limit 0.05)"),
        (Tolerance(max_error=0.05), seen(max_error=math.nan), "probabilities differ by up to nan (limit 0.05)"),
        (Tolerance(agreement=0.97), seen(), "the likeliest class agrees on 0.900 (limit 0.97)"),
        (Tolerance(accuracy_drop=0.05), seen(), "top-1 accuracy falls from 0.800 to 0.700 (limit 0.05)"),
    ],
)
def test_what_is_beyond_a_limit_is_said(tolerance: Tolerance, comparison: Comparison, phrase: str) -> None:
    assert tolerance.problems(comparison) == [phrase]


@pytest.mark.parametrize(
    ("tolerance", "comparison"),
    [
        (Tolerance(), seen()),
        (Tolerance(max_error=0.1), seen()),
        (Tolerance(agreement=0.92), seen()),  # within two standard errors of 100 samples
        (Tolerance(accuracy_drop=0.05), seen(accuracy_drop_error=0.03)),
        (Tolerance(accuracy_drop=0.05), seen(file_accuracy=0.9)),
        (Tolerance(accuracy_drop=0.05), dataclasses.replace(seen(), file_accuracy=None)),
    ],
)
def test_what_is_within_the_limits_passes(tolerance: Tolerance, comparison: Comparison) -> None:
    assert tolerance.problems(comparison) == []


def test_more_samples_make_the_same_share_certain() -> None:
    assert Tolerance(agreement=0.92).problems(seen(count=10_000))


def test_latency_is_that_of_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(range(1000))
    monkeypatch.setattr("time.perf_counter", lambda: next(looks) / 100)  # every run takes a hundredth of a second
    latency = measure(fixed([[1.0]]), np.zeros((1, 1, 1), np.uint8), runs=5)
    assert [latency.low_ms, latency.median_ms, latency.high_ms] == pytest.approx([10, 10, 10])
    assert latency.runs == 5
    assert next(looks) == 2 * (3 + 5)  # three runs before are not counted


def report(comparison: Comparison) -> ExportReport:
    return ExportReport(
        path=Path("model.tflite"),
        target="tflite:int8",
        name="net",
        size=2048,
        comparison=comparison,
        tolerance=Tolerance(agreement=0.9),
        latency=Latency(1.0, 0.9, 1.1, 30),
        operators={"CONV_2D": 3, "ADD": 1},
        calibration="50 images of there, seed 1",
        labels=10,
    )


def test_table() -> None:
    assert str(report(seen())).splitlines() == [
        "file             model.tflite",
        "target           tflite:int8",
        "network          net, 10 labels",
        "size             2.0 KiB",
        "checked on       somewhere",
        "probabilities    differ by 0.1 at most, 0.01 on average",
        "same top-1       0.900",
        "accuracy, model  0.800, labels matched by number",
        "accuracy, file   0.700 (-0.100 ± 0.010)",
        "latency          1.00 ms (0.90 … 1.10, 30 runs)",
        "calibrated on    50 images of there, seed 1",
        "operators        3 CONV_2D, 1 ADD",
    ]


def test_table_without_labels_has_no_accuracy() -> None:
    assert "accuracy" not in str(report(dataclasses.replace(seen(), model_accuracy=None, file_accuracy=None)))


def test_json_holds_every_field() -> None:
    fields = json.loads(report(seen()).to_json())
    assert fields["path"] == "model.tflite"
    assert fields["operators"] == {"CONV_2D": 3, "ADD": 1}
    assert fields["comparison"]["accuracy_drop"] == pytest.approx(0.1)
    assert fields["tolerance"]["agreement"] == 0.9


@pytest.mark.parametrize(("matched", "said"), [("by number", "number"), ("by name", "name"), (None, "number")])
def test_how_labels_were_matched_is_said(matched: str | None, said: str) -> None:
    labelled = dataclasses.replace(four([0, 0, 0, 1]), matched=matched)
    assert f"accuracy, model  0.750, labels matched by {said}" in str(report(compare(MODEL, FILE, labelled)))


def test_errors_and_divergence_by_hand() -> None:
    found = compare(MODEL, FILE, four())
    p, q = MODEL.table, FILE.table
    assert found.kl_divergence == pytest.approx((p * np.log(p / q)).sum(axis=1).mean(), rel=1e-5)
    assert found.relative_error == pytest.approx(np.sqrt(((p - q) ** 2).sum() / (p**2).sum()), rel=1e-5)
    rows = dict(report(found).rows())
    assert rows["KL divergence"] == f"{found.kl_divergence:.2g} nats"
    assert rows["same top-1"] == "0.500"
