"""FractalNet: blocks whose columns join as a fractal does (Larsson et al., ICLR 2017, arXiv 1605.07648)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import OutputStride, Rate, Share, Width
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.support.arguments import Interval
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

BLOCKS = (64, 128, 256, 512, 512)  # channels; a block is a fractal, a max pooling and dropout


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        columns: C of the paper; the deepest has 2 ** (C - 1) convolutions in each block.
        alpha: width; every channel number is multiplied by it and truncated.
        drop_path: rate at which a join loses a branch in training (local drop-path).
        single_column: share of the samples that pass one column alone in training (global drop-path).
        block_dropout: dropout rate behind the last block, growing from 0 behind the first.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        dropout: rate in front of the classifier.
    """

    columns: Annotated[int, Interval(1, 9)] = 3
    alpha: Width = 1.0
    drop_path: Rate = 0.15
    single_column: Share = 0.5
    block_dropout: Rate = 0.4
    output_stride: OutputStride = None
    dropout: Rate = 0.0


def fractalnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each convolution."""
    columns, drop_path = arguments.columns, arguments.drop_path
    drops = columns > 1 and (drop_path > 0 or arguments.single_column > 0)
    draw = net.column_draw(x, columns, arguments.single_column, name="column_draw") if drops else None

    def join(branches: Sequence[Tensor], merged: Sequence[int], name: str) -> Tensor:
        if len(branches) == 1:
            return branches[0]
        if draw is None:
            return net.average(branches, name=name)
        return net.drop_path_join(branches, draw, merged, drop_path, name=name)

    scales = resolutions(1, (2,) * 5, arguments.output_stride)
    rates = drop_rates(arguments.block_dropout, len(BLOCKS))
    for s, (channels, scale, rate) in enumerate(zip(BLOCKS, scales, rates, strict=True), start=1):
        width = truncated(channels, arguments.alpha)
        ends = [x] * columns  # of each column, the deepest last
        for step in range(1, 2 ** (columns - 1) + 1):
            ended = [c for c in range(columns) if step % _length(columns, c) == 0]
            for c in ended:
                name = f"stage{s}_column{c + 1}_conv{step // _length(columns, c)}"
                ends[c] = net.slot_bn(
                    ends[c], width, 3, dilation_rate=scale.first_dilation, activation="relu", name=name
                )
            joined = join([ends[c] for c in ended], ended, f"stage{s}_join{step}")
            for c in ended:
                ends[c] = joined
        x = net.max_pool(ends[0], 2, strides=scale.strides, padding="same", name=f"stage{s}_pool")
        x = net.dropout(x, rate, name=f"stage{s}_dropout")
    return x


def _length(columns: int, column: int) -> int:
    """Return how many of the deepest column's convolutions one of this column stands beside."""
    return 2 ** (columns - 1 - column)


def _form(name: str) -> ModelSpec | None:
    match = re.fullmatch(r"fractalnet_c(?P<columns>[1-9])(?P<separable>_separable)?", name)
    if match is None:
        return None
    return ModelSpec(
        name,
        arguments={"columns": int(match["columns"])},
        conv="separable" if match["separable"] else None,
        input_shape=(32, 32, 3),
        classes=10,
        dataset="cifar10",
        minimum_size=1,
    )


FAMILY = Family(
    name="fractalnet",
    paper=Paper(
        title="FractalNet: Ultra-Deep Neural Networks without Residuals",
        authors="Larsson et al.",
        venue="ICLR 2017",
        arxiv="1605.07648",
    ),
    arguments=Arguments,
    body=fractalnet,
    slots={kind: {} for kind in PRESETS},
    replaces="each 3 x 3 convolution",
    listed=tuple(
        spec for columns in (3, 4) for suffix in ("", "_separable") if (spec := _form(f"fractalnet_c{columns}{suffix}"))
    ),
    parse=_form,
    note=(
        "The paper was not read in full: widths, dropout and drop-path rates are those of independent ports. Dropout "
        "stands behind each block, drop-path is drawn for each sample. How many columns the separable networks of "
        "1701.04489 had is not known."
    ),
    also_in=("1701.04489",),
)
