"""WideResNet: few, wide units (Zagoruyko and Komodakis, BMVC 2016, arXiv 1605.07146, table 1), 6n+4 layers."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Annotated

from sepzoo.applications.resnet import SLOTS, Stage, residual_stages
from sepzoo.layers.resolution import resolutions
from sepzoo.records.arguments import Rate, Units
from sepzoo.records.authors import authors_spec, authors_specs
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.naming import VARIANT, depth_error, variant_of, with_variants
from sepzoo.support.arguments import Interval
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

STEM = 16
STAGES = (Stage(16, 1), Stage(32, 2), Stage(64, 2))
WIDTHS = {  # depth: listed widths
    16: (1, 2, 4, 6, 8, 10, 12),
    28: (1, 2, 3, 4, 6, 8, 10, 12),
    40: (1, 2, 3, 4, 6, 8, 10, 12),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        units: number of units in each of the three stages.
        width: factor of the stages' channels; the stem keeps its 16.
        drop_path: rate of stochastic depth at the last unit, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    units: Units = 4
    width: Annotated[int, Interval(1, 64)] = 10
    drop_path: Rate = 0.0
    dropout: Rate = 0.0


def wide_resnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each 3 x 3 convolution, the stem included."""
    stages = [Stage(stage.channels * arguments.width, stage.strides) for stage in STAGES]
    return residual_stages(
        net,
        net.slot(x, STEM, 3, name="stem"),
        stages,
        resolutions(1, [stage.strides for stage in stages]),
        units=(arguments.units,) * 3,
        preactivation=True,
        drop_path=arguments.drop_path,
    )


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name, or would at another depth."""
    match = re.fullmatch(rf"cifar_wrn(?P<depth>\d+)_(?P<width>\d+){VARIANT}", name)
    if match is None:
        return None
    depth, width = int(match["depth"]), int(match["width"])
    if depth < 10 or depth % 6 != 4:
        raise depth_error(match, "6n+4", range(10, depth + 14, 6))
    if width < 1:
        start, end = match.span("width")
        raise SepzooError(
            f"{name}: expected a width of at least 1. Received: {width}. The nearest: {name[:start]}1{name[end:]}."
        )
    return authors_spec(
        name,
        {"units": (depth - 4) // 6, "width": width},
        cifar=True,
        **variant_of(match),
    )


FAMILY = Family(
    name="wide_resnet",
    paper=Paper(
        title="Wide Residual Networks",
        authors="Zagoruyko and Komodakis",
        venue="BMVC 2016",
        arxiv="1605.07146",
    ),
    arguments=Arguments,
    body=wide_resnet,
    slots=SLOTS,
    replaces="each 3 x 3 convolution, the first included",
    listed=authors_specs(
        _authors_form,
        with_variants(f"cifar_wrn{depth}_{width}" for depth, widths in WIDTHS.items() for width in widths),
    ),
    parse=_authors_form,
)
