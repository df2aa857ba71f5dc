"""8-bit files of ONNX Runtime and OpenVINO, calibrated by the runtimes' own quantizers."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sepzoo.artifact.model_format import OPENVINO
from sepzoo.export.formats.batches import calibrating, in_batches
from sepzoo.export.formats.onnx_file import add_metadata, convert, graphs_in, nodes_of
from sepzoo.export.formats.openvino_graph import graph_from
from sepzoo.export.formats.openvino_kernels import kernels_of, make_room
from sepzoo.export.formats.served import add_member
from sepzoo.export.prepared import Prepared
from sepzoo.export.rounding import INTEGERS
from sepzoo.export.target import Target
from sepzoo.export.tolerance import QUANTIZED
from sepzoo.support.errors import unknown
from sepzoo.support.types import OnnxGraph
from sepzoo.support.usage_data import keep_private

_ROUNDED_OPERATORS = (
    *("Conv", "MatMul", "Gemm", "Add", "Mul", "Relu", "Clip"),
    *("GlobalAveragePool", "AveragePool", "MaxPool", "Concat"),
)
"""What is computed in integers; a softmax, whose probabilities would be steps of 1/256, is not."""

_LARGEST_ONNX, _LARGEST_OPENVINO = 64, 63
"""Of the integers in kernels, not 127: x86 processors without VNNI add two products with inputs of 8 bits in 16 bits.

With 127 MobileNetV1 .25 agreed with its float self on 64 and 66 % of photographs there, instead of 96 %.
"""

_LEAST_RANGE = 1e-6
"""Of a ReLU that no sample gets through: for a range of nothing ONNX Runtime takes steps of 1, and the ReLU is lost."""


def convert_onnx(prepared: Prepared, path: Path) -> None:
    """Let ONNX Runtime quantize the float file: weights a channel each, pairs of QuantizeLinear and DequantizeLinear.

    Args:
        prepared: the network and its calibration samples.
        path: of the file.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Samples(CalibrationDataReader):
        """The calibration samples, one after another."""

        def __init__(self) -> None:
            self._rows = calibrating(prepared.values or {})

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._rows, None)

    source = prepared.once("float.onnx", lambda place: convert(prepared, place))
    with _without_advice():
        quantize_static(
            source,
            path,
            Samples(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            reduce_range=True,
            op_types_to_quantize=list(_ROUNDED_OPERATORS),
            nodes_to_exclude=_seen_by_loops(onnx.load(source).graph),
            extra_options={"MinimumRealRange": _LEAST_RANGE},
        )


def _seen_by_loops(graph: OnnxGraph) -> list[str]:
    """Return the names of operators whose results the body of a loop takes from outside, as they are or reshaped.

    ONNX Runtime 1.32 carries pairs of quantization through reshaping to whoever takes its result, and ends the process
    where that is the body of a loop.
    """
    makers = {name: node for node in graph.node for name in node.output}
    wanted: list[str] = []
    for body in (body for node in graph.node for body in graphs_in(node)):
        wanted += [name for node in nodes_of(body) for name in node.input]  # those that it makes have other names
    found, seen = [], set[str]()
    while wanted:
        name = wanted.pop()
        maker = makers.get(name)
        if maker is None or name in seen:
            continue
        seen.add(name)
        if maker.op_type in _ROUNDED_OPERATORS:
            found.append(maker.name)
        else:
            wanted += maker.input
    return found


def convert_openvino(prepared: Prepared, path: Path) -> None:
    """Let NNCF quantize OpenVINO's graph.

    Ranges are the smallest and largest values that were met: by default NNCF takes means of them, which clips. Biases
    were corrected before, as for every format of integers here.

    Args:
        prepared: the network and its calibration samples.
        path: of the folder.

    Raises:
        MissingOperatorsError: as `graph_from`.
    """
    keep_private()
    import nncf
    import openvino as runtime
    from nncf.quantization.advanced_parameters import OverflowFix
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    network = graph_from(prepared)
    kernels = kernels_of(network)
    rows = list(in_batches(prepared.values or {}, 1))
    quantized = nncf.quantize(
        network,
        nncf.Dataset(rows),
        subset_size=len(rows),
        preset=nncf.QuantizationPreset.MIXED,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
            disable_bias_correction=True,
            overflow_fix=OverflowFix.DISABLE,
        ),
    )
    make_room(quantized, kernels, largest=_LARGEST_OPENVINO)
    path.mkdir()
    runtime.serialize(quantized, str(path / OPENVINO))


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Hold back what ONNX Runtime's quantizer advises by Python's root logger, which would get a handler by it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def chosen(quantize: str | None, plain: Target, int8: Target) -> Target:
    """Return which of a format's two targets `quantize` means.

    Raises:
        SepzooError: it is neither None nor "int8".
    """
    if quantize not in (None, "int8"):
        raise unknown("quantization", str(quantize), ["int8"])
    return plain if quantize is None else int8


ONNX_INT8 = Target(
    name="onnx:int8",
    suffix="_int8.onnx",
    convert=convert_onnx,
    add_metadata=add_metadata,
    tolerance=QUANTIZED,
    rounds=True,
    rounds_from=0,
    rounding=dataclasses.replace(INTEGERS, largest=_LARGEST_ONNX, depthwise=_LARGEST_ONNX),
    needs_calibration=True,
)
OPENVINO_INT8 = Target(
    name="openvino:int8",
    suffix="_openvino_int8",
    convert=convert_openvino,
    add_metadata=add_member,
    tolerance=QUANTIZED,
    rounds=True,
    rounds_from=0,
    rounding=dataclasses.replace(INTEGERS, largest=_LARGEST_OPENVINO, depthwise=_LARGEST_OPENVINO),
    calibrated=True,
    folder=True,
)
