"""A trained network made to fit a budget."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras

from sepzoo.artifact.inspection.checking import one_child
from sepzoo.data.samples import Samples
from sepzoo.export.comparison import origin_of
from sepzoo.inference.given_samples import as_samples
from sepzoo.inference.keras_model import from_model
from sepzoo.records.outputs import Said
from sepzoo.shrinking.budget import Budget, Costs
from sepzoo.shrinking.building import Built
from sepzoo.shrinking.candidates import is_of
from sepzoo.shrinking.choosing import FIELDS, Choice, Chooser
from sepzoo.shrinking.files import Measured
from sepzoo.shrinking.fitting import within
from sepzoo.shrinking.forms import attach_said
from sepzoo.shrinking.kept_work import KeptWork
from sepzoo.shrinking.latency import StepTimes
from sepzoo.shrinking.measuring import key_of, score
from sepzoo.shrinking.network import Network, network_of
from sepzoo.shrinking.report import CurvePoint, LayerChoice, ShrinkReport
from sepzoo.shrinking.scores import VERSION, Scores
from sepzoo.shrinking.settings import TECHNIQUES, check_rule, check_runtime, check_techniques
from sepzoo.shrinking.work import Work
from sepzoo.support.atomic import atomic_write, check_target
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Arrays
from sepzoo.surgery.walk.model_inputs import ModelInputs, model_inputs

HELD_OUT = 4
"""One sample of so many is held out of the fits."""


def shrink(
    model: keras.Model,
    *,
    budget: Budget,
    samples: Samples | Arrays,
    check: Samples | Arrays | None = None,
    techniques: Sequence[str] = TECHNIQUES,
    runtime: str = "tflite:int8",
    rule: str = "best",
    keep: Sequence[str] = (),
    outputs: Said = None,
    scores: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    costs: Costs = "measured",
    curve: bool = False,
    distil: int = 0,
    lessons: Samples | Arrays | None = None,
    compare: Samples | Arrays | None = None,
    out: str | os.PathLike[str] | None = None,
) -> tuple[keras.Model, ShrinkReport]:
    """Make a trained network fit a budget: one choice for every layer, solved together, without training.

    For each layer there are many ways (`techniques`), and for each group of channels several widths. What each of them
    does to the answers is computed from samples in closed form, weighted by the Fisher information of the network's own
    answers and scaled by divergences that were measured; no labels are needed. The choice that is expected to do least
    within the budget is found exactly or to a stated gap, then built in the order of the graph: each layer is fitted by
    least squares to what the original gives, on what really comes to it. The file is written and measured; if it
    costs more than the budget, or leaves much of it, another choice is solved for, three times at most. Nothing is
    returned that misses it.

    Args:
        model: functional or Sequential, trained; it is only read.
        budget: limits of what the file may cost.
        samples: some hundreds to fit to and calibrate on: `Samples`, or an array as `sepzoo.surgery.decouple` takes it.
        check: to compare the answers on, with labels where accuracy is wanted; None: those that nothing was fitted to,
            of `compare` or of the quarter.
        techniques: "decouple" (sums of depthwise separable terms), "bsconv" (blueprints), "spatial" (k x 1 and 1 x k),
            "lowrank" (fewer channels between two), "smaller" (3 x 3 for 5 x 5), "channels" (fewer of them).
        runtime: whose file is measured: "tflite:int8" or "tflite:float32".
        rule: "best": the solver's choice; to compare it with: "even" (all layers cut alike), "equal_level" (AIMET's:
            each layer errs as much), "greedy" (NetAdapt's).
        keep: names of layers that stay as they are, and their outputs, with shell wildcards.
        outputs: what the model gives, where its graph doesn't show it.
        scores: a file for what was measured; where it is there, nothing is measured again,
            nor for fewer techniques.
        resume: a folder for finished steps: where a call was interrupted, the same call goes on from them.
        costs: "measured", or "macs": nothing is timed, and a share of the latency is taken as that share of the
            multiply-accumulates. So where a machine is too uneven to measure on.
        curve: whether the report has the best choices for other budgets too.
        distil: epochs in which the network then learns to answer as the original does, before the file is written; for
            an int8 file with layers that round as it will, which the model then has.
        lessons: samples for that, some thousands, without labels; None: the same samples.
        compare: other samples, some hundreds, on which the best choices are compared; None: a quarter of `samples`.
        out: where the file goes; None: it is not kept.

    Returns:
        The new model, in the form that was written to the file, and the report.

    Raises:
        SepzooError: a budget that can't be kept (the least is named), a file that misses it in the end (both figures
            are named), a network with nothing to shrink, samples that don't fit, or what export refuses.

    Example:
        >>> import numpy as np
        >>> layers = [keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.Conv2D(16, 3, activation="relu")]
        >>> layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, activation="softmax")]
        >>> model = keras.Sequential([keras.Input((12, 12, 8)), *layers], name="net")
        >>> pictures = np.random.default_rng(0).normal(size=(32, 12, 12, 8)).astype("float32")
        >>> smaller, report = shrink(model, budget=Budget(macs="60%"), samples=pictures)
        >>> report.measured["macs"] <= 0.6 * report.original["macs"], report.gap < 0.01
        (True, True)
    """
    techniques, keep = ((each,) if isinstance(each, str) else tuple(each) for each in (techniques, keep))
    check_techniques(techniques)
    check_runtime(runtime)
    if not isinstance(budget, Budget):
        raise SepzooError(f"expected a sepzoo.shrinking.Budget, such as Budget(macs='50%'). Received: {budget!r}.")
    budget = budget.by(costs)
    if out is not None:
        check_target(Path(out))
    check_rule(rule, budget.resources)
    if isinstance(distil, bool) or not isinstance(distil, int) or distil < 0:
        raise SepzooError(f"expected distil as a number of epochs, 0 or more. Received: {distil!r}.")
    inputs = model_inputs(model, samples)
    classifier = from_model(model, outputs=outputs)
    drawn = as_samples(classifier, samples, "fit to")
    if compare is None:
        first, rest = _parts(len(inputs))
        fitted, held, others = inputs[first], inputs[rest], drawn.taken(rest)
    else:
        fitted, held, others = inputs, model_inputs(model, compare), as_samples(classifier, compare, "compare on")
    timed = "latency_ms" in budget.resources
    key = key_of(model, fitted, {"scores": VERSION, "runtime": runtime, "keep": sorted(keep), "timed": timed})
    checking = contextlib.nullcontext() if resume is None else one_child()  # of many small files
    with checking, tempfile.TemporaryDirectory(prefix="sepzoo-shrink-") as folder:
        work = Work(
            classifier=classifier,
            runtime=runtime,
            samples=drawn,
            check=others if check is None else as_samples(classifier, check, "check the file"),
            techniques=techniques,
            folder=Path(folder),
            timed=StepTimes(integers=runtime.endswith("int8")) if timed else None,
            epochs=distil,
            lessons=None if lessons is None else model_inputs(model, lessons),
            kept=KeptWork(None if resume is None else Path(resume), key),
        )
        original = work.measured(classifier, "original")
        limits = budget.limits(original.costs)
        if all(original.costs[name] <= limit for name, limit in limits.items()):
            found = classifier
            report = _nothing(work, original, limits)
            best = original
        else:
            network, known = _scored(model, fitted, held, work, keep, scores)
            chooser = Chooser(known, work.wholes(known, original), functools.partial(is_of, work.techniques), rule)
            _require_choices(chooser)
            fitting = within(chooser, limits, network, fitted, held, work, original)
            found, best, choice = fitting.classifier, fitting.measured, fitting.choice
            resource = next((name for name in limits if name in FIELDS), "macs")
            report = ShrinkReport(
                network=model.name,
                runtime=runtime,
                limits=limits,
                original=original.costs,
                predicted=choice.costs,
                measured=best.costs,
                layers=_layers(network, known, choice, fitting.built),
                expected=fitting.solution.error,
                bound=fitting.solution.bound,
                lagrangian=fitting.solution.lagrangian,
                gap=fitting.solution.gap,
                correlation=known.correlation,
                trials=len(known.trials),
                rounds=fitting.rounds,
                proposals=fitting.proposals,
                distilled=fitting.distilled,
                original_comparison=original.comparison,
                comparison=best.comparison,
                samples=known.samples,
                curve=_curve(chooser, resource) if curve else (),
                curve_resource=resource,
                rule=rule,
            )
        if out is not None:
            with atomic_write(out) as temporary:
                shutil.copyfile(best.path, temporary)
            report = dataclasses.replace(report, file=Path(out))
    if found.metadata.preprocessing is not None:
        attach_said(found)
    return found.model, report


def _parts(count: int) -> tuple[slice, slice]:
    """Return which of so many samples are fitted to, and the quarter that is held out of that to measure on."""
    fitted = count - count // HELD_OUT
    return (slice(fitted), slice(fitted, None)) if count >= 2 * HELD_OUT else (slice(None), slice(None))


def _scored(
    model: keras.Model,
    inputs: ModelInputs,
    held: ModelInputs,
    work: Work,
    keep: Sequence[str],
    path: str | os.PathLike[str] | None,
) -> tuple[Network, Scores]:
    """Return a network with its scores, read from a file where they are there."""
    known = None if path is None else Scores.load(Path(path), work.kept.key, work.techniques)
    techniques = work.techniques if known is None else known.techniques
    groups = None if known is None else [each.group() for each in known.groups]
    network = network_of(model, inputs, prune="channels" in techniques, keep=keep, known=groups)
    if known is not None:
        return network, known
    known = score(
        network,
        inputs,
        held,
        work.classifier.outputs,
        techniques=techniques,
        integers=work.integers,
        timed=work.timed,
        key=work.kept.key,
        kept=work.kept.of("scores", sorted(techniques)),
        samples=origin_of(work.samples),
    )
    if path is not None:
        known.save(Path(path))
    return network, known


def _require_choices(chooser: Chooser) -> None:
    choices = chooser.items()
    if all(len(each) == 1 for each in choices):
        raise SepzooError(
            f"expected a network in which something can be made smaller. Received: {chooser.scores.network!r}, none "
            f"of whose layers (weights in {len(choices)}) has another way or channels that may go. Convolutions over "
            "images can be made smaller, and the channels around them. Allow more techniques, or keep fewer layers."
        )


def _layers(network: Network, known: Scores, choice: Choice, built: Built) -> tuple[LayerChoice, ...]:
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
                macs_before=item.candidates[0].macs,
                macs_after=candidate.macs,
                expected=candidate.error,
                output_error=errors.get(item.layer),
            )
        )
    return tuple(found)


def _curve(chooser: Chooser, resource: str) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(each.costs[resource], each.solution.error, each.solution.gap) for each in chooser.curve(resource)
    )


def _nothing(work: Work, original: Measured, limits: Mapping[str, float]) -> ShrinkReport:
    return ShrinkReport(
        network=work.classifier.name,
        runtime=work.runtime,
        limits=limits,
        original=original.costs,
        predicted={},
        measured=original.costs,
        layers=(),
        expected=0.0,
        bound=0.0,
        lagrangian=0.0,
        gap=0.0,
        correlation=None,
        trials=0,
        rounds=0,
        original_comparison=original.comparison,
        comparison=original.comparison,
        samples=origin_of(work.samples),
    )
