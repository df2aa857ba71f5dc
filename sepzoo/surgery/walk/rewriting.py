"""The one graph walk of surgery: a model is built again, layer by layer, with another layer where a rule says so."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.layers.cloning import clone, copy_state
from sepzoo.layers.graph import chain_of, functions_between, graph_of, input_of, maker, replay, takes_training
from sepzoo.layers.orthonormal import functional
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.recursion import deep_recursion
from sepzoo.support.types import Args, Kwargs, Operation, Tensor, Tensors
from sepzoo.surgery.walk.report import Outcome, SurgeryReport, report_on
from sepzoo.surgery.walk.sites import Site, sites


@dataclasses.dataclass(frozen=True)
class Part:
    """A new layer and its weights; None leaves it as its initializers make it."""

    layer: keras.layers.Layer
    weights: Sequence[np.ndarray] | None = None


@dataclasses.dataclass(frozen=True)
class Replacement:
    """What stands in a layer's place.

    Attributes:
        parts: the new layers. They run one after the other; none at all takes the layer out.
        action: what was done, for the report.
        apply: how the parts make one tensor of one tensor where they are no chain, for example
            `lambda x: add([depthwise(pointwise(x)) for pointwise, depthwise in terms])`; it is called once for each
            call of the layer, with a list where that takes several tensors. Functions of `keras.ops` in it are named
            after the layer.

    Example:
        >>> import keras
        >>> Replacement((Part(keras.layers.ReLU(6.0, name="act")),), action="bounded at 6").parts[0].layer.name
        'act'
    """

    parts: tuple[Part, ...]
    action: str
    apply: Callable[[Tensors], Tensor] | None = None

    def __call__(self, x: Tensors, training: bool | None = None) -> Tensors:
        """Run the parts; in a chain, those that know of `training` are told it."""
        if self.apply:
            return self.apply(x)
        told = training is not None
        for part in self.parts:
            x = part.layer(x, training=training) if told and takes_training(part.layer) else part.layer(x)
        return x


@dataclasses.dataclass(frozen=True)
class Skip:
    """A layer that stays as it is although it was asked for, and why."""

    reason: str


_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Rule = Callable[[Site], Replacement | Skip | None]


def unused_name(name: str, taken: Collection[str]) -> str:
    """Return a name, with a number behind it where it is taken.

    Example:
        >>> unused_name("conv", {"conv", "conv_1"}), unused_name("pool", {"conv"})
        ('conv_2', 'pool')
    """
    return next(
        each for each in (name, *(f"{name}_{number}" for number in range(1, len(taken) + 2))) if each not in taken
    )


def rewrite(model: keras.Model, rule: Rule) -> tuple[keras.Model, SurgeryReport]:
    """Build a model again with other layers where a rule says so; everything else is copied, weights and all.

    Names, trainable flags, regularizers, dtype policies, seeds, the structure of inputs and outputs and what `build`
    attached to the model (labels, preprocessing) are kept. Nested models stay nested, a shared layer stays shared and
    is replaced once. A Sequential model stays one if it still is a chain; any other is a plain `keras.Model`. The new
    model is not compiled. What replaces a frozen layer is frozen.

    Args:
        model: a functional or built Sequential model, which is only read.
        rule: gets each layer's `Site` once, in the order of the graph, and returns a `Replacement`, a `Skip` (the layer
            stays, the reason is reported) or None (the layer stays).

    Returns:
        The new model, and a report with one entry for each replaced or skipped layer.

    Raises:
        SepzooError: a subclassed or unbuilt model, a layer that can't be copied, or a replacement that does not fit;
            the layer is named.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d"), keras.layers.ReLU(name="r")])
        >>> new, report = rewrite(model, lambda site: Replacement((), "left out") if site.name == "r" else None)
        >>> [layer.name for layer in new.layers], report.changes[0].action
        (['d'], 'left out')
    """
    work = _Rewriting(rule, sites(model))
    with deep_recursion():
        new = work.model(model)
    metadata = model_file.metadata_of(model)
    if metadata is not None:
        model_file.attach(new, metadata)
    return new, report_on(model, new, work.outcomes)


class _Rewriting:
    """What is already built anew, while the walk goes on."""

    def __init__(self, rule: Rule, where: Sequence[Site]) -> None:
        self.rule = rule
        self.sites = {id(site.layer): site for site in where}
        self.new: dict[int, Callable[..., Tensors]] = {}
        self.outcomes: list[Outcome] = []
        self.names: set[str] = set()  # of operations in the model at hand

    def model(self, model: keras.Model) -> keras.Model:
        """Return a model anew, nested or outermost."""
        graph = graph_of(model)
        outer, self.names = self.names, {operation.name for operation in graph.operations}
        inputs = keras.tree.map_structure(self._input, graph.input)
        # A Sequential model's variables bear its name in their path.
        scope = keras.name_scope(model.name) if isinstance(model, keras.Sequential) else contextlib.nullcontext()
        with scope:
            outputs = replay(model, inputs, self._call)
        self.names = outer
        for tensor, old in zip(keras.tree.flatten(outputs), graph.outputs, strict=True):
            if tuple(tensor.shape) != tuple(old.shape):
                raise SepzooError(
                    f"expected replacements that keep the outputs of {model.name!r}. Received: an output of shape "
                    f"{tuple(tensor.shape)} in place of {tuple(old.shape)} from {maker(old).name!r}."
                )
        settings = {"name": model.name, "trainable": model.trainable}
        chain = chain_of(inputs, outputs) if isinstance(model, keras.Sequential) else None
        try:
            if chain:
                return keras.Sequential([maker(inputs), *chain], **settings)
            return functional(inputs, outputs, **settings)
        except ValueError as error:
            raise SepzooError(f"the layers do not make a model {model.name!r}: {first_line(error)}") from error

    def _input(self, tensor: Tensor) -> Tensor:
        layer = maker(tensor)
        return clone(layer, layer.name).output

    def _call(self, operation: Operation, args: Args, kwargs: Kwargs) -> Tensors:
        if id(operation) not in self.new:
            self.new[id(operation)] = self._renewed(operation)
        return self.new[id(operation)](*args, **kwargs)

    def _renewed(self, operation: Operation) -> Callable[..., Tensors]:
        """Return what is called in place of an operation."""
        if isinstance(operation, keras.Model):
            return self.model(operation)
        if id(operation) not in self.sites:
            return clone(operation, operation.name)
        site = self.sites[id(operation)]
        decision = self.rule(site)
        if isinstance(decision, Replacement):
            self.outcomes.append(Outcome(site, decision.action, tuple(part.layer for part in decision.parts)))
            self.names |= {part.layer.name for part in decision.parts}
            return _Replaced(site, decision, self)
        new = clone(operation, site.name)
        if isinstance(decision, Skip):
            self.outcomes.append(Outcome(site, "", (new,), skipped=decision.reason))
        return _Copied(site, new)


class _Copied:
    """A layer's clone, which takes its original's state as soon as its first call has built it."""

    def __init__(self, site: Site, new: keras.layers.Layer) -> None:
        self.site, self.new, self.filled = site, new, False

    def __call__(self, *args: Tensors, **kwargs: Any) -> Tensors:
        try:
            outputs = self.new(*args, **kwargs)
        except Exception as error:
            raise SepzooError(
                f"layer {self.site.name!r} ({type(self.new).__name__}) does not take what now comes to it: "
                f"{first_line(error)}"
            ) from error
        if not self.filled:
            copy_state(self.site.layer, self.new, self.site.name)
            self.filled = True
        return outputs


class _Replaced:
    """A layer's replacement, whose parts take their weights as soon as their first call has built them."""

    def __init__(self, site: Site, replacement: Replacement, work: _Rewriting) -> None:
        self.site, self.replacement, self.work, self.filled = site, replacement, work, False

    def __call__(self, *args: Tensors, **kwargs: Any) -> Tensors:
        x = input_of(args, kwargs)
        if not isinstance(x, keras.KerasTensor) and self.replacement.apply is None:
            raise SepzooError(
                f"expected a layer of one input to replace. Received: {self.site.name!r}, which has more."
            )
        try:
            outputs = self.replacement(x, training=kwargs.get("training"))
        except SepzooError:
            raise
        except Exception as error:
            raise SepzooError(f"the replacement of {self.site.name!r} does not run: {first_line(error)}") from error
        for function in reversed(functions_between(x, outputs)):
            # by class: Keras numbers functions by all that a process has made of them
            wanted = f"{self.site.layer.name}_{_SNAKE.sub('_', type(function).__name__).lower()}"
            function.name = unused_name(wanted, self.work.names)
            self.work.names.add(function.name)
        if not self.filled:
            for part in self.replacement.parts:
                self._fill(part)
            self.filled = True
        return outputs

    def _fill(self, part: Part) -> None:
        shapes = [tuple(weight.shape) for weight in part.layer.weights]
        if part.weights is not None:
            given = [np.shape(weight) for weight in part.weights]
            if given != shapes:
                raise SepzooError(
                    f"expected weights of shapes {shapes} for {part.layer.name!r}, which replaces {self.site.name!r}. "
                    f"Received: {given}."
                )
            part.layer.set_weights(list(part.weights))
        if not self.site.layer.trainable:
            part.layer.trainable = False
