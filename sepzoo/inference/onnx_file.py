"""`.onnx` files, those of `sepzoo.export.onnx` and of other programs, run by ONNX Runtime."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sepzoo.artifact.inspection.onnx_graph import ONNX_TYPES, OnnxFile, read_onnx
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.fixed_batch import in_batches
from sepzoo.inference.onnx_end import end_of
from sepzoo.inference.tensors import InputTensor, OutputTensor, names_of, restored
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.records.outputs import End
from sepzoo.records.preprocessing import AS_THEY_ARE
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.packages import require_installed
from sepzoo.support.types import Arrays, OnnxSession, OnnxTensor

_PICTURE_AXES, _CHANNELS = 3, (1, 3, 4)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class OnnxClassifier(Classifier):
    """An `.onnx` file behind the face that all files share.

    Attributes:
        session: ONNX Runtime's, holding the file.
        arguments, results: what the file calls its inputs and outputs, in the order of `input_tensors` and
            `output_tensors`.
        batch: how many samples it takes at once; None: any number.
        channels_first: whether its one input takes pictures as (channels, height, width), as PyTorch writes them.
    """

    session: OnnxSession
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    batch: int | None = None
    channels_first: bool = False

    def run(self, tensor: Arrays) -> Arrays:
        """Return the outputs, float32 (n, *output_shape)."""
        return self._by_name(in_batches(self._run, self._in_order(tensor), self.batch))

    def _run(self, given: list[np.ndarray]) -> list[np.ndarray]:
        if self.channels_first:
            given = [np.ascontiguousarray(np.moveaxis(each, -1, 1)) for each in given]
        try:
            outputs = self.session.run(list(self.results), dict(zip(self.arguments, given, strict=True)))
            return [
                np.asarray(output, np.float32).reshape(len(given[0]), *each.shape)
                for output, each in zip(outputs, self.output_tensors, strict=True)
            ]
        except Exception as error:  # whatever a graph of others makes the runtime raise
            raise SepzooError(f"{self.name}: ONNX Runtime cannot run this file ({first_line(error)}).") from error


def read(path: Path, threads: int) -> OnnxClassifier:
    """Open an `.onnx` file; see `sepzoo.inference.open`.

    A picture that the file wants with its channels first is given channels last, like any other.
    """
    require_installed(str(path), ["onnxruntime"], "onnx")
    import onnxruntime

    content = path.read_bytes()
    try:
        file = read_onnx(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # a damaged file makes the runtime raise almost anything
        raise SepzooError(f"{path}: expected an ONNX file. Received: a damaged one ({first_line(error)}).") from error
    metadata = _metadata(path, file)
    sources = restored({each.name: each for each in session.get_inputs()}, names_of(metadata.several))
    inputs = tuple(_input(path, name, source) for name, source in sources.items())
    if not inputs:
        raise SepzooError(f"{path}: expected a model of one input or more. Received: one without.")
    channels_first = len(inputs) == 1 and MEMBER not in file.metadata and _has_channels_first(inputs[0].shape)
    if channels_first:
        inputs = (dataclasses.replace(inputs[0], shape=(*inputs[0].shape[1:], inputs[0].shape[0])),)
    batches = {source.shape[0] for source in sources.values() if isinstance(source.shape[0], int)}
    batch = min(batches) if batches else None
    targets = restored({each.name: each for each in session.get_outputs()}, names_of(metadata.outputs or ()))
    shapes = _output_shapes(path, session, list(sources.values()), list(targets.values()), batch or 1)
    outputs = tuple(
        OutputTensor(name, shape, end)
        for name, shape, end in zip(
            targets, shapes, _ends(metadata, file, [each.name for each in targets.values()], shapes), strict=True
        )
    )
    return OnnxClassifier(
        metadata=_as_they_are(metadata, inputs),
        input_tensors=inputs,
        output_tensors=outputs,
        operators=dict(Counter(node.kind for node in file.nodes)),
        session=session,
        arguments=tuple(source.name for source in sources.values()),
        results=tuple(target.name for target in targets.values()),
        batch=batch,
        channels_first=channels_first,
    )


def _metadata(path: Path, file: OnnxFile) -> Metadata:
    if MEMBER not in file.metadata:
        return Metadata(path.stem, preprocessing=None)
    try:
        return Metadata.from_json(file.metadata[MEMBER])
    except SepzooError as error:
        raise SepzooError(f"{path}: expected an ONNX file. Received: a damaged one ({error}).") from None


def _input(path: Path, name: str, source: OnnxTensor) -> InputTensor:
    if source.type not in ONNX_TYPES:
        raise SepzooError(f"{path}: expected inputs of numbers. Received: {name!r}, a {source.type}.")
    shape = source.shape[1:]
    if not source.shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise SepzooError(
            f"{path}: expected an input of fixed size, of one row a sample. Received: {name!r} of "
            f"{tuple(source.shape)}. Export the model for one size."
        )
    return InputTensor(name, tuple(shape), ONNX_TYPES[source.type])


def _has_channels_first(shape: tuple[int, ...]) -> bool:
    return len(shape) == _PICTURE_AXES and shape[0] in _CHANNELS and shape[-1] not in _CHANNELS


def _output_shapes(
    path: Path, session: OnnxSession, sources: Sequence[OnnxTensor], targets: Sequence[OnnxTensor], batch: int
) -> list[tuple[int, ...]]:
    """Return the shape of each output for one sample; where the file leaves one open, by running it on zeros."""
    for target in targets:
        if target.type not in ONNX_TYPES:
            raise SepzooError(f"{path}: expected outputs of numbers. Received: {target.name!r}, a {target.type}.")
    if all(target.shape and all(isinstance(size, int) for size in target.shape[1:]) for target in targets):
        return [tuple(target.shape[1:]) for target in targets]
    given = {source.name: np.zeros((batch, *source.shape[1:]), ONNX_TYPES[source.type]) for source in sources}
    try:
        found = session.run([target.name for target in targets], given)
    except Exception as error:
        raise SepzooError(f"{path}: ONNX Runtime cannot run this file ({first_line(error)}).") from error
    for target, each in zip(targets, found, strict=True):
        if not each.ndim or len(each) != batch:
            raise SepzooError(
                f"{path}: expected outputs of one row a sample. Received: {target.name!r} of shape {each.shape} for "
                f"{batch}. Export the model for batches."
            )
    return [tuple(each.shape[1:]) for each in found]


def _ends(metadata: Metadata, file: OnnxFile, outputs: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> list[End]:
    """Return what the graph does last to each output; of our own files the record says it."""
    said = metadata.outputs or ()
    if MEMBER in file.metadata and len(said) == len(outputs):
        return [output.end for output in said]
    return [end_of(file, name, shape) for name, shape in zip(outputs, shapes, strict=True)]


def _as_they_are(metadata: Metadata, inputs: Sequence[InputTensor]) -> Metadata:
    """Return a record in which one picture of uint8 is taken as it is, where the file says nothing: so it is meant."""
    if metadata.inputs is None and len(inputs) == 1 and inputs[0].is_picture and inputs[0].dtype == "uint8":
        return metadata.updated(preprocessing=AS_THEY_ARE)
    return metadata
