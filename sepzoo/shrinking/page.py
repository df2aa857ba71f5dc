"""The report of a shrink as one HTML page, with its curve inside: it opens without a network."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from sepzoo.shrinking.budget import RESOURCES
from sepzoo.shrinking.report import ShrinkReport
from sepzoo.support.atomic import atomic_write

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse } img { max-width: 100% }
th, td { padding: .15rem .8rem; border-bottom: 1px solid #dde3e9; text-align: right }
th:first-child, td:first-child { text-align: left }
"""


def write_page(path: Path, report: ShrinkReport) -> None:
    """Write a report as a page.

    Args:
        path: of the `.html` file.
        report: of a shrink.
    """
    body = [f"<h1>{html.escape(report.network)} for {html.escape(report.runtime)}</h1>"]
    if report.nothing_done:
        body.append("<p>It meets the budget as it is; nothing was done.</p>")
    body += [
        "<h2>Costs</h2>",
        _table(["original", "budget", "expected", "measured", "share"], report.cost_rows()),
        f"<h2>Answers</h2><p>Checked on {html.escape(report.comparison.origin)}.</p>",
        _table(["", "accuracy", "same answer", "KL, nats", "relative error"], report.answer_rows()),
    ]
    if report.layers:
        columns = ["layer", "computed as", "channels", "MACs", "expected KL", "output error"]
        body += [
            f"<h2>Layers</h2><p>{html.escape(report.proof())}; fitted to {html.escape(report.samples)}.</p>",
            _table(columns, report.layer_rows()),
            "<h2>Carried out</h2>",
            _table(["techniques", "expected KL", "KL, held out", ""], report.proposal_rows()),
        ]
    if report.curve:
        picture = base64.b64encode(_curve(report)).decode()
        body += [
            "<h2>Other budgets</h2>",
            f'<p><img alt="expected divergence over the budget" src="data:image/png;base64,{picture}"></p>',
            _table(["budget", "share", "expected KL", "gap"], report.curve_rows()),
        ]
    head = f'<meta charset="utf-8"><title>{html.escape(report.network)}</title><style>{_STYLE}</style>'
    with atomic_write(path) as temporary:
        text = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{chr(10).join(body)}\n</body></html>\n'
        temporary.write_text(text, encoding="utf-8")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _curve(report: ShrinkReport) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    costs, errors = ([getattr(each, name) for each in report.curve] for name in ("cost", "expected"))
    axes.plot(costs, errors, marker="o")
    resource = report.curve_resource
    axes.axvline(report.limits.get(resource, report.measured[resource]), color="0.6", linestyle="--")
    axes.set_xlabel(f"budget, {RESOURCES[resource] or 'multiply-accumulates'}")
    axes.set_ylabel("expected divergence, nats")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()
