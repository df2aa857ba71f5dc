"""A network exported to several files."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

from sepzoo.export.formats.tflite import configured
from sepzoo.export.formats.tflite_options import TfliteOptions
from sepzoo.export.noise import noise_of
from sepzoo.export.pipeline import suited, write
from sepzoo.export.preparation import require_calibratable
from sepzoo.export.prepared import Preparations, preparing
from sepzoo.export.preprocessing_inside import embeds, require_embeddable, with_preprocessing
from sepzoo.export.report import ExportReport
from sepzoo.export.results import ExportFailure, ExportResults
from sepzoo.export.samples import ExportSamples
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.export.target import Embedding, Target
from sepzoo.export.target_names import ALL, named, wanted_targets
from sepzoo.export.targets import TARGETS
from sepzoo.export.tolerance import BeyondToleranceError, Tolerance
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.latency import measure_tensor
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import announced, time_left


def export_all(
    classifier: KerasClassifier,
    targets: Sequence[str],
    stem: Path,
    *,
    samples: ExportSamples | None = None,
    saved: Path | None = None,
    title: str = "",
    tflite_options: TfliteOptions | None = None,
    least_accuracy: float | None = None,
    embed_preprocessing: bool = False,
    tolerance: Tolerance | None = None,
) -> ExportResults:
    """Write one file a target, each checked against the network on held-out images.

    Args:
        classifier: the network, its labels and its preprocessing.
        targets: their names, or `ALL`: what then fails, or lacks its package, is a row that says why.
        stem: folder and beginning of the name of each file.
        samples: to calibrate and check on; None: random pixels to check on.
        saved: the network's own file, for the table.
        title: before each line of progress.
        tflite_options: what was chosen of `.tflite` files, as far as each mode has it.
        least_accuracy: top-1 that each file should have, a share; the results say which have less, or were refused.
        embed_preprocessing: whether files take pixels of 0 … 255 as uint8, and normalize them themselves; or samples
            of sound, and make the features of them.
        tolerance: the limits of the differences; None: each format's own.

    Raises:
        SepzooError: an unknown target, a least accuracy without labelled samples, integers without samples to calibrate
            on, a path where something else lies, or what `sepzoo.export.export` raises. What can be seen beforehand is
            raised before the first file is written.
    """
    names, keep_going = wanted_targets(targets), ALL in targets
    if least_accuracy is not None and (samples is None or samples.check.labels is None):
        raise SepzooError(
            f"expected labelled samples to measure a least accuracy on. Received: least_accuracy={least_accuracy:g} "
            f"and {'no samples' if samples is None else 'samples without labels of the network'}. Name labelled data "
            "(on the command line: --data)."
        )
    chosen = configured({name: TARGETS[name] for name in names}, tflite_options or TfliteOptions())
    if tolerance is not None:
        chosen = {name: dataclasses.replace(target, tolerance=tolerance) for name, target in chosen.items()}
    wanted = {name: stem.with_name(stem.name + target.suffix) for name, target in chosen.items()}
    failures: list[ExportFailure] = []
    for name, path in list(wanted.items()):
        try:
            _check(classifier, chosen[name], path, samples)
            if embed_preprocessing:
                require_embeddable(chosen[name], classifier)
        except SepzooError as error:
            if not keep_going:
                raise
            failures.append(ExportFailure(name, str(error)))
            del wanted[name]
    reports: list[ExportReport] = []
    left = time_left(len(wanted))
    calibration, check = (None, None) if samples is None else (samples.calibration, samples.check)
    classifier = saying_inputs(classifier, check or calibration)
    with contextlib.ExitStack() as stack:

        @functools.cache
        def preparations(embedding: Embedding | None) -> Preparations:
            taken = classifier if embedding is None else with_preprocessing(classifier, embedding)
            return stack.enter_context(preparing(taken, calibration, beside=stem.parent, given=classifier))

        for number, (name, path) in enumerate(wanted.items(), start=1):
            with announced(f"{title}exporting {name} ({number} of {len(wanted)}){left(number - 1)}"):
                try:
                    target = suited(chosen[name], classifier)
                    inside = embeds(target, classifier, asked=embed_preprocessing)
                    shared = preparations(target.embedding if inside else None)
                    reports.append(_written(classifier, chosen[name], path, samples, shared, embed_preprocessing))
                except SepzooError as error:
                    if not keep_going:
                        raise
                    failures.append(ExportFailure(name, str(error), refused=isinstance(error, BeyondToleranceError)))
    seen = noise_of(saying_inputs(classifier, None)) if samples is None else samples.check
    one = next(classifier.batches(seen.taken(slice(1)).images, 1))
    failed = sorted(failures, key=lambda failure: names.index(failure.target))
    return ExportResults(saved, measure_tensor(classifier, one), tuple(reports), tuple(failed), least_accuracy)


def _check(classifier: KerasClassifier, target: Target, path: Path, samples: ExportSamples | None) -> None:
    """See what can be seen of a format before the first file is written."""
    target = suited(target, classifier)
    if (target.calibrated or target.needs_calibration) and samples is None:
        raise SepzooError(
            f"{target.name} needs images to calibrate on. Received: no --data. Name the training data: `digits`, a "
            "folder of class folders, a TFDS name, or an .npz file of features."
        )
    named(target.name).require_packages()
    if target.calibrated:
        require_calibratable(classifier.model, target.name)
    target.check_path(path)


def _written(
    classifier: KerasClassifier,
    target: Target,
    path: Path,
    samples: ExportSamples | None,
    preparations: Preparations,
    embed_preprocessing: bool,
) -> ExportReport:
    return write(
        classifier,
        target,
        path,
        calibration=None if samples is None else samples.calibration,
        check=None if samples is None else samples.check,
        preparations=preparations,
        embed_preprocessing=embed_preprocessing,
    )
