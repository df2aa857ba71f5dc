"""Optimizers as recipes mean them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops

from sepzoo.support.types import Kwargs, LearningRate, Optimizer, Tensor, Variable
from sepzoo.training.recipe_sections import OptimizerSection


class _KeepsAverages:
    """With `use_ema` the averages stay beside the weights; Keras would write them over the weights after `fit`."""

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Leave the weights as they are."""

    def averages(self) -> list[tuple[Variable, Tensor]]:
        """Return each trained variable with its moving average; none without `use_ema`."""
        if not self.use_ema:  # type: ignore[attr-defined]
            return []
        return list(
            zip(self._trainable_variables, self._model_variables_moving_average, strict=True)  # type: ignore[attr-defined]
        )


class SGD(_KeepsAverages, keras.optimizers.SGD):
    """PyTorch's `SGD`: decay is added to the gradient, and the learning rate is a factor outside the momentum.

    Keras's own decays apart from the gradient, and keeps the old learning rate inside its momentum when the rate falls.

    Args:
        l2: strength of the decay.
        kernels_only: spare what has fewer than two axes, which are batch norm and biases.
        arguments: of `keras.optimizers.SGD`.
    """

    def __init__(self, *, l2: float = 0.0, kernels_only: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.l2 = l2
        self.kernels_only = kernels_only

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Move one variable."""
        gradient = ops.cast(gradient, variable.dtype)
        if self.l2 and (not self.kernels_only or len(variable.shape) > 1):
            gradient = gradient + self.l2 * variable
        if self.momentum:
            velocity = self.momentums[self._get_variable_index(variable)]
            self.assign(velocity, self.momentum * velocity + gradient)
            gradient = gradient + self.momentum * velocity if self.nesterov else velocity
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * gradient)


class AdamW(_KeepsAverages, keras.optimizers.AdamW):
    """Keras's `AdamW`."""


def build_optimizer(
    section: OptimizerSection, learning_rate: LearningRate, *, ema: float, variables: list[Variable]
) -> Optimizer:
    """Return the optimizer of a recipe, built for these variables.

    Args:
        section: of the recipe.
        learning_rate: a number or a Keras schedule.
        ema: 0, or the decay of the moving average of the weights.
        variables: what it will train.
    """
    common: Kwargs = {"use_ema": True, "ema_momentum": ema} if ema else {}
    if section.clip_norm is not None:
        common["global_clipnorm"] = section.clip_norm
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
    else:
        optimizer = AdamW(learning_rate=learning_rate, weight_decay=section.weight_decay, **common)
        if kernels_only:
            optimizer.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) < 2])
    optimizer.build(variables)
    return optimizer
