"""What TFLite's GPU delegate refuses of a float file, by the rules that TensorFlow 2.17's analyser has.

`tf.lite.experimental.Analyzer` still takes `gpu_compatibility=True` in 2.21, but looks at nothing any more: it calls
every file compatible. `tests/export/formats/gpu_analyser.txt` is what that of 2.17 says.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from sepzoo.export.gpu_refusal import GpuRefusal
from sepzoo.inference.tflite_description import operator_name

_ALONE = (
    *("ABS", "AVERAGE_POOL_2D", "CAST", "COS", "DEPTH_TO_SPACE", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH"),
    *("LOG", "LOGISTIC", "MAX_POOL_2D", "MEAN", "MIRROR_PAD", "NEG", "PAD", "PADV2", "QUANTIZE", "REDUCE_MAX"),
    *("REDUCE_MIN", "REDUCE_PROD", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SIGN"),
    *("SIN", "SPACE_TO_DEPTH", "SQRT", "SQUARE", "SUM", "TANH", "TILE", "TRANSPOSE"),
)
"""Operators that take one tensor; what else they are given must be constant."""
_PAIRS = (
    *("DIV", "EQUAL", "FLOOR_DIV", "FLOOR_MOD", "GATHER", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"),
    *("LOGICAL_AND", "MAXIMUM", "MINIMUM", "NOT_EQUAL", "POW", "SQUARED_DIFFERENCE", "SUB"),
)
"""Operators that take two, one of which may be constant."""
TAKEN = (
    *_ALONE,
    *_PAIRS,
    *("ADD", "ADD_N", "BATCH_MATMUL", "CONCATENATION", "CONV_2D", "CUMSUM", "DENSIFY", "DEPTHWISE_CONV_2D"),
    *("DEQUANTIZE", "FULLY_CONNECTED", "LEAKY_RELU", "LSTM", "MUL", "ONE_HOT", "PACK", "PRELU", "RELU"),
    *("RELU6", "RELU_N1_TO_1", "SELECT", "SELECT_V2", "SLICE", "SOFTMAX", "SPLIT", "SPLIT_V", "STRIDED_SLICE"),
    *("TRANSPOSE_CONV",),
)
"""All operators that it has."""
_TYPES = {number: name for name, number in vars(schema.TensorType).items() if not name.startswith("_")}
_FLOATS = ("FLOAT16", "FLOAT32")
_CASTS = {("BOOL", each) for each in _FLOATS} | {(each, "BOOL") for each in _FLOATS}
_CASTS |= {(one, other) for one in ("FLOAT32", "INT32") for other in ("FLOAT32", "INT32")}
_MASKS = ("ellipsisMask", "newAxisMask", "shrinkAxisMask")


@dataclasses.dataclass(frozen=True)
class _Tensor:
    shape: tuple[int, ...]
    dtype: str
    constant: bool


@dataclasses.dataclass(frozen=True)
class _Operator:
    """An operator, what it takes and gives, and its settings by their names in the schema."""

    name: str
    inputs: tuple[_Tensor, ...]
    outputs: tuple[_Tensor, ...]
    settings: Any

    @property
    def computed(self) -> int:
        """How many of its inputs are no constants."""
        return sum(not each.constant for each in self.inputs)

    def setting(self, name: str) -> Any:
        """Return a setting; 0 where the file has none."""
        return getattr(self.settings, name, 0)


def refused_by_gpu(content: bytes) -> tuple[GpuRefusal, ...]:
    """Return what a phone's GPU leaves to the CPU, most frequent first; it may refuse more at run time.

    Args:
        content: of a `.tflite` file that computes in floats. Weights of 16 bits count as constants, as the delegate
            takes them, not as what their DEQUANTIZE computes.
    """
    model = schema.Model.GetRootAs(content, 0)
    found: Counter[tuple[str, str]] = Counter()
    for number in range(model.SubgraphsLength()):
        for each in _operators_of(model, model.Subgraphs(number)):
            reason = _reason(each)
            if reason is not None:
                found[each.name, reason] += 1
    return tuple(GpuRefusal(name, reason, count) for (name, reason), count in found.most_common())


def _operators_of(model: schema.Model, graph: schema.SubGraph) -> list[_Operator]:
    tensors = [_tensor(model, graph.Tensors(index)) for index in range(graph.TensorsLength())]
    found = []
    for index in range(graph.OperatorsLength()):
        raw = graph.Operators(index)
        settings = schema.OperatorT.InitFromObj(raw).builtinOptions
        numbers = [[number for number in each if number >= 0] for each in (_numbers(raw, "In"), _numbers(raw, "Out"))]
        inputs, outputs = (tuple(tensors[number] for number in each) for each in numbers)
        found.append(_Operator(operator_name(model, raw), inputs, outputs, settings))
        if found[-1].name in ("DEQUANTIZE", "DENSIFY") and inputs[0].constant:
            tensors[numbers[1][0]] = dataclasses.replace(outputs[0], constant=True)
    return found


def _numbers(operator: schema.Operator, side: str) -> list[int]:
    length = getattr(operator, f"{side}putsLength")()
    return [int(getattr(operator, f"{side}puts")(index)) for index in range(length)]


def _tensor(model: schema.Model, tensor: schema.Tensor) -> _Tensor:
    shape = tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))
    return _Tensor(shape, _TYPES[tensor.Type()], model.Buffers(tensor.Buffer()).DataLength() > 0)


def _reason(operator: _Operator) -> str | None:
    """Return why an operator is refused; None if it isn't."""
    if operator.name not in TAKEN:
        return "no such operator"
    if operator.name in _ALONE and operator.computed != 1:
        return f"of one tensor alone, not of {operator.computed}"
    if operator.name in _PAIRS and (len(operator.inputs) != 2 or not operator.computed):
        return f"of one tensor or two, not of {operator.computed}"
    rule = _RULES.get(operator.name)
    return None if rule is None else rule(operator)


def _sums(operator: _Operator) -> str | None:
    """ADD and MUL, which repeat the smaller one of two tensors in few cases."""
    if len(operator.inputs) != 2:
        return f"of two tensors, not of {len(operator.inputs)}"
    longer, shorter = sorted((each.shape for each in operator.inputs), key=len, reverse=True)
    if len(longer) == len(shorter):
        pairs = list(zip(longer, shorter, strict=True))
        crossed = any(one < other for one, other in pairs) and any(one > other for one, other in pairs)
        return _repeated(longer, shorter) if crossed and operator.name == "MUL" else None
    if len(shorter) <= 1:
        return None
    single = longer[0] == 1 and (len(shorter) == 3 or shorter == (1, 1))
    channels = len(shorter) == 2 and shorter == (longer[0], longer[-1])
    return None if len(longer) == 4 and (single or channels) else _repeated(longer, shorter)


def _repeated(one: Sequence[int], other: Sequence[int]) -> str:
    return f"not of {_sizes(one)} and {_sizes(other)}"


def _sizes(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _cast(operator: _Operator) -> str | None:
    types = operator.inputs[0].dtype, operator.outputs[0].dtype
    return None if types in _CASTS else f"not of {types[0].lower()} to {types[1].lower()}"


def _gather(operator: _Operator) -> str | None:
    values, places = operator.inputs
    if len(places.shape) != 1:
        return f"places in one dimension, not in {len(places.shape)}"
    if values.dtype == "INT32":
        return "not of int32"
    return None if places.dtype == "INT32" else f"places of int32, not of {places.dtype.lower()}"


def _slice(operator: _Operator) -> str | None:
    masks = operator.name == "STRIDED_SLICE" and any(operator.setting(each) for each in _MASKS)
    if masks:
        return "no axis that it takes away or adds"
    rank = len(operator.inputs[0].shape)
    return None if rank in (3, 4) else f"of 3 or 4 dimensions, not of {rank}"


def _pad(operator: _Operator) -> str | None:
    if operator.name == "MIRROR_PAD" and operator.setting("mode") != schema.MirrorPadMode.REFLECT:
        return "by reflection alone"
    rows = operator.inputs[1].shape
    return None if rows in ((3, 2), (4, 2)) else f"of 3 or 4 dimensions, not of {rows[0]}"


def _reduced(operator: _Operator) -> str | None:
    return None if operator.inputs[1].constant else "along constant axes alone"


def _select(operator: _Operator) -> str | None:
    condition, *values = operator.inputs
    if condition.dtype not in ("BOOL", *_FLOATS) or any(each.dtype not in _FLOATS for each in values):
        return "of floats alone"
    whole = operator.outputs[0].shape
    for each in values:
        if each.shape and each.shape != whole and (len(each.shape) > 1 or each.shape[0] > 1):
            return f"{_sizes(each.shape)} is not repeated"
        if each.constant and len(each.shape) == 2:
            return "no constant of 2 dimensions"
    return None


def _one_hot(operator: _Operator) -> str | None:
    places, _depth, *values = operator.inputs
    floats = all(each.dtype == "FLOAT32" and each.constant and _count(each.shape) == 1 for each in values)
    if places.dtype != "INT32" or not floats:
        return "of int32 to constant floats alone"
    last = operator.setting("axis") in (-1, *places.shape[-1:])
    several = places.shape[1 if len(places.shape) > 3 else 0 : -1]
    return None if last and all(size == 1 for size in several) else "along the last of few axes alone"


def _count(shape: Sequence[int]) -> int:
    return max((1, *shape))


def _convolution(operator: _Operator) -> str | None:
    if operator.computed > 2:
        return f"of two tensors at most, not of {operator.computed}"
    multiplier = operator.setting("depthMultiplier") if operator.name == "DEPTHWISE_CONV_2D" else 1
    channels = operator.inputs[0].shape[-1]
    return None if multiplier == 1 or channels == 1 else f"one output for each of {channels} channels, not {multiplier}"


def _dense(operator: _Operator) -> str | None:
    if operator.computed > 2 or operator.inputs[0].constant:
        return "of one tensor or two"
    ranks = len(operator.inputs[0].shape), len(operator.outputs[0].shape)
    return "of as many dimensions as it gives" if operator.setting("keepNumDims") and ranks[0] != ranks[1] else None


def _softmax(operator: _Operator) -> str | None:
    return None if operator.setting("beta") == 1 else "with beta 1 alone"


def _dequantize(operator: _Operator) -> str | None:
    return "not of int16" if operator.inputs[0].dtype == "INT16" else None


_RULES: dict[str, Callable[[_Operator], str | None]] = {
    **dict.fromkeys(("ADD", "MUL"), _sums),
    "CAST": _cast,
    "GATHER": _gather,
    **dict.fromkeys(("SLICE", "STRIDED_SLICE"), _slice),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _pad),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"), _reduced),
    **dict.fromkeys(("SELECT", "SELECT_V2"), _select),
    "ONE_HOT": _one_hot,
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"), _convolution),
    "FULLY_CONNECTED": _dense,
    "SOFTMAX": _softmax,
    "DEQUANTIZE": _dequantize,
}
