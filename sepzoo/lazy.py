"""Names of a package that are loaded when first asked for, so that importing the package stays cheap."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a module's `__getattr__` (PEP 562) that finds each name in the given module of `package`.

    Args:
        package: the package's full name, its `__name__`.
        modules: name -> module of the package that defines it.

    Example:
        >>> lazy_names("sepzoo", {"SepzooError": "errors"})("SepzooError").__name__
        'SepzooError'
    """

    def load(name: str) -> Any:
        if name in modules:
            return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load
