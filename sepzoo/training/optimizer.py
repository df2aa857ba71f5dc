"""Optimizers as recipes mean them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops

from sepzoo.support.types import Kwargs, LearningRate, Optimizer, Tensor, Variable
from sepzoo.training.recipe_sections import OptimizerSection


class _OfRecipes:
    """What all of these optimizers have beyond Keras's own.

    With `use_ema` the averages stay beside the weights; Keras would write them over the weights after `fit`.

    Attributes:
        rates: a factor on the learning rate of each trained variable; none: they have one rate.
    """

    rates: tuple[float, ...] = ()

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Leave the weights as they are."""

    def averages(self) -> list[tuple[Variable, Tensor]]:
        """Return each trained variable with its moving average; none without `use_ema`."""
        if not self.use_ema:  # type: ignore[attr-defined]
            return []
        return list(
            zip(self._trainable_variables, self._model_variables_moving_average, strict=True)  # type: ignore[attr-defined]
        )

    @property
    def batches(self) -> Variable:
        """The variable that counts the batches so far; `iterations` counts steps of the weights."""
        return self._iterations  # type: ignore[attr-defined]

    def own_rate(self, learning_rate: Tensor, variable: Variable) -> Tensor:
        """Return the learning rate of a variable."""
        if not self.rates:
            return learning_rate
        return learning_rate * self.rates[self._get_variable_index(variable)]  # type: ignore[attr-defined]


class _Decaying(_OfRecipes):
    """What SGD and RMSprop do beyond Keras's: decay is added to the gradient.

    Args:
        l2: strength of the decay.
        kernels_only: spare what has fewer than two axes, which are batch norm and biases.
        arguments: of Keras's optimizer.
    """

    def __init__(self, *, l2: float = 0.0, kernels_only: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.l2 = l2
        self.kernels_only = kernels_only

    def decayed(self, gradient: Tensor, variable: Variable) -> Tensor:
        """Return the gradient with the decay of a variable."""
        if not self.l2 or (self.kernels_only and len(variable.shape) < 2):
            return gradient
        return ops.cast(gradient, variable.dtype) + self.l2 * variable


class SGD(_Decaying, keras.optimizers.SGD):
    """PyTorch's `SGD`: decay is added to the gradient, and the learning rate is a factor outside the momentum.

    Keras's own decays apart from the gradient, and keeps the old learning rate inside its momentum when the rate falls.

    Its arguments are `l2`, `kernels_only`, and those of `keras.optimizers.SGD`.
    """

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Move one variable."""
        gradient = self.decayed(ops.cast(gradient, variable.dtype), variable)
        if self.momentum:
            velocity = self.momentums[self._get_variable_index(variable)]
            self.assign(velocity, self.momentum * velocity + gradient)
            gradient = gradient + self.momentum * velocity if self.nesterov else velocity
        learning_rate = self.own_rate(learning_rate, variable)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * gradient)


class RMSprop(_Decaying, keras.optimizers.RMSprop):
    """Keras's `RMSprop`, with decay added to the gradient: its arguments, `l2` and `kernels_only`."""

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Move one variable."""
        super().update_step(self.decayed(gradient, variable), variable, self.own_rate(learning_rate, variable))


class AdamW(_OfRecipes, keras.optimizers.AdamW):
    """Keras's `AdamW`."""

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Move one variable."""
        super().update_step(gradient, variable, self.own_rate(learning_rate, variable))


def build_optimizer(
    section: OptimizerSection,
    learning_rate: LearningRate,
    *,
    ema: float,
    variables: list[Variable],
    rates: Sequence[float] = (),
    scales_loss: bool = False,
) -> Optimizer:
    """Return the optimizer of a recipe, built for these variables.

    Args:
        section: of the recipe.
        learning_rate: a number or a Keras schedule.
        ema: 0, or the decay of the moving average of the weights.
        variables: what it will train.
        rates: a factor on the rate of each; none: all have one rate.
        scales_loss: put it into Keras's `LossScaleOptimizer`, as half precision needs.
    """
    common: Kwargs = {"use_ema": True, "ema_momentum": ema} if ema else {}
    if section.clip_norm is not None:
        common["global_clipnorm"] = section.clip_norm
    if section.accumulate_steps > 1:
        common["gradient_accumulation_steps"] = section.accumulate_steps
    kernels_only = section.decayed == "kernels"
    optimizer: Optimizer
    if section.kind == "sgd":
        optimizer = SGD(
            learning_rate=learning_rate,
            momentum=section.momentum,
            nesterov=section.nesterov,
            l2=section.weight_decay,
            kernels_only=kernels_only,
            **common,
        )
    elif section.kind == "rmsprop":
        optimizer = RMSprop(
            learning_rate=learning_rate,
            rho=section.rho,
            momentum=section.momentum,
            l2=section.weight_decay,
            kernels_only=kernels_only,
            **common,
        )
    else:
        optimizer = AdamW(learning_rate=learning_rate, weight_decay=section.weight_decay, **common)
        if kernels_only:
            optimizer.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) < 2])
    optimizer.rates = tuple(rates)
    if scales_loss:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(variables)
    return optimizer


def own_optimizer(optimizer: Optimizer) -> Optimizer:
    """Return what `build_optimizer` made, without the part that scales the loss."""
    scales_loss = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    return optimizer.inner_optimizer if scales_loss else optimizer


def take_over(new: Optimizer, old: Optimizer) -> None:
    """Let a new optimizer go on where an old one ends: its count of batches and its averages, but no momentum.

    What the old one did not train has its present value as average.
    """
    ours, theirs = own_optimizer(new), own_optimizer(old)
    ours.batches.assign(theirs.batches)
    known = {id(variable): average for variable, average in theirs.averages()}
    for variable, average in ours.averages():
        average.assign(known.get(id(variable), variable))


def layer_rates(model: keras.Model, decay: float) -> list[float]:
    """Return the factor on the learning rate of each trainable variable: `decay` once for each kernel behind it.

    Example:
        >>> layers = [keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
        >>> layer_rates(keras.Sequential([keras.Input((3,)), *layers]), 0.5)
        [0.5, 0.5, 0.5, 0.5, 1.0, 1.0]
    """
    variables = model.trainable_variables
    depths, depth = [], 0
    for variable in variables:
        depth += len(variable.shape) > 1
        depths.append(depth)
    return [decay ** (depth - each) for each in depths]
