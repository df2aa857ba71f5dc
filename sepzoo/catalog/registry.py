"""From a name to what it stands for."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from sepzoo.catalog.families import FAMILIES
from sepzoo.catalog.patterns import Patterns, matching
from sepzoo.records.family import Family, ModelSpec
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.paths import is_path
from sepzoo.support.printable import printable


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
        SepzooError: nobody knows the name; the nearest are offered. Or it is that of a file.

    Example:
        >>> find("cifar_mobilenetv1_w3d8")[1].arguments["alpha"]
        0.375
    """
    small = name.lower()
    if small in listed():
        return listed()[small]
    for family in FAMILIES:
        spec = family.parse(small)
        if spec is not None:
            return family, spec
    if is_path(name):
        raise SepzooError(
            f"expected the name of a network, as `sepzoo list` shows it. Received: {printable(name)}, a file's. "
            "`sepzoo inspect` and `sepzoo profile` show what is in a file."
        )
    raise unknown("model", name, listed(), hint="`sepzoo list` shows all.")


def list_models(pattern: Patterns = "*", *, exclude: Patterns = ()) -> list[str]:
    """Return the listed names that match a shell wildcard, or one of several, and none of `exclude`.

    Example:
        >>> list_models("cifar_mobilenetv1_w1*", exclude="*_bsconvu")
        ['cifar_mobilenetv1_w1', 'cifar_mobilenetv1_w1d2', 'cifar_mobilenetv1_w1d4']
    """
    return sorted(matching(listed(), pattern, exclude=exclude))
