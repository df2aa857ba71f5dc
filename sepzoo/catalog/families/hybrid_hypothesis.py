"""Hybrid hypothesis: its modules, each at widths that match all networks to one number of parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.family import Family, ModelSpec, Paper


@dataclasses.dataclass(frozen=True)
class Module:
    """What one network repeats: its convolution, and the channels of the three stages."""

    name: str
    widths: tuple[int, int, int]
    conv: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def spec(self) -> ModelSpec:
        """Return the network that repeats it."""
        return ModelSpec(
            f"hybrid_hypothesis_{self.name}",
            arguments={"widths": self.widths, **self.arguments},
            conv=self.conv,
            conv_options=self.options,
            input_shape=(32, 32, 3),
            classes=10,
            dataset="cifar10",
            minimum_size=4,
        )


MODULES = (
    Module("regular", (44, 80, 176), "regular"),
    Module("separable", (128, 256, 512), "separable"),
    Module("extreme_inception", (128, 256, 512), "inception", {"segments": "channels"}),
    Module("inception_s3", (60, 120, 243), "inception", {"segments": 3}),
    Module("inception_s4", (68, 132, 272), "inception", {"segments": 4}),
    Module("inception_s16", (96, 176, 416), "inception", {"segments": 16}),
    Module("resnext_c8", (112, 240, 416), "resnext", {"cardinality": 8}),
    Module("hybrid", (112, 240, 496), "hybrid"),
    Module("hybrid_full", (88, 176, 344), "hybrid", {"width": 1.0}),
    Module(
        "parallel",
        (96, 176, 416),
        "resnext",
        {"cardinality": 8},
        {"beside": "inception", "beside_options": {"segments": 4}},
    ),
)

FAMILY = Family(
    name="hybrid_hypothesis",
    paper=Paper(
        title="Towards a New Interpretation of Separable Convolutions",
        authors="Ghosh",
        venue="2017",
        arxiv="1701.04489",
    ),
    body="sepzoo.applications.hybrid_hypothesis:hybrid_hypothesis",
    slots={kind: {} for kind in PRESETS},
    slot="the convolution of each of the 9 modules",
    listed=tuple(module.spec() for module in MODULES),
    note=(
        "A reconstruction: the paper's full text was not found. Its abstract gives the idea, a machine-written summary "
        "three differences of accuracy; layers, widths, cardinality, segments and data are ours. The widths give every "
        "network within half a percent as many parameters as the separable one."
    ),
)
