"""The operators of a TFLite file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from sepzoo.artifact.inspection.checking import check
from sepzoo.benchmark.operator_record import WHOLE, Operator, OperatorTensor, Option, Role
from sepzoo.inference.tflite_description import operator_name
from sepzoo.support.errors import SepzooError
from sepzoo.support.regular_file import why_missing

_TYPES = {number: name.lower() for name, number in vars(schema.TensorType).items() if not name.startswith("_")}
_OPTIONS = {number: name for name, number in vars(schema.BuiltinOptions).items() if not name.startswith("_")}
_SAID_TWICE = {"quantizedBiasType"}
"""Settings that a tensor's own type says too, and that not all writers set."""

_DEPENDENT = {"CALL_ONCE", "IF", "WHILE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"}
"""Operators that run another graph, or know what others keep."""

_DECIDING = 64
"""Whole numbers in a tensor that decides what is computed: sizes, axes, paddings."""


def read_operators(file: str | os.PathLike[str] | bytes, *, trust: bool = False) -> tuple[Operator, ...]:
    """Return the operators of a file's first graph, in the order in which they run.

    What only unpacks a constant (16-bit weights) is no operator of the file: runtimes do it once, when they load it.

    Args:
        file: the path of a `.tflite` file, or its content.
        trust: whether a path is read without the check of `sepzoo.artifact.inspection`; content always is.

    Raises:
        SepzooError: no such file, a damaged one, or an operator that can't stand alone: of another graph's, or not of
            TFLite's.
    """
    if isinstance(file, bytes):
        name, content = "the file", file
    else:
        path = Path(file)
        missing = why_missing(path)
        if missing is not None:
            raise SepzooError(f"expected a .tflite file. Received: {path}, which {missing}.")
        check(path, trust=trust)
        name, content = str(path), path.read_bytes()
    if content[4:8] != b"TFL3":
        raise SepzooError(f"{name}: expected a TFLite file. Received: another thing, or a damaged file.")
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    tensors = [graph.Tensors(number) for number in range(graph.TensorsLength())]
    constant = {number for number, tensor in enumerate(tensors) if model.Buffers(tensor.Buffer()).DataLength()}
    outputs = set(graph.OutputsAsNumpy().tolist())
    values = _computed_values(content, graph, tensors, constant)
    found = []
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        kind = operator_name(model, operator)
        if kind in _DEPENDENT or kind == "CUSTOM" or kind.startswith("STABLEHLO_"):
            code = model.OperatorCodes(operator.OpcodeIndex())
            raise SepzooError(
                f"{name}: expected operators of TFLite that stand alone. Received: "
                f"{code.CustomCode().decode(errors='replace') if kind == 'CUSTOM' else kind}. Measure the whole file."
            )
        taken, given = operator.InputsAsNumpy().tolist(), operator.OutputsAsNumpy().tolist()
        if kind == "DEQUANTIZE" and taken[0] in constant and not outputs & set(given):
            constant |= set(given)
            continue
        option_type, options = _options(operator)
        found.append(
            Operator(
                kind,
                tuple(None if each < 0 else _tensor(model, tensors[each], each, constant, values) for each in taken),
                tuple(_tensor(model, tensors[each], each, set(), {}) for each in given),
                options,
                option_type,
            )
        )
    return tuple(found)


def _tensor(
    model: schema.Model, tensor: schema.Tensor, number: int, constant: set[int], computed: Mapping[int, np.ndarray]
) -> OperatorTensor:
    dtype = _TYPES[tensor.Type()]
    shape = tuple(tensor.ShapeAsNumpy().tolist()) if tensor.ShapeLength() else ()
    quantization = tensor.Quantization()
    scales = 0 if quantization is None else quantization.ScaleLength()
    axis = 0 if quantization is None or scales < 2 else quantization.QuantizedDimension()
    role: Role = "variable" if tensor.IsVariable() else "constant" if number in constant else "input"
    values: tuple[int, ...] | None = None
    if number in computed:
        role, values = "constant", tuple(computed[number].ravel().tolist())
    elif role == "constant" and dtype in WHOLE and not scales:
        data = model.Buffers(tensor.Buffer()).DataAsNumpy()
        values = tuple(np.frombuffer(data.tobytes(), dtype).tolist())
    return OperatorTensor(shape, dtype, role, scales, axis, values)


def _options(operator: schema.Operator) -> tuple[str, tuple[tuple[str, Option], ...]]:
    kind = _OPTIONS[operator.BuiltinOptionsType()]
    table = schema.OperatorT.InitFromObj(operator).builtinOptions
    if table is None:
        return "", ()
    default = vars(type(table)())
    said = {
        name: tuple(np.ravel(value).tolist()) if isinstance(value, list | np.ndarray) else value
        for name, value in vars(table).items()
        if value is not None and name not in _SAID_TWICE
    }
    return kind, tuple(sorted((name, value) for name, value in said.items() if value != default[name]))


def _computed_values(
    content: bytes, graph: schema.SubGraph, tensors: list[schema.Tensor], constant: set[int]
) -> dict[int, np.ndarray]:
    """Return what operators compute as sizes and places for others, such as the shape that a RESHAPE takes.

    They are whole numbers, a few, and not what the file takes. The file is run once to see them.
    """
    given = set(graph.InputsAsNumpy().tolist())
    wanted = {
        number
        for index in range(graph.OperatorsLength())
        for number in graph.Operators(index).InputsAsNumpy().tolist()
        if number >= 0 and number not in constant and number not in given
        if _TYPES[tensors[number].Type()] in WHOLE and not _is_quantized(tensors[number])
        if np.prod(tensors[number].ShapeAsNumpy() if tensors[number].ShapeLength() else 1) <= _DECIDING
    }
    if not wanted:
        return {}
    from sepzoo.inference.tflite_interpreter import open_interpreter

    runtime = open_interpreter(content, keep_all=True)
    runtime.invoke()
    return {number: np.array(runtime.get_tensor(number)) for number in wanted}


def _is_quantized(tensor: schema.Tensor) -> bool:
    quantization = tensor.Quantization()
    return quantization is not None and quantization.ScaleLength() > 0
