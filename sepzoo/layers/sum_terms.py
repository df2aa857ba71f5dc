"""The sum over the terms of a factorized convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sepzoo.support.types import Config, Tensor


@keras.saving.register_keras_serializable("sepzoo")
class SumTerms(keras.layers.Layer):
    """Sum `terms` equal blocks of channels: (…, terms * channels) -> (…, channels).

    Example:
        >>> import numpy as np
        >>> np.ravel(SumTerms(2)(np.array([[[1.0, 2.0, 10.0, 20.0]]]))).tolist()
        [11.0, 22.0]
    """

    def __init__(self, terms: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.terms = terms

    def call(self, inputs: Tensor) -> Tensor:
        """Return the sum of the blocks."""
        blocks = ops.split(inputs, self.terms, axis=-1)
        total = blocks[0]
        for block in blocks[1:]:
            total = total + block
        return total

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the input's shape with the channels of one block."""
        channels = input_shape[-1]
        return (*input_shape[:-1], None if channels is None else channels // self.terms)

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {**super().get_config(), "terms": self.terms}
