"""The grammar of the names that the BSConv authors gave their networks."""

from __future__ import annotations

import re

WIDTH = r"w(?P<whole>\d+)(?:d(?P<by>\d+))?"


def width_of(match: re.Match[str]) -> float:
    """Return the width of a name matched with `WIDTH`: w1 is 1, w3d4 is 3/4.

    Example:
        >>> width_of(re.fullmatch(WIDTH, "w7d20"))
        0.35
    """
    return int(match["whole"]) / int(match["by"] or 1)


def mobilenet_names(version: str, variant: str) -> tuple[str, ...]:
    """Return the names of the authors' MobileNets of one version, plain and with their BSConv suffix.

    Example:
        >>> mobilenet_names("v1", "bsconvu")[:2]
        ('mobilenetv1_w1', 'mobilenetv1_w1_bsconvu')
    """
    widths = ("w1", "w3d4", "w1d2", "w7d20" if version.startswith("v3") else "w1d4")
    return tuple(
        f"{prefix}mobilenet{version}_{width}{suffix}"
        for prefix in ("", "cifar_")
        for width in widths
        for suffix in ("", f"_{variant}")
    )
