"""What is said of a network that was made to fit a budget, and of one that meets it already."""

from __future__ import annotations

from collections.abc import Mapping

from sepzoo.export.comparison import origin_of
from sepzoo.shrinking.building import Built
from sepzoo.shrinking.candidates import Candidate
from sepzoo.shrinking.choosing import FIELDS, Choice, Chooser
from sepzoo.shrinking.files import Measured
from sepzoo.shrinking.fitting import Fitting
from sepzoo.shrinking.network import Network
from sepzoo.shrinking.report import CurvePoint, LayerChoice, ShrinkReport
from sepzoo.shrinking.scores import Scores
from sepzoo.shrinking.work import Work


def fitted_report(
    network: Network,
    chooser: Chooser,
    fitting: Fitting,
    original: Measured,
    limits: Mapping[str, float],
    *,
    runtime: str,
    curve: bool,
) -> ShrinkReport:
    """Return the report of a choice that was carried out.

    Args:
        network: as it is.
        chooser: of the choice.
        fitting: what keeps the budget.
        original: the file of the network as it is.
        limits: of the file, by resource.
        runtime: whose file was measured.
        curve: whether the best choices for other budgets are wanted too.
    """
    known, choice = chooser.scores, fitting.choice
    resource = next((name for name in limits if name in FIELDS), "macs")
    return ShrinkReport(
        network=network.model.name,
        runtime=runtime,
        limits=limits,
        original=original.costs,
        predicted=choice.costs,
        measured=fitting.measured.costs,
        layers=_layers(network, known, choice, fitting.built),
        expected=choice.expected,
        aimed=fitting.aimed,
        best=fitting.solution.error,
        bound=fitting.solution.bound,
        lagrangian=fitting.solution.lagrangian,
        gap=fitting.solution.gap,
        correlation=known.correlation,
        unfitted=known.unfitted,
        trials=known.trials,
        rounds=fitting.rounds,
        proposals=fitting.proposals,
        distilled=fitting.distilled,
        original_comparison=original.comparison,
        comparison=fitting.measured.comparison,
        samples=known.samples,
        curve=_curve(chooser, resource) if curve else (),
        curve_resource=resource,
        rule=chooser.rule,
    )


def nothing_report(work: Work, original: Measured, limits: Mapping[str, float]) -> ShrinkReport:
    """Return the report of a network whose file meets the budget as it is."""
    return ShrinkReport(
        network=work.classifier.name,
        runtime=work.runtime,
        limits=limits,
        original=original.costs,
        predicted={},
        measured=original.costs,
        layers=(),
        expected=0.0,
        aimed=limits,
        best=0.0,
        bound=0.0,
        lagrangian=0.0,
        gap=0.0,
        correlation=None,
        trials=(),
        rounds=0,
        original_comparison=original.comparison,
        comparison=original.comparison,
        samples=origin_of(work.samples),
    )


def _cost(candidate: Candidate, resource: str) -> float:
    return float(getattr(candidate, FIELDS[resource])) / (1024 if resource == "kib" else 1)


def _layers(network: Network, known: Scores, choice: Choice, built: Built) -> tuple[LayerChoice, ...]:
    names = [name for name in FIELDS if name != "latency_ms" or name in choice.costs]
    by_name = {each.name: each for each in network.layers}
    errors = {each.layer: each.error for each in built.layers}
    found = []
    for item, candidate in zip(known.items, choice.candidates, strict=True):
        layer = by_name[item.layer]
        found.append(
            LayerChoice(
                layer=item.layer,
                way=candidate.way,
                channels=(network.counts(layer, 0, 0), network.counts(layer, *candidate.levels)),
                costs={name: (_cost(item.candidates[0], name), _cost(candidate, name)) for name in names},
                expected=candidate.error,
                output_error=errors.get(item.layer),
            )
        )
    return tuple(found)


def _curve(chooser: Chooser, resource: str) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(each.costs[resource], each.solution.error, each.solution.gap) for each in chooser.curve(resource)
    )
