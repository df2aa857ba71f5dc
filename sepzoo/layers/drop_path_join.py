"""FractalNet's drop-path: joins that lose branches in training (Larsson et al., ICLR 2017, arXiv 1605.07648)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Config, Tensor


@keras.saving.register_keras_serializable("sepzoo")
class ColumnDraw(keras.layers.Layer):
    """Draw for some samples the one column that alone carries them through the whole network (global drop-path).

    Takes a tensor of any shape for its batch; gives (batch, columns): in training a one at the column drawn for a share
    of the samples, zeros for the others and outside of training.

    Args:
        columns: to draw from.
        share: of the samples that get a single column, in [0, 1].
        seed: of the draws; None for a new one each time.

    Example:
        >>> import numpy as np
        >>> draw = ColumnDraw(columns=3, share=1.0)(np.zeros((4, 8, 8, 1), "float32"), training=True)
        >>> np.asarray(draw).sum(axis=1).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, columns: int, share: float = 0.5, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= share <= 1:
            raise SepzooError(f"expected a share of samples in [0, 1]. Received: share={share}.")
        self.columns, self.share, self.seed = columns, share, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return the draw."""
        batch = ops.shape(inputs)[0]
        if not training:
            return ops.zeros((batch, self.columns), dtype=self.compute_dtype)
        column = keras.random.randint((batch,), 0, self.columns, seed=self.seed_generator)
        alone = keras.random.uniform((batch, 1), seed=self.seed_generator) < self.share
        drawn = ops.one_hot(column, self.columns, dtype=self.compute_dtype)
        return drawn * ops.cast(alone, self.compute_dtype)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return (batch, columns)."""
        return (input_shape[0], self.columns)

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {**super().get_config(), "columns": self.columns, "share": self.share, "seed": self.seed}


@keras.saving.register_keras_serializable("sepzoo")
class DropPathJoin(keras.layers.Layer):
    """Mean of branches; in training, for each sample, of those that are left.

    Takes the branches and a `ColumnDraw`. A sample with a column of its own takes that branch; any other loses each
    branch at a rate, but never the last of them (local drop-path).

    Args:
        columns: of each branch, as `ColumnDraw` counts them.
        rate: at which a branch is lost, in [0, 1).
        seed: of the draws; None for a new one each time.

    Example:
        >>> import numpy as np
        >>> ones, threes, draw = np.ones((1, 2, 2, 1)), np.full((1, 2, 2, 1), 3.0), np.zeros((1, 3))
        >>> np.ravel(DropPathJoin(columns=[1, 2])([ones, threes, draw])).tolist()
        [2.0, 2.0, 2.0, 2.0]
    """

    def __init__(self, columns: Sequence[int], rate: float = 0.15, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise SepzooError(f"expected a drop rate in [0, 1). Received: rate={rate}.")
        self.columns, self.rate, self.seed = list(columns), rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Sequence[Tensor], training: bool = False) -> Tensor:
        """Return the mean."""
        *branches, draw = inputs
        if not training:
            return sum(branches[1:], start=branches[0]) / len(branches)
        luck = keras.random.uniform((ops.shape(draw)[0], len(branches)), seed=self.seed_generator)
        kept = ops.logical_or(luck >= self.rate, luck == ops.max(luck, axis=-1, keepdims=True))
        kept = ops.cast(kept, draw.dtype)
        alone = ops.take(draw, self.columns, axis=-1)
        share = ops.where(ops.any(alone > 0, axis=-1, keepdims=True), alone, kept)
        share = share / ops.sum(share, axis=-1, keepdims=True)
        weighted = [branch * ops.reshape(share[:, i], (-1, 1, 1, 1)) for i, branch in enumerate(branches)]
        return sum(weighted[1:], start=weighted[0])

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """Return the branches' shape."""
        return input_shape[0]

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {**super().get_config(), "columns": self.columns, "rate": self.rate, "seed": self.seed}
