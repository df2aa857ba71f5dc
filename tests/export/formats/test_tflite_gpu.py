"""What a phone's GPU refuses, held against the last of TensorFlow's analysers that looks.

`gpu_analyser.txt` is what `tf.lite.experimental.Analyzer.analyze(…, gpu_compatibility=True)` of TensorFlow 2.17.1 says
of the graphs of each file here, and before them all operators that it has: of a file with each of the 209 in turn it
says "Not supported op" of the others.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from sepzoo.export import ExportReport, tflite
from sepzoo.export.formats import tflite_converter
from sepzoo.export.formats.tflite_gpu import TAKEN, refused_by_gpu
from sepzoo.export.gpu_refusal import GpuRefusal
from sepzoo.export.results import ExportResults
from sepzoo.export.results_page import results_page
from sepzoo.inference.latency import Latency
from sepzoo.support.quiet import quiet

RANDOM = np.random.default_rng(0)
RECORD = Path(__file__).with_name("gpu_analyser.txt").read_text(encoding="utf-8")


def made(function: Callable[..., object], *shape: int) -> keras.Model:
    source = keras.Input(shape or (8, 6, 3))
    return keras.Model(source, function(source))


def rows(x: object) -> object:
    return x * np.arange(18, dtype="float32").reshape(6, 3)


CASES: dict[str, Callable[[], keras.Model]] = {
    "separable": lambda: made(lambda x: layers.Conv2D(4, 1)(layers.DepthwiseConv2D(3, activation="relu6")(x))),
    "nothing refused": lambda: made(
        lambda x: layers.Softmax()(layers.Dense(3)(layers.Flatten()(layers.ZeroPadding2D()(layers.PReLU()(x)))))
    ),
    "three dimensions": lambda: made(layers.Conv3D(2, 2), 4, 4, 4, 1),
    "backwards": lambda: made(lambda x: ops.flip(x, axis=1)),
    "rows of numbers": lambda: made(rows),
    "each with each": lambda: made(lambda x: x[:, :1] * x[:, :, :1]),
    "places": lambda: made(lambda x: ops.take(x, np.array([[0, 2], [1, 1]]), axis=3)),
    "five dimensions": lambda: made(layers.ZeroPadding3D(1), 3, 3, 3, 2),
    "a loop": lambda: made(layers.LSTM(3), 5, 4),
    "types": lambda: made(lambda x: ops.cast(ops.cast(x * 9, "int32"), "int64")),
    "no floats": lambda: made(lambda x: ops.where(x > 0, ops.cast(x, "int32"), 3)),
}


def content_of(model: keras.Model, folder: Path, **weights: str) -> bytes:
    with quiet():
        tflite_converter.save(model, folder / "saved")
        return tflite_converter.floats(folder / "saved", **weights)  # type: ignore[arg-type]


def said(case: str) -> Counter[str]:
    """Return the operators that TensorFlow's analyser refuses, and how often."""
    [text] = [part for name, _, part in (each.partition("\n") for each in RECORD.split("## ")) if name == case]
    return Counter(re.findall(r"^  Op#\d+ (\w+)\(.*\nGPU COMPATIBILITY WARNING: (?!Subgraph)", text, re.MULTILINE))


def counted(refusals: tuple[GpuRefusal, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in refusals:
        found[each.operator] += each.count
    return found


@pytest.mark.parametrize("case", CASES)
def test_refused_is_what_tensorflows_analyser_refuses(case: str, tmp_path: Path) -> None:
    assert counted(refused_by_gpu(content_of(CASES[case](), tmp_path))) == said(case)


def test_the_record_has_files_with_findings_and_without() -> None:
    empty = [case for case in CASES if not said(case)]
    assert empty == ["separable", "nothing refused"]


def test_all_operators_of_the_analyser_are_taken() -> None:
    [line] = re.findall(r"^operators: (.*)$", RECORD, re.MULTILINE)
    assert sorted(TAKEN) == line.split()


def test_weights_of_16_bits_are_constants(tmp_path: Path) -> None:
    """The delegate computes them once; to the analyser each convolution had three inputs."""
    content = content_of(CASES["separable"](), tmp_path, weights="float16")
    assert refused_by_gpu(content) == ()


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    path, seen = tmp_path_factory.mktemp("refused") / "m.tflite", RANDOM.normal(size=(8, 4, 4, 4, 1))
    return tflite(CASES["three dimensions"](), path, quantize="float16", check=seen.astype("float32"))


def test_the_report_says_what_is_refused(refused: ExportReport) -> None:
    assert refused.gpu_refusals == (GpuRefusal("CONV_3D", "no such operator", 1),)
    assert ("mobile GPU refuses", "1 CONV_3D (no such operator)") in refused.rows()
    found = json.loads(refused.to_json())["gpu_refusals"]
    assert found == [{"operator": "CONV_3D", "reason": "no such operator", "count": 1}]


def test_the_report_says_that_nothing_is(float_file: ExportReport) -> None:
    assert float_file.gpu_refusals == ()
    assert ("mobile GPU", "no operator is known to be refused") in float_file.rows()
    assert json.loads(float_file.to_json())["gpu_refusals"] == []


def test_of_files_of_integers_nothing_is_said(int8_file: ExportReport, float_file: ExportReport) -> None:
    assert int8_file.gpu_refusals is None
    assert "mobile GPU" not in str(int8_file)


def test_the_table_of_several_notes_what_is_refused_alone(refused: ExportReport, float_file: ExportReport) -> None:
    results = ExportResults(None, Latency(1.0, 1.0, 1.0, 3), (refused, float_file))
    notes = [note for note in results.notes() if "GPU" in note]
    assert notes == ["tflite:float16: mobile GPU refuses 1 CONV_3D (no such operator)"]
    assert notes[0] in results_page(results)


def test_all_graphs_of_a_file_are_looked_at(tmp_path: Path) -> None:
    seen = RANDOM.normal(size=(8, 8, 6, 3)).astype("float32")
    report = tflite(CASES["backwards"](), tmp_path / "m.tflite", batch_sizes=(1, 4), check=seen)
    assert report.gpu_refusals == (GpuRefusal("REVERSE_V2", "no such operator", 2),)
