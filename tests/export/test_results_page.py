"""The page of an export: what the table says, a bar for each number, and nothing from elsewhere."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from sepzoo.export import Comparison, ExportReport, Latency, Tolerance
from sepzoo.export.results import ExportFailure, ExportResults
from sepzoo.export.results_page import write_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEN = Comparison(
    count=50, origin="50 images of <noise>, seed 0", max_error=0.1, mean_error=0.01, agreement=0.98, model_accuracy=0.9,
    file_accuracy=0.88, kl_divergence=0.002,
)  # fmt: skip


def report(target: str, *, size: int, ms: float, comparison: Comparison = SEEN) -> ExportReport:
    return ExportReport(
        path=Path("files", f"{target} & co"), target=target, name="net <1>", size=size, comparison=comparison,
        tolerance=Tolerance(), latency=Latency(ms, ms, ms, 30), operators={"CONV_2D": 3}, calibration=None, labels=0,
    )  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> ExportResults:
    saved = tmp_path / "net.keras"
    saved.write_bytes(bytes(4096))
    exact = dataclasses.replace(SEEN, agreement=1.0, file_accuracy=0.9, kl_divergence=0.0)
    return ExportResults(
        saved=saved,
        latency=Latency(4.0, 4.0, 4.0, 30),
        reports=(
            report("tflite:float32", size=3072, ms=0.5, comparison=exact),
            report("tflite:int8", size=1024, ms=0.25),
        ),
        failures=(ExportFailure("onnx", "onnx needs <tf2onnx>"),),
        least_accuracy=0.89,
    )


class Page(HTMLParser):
    """Rows of all tables, the list's lines, and where pictures come from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.lines: list[str] = []
        self.sources: list[str] = []
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.sources += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "li":
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if self._tag in ("td", "th"):
            self.rows[-1][-1] += data
        if self._tag == "li":
            self.lines[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""


def test_the_page_says_what_the_table_says(results: ExportResults, tmp_path: Path, drawn: list[Figure]) -> None:
    write_report(results, tmp_path / "files")
    page = Page((tmp_path / "files" / "report.html").read_text(encoding="utf-8"))
    assert page.rows[:5] == [
        ["", "file", "KiB", "accuracy", "same answer", "KL, nats", "ms/image", "status"],
        ["Keras", str(results.saved), "4", "0.9000", "", "", "4.00", ""],
        ["tflite:float32", "files/tflite:float32 & co", "3", "0.9000", "1.0000", "0.00000", "0.50", "pass"],
        ["tflite:int8", "files/tflite:int8 & co", "1", "0.8800", "0.9800", "0.00200", "0.25", "FAIL"],
        ["onnx", *[""] * 6, "no file"],
    ]
    assert ["network", "net <1>, no labels"] in page.rows
    assert ["operators", "3 CONV_2D"] in page.rows
    assert page.lines == str(results).splitlines()[5:]
    assert "onnx: onnx needs <tf2onnx>" in page.lines
    [source] = page.sources
    encoded = re.fullmatch(r"data:image/png;base64,(.*)", source)
    assert encoded is not None
    with Image.open(io.BytesIO(base64.b64decode(encoded[1]))) as bars:
        assert (bars.format, bars.width) == ("PNG", 950)
    assert json.loads((tmp_path / "files" / "report.json").read_text()) == results.to_dict()


def test_each_number_has_its_bar(results: ExportResults, tmp_path: Path, drawn: list[Figure]) -> None:
    write_report(results, tmp_path)
    [figure] = drawn
    bars = {
        axes.get_xlabel(): [(round(bar.get_y() + bar.get_height() / 2), bar.get_width()) for bar in axes.patches]
        for axes in figure.axes
        if axes.get_visible()
    }
    assert bars == {
        "KiB": [(0, 4.0), (1, 3.0), (2, 1.0)],
        "ms/image": [(0, 4.0), (1, 0.5), (2, 0.25)],
        "accuracy": [(0, 0.9), (1, 0.9), (2, 0.88)],
        "same answer": [(1, 1.0), (2, 0.98)],
        "KL, nats": [(1, 0.0), (2, 0.002)],
    }
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["Keras", "tflite:float32", "tflite:int8"]


def test_what_was_not_measured_has_no_plot(results: ExportResults, tmp_path: Path, drawn: list[Figure]) -> None:
    values = Comparison(count=3, origin="noise", max_error=0.1, mean_error=0.1, agreement=None, scores=False)
    write_report(
        dataclasses.replace(results, saved=None, reports=(report("xla", size=2048, ms=1, comparison=values),)), tmp_path
    )
    [figure] = drawn
    assert [axes.get_xlabel() for axes in figure.axes if axes.get_visible()] == ["KiB", "ms/image"]


def test_a_page_without_any_file_has_the_reasons(results: ExportResults, tmp_path: Path) -> None:
    write_report(dataclasses.replace(results, reports=(), least_accuracy=None), tmp_path)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert (page.sources, page.lines) == ([], ["onnx: onnx needs <tf2onnx>"])
