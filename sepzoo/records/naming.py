"""The grammar of the names that the BSConv authors gave their networks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Kwargs

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


VARIANT = r"(?:_(?P<variant>bsconvu|bsconvs_p(?P<share>\d+)d(?P<of>\d+)))?"
VARIANTS = ("", "_bsconvu", "_bsconvs_p1d4", "_bsconvs_p1d8")


def with_variants(stems: Iterable[str]) -> tuple[str, ...]:
    """Return each name, plain and with each of `VARIANTS`.

    Example:
        >>> with_variants(["resnet18"])
        ('resnet18', 'resnet18_bsconvu', 'resnet18_bsconvs_p1d4', 'resnet18_bsconvs_p1d8')
    """
    return tuple(stem + variant for stem in stems for variant in VARIANTS)


def variant_of(match: re.Match[str]) -> Kwargs:
    """Return the kind and its options of a name matched with `VARIANT`, as `ModelSpec` takes them.

    Raises:
        SepzooError: a ratio of mid channels outside 0 … 1.

    Example:
        >>> variant_of(re.fullmatch("resnet18" + VARIANT, "resnet18_bsconvs_p1d4"))
        {'conv': 'bsconv_s', 'conv_options': {'p': 0.25}}
    """
    if match["variant"] is None:
        return {}
    if match["variant"] == "bsconvu":
        return {"conv": "bsconv_u"}
    share, of = int(match["share"]), int(match["of"])
    if share > of or of == 0:
        raise SepzooError(
            f"{match[0]}: expected a ratio of mid channels in 0 … 1. Received: p={share}/{of}. "
            f"The nearest is {match[0].replace(match['variant'], 'bsconvs_p1d1')}."
        )
    return {"conv": "bsconv_s", "conv_options": {"p": share / of}}


def depth_error(match: re.Match[str], rule: str, legal: Iterable[int]) -> SepzooError:
    """Return the error for a depth that no network of the family has, with the nearest that do.

    Args:
        match: of a name, with the group "depth".
        rule: which depths there are, in words.
        legal: depths that there are, in order.
    """
    depth = int(match["depth"])
    start, end = match.span("depth")
    near = sorted(sorted(legal, key=lambda other: abs(other - depth))[:2])
    names = " and ".join(f"{match[0][:start]}{other}{match[0][end:]}" for other in near)
    return SepzooError(f"{match[0]}: expected a depth of {rule}. Received: {depth}. The nearest: {names}.")
