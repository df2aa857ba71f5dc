"""The targets by their names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

import keras

from sepzoo.data.samples import Samples
from sepzoo.export.formats.browser import BROWSER, BROWSER_INT8
from sepzoo.export.formats.onnx import ONNX
from sepzoo.export.formats.openvino import OPENVINO_TARGET
from sepzoo.export.formats.quantized import ONNX_INT8, OPENVINO_INT8
from sepzoo.export.formats.stablehlo import STABLEHLO_TARGET
from sepzoo.export.formats.tflite import TFLITE
from sepzoo.export.formats.xla import XLA, XLA_CPU
from sepzoo.export.pipeline import write
from sepzoo.export.report import ExportReport
from sepzoo.export.target import Target
from sepzoo.export.tolerance import Tolerance
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import unknown
from sepzoo.support.types import Arrays

_WRITTEN: tuple[Iterable[Target], ...] = (
    TFLITE,
    [XLA, XLA_CPU],
    [STABLEHLO_TARGET],
    [ONNX, ONNX_INT8],
    [OPENVINO_TARGET, OPENVINO_INT8],
    [BROWSER, BROWSER_INT8],
)
"""What each format's file in `formats/` writes; a new format is one line here."""

TARGETS: dict[str, Target] = {target.name: target for targets in _WRITTEN for target in targets}
"""Every target."""


def export(
    model: keras.Model,
    target: str,
    path: str | os.PathLike[str],
    *,
    calibration: Samples | Arrays | None = None,
    check: Samples | Arrays | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
    embed_preprocessing: bool = False,
) -> ExportReport:
    """Write a model in the format of a name: `tflite:float32`, `tflite:int8`, `xla`, … (`TARGETS` has all).

    Args:
        model: a functional model; it is only read. Where it has several inputs or outputs, samples and what is said
            of them are dictionaries by their names.
        target: the format.
        path: of the file or folder.
        calibration: samples, or an array as the model takes it, for the formats that need them; others pass them by.
        check: samples, or an array, to compare the file and the model on.
        tolerance: beyond it the export is refused; None: the format's own.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows; see `sepzoo.export.tflite`.
        embed_preprocessing: whether the file takes pixels of 0 … 255 as uint8, and normalizes them itself; those of
            `tflite:int8`, `tflite:int8_per_tensor` and `browser:int8` take plain pixels in any case.

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
    classifier = from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
    return write(
        classifier,
        TARGETS[target],
        path,
        calibration=calibration,
        check=check,
        tolerance=tolerance,
        embed_preprocessing=embed_preprocessing,
    )
