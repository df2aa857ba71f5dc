"""Export to a SavedModel whose function XLA compiles, for servers with GPUs or without."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import keras

from sepzoo.data.samples import Samples
from sepzoo.export.formats.saved_functions import save_functions
from sepzoo.export.pipeline import write
from sepzoo.export.preparation import Shapes
from sepzoo.export.prepared import Prepared
from sepzoo.export.report import ExportReport
from sepzoo.export.target import Target
from sepzoo.export.tolerance import EXACT, Tolerance
from sepzoo.inference.keras_model import from_model
from sepzoo.inference.saved_model import EXTRA_FILES, SIGNATURE
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import unknown
from sepzoo.support.types import Arrays
from sepzoo.surgery import accelerate


def convert(prepared: Prepared, path: Path) -> None:
    """Save a function that calls the network and that XLA compiles.

    Args:
        prepared: the network.
        path: of the folder.
    """
    import tensorflow as tf

    ready = prepared.model
    signature = [tf.TensorSpec((None, *given.shape[1:]), given.dtype, name=given.name) for given in ready.inputs]

    @tf.function(jit_compile=True, input_signature=signature)
    def served(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        found = ready(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
        return found if isinstance(found, dict) else {"probability": found}

    save_functions({SIGNATURE: served.get_concrete_function()}, ready, path)


def convert_for_processors(prepared: Prepared, path: Path) -> None:
    """Do so with depthwise convolutions as shifted products, which XLA compiles to faster code for processors.

    Args:
        prepared: the network.
        path: of the folder.
    """
    model, _report = accelerate(prepared.model, xla=True)
    convert(dataclasses.replace(prepared, model=model), path)


def _add_metadata(path: Path, metadata: Metadata, shapes: Shapes) -> None:
    del shapes  # the function's signature says them
    (path / EXTRA_FILES).mkdir()
    (path / EXTRA_FILES / MEMBER).write_text(metadata.to_json(), encoding="utf-8")


XLA = Target(name="xla", suffix="_xla", convert=convert, add_metadata=_add_metadata, tolerance=EXACT, folder=True)
XLA_CPU = dataclasses.replace(XLA, name="xla:cpu", suffix="_xla_cpu", convert=convert_for_processors)


def xla(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    device: Literal["gpu", "cpu"] = "gpu",
    check: Samples | Arrays | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
    embed_preprocessing: bool = False,
) -> ExportReport:
    """Write a model as a SavedModel folder whose function XLA compiles; it was run and compared with the model.

    The function takes samples as the network takes them, such as normalized float32 images (n, height, width,
    channels), any n, and returns probabilities (n, classes), or what else the network gives. It is compiled on its
    first call for each n, which takes seconds. The folder runs where there is TensorFlow and no sepzoo:
    `tf.saved_model.load(path).signatures["serving_default"]`. Labels and preprocessing lie in
    `assets.extra/sepzoo.json`. XLA's own depthwise convolutions are slow on CPUs: `device="cpu"` writes those over
    images in another way for these (`sepzoo.layers.fast_depthwise`). Either folder runs on both.

    Args:
        model: a functional model; it is only read. Where it has several inputs or outputs, samples and what is said
            of them are dictionaries by their names.
        path: of the folder.
        device: what it is meant to be fast on; `xla` and `xla:cpu` of `sepzoo.export.export`.
        check: samples, or an array as the network takes it, to compare on; None: random pixels, as the report says.
        tolerance: beyond it the export is refused; None: probabilities within 1e-4.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows; see `sepzoo.export.tflite`.
        embed_preprocessing: whether the file takes pixels of 0 … 255 as uint8, and normalizes them itself.

    Raises:
        SepzooError: another device, samples that show nothing, or a file whose outputs differ too much. Nothing is
            written then but TensorFlow's own words, if it fails.

    Example:
        >>> import sepzoo, tempfile
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> report = xla(network, tempfile.mkdtemp() + "/served")
        >>> report.target, report.comparison.max_error < 1e-4
        ('xla', True)
    """
    targets = {"gpu": XLA, "cpu": XLA_CPU}
    if device not in targets:
        raise unknown("device", device, targets)
    classifier = from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
    return write(
        classifier, targets[device], path, check=check, tolerance=tolerance, embed_preprocessing=embed_preprocessing
    )
