"""SavedModel folders, those of `sepzoo.export.xla` and of other programs, run by TensorFlow."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sepzoo.inference.classifier import Classifier
from sepzoo.inference.fixed_batch import in_batches
from sepzoo.inference.member import read_member
from sepzoo.inference.saved_model_end import ends_of
from sepzoo.inference.tensors import InputTensor, OutputTensor, names_of, restored
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.records.outputs import End
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.quiet import quiet
from sepzoo.support.types import Arrays, TfFunction, TfModule, TfTensor

EXTRA_FILES = "assets.extra"
"""The folder inside a SavedModel that TensorFlow leaves to others."""

SIGNATURE = "serving_default"
SERVE = "serve"
"""The tag of a graph that is made to be served."""

_LACKING = re.compile(r"No registered '(\w+)' OpKernel for XLA_\w+ devices compatible with node \{\{node ([^}]+)\}\}")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SavedModelClassifier(Classifier):
    """A SavedModel behind the face that all files share.

    Attributes:
        loaded: what TensorFlow loaded; it owns the variables.
        arguments, results: what the function calls its inputs and outputs, in the order of `input_tensors` and
            `output_tensors`.
        signature: the name of the function that is run.
        batch: how many samples the function takes at once; None: any number.
    """

    loaded: TfModule
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    signature: str = SIGNATURE
    batch: int | None = None

    def run(self, tensor: Arrays) -> Arrays:
        """Return the outputs, float32 (n, *output_shape)."""
        return self._by_name(in_batches(self._run, self._in_order(tensor), self.batch))

    def _run(self, given: list[np.ndarray]) -> list[np.ndarray]:
        import tensorflow as tf

        function = self.loaded.signatures[self.signature]
        try:
            outputs = function(**{name: tf.constant(each) for name, each in zip(self.arguments, given, strict=True)})
        except Exception as error:  # whatever a graph of others makes TensorFlow raise
            raise SepzooError(f"{self.name}: TensorFlow cannot run this model ({_reason(error)}).") from error
        return [
            np.asarray(outputs[name], np.float32).reshape(len(given[0]), *each.shape)
            for name, each in zip(self.results, self.output_tensors, strict=True)
        ]


def read(path: Path, threads: int) -> SavedModelClassifier:
    """Open a SavedModel folder; see `sepzoo.inference.open`."""
    del threads  # TensorFlow decides
    record = read_member(path / EXTRA_FILES / MEMBER, path, "a SavedModel")
    ours, metadata = record is not None, record or Metadata(path.resolve().name, preprocessing=None)
    import tensorflow as tf

    try:
        with quiet():
            loaded = tf.saved_model.load(str(path), tags=_tags(path))
    except SepzooError:
        raise
    except Exception as error:  # a damaged folder makes TensorFlow raise almost anything
        raise SepzooError(f"{path}: expected a SavedModel. Received: a damaged one ({first_line(error)}).") from error
    signature = _signature(path, loaded)
    function = loaded.signatures[signature]
    sources: Mapping[str, TfTensor] = function.structured_input_signature[1]
    targets: Mapping[str, TfTensor] = function.structured_outputs
    if not sources or not targets:
        raise SepzooError(
            f"{path}: expected a signature of an input and an output, or of several. Received: {signature!r} of "
            f"{', '.join(sorted(sources)) or 'no input'} -> {', '.join(sorted(targets)) or 'no output'}. Save a "
            "function that has both."
        )
    inputs = restored({name: name for name in sorted(sources)}, names_of(metadata.several))
    outputs = restored({name: name for name in sorted(targets)}, names_of(metadata.outputs or ()))
    batches = {source.shape[0] for source in sources.values() if source.shape.rank and source.shape[0] is not None}
    return SavedModelClassifier(
        metadata=metadata,
        input_tensors=tuple(
            InputTensor(name, _shape(path, "input", sources[own]), sources[own].dtype.as_numpy_dtype.__name__)
            for name, own in inputs.items()
        ),
        output_tensors=tuple(
            OutputTensor(name, _shape(path, "output", targets[own]), end)
            for (name, own), end in zip(outputs.items(), _ends(metadata, function, outputs, ours=ours), strict=True)
        ),
        loaded=loaded,
        arguments=tuple(inputs.values()),
        results=tuple(outputs.values()),
        signature=signature,
        batch=min(batches) if batches else None,
    )


def _reason(error: Exception) -> str:
    """Return why TensorFlow can't run a graph: where XLA compiles it, the operations that XLA lacks."""
    missing = dict(_LACKING.findall(str(error)))
    if not missing:
        return first_line(error)
    return f"XLA has no {', '.join(f'{name} at {place}' for name, place in missing.items())}"


def _ends(metadata: Metadata, function: TfFunction, outputs: Mapping[str, str], *, ours: bool) -> list[End]:
    """Return what the graph does last to each output; of our own files the record says it."""
    said = metadata.outputs or ()
    if ours and len(said) == len(outputs):
        return [output.end for output in said]
    if ours and not said:  # earlier versions wrote probabilities alone
        return ["softmax"] * len(outputs)
    ends = ends_of(function)
    return [ends[name] for name in outputs.values()]


def _tags(path: Path) -> list[str] | None:
    """Return the tags of the graph to serve, where a SavedModel has several (one to train on, one for another device).

    Raises:
        SepzooError: it isn't sure which one.
    """
    from tensorflow.python.saved_model.loader_impl import parse_saved_model

    given = [sorted(graph.meta_info_def.tags) for graph in parse_saved_model(str(path)).meta_graphs]
    if len(given) <= 1:
        return None  # whatever its tags are; of none, loading says what is wrong
    plain = [tags for tags in given if tags == [SERVE]]
    found = plain or [tags for tags in given if SERVE in tags]
    if len(found) == 1:
        return found[0]
    raise SepzooError(
        f"{path}: expected a SavedModel with one graph tagged {SERVE}. Received: graphs tagged "
        f"{'; '.join('+'.join(tags) or 'nothing' for tags in given)}. Save the one to serve alone."
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
    if not (spec.dtype.is_floating or spec.dtype.is_integer or spec.dtype.is_bool):
        raise SepzooError(f"{path}: expected an {side} of numbers. Received: {spec.dtype.name}. Save another function.")
    return tuple(int(size) for size in spec.shape[1:])
