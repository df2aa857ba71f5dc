"""A trained network made to fit one budget after another."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import keras

from sepzoo.artifact.inspection.checking import one_child
from sepzoo.data.samples import Samples
from sepzoo.export.comparison import origin_of
from sepzoo.layers.fake_quantization import QuantizedKernel
from sepzoo.layers.graph import layers_of
from sepzoo.records.outputs import Said
from sepzoo.shrinking.budget import Budget, Costs
from sepzoo.shrinking.builds import Builds
from sepzoo.shrinking.candidates import is_of
from sepzoo.shrinking.choosing import Chooser
from sepzoo.shrinking.files import Measured
from sepzoo.shrinking.fitting import within
from sepzoo.shrinking.forms import attach_said
from sepzoo.shrinking.given import Given
from sepzoo.shrinking.kept_work import KeptWork
from sepzoo.shrinking.latency import StepTimes
from sepzoo.shrinking.measuring import key_of, score
from sepzoo.shrinking.network import network_of
from sepzoo.shrinking.refitting import refitted
from sepzoo.shrinking.report import ShrinkReport
from sepzoo.shrinking.reporting import fitted_report, nothing_report
from sepzoo.shrinking.scores import VERSION, Scores
from sepzoo.shrinking.settings import BEST, TECHNIQUES, check_asked, check_runtime
from sepzoo.shrinking.work import Work
from sepzoo.support.atomic import atomic_write, check_target
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Arrays


class Shrinker:
    """A trained network, made to fit one budget after another; what those share is done once.

    That is what `sepzoo.shrinking.shrink` does for one budget. The second one takes the scores of the first, the file
    of the network as it was, what that answers, and networks of choices that come again.

    Args:
        model: functional or Sequential, trained; it is only read.
        samples: see `sepzoo.shrinking.shrink`, as for all others.
        check: to compare the answers on.
        runtime: whose file is measured.
        keep: names of layers that stay as they are.
        outputs: what the model gives.
        scores: a file for what was measured.
        resume: a folder for finished steps.
        lessons: samples for distillation.
        compare: other samples, on which the best choices are compared.

    Raises:
        SepzooError: no such runtime.

    Example:
        >>> import numpy as np
        >>> layers = [keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.Conv2D(16, 3, activation="relu")]
        >>> layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, activation="softmax")]
        >>> model = keras.Sequential([keras.Input((12, 12, 8)), *layers], name="net")
        >>> pictures = np.random.default_rng(0).normal(size=(32, 12, 12, 8)).astype("float32")
        >>> with Shrinker(model, samples=pictures, runtime="tflite:float32") as shrinker:
        ...     shares = [shrinker.shrink(Budget(macs=each))[1].measured["macs"] for each in ("75%", "50%")]
        >>> shares[1] < shares[0]
        True
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        samples: Samples | Arrays,
        check: Samples | Arrays | None = None,
        runtime: str = "tflite:int8",
        keep: Sequence[str] = (),
        outputs: Said = None,
        scores: str | os.PathLike[str] | None = None,
        resume: str | os.PathLike[str] | None = None,
        lessons: Samples | Arrays | None = None,
        compare: Samples | Arrays | None = None,
    ) -> None:
        check_runtime(runtime)
        self._model, self._runtime = model, runtime
        self._keep = (keep,) if isinstance(keep, str) else tuple(keep)
        self._scores = None if scores is None else Path(scores)
        if self._scores is not None and not self._scores.is_file():  # a file that is there is only read
            check_target(self._scores)
        self._resume = None if resume is None else Path(resume)
        self._given = functools.cache(lambda: Given.of(model, samples, compare, check, lessons, outputs))
        self._open = contextlib.ExitStack()
        self._folder: Path | None = None
        self._originals: dict[bool, tuple[Work, Measured]] = {}
        self._builds: dict[bool, Builds] = {}

    def __enter__(self) -> Shrinker:
        """Begin: files go to a folder that is there until the end."""
        if self._resume is not None:
            self._open.enter_context(one_child())  # checks many small files
        self._folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="sepzoo-shrink-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete the files that weren't asked for."""
        self._open.close()
        self._folder = None
        self._originals.clear()

    def shrink(
        self,
        budget: Budget,
        *,
        techniques: Sequence[str] = TECHNIQUES,
        rule: str = BEST,
        costs: Costs = "measured",
        curve: bool = False,
        distil: int = 0,
        refit: bool = False,
        out: str | os.PathLike[str] | None = None,
    ) -> tuple[keras.Model, ShrinkReport]:
        """Make the network fit a budget.

        Args:
            budget: limits of what the file may cost.
            techniques: that may be used. More than before are looked at from the start.
            rule: by which is chosen.
            costs: "measured", or "macs".
            curve: whether the report has the best choices for other budgets too.
            distil: epochs of distillation.
            refit: whether expectations are fitted to the random choices that were measured.
            out: where the file goes; None: it is not kept.

        Returns:
            The new model, in the form that was written to the file, and the report.

        Raises:
            SepzooError: see `sepzoo.shrinking.shrink`; or it wasn't begun by `with`.
        """
        techniques = (techniques,) if isinstance(techniques, str) else tuple(techniques)
        budget = check_asked(budget, techniques=techniques, rule=rule, costs=costs, distil=distil, out=out)
        if self._folder is None:
            raise SepzooError("expected a call within `with Shrinker(…) as shrinker:`. Received: one before or after.")
        base, original = self._original("latency_ms" in budget.resources)
        work = dataclasses.replace(base, techniques=techniques, epochs=distil)
        limits = budget.limits(original.costs)
        if all(original.costs[name] <= limit for name, limit in limits.items()):
            found, file = work.classifier, original.path
            report = nothing_report(work, original, limits)
            report = dataclasses.replace(report, left_out=_left_out(distil, curve=curve))
        else:
            builds = self._scored(work)
            known = refitted(builds.scores) if refit else builds.scores
            allowed, untouched = functools.partial(is_of, techniques), _untouched(self._model)
            chooser = Chooser(known, work.wholes(known, original), allowed, rule, untouched)
            _require_choices(chooser)
            fitting = within(chooser, limits, builds, work, original)
            found, file = fitting.classifier, fitting.measured.path
            builds.give_away(found.model)
            report = fitted_report(
                builds.network, chooser, fitting, original, limits, runtime=self._runtime, curve=curve
            )
        if out is not None:
            with atomic_write(out) as temporary:
                shutil.copyfile(file, temporary)
            report = dataclasses.replace(report, file=Path(out))
        if found.metadata.preprocessing is not None:
            attach_said(found)
        return found.model, report

    def _original(self, timed: bool) -> tuple[Work, Measured]:
        """Return how files are written, and that of the network as it is."""
        if timed not in self._originals:
            given = self._given()
            times = StepTimes(integers=self._runtime.endswith("int8")) if timed else None
            settings = {
                "scores": VERSION,
                "runtime": self._runtime,
                "keep": sorted(self._keep),
                "outputs": given.reference.classifier.outputs,
                "times": times and times.costs.path.name,  # which says of what machine and version of LiteRT
            }
            key = key_of(self._model, (*given.fitted.arrays, *given.held.arrays), settings)
            assert self._folder is not None
            work = Work(
                reference=given.reference,
                runtime=self._runtime,
                samples=given.calibration,
                techniques=TECHNIQUES,
                folder=self._folder,
                timed=times,
                lessons=given.lessons,
                kept=KeptWork(self._resume, key),
            )
            self._originals[timed] = work, work.measured(work.classifier, "original")
        return self._originals[timed]

    def _scored(self, work: Work) -> Builds:
        """Return what can be built, by scores of this call or an earlier one, or of a file."""
        timed = work.timed is not None
        if timed in self._builds and {*work.techniques} <= {*self._builds[timed].scores.techniques}:
            return self._builds[timed]
        given, path = self._given(), self._scores
        known = None if path is None else Scores.load(path, work.kept.key, work.techniques)
        techniques = work.techniques if known is None else known.techniques
        groups = None if known is None else [each.group() for each in known.groups]
        prune = "channels" in techniques
        network = network_of(self._model, given.fitted, prune=prune, keep=self._keep, known=groups)
        if known is None:
            known = score(
                network,
                given.fitted,
                given.held,
                work.classifier.outputs,
                techniques=techniques,
                integers=work.integers,
                timed=work.timed,
                key=work.kept.key,
                kept=work.kept.of("scores", sorted(techniques)),
                samples=origin_of(work.samples),
            )
            if path is not None:
                known.save(path)
        self._builds[timed] = Builds(network, known, given.fitted, given.held)
        return self._builds[timed]


def _left_out(distil: int, *, curve: bool) -> tuple[str, ...]:
    """Return what was asked for beside the budget and is not done where that is met already."""
    asked = {"distillation": distil > 0, "curve": curve}
    return tuple(name for name, wanted in asked.items() if wanted)


def _untouched(model: keras.Model) -> str:
    """Return in words which layers stay for a reason that can be taken away, and how; empty where there are none."""
    first = [name for name, layer in layers_of(model) if getattr(layer, "data_format", None) == "channels_first"]
    rounding = [name for name, layer in layers_of(model) if isinstance(layer, QuantizedKernel)]
    if rounding:
        return f"{_named(rounding)}: they round as an int8 file does. Shrink the network as it was before they did."
    if first and "/" in first[0]:
        return (
            f"{_named(first)}: inside of another model their channels come first. Build the network with "
            "data_format='channels_last', whose weights have the same shapes, and set_weights(model.get_weights()) on "
            "it."
        )
    return ""


def _require_choices(chooser: Chooser) -> None:
    choices = chooser.items()
    if any(len(each) > 1 for each in choices):
        return
    advice = chooser.untouched or "Allow more techniques, or keep fewer layers."
    raise SepzooError(
        f"expected a network in which something can be made smaller. Received: {chooser.scores.network!r}, none "
        f"of whose layers (weights in {len(choices)}) has another way or channels that may go. Convolutions over "
        f"images and dense layers can be made smaller, and the channels around them. {advice}"
    )


def _named(layers: Sequence[str]) -> str:
    """Return the names of the first few layers, and how many there are."""
    return f"See {', '.join(map(repr, layers[:3]))}{', …' if len(layers) > 3 else ''} ({len(layers)})"
