"""The weights of a Keras-2 file into the layers built from it."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Sequence

import h5py
import keras
import numpy as np

from sepzoo.artifact.keras2.graph import Member
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Layer, Variable

_NAMES = {
    *("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "depthwise_kernel", "pointwise_kernel"),
    *("recurrent_kernel", "embeddings", "alpha", "mean", "variance", "count"),
}
"""Names of weights that both versions share: where the file's differs from the layer's, the order is another."""

_TRAINING_ALONE = {"renorm_mean", "renorm_stddev", "moving_stddev"}
"""Of a `BatchNormalization` with `renorm`."""

_PER_CHANNEL = {"gamma", "beta", "moving_mean", "moving_variance"}
"""Of a `BatchNormalization`; those of one with `virtual_batch_size` have further axes of size 1 before."""


@dataclasses.dataclass(frozen=True)
class State:
    """What Keras 2 saves as a weight of a layer and Keras 3 has elsewhere; it stands in for the variable.

    Attributes:
        name, shape: of the weight; None is any size.
        keep: takes its value.
    """

    name: str
    shape: tuple[int | None, ...]
    keep: Callable[[np.ndarray], None]

    def assign(self, value: np.ndarray) -> None:
        """Take the file's value."""
        self.keep(np.asarray(value, "float32"))


def states(layer: Layer) -> list[State]:
    """Return what a layer saves behind its weights in Keras 2 alone."""
    if isinstance(layer, keras.layers.TextVectorization):
        layer = layer._lookup_layer
    if isinstance(layer, keras.layers.Discretization) and layer.summary is not None:
        # what it has been adapted to; `finalize` makes the boundaries of it
        return [State("summary", (2, None), lambda value: setattr(layer, "summary", value))]
    if getattr(layer, "output_mode", None) == "tf_idf":
        return [State("idf_weights", (None,), lambda value: None)]  # among the settings too, whence Keras 3 has them
    return []


def fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Return whether a value of a shape can be given to what has another; None is any size.

    Example:
        >>> fits((2, 7), (2, None)), fits((2, 7), (2, 6)), fits((2,), (2, None))
        (True, False, False)
    """
    return len(shape) == len(wanted) and all(want in (None, size) for size, want in zip(shape, wanted, strict=True))


def fill(group: h5py.Group, model: Member) -> None:
    """Set all weights of a model.

    Args:
        group: the file's group of weights, one group a layer.
        model: built, as read from the same file.

    Raises:
        SepzooError: weights are missing, too many, or of another shape; the layer is named.
    """
    given = {layer: _datasets(group[layer]) for layer in _texts(group, "layer_names")}
    for name, member in model.members.items():
        _fill_layer(name, variables(member), given.pop(name, []))
    left = [name for name, datasets in given.items() if datasets]
    if left:
        raise SepzooError(f"expected weights for the layers of the model alone. Received: weights of {left[0]!r}.")
    finalize(model)


def variables(member: Member) -> list[Variable | State]:
    """Return a layer's weights in the order in which Keras 2 saves them: trainable ones first, at each level."""
    return [*_trainable(member), *_frozen(member)]


def _trainable(member: Member) -> list[Variable]:
    if not member.layer.trainable:
        return []
    if not member.members:
        return list(member.layer.trainable_weights)
    return list(itertools.chain.from_iterable(map(_trainable, member.members.values())))


def _frozen(member: Member) -> list[Variable | State]:
    if not member.members:
        return [*member.layer.non_trainable_weights, *states(member.layer)]
    inner = _frozen if member.layer.trainable else variables
    return list(itertools.chain.from_iterable(map(inner, member.members.values())))


def finalize(member: Member) -> None:
    """Let layers derive what they keep beside their weights (`Normalization`)."""
    for inner in member.members.values():
        finalize(inner)
    layer = member.layer
    while layer is not None:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
        layer = getattr(layer, "layer", None)  # of a wrapper


def _fill_layer(name: str, wanted: Sequence[Variable | State], given: Sequence[tuple[str, h5py.Dataset]]) -> None:
    unique = list({id(variable): variable for variable in wanted}.values())
    kept = [(weight, data) for weight, data in given if weight not in _TRAINING_ALONE]
    if len(unique) != len(kept):
        raise SepzooError(
            f"expected {len(unique)} weights for layer {name!r}. Received: {len(kept)}. The file's weights are not "
            "those of its configuration."
        )
    for variable, (weight, data) in zip(unique, kept, strict=True):
        shape = tuple(itertools.dropwhile(lambda size: size == 1, data.shape)) if weight in _PER_CHANNEL else data.shape
        if not fits(shape, variable.shape) or _differ(variable.name, weight):
            raise SepzooError(
                f"expected {variable.name} of shape {tuple(variable.shape)} in layer {name!r}. Received: {weight} of "
                f"shape {tuple(data.shape)}. The file's weights are not those of its configuration."
            )
        variable.assign(data[()].reshape(shape))


def _differ(ours: str, given: str) -> bool:
    """Tell whether two names are surely those of different weights; a depthwise layer's kernel has two names."""
    return {ours, given} <= _NAMES and given not in (ours, f"depthwise_{ours}")


def _datasets(group: h5py.Group) -> list[tuple[str, h5py.Dataset]]:
    """Return a layer's datasets in the file's order, with the last part of their names: `kernel` of `a/kernel_1:0`."""
    return [
        (re.sub(r"(_\d+)?(:\d+)?$", "", name.rpartition("/")[2]), group[name]) for name in _texts(group, "weight_names")
    ]


def _texts(group: h5py.Group, key: str) -> list[str]:
    """Return an attribute of names; a long one is split: `key0`, `key1` and so on."""
    if key in group.attrs:
        parts = [group.attrs[key]]
    else:
        keys = itertools.takewhile(group.attrs.__contains__, (f"{key}{number}" for number in itertools.count()))
        parts = [group.attrs[each] for each in keys]
    return [name.decode() if isinstance(name, bytes) else str(name) for part in parts for name in part]
