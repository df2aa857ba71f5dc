"""SavedModel folders that `sepzoo.export.xla` wrote, run by TensorFlow."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from sepzoo.inference.classifier import Classifier
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.quiet import quiet

EXTRA_FILES = "assets.extra"
"""The folder inside a SavedModel that TensorFlow leaves to others."""

SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SavedModelClassifier(Classifier):
    """A SavedModel behind the face that all files share.

    Attributes:
        loaded: what TensorFlow loaded; it owns the variables.
    """

    loaded: Any

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the values in the type that the function takes."""
        (source,) = self.loaded.signatures[SIGNATURE].structured_input_signature[1].values()
        return values.astype(source.dtype.as_numpy_dtype)

    def run(self, tensor: np.ndarray) -> np.ndarray:
        """Return the outputs, float32 (n, *output_shape)."""
        import tensorflow as tf

        (outputs,) = self.loaded.signatures[SIGNATURE](tf.constant(tensor)).values()
        return np.asarray(outputs, np.float32).reshape(len(tensor), *self.output_shape)


def read(path: Path, threads: int) -> SavedModelClassifier:
    """Open a SavedModel folder; see `sepzoo.inference.open`."""
    del threads  # TensorFlow decides
    member = path / EXTRA_FILES / MEMBER
    if not member.is_file():
        raise SepzooError(
            f"{path}: expected a SavedModel that sepzoo wrote. Received: one without {EXTRA_FILES}/{MEMBER}."
        )
    metadata = Metadata.from_json(member.read_bytes())
    import tensorflow as tf

    try:
        with quiet():
            loaded = tf.saved_model.load(str(path))
        function = loaded.signatures[SIGNATURE]
        (source,) = function.structured_input_signature[1].values()
        (target,) = function.structured_outputs.values()
    except Exception as error:  # a damaged folder makes TensorFlow raise almost anything
        raise SepzooError(f"{path}: expected a SavedModel. Received: a damaged one ({first_line(error)}).") from error
    outputs = metadata.outputs
    return SavedModelClassifier(
        metadata=metadata,
        input_shape=tuple(int(size) for size in source.shape[1:]),
        output_shape=tuple(int(size) for size in target.shape[1:]),
        end=outputs[0].end if outputs else "softmax",  # earlier versions wrote probabilities alone
        loaded=loaded,
    )
