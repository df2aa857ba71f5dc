"""What the function of a SavedModel does last to its values, read off its graph as far as that is certain."""

from __future__ import annotations

from sepzoo.records.outputs import End
from sepzoo.support.types import TfFunction, TfTensor

_ENDS: dict[str, End] = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_ADDITIONS = ("BiasAdd", "AddV2", "Add")
_PRODUCTS = ("MatMul", "Conv2D", "Conv1D", "Conv3D")
_PASSED_THROUGH = ("Identity", "Cast", "Reshape", "Squeeze", "StopGradient")


def ends_of(function: TfFunction) -> dict[str, End]:
    """Return what each of a signature's outputs went through last; "other" where its graph can't be read.

    The functions that it calls are put in their places first, so that the walk meets operations alone. TensorFlow keeps
    outputs in the order of their names.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    names = sorted(function.structured_outputs)
    try:
        tensors = convert_variables_to_constants_v2(function).outputs
    except Exception:  # lookup tables and other resources, which it can't freeze, make it raise almost anything
        return dict.fromkeys(names, "other")
    return {name: _end(tensor) for name, tensor in zip(names, tensors, strict=True)}


def _end(tensor: TfTensor) -> End:
    while tensor.op.type in _PASSED_THROUGH and _axes(tensor) == _axes(tensor.op.inputs[0]):
        tensor = tensor.op.inputs[0]
    if tensor.op.type in _ADDITIONS and tensor.op.inputs[0].op.type in _PRODUCTS and _is_constant(tensor.op.inputs[1]):
        return "linear"
    return _ENDS.get(tensor.op.type, "linear" if tensor.op.type in _PRODUCTS else "other")


def _is_constant(tensor: TfTensor) -> bool:
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return bool(tensor.op.type == "Const")


def _axes(tensor: TfTensor) -> list[int | None] | None:
    """Return a tensor's shape without the batch and without axes of length 1."""
    return None if tensor.shape.rank is None else [size for size in tensor.shape[1:] if size != 1]
