"""The report of a shrink as one HTML page, with its curve inside: it opens without a network."""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import TYPE_CHECKING

from sepzoo.shrinking.budget import RESOURCES
from sepzoo.shrinking.report import (
    ANSWER_COLUMNS,
    COST_COLUMNS,
    CURVE_COLUMNS,
    PROPOSAL_COLUMNS,
    ShrinkReport,
)
from sepzoo.support.atomic import atomic_write
from sepzoo.support.html_page import page, picture, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_page(path: Path, report: ShrinkReport) -> None:
    """Write a report as a page.

    Args:
        path: of the `.html` file.
        report: of a shrink.
    """
    body = [f"<h1>{html.escape(report.network)} for {html.escape(report.runtime)}</h1>"]
    if report.nothing_done:
        body.append(f"<p>It {html.escape(report.done())}.</p>")
    body += [
        "<h2>Costs</h2>",
        table(COST_COLUMNS, report.cost_rows()),
        f"<h2>Answers</h2><p>Checked on {html.escape(report.comparison.origin)}.</p>",
        table(ANSWER_COLUMNS, report.answer_rows()),
    ]
    if report.layers:
        body += [
            f"<h2>Layers</h2><p>{html.escape(report.proof())}; fitted to {html.escape(report.samples)}.</p>",
            table(report.layer_columns, report.layer_rows()),
            "<h2>Carried out</h2>",
            table(PROPOSAL_COLUMNS, report.proposal_rows()),
        ]
    if any(min(pair) > 0 for pair in report.trials):
        body += [
            "<h2>What expectations are worth</h2>",
            f"<p>{picture(_trials(report), 'measured over expected divergence of random choices')}</p>",
        ]
    if report.curve:
        body += [
            f"<h2>Other budgets{report.curve_limit}</h2>",
            f"<p>{picture(_curve(report), 'expected divergence over the budget')}</p>",
            table(CURVE_COLUMNS, report.curve_rows()),
        ]
    with atomic_write(path) as temporary:
        temporary.write_text(page(report.network, body), encoding="utf-8")


def _figure() -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(7, 3.5), layout="constrained")


def _drawn(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def _trials(report: ShrinkReport) -> bytes:
    figure = _figure()
    axes = figure.subplots()
    positive = [pair for pair in report.trials if min(pair) > 0]
    axes.loglog(*zip(*positive, strict=True), "o", alpha=0.6)
    ends = [min(map(min, positive)), max(map(max, positive))]
    axes.loglog(ends, ends, color="0.6", linestyle="--")
    axes.set_xlabel("expected divergence, nats")
    axes.set_ylabel("measured, nats")
    return _drawn(figure)


def _curve(report: ShrinkReport) -> bytes:
    figure = _figure()
    axes = figure.subplots()
    costs, errors = ([getattr(each, name) for each in report.curve] for name in ("cost", "expected"))
    axes.plot(costs, errors, marker="o")
    resource = report.curve_resource
    axes.axvline(report.limits.get(resource, report.measured[resource]), color="0.6", linestyle="--")
    axes.set_xlabel(f"budget, {RESOURCES[resource] or 'multiply-accumulates'}")
    axes.set_ylabel("expected divergence, nats")
    return _drawn(figure)
