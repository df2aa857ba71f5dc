"""Modules under their old names: importing one works, and warns with its new name."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType


class MovedModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finder of modules by their old names, for `sys.meta_path`.

    Args:
        modules: old full name -> new full name.

    Example:
        >>> finder = MovedModules({"sepzoo.old": "sepzoo.support.table"})
        >>> finder.find_spec("sepzoo.old").name, finder.find_spec("sepzoo.other")
        ('sepzoo.old', None)
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        self.modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for an old name, None for any other."""
        return importlib.util.spec_from_loader(fullname, self) if fullname in self.modules else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the moved module in the old one's place."""
        old, new = module.__name__, self.modules[module.__name__]
        warnings.warn(f"{old} is now {new}; the old name goes with version 0.3", DeprecationWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(new)
