"""Make a trained network ready for small files: train it with the rounding of integers, with zeros, with few values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.compression.clustering import cluster
    from sepzoo.compression.compression_report import CompressionReport, FileSize
    from sepzoo.compression.pruning import prune
    from sepzoo.compression.quantization import quantize_aware
    from sepzoo.compression.quantized_model import QuantizedModel

__all__ = ["CompressionReport", "FileSize", "QuantizedModel", "cluster", "prune", "quantize_aware"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "CompressionReport": "sepzoo.compression.compression_report",
        "FileSize": "sepzoo.compression.compression_report",
        "QuantizedModel": "sepzoo.compression.quantized_model",
        "cluster": "sepzoo.compression.clustering",
        "prune": "sepzoo.compression.pruning",
        "quantize_aware": "sepzoo.compression.quantization",
    },
)
