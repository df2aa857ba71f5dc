"""The one way by which a converted network becomes a file: write, open, compare, then keep or refuse."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from sepzoo.data.samples import Samples
from sepzoo.export.comparison import compare, noise
from sepzoo.export.report import ExportReport
from sepzoo.export.tolerance import Tolerance
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.latency import measure
from sepzoo.inference.opening import open as open_file
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError


def checked_file(
    path: str | os.PathLike[str],
    write: Callable[[Path], object],
    *,
    model: Classifier,
    target: str,
    check: Samples | None,
    tolerance: Tolerance,
    calibration: str | None = None,
    folder: bool = False,
) -> ExportReport:
    """Write a file, compare it with its model, and let it stand only if it answers as the model does.

    Args:
        path: where the file, or the folder, will be; what is there stays until the new one has proved itself.
        write: writes it to the path that it is given.
        model: what the file must agree with.
        target: as reports name it.
        check: labelled or unlabelled samples to compare on; None: random pixels.
        tolerance: the limits of the differences.
        calibration: in words, for the report.
        folder: whether `write` makes a folder.

    Raises:
        SepzooError: the file differs from its model by more than the tolerance allows, or what is at `path` must stay.
    """
    samples = check or noise(model.input_shape)
    if len(samples) == 0:
        raise SepzooError("expected at least one sample to check the file on. Received: none.")
    with atomic_write(path, folder=folder) as temporary:
        write(temporary)
        file = open_file(temporary)
        comparison = compare(model, file, samples)
        problems = tolerance.problems(comparison)
        if problems:
            raise SepzooError(
                f"{target} of {model.name} was refused: {'; '.join(problems)}; checked on {comparison.origin}. "
                f"No file was written. {_advice(samples)}"
            )
        report = ExportReport(
            path=Path(path),
            target=target,
            name=model.name,
            size=0,
            comparison=comparison,
            tolerance=tolerance,
            latency=measure(file, file.pixels(samples.images[:1])[0]),
            operators=dict(getattr(file, "operators", {})),
            calibration=calibration,
            labels=len(file.labels or ()),
        )
    return dataclasses.replace(report, size=_size(Path(path)))


def _advice(samples: Samples) -> str:
    if samples.labels is None:
        return "Check on real, labelled samples, or widen the tolerance."
    return "Calibrate on more images like those the network was trained on, or widen the tolerance."


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
