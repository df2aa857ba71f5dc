"""A module that is imported as soon as a package is there: at once if it is loaded, else when somebody imports it."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType


def when_imported(package: str, module: str) -> None:
    """Import a module as soon as a top-level package is there; before that, nothing.

    Args:
        package: the name of the package, which somebody else imports.
        module: the full name of the module.

    Example:
        >>> when_imported("a_package_that_is_not_there", "sepzoo.support.table")
    """
    if package in sys.modules:
        importlib.import_module(module)
    else:
        sys.meta_path.insert(0, _Watch(package, module))


class _Watch(importlib.abc.MetaPathFinder):
    """Finder that finds one package as others do, and has a module imported after it."""

    def __init__(self, package: str, module: str) -> None:
        self.package, self.module = package, module

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the package's own spec, with the module after it; None for any other name."""
        if fullname != self.package:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, self.module)
        return spec


class _Then(importlib.abc.Loader):
    """A loader that imports a module after another one is done; in all else it is that one."""

    def __init__(self, loader: importlib.abc.Loader, module: str) -> None:
        self.loader, self.module = loader, module

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Make the module as the other one does."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the package's code, then import the module."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.loader  # resources and reloads ask for it
        self.loader.exec_module(module)
        importlib.import_module(self.module)
