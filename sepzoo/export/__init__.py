"""Turn a network into a file that runs elsewhere, and prove that it still answers right.

Every target goes the same way: the network is rewritten into stock Keras layers with batch norm folded, converted,
given its labels and preprocessing, opened again by `sepzoo.inference` and compared with the Keras model on samples.
What differs by more than a stated `Tolerance` is refused, and no file stays behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.export.comparison import Comparison
    from sepzoo.export.latency import Latency
    from sepzoo.export.report import ExportReport
    from sepzoo.export.targets import TARGETS, Target, export
    from sepzoo.export.to_tflite import tflite
    from sepzoo.export.to_xla import xla
    from sepzoo.export.tolerance import Tolerance

__all__ = ["TARGETS", "Comparison", "ExportReport", "Latency", "Target", "Tolerance", "export", "tflite", "xla"]

__getattr__ = lazy_names(
    __name__,
    {
        "TARGETS": "targets",
        "Comparison": "comparison",
        "ExportReport": "report",
        "Latency": "latency",
        "Target": "targets",
        "Tolerance": "tolerance",
        "export": "targets",
        "tflite": "to_tflite",
        "xla": "to_xla",
    },
)
