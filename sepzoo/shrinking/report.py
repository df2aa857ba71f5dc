"""What shrinking did: each layer's choice, expected costs beside measured ones, and how good the choice is proven."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from sepzoo.export.comparison import Comparison
from sepzoo.shrinking.budget import shown
from sepzoo.shrinking.settings import BEST
from sepzoo.support.table import table
from sepzoo.support.types import Json

COST_COLUMNS = ("original", "budget", "expected", "measured", "share")
ANSWER_COLUMNS = ("", "accuracy", "same answer", "KL, nats", "relative error")
LAYER_COLUMNS = ("layer", "computed as", "channels", "MACs", "expected KL", "output error")
PROPOSAL_COLUMNS = ("techniques", "expected KL", "KL, held out", "same answer", "")
CURVE_COLUMNS = ("budget", "share", "expected KL", "gap")
"""Headers of the tables, as the text and the page have them."""


@dataclasses.dataclass(frozen=True)
class LayerChoice:
    """What was chosen for a layer.

    Attributes:
        layer: its name.
        way: in which it is computed: "keep", "pw_dw 2" (two terms of network decoupling, 1 x 1 first), "rank 8", …
        channels: inputs and outputs, before and after.
        macs_before: its multiply-accumulates.
        macs_after: those of what it became.
        expected: by how much the answers were expected to diverge by it, in nats.
        output_error: squared error of its outputs on the samples after the fit, as a share of their variance; None
            where nothing was fitted.
    """

    layer: str
    way: str
    channels: tuple[tuple[int, int], tuple[int, int]]
    macs_before: int
    macs_after: int
    expected: float
    output_error: float | None

    @property
    def changed(self) -> bool:
        """Whether anything became of it."""
        return self.way != "keep" or self.channels[0] != self.channels[1]


@dataclasses.dataclass(frozen=True)
class Proposal:
    """A choice that was carried out.

    One stays: of those whose divergence can't be told from the least the one that gives most answers as they were.

    Attributes:
        techniques: "all" of those that were allowed, or the one that it is of; then the rule, where one chose.
        expected: by how much the answers were expected to diverge, in nats.
        divergence: by how much they do on samples that nothing was fitted to, before anything is rounded to integers.
        agreement: share of the answers there that name the same class.
        taken: whether it stayed.
    """

    techniques: str
    expected: float
    divergence: float
    agreement: float
    taken: bool = False


@dataclasses.dataclass(frozen=True)
class CurvePoint:
    """The best choice for one budget.

    Attributes:
        cost: predicted, of the resource that the curve is drawn over.
        expected: by how much the answers are expected to diverge, in nats.
        gap: share of that by which a better choice might be better.
    """

    cost: float
    expected: float
    gap: float


@dataclasses.dataclass(frozen=True)
class ShrinkReport:
    """How a network was made to fit a budget; print it for a table.

    Attributes:
        network: its name.
        runtime: whose file was measured.
        limits: of the file, by resource: "macs", "kib", "latency_ms", "ram_kib".
        original: what the original's file costs, by resource.
        predicted: what the file was expected to cost, by resource.
        measured: what it costs, by resource.
        layers: the choices; empty where the original meets the budget.
        expected: by how much the answers were expected to diverge by the choice, in nats.
        bound: no choice among the candidates is expected to diverge less, as the search proved.
        lagrangian: the same, as proven by prices of the resources alone.
        gap: share of `expected` by which a better choice might be better.
        correlation: rank correlation of expected and measured divergence over `trials` random choices.
        trials: how many.
        rounds: how many files were measured.
        rule: by which was chosen, "best" or another that it is compared with.
        proposals: choices that were carried out beside each other: the best one, and some of single
            techniques and of other rules.
        original_comparison: answers of the original's file beside those of the original.
        comparison: answers of the file beside those of the original: accuracy, agreement, divergence.
        samples: that layers were fitted to, in words.
        distilled: divergence before distillation and after each epoch, in nats; empty where there was none.
        curve: the best choices for other budgets; empty where nobody asked.
        curve_resource: which resource they limit.
        file: where the file is; None where it was not kept.
    """

    network: str
    runtime: str
    limits: Mapping[str, float]
    original: Mapping[str, float]
    predicted: Mapping[str, float]
    measured: Mapping[str, float]
    layers: tuple[LayerChoice, ...]
    expected: float
    bound: float
    lagrangian: float
    gap: float
    correlation: float | None
    trials: int
    rounds: int
    original_comparison: Comparison
    comparison: Comparison
    samples: str
    proposals: tuple[Proposal, ...] = ()
    distilled: tuple[float, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    curve_resource: str = "macs"
    rule: str = BEST
    file: Path | None = None

    @property
    def nothing_done(self) -> bool:
        """Whether the original meets the budget, and was left as it is."""
        return not self.layers

    def to_dict(self) -> dict[str, Json]:
        """Return the report as plain data that JSON can hold."""
        return json.loads(json.dumps(dataclasses.asdict(self), default=str))

    def to_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.to_dict(), indent=1)

    def layer_rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the table of layers."""
        return [
            (
                each.layer,
                each.way,
                " -> ".join(f"{inputs} x {outputs}" for inputs, outputs in dict.fromkeys(each.channels)),
                f"{each.macs_before:,} -> {each.macs_after:,}" if each.changed else f"{each.macs_before:,}",
                f"{each.expected:.4f}",
                "" if each.output_error is None else f"{each.output_error:.4f}",
            )
            for each in self.layers
        ]

    def cost_rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the table of costs."""
        rows = []
        for name, original in self.original.items():
            limit, predicted = self.limits.get(name), self.predicted.get(name)
            told = (shown(name, each) if each is not None else "" for each in (original, limit, predicted))
            rows.append((*told, shown(name, self.measured[name]), f"{self.measured[name] / original:.3f}"))
        return rows

    def answer_rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the table of answers."""
        pairs = (("original's file", self.original_comparison), ("file", self.comparison))
        return [
            (
                what,
                *(
                    "" if value is None else f"{value:.4f}"
                    for value in (seen.file_accuracy, seen.agreement, seen.kl_divergence, seen.relative_error)
                ),
            )
            for what, seen in pairs
        ]

    def proposal_rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the table of what was carried out."""
        return [
            (
                each.techniques,
                f"{each.expected:.4f}",
                f"{each.divergence:.4f}",
                f"{each.agreement:.4f}",
                "taken" if each.taken else "",
            )
            for each in self.proposals
        ]

    def curve_rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the table of the curve."""
        whole = self.original[self.curve_resource]
        return [
            (
                shown(self.curve_resource, each.cost),
                f"{each.cost / whole:.3f}",
                f"{each.expected:.4f}",
                f"{each.gap:.4f}",
            )
            for each in self.curve
        ]

    def proof(self) -> str:
        """Return in words how good the choice is proven to be, and what the expectation is worth."""
        rule = "" if self.rule == BEST else f" by the rule {self.rule!r}"
        told = (
            f"expected divergence{rule} {self.expected:.4f} nats; no choice has less than {self.bound:.4f} "
            f"(gap {self.gap:.2%}; bound by prices {self.lagrangian:.4f})"
        )
        if self.correlation is not None:
            told += (
                f"; rank correlation with what was measured {self.correlation:.2f} over {self.trials} random choices"
            )
        return told

    def __str__(self) -> str:
        costs = table(COST_COLUMNS, self.cost_rows(), left=0)
        answers = f"{table(ANSWER_COLUMNS, self.answer_rows())}\nchecked on {self.comparison.origin}"
        if self.nothing_done:
            return (
                f"{self.network} meets the budget as it is in {self.runtime}; nothing was done\n\n{costs}\n\n{answers}"
            )
        parts = [table(LAYER_COLUMNS, self.layer_rows(), left=2), costs, f"{self.proof()}; fitted to {self.samples}"]
        if len(self.proposals) > 1:
            parts.append(table(PROPOSAL_COLUMNS, self.proposal_rows()))
        if self.distilled:
            told = ", ".join(f"{each:.4f}" for each in self.distilled)
            parts.append(f"divergence before distillation and after each epoch, nats: {told}")
        if self.curve:
            rows = table(CURVE_COLUMNS, self.curve_rows(), left=0)
            parts.append(f"best for other budgets:\n{rows}")
        return "\n\n".join([*parts, answers])
