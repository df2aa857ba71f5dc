"""SavedModel folders, those of `sepzoo.export.xla` and of other programs, run by TensorFlow."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from sepzoo.inference.classifier import Classifier
from sepzoo.inference.saved_model_end import end_of
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.quiet import quiet
from sepzoo.support.types import TfModule, TfTensor

EXTRA_FILES = "assets.extra"
"""The folder inside a SavedModel that TensorFlow leaves to others."""

SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SavedModelClassifier(Classifier):
    """A SavedModel behind the face that all files share.

    Attributes:
        loaded: what TensorFlow loaded; it owns the variables.
        signature: the name of the function that is run.
        batch: how many samples the function takes at once; None: any number.
    """

    loaded: TfModule
    signature: str = SIGNATURE
    batch: int | None = None

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the values in the type that the function takes."""
        (source,) = self.loaded.signatures[self.signature].structured_input_signature[1].values()
        return values.astype(source.dtype.as_numpy_dtype)

    def run(self, tensor: np.ndarray) -> np.ndarray:
        """Return the outputs, float32 (n, *output_shape)."""
        batch = self.batch or max(len(tensor), 1)
        return np.concatenate(
            [self._run(tensor[start : start + batch], batch) for start in range(0, max(len(tensor), 1), batch)]
        )

    def _run(self, chunk: np.ndarray, batch: int) -> np.ndarray:
        """Run up to `batch` samples; what a fixed batch lacks is filled with zeros and left out of the outputs."""
        import tensorflow as tf

        rest = batch - len(chunk) if self.batch else 0
        full = np.concatenate([chunk, np.zeros((rest, *chunk.shape[1:]), chunk.dtype)]) if rest else chunk
        function = self.loaded.signatures[self.signature]
        (name,) = function.structured_input_signature[1]
        try:
            (outputs,) = function(**{name: tf.constant(full)}).values()
        except tf.errors.OpError as error:
            raise SepzooError(f"{self.name}: TensorFlow cannot run this model ({first_line(error)}).") from error
        return np.asarray(outputs, np.float32).reshape(len(full), *self.output_shape)[: len(chunk)]


def read(path: Path, threads: int) -> SavedModelClassifier:
    """Open a SavedModel folder; see `sepzoo.inference.open`."""
    del threads  # TensorFlow decides
    member = path / EXTRA_FILES / MEMBER
    ours = member.is_file()
    metadata = Metadata.from_json(member.read_bytes()) if ours else Metadata(path.resolve().name, preprocessing=None)
    import tensorflow as tf

    try:
        with quiet():
            loaded = tf.saved_model.load(str(path))
    except Exception as error:  # a damaged folder makes TensorFlow raise almost anything
        raise SepzooError(f"{path}: expected a SavedModel. Received: a damaged one ({first_line(error)}).") from error
    signature = _signature(path, loaded)
    function = loaded.signatures[signature]
    sources, targets = function.structured_input_signature[1], function.structured_outputs
    if len(sources) != 1 or len(targets) != 1:
        raise SepzooError(
            f"{path}: expected a signature of one input and one output. Received: {signature!r} of "
            f"{', '.join(sorted(sources)) or 'no input'} -> {', '.join(sorted(targets)) or 'no output'}. "
            "Models of several can't be run here yet: save a function of one of each."
        )
    (source,), ((name, target),) = sources.values(), targets.items()
    input_shape, output_shape = _shape(path, "input", source), _shape(path, "output", target)
    outputs = metadata.outputs
    return SavedModelClassifier(
        metadata=metadata,
        input_shape=input_shape,
        output_shape=output_shape,
        # earlier versions wrote probabilities alone
        end=(outputs[0].end if outputs else "softmax") if ours else end_of(function),
        output_name=name,
        loaded=loaded,
        signature=signature,
        batch=source.shape[0],
    )


def _signature(path: Path, loaded: TfModule) -> str:
    """Return the name of the function that a SavedModel offers to be served."""
    names = sorted(name for name in loaded.signatures if not name.startswith("__"))
    if SIGNATURE in names:
        return SIGNATURE
    if len(names) == 1:
        return str(names[0])
    raise SepzooError(
        f"{path}: expected a SavedModel with one serving signature, or one called {SIGNATURE}. Received: "
        f"{', '.join(names) or 'none'}. Save it with a signature: model.export(path) in Keras."
    )


def _shape(path: Path, side: str, spec: TfTensor) -> tuple[int, ...]:
    """Return the shape of one sample."""
    rank = spec.shape.rank
    if not rank or None in spec.shape[1:]:
        raise SepzooError(
            f"{path}: expected an {side} of fixed size. Received: {spec.shape}. Save the model for one size."
        )
    if not (spec.dtype.is_floating or spec.dtype.is_integer):
        raise SepzooError(f"{path}: expected an {side} of numbers. Received: {spec.dtype.name}. Save another function.")
    return tuple(int(size) for size in spec.shape[1:])
