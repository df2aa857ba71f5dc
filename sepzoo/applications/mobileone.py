"""MobileOne: branches in training, one convolution in their place later (Vasu et al., CVPR 2023, arXiv 2206.04040)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.squeeze_excite import squeeze_excite
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import Count, OutputStride, Rate, Units, Width
from sepzoo.records.conventions import TIMM
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.preprocessing import IMAGENET
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


STEM = 64
STAGES = (64, 128, 256, 512)  # channels of each resolution
SQUEEZE = 16  # the squeezed channels are this part of a block's


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        widths: factor of each stage's channels, truncated; the stem has the first stage's, at most 64. With a stem of 8
            to 16 channels TensorFlow 2.21 ended the process on a CPU now and then, in the gradient of its strided
            1 x 1 convolution; with 48 it did not.
        units: of each stage; the first of them is strided.
        branches: k x k convolutions beside each other in every block, whose outputs are summed.
        squeeze: whether the blocks of the last stage, and of the second half of that before, are squeezed and excited.
        fused: whether each block is the one convolution that its branches become (`sepzoo.surgery.fuse_branches`, of
            one branch alone `fold_batch_norm`), with a bias and without batch normalization: for inference.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        dropout: rate in front of the classifier.
    """

    widths: tuple[Width, Width, Width, Width] = (0.75, 1.0, 1.0, 2.0)
    units: tuple[Units, Units, Units, Units] = (2, 8, 10, 1)
    branches: Count = 1
    squeeze: bool = False
    fused: bool = False
    output_stride: OutputStride = None
    dropout: Rate = 0.0


def mobileone(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is a whole unit, a depthwise block and a 1 x 1 block."""
    fused, branches = arguments.fused, arguments.branches
    stem = min(STEM, truncated(STEM, arguments.widths[0]))

    def branch(x: Tensor, kernel_size: int, name: str) -> Tensor:
        return net.conv(x, stem, kernel_size, strides=2, use_bias=fused, name=name)

    x = net.activation(_sum(net, x, branch, 3, branches=1, fused=fused, skip=False, name="stem"), "relu", name="stem")
    scales = resolutions(2, (2,) * len(STAGES), arguments.output_stride)
    for s, (channels, units, scale) in enumerate(zip(STAGES, arguments.units, scales, strict=True), start=1):
        for u in range(1, units + 1):
            late = s == len(STAGES) or (s == len(STAGES) - 1 and u > units // 2)
            x = _unit(
                net,
                x,
                truncated(channels, arguments.widths[s - 1]),
                branches=branches,
                fused=fused,
                squeeze=arguments.squeeze and late,
                window=scale.window(u),
                first=u == 1,
                name=f"stage{s}_unit{u}",
            )
    return x


def _unit(
    net: LayerBuilder,
    x: Tensor,
    channels: int,
    *,
    branches: int,
    fused: bool,
    squeeze: bool,
    window: Mapping[str, int],
    first: bool,
    name: str,
) -> Tensor:
    def depthwise(x: Tensor, kernel_size: int, name: str) -> Tensor:
        return net.depthwise(x, kernel_size, **window, use_bias=fused, name=name)

    def pointwise(x: Tensor, kernel_size: int, name: str) -> Tensor:
        return net.conv(x, channels, kernel_size, use_bias=fused, name=name)

    def activated(x: Tensor, name: str) -> Tensor:
        if squeeze:
            x = squeeze_excite(net, x, x.shape[-1] // SQUEEZE, gate="sigmoid", name=f"{name}_squeeze")
        return net.activation(x, "relu", name=name)

    if net.factorization is not None:
        place = f"{name}_conv"
        return activated(net.slot_bn(x, channels, 3, **window, activation=None, name=place), place)
    place = f"{name}_depthwise"  # a first one is strided in the table, whatever the output stride
    x = activated(_sum(net, x, depthwise, 3, branches=branches, fused=fused, skip=not first, name=place), place)
    place, skip = f"{name}_pointwise", x.shape[-1] == channels
    return activated(_sum(net, x, pointwise, 1, branches=branches, fused=fused, skip=skip, name=place), place)


def _sum(
    net: LayerBuilder,
    x: Tensor,
    branch: Callable[[Tensor, int, str], Tensor],
    kernel_size: int,
    *,
    branches: int,
    fused: bool,
    skip: bool,
    name: str,
) -> Tensor:
    """Return a normalized input, a normalized 1 x 1 branch and normalized k x k ones in sum; fused, one of those."""
    if fused:
        return branch(x, kernel_size, name)
    names = [(kernel_size, name), *((kernel_size, f"{name}_branch{b}") for b in range(2, branches + 1))]
    names += [(1, f"{name}_scale")] if kernel_size > 1 else []
    terms = [net.batch_norm(branch(x, size, each), name=f"{each}_bn") for size, each in names]
    terms += [net.batch_norm(x, name=f"{name}_skip_bn")] if skip else []
    return net.sum(terms, name=name)


@dataclasses.dataclass(frozen=True)
class Size:
    """One of the paper's networks: widths of the stages, branches, and the crop of its pictures."""

    widths: tuple[float, float, float, float]
    branches: int = 1
    squeeze: bool = False
    crop_fraction: float = 0.9


SIZES = {
    "s0": Size((0.75, 1.0, 1.0, 2.0), branches=4, crop_fraction=0.875),
    "s1": Size((1.5, 1.5, 2.0, 2.5)),
    "s2": Size((1.5, 2.0, 2.5, 4.0)),
    "s3": Size((2.0, 2.5, 3.0, 4.0)),
    "s4": Size((3.0, 3.5, 3.5, 4.0), squeeze=True),
}


def _spec(name: str, size: Size, *, fused: bool) -> ModelSpec:
    form = {"widths": size.widths, "branches": size.branches, "squeeze": size.squeeze, "fused": fused}
    return ModelSpec(
        f"mobileone_{name}{'_fused' if fused else ''}",
        arguments={**TIMM, **form},
        preprocessing=dataclasses.replace(IMAGENET, crop_fraction=size.crop_fraction),
    )


FAMILY = Family(
    name="mobileone",
    paper=Paper(
        title="MobileOne: An Improved One Millisecond Mobile Backbone",
        authors="Vasu et al.",
        venue="CVPR 2023",
        arxiv="2206.04040",
    ),
    arguments=Arguments,
    body=mobileone,
    slots={kind: {} for kind in PRESETS},
    replaces="each of the 21 units, branches and all",
    listed=tuple(_spec(name, size, fused=fused) for name, size in SIZES.items() for fused in (False, True)),
    note="The table is that of the authors' program. Its published figures are those of the fused form; their weights "
    "are pickles under Apple's own licence, which sepzoo does not read. timm's, with branches, load by name; then "
    "sepzoo.surgery.fuse_branches, and fold_batch_norm where a block has one branch, make the fused form of them. Such "
    "networks lose much as 8-bit integers.",
)
