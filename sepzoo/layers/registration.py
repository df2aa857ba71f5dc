"""The names under which Keras finds our layers in a file, known to it as soon as it is loaded.

Keras reads a class by its registered name, and imports nothing by itself. Our modules register their classes; but they
import Keras, so one may be half imported when Keras is loaded, and none is needed before a file asks for it. So Keras
is given, for each class, what imports it then. `import sepzoo` has this module imported with Keras.
"""

from __future__ import annotations

import dataclasses
import importlib

from sepzoo.layers.hard_sigmoid import hard_sigmoid_keras2
from sepzoo.support.types import Json, Layer

MODULES = {
    "BSConvS1D": "sepzoo.layers.bsconv",
    "BSConvS2D": "sepzoo.layers.bsconv",
    "BSConvU1D": "sepzoo.layers.bsconv",
    "BSConvU2D": "sepzoo.layers.bsconv",
    "ColumnDraw": "sepzoo.layers.drop_path_join",
    "DropPath": "sepzoo.layers.drop_path",
    "DropPathJoin": "sepzoo.layers.drop_path_join",
    "EdgePadding": "sepzoo.layers.padding",
    "FactorizedConv1D": "sepzoo.layers.factorized",
    "FactorizedConv2D": "sepzoo.layers.factorized",
    "LayerScale": "sepzoo.layers.layer_scale",
    "LogMelSpectrogram": "sepzoo.layers.spectra",
    "MFCC": "sepzoo.layers.spectra",
    "OrthonormalModel": "sepzoo.layers.orthonormal",
    "OrthonormalRegularizer": "sepzoo.layers.orthonormal",
    "QuantizedKernel": "sepzoo.layers.fake_quantization",
    "QuantizedOutput": "sepzoo.layers.fake_quantization",
    "RelativeError": "sepzoo.layers.relative_error",
    "SumTerms": "sepzoo.layers.sum_terms",
}
"""Class -> the module that defines and registers it."""


@dataclasses.dataclass(frozen=True)
class LazyClass:
    """A registered class that is imported when a file asks for it."""

    module: str
    name: str

    def from_config(self, config: Json) -> Layer:
        """Return what the class's own `from_config` returns; its module then registers the class itself."""
        return getattr(importlib.import_module(self.module), self.name).from_config(config)


def register() -> None:
    """Make our classes and functions known to Keras, which is loaded.

    Example:
        >>> import keras
        >>> register()
        >>> keras.saving.get_registered_object("sepzoo>DropPath").__name__ == "DropPath"
        True
    """
    import keras

    known = keras.saving.get_custom_objects()
    for name, module in MODULES.items():
        known.setdefault(f"sepzoo>{name}", LazyClass(module, name))
    keras.saving.register_keras_serializable("sepzoo")(hard_sigmoid_keras2)


register()
