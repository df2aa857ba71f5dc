"""Export to a SavedModel whose function XLA compiles, for GPU servers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import keras

from sepzoo.data.samples import Samples
from sepzoo.export.checking import checked_file
from sepzoo.export.preparation import deployable, described, require_tensorflow
from sepzoo.export.report import ExportReport
from sepzoo.export.tolerance import EXACT, Tolerance
from sepzoo.inference.saved_model import EXTRA_FILES, SIGNATURE
from sepzoo.records.metadata import MEMBER
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.quiet import quiet


def xla(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    check: Samples | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
) -> ExportReport:
    """Write a model as a SavedModel folder whose function XLA compiles; it was run and compared with the model.

    The function takes normalized float32 images (n, height, width, channels), any n, and returns probabilities
    (n, classes). It is compiled on its first call for each n, which takes seconds. The folder runs where there is
    TensorFlow and no sepzoo: `tf.saved_model.load(path).signatures["serving_default"]`. Labels and preprocessing lie in
    `assets.extra/sepzoo.json`. On a CPU XLA's depthwise convolutions are slow; this target is for GPUs.

    Args:
        model: a functional image classifier; it is only read.
        path: of the folder.
        check: samples to compare on; None: random pixels, as the report says.
        tolerance: beyond it the export is refused; None: probabilities within 1e-4.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.

    Raises:
        SepzooError: a model that is no image classifier, or a file whose answers differ too much. Nothing is written
            then.

    Example:
        >>> import sepzoo, tempfile
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> report = xla(network, tempfile.mkdtemp() + "/served")
        >>> report.target, report.comparison.max_error < 1e-4
        ('xla', True)
    """
    require_tensorflow("xla")
    classifier, metadata = described(model, None if labels is None else tuple(labels), preprocessing)
    ready = deployable(model)

    def write(temporary: Path) -> None:
        with quiet():
            _save(ready, temporary)
        extra = temporary / EXTRA_FILES
        extra.mkdir()
        (extra / MEMBER).write_text(metadata.to_json(), encoding="utf-8")

    return checked_file(
        path, write, model=classifier, target="xla", check=check, tolerance=tolerance or EXACT, folder=True
    )


def _save(model: keras.Model, folder: Path) -> None:
    import tensorflow as tf

    shape = (None, *model.inputs[0].shape[1:])

    class Network(tf.Module):
        """The model as the one function that is served."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        @tf.function(jit_compile=True, input_signature=[tf.TensorSpec(shape, tf.float32, name="image")])
        def __call__(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probability": self.model(image, training=False)}

    network = Network()
    tf.saved_model.save(network, str(folder), signatures={SIGNATURE: network.__call__})
