"""OpenVINO's pairs of files, those of `sepzoo.export.openvino` and of other programs, run by OpenVINO on the CPU."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sepzoo.artifact.model_format import OPENVINO, OPENVINO_XML, content_of
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.fixed_batch import in_batches
from sepzoo.inference.member import read_member
from sepzoo.inference.tensors import InputTensor, OutputTensor, names_of, restored
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.records.outputs import End
from sepzoo.support.errors import SepzooError
from sepzoo.support.packages import require_installed
from sepzoo.support.types import Arrays, OpenvinoModel, OpenvinoTensor
from sepzoo.support.usage_data import keep_private

_ENDS: dict[str, End] = {"Softmax": "softmax", "SoftMax": "softmax", "Sigmoid": "sigmoid"}
_PRODUCTS = ("MatMul", "Convolution")
_PASSED_THROUGH = ("Convert", "Reshape", "Squeeze", "Unsqueeze")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class OpenvinoClassifier(Classifier):
    """A pair of OpenVINO's files behind the face that all files share.

    Attributes:
        compiled: the network, made for this machine's CPU.
        arguments, results: numbers of its inputs and outputs, in the order of `input_tensors` and `output_tensors`.
        batch: how many samples it takes at once; None: any number.
    """

    compiled: OpenvinoModel
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    batch: int | None = None

    def run(self, tensor: Arrays) -> Arrays:
        """Return the outputs, float32 (n, *output_shape)."""
        return self._by_name(in_batches(self._run, self._in_order(tensor), self.batch))

    def _run(self, given: list[np.ndarray]) -> list[np.ndarray]:
        if not len(given[0]):  # which OpenVINO doesn't run
            return [np.zeros((0, *each.shape), np.float32) for each in self.output_tensors]
        try:
            outputs = self.compiled(dict(zip(self.arguments, given, strict=True)))
            return [
                np.array(outputs[number], np.float32).reshape(len(given[0]), *each.shape)
                for number, each in zip(self.results, self.output_tensors, strict=True)
            ]
        except Exception as error:  # whatever a graph of others makes the runtime raise
            raise SepzooError(f"{self.name}: OpenVINO cannot run this model ({_reason(error)}).") from error


def read(path: Path, threads: int) -> OpenvinoClassifier:
    """Open a folder with `model.xml` and `model.bin`, or an `.xml` file with its `.bin`; see `sepzoo.inference.open`.

    It computes in float32, also on processors for which OpenVINO would choose less.
    """
    require_installed(str(path), ["openvino"], "openvino")
    keep_private()
    import openvino

    graph = path / OPENVINO if path.is_dir() else path
    if content_of(graph) != OPENVINO_XML:  # then it was not looked at
        raise SepzooError(f"{path}: expected an OpenVINO model. Received: a damaged one (its graph has no <net>).")
    record = read_member(path / MEMBER, path, "an OpenVINO model") if path.is_dir() else None
    metadata = record or Metadata(path.resolve().name if path.is_dir() else path.stem, preprocessing=None)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    try:
        core = openvino.Core()
        network = core.read_model(str(graph))
        compiled = core.compile_model(network, "CPU", settings)
    except Exception as error:  # a damaged file makes the runtime raise almost anything
        raise SepzooError(f"{path}: expected an OpenVINO model. Received: a damaged one ({_reason(error)}).") from error
    inputs = restored(_named(network.inputs, "input"), names_of(metadata.several))
    outputs = restored(_named(network.outputs, "output"), names_of(metadata.outputs or ()))
    if not inputs or not outputs:
        raise SepzooError(f"{path}: expected a model of an input and an output. Received: one without.")
    shapes = [network.inputs[number].get_partial_shape() for number in inputs.values()]
    batches = {shape[0].get_length() for shape in shapes if not shape.rank.is_dynamic and shape[0].is_static}
    ends = [output.end for output in metadata.outputs or ()]
    if record is None or len(ends) != len(outputs):
        ends = [_end(network.outputs[number]) for number in outputs.values()]
    return OpenvinoClassifier(
        metadata=metadata,
        input_tensors=tuple(
            InputTensor(name, *_shape_and_type(path, "input", name, network.inputs[number]))
            for name, number in inputs.items()
        ),
        output_tensors=tuple(
            OutputTensor(name, _shape_and_type(path, "output", name, network.outputs[number])[0], end)
            for (name, number), end in zip(outputs.items(), ends, strict=True)
        ),
        operators=dict(Counter(each.get_type_name() for each in network.get_ops())),
        compiled=compiled,
        arguments=tuple(inputs.values()),
        results=tuple(outputs.values()),
        batch=min(batches) if batches else None,
    )


def _named(tensors: list[OpenvinoTensor], side: str) -> Mapping[str, int]:
    """Return the number of each input or output by its name."""
    return {min(tensor.names) if tensor.names else f"{side}_{number}": number for number, tensor in enumerate(tensors)}


def _shape_and_type(path: Path, side: str, name: str, tensor: OpenvinoTensor) -> tuple[tuple[int, ...], str]:
    """Return the shape of one sample, and the type of its numbers."""
    shape = tensor.get_partial_shape()
    if shape.rank.is_dynamic or not len(shape) or any(each.is_dynamic for each in list(shape)[1:]):
        raise SepzooError(
            f"{path}: expected an {side} of fixed size, of one row a sample. Received: {name!r} of {shape}. Convert "
            "the model for one size."
        )
    try:
        dtype = np.dtype(tensor.get_element_type().to_dtype())
    except Exception:  # text, and numbers of less than a byte
        raise SepzooError(
            f"{path}: expected an {side} of numbers. Received: {name!r}, of {tensor.get_element_type()}."
        ) from None
    return tuple(each.get_length() for each in list(shape)[1:]), dtype.name


def _end(output: OpenvinoTensor) -> End:
    """Return what a graph does last to an output, as far as that is certain."""
    node = output.get_node().input_value(0).get_node()  # an output is what a `Result` is given
    while node.get_type_name() in _PASSED_THROUGH:
        node = node.input_value(0).get_node()
    kind = node.get_type_name()
    if kind == "Add":
        sources = [value.get_node().get_type_name() for value in node.input_values()]
        return "linear" if "Constant" in sources and any(each in _PRODUCTS for each in sources) else "other"
    return _ENDS.get(kind, "linear" if kind in _PRODUCTS else "other")


def _reason(error: Exception) -> str:
    """Return what an error of OpenVINO says, behind the places in its code."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not line.startswith("Exception from ")) or type(error).__name__
