"""ResNet for small images (He et al., CVPR 2016, arXiv 1512.03385, sec. 4.2): three stages of n units, 6n+2 layers."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from sepzoo.applications.resnet import PAPER, SLOTS, Stage, residual_stages
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import Rate, Units, Width
from sepzoo.records.authors import authors_spec, authors_specs
from sepzoo.records.family import Family, ModelSpec
from sepzoo.records.naming import VARIANT, depth_error, variant_of, with_variants
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

STEM = 16
STAGES = (Stage(16, 1), Stage(32, 2), Stage(64, 2))
DEPTHS = (20, 56, 110, 302, 602)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        units: number of units in each of the three stages.
        alpha: width; every channel number is multiplied by it and truncated.
        preactivation: whether batch normalization and activation stand in front of the convolutions.
        drop_path: rate of stochastic depth at the last unit, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    units: Units = 3
    alpha: Width = 1.0
    preactivation: bool = False
    drop_path: Rate = 0.0
    dropout: Rate = 0.0


def cifar_resnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each 3 x 3 convolution, the stem included."""
    stages = [Stage(truncated(stage.channels, arguments.alpha), stage.strides) for stage in STAGES]
    x = net.slot(x, truncated(STEM, arguments.alpha), 3, name="stem")
    if not arguments.preactivation:
        x = net.activation(net.batch_norm(x, name="stem_bn"), "relu", name="stem")
    return residual_stages(
        net,
        x,
        stages,
        resolutions(1, [stage.strides for stage in stages]),
        units=(arguments.units,) * 3,
        preactivation=arguments.preactivation,
        drop_path=arguments.drop_path,
    )


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name, or would at another depth."""
    match = re.fullmatch(rf"cifar_(?P<pre>pre)?resnet(?P<depth>\d+){VARIANT}", name)
    if match is None:
        return None
    depth = int(match["depth"])
    if depth < 8 or depth % 6 != 2:
        raise depth_error(match, "6n+2", range(8, depth + 14, 6))
    return authors_spec(
        name,
        {"units": (depth - 2) // 6, "preactivation": match["pre"] is not None},
        cifar=True,
        **variant_of(match),
    )


FAMILY = Family(
    name="cifar_resnet",
    paper=PAPER,
    arguments=Arguments,
    body=cifar_resnet,
    slots=SLOTS,
    replaces="each 3 x 3 convolution, the first included",
    listed=authors_specs(
        _authors_form, with_variants(f"cifar_{form}{depth}" for form in ("resnet", "preresnet") for depth in DEPTHS)
    ),
    parse=_authors_form,
)
