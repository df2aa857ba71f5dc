"""A network exported to several files, and the table of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from sepzoo.export.comparison import Comparison
from sepzoo.export.formats.tflite import configured
from sepzoo.export.formats.tflite_options import TfliteOptions
from sepzoo.export.noise import noise_of
from sepzoo.export.pipeline import write
from sepzoo.export.preparation import require_calibratable
from sepzoo.export.prepared import preparing
from sepzoo.export.report import ExportReport
from sepzoo.export.samples import ExportSamples
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.export.target_names import named
from sepzoo.export.targets import TARGETS
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.latency import Latency, measure_tensor
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.progress import announced, time_left
from sepzoo.support.table import table
from sepzoo.support.types import Json


@dataclasses.dataclass(frozen=True)
class ExportResults:
    """A network and the files that were made of it. `print` shows them as a table.

    Attributes:
        saved: the network's own file; None where it has none.
        latency: of the network in Keras.
        reports: one for each file.
    """

    saved: Path | None
    latency: Latency
    reports: tuple[ExportReport, ...]

    @property
    def accuracy(self) -> float | None:
        """The network's own, on the samples that the files were checked on; None where it was not measured."""
        return next((report.comparison.model_accuracy for report in self.reports), None)

    def to_dict(self) -> dict[str, Json]:
        """Return all of it as JSON can hold it."""
        own = {
            "path": None if self.saved is None else str(self.saved),
            "accuracy": self.accuracy,
            "latency": dataclasses.asdict(self.latency),
        }
        return {"keras": own, "files": [json.loads(report.to_json()) for report in self.reports]}

    def __str__(self) -> str:
        file = ["", ""] if self.saved is None else [str(self.saved), _kib(self.saved.stat().st_size)]
        rows = [["Keras", *file, _share(self.accuracy), "", "", _ms(self.latency)]]
        notes = []
        for report in self.reports:
            seen = report.comparison
            compared = [_share(seen.file_accuracy), _share(seen.agreement), _nats(seen.kl_divergence)]
            rows.append([report.target, str(report.path), _kib(report.size), *compared, _ms(report.latency)])
            matched = "" if seen.file_accuracy is None else f", classes matched {seen.matched or 'by number'}"
            notes.append(f"checked on {seen.origin}{matched}")
            notes += [f"{report.target}{text}" for text in map(_differences, seen.outputs or (seen,)) if text]
            notes += [f"{report.target}: {what} {value}" for what, value in report.rows() if what in _NOTED]
            notes += [f"{report.target} calibrated on {report.calibration}"] if report.calibration else []
        text = table(["", "file", "KiB", "accuracy", "same answer", "KL, nats", "ms/image"], rows, left=2)
        return "\n".join([text, *dict.fromkeys(notes)])


_NOTED = ("float layers", "samples at a time", "C array")
"""Rows of a report that the table has no column for."""


def check_targets(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of targets, each once.

    Raises:
        SepzooError: one is not known; the nearest are offered, and all named.

    Example:
        >>> check_targets(["xla", "xla"])
        ('xla',)
    """
    for name in names:
        if name not in TARGETS:
            raise unknown("target", name, TARGETS, list_all=True)
    return tuple(dict.fromkeys(names))


def export_all(
    classifier: KerasClassifier,
    targets: Sequence[str],
    stem: Path,
    *,
    samples: ExportSamples | None = None,
    saved: Path | None = None,
    title: str = "",
    tflite_options: TfliteOptions | None = None,
) -> ExportResults:
    """Write one file a target, each checked against the network on held-out images.

    Args:
        classifier: the network, its labels and its preprocessing.
        targets: their names.
        stem: folder and beginning of the name of each file.
        samples: to calibrate and check on; None: random pixels to check on.
        saved: the network's own file, for the table.
        title: before each line of progress.
        tflite_options: what was chosen of `.tflite` files, as far as each mode has it.

    Raises:
        SepzooError: an unknown target, integers without samples to calibrate on, a path where something else lies, or
            what `sepzoo.export.export` raises. What can be seen beforehand is raised before the first file is written.
    """
    chosen = configured({name: TARGETS[name] for name in check_targets(targets)}, tflite_options or TfliteOptions())
    wanted = {name: stem.with_name(stem.name + target.suffix) for name, target in chosen.items()}
    calibrated = [name for name, target in chosen.items() if target.calibrated or target.needs_calibration]
    if calibrated and samples is None:
        raise SepzooError(
            f"{', '.join(calibrated)} needs images to calibrate on. Received: no --data. Name the training data: "
            "`digits`, a folder of class folders, a TFDS name, or an .npz file of features."
        )
    for name in wanted:
        named(name).require_packages()
    for name in calibrated:
        if chosen[name].calibrated:
            require_calibratable(classifier.model, name)
    for name, path in wanted.items():
        chosen[name].check_path(path)
    reports: list[ExportReport] = []
    left = time_left(len(wanted))
    calibration, check = (None, None) if samples is None else (samples.calibration, samples.check)
    classifier = saying_inputs(classifier, check or calibration)
    with preparing(classifier, calibration, beside=stem.parent) as preparations:
        for number, (name, path) in enumerate(wanted.items(), start=1):
            with announced(f"{title}exporting {name} ({number} of {len(wanted)}){left(number - 1)}"):
                reports.append(
                    write(
                        classifier,
                        chosen[name],
                        path,
                        calibration=calibration,
                        check=check,
                        preparations=preparations,
                    )
                )
    seen = noise_of(saying_inputs(classifier, None)) if samples is None else samples.check
    one = next(classifier.batches(seen.taken(slice(1)).images, 1))
    return ExportResults(saved, measure_tensor(classifier, one), tuple(reports))


def _differences(seen: Comparison) -> str:
    """Return in words what the table has no column for: how far an output strays without agreement.

    Of one of several outputs agreement and KL divergence too.
    """
    alone = seen.name is None or seen.kl_divergence is None
    parts = [] if alone else [f"KL divergence {_nats(seen.kl_divergence)} nats"]
    if seen.relative_error is not None and (seen.agreement is None or seen.name is not None):
        why = seen.note if seen.agreement is None else f"same answer {seen.agreement:.4f}"
        parts.append(f"relative error {seen.relative_error:.2g}, largest difference {seen.max_error:.2g} ({why})")
    return f"{'' if seen.name is None else f', output {seen.name}'}: {', '.join(parts)}" if parts else ""


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _nats(divergence: float | None) -> str:
    return "-" if divergence is None else f"{divergence:.5f}"


def _kib(size: int) -> str:
    return f"{size / 1024:,.0f}"


def _ms(latency: Latency) -> str:
    return f"{latency.median_ms:.2f}"
