"""Export to `.onnx`, for ONNX Runtime and the many programs that read it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras

from sepzoo.artifact.inspection.onnx_graph import metadata_field
from sepzoo.data.samples import Samples
from sepzoo.export.formats.served import signature, with_named_outputs
from sepzoo.export.pipeline import write
from sepzoo.export.preparation import Shapes
from sepzoo.export.prepared import Prepared
from sepzoo.export.report import ExportReport
from sepzoo.export.target import Target
from sepzoo.export.tolerance import EXACT, Tolerance
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing


def convert(prepared: Prepared, path: Path) -> None:
    """Run tf2onnx, and name what it leaves nameless.

    Args:
        prepared: the network.
        path: of the file.
    """
    import onnx as standard

    network = with_named_outputs(prepared.model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx was written for an older NumPy
        network.export(path, format="onnx", verbose=False, input_signature=signature(network))
    file = standard.load(path)
    file.graph.name = network.name
    for value in (*file.graph.input, *file.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del file.graph.value_info[:]  # which call the batch otherwise
    path.write_bytes(file.SerializeToString(deterministic=True))


def add_metadata(path: Path, metadata: Metadata, shapes: Shapes) -> None:
    """Append a network's record to a file as its `metadata_props` entry `sepzoo.json`."""
    del shapes  # the graph says them
    with path.open("ab") as file:
        file.write(metadata_field(MEMBER, metadata.to_json()))


ONNX = Target(name="onnx", suffix=".onnx", convert=convert, add_metadata=add_metadata, tolerance=EXACT)


def onnx(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    check: Samples | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
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
        check: samples to compare on; None: random pixels, as the report says.
        tolerance: beyond it the export is refused; None: probabilities within 1e-4.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows; see `sepzoo.export.tflite`.

    Raises:
        SepzooError: the extra is not installed, samples that show nothing, or a file whose outputs differ
            too much. Nothing is written then but the converter's own words, if it fails.

    Example:
        >>> import sepzoo, tempfile
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> report = onnx(network, tempfile.mkdtemp() + "/small.onnx", labels=["cat", "dog"])
        >>> report.target, report.labels, report.operators["Conv"]
        ('onnx', 2, 27)
    """
    classifier = from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
    return write(classifier, ONNX, path, check=check, tolerance=tolerance)
