"""What became of a network's export as one HTML page, with its plots inside: it opens without a network."""

from __future__ import annotations

import html
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sepzoo.export.results import ExportResults
from sepzoo.support.atomic import atomic_write, check_target
from sepzoo.support.figure_file import figure_file
from sepzoo.support.html_page import page, picture, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

JSON, PAGE = "report.json", "report.html"

_STYLE = (
    "th:nth-child(2), td:nth-child(2) { text-align: left } details td { text-align: left } summary { cursor: pointer }"
)
_DECIMALS = {"KiB": 0, "ms/image": 2, "accuracy": 4, "same answer": 4, "KL, nats": 5}
_MODEL, _FILE = "#8a98a6", "#2f7ed8"


def write_report(results: ExportResults, folder: Path) -> None:
    """Write `report.json` and `report.html` into a folder.

    Raises:
        SepzooError: something else is in their place, or nothing can be written there.
    """
    for name, text in ((JSON, f"{json.dumps(results.to_dict(), indent=1)}\n"), (PAGE, results_page(results))):
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def check_report(folder: Path) -> None:
    """See that `write_report` can write into a folder, before long work whose results go there.

    Raises:
        SepzooError: something else is in their place, or nothing can be written there.
    """
    for name in (JSON, PAGE):
        check_target(folder / name)


def results_page(results: ExportResults) -> str:
    """Return the page: the table, a plot of each of its columns, and what each file's report says."""
    name = results.reports[0].name if results.reports else "Nothing was exported"
    header, *rows = results.rows()
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in results.notes())
    body = [f"<h1>{html.escape(name)}</h1>", table(header, rows), f"<ul>{notes}</ul>"]
    if results.reports:
        body += ["<h2>Side by side</h2>", f"<p>{picture(_plot(results), 'size, latency and answers of each file')}</p>"]
    body.append("<h2>File by file</h2>" if results.reports else "")
    for report in results.reports:
        body.append(f"<details><summary>{html.escape(report.target)}</summary>{table([], report.rows())}</details>")
    return page(name, body, style=_STYLE)


def _plot(results: ExportResults) -> bytes:
    """Return a PNG with a bar for each file in each quantity that was measured; the network's own is the first."""
    targets = ["Keras", *(report.target for report in results.reports)]
    saved = None if results.saved is None else results.saved.stat().st_size / 1024
    seen = [report.comparison for report in results.reports]
    quantities: dict[str, list[float | None]] = {
        "KiB": [saved, *(report.size / 1024 for report in results.reports)],
        "ms/image": [results.latency.median_ms, *(report.latency.median_ms for report in results.reports)],
        "accuracy": [results.accuracy, *(each.file_accuracy for each in seen)],
        "same answer": [None, *(each.agreement for each in seen)],
        "KL, nats": [None, *(each.kl_divergence for each in seen)],
    }
    shown = {name: values for name, values in quantities.items() if any(value is not None for value in values[1:])}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bars.png")
        with figure_file(path, size=(9.5, 1.1 + 0.28 * len(targets) * -(-len(shown) // 2))) as figure:
            grid = figure.subplots(-(-len(shown) // 2), 2, squeeze=False, sharey=True)
            for axes, (name, values) in zip(grid.flat, shown.items(), strict=False):
                _bars(axes, name, targets, values)
            for axes in list(grid.flat)[len(shown) :]:
                axes.set_visible(False)
        return path.read_bytes()


def _bars(axes: Axes, name: str, targets: list[str], values: list[float | None]) -> None:
    """Draw the bars of a quantity, the first on top, each with its number behind it."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    places, lengths = [place for place, _ in known], [value for _, value in known]
    bars = axes.barh(places, lengths, color=[_FILE if place else _MODEL for place in places])
    axes.bar_label(bars, [_text(name, value) for value in lengths], padding=3, fontsize=8)
    axes.set_yticks(range(len(targets)), targets)
    axes.set(xlabel=name, ylim=(len(targets) - 0.5, -0.5), xlim=(0, 1.2 * max(lengths) or 1))
    axes.grid(axis="x", alpha=0.3)


def _text(name: str, value: float) -> str:
    return f"{value:,.{_DECIMALS[name]}f}"
