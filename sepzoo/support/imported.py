"""What is done as soon as a package is there: at once if it is loaded, else when somebody imports it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType


def when_imported(package: str, action: Callable[[], None]) -> None:
    """Run `action` once, after a top-level package has been imported; importing nothing by itself.

    Example:
        >>> when_imported("sys", lambda: print("is there"))
        is there
    """
    if package in sys.modules:
        action()
    else:
        sys.meta_path.insert(0, _Watch(package, action))


class _Watch(importlib.abc.MetaPathFinder):
    """Finder that finds one package as others do, and acts after it has run."""

    def __init__(self, package: str, action: Callable[[], None]) -> None:
        self.package, self.action = package, action

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the package's own spec, with the action after it; None for any other name."""
        if fullname != self.package:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, self.action)
        return spec


class _Then(importlib.abc.Loader):
    """A loader that acts after another one; in all else it is that one."""

    def __init__(self, loader: importlib.abc.Loader, action: Callable[[], None]) -> None:
        self.loader, self.action = loader, action

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Make the module as the other one does."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code, then the action."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.loader  # resources and reloads ask for it
        self.loader.exec_module(module)
        self.action()
