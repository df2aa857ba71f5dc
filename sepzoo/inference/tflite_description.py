"""What a `.tflite` file says about itself, read without running it."""

from __future__ import annotations

import dataclasses
import io
import math
import zipfile
from collections import Counter

from ai_edge_litert import schema_py_generated as schema

from sepzoo.inference.tflite_metadata_tables import TENSOR_AXIS_LABELS, Values, decode
from sepzoo.inference.tflite_signatures import batch_size_of
from sepzoo.layers.tensor_names import unique
from sepzoo.records.inputs import Features, Input
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.records.outputs import End, Output
from sepzoo.records.preprocessing import Preprocessing

METADATA_NAME = b"TFLITE_METADATA"

_OPERATORS = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
_ENDS: dict[str, End] = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}
_LINEAR = {"FULLY_CONNECTED": schema.FullyConnectedOptions, "CONV_2D": schema.Conv2DOptions}
_PASSED_THROUGH = ("RESHAPE", "SQUEEZE", "QUANTIZE", "DEQUANTIZE", "CAST")


@dataclasses.dataclass(frozen=True)
class TfliteDescription:
    """What stands in a `.tflite` file beside its weights.

    Attributes:
        name: of the network, or None.
        labels: class names, or None.
        preprocessing: from pixels to the input, or None.
        features: what it takes instead of pixels, or None.
        several: what it takes where it has several inputs, by their names, as far as the file says.
        outputs: what it gives, as the file says; None where it is silent.
        inputs: input name -> number of its tensor, as the file's one signature names them; else by the tensors' names.
        ends: output name, likewise -> number of its tensor, and what the graph does last to it.
        operators: operator name -> how often it stands in the first graph, most frequent first.
        operator_versions: operator name -> the highest of its versions in the file.
        signatures: number of samples at a time -> name of the signature that takes them, where it says so; ascending.
    """

    name: str | None
    labels: tuple[str, ...] | None
    preprocessing: Preprocessing | None
    features: Features | None
    several: tuple[Input, ...]
    outputs: tuple[Output, ...] | None
    inputs: dict[str, int]
    ends: dict[str, tuple[int, End]]
    operators: dict[str, int]
    operator_versions: dict[str, int]
    signatures: dict[int, str]


def describe(content: bytes) -> TfliteDescription:
    """Read the labels, the preprocessing and the operators of a file's bytes.

    What sepzoo wrote (the associated file `sepzoo.json`) goes before the standard metadata, which do not know of
    resizing and cropping. Damaged bytes may raise any error.
    """
    model = schema.Model.GetRootAs(content, 0)
    own = _associated_file(content, MEMBER)
    standard = _standard_metadata(model)
    _require_associated_files(standard, content)
    metadata = Metadata.from_json(own) if own is not None else None
    return TfliteDescription(
        name=metadata.name if metadata else standard.get("name"),
        labels=metadata.labels if metadata else _labels(model, standard, content),
        preprocessing=metadata.preprocessing if metadata else _preprocessing(_one_tensor(standard, "input")),
        features=metadata.features if metadata else None,
        several=metadata.several if metadata else _several(model, standard),
        outputs=metadata.outputs if metadata else None,
        inputs=tensor_names(model, "input"),
        ends={name: (tensor, _end(model, tensor)) for name, tensor in tensor_names(model, "output").items()},
        operators=_operators(model),
        operator_versions=_versions(model),
        signatures=_signatures(model),
    )


def _standard_metadata(model: schema.Model) -> Values:
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA_NAME:
            return decode(model.Buffers(entry.Buffer()).DataAsNumpy().tobytes())
    return {}


def _tensors(standard: Values, side: str) -> list[Values]:
    """Return the metadata of the inputs or outputs of the first subgraph, in the order of the subgraph."""
    subgraph = (standard.get("subgraph_metadata") or [{}])[0]
    return subgraph.get(f"{side}_tensor_metadata") or []


def _one_tensor(standard: Values, side: str) -> Values:
    """Return the metadata of the one input or output; nothing where there are several."""
    tensors = _tensors(standard, side)
    return tensors[0] if len(tensors) == 1 else {}


def _require_associated_files(standard: Values, content: bytes) -> None:
    """Raise where a file has lost its end: the model itself would still run, without labels."""
    listed = (standard, *_tensors(standard, "input"), *_tensors(standard, "output"))
    for file in (file for table in listed for file in table.get("associated_files", [])):
        if _associated_file(content, file["name"]) is None:
            raise ValueError(f"its associated file {file['name']} is missing")


def _labels(model: schema.Model, standard: Values, content: bytes) -> tuple[str, ...] | None:
    """Return the labels of the output; of several those of the only one that has as many as it gives numbers."""
    described, graph = _tensors(standard, "output"), model.Subgraphs(0)
    if len(described) < 2:
        return _labels_of(_one_tensor(standard, "output"), content)
    numbers = graph.OutputsAsNumpy().tolist()
    if len(described) != len(numbers):
        return None
    found = [_labels_of(tensor, content) for tensor in described]
    sizes = [math.prod(graph.Tensors(number).ShapeAsNumpy()[1:].tolist()) for number in numbers]
    fitting = {labels for labels, size in zip(found, sizes, strict=True) if labels is not None and len(labels) == size}
    return fitting.pop() if len(fitting) == 1 else None


def _labels_of(tensor: Values, content: bytes) -> tuple[str, ...] | None:
    for file in tensor.get("associated_files", []):
        text = _associated_file(content, file.get("name", "")) if file.get("type") == TENSOR_AXIS_LABELS else None
        if text is not None:
            lines = text.decode("utf-8-sig").removesuffix("\n").split("\n")
            return tuple(line.removesuffix("\r") for line in lines)
    return None


def _preprocessing(tensor: Values) -> Preprocessing | None:
    for unit in tensor.get("process_units", []):
        kind, options = unit.get("options", ("", {}))
        if kind == "NormalizationOptions":
            return Preprocessing(mean=tuple(options["mean"]), std=tuple(options["std"]))
    return None


def _several(model: schema.Model, standard: Values) -> tuple[Input, ...]:
    """Return the pictures among several inputs, whose metadata stand in the order of the subgraph."""
    described, numbers = _tensors(standard, "input"), model.Subgraphs(0).InputsAsNumpy().tolist()
    if len(described) != len(numbers) or len(numbers) < 2:
        return ()
    said = {number: _preprocessing(tensor) for number, tensor in zip(numbers, described, strict=True)}
    names = tensor_names(model, "input")
    return tuple(Input(name, taken) for name, number in names.items() if (taken := said[number]) is not None)


def _associated_file(content: bytes, name: str) -> bytes | None:
    """Return a file that was appended to the model as a zip member, or None."""
    stream = io.BytesIO(content)
    if not zipfile.is_zipfile(stream):
        return None
    with zipfile.ZipFile(stream) as archive:
        return archive.read(name) if name in archive.namelist() else None


def operator_name(model: schema.Model, operator: schema.Operator) -> str:
    """Return the name of an operator's kind, such as "CONV_2D"."""
    code = model.OperatorCodes(operator.OpcodeIndex())
    return _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]


def _operators(model: schema.Model) -> dict[str, int]:
    graph = model.Subgraphs(0)
    names = (operator_name(model, graph.Operators(index)) for index in range(graph.OperatorsLength()))
    return dict(Counter(names).most_common())


def _versions(model: schema.Model) -> dict[str, int]:
    versions: dict[str, int] = {}
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for index in range(graph.OperatorsLength()):
            name = operator_name(model, graph.Operators(index))
            version = int(model.OperatorCodes(graph.Operators(index).OpcodeIndex()).Version())
            versions[name] = max(version, versions.get(name, 0))
    return versions


def _signatures(model: schema.Model) -> dict[int, str]:
    names = [model.SignatureDefs(index).SignatureKey().decode() for index in range(model.SignatureDefsLength())]
    return dict(sorted((size, name) for name in names if (size := batch_size_of(name)) is not None))


def tensor_names(model: schema.Model, side: str) -> dict[str, int]:
    """Return the names of the inputs or of the outputs of the first subgraph, and the numbers of their tensors.

    The graph's one signature names them; where there is none, or it doesn't name just these, they are called as their
    tensors are.
    """
    graph = model.Subgraphs(0)
    tensors = (graph.InputsAsNumpy() if side == "input" else graph.OutputsAsNumpy()).tolist()
    signatures = [model.SignatureDefs(index) for index in range(model.SignatureDefsLength())]
    of_graph = [each for each in signatures if each.SubgraphIndex() == 0]
    if len(of_graph) == 1:
        signature = of_graph[0]
        count, item = {
            "input": (signature.InputsLength(), signature.Inputs),
            "output": (signature.OutputsLength(), signature.Outputs),
        }[side]
        named = {item(index).Name().decode(): int(item(index).TensorIndex()) for index in range(count)}
        if len(named) == len(tensors) and set(named.values()) <= set(tensors):
            return named
    return dict(zip(unique(graph.Tensors(tensor).Name().decode() for tensor in tensors), tensors, strict=True))


def _end(model: schema.Model, tensor: int) -> End:
    """Walk back from an output over operators that leave values as they are."""
    graph = model.Subgraphs(0)
    for index in reversed(range(graph.OperatorsLength())):
        operator = graph.Operators(index)
        if tensor in operator.OutputsAsNumpy():
            name = operator_name(model, operator)
            if name not in _PASSED_THROUGH:
                return _ENDS.get(name) or ("linear" if _is_linear(name, operator) else "other")
            source = operator.Inputs(0)
            if _axes(graph, source) != _axes(graph, tensor):
                return "other"
            tensor = source
    return "other"


def _axes(graph: schema.SubGraph, tensor: int) -> list[int]:
    """Return a tensor's shape without axes of length 1."""
    return [size for size in graph.Tensors(tensor).ShapeAsNumpy().tolist() if size != 1]


def _is_linear(name: str, operator: schema.Operator) -> bool:
    """Return whether an operator multiplies by weights, and no activation is fused into it."""
    if name not in _LINEAR:
        return False
    table, options = operator.BuiltinOptions(), _LINEAR[name]()
    options.Init(table.Bytes, table.Pos)
    return bool(options.FusedActivationFunction() == schema.ActivationFunctionType.NONE)
