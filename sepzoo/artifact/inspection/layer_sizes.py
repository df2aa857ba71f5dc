"""The sizes that a configuration asks for, against the arrays that are stored: Keras allocates before it reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from sepzoo.artifact.inspection.configuration import objects
from sepzoo.artifact.inspection.records import Array
from sepzoo.layers.factorization import Factorization, factorization
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json

_AXES = ("units", "filters", "input_dim", "output_dim", "num_heads", "key_dim", "value_dim", "depth_multiplier")
"""Settings that are, each for itself, an axis of an array of their layer."""

_OUTPUTS = ("units", "filters")
_SHAPES = ("batch_shape", "batch_input_shape", "input_shape", "build_input_shape", "target_shape")
_OWN = "sepzoo>"
_PACKED = 2
"""Values of four bits are stored in half as many bytes."""


def check_layer_sizes(config: Json, arrays: Sequence[Array]) -> None:
    """See that no layer asks for a longer axis, or for more weights, than any array has.

    What settings mean is known of Keras's layers and of sepzoo's. Not seen is what only building the model shows:
    layers each as large as allowed that multiply up.

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
        for fields in (settings, entry.get("build_config")):
            for key, value in fields.items() if isinstance(fields, dict) else ():
                if key in _AXES and _is_known(entry) and _whole(value) and value > longest:
                    raise ValueError(f"its layer {name} has {key}={value:,}, and no array of it is that long")
                if key in _SHAPES and _values(value) > BOUNDS.inputs:
                    raise ValueError(f"its layer {name} takes {_values(value):,} values at once")
        if isinstance(settings, dict) and settings.get("stateful") is True:
            state = 4 * batch * longest
            if state > BOUNDS.tensor:
                raise ValueError(f"its layer {name} may keep {state:,} bytes from batch to batch")
        weights = _weights(entry)
        if weights > largest:
            raise ValueError(f"its layer {name} has at least {weights:,} weights, and no array of it is that large")


def _weights(entry: dict[str, Json]) -> int:
    """Return how many values the largest array of a layer has at least, by the input that it was built for."""
    settings, build = entry.get("config"), entry.get("build_config")
    shape = build.get("input_shape") if isinstance(build, dict) else None
    if not isinstance(settings, dict) or not isinstance(shape, list) or not shape or not _whole(shape[-1]):
        return 0
    outputs = [settings[key] for key in _OUTPUTS if _whole(settings.get(key))]
    if not outputs or settings.get("data_format") == "channels_first" or not _is_known(entry):
        return 0
    if _name(entry).startswith(_OWN):
        return _largest_step(settings, shape[-1], outputs[0])
    groups = settings.get("groups", 1)
    return shape[-1] * outputs[0] // (groups if _whole(groups) and groups > 0 else 1)


def _largest_step(settings: dict[str, Json], inputs: int, filters: int) -> int:
    """Return how many weights the largest step of a factorized convolution has at least."""
    try:
        steps = _factorization(settings).steps(inputs, filters)
    except (SepzooError, TypeError):
        return 0  # the layer refuses it as well
    return max(step.weights(1) for step in steps)


def _factorization(settings: dict[str, Json]) -> Factorization:
    record = settings.get("factorization")
    if isinstance(record, dict):
        return Factorization.from_config(record)
    subspace = {key: settings[key] for key in ("p", "min_mid_channels") if key in settings}
    return factorization("bsconv_s", **subspace) if subspace else factorization("bsconv_u")


def _is_known(entry: dict[str, Json]) -> bool:
    """Return whether a layer is one of Keras's or of sepzoo's."""
    module = entry.get("module")
    of_keras = str(module).partition(".")[0] == "keras" if module else ">" not in _name(entry)
    return of_keras or _name(entry).startswith(_OWN)


def _name(entry: dict[str, Json]) -> str:
    """Return the name that a class is registered by, else its own; Keras 2 writes no module beside it."""
    return str(entry.get("registered_name") or entry.get("class_name"))


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
