"""Packages: whether they are there, and what installs them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from sepzoo.support.errors import SepzooError


def require_installed(what: str, packages: Iterable[str], extra: str | None = None) -> None:
    """See that packages can be imported, without importing them.

    Args:
        what: needs them.
        packages: the names by which they are imported.
        extra: of sepzoo, which installs them; None: sepzoo does without one.

    Raises:
        SepzooError: one is missing; the extra is named.

    Example:
        >>> require_installed("tflite:weights_int8", ["no_such_package"], "quant")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: tflite:weights_int8 needs no_such_package. Received: it is not installed. Install it: pip install 'sepzoo[quant]'.
    """  # noqa: E501  (the message is one line)
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        words = "it is" if len(missing) == 1 else "they are"
        wanted = "sepzoo" if extra is None else f"'sepzoo[{extra}]'"
        raise SepzooError(
            f"{what} needs {', '.join(missing)}. Received: {words} not installed. Install "
            f"{'it' if len(missing) == 1 else 'them'}: pip install {wanted}."
        )


def not_installed(error: ModuleNotFoundError) -> SepzooError | None:
    """Return what to say of a package that an import did not find; None of a module of sepzoo, which is a fault here.

    Example:
        >>> print(not_installed(ModuleNotFoundError("no such module", name="scipy.optimize")))
        sepzoo needs scipy. Received: it is not installed. Install it: pip install sepzoo.
    """
    package = (error.name or "").partition(".")[0]
    if package in ("", "sepzoo"):
        return None
    return SepzooError(f"sepzoo needs {package}. Received: it is not installed. Install it: pip install sepzoo.")
