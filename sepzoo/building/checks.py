"""The arguments of `build` that all families have, checked."""

from __future__ import annotations

import dataclasses
import numbers
import os
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import keras

from sepzoo.layers.factorization import Factorization
from sepzoo.records.family import ModelSpec
from sepzoo.support.arguments import Interval, declared, shortened
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.printable import is_one_line
from sepzoo.support.types import Activation, Options, Tensor

Shape = tuple[int | None, ...]
_AXES = {2: ("steps", "channels"), 3: ("height", "width", "channels")}


@dataclasses.dataclass(frozen=True)
class BuildArguments:
    """What `build` takes for a network of any family; see there."""

    weights: str | os.PathLike | None
    input_shape: object
    input_tensor: Tensor
    classes: Annotated[int, Interval(1, 10_000_000)] | None
    include_top: bool
    pooling: Literal["avg", "max"] | None
    classifier_activation: Activation
    conv: str | Factorization | None
    conv_options: Options | None
    model_name: str | None


def build_arguments(spec: ModelSpec, **given: Any) -> BuildArguments:
    """Return the arguments, each checked by itself.

    Raises:
        SepzooError: one of another type, or out of range, or an activation that Keras doesn't know.
    """
    arguments = declared(BuildArguments, given, of=spec.name)
    _check_activation(arguments.classifier_activation)
    name = arguments.model_name
    if name is not None and (not name or "/" in name or not is_one_line(name)):
        raise SepzooError(
            f"{spec.name}: expected a model_name on one line, without '/'. Received: model_name={shortened(name)}."
        )
    return arguments


def checked_shape(spec: ModelSpec, shape: object) -> Shape:
    """Return an input's shape, (height, width, channels) or (steps, channels); all but the channels may be None.

    Raises:
        SepzooError: it is none, or too small for the network.
    """
    least, form = spec.minimum_size, _AXES[len(spec.input_shape)]
    sizes = shape if isinstance(shape, Sequence) and not isinstance(shape, str) else ()
    last = len(form) - 1
    if len(sizes) != len(form) or not all(_is_size(n) or (n is None and axis < last) for axis, n in enumerate(sizes)):
        raise SepzooError(
            f"{spec.name}: expected input_shape ({', '.join(form)}). Received: input_shape={shortened(shape)}."
        )
    if any(size is not None and size < least for size in sizes[:-1]):
        what = f"series of at least {least} steps" if last == 1 else f"images of at least {least} x {least} pixels"
        raise SepzooError(f"{spec.name}: expected {what}. Received: {tuple(sizes)}.")
    return tuple(None if size is None else int(size) for size in sizes)


def _is_size(size: object) -> bool:
    return isinstance(size, numbers.Integral) and not isinstance(size, bool) and size >= 1  # type: ignore[operator]  # Integral has no order


def _check_activation(activation: Activation) -> None:
    try:
        keras.activations.get(activation)
    except (ValueError, TypeError):
        public = [name for name in dir(keras.activations) if name.islower() and not name.startswith("_")]
        known = [name for name in public if name not in ("get", "serialize", "deserialize")]
        raise unknown("classifier_activation", shortened(activation).strip("'"), known) from None
