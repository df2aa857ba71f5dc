"""How large a loaded network's tensors become when it runs: resizing and padding cost a file nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import keras

from sepzoo.layers.graph import nodes
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Tensor


def check_activations(model: keras.Model, path: Path) -> None:
    """See that no layer of a model gives more for one sample than a tensor may have; axes of any length count as one.

    Args:
        model: as it was loaded; a subclassed one shows no tensors, and passes.
        path: of its file, for the error.

    Raises:
        SepzooError: a layer does; it is named.

    Example:
        >>> inputs = keras.Input((8, 8, 3))
        >>> check_activations(keras.Model(inputs, keras.layers.UpSampling2D(10_000)(inputs)), Path("a.keras"))
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: a.keras: expected layers whose outputs have at most 1,073,741,824 bytes a sample. ...
    """
    for name, tensor in _tensors(model):
        size = 4 * math.prod(axis for axis in tensor.shape[1:] if axis is not None)
        if size > BOUNDS.tensor:
            raise SepzooError(
                f"{path}: expected layers whose outputs have at most {BOUNDS.tensor:,} bytes a sample. Received: "
                f"{name!r} with {tuple(tensor.shape[1:])}, {size:,} bytes. It would fill the memory; if the file is "
                "yours, trust it."
            )


def _tensors(model: keras.Model) -> Iterator[tuple[str, Tensor]]:
    """Yield what each call in a model gives, and whose it is; those of nested models too."""
    try:
        calls = nodes(model)
    except SepzooError:
        return
    for node in calls:
        yield from ((node.operation.name, tensor) for tensor in node.outputs)
        if isinstance(node.operation, keras.Model):
            yield from _tensors(node.operation)
