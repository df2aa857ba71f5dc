"""The inputs and outputs of a Keras model, and what they are called."""

from __future__ import annotations

import keras

from sepzoo.inference.keras_end import end_of
from sepzoo.inference.tensors import InputTensor, OutputTensor
from sepzoo.layers.graph import graph_of
from sepzoo.layers.tensor_names import fixed_example, names_of
from sepzoo.support.errors import SepzooError

_HALF = ("float16", "bfloat16")


def input_tensors(model: keras.Model) -> tuple[InputTensor, ...]:
    """Return a model's inputs in the order of `model.inputs`.

    They are called by their keys where the model takes a dictionary ("left/image" in one of several levels), else by
    the names of their layers. What computes in half precision takes float32.

    Raises:
        SepzooError: no functional model, an input of text, or an open size.

    Example:
        >>> left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
        >>> model = keras.Model([left, right], keras.layers.Add()([left, right]))
        >>> [tensor.name for tensor in input_tensors(model)]
        ['left', 'right']
    """
    graph = graph_of(model)
    names = names_of(graph.input, graph.inputs)
    found = []
    for name, tensor in zip(names, graph.inputs, strict=True):
        shape = tuple(tensor.shape[1:])
        if tensor.dtype == "string":
            raise SepzooError(
                f"{model.name}: expected inputs of numbers. Received: {name!r}, one of text. Such a model can be "
                "profiled and rewritten, but not run or exported: begin it behind its vocabulary."
            )
        if None in shape:
            raise SepzooError(
                f"{model.name}: expected an input of fixed size. Received: {name!r}, {shape}. Build the network for "
                f"one size, such as keras.Input({fixed_example(shape)}), and load the weights into that."
            )
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        found.append(InputTensor(name, shape, "float32" if dtype in _HALF else dtype))
    return tuple(found)


def output_tensors(model: keras.Model) -> tuple[OutputTensor, ...]:
    """Return a model's outputs in the order of `model.outputs`, called as its inputs are.

    Raises:
        SepzooError: no functional model, or an output of open size.
    """
    graph = graph_of(model)
    shapes = [tuple(tensor.shape[1:]) for tensor in graph.outputs]
    if any(None in shape for shape in shapes):
        raise SepzooError(
            f"{model.name}: expected outputs of fixed size. Received: {', '.join(map(str, shapes))}. Build the network "
            "for one size, or make a model of the other outputs: keras.Model(model.inputs, outputs)."
        )
    names = names_of(graph.output, graph.outputs)
    return tuple(
        OutputTensor(name, shape, end_of(model, position))
        for position, (name, shape) in enumerate(zip(names, shapes, strict=True))
    )
