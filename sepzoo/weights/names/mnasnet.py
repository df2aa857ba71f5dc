"""MnasNet's layers in timm, where A1 is called `semnasnet` and B1 `mnasnet`."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.weights.names.bottleneck import timm_bottlenecks


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `semnasnet_100` and its kin."""
    return timm_bottlenecks(places)
