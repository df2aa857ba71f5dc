"""Inputs whose numbers an embedding looks up: numbers of words, which must stay whole in a file of integers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import keras
import numpy as np

from sepzoo.layers.graph import graph_of, nodes
from sepzoo.layers.tensor_names import names_of
from sepzoo.support.errors import SepzooError
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


def require_rows(model: keras.Model, values: Iterable[np.ndarray]) -> None:
    """See that each number that is looked up has a row: TensorFlow stops at others, JAX makes NaN of them.

    Args:
        model: whose embeddings look up.
        values: of its inputs, in their order.

    Raises:
        SepzooError: one has none.

    Example:
        >>> words = keras.Input((5,))
        >>> model = keras.Model(words, keras.layers.Embedding(50, 4)(words))
        >>> require_rows(model, [np.array([[0, 3, 49, 2, 1]])])
    """
    graph = graph_of(model)
    for name, tensor, given in zip(names_of(graph.input, graph.inputs), graph.inputs, values, strict=True):
        rows = rows_looked_up(model, tensor)
        if rows is None or not given.size:
            continue
        low, high = float(given.min()), float(given.max())
        if not (low >= 0 and high < rows):  # nor NaN
            raise SepzooError(
                f"expected numbers from 0 to {rows - 1:,} for input {name!r} of {model.name!r}, whose embedding has "
                f"{rows:,} rows. Received: {low:,.10g} to {high:,.10g}. Give the samples the numbers that the model "
                "was trained with."
            )


def _readers(model: keras.Model, tensor: Tensor) -> Iterator[Operation]:
    """Yield the operations that take one of a model's tensors, those inside of nested models in their places."""
    for node in nodes(model):
        places = [place for place, source in enumerate(node.input_tensors) if source is tensor]
        if places and isinstance(node.operation, keras.Model):
            for place in places:
                yield from _readers(node.operation, graph_of(node.operation).inputs[place])
        elif places:
            yield node.operation
