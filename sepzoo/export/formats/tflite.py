"""Export to `.tflite`."""

from __future__ import annotations

import dataclasses
import functools
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.export.pipeline import write
from sepzoo.export.preparation import Shapes
from sepzoo.export.prepared import Prepared
from sepzoo.export.report import ExportReport
from sepzoo.export.target import Target
from sepzoo.export.tflite_metadata import with_metadata
from sepzoo.export.tolerance import EXACT, QUANTIZED, QUANTIZED_WEIGHTS, ROUNDED, Tolerance
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Tensor

Quantize = Literal["float16", "dynamic", "int8", "int16x8"]
Interface = Literal["uint8", "int8", "float32"]

_OPERATORS = {
    "int8": "TFLITE_BUILTINS_INT8",
    "int16x8": "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",
}
"""The converter's names of the operator sets that are not `TFLITE_BUILTINS`."""


def convert(
    prepared: Prepared,
    path: Path,
    *,
    mode: str,
    interface: Interface = "uint8",
) -> None:
    """Run TensorFlow's converter.

    Args:
        prepared: the network; the ranges of integers come from its calibration samples.
        path: of the file, which gets no metadata yet.
        mode: a name of `MODES`.
        interface: type of an int8 file's inputs and outputs.
    """
    import tensorflow as tf

    folder = prepared.once("saved_model", functools.partial(_save, prepared.model))
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.target_spec.supported_ops = [tf.lite.OpsSet[_OPERATORS.get(mode, "TFLITE_BUILTINS")]]
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode in _OPERATORS:
        _require_no_loop(folder, prepared.model.name)
        converter.representative_dataset = functools.partial(_one_by_one, prepared.values or {})
    if mode == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(interface)
    with warnings.catch_warnings():  # the converter itself uses what TensorFlow warns of, where samples have names
        warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated")
        path.write_bytes(converter.convert())


def _save(ready: keras.Model, path: Path) -> None:
    """Write the SavedModel that the converter reads, of one sample at a time."""
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.track(ready)
    signature = [tf.TensorSpec((1, *given.shape[1:]), given.dtype, name=given.name) for given in ready.inputs]
    archive.add_endpoint("serving_default", functools.partial(_called, ready), input_signature=signature)
    archive.write_out(str(path), verbose=False)


def _called(ready: keras.Model, *inputs: Tensor) -> dict[str, Tensor]:
    """Return a network's outputs by name."""
    found = ready(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    return found if isinstance(found, dict) else {"output_0": found}


def _require_no_loop(folder: Path, network: str) -> None:
    """Raise where a saved graph has a loop: the converter ends the process when it calibrates one.

    Raises:
        SepzooError: it has one, from a layer or from a function such as `keras.ops.scan`.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    functions = saved.meta_graphs[0].graph_def.library.function
    if any(node.op in ("While", "StatelessWhile") for function in functions for node in function.node_def):
        raise SepzooError(
            f"expected a network without a loop to calibrate. Received: {network!r}, which has one. Export "
            "tflite:float16 or tflite:dynamic, or write the loop out."
        )


def _one_by_one(samples: Mapping[str, np.ndarray]) -> Iterator[list[np.ndarray] | dict[str, np.ndarray]]:
    for row in zip(*samples.values(), strict=True):
        yield [row[0][None]] if len(row) == 1 else {name: each[None] for name, each in zip(samples, row, strict=True)}


def _add_metadata(path: Path, metadata: Metadata, shapes: Shapes) -> None:
    path.write_bytes(with_metadata(path.read_bytes(), metadata, shapes))


def _target(mode: str, tolerance: Tolerance, *, rounds_from: int | None = None, calibrated: bool = False) -> Target:
    return Target(
        name=f"tflite:{mode}",
        suffix=f"_{mode}.tflite",
        convert=functools.partial(convert, mode=mode),
        add_metadata=_add_metadata,
        tolerance=tolerance,
        rounds=mode != "float32",
        rounds_from=rounds_from,
        calibrated=calibrated,
    )


MODES = {
    "float32": _target("float32", EXACT),
    "float16": _target("float16", ROUNDED),
    "dynamic": _target("dynamic", QUANTIZED_WEIGHTS, rounds_from=1024),
    "int8": _target("int8", QUANTIZED, rounds_from=0, calibrated=True),
    "int16x8": _target("int16x8", QUANTIZED, rounds_from=0, calibrated=True),
}
"""The ways of storing and computing; the converter leaves kernels of less than 1024 elements alone in "dynamic"."""


def tflite(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    quantize: Quantize | None = None,
    calibration: Samples | None = None,
    check: Samples | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
    interface: Interface = "uint8",
    correct_bias: bool = True,
    log: str | os.PathLike[str] | None = None,
) -> ExportReport:
    """Write a model as a `.tflite` file that was run and compared with the model.

    The file takes one sample at a time, uses TFLite's own operators only, and carries labels and normalization as
    standard metadata. Several inputs and outputs have their names in its signature; each output is compared by its own
    measure. Class scores become probabilities: logits get their softmax. Which outputs are class scores the
    model says, or its graph shows, or `outputs` says; all others are compared as values.

    Args:
        model: a functional model; it is only read. Where it has several inputs or outputs, samples and what is said
            of them are dictionaries by their names.
        path: of the file, ending in `.tflite`.
        quantize: None: float32. `"float16"`: weights of half the size. `"dynamic"`: 8-bit weights, float activations.
            `"int8"`: 8-bit integers throughout. `"int16x8"`: 16-bit activations, 8-bit weights; slow on most machines.
        calibration: samples like those that the network will see; integers throughout need them to set their ranges.
        check: samples to compare on, best labelled ones that are not those of the calibration. None: those of the
            calibration; for float32 random pixels if there are none. The report says which.
        tolerance: beyond it the export is refused. None: of float32 probabilities 1e-4; of the others a share of equal
            top-1 classes and a loss of accuracy; of values a relative error; see `MODES`.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels; samples are arrays of it then.
        outputs: what the model gives: "softmax", "logits", "sigmoid", "multilabel", "values" or "map", instead of what
            it says or its graph shows.
        interface: type of an int8 file's input and output. mediapipe and browsers take uint8 and float32 only.
        correct_bias: whether biases make good the mean error of 8-bit weights, measured on `calibration`.
        log: where the converter's own lines go. None: nowhere; if it fails, into a file beside `path`.

    Raises:
        SepzooError: an unknown mode, no calibration where it is needed, samples that show nothing, an operator that
            TFLite lacks, or a file whose outputs differ too much. Nothing is written then but the log.

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
    target = dataclasses.replace(MODES[name], convert=functools.partial(convert, mode=name, interface=interface))
    return write(
        from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs),
        target,
        path,
        calibration=calibration,
        check=check,
        tolerance=tolerance,
        correct_bias=correct_bias,
        log=log,
    )
