"""Every family of networks, one file each: names, forms, legal kinds, papers, weights."""

from __future__ import annotations

from sepzoo.catalog.families import mobilenet_v1, mobilenet_v2
from sepzoo.catalog.spec import Family

FAMILIES: tuple[Family, ...] = (mobilenet_v1.FAMILY, mobilenet_v2.FAMILY)
