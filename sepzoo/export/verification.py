"""Check an exported file again, later and elsewhere, by its own record and with its format's runtime alone."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np

from sepzoo.artifact.inspection.checking import check
from sepzoo.artifact.seal import read_seal
from sepzoo.export.answers import answers_of, relative_error
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.opening import open as open_file
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json


@dataclasses.dataclass(frozen=True)
class Verification:
    """What became of a file's check. `print` shows it as a table.

    Attributes:
        path: of the file.
        record: what the file says of itself: target, name, weights' hash, inputs, outputs, labels, versions, what its
            export measured.
        error: relative error of its answers to those of its export, the largest of its outputs.
        limit: beyond which it fails.
    """

    path: Path
    record: dict[str, Json]
    error: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether it answers as it did."""
        return self.error <= self.limit

    def to_json(self) -> str:
        """Return all of it as JSON."""
        record = {key: value for key, value in self.record.items() if key != "answers"}
        seen = {"path": str(self.path), "passed": self.passed, "relative_error": self.error, "limit": self.limit}
        return json.dumps({**seen, "record": record}, indent=1, ensure_ascii=False)

    def __str__(self) -> str:
        record, seen = self.record, self.record["check"]
        measured = [f"{what} {seen[key]:.4g}" for key, what in _MEASURED.items() if key in seen]
        rows = [
            ("file", str(self.path)),
            ("target", str(record["target"])),
            ("network", f"{record['name']}, {record['labels'] or 'no'} labels"),
            ("weights", str(record["weights"])),
            *(("input", _described(each)) for each in record["inputs"]),
            *(("output", f"{_described(each)}, {each['kind']}") for each in record["outputs"]),
            ("written with", ", ".join(f"{name} {version}" for name, version in record["versions"].items())),
            ("checked on", str(seen["origin"])),
            ("measured", ", ".join(measured)),
            ("bytes", "as they were written"),
            (
                "answers",
                f"{'as' if self.passed else 'NOT as'} at its export: relative error {self.error:.2g}, limit "
                f"{self.limit:g}",
            ),
        ]
        width = max(len(what) for what, _ in rows)
        return "\n".join(f"{what:<{width}}  {value}" for what, value in rows)


_MEASURED = {
    "max_error": "largest difference",
    "relative_error": "relative error",
    "agreement": "same answer",
    "kl_divergence": "KL divergence",
    "model_accuracy": "accuracy of the model",
    "file_accuracy": "of the file",
}


def verify(path: str | os.PathLike[str]) -> Verification:
    """Check a file that `sepzoo.export` wrote: that its bytes are as they were, and that it answers as it did.

    The format's own runtime runs it; neither Keras nor TensorFlow is imported, but for a SavedModel.

    Args:
        path: of a `.tflite` or `.onnx` file, a page, or the folder of an XLA, StableHLO or OpenVINO export.

    Raises:
        SepzooError: no such file, a damaged one, one without a record (of another program, or of an earlier version),
            or one that was changed since it was written.

    Example:
        >>> import sepzoo, tempfile
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> report = sepzoo.export.tflite(network, tempfile.mkdtemp() + "/small.tflite")
        >>> verify(report.path).passed
        True
    """
    source = Path(path)
    if not source.exists():
        raise SepzooError(f"{source}: no such file.")
    check(source)
    seal = read_seal(source)
    if seal is None:
        raise SepzooError(
            f"{source}: expected a file that sepzoo exported, with the record of its check. Received: one without, "
            "of another program, or damaged: where a file was cut off, its record went first. Take it from where it "
            "came, or export it again."
        )
    if not seal.whole:
        raise SepzooError(
            f"{source}: expected a file as it was written. Received: one that was changed since. Export it again, or "
            "take it from where it came."
        )
    file = open_file(source)
    try:
        limit, values = float(seal.record["answers"]["relative_error"]), dict(seal.record["answers"]["values"])
        expected = {name: np.array(rows, np.float64) for name, rows in values.items()}
        found = Verification(source, seal.record, _largest_error(expected, file), limit)
        str(found), found.to_json()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, SepzooError):
            raise
        raise SepzooError(
            f"{source}: expected a record of this version of sepzoo. Received: another ({type(error).__name__}: "
            f"{error}). Verify it with the version that wrote it, or export it again."
        ) from None
    return found


def _largest_error(expected: dict[str, np.ndarray], file: Classifier) -> float:
    given = answers_of(file)
    return max(relative_error(expected[name], rows) for name, rows in given.items())


def _described(tensor: Json) -> str:
    shape = " x ".join(map(str, tensor["shape"])) or "a number"
    return f"{tensor['name'] or ''} {shape} {tensor.get('dtype', '')}".strip()
