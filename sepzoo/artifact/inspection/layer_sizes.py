"""The sizes that a configuration asks for, against the arrays that are stored: Keras allocates before it reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from sepzoo.artifact.inspection.configuration import objects
from sepzoo.artifact.inspection.records import Array
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.types import Json

_AXES = ("units", "filters", "input_dim", "output_dim", "num_heads", "key_dim", "value_dim", "depth_multiplier")
"""Settings that are, each for itself, an axis of an array of their layer."""

_OUTPUTS = ("units", "filters")
_SHAPES = ("batch_shape", "batch_input_shape", "input_shape", "build_input_shape", "target_shape")
_PACKED = 2
"""Values of four bits are stored in half as many bytes."""


def check_layer_sizes(config: Json, arrays: Sequence[Array]) -> None:
    """See that no layer asks for a longer axis, or for more weights, than any array has.

    Not seen is what only building the model shows: layers each as large as allowed that multiply up.

    Raises:
        ValueError: one does, or an input has more values than the largest picture.
    """
    lengths = [length for array in arrays for length in array.shape]
    if not lengths:
        return
    longest = _PACKED * max(lengths)
    largest = _PACKED * max(math.prod(array.shape) for array in arrays)
    batch = max((_batch(entry.get("config")) for entry in objects(config)), default=1)
    for entry in objects(config):
        settings = entry.get("config")
        name = repr(settings.get("name")) if isinstance(settings, dict) else "?"
        for fields in (settings, entry.get("build_config"), entry):
            for key, value in fields.items() if isinstance(fields, dict) else ():
                if key in _AXES and _whole(value) and value > longest:
                    raise ValueError(f"its layer {name} has {key}={value:,}, and no array of it is that long")
                if key in _SHAPES and _values(value) > BOUNDS.inputs:
                    raise ValueError(f"its layer {name} takes {_values(value):,} values at once")
        if isinstance(settings, dict) and settings.get("stateful") is True:
            state = 4 * batch * longest
            if state > BOUNDS.tensor:
                raise ValueError(f"its layer {name} may keep {state:,} bytes from batch to batch")
        weights = _weights(settings, entry.get("build_config"))
        if weights > largest:
            raise ValueError(f"its layer {name} has at least {weights:,} weights, and no array of it is that large")


def _weights(settings: Json, build: Json) -> int:
    """Return how many values the largest array of a layer has at least, by the input that it was built for."""
    shape = build.get("input_shape") if isinstance(build, dict) else None
    if not isinstance(settings, dict) or not isinstance(shape, list) or not shape or not _whole(shape[-1]):
        return 0
    outputs = [settings[key] for key in _OUTPUTS if _whole(settings.get(key))]
    groups = settings.get("groups", 1)
    if not outputs or settings.get("data_format") == "channels_first":
        return 0
    return shape[-1] * outputs[0] // (groups if _whole(groups) and groups > 0 else 1)


def _batch(settings: Json) -> int:
    """Return how many samples an input says that it takes at once; 1 where it says none."""
    for key in _SHAPES if isinstance(settings, dict) else ():
        shape = settings.get(key)
        if isinstance(shape, list) and shape and _whole(shape[0]):
            return max(1, shape[0])
    return 1


def _values(shape: Json) -> int:
    axes: Iterable[Json] = shape if isinstance(shape, list) else ()
    return math.prod(axis for axis in axes if _whole(axis) and axis > 0)


def _whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
