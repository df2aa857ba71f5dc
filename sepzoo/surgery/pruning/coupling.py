"""Which channels of a model go together, found on its graph."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from sepzoo.layers.graph import graph_of, nodes
from sepzoo.support.types import Layer, Node, Operation
from sepzoo.surgery.pruning.anatomy import Anatomy, Slice, anatomy_of, groups_of, mixes_outputs, obstacle
from sepzoo.surgery.pruning.channel_sets import ChannelSets
from sepzoo.surgery.pruning.passing import Channels, passing_of
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.sites import Site


@dataclasses.dataclass(frozen=True, eq=False)
class LayerChannels:
    """A layer whose weights or shape stand on channels.

    Attributes:
        site: the layer and its surroundings.
        anatomy: where they stand.
        inputs: for each input channel the number of its set; -1 where it must stay.
        outputs: likewise for each output channel.
        reason: why outputs must stay, where some must.
    """

    site: Site
    anatomy: Anatomy
    inputs: np.ndarray
    outputs: np.ndarray
    reason: str = ""

    @property
    def layer(self) -> Layer:
        """The layer itself."""
        return self.site.layer

    def kept(self, removed: np.ndarray) -> Slice:
        """Return what stays.

        Args:
            removed: for each set whether it is taken out; a last one, False, for what must stay.
        """
        return Slice(np.flatnonzero(~removed[self.inputs]), np.flatnonzero(~removed[self.outputs]))


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Sets of channels of the same layers, of which any may be taken out.

    Attributes:
        layers: the layers that give the channels.
        sets: numbers of the sets.
        width: channels that a layer has of each set: one, but for grouped convolutions and the like.
    """

    layers: tuple[str, ...]
    sets: np.ndarray
    width: int


@dataclasses.dataclass(frozen=True, eq=False)
class Coupling:
    """The channels of a model.

    Attributes:
        layers: those that stand on channels, in the order of the graph.
        groups: sets of channels that can be chosen from, in the order of the graph.
        count: number of sets.
        tensors: by the `id` of each tensor of the graph the number of the set of each of its channels, -1 of those that
            must stay.
    """

    layers: tuple[LayerChannels, ...]
    groups: tuple[Group, ...]
    count: int
    tensors: Mapping[int, np.ndarray] = dataclasses.field(default_factory=dict)


def couple(plan: Plan, keep: Callable[[Site], bool] = lambda site: False) -> Coupling:
    """Find the channels that go together in a plan's model, and those that must stay.

    Args:
        plan: of a functional or Sequential model.
        keep: whether the outputs of a layer are to stay.

    Example:
        >>> x = keras.Input((8, 8, 3))
        >>> y = keras.layers.Conv2D(4, 1, name="a")(x)
        >>> y = keras.layers.Add()([y, keras.layers.Conv2D(4, 1, name="b")(x)])
        >>> model = keras.Model(x, keras.layers.Conv2D(2, 1, name="c")(y), name="net")
        >>> coupling = couple(Plan(model))
        >>> [(group.layers, len(group.sets)) for group in coupling.groups], coupling.layers[-1].reason
        ([(('a', 'b'), 4)], "they are outputs of the model 'net'")
    """
    walk = _Walk(plan, keep)
    inputs = [_new(walk.sets, tensor.shape, "the input") for tensor in graph_of(plan.model).inputs]
    for each in inputs:
        walk.sets.keep(each, "they are the model's input")
    for each in walk.model(plan.model, inputs):
        walk.sets.keep(each, f"they are outputs of the model {plan.model.name!r}")
    return walk.coupling()


def _new(sets: ChannelSets, shape: Sequence[int | None], maker: str, reason: str = "") -> Channels:
    return sets.new((shape[-1] or 0) if len(shape) > 1 else 0, maker, reason)


class _Walk:
    """Channels on their way through the graph."""

    def __init__(self, plan: Plan, keep: Callable[[Site], bool]) -> None:
        self.plan, self.keep = plan, keep
        self.sets = ChannelSets()
        self.found: dict[int, tuple[Site, Anatomy, Channels, Channels]] = {}  # by layer
        self.tensors: dict[int, Channels] = {}

    def model(self, model: keras.Model, inputs: Sequence[Channels]) -> list[Channels]:
        """Follow the channels from a model's inputs to its outputs."""
        graph = graph_of(model)
        known = {id(tensor): channels for tensor, channels in zip(graph.inputs, inputs, strict=True)}
        for node in nodes(model):
            outputs = self._call(node, [known[id(tensor)] for tensor in node.input_tensors])
            known |= {id(tensor): channels for tensor, channels in zip(node.outputs, outputs, strict=True)}
        self.tensors |= known
        return [known[id(tensor)] for tensor in graph.outputs]

    def _call(self, node: Node, inputs: list[Channels]) -> list[Channels]:
        operation = node.operation
        if isinstance(operation, keras.Model):
            for each in inputs:
                self.sets.keep(each, f"they are inputs of the nested model {operation.name!r}")
            outputs = self.model(operation, inputs)
            for each in outputs:
                self.sets.keep(each, f"they are outputs of the nested model {operation.name!r}")
            return outputs
        anatomy = anatomy_of(operation) if isinstance(operation, keras.layers.Layer) else None
        if anatomy is not None and len(inputs) == 1:
            channels = self._with_weights(node, anatomy, inputs[0])
        else:
            passing = passing_of(operation)
            channels = None if passing is None else passing(self.sets, node, inputs)
        if channels is not None:
            return [channels]
        return self._unknown(node, inputs, f"what {_named(operation)} does with channels is not known")

    def _unknown(self, node: Node, inputs: list[Channels], reason: str) -> list[Channels]:
        for each in inputs:
            self.sets.keep(each, reason)
        return [_new(self.sets, tensor.shape, node.operation.name, reason) for tensor in node.outputs]

    def _with_weights(self, node: Node, anatomy: Anatomy, inputs: Channels) -> Channels | None:
        layer, site = node.operation, self.plan.site_of(node.operation)
        assert site is not None
        rank, size = len(node.input_tensors[0].shape), node.outputs[0].shape[-1]
        reason = obstacle(layer, anatomy, rank)
        if reason or size is None or not len(inputs):
            return self._unknown(node, [inputs], f"{_named(layer)}: {reason or 'its size is open'}")[0]
        if id(layer) in self.found:  # it is shared: each call has the same channels
            _site, _anatomy, own, outputs = self.found[id(layer)]
            self.sets.unite(own, inputs)
            return outputs
        if anatomy.role == "shape":
            passing = passing_of(layer)
            passed = None if passing is None else passing(self.sets, node, [inputs])
            if passed is None:
                return None
            outputs = passed
        elif anatomy.role == "channelwise":
            outputs = np.repeat(inputs, size // len(inputs))
        else:
            outputs = self.sets.new(size, site.name)
            self._unite_groups(layer, inputs, outputs)
        reason = "they were to be kept" if self.keep(site) else mixes_outputs(layer)
        if reason:
            self.sets.keep(outputs, reason)
        self.found[id(layer)] = (site, anatomy, inputs, outputs)
        return outputs

    def _unite_groups(self, layer: Layer, inputs: Channels, outputs: Channels) -> None:
        """Let channels at the same place of each group of a convolution go together, so that groups stay equal."""
        for channels in (inputs, outputs):
            blocks = channels.reshape(groups_of(layer), -1)
            for other in blocks[1:]:
                self.sets.unite(blocks[0], other)

    def coupling(self) -> Coupling:
        """Return what was found."""
        sets = self.sets
        members: dict[int, list[int]] = {}
        for number in range(len(sets)):
            if not sets.reason(number):
                members.setdefault(sets.find(number), []).append(number)
        numbers = {root: number for number, root in enumerate(members)}
        groups: dict[tuple[tuple[str, int], ...], list[int]] = {}
        for root, channels in members.items():
            makers = Counter(sets.makers[channel] for channel in channels)
            groups.setdefault(tuple(makers.items()), []).append(numbers[root])

        def numbered(channels: Channels) -> np.ndarray:
            return np.array([numbers.get(root, -1) for root in sets.roots(channels).tolist()], int)

        return Coupling(
            layers=tuple(
                LayerChannels(site, anatomy, numbered(inputs), numbered(outputs), "; ".join(sets.reasons(outputs)))
                for site, anatomy, inputs, outputs in self.found.values()
            ),
            groups=tuple(
                Group(tuple(name for name, _width in makers), np.array(chosen), max(width for _name, width in makers))
                for makers, chosen in groups.items()
            ),
            count=len(numbers),
            tensors={number: numbered(channels) for number, channels in self.tensors.items()},
        )


def _named(operation: Operation) -> str:
    return f"{operation.name!r} ({type(operation).__name__})"
