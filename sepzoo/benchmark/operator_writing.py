"""An operator as a TFLite file of its own, with random weights."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from sepzoo.benchmark.operator_record import Operator, OperatorTensor

_VERSION = 3
_LAST_OLD_CODE = 127
"""Operators from here on have their number in a second field alone."""

_ACTIVATION_SCALE, _WEIGHT_SCALE = 0.02, 0.01
_OUTPUT_SCALES = {
    "SOFTMAX": (1 / 256, -128),
    "LOGISTIC": (1 / 256, -128),
    "TANH": (1 / 128, 0),
    "L2_NORMALIZATION": (1 / 128, 0),
    "QUANTIZE": (2 * _ACTIVATION_SCALE, 0),  # with the scale of the input there would be nothing to do
}
"""Scale and zero point of what an operator gives as int8, where TFLite wants this one or it changes the work."""


def operator_file(operator: Operator, *, seed: int = 0) -> bytes:
    """Return a `.tflite` file of one operator, which takes at run time what it takes in a network.

    Weights are random, scales of quantized values plausible: the time of a kernel depends on neither.

    Args:
        operator: what it computes.
        seed: of the weights.

    Example:
        >>> from sepzoo.benchmark import make_operator, read_operators
        >>> operator = make_operator("depthwise", (1, 8, 8, 16), kernel_size=3, dtype="int8")
        >>> read_operators(operator_file(operator)) == (operator,)
        True
    """
    random = np.random.default_rng(seed)
    graph = schema.SubGraphT(tensors=[], inputs=[], outputs=[])
    model = schema.ModelT(version=_VERSION, buffers=[schema.BufferT()], subgraphs=[graph], operatorCodes=[])

    def add(tensor: OperatorTensor, output: bool = False) -> int:
        number = len(graph.tensors)
        data = None if output else _constant(tensor, random)
        model.buffers.append(schema.BufferT(data=data))
        graph.tensors.append(
            schema.TensorT(
                shape=list(tensor.shape),
                type=getattr(schema.TensorType, tensor.dtype.upper()),
                buffer=number + 1,
                name=f"tensor_{number}",
                quantization=_quantization(operator, tensor, output),
                isVariable=tensor.role == "variable",
            )
        )
        if output:
            graph.outputs.append(number)
        elif tensor.role == "input":
            graph.inputs.append(number)
        return number

    inputs = [-1 if each is None else add(each) for each in operator.inputs]
    outputs = [add(each, output=True) for each in operator.outputs]
    code = getattr(schema.BuiltinOperator, operator.name)
    model.operatorCodes.append(
        schema.OperatorCodeT(deprecatedBuiltinCode=min(code, _LAST_OLD_CODE), builtinCode=code, version=1)
    )
    options = None
    if operator.option_type:
        options = getattr(schema, f"{operator.option_type}T")()
        for name, value in operator.options:
            setattr(options, name, list(value) if isinstance(value, tuple) else value)
    graph.operators = [
        schema.OperatorT(
            inputs=inputs,
            outputs=outputs,
            builtinOptionsType=getattr(schema.BuiltinOptions, operator.option_type or "NONE"),
            builtinOptions=options,
        )
    ]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def random_values(tensor: OperatorTensor, random: np.random.Generator) -> np.ndarray:
    """Return values for a tensor: real numbers of variance 1, or whole ones of its type's whole range.

    Args:
        tensor: of a type that NumPy has.
        random: where they come from.
    """
    if tensor.dtype == "bool":
        return random.integers(0, 2, tensor.shape).astype(bool)
    if tensor.dtype in ("float32", "float16", "float64"):
        return random.standard_normal(tensor.shape).astype(tensor.dtype)
    if not tensor.scales:
        return np.zeros(tensor.shape, tensor.dtype)  # numbers of words, places, sizes: 0 is one of them everywhere
    limits = np.iinfo(tensor.dtype)
    if limits.bits > 16:  # biases, which shall not overflow
        return random.integers(-100, 100, tensor.shape).astype(tensor.dtype)
    return random.integers(limits.min, limits.max, tensor.shape, dtype=tensor.dtype, endpoint=True)


def _constant(tensor: OperatorTensor, random: np.random.Generator) -> np.ndarray | None:
    if tensor.role != "constant":
        return None
    if tensor.values is not None:
        found = np.array(tensor.values, tensor.dtype)
    elif tensor.dtype in ("int4", "uint4", "int2"):
        found = random.integers(0, 256, tensor.bytes, dtype=np.uint8)
    else:
        found = random_values(tensor, random)
    return np.frombuffer(found.tobytes(), np.uint8)


def _quantization(operator: Operator, tensor: OperatorTensor, output: bool) -> schema.QuantizationParametersT | None:
    if not tensor.scales:
        return None
    scale, zero_point = _ACTIVATION_SCALE, 128 if tensor.dtype == "uint8" else 0
    if tensor.role == "constant":
        scale = _ACTIVATION_SCALE * _WEIGHT_SCALE if tensor.dtype in ("int32", "int64") else _WEIGHT_SCALE
    elif output and tensor.dtype == "int8":
        scale, zero_point = _OUTPUT_SCALES.get(operator.name, (scale, zero_point))
    elif output and tensor.dtype == "int16" and operator.name in _OUTPUT_SCALES:
        scale = 1 / 32768
    return schema.QuantizationParametersT(
        scale=np.full(tensor.scales, scale, np.float32),
        zeroPoint=np.full(tensor.scales, zero_point, np.int64),
        quantizedDimension=tensor.axis,
    )
