"""A Keras 3 network as a Keras 2 one of the same graph, with which tensorflow-model-optimization can work.

Only the layers whose kernels it is to work on become Keras 2 layers. Any other operation stays the Keras 3 one, held
inside a Keras 2 layer that calls it: activations, batch norms, squeeze-excite gates, functions of `keras.ops`, layers
of other packages. So both networks share these layers' variables. While the twin is trained, batch norms take new
statistics; everything else computes as in inference, since the answers that it learns were given so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf
import tf_keras

from sepzoo.layers.graph import graph_of, input_of, replay, run
from sepzoo.support.types import Args, Config, Kwargs, Layer, Model, Operation, Tensor, Tensors
from sepzoo.surgery.walk.sites import sites

Make = Callable[[Layer, Tensor, str], Layer]
"""Gets a Keras 3 layer, what goes into it and a name, and returns the Keras 2 layer that stands in its place."""

_MOMENTUM = 0.9
"""Of batch norms, where their own is more: a few dozen steps are enough then for their statistics."""


class Twin:
    """The Keras 2 network of a Keras 3 one.

    Args:
        model: the Keras 3 network; layers that the twin holds are trained in it.
        names: of the layers that become Keras 2 layers, in nested models "model/layer".
        make: makes each of them.

    Attributes:
        model: the Keras 2 network, of a flat list of inputs and one of outputs.
        wrapped: what `make` returned, by the layers' names.
        layers: the Keras 3 layers of these names.
    """

    def __init__(self, model: keras.Model, names: set[str], make: Make) -> None:
        self.layers = {site.name: site.layer for site in sites(model) if site.name in names}
        self.wrapped: dict[str, Layer] = {}
        self._names = {id(layer): name for name, layer in self.layers.items()}
        self._make = make
        self._holders = 0
        sources = [
            tf_keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"input{number}")
            for number, tensor in enumerate(graph_of(model).inputs)
        ]
        outputs = keras.tree.flatten(replay(model, sources, self._call, inside=True))
        self.model: Model = tf_keras.Model(sources, outputs)

    def _call(self, operation: Operation, args: Args, kwargs: Kwargs) -> Tensors:
        name = self._names.get(id(operation))
        if name is None:
            self._holders += 1
            return _held(operation, args, kwargs, name=f"held{self._holders}")
        source = input_of(args, kwargs)
        if name not in self.wrapped:
            self.wrapped[name] = self._make(operation, source, f"twin{len(self.wrapped)}")
        return self.wrapped[name](source)


def in_keras_2(layer: Layer, source: Tensor, name: str) -> Layer:
    """Return the Keras 2 layer of the same class, arguments and weights; what penalizes weights is left out.

    It gets a name that Keras 2 does not give by itself: else names collide in copies of the graph.
    """
    twin_class = getattr(tf_keras.layers, type(layer).__name__)
    config = {
        key: value
        for key, value in layer.get_config().items()
        if key in _arguments(twin_class) and not key.endswith(("_initializer", "_regularizer", "_constraint"))
    }
    changes: Config = {"name": name, "dtype": layer.dtype_policy.name}
    if hasattr(layer, "activation"):
        changes["activation"] = layer.activation  # Keras 3's function: some have the name of another one in Keras 2
    twin = twin_class(**{**config, **changes})
    twin.build(source.shape)
    twin.set_weights(layer.get_weights())
    return twin


def _arguments(cls: type) -> set[str]:
    return {name for each in cls.__mro__ if "__init__" in vars(each) for name in inspect.signature(each).parameters}


def _held(operation: Operation, args: Args, kwargs: Kwargs, *, name: str) -> Tensors:
    """Call a Keras 3 operation on Keras 2 tensors, by a Keras 2 layer that holds this one call."""
    tensors = [each for each in keras.tree.flatten([args, kwargs]) if hasattr(each, "shape")]
    is_batch_norm = isinstance(operation, keras.layers.BatchNormalization)
    if is_batch_norm:
        operation.momentum = min(operation.momentum, _MOMENTUM)
    places = {id(each): number for number, each in enumerate(tensors)}

    def call(given: list[Tensor], *, training: bool) -> Tensors:
        own_args, own_kwargs = keras.tree.map_structure(
            lambda each: given[places[id(each)]] if id(each) in places else each, [args, kwargs]
        )
        return run(operation, own_args, own_kwargs, training=training and is_batch_norm)

    return _Holder(call, operation, name=name)(tensors)


class _Holder(tf_keras.layers.Layer):
    """A Keras 2 layer that calls a Keras 3 operation.

    Args:
        call: gets the tensors, and whether it is training.
        operation: whose trainable variables it trains.
        name: of the layer.
    """

    def __init__(self, call: Callable[..., Tensors], operation: Operation, name: str) -> None:
        super().__init__(name=name, autocast=False)
        self._operation_call = call
        self.operation_weights = [
            variable.value for variable in getattr(operation, "trainable_variables", ()) if variable.trainable
        ]

    def call(self, inputs: list[Tensor], training: Any = None) -> Tensors:
        """Return what the operation gives; while the graph is built, `training` is no truth value."""
        return self._operation_call(tf.nest.flatten(inputs), training=training is True)


def give_back(twin: Twin, kernels: Mapping[str, list[Any]]) -> None:
    """Give the Keras 3 network the weights of the layers that it does not share with its twin.

    Args:
        twin: the twin.
        kernels: the weights of each wrapped layer, by name.
    """
    for name, weights in kernels.items():
        twin.layers[name].set_weights(weights)
