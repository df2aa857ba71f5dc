"""Export to a page that names what pictures show, in a browser, without a network."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import keras

from sepzoo.data.samples import Samples
from sepzoo.export.formats.page import page_of, require_pictures
from sepzoo.export.formats.quantized import chosen
from sepzoo.export.formats.tflite import TFLITE
from sepzoo.export.pipeline import write
from sepzoo.export.preparation import Shapes
from sepzoo.export.report import ExportReport
from sepzoo.export.target import Target
from sepzoo.export.tflite_metadata import with_metadata
from sepzoo.export.tolerance import Tolerance
from sepzoo.inference.keras_model import from_model
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.types import Arrays


def _add_page(path: Path, metadata: Metadata, shapes: Shapes) -> None:
    path.write_bytes(page_of(with_metadata(path.read_bytes(), metadata, shapes), metadata))


def _in_page(target: Target, name: str, suffix: str) -> Target:
    """Return the target that writes what a target of TFLite does into a page."""
    return dataclasses.replace(
        target,
        name=name,
        suffix=suffix,
        add_metadata=_add_page,
        accepts=require_pictures,
        trained=None if target.trained is None else _in_page(target.trained, name, suffix),
    )


_OF_TFLITE = {target.mode: target for target in TFLITE}
BROWSER = _in_page(_OF_TFLITE["float32"], "browser", ".html")
BROWSER_INT8 = _in_page(_OF_TFLITE["int8"], "browser:int8", "_int8.html")


def browser(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    quantize: Literal["int8"] | None = None,
    calibration: Samples | Arrays | None = None,
    check: Samples | Arrays | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    outputs: Said = None,
) -> ExportReport:
    """Write a model as one page that runs it in a browser, and was compared with the model.

    The page holds all that it needs: the network as a `.tflite` file, labels, preprocessing, and LiteRT's runtime (some
    4 MB). It is opened from a disk or a server, with a network or without, and loads nothing. Pictures are dropped on
    it, pasted, chosen or taken by a camera, resized and normalized as `sepzoo.inference` does it, and never leave the
    device. What is compared is the network inside, run by LiteRT in Python.

    Args:
        model: a functional model that takes one picture and gives class scores; it is only read.
        path: of the page, ending in `.html`.
        quantize: None: float32. `"int8"`: 8-bit integers throughout: a quarter of the bytes, and faster.
        calibration: samples like those that the network will see, which set the ranges of integers; or an array as the
            network takes it.
        check: samples, or an array, to compare on; None: those of the calibration, for float32 random pixels, as the
            report says.
        tolerance: beyond it the export is refused; None: as of `sepzoo.export.tflite`.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        outputs: what the model gives, instead of what it says or its graph shows; see `sepzoo.export.tflite`.

    Raises:
        SepzooError: a model that takes or gives something else, samples that show nothing, or a network whose outputs
            differ too much. Nothing is written then but the converter's own words, if it fails.

    Example:
        >>> import sepzoo, tempfile
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> report = browser(network, tempfile.mkdtemp() + "/small.html", labels=["cat", "dog"])
        >>> report.target, report.labels, report.path.read_text().splitlines()[0]
        ('browser', 2, '<!DOCTYPE html>')
    """
    return write(
        from_model(model, labels=labels, preprocessing=preprocessing, outputs=outputs),
        chosen(quantize, BROWSER, BROWSER_INT8),
        path,
        calibration=None if quantize is None else calibration,
        check=check,
        tolerance=tolerance,
    )
