"""Channels of a network scaled so that each makes use of the integers that it gets.

What a layer gives is rounded with one step for all its channels, so a channel whose values are all small is left with
few integers. Where nothing stands between two layers but what keeps factors, a channel of the first may be scaled and
the weights of the second that read it be divided by the same, and the network computes what it did (Nagel et al.,
"Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.1). A ReLU6 keeps factors
below its ceiling only: there no channel is scaled beyond what it may reach on the samples.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.export.kernel_rounding import can_round_by_outputs
from sepzoo.export.rounding import CHANNEL_AXES
from sepzoo.layers.graph import graph_of, nodes, replay
from sepzoo.support.types import Args, Kwargs, Layer, Node, Operation, Tensor

_OF_CEILING = 0.95
"""A channel's largest value on the samples may come to this share of an activation's ceiling; others may be larger."""
_MOST = 50.0
"""No channel is scaled by more."""
_VARIES = 0.02
"""A channel that varies by less than this share of its largest value is a constant, and the next bias makes it good."""
_BATCH = 32

_KEEP_FACTORS = (
    keras.layers.ZeroPadding2D,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.AveragePooling2D,
    keras.layers.MaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Link:
    """Two layers between which channels may be scaled.

    Attributes:
        producer: whose outputs are scaled.
        between: the operations from it to the consumer.
        consumer: alone reads them.
        ceiling: the largest value that comes through; infinite: there is none.
        rectified: whether values below zero do not come through.
    """

    producer: Layer
    between: tuple[Operation, ...]
    consumer: Layer
    ceiling: float
    rectified: bool


def links_of(model: keras.Model) -> list[Link]:
    """Return the links of a model of built-in layers, in the order of its graph.

    Of the layers of a link each is called once, and nobody else reads what comes between them. Kernels with groups, and
    those whose weights are to stay equal, have none.

    Example:
        >>> source = keras.Input((8, 8, 3))
        >>> x = keras.layers.ReLU(6.0)(keras.layers.Conv2D(4, 3, name="stem")(source))
        >>> model = keras.Model(source, keras.layers.DepthwiseConv2D(3, name="depthwise")(x))
        >>> [(link.producer.name, link.consumer.name, link.ceiling) for link in links_of(model)]
        [('stem', 'depthwise', 6.0)]
    """
    calls = nodes(model)
    times = collections.Counter(id(node.operation) for node in calls)
    readers = collections.defaultdict(list)
    for node in calls:
        for tensor in node.arguments.keras_tensors:
            readers[id(tensor)].append(node)
    for tensor in graph_of(model).outputs:
        readers[id(tensor)] += [None, None]  # whoever runs the model reads it too
    once = [node for node in calls if times[id(node.operation)] == 1]
    alone = {id(node): readers[id(node.outputs[0])] for node in once if len(node.outputs) == 1}
    found = (_link(node, alone) for node in once if _can_be_scaled(node.operation))
    return [link for link in found if link is not None]


def _link(start: Node, alone: dict[int, list[Node]]) -> Link | None:
    """Return the link that begins at a call, or None."""
    node, between = start, list[Operation]()
    ceilings = [_ceiling(start.operation.activation)]
    while ceilings[-1] is not None:
        if len(alone.get(id(node), ())) != 1:
            return None
        [node] = alone[id(node)]
        if _can_be_scaled(node.operation):
            if id(node) not in alone:
                return None
            rectified = any(_rectifies(each) for each in [start.operation.activation, *between])
            return Link(start.operation, tuple(between), node.operation, min(filter(None, ceilings)), rectified)
        between.append(node.operation)
        ceilings.append(_ceiling(node.operation))
    return None


def _can_be_scaled(operation: Operation) -> bool:
    return type(operation) in CHANNEL_AXES and can_round_by_outputs(operation, operation.get_weights()[0])


def _ceiling(step: Operation) -> float | None:
    """Return the largest value that a layer or an activation gives; None where it does not keep factors below it."""
    step = step.activation if type(step) is keras.layers.Activation else step
    if type(step) is keras.layers.ReLU:
        plain = not step.negative_slope and not step.threshold
        return (math.inf if step.max_value is None else float(step.max_value) or None) if plain else None
    if step is keras.activations.relu6:
        return 6.0
    keeps = step in (keras.activations.linear, keras.activations.relu) or type(step) in _KEEP_FACTORS
    return math.inf if keeps and getattr(step, "data_format", "channels_last") == "channels_last" else None


def _rectifies(step: Operation) -> bool:
    step = step.activation if type(step) is keras.layers.Activation else step
    return type(step) is keras.layers.ReLU or step in (keras.activations.relu, keras.activations.relu6)


def equalize(model: keras.Model, samples: np.ndarray | Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Scale the channels of a model, which computes the same on the samples.

    Before a depthwise layer, whose channels have steps of their own, each channel comes to the activation's ceiling, or
    where there is none to what the largest one reaches. Before others, which have one step for the weights of all that
    they read, it goes half the way there, by the root of the factor.

    Args:
        model: changed in place; batch norm is folded already.
        samples: as the model takes them; of several inputs one array each, in their order.

    Returns:
        By the names of the layers that were changed, the factors of their channels.
    """
    links = {link.producer.name: link for link in links_of(model)}
    seen = _Extremes(links)
    given = [samples] if isinstance(samples, np.ndarray) else list(samples)
    for start in range(0, len(given[0]) if links else 0, _BATCH):
        replay(model, [keras.ops.convert_to_tensor(each[start : start + _BATCH]) for each in given], seen.call)
    factors = {name: _factors(link, *seen.found[name]) for name, link in links.items()}
    factors = {name: each for name, each in factors.items() if (each > 1).any()}
    for name, each in factors.items():
        kernel, *bias = links[name].producer.get_weights()
        shaped = each.reshape(kernel.shape[-2:]) if is_depthwise(links[name].producer) else each
        links[name].producer.set_weights([kernel * shaped, *(values * each for values in bias)])
        kernel, *bias = links[name].consumer.get_weights()
        links[name].consumer.set_weights([kernel / each[:, None], *bias])
    return factors


class _Extremes:
    """The lowest and the highest value of each channel of some layers, over all that these are called on."""

    def __init__(self, links: dict[str, Link]) -> None:
        self._links = links
        self.found: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def call(self, operation: Operation, args: Args, kwargs: Kwargs) -> Tensor:
        """Return what an operation gives."""
        outputs = operation(*args, **kwargs)
        if operation.name in self._links:
            axes = tuple(range(len(outputs.shape) - 1))
            low, high = (keras.ops.convert_to_numpy(of(outputs, axis=axes)) for of in (keras.ops.min, keras.ops.max))
            before = self.found.get(operation.name, (low, high))
            self.found[operation.name] = (np.minimum(low, before[0]), np.maximum(high, before[1]))
        return outputs


def _factors(link: Link, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the factors of a producer's channels, of which the lowest and the highest values are known."""
    peak = high if link.rectified else np.maximum(high, -low)
    bound = peak.max() if math.isinf(link.ceiling) else _OF_CEILING * link.ceiling
    varies = (peak > 0) & (high - low > _VARIES * peak)
    factors = np.clip(bound / np.where(varies, peak, np.inf), 1, _MOST)
    return (factors if is_depthwise(link.consumer) else np.sqrt(factors)).astype(np.float32)


def is_depthwise(layer: Layer) -> bool:
    """Return whether a layer's kernel has a step of its own for each channel that it reads."""
    return type(layer) is keras.layers.DepthwiseConv2D
