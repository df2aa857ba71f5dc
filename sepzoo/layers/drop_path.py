"""Stochastic depth: in training a residual branch is now and then left out."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Config, Tensor


@keras.saving.register_keras_serializable("sepzoo")
class DropPath(keras.layers.Layer):
    """Set a whole branch to zero for a share of the samples, and scale the others up; nothing outside training.

    Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.

    Args:
        rate: share of samples whose branch is dropped, in [0, 1).
        seed: of the draws; None for a new one each time.

    Example:
        >>> import numpy as np
        >>> DropPath(0.5)(np.ones((2, 4, 4, 8), "float32")).shape[-1]
        8
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise SepzooError(f"expected a drop rate in [0, 1). Received: rate={rate}.")
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return the branch, thinned out in training."""
        if not training or self.rate == 0:
            return inputs
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        keeps = keras.random.uniform(shape, seed=self.seed_generator) >= self.rate
        return inputs * ops.cast(keeps, inputs.dtype) / (1 - self.rate)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
