"""The targets by their names."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import keras

from sepzoo.data.samples import Samples
from sepzoo.export.formats.tflite import MODES, tflite
from sepzoo.export.formats.xla import xla
from sepzoo.export.report import ExportReport
from sepzoo.export.tolerance import Tolerance
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import unknown


@dataclasses.dataclass(frozen=True)
class Target:
    """A format that a network can be exported to.

    Attributes:
        name: as `sepzoo export --to` takes it.
        suffix: what a file's name gets behind the network's name.
        write: the function that writes it.
        calibrated: whether it needs samples that set the ranges of its integers.
        calibration: whether `write` takes such samples.
    """

    name: str
    suffix: str
    write: Callable[..., ExportReport]
    calibrated: bool = False
    calibration: bool = True


def _tflite(name: Any) -> Target:
    write = functools.partial(tflite, quantize=None if name == "float32" else name)
    return Target(f"tflite:{name}", f"_{name}.tflite", write, calibrated=MODES[name].calibrated)


TARGETS = {target.name: target for target in (*map(_tflite, MODES), Target("xla", "_xla", xla, calibration=False))}
"""Every target; a new format is one more line."""


def export(
    model: keras.Model,
    target: str,
    path: str | os.PathLike[str],
    *,
    calibration: Samples | None = None,
    check: Samples | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
) -> ExportReport:
    """Write a model in the format of a name: `tflite:float32`, `tflite:int8`, `xla`, … (`TARGETS` has all).

    Args:
        model: a functional image classifier; it is only read.
        target: the format.
        path: of the file or folder.
        calibration: samples for the formats that take them; the others pass them by.
        check: samples to compare the file and the model on.
        tolerance: beyond it the export is refused; None: the format's own.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.

    Raises:
        SepzooError: an unknown target (the nearest ones are offered), or what the format's own function raises.

    Example:
        >>> import keras
        >>> export(keras.Sequential(), "xlaa", "model")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: unknown target 'xlaa'. Did you mean xla?
    """
    if target not in TARGETS:
        raise unknown("target", target, TARGETS)
    options: dict[str, Any] = {"check": check, "tolerance": tolerance, "labels": labels, "preprocessing": preprocessing}
    if TARGETS[target].calibration:
        options["calibration"] = calibration
    return TARGETS[target].write(model, path, **options)
