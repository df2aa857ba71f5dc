"""From a path to a classifier: what reads which suffix."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sepzoo.artifact.inspection.checking import check, unchecked
from sepzoo.artifact.model_format import (
    ARCHIVE,
    HDF5,
    ONNX,
    OPENVINO,
    OPENVINO_XML,
    PAGE,
    SAVED_MODEL,
    STABLEHLO,
    TFLITE,
    model_format,
)
from sepzoo.inference.classifier import Classifier
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import printable
from sepzoo.support.regular_file import why_missing


def _keras(path: Path, threads: int) -> Classifier:
    from sepzoo.inference.keras_model import read

    return read(path, threads)


def _tflite(path: Path, threads: int) -> Classifier:
    from sepzoo.inference.tflite_file import read

    return read(path, threads)


def _onnx(path: Path, threads: int) -> Classifier:
    from sepzoo.inference.onnx_file import read

    return read(path, threads)


def _saved_model(path: Path, threads: int) -> Classifier:
    from sepzoo.inference.saved_model import read

    return read(path, threads)


def _openvino(path: Path, threads: int) -> Classifier:
    from sepzoo.inference.openvino_file import read

    return read(path, threads)


def _stablehlo(path: Path, threads: int) -> Classifier:
    from sepzoo.inference.stablehlo_file import read

    return read(path, threads)


def _page(path: Path, threads: int) -> Classifier:
    from sepzoo.inference.browser_page import read

    return read(path, threads)


_READERS: dict[str, Callable[[Path, int], Classifier]] = {
    ARCHIVE: _keras,
    HDF5: _keras,
    TFLITE: _tflite,
    ONNX: _onnx,
    SAVED_MODEL: _saved_model,
    OPENVINO: _openvino,
    STABLEHLO: _stablehlo,
    OPENVINO_XML: _openvino,
    PAGE: _page,
}
"""Format -> what opens it and brings in no more than it needs."""


def suffixes() -> list[str]:
    """Return the file suffixes that `open` reads.

    Example:
        >>> suffixes()
        ['.h5', '.html', '.keras', '.onnx', '.tflite', '.xml']
    """
    return sorted(suffix for suffix in _READERS if suffix.startswith("."))


def open(  # noqa: A001  (named for what it does, as in gzip.open)
    path: str | os.PathLike[str],
    *,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    outputs: Said = None,
    threads: int = 1,
    trust: bool = False,
) -> Classifier:
    """Open a network's file (`.keras`, `.tflite`, `.onnx`, `.xml`) or folder (SavedModel, OpenVINO, StableHLO).

    Pages that `sepzoo export --to browser` wrote (`.html`) are opened too, by the network in them.
    Which of them a file is, its content says, not its name. A whole-model `.h5` file of Keras 2 is read too; it has
    neither labels nor preprocessing, so say them.

    Args:
        path: the file.
        labels: class names in the order of the outputs, instead of those in the file.
        preprocessing: instead of that in the file.
        trust: whether to open it without the check of `sepzoo.artifact.inspection`, which takes a process of its own.
        outputs: what the network gives ("logits", "values", …: `sepzoo.records.outputs`), instead of what the file says
            or shows; of several outputs by their names: {"class": "softmax", "pose": "values"}.
        threads: that a `.tflite`, `.onnx` or OpenVINO file may use; the other formats choose by themselves.

    Raises:
        SepzooError: no such file, one that is no model (what reads it is said), a damaged one, or what is said does not
            fit it.

    Example:
        >>> open("model.pb")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: model.pb: no such file.

        >>> import tempfile, numpy, sepzoo
        >>> from sepzoo.artifact import model_file
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> classifier = open(model_file.save(network, tempfile.mkdtemp() + "/small.keras"))
        >>> classifier.input_shape, classifier.predict(numpy.zeros((5, 48, 64, 3), "uint8")).shape
        ((32, 32, 3), (5, 2))
    """
    source = Path(path)
    if threads < 1:
        raise SepzooError(f"expected at least one thread. Received: threads={threads}.")
    read = _reader(source)
    check(source, trust=trust)
    with unchecked() if trust else contextlib.nullcontext():
        classifier = read(source, threads)
    return classifier.updated(labels=labels, preprocessing=preprocessing, outputs=outputs)


def _reader(source: Path) -> Callable[[Path, int], Classifier]:
    missing = why_missing(source)
    if missing is not None:
        if missing == "does not exist":
            raise SepzooError(f"{source}: no such file.")
        raise SepzooError(f"expected a model file. Received: {source}, which {missing}.")
    files, folders = ".keras, .h5, .tflite, .onnx, .xml, .html", "SavedModel, OpenVINO, StableHLO"
    known = f"a model file ({files}) or the folder of one ({folders})"
    found = model_format(source, readable=_READERS, expected=known)
    if found == SAVED_MODEL and not _is_utf8(source):
        raise SepzooError(
            f"expected a SavedModel at a path of UTF-8 text, since TensorFlow opens no other. Received: "
            f"{printable(str(source.absolute()))}. Rename the folder."
        )
    return _READERS[found]


def _is_utf8(path: Path) -> bool:
    try:
        os.fspath(path.absolute()).encode()
    except UnicodeEncodeError:
        return False
    return True
