"""What a `.tflite` file says about itself, read without running it."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections import Counter

from ai_edge_litert import schema_py_generated as schema

from sepzoo.inference.tflite_metadata_tables import TENSOR_AXIS_LABELS, Values, decode
from sepzoo.records.inputs import Features
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
        outputs: what it gives, as the file says; None where it is silent.
        end: what the graph does last.
        operators: operator name -> how often it stands in the file, most frequent first.
    """

    name: str | None
    labels: tuple[str, ...] | None
    preprocessing: Preprocessing | None
    features: Features | None
    outputs: tuple[Output, ...] | None
    end: End
    operators: dict[str, int]


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
        labels=metadata.labels if metadata else _labels(standard, content),
        preprocessing=metadata.preprocessing if metadata else _preprocessing(standard),
        features=metadata.features if metadata else None,
        outputs=metadata.outputs if metadata else None,
        end=_end(model),
        operators=_operators(model),
    )


def _standard_metadata(model: schema.Model) -> Values:
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA_NAME:
            return decode(model.Buffers(entry.Buffer()).DataAsNumpy().tobytes())
    return {}


def _tensor(standard: Values, side: str) -> Values:
    """Return the metadata of the first input or output of the first subgraph."""
    subgraph = (standard.get("subgraph_metadata") or [{}])[0]
    return (subgraph.get(f"{side}_tensor_metadata") or [{}])[0]


def _require_associated_files(standard: Values, content: bytes) -> None:
    """Raise where a file has lost its end: the model itself would still run, without labels."""
    listed = (standard, _tensor(standard, "input"), _tensor(standard, "output"))
    for file in (file for table in listed for file in table.get("associated_files", [])):
        if _associated_file(content, file["name"]) is None:
            raise ValueError(f"its associated file {file['name']} is missing")


def _labels(standard: Values, content: bytes) -> tuple[str, ...] | None:
    for file in _tensor(standard, "output").get("associated_files", []):
        text = _associated_file(content, file.get("name", "")) if file.get("type") == TENSOR_AXIS_LABELS else None
        if text is not None:
            lines = text.decode("utf-8-sig").removesuffix("\n").split("\n")
            return tuple(line.removesuffix("\r") for line in lines)
    return None


def _preprocessing(standard: Values) -> Preprocessing | None:
    for unit in _tensor(standard, "input").get("process_units", []):
        kind, options = unit.get("options", ("", {}))
        if kind == "NormalizationOptions":
            return Preprocessing(mean=tuple(options["mean"]), std=tuple(options["std"]))
    return None


def _associated_file(content: bytes, name: str) -> bytes | None:
    """Return a file that was appended to the model as a zip member, or None."""
    stream = io.BytesIO(content)
    if not zipfile.is_zipfile(stream):
        return None
    with zipfile.ZipFile(stream) as archive:
        return archive.read(name) if name in archive.namelist() else None


def _operator_name(model: schema.Model, operator: schema.Operator) -> str:
    code = model.OperatorCodes(operator.OpcodeIndex())
    return _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]


def _operators(model: schema.Model) -> dict[str, int]:
    graph = model.Subgraphs(0)
    names = (_operator_name(model, graph.Operators(index)) for index in range(graph.OperatorsLength()))
    return dict(Counter(names).most_common())


def _end(model: schema.Model) -> End:
    """Walk back from the output over operators that leave values as they are."""
    graph = model.Subgraphs(0)
    tensor = graph.Outputs(0)
    for index in reversed(range(graph.OperatorsLength())):
        operator = graph.Operators(index)
        if tensor in operator.OutputsAsNumpy():
            name = _operator_name(model, operator)
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
