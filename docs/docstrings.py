"""Extensions of griffe: sections are found by our name for them, and pages show what is public and nothing else."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Example(griffe.Extension):
    """Rename the section before the docstring is parsed, so that its code is shown as code."""

    def on_object(self, *, obj: griffe.Object, **arguments: Any) -> None:
        """Rename the section of one object."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)


class PublicNames(griffe.Extension):
    """Leave out of each package what makes its public names lazy, and the list of them."""

    def on_package(self, *, pkg: griffe.Module, **arguments: Any) -> None:
        """Take the names out of a package and its subpackages, which have been read whole."""
        for module in (pkg, *pkg.modules.values()):
            for name in ("__all__", "lazy_names"):
                module.members.pop(name, None)
