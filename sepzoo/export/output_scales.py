"""The factors by which the channels of a file's layers were scaled, read off its kernels."""

from __future__ import annotations

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from sepzoo.export.equalization import is_depthwise, links_of
from sepzoo.export.formats.tflite_operators import operators_of

_NEARLY_ONE = 1e-3
_LARGEST = {schema.TensorType.INT8: 127, schema.TensorType.INT4: 7}
"""The integer that the largest weight of a channel becomes."""


def output_factors(content: bytes, ready: keras.Model) -> dict[str, np.ndarray]:
    """Return how much larger the channels of a file's tensors are than the network's, by the operations' names.

    A factor is that of a channel's largest weight, which rounding leaves where it is, in the file and in the network
    with the factors of the layer before taken out. See `sepzoo.export.equalization`.

    Args:
        content: of the file.
        ready: the network that it was made of, deployable and with its own weights.

    Returns:
        Only where there is a factor other than 1.
    """
    links = links_of(ready)
    kernels = _largest_weights(content, {link.producer.name for link in links})
    incoming: dict[str, np.ndarray] = {}
    found: dict[str, np.ndarray] = {}
    for link in links:
        kernel = np.abs(link.producer.get_weights()[0])
        if link.producer.name in incoming:
            kernel = kernel / incoming[link.producer.name][:, None]
        own = (
            kernel.max(axis=(0, 1)).ravel()
            if is_depthwise(link.producer)
            else kernel.max(axis=tuple(range(kernel.ndim - 1)))
        )
        stored = kernels.get(link.producer.name)
        if stored is None or stored.shape != own.shape:
            continue
        factors = np.where(own > 0, stored / np.where(own > 0, own, 1), 1)
        factors[factors < 1 + _NEARLY_ONE] = 1  # none is made smaller
        if (factors > 1).any():
            incoming[link.consumer.name] = factors
            found.update({operation.name: factors for operation in (link.producer, *link.between)})
    return found


def _largest_weights(content: bytes, layers: set[str]) -> dict[str, np.ndarray]:
    """Return the magnitude of the largest weight of each channel that some layers give, where it can be seen."""
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    found = {}
    for number, operator in enumerate(operators_of(content)[: graph.OperatorsLength()]):
        known = [step for step in operator.steps if step in layers]
        if len(known) != 1 or operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        kernel = graph.Tensors(graph.Operators(number).Inputs(1))
        steps, buffer = kernel.Quantization(), model.Buffers(kernel.Buffer())
        if kernel.Type() in _LARGEST and steps is not None and steps.ScaleLength():
            found[known[0]] = steps.ScaleAsNumpy() * _LARGEST[kernel.Type()]
        elif kernel.Type() == schema.TensorType.FLOAT32 and buffer.DataLength():
            weights = np.abs(buffer.DataAsNumpy().view(np.float32).reshape(kernel.ShapeAsNumpy()))
            channels = -1 if operator.name == "DEPTHWISE_CONV_2D" else 0
            found[known[0]] = np.moveaxis(weights, channels, 0).max(axis=tuple(range(1, weights.ndim)))
    return found
