"""FractalNet: blocks whose columns join as a fractal does (Larsson et al., ICLR 2017, arXiv 1605.07648)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from sepzoo.layers.builder import Blocks
from sepzoo.layers.drop_path import drop_rates
from sepzoo.layers.drop_path_join import ColumnDraw, DropPathJoin
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.support.errors import SepzooError

BLOCKS = (64, 128, 256, 512, 512)  # channels; a block is a fractal, a max pooling and dropout


def fractalnet(
    net: Blocks,
    x: Any,
    *,
    columns: int = 3,
    alpha: float = 1.0,
    drop_path: float = 0.15,
    single_column: float = 0.5,
    block_dropout: float = 0.4,
    output_stride: int | None = None,
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each convolution.
        x: images.
        columns: C of the paper; the deepest has 2 ** (C - 1) convolutions in each block.
        alpha: width; every channel number is multiplied by it and truncated.
        drop_path: rate at which a join loses a branch in training (local drop-path).
        single_column: share of the samples that pass one column alone in training (global drop-path).
        block_dropout: dropout rate behind the last block, growing from 0 behind the first.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.

    Raises:
        SepzooError: no column.
    """
    if columns < 1:
        raise SepzooError(f"expected at least 1 column. Received: columns={columns}.")
    drops = columns > 1 and (drop_path > 0 or single_column > 0)
    draw = ColumnDraw(columns, single_column, name="column_draw")(x) if drops else None

    def join(branches: Sequence[Any], merged: Sequence[int], name: str) -> Any:
        if len(branches) == 1:
            return branches[0]
        if draw is None:
            return keras.layers.Average(name=name)(branches)
        return DropPathJoin(merged, drop_path, name=name)([*branches, draw])

    scales, rates = resolutions(1, (2,) * 5, output_stride), drop_rates(block_dropout, len(BLOCKS))
    for s, (channels, scale, rate) in enumerate(zip(BLOCKS, scales, rates, strict=True), start=1):
        width = truncated(channels, alpha)
        heads = [x] * columns  # of each column, the deepest last
        for step in range(1, 2 ** (columns - 1) + 1):
            ended = [c for c in range(columns) if step % _length(columns, c) == 0]
            for c in ended:
                name = f"stage{s}_column{c + 1}_conv{step // _length(columns, c)}"
                heads[c] = net.slot_bn(
                    heads[c], width, 3, dilation_rate=scale.first_dilation, activation="relu", name=name
                )
            joined = join([heads[c] for c in ended], ended, f"stage{s}_join{step}")
            for c in ended:
                heads[c] = joined
        x = net.max_pool(heads[0], 2, strides=scale.strides, padding="same", name=f"stage{s}_pool")
        if rate:
            x = keras.layers.Dropout(rate, name=f"stage{s}_dropout")(x)
    return x


def _length(columns: int, column: int) -> int:
    """Return how many of the deepest column's convolutions one of this column stands beside."""
    return 2 ** (columns - 1 - column)
