"""Export to `.onnx`, for ONNX Runtime and the many programs that read it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal

import keras

from sepzoo.data.samples import Samples
from sepzoo.export.formats.onnx_file import add_metadata, convert
from sepzoo.export.formats.quantized import ONNX_INT8, chosen
from sepzoo.export.pipeline import write
from sepzoo.export.report import ExportReport
from sepzoo.export.target import Target
from sepzoo.export.tolerance import EXACT, Tolerance
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.types import Arrays

ONNX = Target(name="onnx", suffix=".onnx", convert=convert, add_metadata=add_metadata, tolerance=EXACT)


def onnx(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    quantize: Literal["int8"] | None = None,
    calibration: Samples | Arrays | None = None,
    check: Samples | Arrays | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
    embed_preprocessing: bool = False,
) -> ExportReport:
    """Write a model as an `.onnx` file that was run in ONNX Runtime and compared with the model.

    The file takes samples as the network takes them, such as normalized float32 images (n, height, width, channels),
    any n, and gives probabilities (n, classes), or what else the network gives. It is one file of operators of ONNX's
    own set alone, and runs where there is ONNX Runtime and no sepzoo. Labels and preprocessing are the entry
    `sepzoo.json` of its `metadata_props`. Needs the extra `onnx`.

    Args:
        model: a functional model; it is only read. Where it has several inputs or outputs, samples and what is said
            of them are dictionaries by their names.
        path: of the file, ending in `.onnx`.
        quantize: None: float32. `"int8"`: 8-bit integers by ONNX Runtime's static quantization, weights a channel each.
        calibration: samples like those that the network will see, which set the ranges of integers; or an array as the
            network takes it.
        check: samples, or an array, to compare on; None: those of the calibration, for float32 random pixels, as the
            report says.
        tolerance: beyond it the export is refused; None: of float32 probabilities 1e-4, of int8 a share of equal top-1
            classes and a loss of accuracy.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows; see `sepzoo.export.tflite`.
        embed_preprocessing: whether the file takes pixels of 0 … 255 as uint8, and normalizes them itself.

    Raises:
        SepzooError: the extra is not installed, samples that show nothing, or a file whose outputs differ
            too much. Nothing is written then but the converter's own words, if it fails.

    Example:
        >>> import sepzoo, tempfile
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> report = onnx(network, tempfile.mkdtemp() + "/small.onnx", labels=["cat", "dog"])
        >>> report.target, report.labels, report.operators["Conv"]
        ('onnx', 2, 28)
    """
    classifier = from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
    return write(
        classifier,
        chosen(quantize, ONNX, ONNX_INT8),
        path,
        calibration=None if quantize is None else calibration,
        check=check,
        tolerance=tolerance,
        embed_preprocessing=embed_preprocessing,
    )
