"""sepzoo: the zoo of separable-convolution networks for Keras 3 and TensorFlow.

Importing it costs nothing: each subpackage is loaded when it is first asked for.

Example:
    >>> import sepzoo
    >>> model = sepzoo.applications.build("mobilenet_v1", alpha=0.25)
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sepzoo.analysis as analysis
    import sepzoo.applications as applications
    import sepzoo.catalog as catalog
    import sepzoo.data as data
    import sepzoo.export as export
    import sepzoo.inference as inference
    import sepzoo.layers as layers
    import sepzoo.surgery as surgery
    import sepzoo.training as training

__version__ = "0.1.0"
__all__ = [
    "analysis",
    "applications",
    "catalog",
    "data",
    "export",
    "inference",
    "layers",
    "surgery",
    "training",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"sepzoo.{name}")
    raise AttributeError(f"module 'sepzoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
