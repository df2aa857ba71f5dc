"""Names of a package that are loaded when first asked for, so that importing the package stays cheap."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from sepzoo.support.packages import not_installed


def lazy_names(
    package: str, modules: Mapping[str, str], renamed: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's `__getattr__` (PEP 562), which finds each name in its module, and its `__dir__`.

    Args:
        package: the package's full name, its `__name__`.
        modules: name -> full name of the module that defines it, or of the subpackage of that name.
        renamed: old name -> name; the old one works, warns, and is not shown.

    Raises:
        SepzooError: by `__getattr__`, where a package is missing that the module imports.

    Example:
        >>> load, names = lazy_names("sepzoo", {"SepzooError": "sepzoo.support.errors"})
        >>> load("SepzooError").__name__, "SepzooError" in names()
        ('SepzooError', True)
    """

    def load(name: str) -> Any:
        if renamed and name in renamed:
            text = f"{package}.{name} is now {package}.{renamed[name]}; the old name goes with version 0.3"
            warnings.warn(text, DeprecationWarning, stacklevel=2)
            name = renamed[name]
        if name in modules:
            try:
                module = importlib.import_module(modules[name])
            except ModuleNotFoundError as error:
                told = not_installed(error)
                if told is None:
                    raise
                raise told from error
            return module if modules[name] == f"{package}.{name}" else getattr(module, name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return load, names


def load_function(path: str) -> Callable[..., Any]:
    """Return the function that a "module:function" names."""
    module, _, function = path.partition(":")
    return getattr(importlib.import_module(module), function)
