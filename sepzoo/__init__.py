"""sepzoo: the zoo of separable-convolution networks for Keras 3 and TensorFlow.

Importing it costs nothing: each subpackage is loaded when it is first asked for.

Example:
    >>> import sepzoo
    >>> model = sepzoo.applications.build("mobilenet_v1", alpha=0.25)
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from sepzoo.support.greeting import without_greeting
from sepzoo.support.import_hook import around_import, then
from sepzoo.support.lazy import lazy_names
from sepzoo.support.moved import MovedModules

if TYPE_CHECKING:
    import sepzoo.analysis as analysis
    import sepzoo.applications as applications
    import sepzoo.benchmark as benchmark
    import sepzoo.catalog as catalog
    import sepzoo.compression as compression
    import sepzoo.data as data
    import sepzoo.export as export
    import sepzoo.inference as inference
    import sepzoo.layers as layers
    import sepzoo.shrinking as shrinking
    import sepzoo.surgery as surgery
    import sepzoo.training as training
    from sepzoo.support.errors import SepzooError

__version__ = "0.1.0"
__all__ = [
    "SepzooError",
    "analysis",
    "applications",
    "benchmark",
    "catalog",
    "compression",
    "data",
    "export",
    "inference",
    "layers",
    "shrinking",
    "surgery",
    "training",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "SepzooError": "sepzoo.support.errors",
        **{name: f"sepzoo.{name}" for name in __all__ if name != "SepzooError"},
    },
)

sys.meta_path.append(
    MovedModules(
        {
            "sepzoo.errors": "sepzoo.support.errors",
            "sepzoo.catalog.build": "sepzoo.building.build",
            "sepzoo.catalog.conventions": "sepzoo.records.conventions",
            "sepzoo.catalog.load": "sepzoo.weights.loading",
            "sepzoo.catalog.metadata": "sepzoo.records.metadata",
            "sepzoo.catalog.model_file": "sepzoo.artifact.model_file",
            "sepzoo.catalog.prediction": "sepzoo.records.prediction",
            "sepzoo.catalog.preprocessing": "sepzoo.records.preprocessing",
            "sepzoo.catalog.spec": "sepzoo.records.family",
            "sepzoo.inference.keras_file": "sepzoo.inference.keras_model",
            "sepzoo.inference.quiet": "sepzoo.support.quiet",
            "sepzoo.layers.blocks": "sepzoo.layers.builder",
        }
    )
)
around_import("tensorflow", without_greeting)
around_import("keras", functools.partial(then, "sepzoo.layers.registration"))  # so that Keras finds our layers
