"""What is done around the import of somebody else's package, whoever imports it."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType

Around = Callable[[], contextlib.AbstractContextManager[None]]


def around_import(package: str, around: Around) -> None:
    """Run a context manager around the first import of a top-level package.

    Args:
        package: its name; it is imported as ever in all else.
        around: gives the context manager. Where the package is there already, it is entered and left at once.

    Example:
        >>> around_import("a_package_that_is_not_there", contextlib.nullcontext)
    """
    if package not in sys.modules:
        sys.meta_path.insert(0, _Watch(package, around))
    elif sys.modules[package] is not None:  # which forbids its import
        with around():
            pass


@contextlib.contextmanager
def then(module: str) -> Iterator[None]:
    """Import a module when the block is done.

    Example:
        >>> with then("sepzoo.support.table"):
        ...     pass
    """
    yield
    importlib.import_module(module)


class _Watch(importlib.abc.MetaPathFinder):
    """Finder that finds one package as others do, and has it loaded within the context manager."""

    def __init__(self, package: str, around: Around) -> None:
        self.package, self.around = package, around

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the package's own spec with a loader of ours; None for any other name."""
        if fullname != self.package:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Within(spec.loader, self.around)
        return spec


class _Within(importlib.abc.Loader):
    """Loads a module within a context manager as another loader does, which it then leaves in its own place."""

    def __init__(self, loader: importlib.abc.Loader, around: Around) -> None:
        self.loader, self.around = loader, around

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Make the module as the other one does."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the package's code."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.loader  # resources and reloads ask for it
        with self.around():
            self.loader.exec_module(module)
