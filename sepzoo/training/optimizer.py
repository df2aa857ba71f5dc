"""Optimizers as recipes mean them."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from sepzoo.support.types import Kwargs, LearningRate, Optimizer, Variable
from sepzoo.training.muon import Muon
from sepzoo.training.recipe_sections import OptimizerSection
from sepzoo.training.update_rules import SGD, AdamW, RMSprop


def build_optimizer(
    section: OptimizerSection,
    learning_rate: LearningRate,
    *,
    ema: float,
    variables: list[Variable],
    rates: Sequence[float] = (),
    orthogonal: Sequence[bool] = (),
    scales_loss: bool = False,
) -> Optimizer:
    """Return the optimizer of a recipe, built for these variables.

    Args:
        section: of the recipe.
        learning_rate: a number or a Keras schedule.
        ema: 0, or the decay of the moving average of the weights.
        variables: what it will train.
        rates: a factor on the rate of each; none: all have one rate.
        orthogonal: which of them `muon` moves; SGD moves the others.
        scales_loss: put it into Keras's `LossScaleOptimizer`, as half precision needs.
    """
    common: Kwargs = {"use_ema": True, "ema_momentum": ema} if ema else {}
    if section.clip_norm is not None:
        common["global_clipnorm"] = section.clip_norm
    if section.accumulate_steps > 1:
        common["gradient_accumulation_steps"] = section.accumulate_steps
    kernels_only = section.decayed == "kernels"
    optimizer: Optimizer
    if section.kind in ("sgd", "muon"):
        common |= {"momentum": section.momentum, "nesterov": section.nesterov}
        common |= {"l2": section.weight_decay, "kernels_only": kernels_only}
        if section.kind == "sgd":
            optimizer = SGD(learning_rate=learning_rate, **common)
        else:
            moved: Kwargs = {"orthogonal": orthogonal, "orthogonal_step": section.orthogonal_step}
            optimizer = Muon(learning_rate=learning_rate, **moved, **common)
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
