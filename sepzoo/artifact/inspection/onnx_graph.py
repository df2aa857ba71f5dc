"""ONNX files by protocol buffers alone: operators, tensors and what travels with them, without onnx or onnxruntime."""

from __future__ import annotations

import dataclasses
import math

from sepzoo.artifact.inspection.protobuf import fields, messages, varints
from sepzoo.artifact.inspection.records import Array
from sepzoo.support.bounds import BOUNDS

_GRAPH, METADATA, _TRAINING, _FUNCTIONS = 7, 14, 20, 25
"""Fields of a model."""
_NODES, _INITIALIZERS, _OUTPUTS, _SPARSE = 1, 5, 12, 15
"""Fields of a graph."""
_FUNCTION_NODES = 7
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTES, _NODE_DOMAIN = 1, 2, 4, 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_DIMENSIONS, _TYPE, _NAME, _RAW, _EXTERNAL, _LOCATION = 1, 2, 8, 9, 13, 14
"""Fields of a tensor."""
_TYPED = (4, 5, 6, 7, 10, 11)
"""Fields of a tensor that hold its values number by number."""
_DEEPEST = 20
"""Graphs inside one another, as of loops and conditions."""

ONNX_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(uint16)": "uint16",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
"""ONNX Runtime's name of a tensor's type -> NumPy's; of what a network may take: numbers, or a mask."""

_TYPES: dict[int, tuple[str, float]] = {
    1: ("float32", 4),
    2: ("uint8", 1),
    3: ("int8", 1),
    4: ("uint16", 2),
    5: ("int16", 2),
    6: ("int32", 4),
    7: ("int64", 8),
    8: ("string", 0),
    9: ("bool", 1),
    10: ("float16", 2),
    11: ("float64", 8),
    12: ("uint32", 4),
    13: ("uint64", 8),
    14: ("complex64", 8),
    15: ("complex128", 16),
    16: ("bfloat16", 2),
    17: ("float8_e4m3fn", 1),
    18: ("float8_e4m3fnuz", 1),
    19: ("float8_e5m2", 1),
    20: ("float8_e5m2fnuz", 1),
    21: ("uint4", 0.5),
    22: ("int4", 0.5),
    23: ("float4_e2m1", 0.5),
}
"""The standard's number of a type -> its name, and the bytes of one value; of text 0: any."""


@dataclasses.dataclass(frozen=True)
class OnnxNode:
    """An operator: its type, the set that it is of ("": ONNX's own), and what its inputs and outputs are called."""

    kind: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class OnnxFile:
    """What is in an ONNX file.

    Attributes:
        nodes: operators in the order of the graph, those of graphs inside behind them.
        arrays: constants, with their shapes and types.
        external: names of tensors whose values lie in other files.
        metadata: text by its key.
        outputs: names.
    """

    nodes: tuple[OnnxNode, ...]
    arrays: tuple[Array, ...]
    external: tuple[str, ...]
    metadata: dict[str, str]
    outputs: tuple[str, ...]


def read_onnx(content: bytes) -> OnnxFile:
    """Return what is in the bytes of an ONNX file; the size of each tensor is compared with the bytes that it has.

    Raises:
        ValueError: it is damaged, or beyond a bound.

    Example:
        >>> read_onnx(bytes([8, 8, 58, 2, 18, 0])).nodes
        ()
    """
    whole = memoryview(content)
    graphs = list(messages(whole, _GRAPH))
    if len(graphs) != 1:
        raise ValueError(f"it has {len(graphs)} graphs")
    if any(True for _ in messages(whole, _TRAINING)):
        raise ValueError("it has a graph to train by, which is not looked at")
    found = _Found()
    found.add_graph(graphs[0], depth=0)
    for function in messages(whole, _FUNCTIONS):
        for node in messages(function, _FUNCTION_NODES):
            found.add_node(node, depth=0)
    return OnnxFile(
        nodes=tuple(found.nodes),
        arrays=tuple(found.arrays),
        external=tuple(found.external),
        metadata=dict(_pair(entry) for entry in messages(whole, METADATA)),
        outputs=tuple(_text(name) for name in messages(graphs[0], _OUTPUTS, 1)),
    )


def metadata_field(key: str, text: str) -> bytes:
    """Return bytes that give an ONNX file one more text of metadata when they stand behind it.

    Example:
        >>> read_onnx(bytes([8, 8, 58, 2, 18, 0]) + metadata_field("owner", "me")).metadata
        {'owner': 'me'}
    """
    entry = b"".join(_with_length(number, part.encode()) for number, part in ((1, key), (2, text)))
    return _with_length(METADATA, entry)


class _Found:
    """What has been met so far."""

    def __init__(self) -> None:
        self.nodes: list[OnnxNode] = []
        self.arrays: list[Array] = []
        self.external: list[str] = []

    def add_graph(self, graph: memoryview, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError(f"it has graphs inside one another, more than {_DEEPEST}")
        for number, value in fields(graph):
            if number == _NODES:
                self.add_node(_bytes(value), depth)
            elif number == _INITIALIZERS:
                self.add_tensor(_bytes(value))
            elif number == _SPARSE:
                raise ValueError("it has sparse tensors, which are not read")

    def add_node(self, node: memoryview, depth: int) -> None:
        kind, domain, names = "", "", {_NODE_INPUT: list[str](), _NODE_OUTPUT: list[str]()}
        place = len(self.nodes)
        for number, value in fields(node):
            if number in names:
                names[number].append(_text(value))
            elif number == _NODE_TYPE:
                kind = _text(value)
            elif number == _NODE_DOMAIN:
                domain = _text(value)
            elif number == _NODE_ATTRIBUTES:
                self._add_attribute(_bytes(value), depth)
        domain = "" if domain == "ai.onnx" else domain
        self.nodes.insert(place, OnnxNode(kind, domain, tuple(names[_NODE_INPUT]), tuple(names[_NODE_OUTPUT])))
        BOUNDS.check_count("operators", len(self.nodes))

    def add_tensor(self, tensor: memoryview) -> None:
        name, kind, raw, typed, elsewhere = "", 0, None, 0, False
        shape: list[int] = []
        for number, value in fields(tensor):
            if number == _DIMENSIONS:
                shape += [value] if isinstance(value, int) else list(varints(value))
            elif number == _TYPE and isinstance(value, int):
                kind = value
            elif number == _NAME:
                name = _text(value)
            elif number == _RAW:
                raw = len(_bytes(value))
            elif number in _TYPED:
                typed += len(value) if isinstance(value, memoryview) else 1
            elif number in (_EXTERNAL, _LOCATION):
                elsewhere |= number == _EXTERNAL or value == 1
        if kind not in _TYPES:
            raise ValueError(f"its tensor {name!r} is of type {kind}, which the standard does not have")
        dtype, size = _TYPES[kind]
        count = math.prod(shape)
        if any(side >= 2**31 for side in shape):
            raise ValueError(f"its tensor {name!r} has sides of {max(shape):,}")
        if elsewhere:
            self.external.append(name)
        elif size and (math.ceil(count * size) != raw if raw is not None else count > max(typed, 0) and count):
            raise ValueError(f"its tensor {name!r} has {raw or typed:,} bytes for {count:,} numbers of {dtype}")
        self.arrays.append(Array(name, tuple(shape), dtype, math.ceil(count * size)))
        BOUNDS.check_count("tensors", len(self.arrays))

    def _add_attribute(self, attribute: memoryview, depth: int) -> None:
        for number, value in fields(attribute):
            if number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
                self.add_graph(_bytes(value), depth + 1)
            elif number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
                self.add_tensor(_bytes(value))


def _pair(entry: memoryview) -> tuple[str, str]:
    found = {number: _text(value) for number, value in fields(entry)}
    return found.get(1, ""), found.get(2, "")


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("its protocol buffer has a number in the place of a message")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_bytes(value)).decode(errors="backslashreplace")


def _with_length(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
