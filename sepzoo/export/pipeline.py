"""The one way by which a network becomes a file: prepare, convert, add metadata, open, compare, then keep or refuse."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from pathlib import Path

from sepzoo.analysis.profiling import profile
from sepzoo.artifact.seal import add_seal
from sepzoo.data.samples import Samples
from sepzoo.export.artifact_record import artifact_record
from sepzoo.export.comparison import Comparison, compare, origin_of, with_half_error
from sepzoo.export.conversion import convert, opened
from sepzoo.export.noise import noise_of
from sepzoo.export.preparation import deployed, require_calibratable, require_tensorflow, shapes_of
from sepzoo.export.prepared import Preparations, Prepared, preparing
from sepzoo.export.preprocessing_inside import embedding_of, require_embeddable, with_preprocessing
from sepzoo.export.reference import Reference
from sepzoo.export.report import ExportReport
from sepzoo.export.steps import COMPARING, CONVERTING, PREPARING, SEARCHING, Steps
from sepzoo.export.taken_inputs import DRAW, saying_inputs
from sepzoo.export.target import Target
from sepzoo.export.target_names import named
from sepzoo.export.tolerance import BeyondToleranceError, Tolerance
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.given_samples import as_samples
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.latency import measure_tensor
from sepzoo.inference.opening import open as open_file
from sepzoo.inference.stablehlo_file import StablehloClassifier, XlaCost
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Arrays
from sepzoo.surgery.exact.rounding_layers import rounds


def write(
    classifier: KerasClassifier,
    target: Target,
    path: str | os.PathLike[str],
    *,
    calibration: Samples | Arrays | None = None,
    check: Samples | Arrays | None = None,
    tolerance: Tolerance | None = None,
    correct_bias: bool = True,
    log: str | os.PathLike[str] | None = None,
    preparations: Preparations | None = None,
    embed_preprocessing: bool = False,
    title: str = "",
) -> ExportReport:
    """Write a network in a format, compare the file with it, and keep the file only if its outputs are the network's.

    Args:
        classifier: the model as it was given, with what was said of it.
        target: the format.
        path: where the file, or the folder, will be; what is there stays until the new one has proved itself.
        calibration: samples, or an array (`as_samples`), that set the ranges of integers, and that biases are corrected
            on.
        check: labelled or unlabelled samples, or an array, to compare on; None: those of the calibration, else random
            ones.
        tolerance: the limits of the differences; None: the format's own.
        correct_bias: whether weights make good what rounding does, measured on `calibration`.
        log: where the converter's own lines go. None: nowhere; if it fails, into a file beside `path`.
        preparations: what several targets of one call share: of this network and this calibration. None: the target
            shares nothing.
        embed_preprocessing: whether the file takes uint8 pixels and normalizes them itself, or takes the samples of a
            clip and makes the features of them.
        title: before each line of progress.

    Raises:
        SepzooError: samples that are missing or show nothing, what the converter refuses, a file that differs from its
            model by more than the tolerance allows, or what is at `path` must stay.
    """
    named(target.name).require_packages()
    require_tensorflow(target.name)
    if embed_preprocessing:
        require_embeddable(target, classifier)  # before a target that keeps the steps of a training stands for it
    target = suited(target, classifier)
    _check_request(target, Path(path), calibration, check)
    check = None if check is None else as_samples(classifier, check, "check the file")
    calibration = None if calibration is None else as_samples(classifier, calibration, "calibrate")
    if target.calibrated:
        require_calibratable(classifier.model, target.name)
    classifier = saying_inputs(classifier, check or calibration)
    given = classifier
    embedding = embedding_of(target, given, asked=embed_preprocessing)
    if embedding is not None:
        classifier = with_preprocessing(given, embedding)
    limits = tolerance or target.tolerance
    samples = check if check is not None else calibration
    if samples is None:
        samples = noise_of(given)
    for each in (samples, calibration):
        if each is not None:
            next(given.batches(each.images, 1))  # a kind that is not taken is said before converting
    with contextlib.ExitStack() as stack:
        if preparations is None:
            preparations = stack.enter_context(
                preparing(classifier, calibration, beside=Path(path).parent, reference=Reference(given))
            )
        model = preparations.reference.classifier
        preparations.require(target.takes, calibrated=target.calibrated or target.keeps_steps)
        steps = Steps.of(target, title)
        with steps.announced(PREPARING):
            prepared = preparations.of(
                calibrated=target.calibrated,
                rounds_from=target.rounds_from,
                rounding=target.rounding,
                correct_bias=correct_bias,
                keeps_steps=target.keeps_steps,
            )
        held = _Held(classifier, preparations.reference, samples, random=check is None and calibration is None)
        if target.search is not None:
            with steps.announced(SEARCHING):
                target = target.search(prepared, functools.partial(_judged, target, prepared, held))
        temporary = stack.enter_context(atomic_write(path, folder=target.folder))
        with steps.announced(CONVERTING):
            converted = convert(target, prepared, temporary, name=model.name, log=log, beside=Path(path))
        target.add_metadata(temporary, deployed(classifier), shapes_of(classifier))
        with steps.announced(COMPARING):
            file = opened(temporary, target, model.name)
            comparison = held.compared(file)
            if model is not preparations.reference.given:
                comparison = with_half_error(comparison, given, file, samples)
            problems = limits.problems(comparison)
            for size in file.batch_sizes[1:]:
                several = limits.problems(held.compared(file.of_batch(size)))
                problems += [f"{size} samples at a time: {problem}" for problem in several]
        if problems:
            raise BeyondToleranceError(
                f"{target.name} of {model.name} was refused: {'; '.join(problems)}; checked on {comparison.origin}. "
                f"No file was written. {_advice(samples, scores=comparison.scores, calibrated=target.calibrated)}"
            )
        report = ExportReport(
            path=Path(path),
            target=target.name,
            name=model.name,
            size=0,
            comparison=comparison,
            tolerance=limits,
            latency=measure_tensor(file, next(file.batches(samples.taken(slice(1)).images, 1))),
            operators=dict(file.operators),
            calibration=_ranges_from(target, calibration if prepared.values is not None else None),
            labels=len(file.labels or ()),
            output=next((output for output in classifier.outputs if output.name == comparison.name), None),
            outputs=classifier.outputs,
            cost=_cost(file, given),
            operator_versions=dict(file.operator_versions),
            batch_sizes=file.batch_sizes,
            float_layers=converted.float_layers,
            float_bytes=converted.float_bytes,
            gpu_refusals=converted.gpu_refusals,
        )
        add_seal(temporary, artifact_record(given.model, file, target, comparison))
    report = dataclasses.replace(report, size=_size(Path(path)))
    return report if target.finish is None else target.finish(report, given, samples)


@dataclasses.dataclass(frozen=True, eq=False)
class _Held:
    """What files are held against.

    Attributes:
        classifier: the model as it was given.
        reference: the same, and what it answers.
        samples: to run it and the files on.
        random: whether they are random ones.
    """

    classifier: KerasClassifier
    reference: Reference
    samples: Samples
    random: bool

    def compared(self, file: Classifier) -> Comparison:
        """Return the comparison of a file with the model."""
        expected = self.reference.expected(self.samples)
        return compare(self.reference.classifier, file, self.samples, random=self.random, expected=expected)


def _judged(target: Target, prepared: Prepared, held: _Held, content: bytes) -> Comparison:
    """Return the comparison of a file's bytes, which have no metadata yet."""
    candidate = prepared.files.path(f"candidate{target.suffix}")
    candidate.write_bytes(content)
    target.add_metadata(candidate, deployed(held.classifier), shapes_of(held.classifier))
    return held.compared(open_file(candidate, trust=True))


def _cost(file: Classifier, classifier: KerasClassifier) -> XlaCost | None:
    """Return what XLA says of a file's cost, beside what is counted of the model."""
    if not isinstance(file, StablehloClassifier):
        return None
    return dataclasses.replace(file.cost, macs=profile(classifier.model).macs)


def suited(target: Target, classifier: KerasClassifier) -> Target:
    """Return the target that writes a network: of one that learned the steps of its integers, that which keeps them.

    Raises:
        SepzooError: the format would lose them, or has no use for such a network.
    """
    if target.accepts is not None:
        target.accepts(classifier)
    if not rounds(classifier.model):
        return target
    if target.trained is None:
        raise SepzooError(
            f"expected tflite:int8 for {classifier.name!r}, which was trained with the rounding of 8-bit integers. "
            f"Received: {target.name}. Export the model as it was before."
        )
    return target.trained


def _check_request(
    target: Target, path: Path, calibration: Samples | Arrays | None, check: Samples | Arrays | None
) -> None:
    """See that a path and samples are what the format needs."""
    if target.extension and path.suffix != target.extension:
        raise SepzooError(f"expected a file name that ends in {target.extension}. Received: {path}.")
    target.check_path(path)
    if (target.calibrated or target.needs_calibration) and calibration is None:
        raise SepzooError(
            f"{target.mode} needs calibration. Received: calibration=None. {DRAW.format('the training data')}."
        )
    require_real_samples(target, given=calibration is not None or check is not None)


def require_real_samples(target: Target, *, given: bool) -> None:
    """See that samples were given, where the format rounds.

    Raises:
        SepzooError: none were.
    """
    if target.rounds and not given:
        raise SepzooError(
            f"{target.mode} rounds, and random pixels cannot show what that does. Received: neither calibration nor "
            f"check. {DRAW.format('real images')} (on the command line: --data)."
        )


def _advice(samples: Samples, *, scores: bool, calibrated: bool) -> str:
    if calibrated and (samples.labels is not None or not scores):  # no label says whether values are right
        return "Calibrate on more samples like those the network was trained on, or widen the tolerance."
    what = "real, labelled samples" if scores else "real samples"
    return f"Check on {what}, or widen the tolerance."


def _ranges_from(target: Target, calibration: Samples | None) -> str | None:
    """Return in words what set the ranges of a file's integers, if anything did."""
    samples = None if calibration is None else origin_of(calibration)
    if not target.keeps_steps:
        return samples
    return "the network's training" if samples is None else f"the network's training; what it left open: {samples}"


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
