"""What several converters ask of a prepared network: an open batch, and names for its inputs and outputs."""

from __future__ import annotations

import keras

from sepzoo.support.types import Json


def with_named_outputs(ready: keras.Model) -> keras.Model:
    """Return the network with a dictionary of outputs, that of one output under the name "probability".

    Example:
        >>> source = keras.Input((3,))
        >>> list(with_named_outputs(keras.Model(source, keras.layers.Dense(2)(source))).output)
        ['probability']
    """
    if isinstance(ready.output, dict):
        return ready
    return keras.Model(ready.inputs, {"probability": ready.output}, name=ready.name)


def signature(ready: keras.Model) -> list[Json]:
    """Return what `keras.Model.export` takes as its signature: each input by its name, for any number of samples."""
    specs = [
        keras.InputSpec(shape=(None, *given.shape[1:]), dtype=given.dtype, name=given.name) for given in ready.inputs
    ]
    return specs if len(specs) == 1 else [specs]
