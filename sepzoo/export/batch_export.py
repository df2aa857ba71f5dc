"""A network exported to several files."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sepzoo.export.formats.float_search import require_labels
from sepzoo.export.formats.tflite import configured
from sepzoo.export.formats.tflite_options import TfliteOptions
from sepzoo.export.noise import noise_of
from sepzoo.export.pipeline import require_real_samples, suited, write
from sepzoo.export.preparation import require_calibratable, require_tensorflow
from sepzoo.export.prepared import Preparations, preparing
from sepzoo.export.preprocessing_inside import Embedding, embedding_of, require_embeddable, with_preprocessing
from sepzoo.export.reference import Reference
from sepzoo.export.report import ExportReport
from sepzoo.export.results import ExportFailure, ExportResults
from sepzoo.export.samples import ExportSamples
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.export.target import Target
from sepzoo.export.target_names import ALL, named, wanted_targets
from sepzoo.export.targets import TARGETS
from sepzoo.export.tolerance import BeyondToleranceError, Tolerance
from sepzoo.inference.given_samples import as_samples
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
    keep_going: bool = False,
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
        keep_going: whether a format that fails on the way is a row that says why, and the others are written, where
            their names were given too; the results have not passed then.

    Raises:
        SepzooError: an unknown target, samples that can't be taken, a least accuracy without labelled samples, integers
            without samples to calibrate on, a path where something else lies, or what `sepzoo.export.export` raises.
            What can be seen beforehand is raised before the first file is written.
    """
    names = wanted_targets(targets)
    if samples is not None:  # else what is wrong with them would be a row of each of all targets
        as_samples(classifier, samples.calibration, "calibrate")
        as_samples(classifier, samples.check, "check the file")
    if least_accuracy is not None and (samples is None or samples.check.labels is None):
        raise SepzooError(
            f"expected labelled samples to measure a least accuracy on. Received: least_accuracy={least_accuracy:g} "
            f"and {'no samples' if samples is None else 'samples without labels of the network'}. Name labelled data "
            "(on the command line: --data)."
        )
    options = tflite_options or TfliteOptions()
    chosen = configured({name: TARGETS[name] for name in names}, options)
    if tolerance is not None:
        chosen = {name: dataclasses.replace(target, tolerance=tolerance) for name, target in chosen.items()}
    paths = {name: stem.with_name(stem.name + target.suffix) for name, target in chosen.items()}
    tries = _Tries(named=ALL not in targets, keep_going=keep_going)
    for name, target in chosen.items():
        with tries.beforehand(name):
            _check(classifier, target, paths[name], samples, options)
            if embed_preprocessing:
                require_embeddable(target, classifier)
    calibration, check = (None, None) if samples is None else (samples.calibration, samples.check)
    classifier = saying_inputs(classifier, check or calibration)
    reports: list[ExportReport] = []
    reference = Reference(classifier)
    with contextlib.ExitStack() as stack:

        @functools.cache
        def preparations(embedding: Embedding | None) -> Preparations:
            inside = classifier if embedding is None else with_preprocessing(classifier, embedding)
            made = preparing(inside, calibration, beside=stem.parent, reference=reference)
            return stack.enter_context(made)

        shared: dict[str, Preparations] = {}
        for name in tries.left(names):
            with tries.beforehand(name), announced(f"{title}preparing {classifier.name}"):
                target = suited(chosen[name], classifier)
                shared[name] = preparations(embedding_of(target, classifier, asked=embed_preprocessing))
                shared[name].require(target.takes, calibrated=target.calibrated or target.keeps_steps)
        rest = tries.left(names)
        left = time_left(len(rest))
        for number, name in enumerate(rest, start=1):
            several = announced(f"{title}exporting {name} ({number} of {len(rest)}){left(number - 1)}")
            with several if len(rest) > 1 else contextlib.nullcontext(), tries.writing(name):
                report = write(
                    classifier,
                    chosen[name],
                    paths[name],
                    calibration=calibration,
                    check=check,
                    preparations=shared[name],
                    embed_preprocessing=embed_preprocessing,
                    title=title if len(rest) > 1 else f"{title}exporting ",
                )
                reports.append(report)
    seen = noise_of(saying_inputs(classifier, None)) if samples is None else samples.check
    one = next(classifier.batches(seen.taken(slice(1)).images, 1))
    failed = tuple(tries.failures[name] for name in names if name in tries.failures)
    return ExportResults(saved, measure_tensor(classifier, one), tuple(reports), failed, least_accuracy)


class _Tries:
    """What became of each format that was tried, and whether the others go on.

    Args:
        named: whether formats were asked for by their names, and not as all.
        keep_going: whether the others are written where one that was named fails on the way.
    """

    def __init__(self, *, named: bool, keep_going: bool) -> None:
        self._named, self._keep_going = named, keep_going
        self.failures: dict[str, ExportFailure] = {}

    def left(self, names: Iterable[str]) -> list[str]:
        """Return the names of those that have not failed."""
        return [name for name in names if name not in self.failures]

    def beforehand(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Look at a format before the first file is written."""
        return self._tried(name, goes_on=not self._named)

    def writing(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Write a format."""
        return self._tried(name, goes_on=self._keep_going or not self._named)

    @contextlib.contextmanager
    def _tried(self, name: str, *, goes_on: bool) -> Iterator[None]:
        try:
            yield
        except SepzooError as error:
            if not goes_on:
                raise
            refused = isinstance(error, BeyondToleranceError)
            self.failures[name] = ExportFailure(name, str(error), refused=refused, named=self._named)


def _check(
    classifier: KerasClassifier, target: Target, path: Path, samples: ExportSamples | None, options: TfliteOptions
) -> None:
    """See what can be seen of a format before the network is prepared."""
    require_tensorflow(target.name)
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
    require_real_samples(target, given=samples is not None)
    if target.search is not None and options.max_drop is not None and samples is not None:
        require_labels(samples.check, classifier)
