"""Export to `.tflite`."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.export.bias_correction import correct_biases
from sepzoo.export.checking import checked_file
from sepzoo.export.comparison import describe
from sepzoo.export.preparation import deployable, described, require_tensorflow
from sepzoo.export.report import ExportReport
from sepzoo.export.tflite_metadata import with_metadata
from sepzoo.export.tolerance import EXACT, QUANTIZED, ROUNDED, Tolerance
from sepzoo.inference.classifier import Classifier
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, first_line, unknown
from sepzoo.support.quiet import Log, quiet

Quantize = Literal["float16", "dynamic", "int8", "int16x8"]
Interface = Literal["uint8", "int8", "float32"]


@dataclasses.dataclass(frozen=True)
class Mode:
    """One way of storing and computing.

    Attributes:
        tolerance: the default one.
        rounds_from: how many elements a kernel has at least that the converter rounds to 8 bits; None: it rounds none.
        calibrated: whether activations are integers too, whose ranges come from samples.
        operators: the converter's name of the operator set.
    """

    tolerance: Tolerance
    rounds_from: int | None = None
    calibrated: bool = False
    operators: str = "TFLITE_BUILTINS"


MODES = {
    "float32": Mode(EXACT),
    "float16": Mode(ROUNDED),
    "dynamic": Mode(QUANTIZED, rounds_from=1024),
    "int8": Mode(QUANTIZED, rounds_from=0, calibrated=True, operators="TFLITE_BUILTINS_INT8"),
    "int16x8": Mode(
        QUANTIZED,
        rounds_from=0,
        calibrated=True,
        operators="EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",
    ),
}


def tflite(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    quantize: Quantize | None = None,
    calibration: Samples | None = None,
    check: Samples | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    interface: Interface = "uint8",
    correct_bias: bool = True,
    log: str | os.PathLike[str] | None = None,
) -> ExportReport:
    """Write a model as a `.tflite` file that was run and compared with the model.

    The file takes one image at a time, ends in probabilities, uses TFLite's own operators only, and carries labels and
    normalization as standard metadata. A model that ends in logits gets its softmax.

    Args:
        model: a functional image classifier; it is only read.
        path: of the file, ending in `.tflite`.
        quantize: None: float32. `"float16"`: weights of half the size. `"dynamic"`: 8-bit weights, float activations.
            `"int8"`: 8-bit integers throughout. `"int16x8"`: 16-bit activations, 8-bit weights; slow on most machines.
        calibration: images like those that the network will see; integers throughout need them to set their ranges.
        check: samples to compare on, best labelled ones that are not those of the calibration. None: those of the
            calibration; for float32 random pixels if there are none. The report says which.
        tolerance: beyond it the export is refused. None: of float32 probabilities 1e-4; of the others a share of equal
            answers and a loss of accuracy, see `MODES`.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        interface: type of an int8 file's input and output. mediapipe and browsers take uint8 and float32 only.
        correct_bias: whether biases make good the mean error of 8-bit weights, measured on `calibration`.
        log: where the converter's own lines go. None: nowhere; if it fails, into a file beside `path`.

    Raises:
        SepzooError: an unknown mode, no calibration where it is needed, a model that is no image classifier, an
            operator that TFLite lacks, or a file whose answers differ too much. Nothing is written then but the log.

    Example:
        >>> import sepzoo, tempfile
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> report = tflite(network, tempfile.mkdtemp() + "/small.tflite", labels=["cat", "dog"])
        >>> report.target, report.labels, report.operators["CONV_2D"]
        ('tflite:float32', 2, 15)
    """
    name = quantize or "float32"
    if name not in MODES:
        raise unknown("quantization", name, MODES)
    mode = MODES[name]
    require_tensorflow(f"tflite:{name}")
    if Path(path).suffix != ".tflite":
        raise SepzooError(f"expected a file name that ends in .tflite. Received: {path}.")
    if mode.calibrated and not calibration:
        raise SepzooError(
            f"{name} needs calibration. Received: calibration={calibration}. Pass samples of the training data: "
            "sepzoo.data.draw_samples(source, count=200)."
        )
    if quantize and not calibration and not check:
        raise SepzooError(
            f"{name} rounds, and random pixels cannot show what that does. Received: neither calibration nor check. "
            "Pass samples of real images: sepzoo.data.draw_samples(source, count=200) (on the command line: --data)."
        )
    classifier, metadata = described(model, None if labels is None else tuple(labels), preprocessing)
    ready = deployable(model)
    images = _calibration_images(classifier, calibration) if calibration and mode.rounds_from is not None else None
    if images is not None and mode.rounds_from is not None and correct_bias:
        correct_biases(ready, images, rounds_from=mode.rounds_from)

    def write(temporary: Path) -> None:
        content = _logged(Path(path), log, _Conversion(ready, name, mode, images, interface))
        temporary.write_bytes(with_metadata(content, metadata, classifier.input_shape))

    return checked_file(
        path,
        write,
        model=classifier,
        target=f"tflite:{name}",
        check=check or calibration,
        tolerance=tolerance or mode.tolerance,
        calibration=describe(calibration) if calibration and images is not None else None,
    )


@dataclasses.dataclass(frozen=True)
class _Conversion:
    """One run of TensorFlow's converter."""

    model: keras.Model
    name: str
    mode: Mode
    images: np.ndarray | None
    interface: Interface

    def run(self) -> bytes:
        """Return the file's bytes, without metadata."""
        import tensorflow as tf

        shape = (1, *self.model.inputs[0].shape[1:])
        with tempfile.TemporaryDirectory() as folder:
            signature = [keras.InputSpec(shape=shape, dtype="float32")]
            self.model.export(folder, format="tf_saved_model", verbose=False, input_signature=signature)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            converter.target_spec.supported_ops = [tf.lite.OpsSet[self.mode.operators]]
            if self.name != "float32":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if self.name == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if self.mode.calibrated:
                converter.representative_dataset = self._calibration
            if self.name == "int8":
                converter.inference_input_type = converter.inference_output_type = tf.as_dtype(self.interface)
            return converter.convert()

    def _calibration(self) -> Iterator[list[np.ndarray]]:
        for image in () if self.images is None else self.images:
            yield [image[None]]


def _calibration_images(model: Classifier, samples: Samples) -> np.ndarray:
    """Return samples as normalized input, float32.

    The first one gets a black and a white pixel: so the input's range is that of all pixels, whatever the samples hold,
    and an integer input takes the pixels as they are.
    """
    pixels = model.pixels(samples.images)
    pixels[0, 0, 0], pixels[0, 0, -1] = 0, 255
    return model.require_preprocessing().normalize(pixels)


def _logged(path: Path, log: str | os.PathLike[str] | None, conversion: _Conversion) -> bytes:
    """Convert in silence; what the converter says goes to the log."""
    text = Log()
    try:
        with quiet() as text:
            return conversion.run()
    except Exception as error:  # the converter raises its own kinds, RuntimeError, ValueError and more
        log = log or path.with_name(f"{path.name}.log")
        raise SepzooError(
            f"TensorFlow's converter refused {conversion.model.name}: {first_line(error).rstrip('. ')}. "
            f"Its own words are in {log}."
        ) from error
    finally:
        if log is not None:
            Path(log).write_text(text.text, encoding="utf-8")
