"""Layer scale: a residual branch begins near nothing, each channel with a factor of its own that is learnt."""

from __future__ import annotations

from typing import Any

import keras

from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Config, Tensor


@keras.saving.register_keras_serializable("sepzoo")
class LayerScale(keras.layers.Layer):
    """Multiply each channel, the last axis, by a factor that is learnt.

    Touvron et al., "Going deeper with Image Transformers", ICCV 2021, arXiv 2103.17239.

    Args:
        initial: value of all factors to begin with, above 0 and at most 1.

    Example:
        >>> import numpy as np
        >>> np.ravel(LayerScale(0.5)(np.array([[2.0, 4.0]]))).tolist()
        [1.0, 2.0]
    """

    def __init__(self, initial: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < initial <= 1:
            raise SepzooError(f"expected a layer scale above 0 and at most 1. Received: initial={initial}.")
        self.initial = initial

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the factors."""
        self.gamma = self.add_weight(
            shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.initial), name="gamma"
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Return the scaled channels."""
        return inputs * self.gamma

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {**super().get_config(), "initial": self.initial}
