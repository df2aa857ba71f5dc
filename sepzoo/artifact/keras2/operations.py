"""TensorFlow operations that Keras 2 wrote as layers (`x * 2 - 1` is two of them), as functions of Keras 3."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from sepzoo.artifact.keras2.settings import ADVICE
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json, Tensor

OPERATION_LAYERS = ("TFOpLambda", "SlicingOpLambda")


def operation(function: str, name: str) -> Callable[..., Tensor]:
    """Return what computes a TensorFlow function, which takes its arguments by TensorFlow's names.

    Args:
        function: its public name, `math.multiply`.
        name: of the layer, for errors.

    Raises:
        SepzooError: one that is not in this list.

    Example:
        >>> float(operation("math.truediv", "scale")(3.0, y=2.0))
        1.5
    """
    if function not in _FUNCTIONS:
        raise SepzooError(
            f"Keras cannot read this file: layer {name!r} is the TensorFlow function tf.{function}, for which "
            f"sepzoo has no equivalent. {ADVICE}"
        )
    return _FUNCTIONS[function]


def _of_two(compute: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda x, y, name=None: compute(_array(x), _array(y))


def _of_one(compute: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda x, name=None: compute(x)


def _activation(compute: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda features, name=None: compute(features)


def _reduction(compute: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda input_tensor, axis=None, keepdims=False, name=None: compute(
        input_tensor, axis=_axis(axis), keepdims=keepdims
    )


def _array(constant: Json) -> Tensor:
    return np.asarray(constant, "float32") if isinstance(constant, list) else constant


def _axis(axis: Json) -> Json:
    return tuple(axis) if isinstance(axis, list) else axis


def _cast(x: Tensor, dtype: str, name: str | None = None) -> Tensor:
    return ops.cast(x, dtype)


def _reshape(tensor: Tensor, shape: list[int], name: str | None = None) -> Tensor:
    return ops.reshape(tensor, shape)


def _expand(input: Tensor, axis: int, name: str | None = None) -> Tensor:  # noqa: A002  (TensorFlow's name)
    return ops.expand_dims(input, axis)


def _squeeze(input: Tensor, axis: Json = None, name: str | None = None) -> Tensor:  # noqa: A002  (as above)
    return ops.squeeze(input, axis=_axis(axis))


def _transpose(a: Tensor, perm: list[int] | None = None, conjugate: bool = False, name: str | None = None) -> Tensor:
    return ops.transpose(a, perm)


def _concatenate(values: list[Tensor], axis: int, name: str | None = None) -> Tensor:
    return ops.concatenate(values, axis=axis)


def _stack(values: list[Tensor], axis: int = 0, name: str | None = None) -> Tensor:
    return ops.stack(values, axis=axis)


def _clip(t: Tensor, clip_value_min: float, clip_value_max: float, name: str | None = None) -> Tensor:
    return ops.clip(t, clip_value_min, clip_value_max)


def _softmax(logits: Tensor, axis: int | None = -1, name: str | None = None) -> Tensor:
    return ops.softmax(logits, axis=-1 if axis is None else axis)


def _leaky_relu(features: Tensor, alpha: float = 0.2, name: str | None = None) -> Tensor:
    return ops.leaky_relu(features, negative_slope=alpha)


def _gelu(features: Tensor, approximate: bool = False, name: str | None = None) -> Tensor:
    return ops.gelu(features, approximate=approximate)


def _silu(features: Tensor, beta: float = 1.0, name: str | None = None) -> Tensor:
    return features * ops.sigmoid(features * beta)


def _keras_relu(x: Tensor, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    from keras import activations

    return activations.relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)


def _getitem(tensor: Tensor, slice_spec: Json, var: None = None) -> Tensor:
    spec = slice_spec if isinstance(slice_spec, list) else [slice_spec]
    parts = [slice(part["start"], part["stop"], part["step"]) if isinstance(part, dict) else part for part in spec]
    return tensor[tuple(parts)]


_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    **dict.fromkeys(("math.add", "__operators__.add", "add"), _of_two(ops.add)),
    **dict.fromkeys(("math.subtract", "subtract"), _of_two(ops.subtract)),
    **dict.fromkeys(("math.multiply", "multiply"), _of_two(ops.multiply)),
    **dict.fromkeys(("math.truediv", "math.divide", "divide", "realdiv"), _of_two(ops.divide)),
    "math.pow": _of_two(ops.power),
    "math.maximum": _of_two(ops.maximum),
    "math.minimum": _of_two(ops.minimum),
    "math.square": _of_one(ops.square),
    "math.sqrt": _of_one(ops.sqrt),
    "math.rsqrt": _of_one(ops.rsqrt),
    "math.exp": _of_one(ops.exp),
    "math.log": _of_one(ops.log),
    "math.abs": _of_one(ops.abs),
    "math.negative": _of_one(ops.negative),
    "math.sigmoid": _of_one(ops.sigmoid),
    "math.tanh": _of_one(ops.tanh),
    "math.softplus": _activation(ops.softplus),
    "nn.relu": _activation(ops.relu),
    "nn.relu6": _activation(ops.relu6),
    "nn.elu": _activation(ops.elu),
    "nn.selu": _activation(ops.selu),
    "nn.leaky_relu": _leaky_relu,
    "nn.gelu": _gelu,
    "nn.silu": _silu,
    "nn.softmax": _softmax,
    "keras.activations.relu": _keras_relu,
    "math.reduce_mean": _reduction(ops.mean),
    "math.reduce_sum": _reduction(ops.sum),
    "math.reduce_max": _reduction(ops.max),
    "math.reduce_min": _reduction(ops.min),
    "cast": _cast,
    "reshape": _reshape,
    "expand_dims": _expand,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "concat": _concatenate,
    "stack": _stack,
    "clip_by_value": _clip,
    "__operators__.getitem": _getitem,
}
