"""How channels pass through what has no weights of its own: activations, pooling, sums, concatenation, reshaping.

Each function gets the channels of all inputs and returns those of the output, or None where it is not known what
becomes of them.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence

import keras
import numpy as np

from sepzoo.layers import ColumnDraw, DropPath, DropPathJoin, EdgePadding, SumTerms
from sepzoo.layers.hard_sigmoid import hard_sigmoid_keras2
from sepzoo.support.types import ArrayLike, Layer, Node, Operation
from sepzoo.surgery.pruning.channel_sets import ChannelSets

layers, activations = keras.layers, keras.activations
_ALONE = (
    *("celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh"),
    *("leaky_relu", "linear", "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink"),
    *("softplus", "softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "swish", "tanh", "tanh_shrink"),
    "threshold",
)
ELEMENTWISE = {getattr(activations, name) for name in _ALONE if hasattr(activations, name)} | {hard_sigmoid_keras2}
"""Activations that look at one value alone."""

Channels = np.ndarray
Passing = Callable[[ChannelSets, Node, list[Channels]], Channels | None]


def is_elementwise(activation: Callable[..., object]) -> bool:
    """Return whether an activation is known to look at one value alone."""
    return activation in ELEMENTWISE


def passing_of(operation: Operation) -> Passing | None:
    """Return how channels pass through an operation, None for one that is not known here.

    Example:
        >>> from sepzoo.layers.graph import nodes
        >>> sets = ChannelSets()
        >>> (flatten,) = nodes(keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Flatten()]))
        >>> passing_of(flatten.operation)(sets, flatten, [sets.new(2, "x")]).tolist()[:5]
        [0, 1, 0, 1, 0]
    """
    if isinstance(operation, keras.layers.Layer):
        return _LAYERS.get(type(operation))
    if type(operation).__module__.startswith(("keras.src.ops.", "keras.src.activations.")):
        return _FUNCTIONS.get(type(operation).__name__)
    return None


def computes_each_value_alone(operation: Operation) -> bool:
    """Return whether each value comes of those at the same place alone, whatever the axes mean.

    Example:
        >>> computes_each_value_alone(keras.layers.Add()), computes_each_value_alone(keras.layers.Softmax())
        (True, False)
    """
    passing = passing_of(operation)
    if passing is _activation:
        return is_elementwise(operation.activation)
    return passing is _elementwise or type(operation) in (layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Identity)


def _last(node: Node) -> int | None:
    return node.outputs[0].shape[-1] if len(node.outputs[0].shape) > 1 else None


def _same(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    del sets
    layer = node.operation
    special = getattr(layer, "data_format", None) == "channels_first" or getattr(layer, "noise_shape", None) is not None
    return inputs[0] if len(inputs) == 1 and not special and _last(node) == len(inputs[0]) else None


def _elementwise(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    """One tensor or several of the same channels, and plain numbers."""
    size, constants = _last(node), keras.tree.flatten((node.arguments.args, node.arguments.kwargs))
    if not all(isinstance(each, keras.KerasTensor) or _is_plain(each) for each in constants):
        return None
    wide = [each for each in inputs if len(each) == size]
    if not wide or any(len(each) not in (1, size) for each in inputs):
        return None
    for other in wide[1:]:
        sets.unite(wide[0], other)
    if size != 1:
        for each in inputs:
            if len(each) == 1:
                sets.keep(each, f"{node.operation.name!r} spreads it over all channels")
    return wide[0]


def _is_plain(value: ArrayLike) -> bool:
    return value is None or isinstance(value, str | numbers.Number) or np.size(value) == 1


def _activation(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    return _same(sets, node, inputs) if is_elementwise(node.operation.activation) else None


def _concatenate(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    rank = len(node.outputs[0].shape)
    if not isinstance(node.operation.axis, int):
        return None
    axis = node.operation.axis % rank
    if axis == rank - 1:
        joined = np.concatenate(inputs)
        return joined if len(joined) == _last(node) else None
    return _elementwise(sets, node, inputs) if axis else None


def _tiled(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    """Axes before the channels are drawn into them: the channel of a place is its number modulo their count."""
    del sets
    size, count = _last(node), len(inputs[0])
    if size is None or not count or size % count or getattr(node.operation, "data_format", None) == "channels_first":
        return None
    return np.tile(inputs[0], size // count)


def _reshape_function(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    """Reshaping by a function, whose sizes stay as they are written: the last one must be left open."""
    return _tiled(sets, node, inputs) if tuple(node.operation.newshape)[-1] == -1 else None


def _permute(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    dims = tuple(node.operation.dims)
    return _same(sets, node, inputs) if dims[-1] == len(dims) else None


def _padded(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    pairs = np.asarray(node.operation.pad_width)
    return _same(sets, node, inputs) if pairs.ndim == 2 and not pairs[-1].any() else None


def _reduced(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    """A mean, sum or maximum over places."""
    axis, rank = node.operation.axis, len(node.input_tensors[0].shape)
    axes = [axis] if isinstance(axis, int) else list(axis or range(rank))
    return None if {0, rank - 1} & {each % rank for each in axes} else _same(sets, node, inputs)


def _normalized_together(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    """Without some of its inputs it would give other values for those that are left."""
    sets.keep(inputs[0], f"{node.operation.name!r} normalizes over all of them")
    return _same(sets, node, inputs)


def _blocks_summed(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    blocks = inputs[0].reshape(node.operation.terms, -1)
    for other in blocks[1:]:
        sets.unite(blocks[0], other)
    return blocks[0]


def _join(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    return _elementwise(sets, node, inputs[:-1])


def _draw(sets: ChannelSets, node: Node, inputs: list[Channels]) -> Channels | None:
    """Of its input it looks at the batch alone."""
    del inputs
    return sets.new(_last(node) or 0, node.operation.name, "it is a draw of columns")


def _layer_classes(names: Sequence[str]) -> list[type[Layer]]:
    return [getattr(layers, name) for name in names if hasattr(layers, name)]


_POOLS = ("MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling", "UpSampling", "Cropping")
_LAYERS: dict[type[Layer], Passing] = {
    **dict.fromkeys(
        _layer_classes(
            [
                *("ReLU", "LeakyReLU", "ELU", "Identity", "Dropout", "SpatialDropout1D", "SpatialDropout2D"),
                *("SpatialDropout3D", "AlphaDropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization"),
                "RepeatVector",
                *(f"{name}{rank}D" for name in (*_POOLS, "ZeroPadding") for rank in (1, 2, 3)),
            ]
        ),
        _same,
    ),
    **dict.fromkeys(
        _layer_classes(["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]),
        _elementwise,
    ),
    layers.Activation: _activation,
    layers.Concatenate: _concatenate,
    layers.Flatten: _tiled,
    layers.Reshape: _tiled,
    layers.Permute: _permute,
    **dict.fromkeys(
        _layer_classes(["LayerNormalization", "GroupNormalization", "UnitNormalization"]), _normalized_together
    ),
    DropPath: _same,
    EdgePadding: _same,
    SumTerms: _blocks_summed,
    DropPathJoin: _join,
    ColumnDraw: _draw,
}
_FUNCTIONS: dict[str, Passing] = {
    **dict.fromkeys(
        [
            *("ReLU", "Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "Silu", "Sigmoid", "HardSigmoid"),
            *("HardSilu", "LogSigmoid", "SparseSigmoid", "Softplus", "Softsign", "SoftShrink", "SparsePlus"),
            "Squareplus",
            *("TanhShrink", "HardTanh", "HardShrink", "Threshold", "Tanh", "Absolute", "Clip", "Exp", "Negative"),
            *("Square", "Sqrt", "Cast", "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"),
            *("Power", "Reciprocal", "Rsqrt", "Log", "Log1p", "Expm1", "Erf", "Sin", "Cos", "Sign", "Floor", "Ceil"),
            *("Round", "Where", "Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", "LogicalAnd"),
            *("LogicalOr", "LogicalNot"),
        ],
        _elementwise,
    ),
    **dict.fromkeys(["Mean", "Sum", "Max", "Amax", "Min", "Amin"], _reduced),
    "Concatenate": _concatenate,
    "Reshape": _reshape_function,
    "Pad": _padded,
}
