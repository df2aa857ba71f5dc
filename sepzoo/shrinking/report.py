"""What shrinking did: each layer's choice, expected costs beside measured ones, and how good the choice is proven."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from sepzoo.export.comparison import Comparison
from sepzoo.shrinking.budget import RESOURCES, shown
from sepzoo.shrinking.settings import BEST
from sepzoo.support.table import table
from sepzoo.support.types import Json

COST_COLUMNS = ("original", "budget", "expected", "measured", "of expected", "of original")
ANSWER_COLUMNS = ("", "accuracy", "same answer", "KL, nats", "relative error")
PROPOSAL_COLUMNS = ("techniques", "expected KL", "KL, held out", "same answer", "")
CURVE_COLUMNS = ("budget", "share", "expected KL", "gap")
"""Headers of the tables, as the text and the page have them."""
PLACES = 5e-5
"""Divergences are told to four of them."""
TRUSTED = 0.7
"""Below this rank correlation, what is expected is a poor guide."""


@dataclasses.dataclass(frozen=True)
class LayerChoice:
    """What was chosen for a layer.

    Attributes:
        layer: its name.
        way: in which it is computed: "keep", "pw_dw 2" (two terms of network decoupling, 1 x 1 first), "rank 8", …
        channels: inputs and outputs, before and after.
        costs: of the layer before, and of what it became: multiply-accumulates exactly, bytes and milliseconds as
            predicted, these where time is limited; by resource.
        expected: by how much the answers were expected to diverge by it, in nats.
        output_error: squared error of its outputs on the samples after the fit, as a share of their variance; None
            where nothing was fitted.
    """

    layer: str
    way: str
    channels: tuple[tuple[int, int], tuple[int, int]]
    costs: Mapping[str, tuple[float, float]]
    expected: float
    output_error: float | None


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
        aimed: what the choice was expected to cost at most, by resource: another figure than the limit where files of
            earlier choices cost more or less than was expected.
        best: by how much they were expected to diverge by the best choice for that, which isn't always the one taken.
        bound: no choice among the candidates for that is expected to diverge less, as the search proved.
        lagrangian: the same, as proven by prices of the resources alone.
        gap: share of `best` by which a better choice might be better.
        correlation: rank correlation of expected and measured divergence over `trials` random choices, of expectations
            that weren't fitted to these.
        unfitted: the same of expectations without a fitted factor for each layer; None where none was asked for.
        trials: of each of these the expected and the measured divergence, in nats.
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
        left_out: what was asked for beside the budget and not done, as the original meets it.
    """

    network: str
    runtime: str
    limits: Mapping[str, float]
    original: Mapping[str, float]
    predicted: Mapping[str, float]
    measured: Mapping[str, float]
    layers: tuple[LayerChoice, ...]
    expected: float
    aimed: Mapping[str, float]
    best: float
    bound: float
    lagrangian: float
    gap: float
    correlation: float | None
    trials: tuple[tuple[float, float], ...]
    rounds: int
    original_comparison: Comparison
    comparison: Comparison
    samples: str
    proposals: tuple[Proposal, ...] = ()
    distilled: tuple[float, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    curve_resource: str = "macs"
    rule: str = BEST
    unfitted: float | None = None
    file: Path | None = None
    left_out: tuple[str, ...] = ()

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
        """Return the rows of the table of layers, without the head."""
        return [
            (
                each.layer,
                each.way,
                " -> ".join(f"{inputs} x {outputs}" for inputs, outputs in dict.fromkeys(each.channels)),
                *(_became(name, each.costs[name]) for name in self.layer_resources),
                f"{each.expected:.4f}",
                "" if each.output_error is None else f"{each.output_error:.4f}",
            )
            for each in self.layers
        ]

    @property
    def layer_columns(self) -> tuple[str, ...]:
        """The head of the table of layers."""
        return ("layer", "computed as", "channels", *map(_unit, self.layer_resources), "expected KL", "output error")

    @property
    def layer_resources(self) -> list[str]:
        """Of which layers show what they cost: multiply-accumulates, and what else is limited and adds up."""
        return [name for name in self.layers[0].costs if name == "macs" or name in self.limits]

    def cost_rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the table of costs."""
        rows = []
        for name, original in self.original.items():
            limit, predicted = self.limits.get(name), self.predicted.get(name)
            told = (shown(name, each) if each is not None else "" for each in (original, limit, predicted))
            measured = self.measured[name]
            beside = "" if predicted is None else f"{measured / predicted - 1:+.1%}"
            rows.append((*told, shown(name, measured), beside, f"{measured / original:.3f}"))
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

    @property
    def curve_limit(self) -> str:
        """In words that the curve knows one limit alone, where others are kept too."""
        return "" if len(self.limits) < 2 else f" of {_unit(self.curve_resource)} alone"

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
        best = "" if self.expected - self.best < PLACES else f", of the solver's choice {self.best:.4f}"
        moved = [shown(name, each) for name, each in self.aimed.items() if each != self.limits.get(name)]
        of = f" of at most {' and '.join(moved)}, as expected," if moved else ""
        told = (
            f"expected divergence{rule} {self.expected:.4f} nats{best}; no choice{of} has less than {self.bound:.4f} "
            f"(gap {self.gap:.2%}; bound by prices {self.lagrangian:.4f})"
        )
        if self.correlation is not None:
            count = len(self.trials)
            told += f"; rank correlation with what was measured {self.correlation:.2f} over {count} random choices"
            if self.unfitted is not None:
                told += f", held out of the fit of a factor for each layer (without factors {self.unfitted:.2f})"
            if self.correlation < TRUSTED:
                told += ": what is expected is a poor guide here, so pass more samples"
        return told

    def done(self) -> str:
        """Return in words what was done where the original meets the budget."""
        without = f", so there is {' and '.join(f'no {each}' for each in self.left_out)}" if self.left_out else ""
        return f"meets the budget as it is in {self.runtime}; nothing was done{without}"

    def __str__(self) -> str:
        costs = table(COST_COLUMNS, self.cost_rows(), left=0)
        answers = f"{table(ANSWER_COLUMNS, self.answer_rows())}\nchecked on {self.comparison.origin}"
        if self.nothing_done:
            return f"{self.network} {self.done()}\n\n{costs}\n\n{answers}"
        parts = [
            table(self.layer_columns, self.layer_rows(), left=2),
            costs,
            f"{self.proof()}; fitted to {self.samples}",
        ]
        if len(self.proposals) > 1:
            parts.append(table(PROPOSAL_COLUMNS, self.proposal_rows()))
        if self.distilled:
            told = ", ".join(f"{each:.4f}" for each in self.distilled)
            parts.append(f"divergence before distillation and after each epoch, nats: {told}")
        if self.curve:
            rows = table(CURVE_COLUMNS, self.curve_rows(), left=0)
            parts.append(f"best for other budgets{self.curve_limit}:\n{rows}")
        return "\n\n".join([*parts, answers])


def _unit(resource: str) -> str:
    return RESOURCES[resource] or "MACs"


def _became(resource: str, costs: tuple[float, float]) -> str:
    """Return what a layer costs before and after."""
    before, after = (shown(resource, each).rsplit(" ", 1)[0] for each in costs)
    return f"{before} -> {after}" if costs[0] != costs[1] else before
