"""From a name to what it stands for."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Mapping, Sequence

from sepzoo.catalog.families import FAMILIES
from sepzoo.records.family import Family, ModelSpec
from sepzoo.support.errors import SepzooError, unknown

Patterns = str | Sequence[str]


@functools.cache
def listed() -> Mapping[str, tuple[Family, ModelSpec]]:
    """Return every listed name with its family and spec, in the families' order.

    Raises:
        SepzooError: two families claim one name.
    """
    names: dict[str, tuple[Family, ModelSpec]] = {}
    for family in FAMILIES:
        for spec in family.listed:
            if spec.name in names:
                raise SepzooError(f"{spec.name!r} is claimed by {names[spec.name][0].name} and by {family.name}.")
            names[spec.name] = (family, spec)
    return names


def find(name: str) -> tuple[Family, ModelSpec]:
    """Return the family and spec of a listed name, or of one that follows a family's grammar.

    Raises:
        SepzooError: nobody knows the name; the nearest are offered.

    Example:
        >>> find("cifar_mobilenetv1_w3d8")[1].arguments["alpha"]
        0.375
    """
    name = name.lower()
    if name in listed():
        return listed()[name]
    for family in FAMILIES:
        spec = family.parse(name)
        if spec is not None:
            return family, spec
    raise unknown("model", name, listed(), hint="`sepzoo list` shows all.")


def list_models(pattern: Patterns = "*", *, exclude: Patterns = ()) -> list[str]:
    """Return the listed names that match a shell wildcard, or one of several, and none of `exclude`.

    Example:
        >>> list_models("cifar_mobilenetv1_w1*", exclude="*_bsconvu")
        ['cifar_mobilenetv1_w1', 'cifar_mobilenetv1_w1d2', 'cifar_mobilenetv1_w1d4']
    """
    wanted, unwanted = ([p] if isinstance(p, str) else list(p) for p in (pattern, exclude))
    return sorted(
        name
        for name in listed()
        if any(fnmatch.fnmatchcase(name, p) for p in wanted) and not any(fnmatch.fnmatchcase(name, p) for p in unwanted)
    )
