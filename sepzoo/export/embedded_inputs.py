"""Inputs whose numbers an embedding looks up: numbers of words, which must stay whole in a file of integers."""

from __future__ import annotations

from collections.abc import Iterator

import keras

from sepzoo.layers.graph import graph_of, nodes
from sepzoo.support.types import Operation, Tensor


def rows_looked_up(model: keras.Model, tensor: Tensor) -> int | None:
    """Return how many rows the embeddings have that look up an input's numbers, the fewest; None where none does.

    Example:
        >>> words = keras.Input((5,))
        >>> model = keras.Model(words, keras.layers.Embedding(50, 4)(words))
        >>> rows_looked_up(model, model.inputs[0]), only_looked_up(model, model.inputs[0])
        (50, True)
    """
    embeddings = (each for each in _readers(model, tensor) if isinstance(each, keras.layers.Embedding))
    return min((each.input_dim for each in embeddings), default=None)


def only_looked_up(model: keras.Model, tensor: Tensor) -> bool:
    """Return whether an input is read, and by embeddings alone."""
    readers = list(_readers(model, tensor))
    return bool(readers) and all(isinstance(each, keras.layers.Embedding) for each in readers)


def _readers(model: keras.Model, tensor: Tensor) -> Iterator[Operation]:
    """Yield the operations that take one of a model's tensors, those inside of nested models in their places."""
    for node in nodes(model):
        places = [place for place, source in enumerate(node.input_tensors) if source is tensor]
        if places and isinstance(node.operation, keras.Model):
            for place in places:
                yield from _readers(node.operation, graph_of(node.operation).inputs[place])
        elif places:
            yield node.operation
