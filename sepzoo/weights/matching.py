"""Matching the arrays of a weight file with the variables of a model."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from sepzoo.layers.heads import LAYERS as HEAD_LAYERS
from sepzoo.support.name_patterns import fits
from sepzoo.support.types import Variable
from sepzoo.weights.input_channels import fit_channels
from sepzoo.weights.names import Names
from sepzoo.weights.reading import Arrays, saved_variables

TORCH = ("bsconv", "timm")
TORCH_VARIABLES = {
    "kernel": "weight",
    "depthwise_kernel": "weight",
    "pointwise_kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_UNNAMED = re.compile(r"/[vV]ariable(_\d+)?$")
"""A variable that Keras's ConvNeXt made without a name: the one of a layer that scales channels."""
_AUTOMATIC = re.compile(r"(separable_|depthwise_)?conv2d(_\d+)?|batch_normalization(_\d+)?|dense(_\d+)?")


@dataclasses.dataclass(frozen=True)
class Match:
    """What fits, and what doesn't.

    Attributes:
        origin: whose names the source uses.
        values: variables of the model, each with its array.
        missing: our variables that the source has not.
        misshapen: our variables whose array has another shape: name, our shape, theirs.
        unused: names of the source that the model has no place for.
        in_order: our layers that were found by the order of the layers, having no name in the source.
        adapted: our variables whose array was fitted to another number of input channels.
        head: our variables of the classifier.
        their_head: the source's names of the head's layers.
    """

    origin: str
    values: list[tuple[Variable, np.ndarray]]
    missing: list[str]
    misshapen: list[tuple[str, tuple[int, ...], tuple[int, ...]]]
    unused: list[str]
    in_order: tuple[str, ...]
    adapted: tuple[str, ...]
    head: frozenset[str]
    their_head: frozenset[str]

    def foreign(self) -> list[str]:
        """Return the unused names that are not of a head: of its known layers, or else of a single one."""
        foreign = [name for name in self.unused if _layer_of(name) not in self.their_head]
        is_head = foreign == self.unused and len({_layer_of(name) for name in foreign}) <= 1
        return [] if is_head else foreign


def match(model: keras.Model, arrays: Arrays, names: Names | None, origin: str, *, in_order: bool) -> Match:
    """Lay the arrays of a source over a model's variables.

    Args:
        model: to be filled.
        arrays: of the source, by name.
        names: for each of our layers the source's name, or None where the source has ours.
        origin: whose names they are.
        in_order: whether to go by the order of the layers where names fail, as Keras does with files of old versions.
    """
    variables = saved_variables(model)
    if names is not None:
        arrays = {_UNNAMED.sub("/gamma", name): array for name, array in arrays.items()}
        names = _resolved(names, arrays)
    completed = _completed(variables, arrays, names, any_name=in_order) if names and origin == "keras" else names
    first = _first_variables(variables)
    values, missing, misshapen, adapted, used = [], [], [], [], set()
    for variable in variables:
        shape = tuple(variable.shape)
        theirs = next((name for name in _their_names(variable.path, completed, origin) if name in arrays), None)
        if theirs is None:
            missing.append(variable.path)
            continue
        used.add(theirs)
        value = (_from_torch if origin in TORCH else _from_keras)(arrays[theirs], shape)
        if value.shape != shape and variable.path in first:
            fitted = fit_channels(value, shape)
            adapted += [variable.path] if fitted is not None else []
            value = value if fitted is None else fitted
        if value.shape != shape:
            misshapen.append((variable.path, shape, value.shape))
        else:
            values.append((variable, value))
    return Match(
        origin,
        values,
        missing,
        misshapen,
        unused=[name for name in arrays if name not in used and not name.endswith("num_batches_tracked")],
        in_order=tuple(layer for layer, name in (completed or {}).items() if name != (names or {}).get(layer)),
        adapted=tuple(adapted),
        head=_head_variables(variables),
        their_head=frozenset(HEAD_LAYERS if names is None else (names.get(layer, layer) for layer in HEAD_LAYERS)),
    )


def _resolved(names: Names, arrays: Arrays) -> Names:
    """Return `names` with the source's own for those that are patterns, as "*_stem|*_stem_conv" is for two forms.

    A layer that a model made in a scope (`keras.name_scope`) bears the scope in front of its name; it is found without,
    unless another one bears that name too.
    """
    layers = dict.fromkeys(map(_layer_of, arrays))
    counts = Counter(layer.rpartition("/")[2] for layer in layers)
    scoped = {name: layer for layer in layers if counts[name := layer.rpartition("/")[2]] == 1}

    def resolved(theirs: str) -> str:
        if "*" not in theirs:
            return theirs if theirs in layers else scoped.get(theirs, theirs)
        return next((layer for p in theirs.split("|") for layer in layers if fits(layer, p)), theirs)

    return {ours: resolved(theirs) for ours, theirs in names.items()}


def _completed(variables: Sequence[Variable], arrays: Arrays, names: Names, *, any_name: bool) -> Names:
    """Return `names`, completed by the order of the layers for those that have none, or one of an old version.

    Args:
        variables: of the model.
        arrays: of the source, in its order.
        names: for each of our layers the source's name.
        any_name: whether what is left may have any name, or only such as Keras gives by itself.
    """
    ours = dict.fromkeys(_layer_of(variable.path) for variable in variables)
    theirs = dict.fromkeys(map(_layer_of, arrays))
    known = {layer: names[layer] for layer in ours if names.get(layer) in theirs}
    left = [layer for layer in ours if layer not in known]
    free = [layer for layer in theirs if layer not in known.values() and (any_name or _AUTOMATIC.fullmatch(layer))]
    return {**names, **dict(zip(left, free, strict=False))} if len(free) >= len(left) else names


def _their_names(path: str, names: Names | None, origin: str) -> Iterator[str]:
    """Yield the names under which a source may hold one of our variables."""
    layer, _, kind = path.rpartition("/")
    if names is None:
        yield path
    elif origin in TORCH:
        theirs = names.get(path, names.get(layer))  # a SeparableConv2D holds two of their modules
        if theirs is not None:
            yield f"{theirs}.{TORCH_VARIABLES[kind]}"
            yield theirs  # a parameter that is no module's
    elif layer in names:
        yield f"{names[layer]}/{kind}"
        yield f"{names[layer]}/depthwise_{kind}"  # as Keras 2 called the kernel of a DepthwiseConv2D


def _from_keras(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a kernel as our layer has it: of as many groups as channels as a depthwise one, a dense one as 1 x 1."""
    if array.ndim == 2 and shape == (1, 1, *array.shape):
        return array[None, None]
    if array.ndim == 4 and array.shape[2] == 1 != array.shape[3] and shape == (*array.shape[:2], array.shape[3], 1):
        return array.transpose(0, 1, 3, 2)
    return array


def _from_torch(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a PyTorch kernel in Keras's order of axes; 1 x 1 convolutions and dense layers stand for one another."""
    if array.ndim == 2:
        return array.T if len(shape) == 2 else array.T[None, None]
    if array.ndim != 4:
        return array
    if len(shape) == 2:
        return array.transpose(2, 3, 1, 0).reshape(-1, array.shape[0])
    depthwise = array.shape[1] == 1 and shape[2] == array.shape[0]
    return array.transpose(2, 3, 0, 1) if depthwise and shape[3] == 1 else array.transpose(2, 3, 1, 0)


def _first_variables(variables: Sequence[Variable]) -> frozenset[str]:
    """Return the variables that stand on the pixels: up to the first kernel."""
    paths = [variable.path for variable in variables]
    kernel = next((i for i, path in enumerate(paths) if path.endswith("/kernel")), -1)
    return frozenset(paths[: kernel + 1])


def _head_variables(variables: Sequence[Variable]) -> frozenset[str]:
    """Return the variables of the classifier: the last layer that has any, if it is one."""
    last = _layer_of(variables[-1].path) if variables else ""
    return frozenset(v.path for v in variables if _layer_of(v.path) == last) if last in HEAD_LAYERS else frozenset()


def _layer_of(name: str) -> str:
    return name.rpartition("/")[0] or name.rpartition(".")[0]
