"""Make a trained network ready for integers by training it as they will round it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.compression.quantization import quantize_aware
    from sepzoo.compression.quantized_model import QuantizedModel

__all__ = ["QuantizedModel", "quantize_aware"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "QuantizedModel": "sepzoo.compression.quantized_model",
        "quantize_aware": "sepzoo.compression.quantization",
    },
)
