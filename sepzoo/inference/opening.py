"""From a path to a classifier: which module reads which suffix."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from sepzoo.artifact.inspection.checking import check
from sepzoo.inference.classifier import Classifier
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, unknown

_SAVED_MODEL = "saved_model.pb"

_READERS = {
    ".keras": "sepzoo.inference.keras_model",
    ".h5": "sepzoo.inference.keras_model",
    ".tflite": "sepzoo.inference.tflite_file",
    _SAVED_MODEL: "sepzoo.inference.saved_model",
}
"""Suffix, or the file that marks a folder -> the module whose `read` opens it. A new format is a line and a module."""


def suffixes() -> list[str]:
    """Return the file suffixes that `open` reads.

    Example:
        >>> suffixes()
        ['.h5', '.keras', '.tflite']
    """
    return sorted(suffix for suffix in _READERS if suffix.startswith("."))


def open(  # noqa: A001  (named for what it does, as in gzip.open)
    path: str | os.PathLike[str],
    *,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    threads: int = 1,
    trust: bool = False,
) -> Classifier:
    """Open a network's file: `.keras`, `.tflite`, or the folder of a SavedModel that `sepzoo.export.xla` wrote.

    A whole-model `.h5` file of Keras 2 is read too; it has neither labels nor preprocessing, so say them.

    Args:
        path: the file.
        labels: class names in the order of the outputs, instead of those in the file.
        preprocessing: instead of that in the file.
        trust: whether to open it without the check of `sepzoo.artifact.inspection`, which takes a process of its own.
        threads: that a `.tflite` file may use; the other formats choose by themselves.

    Raises:
        SepzooError: no such file, a suffix that is not known, a damaged file, or one that is no image classifier.

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
    if not source.exists():
        raise SepzooError(f"{source}: no such file.")
    if threads < 1:
        raise SepzooError(f"expected at least one thread. Received: threads={threads}.")
    module = importlib.import_module(_reader(source))
    check(source, trust=trust)
    return module.read(
        source, labels=None if labels is None else tuple(labels), preprocessing=preprocessing, threads=threads
    )


def _reader(source: Path) -> str:
    if source.is_dir():
        if (source / _SAVED_MODEL).is_file():
            return _READERS[_SAVED_MODEL]
        raise SepzooError(
            f"{source}: expected a model file or a SavedModel. Received: a folder without {_SAVED_MODEL}."
        )
    if source.suffix not in _READERS:
        raise unknown("model file suffix", source.suffix, suffixes(), f"Received: {source}.")
    return _READERS[source.suffix]
