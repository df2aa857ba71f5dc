"""What a model costs, read from its own graph without running it."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence

import keras

from sepzoo.analysis.multiplications import multiplications
from sepzoo.layers import FactorizedConv
from sepzoo.layers.graph import graph_of, input_of, replay
from sepzoo.layers.orthonormal import orthonormal_kernels
from sepzoo.layers.tensor_names import fixed_example
from sepzoo.support.errors import SepzooError, first_line, unknown
from sepzoo.support.table import table
from sepzoo.support.types import Args, Json, Kwargs, Operation, Tensors, Variable

Shape = tuple[int, ...]
InputShape = Sequence[int] | Mapping[str, Sequence[int]]


@dataclasses.dataclass(frozen=True)
class LayerProfile:
    """What one call of a layer costs.

    Attributes:
        name: the layer's name; in a nested model "model/layer".
        kind: its class.
        output_shape: without the batch; a tuple of shapes where there are several outputs.
        params: parameters that no earlier call has used.
        macs: multiply-accumulates.
        bytes: size of the outputs.
    """

    name: str
    kind: str
    output_shape: Shape | tuple[Shape, ...]
    params: int
    macs: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a model costs for one sample; print it for a table.

    Attributes:
        name: the model's name.
        input_shapes: shape of each input, without the batch.
        params: all parameters, also those that training leaves alone.
        trainable_params: those that it changes.
        layers: one record a call of a layer, in order.
        orthonormal: how many kernels bear BSConv-S's orthonormal penalty; MobileNetV2 and V3 differ from their BSConv
            forms by that alone.
        uncounted: layers that multiply by matrices in a way that has no count here (recurrent layers, attention).
    """

    name: str
    input_shapes: tuple[Shape, ...]
    params: int
    trainable_params: int
    layers: tuple[LayerProfile, ...]
    orthonormal: int = 0
    uncounted: tuple[str, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def bytes(self) -> int:
        """Bytes of all layers' outputs (activations), the model's input not among them."""
        return sum(layer.bytes for layer in self.layers)

    def to_dict(self) -> dict[str, Json]:
        """Return fields and totals as plain data that JSON can hold."""
        return {**dataclasses.asdict(self), "macs": self.macs, "bytes": self.bytes}

    def __str__(self) -> str:
        rows = [
            (layer.name, layer.kind, _shape(layer.output_shape), *map(_number, (layer.params, layer.macs, layer.bytes)))
            for layer in self.layers
        ]
        totals = (self.name, "", "", *map(_number, (self.params, self.macs, self.bytes)))
        text = table(["layer", "kind", "output", "params", "MACs", "bytes"], [*rows, totals], left=3)
        text += f"\ntrainable parameters: {self.trainable_params:,}"
        if self.orthonormal:
            text += f"\nkernels with an orthonormal penalty: {self.orthonormal}"
        return text + (f"\nno count of MACs for: {', '.join(self.uncounted)}" if self.uncounted else "")


def profile(model: keras.Model, input_shape: InputShape | None = None) -> Profile:
    """Count a model's parameters, multiply-accumulates (MACs) and activation bytes, in all and for each layer.

    Works on any functional or Sequential model: nested models, layers called several times (their parameters count
    once, their MACs each time), several inputs and outputs. Nothing is run and no weight is read.

    MACs are the multiplications of convolutions (dense, grouped, dilated, depthwise, separable, transposed) and of
    dense layers; bias, batch normalization, activations, pooling and padding count nothing. Zeros that padding adds are
    multiplied like other values; a transposed convolution multiplies each input value by each position of its window.
    Factorized layers count as the built-in layers that they consist of. By this rule the count is that of XLA's own
    convolution and dot operators (tests/analysis/test_profile_xla.py).

    Args:
        model: a functional or built Sequential model. Where it leaves the batch open, one sample is counted.
        input_shape: (height, width, channels) to count at, in place of the model's own size and where the model leaves
            a size open; for a model with several inputs a mapping from their names to shapes.

    Raises:
        SepzooError: a subclassed or unbuilt model, an open size and no `input_shape`, or a size that a layer refuses.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.SeparableConv2D(8, 3, name="conv")])
        >>> print(profile(model).macs, profile(model, input_shape=(16, 16, 3)).macs)
        45900 9996
    """
    shapes = _input_shapes(model, input_shape)
    measured = measure(model, shapes)
    return Profile(
        name=model.name,
        input_shapes=tuple(shapes),
        params=_size(model.weights),
        trainable_params=_size(model.trainable_weights),
        layers=tuple(record for _layer, record, _known in measured),
        orthonormal=len(orthonormal_kernels(model)),
        uncounted=tuple(f"{record.name} ({record.kind})" for _layer, record, known in measured if not known),
    )


def measure(model: keras.Model, shapes: Sequence[Shape] | None = None) -> list[tuple[Operation, LayerProfile, bool]]:
    """Return (layer of the model, record, whether its MACs are known) for each call; a factorized layer has several.

    Args:
        model: a functional or built Sequential model.
        shapes: of its inputs, without the batch; None for its own.
    """
    shapes = _input_shapes(model, None) if shapes is None else shapes
    tensors = graph_of(model).inputs
    walk = _Walk()
    walk.model(
        model,
        [
            keras.KerasTensor((tensor.shape[0] or 1, *shape), dtype=tensor.dtype)
            for tensor, shape in zip(tensors, shapes, strict=True)
        ],
    )
    return walk.measured


class _Walk:
    """Shapes through the graph, and a record at each step."""

    def __init__(self) -> None:
        self.measured: list[tuple[Operation, LayerProfile, bool]] = []
        self.seen: set[int] = set()

    def model(self, model: keras.Model, inputs: Tensors, prefix: str = "") -> Tensors:
        """Measure all calls of a model and return the shapes of its outputs."""
        graph_of(model, prefix.rstrip("/") or None)
        return replay(model, inputs, lambda operation, args, kwargs: self.call(operation, args, kwargs, prefix))

    def call(self, operation: Operation, args: Args, kwargs: Kwargs, prefix: str) -> Tensors:
        """Measure one call of the graph: of a nested model, of a factorized layer, of any other operation."""
        name = prefix + operation.name
        if isinstance(operation, keras.Model):
            return self.model(operation, input_of(args, kwargs), prefix=f"{name}/")
        if isinstance(operation, FactorizedConv):
            x = input_of(args, kwargs)
            for factor in operation.factors:
                x = self.step(operation, factor, (x,), {}, name=f"{name}_{factor.name}")
            return x
        return self.step(operation, operation, args, kwargs, name=name)

    def step(self, owner: Operation, operation: Operation, args: Args, kwargs: Kwargs, *, name: str) -> Tensors:
        """Measure one operation and return the shapes of its outputs."""
        first = keras.tree.flatten(input_of(args, kwargs))[0].shape
        _check_input(operation, first, name)
        try:
            outputs = operation.compute_output_spec(*args, **kwargs)
        except Exception as error:
            raise SepzooError(
                f"layer {name!r} can't take an input of shape {_shape(first[1:])}: {first_line(error)}"
            ) from error
        shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(outputs)]
        if any(size is None or size < 1 for shape in shapes for size in shape):
            raise SepzooError(
                f"layer {name!r} ({type(operation).__name__}) gives no size that is known and positive. Received: "
                f"input of shape {_shape(first[1:])}, output {_shape(shapes[0][1:])}. Pass another input_shape."
            )
        macs = multiplications(operation, first, shapes[0])
        record = LayerProfile(
            name=name,
            kind=type(operation).__name__,
            output_shape=shapes[0][1:] if len(shapes) == 1 else tuple(shape[1:] for shape in shapes),
            params=self._new_params(operation),
            macs=macs or 0,
            bytes=sum(math.prod(t.shape) * _item_size(t.dtype) for t in keras.tree.flatten(outputs)),
        )
        self.measured.append((owner, record, macs is not None))
        return outputs

    def _new_params(self, operation: Operation) -> int:
        new = [weight for weight in getattr(operation, "weights", ()) if id(weight) not in self.seen]
        self.seen.update(map(id, new))
        return _size(new)


def _input_shapes(model: keras.Model, input_shape: InputShape | None) -> list[Shape]:
    tensors = graph_of(model).inputs
    own = [tuple(tensor.shape[1:]) for tensor in tensors]
    if input_shape is None:
        if any(None in shape for shape in own):
            example = [fixed_example(shape) for shape in own]
            named = {tensor.name: shape for tensor, shape in zip(tensors, example, strict=True)}
            raise SepzooError(
                f"expected an input of known size. Received: {model.name!r} with input "
                f"{', '.join(map(_shape, own))}. Pass input_shape, for example input_shape="
                f"{example[0] if len(own) == 1 else named}."
            )
        return own
    if isinstance(input_shape, Mapping):
        names = [tensor.name for tensor in tensors]
        for name in input_shape:
            if name not in names:
                raise unknown("input", name, names)
        shapes = [tuple(input_shape.get(name, shape)) for name, shape in zip(names, own, strict=True)]
    elif len(tensors) > 1:
        raise SepzooError(
            f"expected a shape for each of {len(tensors)} inputs. Received: input_shape={input_shape}. "
            f"Pass a mapping from {', '.join(repr(tensor.name) for tensor in tensors)}."
        )
    else:
        shapes = [tuple(input_shape)]
    for shape, expected in zip(shapes, own, strict=True):
        if len(shape) != len(expected) or not all(isinstance(size, int) and size > 0 for size in shape):
            raise SepzooError(
                f"expected an input_shape of {len(expected)} positive numbers, as {_shape(expected)}, without the "
                f"batch. Received: input_shape={shape}."
            )
    return shapes


def _check_input(operation: Operation, shape: Shape, name: str) -> None:
    """Hold a size against what the layer's weights were made for; Keras does so only when a layer runs."""
    spec = getattr(operation, "input_spec", None)
    for axis, size in (getattr(spec, "axes", None) or {}).items():
        if size is not None and shape[axis] != size:
            raise SepzooError(
                f"layer {name!r} has weights for {size} values on axis {axis} of its input. Received: "
                f"{shape[axis]}, from an input of shape {_shape(shape[1:])}. Pass the shape that it was built for."
            )


def _size(weights: Iterable[Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _item_size(dtype: str) -> int:
    bits = re.search(r"\d+", dtype)
    return max(int(bits.group()) // 8, 1) if bits else 1


def _number(value: int) -> str:
    return f"{value:,}" if value else "-"


def _shape(shape: Sequence[int | Shape | None]) -> str:
    return "(" + ", ".join(_shape(size) if isinstance(size, tuple) else str(size) for size in shape) + ")"
