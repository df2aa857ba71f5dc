"""Turn a network into a file that runs elsewhere, and prove that its outputs are still right.

Every target goes the same way: the network is rewritten into built-in Keras layers with batch norm folded, converted,
given what travels with it, opened again by `sepzoo.inference` and compared, on samples, with the model as it was given.
What differs by more than a stated `Tolerance` is refused, and no file stays behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.export.comparison import Comparison
    from sepzoo.export.formats.browser import browser
    from sepzoo.export.formats.onnx import onnx
    from sepzoo.export.formats.openvino import openvino
    from sepzoo.export.formats.stablehlo import stablehlo
    from sepzoo.export.formats.tflite import tflite
    from sepzoo.export.formats.tflite_options import TfliteOptions
    from sepzoo.export.formats.xla import xla
    from sepzoo.export.layer_comparison import LayerError, LayerErrors, layer_errors
    from sepzoo.export.layer_comparison_files import layer_errors_to_csv, layer_errors_to_node_data, plot_layer_errors
    from sepzoo.export.report import ExportReport
    from sepzoo.export.target import Target
    from sepzoo.export.targets import TARGETS, export
    from sepzoo.export.tolerance import Tolerance
    from sepzoo.export.verification import Verification, verify
    from sepzoo.inference.latency import Latency

__all__ = [
    "TARGETS",
    "Comparison",
    "ExportReport",
    "Latency",
    "LayerError",
    "LayerErrors",
    "Target",
    "TfliteOptions",
    "Tolerance",
    "Verification",
    "browser",
    "export",
    "layer_errors",
    "layer_errors_to_csv",
    "layer_errors_to_node_data",
    "onnx",
    "openvino",
    "plot_layer_errors",
    "stablehlo",
    "tflite",
    "verify",
    "xla",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Comparison": "sepzoo.export.comparison",
        "ExportReport": "sepzoo.export.report",
        "Latency": "sepzoo.inference.latency",
        "LayerError": "sepzoo.export.layer_comparison",
        "LayerErrors": "sepzoo.export.layer_comparison",
        "TARGETS": "sepzoo.export.targets",
        "Target": "sepzoo.export.target",
        "TfliteOptions": "sepzoo.export.formats.tflite_options",
        "Tolerance": "sepzoo.export.tolerance",
        "browser": "sepzoo.export.formats.browser",
        "export": "sepzoo.export.targets",
        "layer_errors": "sepzoo.export.layer_comparison",
        "layer_errors_to_csv": "sepzoo.export.layer_comparison_files",
        "layer_errors_to_node_data": "sepzoo.export.layer_comparison_files",
        "onnx": "sepzoo.export.formats.onnx",
        "openvino": "sepzoo.export.formats.openvino",
        "plot_layer_errors": "sepzoo.export.layer_comparison_files",
        "stablehlo": "sepzoo.export.formats.stablehlo",
        "tflite": "sepzoo.export.formats.tflite",
        "Verification": "sepzoo.export.verification",
        "verify": "sepzoo.export.verification",
        "xla": "sepzoo.export.formats.xla",
    },
)
