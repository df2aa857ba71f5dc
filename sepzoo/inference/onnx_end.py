"""What the graph of an ONNX file does last to its values, read off it as far as that is certain."""

from __future__ import annotations

from sepzoo.artifact.inspection.onnx_graph import OnnxFile, OnnxNode
from sepzoo.records.outputs import End

_ENDS: dict[str, End] = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_PRODUCTS = ("MatMul", "Gemm", "Conv")
_PASSED_THROUGH = (
    "Identity",
    "Cast",
    "Reshape",
    "Squeeze",
    "Flatten",
    "Unsqueeze",
    "QuantizeLinear",
    "DequantizeLinear",
)


def end_of(file: OnnxFile, output: str, shape: tuple[int, ...]) -> End:
    """Return what one of a file's outputs went through last: softmax, sigmoid, a plain linear layer, something else.

    Args:
        file: its content.
        output: the output's name.
        shape: of the output, without the batch; only of vectors the axis of a softmax is certain.
    """
    makers = {name: node for node in file.nodes for name in node.outputs}
    constants = {array.name for array in file.arrays}
    node = _maker(makers, output)
    if node is None:
        return "other"
    if node.kind == "Add":
        sources = [name for name in node.inputs if not _constant(makers, constants, name)]
        source = _maker(makers, sources[0]) if len(sources) == 1 else None
        return "linear" if source is not None and source.kind in _PRODUCTS else "other"
    if node.kind == "Softmax" and sum(size != 1 for size in shape) > 1:
        return "other"
    return _ENDS.get(node.kind, "linear" if node.kind in _PRODUCTS else "other")


def _maker(makers: dict[str, OnnxNode], name: str) -> OnnxNode | None:
    """Return the operator that a tensor's values come from, behind those that only hand them on."""
    node = makers.get(name)
    seen = set[str]()
    while node is not None and node.kind in _PASSED_THROUGH and node.inputs and node.inputs[0] not in seen:
        seen.add(node.inputs[0])
        node = makers.get(node.inputs[0])
    return node


def _constant(makers: dict[str, OnnxNode], constants: set[str], name: str) -> bool:
    node = makers.get(name)
    if node is None:
        return name in constants
    return node.kind == "Constant" or (
        node.kind == "DequantizeLinear" and all(_constant(makers, constants, each) for each in node.inputs)
    )
