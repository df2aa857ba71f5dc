"""Feature maps at several scales, for detection, segmentation, or whatever else is built on a network."""

from __future__ import annotations

import re
from collections.abc import Sequence

import keras

from sepzoo.layers.graph import behind
from sepzoo.layers.orthonormal import functional
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Operation, Tensor

_PLACE = re.compile(r"(stem|stage\d+|final)(?=_|$)")


def features(model: keras.Model, strides: int | Sequence[int] | None = None) -> keras.Model:
    """Return the network as a model of its feature maps, by the stride between their positions: pixels or steps.

    A stride's map is that of the last place that ends at it: the stem, a stage, the convolutions behind the last stage.
    Layers and weights are the model's own, so training one trains the other. The keys are numbers, as in
    `features(model)(images)[8]`; a SavedModel wants text there, so name the outputs before exporting the taps alone.

    Args:
        model: from `sepzoo.applications.build`, or loaded from its file; with the classifier or without; height and
            width may be open.
        strides: those that are wanted; None for all there are.

    Raises:
        SepzooError: a stride that the network has no map for, or a model whose layers are not named by their places.

    Example:
        >>> import sepzoo
        >>> model = sepzoo.applications.build("mobilenet_v2", alpha=0.35, input_shape=(None, None, 3))
        >>> [(stride, tensor.shape[-1]) for stride, tensor in features(model, (8, 16)).output.items()]
        [(8, 16), (16, 32)]
    """
    maps = _maps(model)
    wanted = list(maps) if strides is None else [strides] if isinstance(strides, int) else list(strides)
    missing = [stride for stride in wanted if stride not in maps]
    if missing or not wanted:
        raise SepzooError(
            f"{model.name}: expected strides out of {', '.join(map(str, maps))}. Received: strides={strides}."
        )
    return functional(model.input, {stride: maps[stride] for stride in wanted}, name=f"{model.name}_features")


def _maps(model: keras.Model) -> dict[int, Tensor]:
    """Return the network's tensors by stride, the finest first."""
    scales: dict[int, int] = {}
    ends: dict[tuple[str, int], Tensor] = {}
    for tensor, (operation, sources, _position) in behind(model.outputs):
        scale = max((scales[id(source)] for source in sources), default=1) * _step(operation)
        scales[id(tensor)] = scale
        place = _PLACE.match(operation.name)
        if place is None or len(tensor.shape) != len(model.inputs[0].shape) or operation.name.endswith("_pad"):
            continue
        if place[1] == "stem":  # it may step twice, and then has a map in between
            ends[place[1], scale] = tensor
        else:
            ends[place[1], 0] = tensor
    if not ends:
        raise SepzooError(
            f"expected a network of the zoo, whose layers are named by their places (stem, stage1, …). "
            f"Received: {model.name!r}. Build it with sepzoo.applications.build."
        )
    return dict(sorted({scales[id(tensor)]: tensor for tensor in ends.values()}.items()))


def _step(operation: Operation) -> int:
    strides = getattr(operation, "strides", None) or 1
    return strides if isinstance(strides, int) else strides[0]
