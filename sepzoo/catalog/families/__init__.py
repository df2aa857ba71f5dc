"""Every family of networks, one file each: names, forms, legal kinds, papers, weights."""

from __future__ import annotations

from sepzoo.catalog.families import cifar_resnet, mobilenet_v1, mobilenet_v2, resnet, wide_resnet
from sepzoo.catalog.spec import Family

FAMILIES: tuple[Family, ...] = (
    mobilenet_v1.FAMILY,
    mobilenet_v2.FAMILY,
    resnet.FAMILY,
    cifar_resnet.FAMILY,
    wide_resnet.FAMILY,
)
