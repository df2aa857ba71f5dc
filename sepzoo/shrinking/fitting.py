"""Choices carried out until the file of one keeps its budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.export.comparison import by_name
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.shrinking.budget import shown
from sepzoo.shrinking.building import Built, build
from sepzoo.shrinking.choosing import Choice, Chooser
from sepzoo.shrinking.distilling import distilled
from sepzoo.shrinking.divergence import answers, divergence
from sepzoo.shrinking.files import Measured, measured_file
from sepzoo.shrinking.forms import Forms
from sepzoo.shrinking.kept_work import NOTHING_KEPT, KeptWork
from sepzoo.shrinking.latency import StepTimes, file_times
from sepzoo.shrinking.measuring import key_of
from sepzoo.shrinking.network import Network
from sepzoo.shrinking.report import Proposal
from sepzoo.shrinking.solving import Solution
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.walk.model_inputs import ModelInputs

ROUNDS = 4
"""A choice, and three more where the file costs more than was expected, or leaves something."""
SLACK = 0.05
"""A file that leaves more of the budget than this share is followed by one of a choice that is expected to use it."""
MARGIN = 0.999
CLOCK = 0.02
"""Share of the time that is left free where distillation follows, after which it is measured again."""
PROPOSALS = 3
"""So many are carried out each time, of which the best one stays."""


@dataclasses.dataclass(frozen=True)
class Work:
    """What files are written from and held against.

    Attributes:
        classifier: the network as it was, with what was said of it.
        runtime: whose files are written.
        samples: to calibrate on.
        check: to compare answers on.
        techniques: that may be used.
        folder: where files go.
        timed: the time of steps, where files are timed.
        epochs: of distillation.
        lessons: samples of distillation, as the model takes them.
        kept: where finished steps are kept.
    """

    classifier: KerasClassifier
    runtime: str
    samples: Samples
    check: Samples
    techniques: tuple[str, ...]
    folder: Path
    timed: StepTimes | None = None
    epochs: int = 0
    lessons: ModelInputs | None = None
    kept: KeptWork = NOTHING_KEPT

    @property
    def integers(self) -> bool:
        """Whether the file has 8-bit integers."""
        return self.runtime.endswith("int8")

    def kept_of(self, choice: Choice) -> KeptWork:
        """Return where the steps of a choice that is carried out are kept."""
        return self.kept.of([each.way for each in choice.candidates], choice.levels)

    def forms(self, model: keras.Model) -> Forms:
        """Return a network made of the original as it is held to another one, and as it learns.

        The file of a network that rounds is larger, so that is what is measured before it learns too.
        """
        if self.epochs and self.integers:
            return Forms.of_integers(model, self.classifier, self.samples)
        return Forms.of(model, self.classifier)

    @cached_property
    def _expected(self) -> dict[str, np.ndarray]:
        """What the network as it was predicts for the samples that answers are compared on."""
        return by_name(self.classifier, self.check)

    def measured(self, classifier: KerasClassifier, name: str, original: Measured | None = None) -> Measured:
        """Write a network under a name, and measure the file, its time in turns with that of the original's."""
        found = measured_file(
            classifier,
            self.folder / f"{name}.tflite",
            runtime=self.runtime,
            original=self.classifier,
            calibration=self.samples,
            check=self.check,
            expected=self._expected,
        )
        return found if self.timed is None else self.clocked(found, original)

    def clocked(self, found: Measured, original: Measured | None) -> Measured:
        """Return a file with its time measured, in turns with that of the original's."""
        if original is None:
            (alone,) = file_times([found.path.read_bytes()])
            return dataclasses.replace(found, costs={**found.costs, "latency_ms": alone.ms})
        before, now = file_times([original.path.read_bytes(), found.path.read_bytes()])
        own = original.costs["latency_ms"] * now.ms / before.ms  # the machine may have become slower meanwhile
        return dataclasses.replace(found, costs={**found.costs, "latency_ms": own})


@dataclasses.dataclass(frozen=True, eq=False)
class _Original:
    """The network as it is, with samples to fit to and others on which choices are compared."""

    network: Network
    inputs: ModelInputs
    held: ModelInputs
    _built: dict[tuple[object, ...], tuple[Built, float]] = dataclasses.field(default_factory=dict)

    @cached_property
    def right(self) -> list[np.ndarray]:
        """Its answers to the others."""
        return answers(self.network.model, self.held)

    def carried_out(self, choice: Choice, ways: Mapping[str, str], work: Work) -> tuple[Built, float]:
        """Return the network of a choice and how far its answers lie; a choice that comes again is known."""
        key = (*ways.values(), choice.levels)
        if key not in self._built:
            built = build(self.network, ways, choice.levels, self.inputs, work.kept_of(choice))
            distance = divergence(work.classifier.outputs, self.right, answers(built.model, self.held))
            self._built[key] = built, distance
        return self._built[key]


@dataclasses.dataclass(frozen=True, eq=False)
class Fitting:
    """What keeps a budget.

    Attributes:
        built: the network.
        forms: of it.
        classifier: what was measured, with what is said of it: that which learns of the forms, before or after it did.
        measured: its file.
        choice: what was carried out.
        solution: how good the best choice of all techniques is proven to be.
        proposals: what was carried out beside each other.
        rounds: how many files were measured.
        distilled: divergence before distillation and after each epoch, in nats; empty where there was none.
    """

    built: Built
    forms: Forms
    classifier: KerasClassifier
    measured: Measured
    choice: Choice
    solution: Solution
    proposals: tuple[Proposal, ...]
    rounds: int
    distilled: tuple[float, ...] = ()


def within(
    chooser: Chooser,
    limits: Mapping[str, float],
    network: Network,
    inputs: ModelInputs,
    held: ModelInputs,
    work: Work,
    original: Measured,
) -> Fitting:
    """Return a network whose file keeps limits, by resource.

    Args:
        chooser: of the choice.
        limits: of the file.
        network: as it is.
        inputs: samples as its model takes them, to fit to.
        held: other samples, on which choices are compared.
        work: how files are written.
        original: the file of the network as it is.

    Raises:
        SepzooError: no choice is expected to keep them, or none does after three further ones.
    """
    aimed, known = dict(limits), _Original(network, inputs, held)
    best: Fitting | None = None
    kept: dict[str, float] = {}  # the last aims whose files left something of a limit,
    missed: dict[str, float] = {}  # and whose files went beyond one
    seen: list[Mapping[str, float]] = []
    told, given = "", limits
    if work.epochs and "latency_ms" in limits:
        limits = {**limits, "latency_ms": (1 - CLOCK) * limits["latency_ms"]}
    for number in range(1, ROUNDS + 1):
        solved, choice, built, proposals = _nearest(chooser, aimed, known, work)
        if best is not None and choice.costs in seen:
            break
        seen.append(choice.costs)
        forms = work.forms(built.model)
        found = work.measured(forms.learning, f"round{number}", original)
        off = _over(found, limits)
        if off:
            told = _missed(found, limits)
            missed.update({name: aimed[name] for name in off})
        else:
            one = Fitting(built, forms, forms.learning, found, choice, solved.solution, proposals, number)
            best = one if best is None else min(best, one, key=_divergence)
            off = [name for name in limits if _leaves(choice, found, aimed, limits, name)]
            kept.update({name: aimed[name] for name in off})
        if not off:
            break
        for name in off:
            expected = min(aimed[name], choice.costs.get(name, aimed[name]))
            aimed[name] = expected * limits[name] / found.costs[name] * MARGIN
            low, high = kept.get(name), missed.get(name)
            if low is not None and high is not None and not low < aimed[name] < high:
                aimed[name] = (low + high) / 2
    if best is None:
        free = "" if limits is given else f" {CLOCK:.0%} of the time are left free: distillation may cost as much."
        raise SepzooError(
            f"expected a file within the budget. Received: {told}, after {ROUNDS} choices that were expected to keep "
            f"it.{free} No file was written. Ask for more, or allow more techniques."
        )
    return _taught(best, given, known, work, original) if work.epochs else best


def _taught(fitting: Fitting, limits: Mapping[str, float], known: _Original, work: Work, original: Measured) -> Fitting:
    """Return the network after distillation, with its file measured: it costs what it did, but for a clock's chance."""
    lessons, kept = known.inputs if work.lessons is None else work.lessons, work.kept_of(fitting.choice)
    if kept.folder is not None:
        kept = kept.of(key_of(known.network.model, lessons, {"epochs": work.epochs}))
    teacher = work.forms(known.network.model).plain
    model, told = distilled(
        fitting.forms.plain.model,
        teacher.model,
        lessons,
        teacher.outputs,
        epochs=work.epochs,
        learning=fitting.forms.learning.model,
        kept=kept,
    )
    classifier = dataclasses.replace(fitting.classifier, model=model)
    found = work.measured(classifier, "distilled", original)
    for _time in range(1, ROUNDS):
        if _over(found, limits) != ["latency_ms"]:
            break
        found = work.clocked(found, original)
    if _over(found, limits):
        raise SepzooError(
            f"expected a file within the budget, as it was before distillation. Received: {_missed(found, limits)}. No "
            "file was written. Ask for more."
        )
    return dataclasses.replace(fitting, classifier=classifier, measured=found, distilled=told)


def _divergence(fitting: Fitting) -> float:
    return min(each.divergence for each in fitting.proposals)


def _over(found: Measured, limits: Mapping[str, float]) -> list[str]:
    """Return the resources of which a file takes more than their limits."""
    return [name for name, limit in limits.items() if found.costs[name] > limit]


def _missed(found: Measured, limits: Mapping[str, float]) -> str:
    """Return in words what a file takes of those, and their limits."""
    return ", ".join(
        f"{shown(name, found.costs[name])} for {shown(name, limits[name])}" for name in _over(found, limits)
    )


def _leaves(
    choice: Choice, found: Measured, aimed: Mapping[str, float], limits: Mapping[str, float], name: str
) -> bool:
    """Return whether a file leaves much of a limit that was expected to be used up."""
    binding = name in choice.costs and choice.costs[name] > (1 - SLACK) * aimed[name]
    return binding and found.costs[name] < (1 - SLACK) * limits[name]


def _nearest(
    chooser: Chooser, aimed: Mapping[str, float], known: _Original, work: Work
) -> tuple[Choice, Choice, Built, tuple[Proposal, ...]]:
    """Return the best choice as expected, and of the first few, carried out, the one whose answers are nearest."""
    found = []
    for name, choice in chooser.proposals(aimed, work.techniques)[:PROPOSALS]:
        ways = {item.layer: each.way for item, each in zip(chooser.scores.items, choice.candidates, strict=True)}
        built, distance = known.carried_out(choice, ways, work)
        found.append((Proposal(name, choice.solution.error, distance), choice, built))
    _proposal, choice, built = min(found, key=lambda each: each[0].divergence)
    return found[0][1], choice, built, tuple(each[0] for each in found)
