"""`.tflite` files: every offset, index, buffer and tensor size is compared with what is there."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sepzoo.artifact.inspection.flatbuffer import Buffer, Table
from sepzoo.artifact.inspection.records import Array, Layer
from sepzoo.support.bounds import BOUNDS

_BITS = {
    0: ("float32", 32), 1: ("float16", 16), 2: ("int32", 32), 3: ("uint8", 8), 4: ("int64", 64), 6: ("bool", 8),
    7: ("int16", 16), 8: ("complex64", 64), 9: ("int8", 8), 10: ("float64", 64), 11: ("complex128", 128),
    12: ("uint64", 64), 15: ("uint32", 32), 16: ("uint16", 16), 17: ("int4", 4), 18: ("bfloat16", 16), 19: ("int2", 2),
    20: ("uint4", 4),
}  # fmt: skip
"""Number of a type -> its name, bits of a value; text, resources and variants are not read."""

_OTHERS = {5: "text", 13: "a resource of TensorFlow", 14: "a list of TensorFlow's"}
"""Types that hold no numbers: networks of text, and recurrent ones that TensorFlow's own operators run."""

_RANK = 8
_CUSTOM = 32


def read_tflite(content: bytes) -> tuple[tuple[Layer, ...], tuple[Array, ...], tuple[str, ...]]:
    """Return the operators of a file's bytes, its tensors, and what its custom operators are called.

    Raises:
        ValueError: something in it refers to what is not there, a buffer does not hold its tensor, or there is more
            than `BOUNDS` allows.
        NotImplementedError: a tensor holds no numbers.
    """
    model = Buffer(content).root()
    buffers = [_buffer(table, len(content)) for table in model.tables(4)]
    codes = [(max(code.number(0, "b"), code.number(3, "i")), code.text(1)) for code in model.tables(1)]
    layers: list[Layer] = []
    arrays: list[Array] = []
    graphs = model.tables(2)
    if not graphs:
        raise ValueError("it has no graph")
    for entry in model.tables(6):
        _check_indices("buffer", [entry.number(1, "I")], len(buffers))
    for graph in graphs:
        tensors = [_tensor(tensor, buffers) for tensor in graph.tables(0)]
        arrays += tensors
        for side in (1, 2):
            _check_indices("tensor", graph.numbers(side, "i"), len(tensors))
        for operator in graph.tables(3):
            layers.append(_operator(operator, codes, len(tensors)))
        BOUNDS.check_count("operators and tensors", len(layers) + len(arrays))
    total = sum(array.bytes for array in arrays)
    if total > BOUNDS.unpacked:
        raise ValueError(f"its tensors have {total:,} bytes, of which at most {BOUNDS.unpacked:,} are allowed")
    names = _operator_names()
    named = tuple(Layer(layer.name, names.get(int(layer.kind), layer.kind), layer.package) for layer in layers)
    return named, tuple(arrays), tuple(sorted({layer.package for layer in layers if layer.package}))


def _buffer(table: Table, size: int) -> int:
    """Return how many bytes a buffer has, those behind the FlatBuffer of a large file included."""
    offset, length = table.number(1, "Q"), table.number(2, "Q")
    if offset > 1 and offset + length > size:
        raise ValueError(f"its buffer at byte {offset:,} goes beyond the end")
    return length if offset > 1 else table.vector(0, "B")[1]


def _tensor(table: Table, buffers: list[int]) -> Array:
    name, shape, kind = table.text(3), table.numbers(0, "i"), table.number(1, "b")
    if kind in _OTHERS:
        raise NotImplementedError(
            f"its tensor {name!r} is {_OTHERS[kind]}. Convert the network again, without text and for TFLite's own "
            "operators: converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]"
        )
    if kind not in _BITS:
        raise ValueError(f"its tensor {name!r} is of type {kind}, which is no number")
    if len(shape) > _RANK or any(length < 0 for length in shape):
        raise ValueError(f"its tensor {name!r} has shape {shape}")
    dtype, bits = _BITS[kind]
    size = -(-math.prod(shape) * bits // 8)
    if size > BOUNDS.tensor:
        raise ValueError(
            f"its tensor {name!r} of shape {shape} has {size:,} bytes, of which at most {BOUNDS.tensor:,} are allowed"
        )
    if table.table(6) is not None:
        raise ValueError(f"its tensor {name!r} is stored sparsely, which is not read")
    number = table.number(2, "I")
    _check_indices("buffer", [number], len(buffers))
    if buffers[number] not in (0, size):
        raise ValueError(f"its tensor {name!r} takes {size:,} bytes, and its buffer has {buffers[number]:,}")
    _check_quantization(name, shape, table.table(4))
    return Array(name, shape, dtype, size)


def _check_quantization(name: str, shape: tuple[int, ...], quantization: Table | None) -> None:
    if quantization is None:
        return
    scales, points = quantization.vector(2, "f")[1], quantization.vector(3, "q")[1]
    axis = quantization.number(6, "i")
    if scales > 1 and not (0 <= axis < len(shape) and scales == shape[axis]):
        raise ValueError(f"its tensor {name!r} of shape {shape} has {scales} scales along axis {axis}")
    if points not in (0, 1, scales):
        raise ValueError(f"its tensor {name!r} has {scales} scales and {points} zero points")


def _operator(table: Table, codes: list[tuple[int, str]], tensors: int) -> Layer:
    index = table.number(0, "I")
    _check_indices("operator code", [index], len(codes))
    inputs, outputs = table.numbers(1, "i"), table.numbers(2, "i")
    _check_indices("tensor", (place for place in inputs if place != -1), tensors)  # -1: an input that is left out
    _check_indices("tensor", outputs, tensors)
    _check_indices("tensor", (place for place in table.numbers(8, "i") if place != -1), tensors)
    table.table(4), table.vector(5, "B")
    number, custom = codes[index]
    return Layer(f"-> {', '.join(map(str, outputs))}", str(number), custom if number == _CUSTOM else "")


def _check_indices(what: str, indices: Iterable[int], count: int) -> None:
    for index in indices:
        if not 0 <= index < count:
            raise ValueError(f"it refers to {what} {index} of {count}")


def _operator_names() -> dict[int, str]:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    return {number: name for name, number in vars(BuiltinOperator).items() if not name.startswith("_")}
