"""QuickNet: the name of its reconstruction."""

from __future__ import annotations

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.family import Family, ModelSpec, Paper

FAMILY = Family(
    name="quicknet",
    paper=Paper(
        title="QuickNet: Maximizing Efficiency and Efficacy in Deep Architectures",
        authors="Ghosh",
        venue="2017",
        arxiv="1701.02291",
    ),
    body="sepzoo.applications.quicknet:quicknet",
    slots={kind: {} for kind in PRESETS},
    slot="each of the 15 separable convolutions",
    listed=(
        ModelSpec(
            "quicknet_r",
            arguments={"dropout": 0.5},
            input_shape=(32, 32, 3),
            classes=10,
            dataset="cifar10",
            minimum_size=16,
        ),
    ),
    note=(
        "A reconstruction: the paper's full text was not found. Published are the start (the Darknet reference "
        "network), separable convolutions, PReLU, batch normalization, dropout 0.5, 3.56 million parameters, and "
        "95.7 % on CIFAR-10 with 6,000 images of a split of its own. Reconstructed are the layers: of Darknet's "
        "doubling widths, three convolutions a width are the only depth that gives 3.56 million."
    ),
)
