"""Muon for the kernels of convolutions: steps along orthogonal directions, and SGD for all else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sepzoo.layers.cloning import parts_of
from sepzoo.layers.keras_convolutions import CONVOLUTIONS
from sepzoo.support.types import Tensor, Variable
from sepzoo.training.update_rules import SGD

_OVER_CHANNELS = (*CONVOLUTIONS, keras.layers.Dense)
ITERATIONS = 5
"""Of Newton and Schulz, as in the programs that this comes from."""


class Muon(SGD):
    """Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) for some kernels, and our `SGD` for the rest.

    The momentum of such a kernel, as a matrix of (window x input channels, outputs), is replaced by the nearest
    orthogonal one, nearly: so that no few directions rule a step. Directions that a gradient hardly has grow as large
    as the rest, rounding errors among them: two programs that round differently part within a few steps.

    `keras.optimizers.Muon`, whose iteration this uses, takes kernels of two axes alone and leaves convolutions to Adam.

    Args:
        orthogonal: for each variable whether it is such a kernel.
        orthogonal_step: root mean square of the elements of such a kernel's step, as a share of the learning rate.
        arguments: of `SGD`; `l2` decays these kernels apart from the gradient.
    """

    def __init__(self, *, orthogonal: Sequence[bool], orthogonal_step: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.orthogonal = tuple(orthogonal)
        self.orthogonal_step = orthogonal_step
        self._iteration = keras.optimizers.Muon().zeropower_via_newtonschulz5

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Move one variable."""
        if not self.orthogonal[self._get_variable_index(variable)]:
            super().update_step(gradient, variable, learning_rate)
            return
        direction = self.direction(ops.cast(gradient, variable.dtype), variable)
        rate = ops.cast(self.own_rate(learning_rate, variable), variable.dtype)
        step = self.orthogonal_step * self._orthogonalized(direction) + self.l2 * variable
        self.assign_sub(variable, rate * step)

    def _orthogonalized(self, direction: Tensor) -> Tensor:
        """Return a nearly orthogonal matrix in the shape of a kernel, its elements 1 in root mean square."""
        shape = tuple(direction.shape)
        matrix = ops.reshape(direction, (-1, shape[-1]))
        return ops.reshape(self._iteration(matrix, ITERATIONS), shape) * math.sqrt(max(matrix.shape))


def orthogonal_kernels(model: keras.Model) -> list[bool]:
    """Return for each trainable variable whether Muon moves it: dense kernels over channels but for the classifier's.

    Depthwise kernels are none: a channel's few weights make no matrix.

    Example:
        >>> kinds = [keras.layers.Conv2D(4, 3), keras.layers.DepthwiseConv2D(3), keras.layers.Flatten()]
        >>> orthogonal_kernels(keras.Sequential([keras.Input((8, 8, 3)), *kinds, keras.layers.Dense(2)]))
        [True, False, False, False, False, False]
    """
    dense: list[keras.layers.Layer] = [part for part in parts_of(model) if isinstance(part, _OVER_CHANNELS)]
    kernels = {id(part.weights[0]) for part in dense[:-1]}
    return [id(variable) in kernels for variable in model.trainable_variables]
