"""The update rules of recipes: Keras's optimizers, where they differ from what recipes mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops

from sepzoo.support.types import Tensor, Variable


class _OfRecipes:
    """What all of these optimizers have beyond Keras's own.

    With `use_ema` the averages stay beside the weights; Keras would write them over the weights after `fit`. What the
    type checker misses here have Keras's optimizers, into which this is mixed.

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
        direction = self.direction(self.decayed(ops.cast(gradient, variable.dtype), variable), variable)
        learning_rate = self.own_rate(learning_rate, variable)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * direction)

    def direction(self, gradient: Tensor, variable: Variable) -> Tensor:
        """Take a gradient into a variable's momentum, and return where that leads; without momentum, the gradient."""
        if not self.momentum:
            return gradient
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, self.momentum * velocity + gradient)
        return gradient + self.momentum * velocity if self.nesterov else velocity


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
