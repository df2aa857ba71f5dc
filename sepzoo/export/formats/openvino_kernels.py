"""The kernels of an OpenVINO graph that NNCF quantized, brought to smaller integers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from sepzoo.support.types import OpenvinoModel, OpenvinoNode
from sepzoo.support.usage_data import keep_private

_NNCF_LARGEST = 127
_OPERATIONS = ("Convolution", "GroupConvolution", "MatMul")
"""Those that have kernels."""


def kernels_of(network: OpenvinoModel) -> dict[str, np.ndarray]:
    """Return the kernels of a float graph, by the names of the operations that they are of."""
    sources = {each.get_friendly_name(): each.input_value(1).get_node() for each in _operations(network)}
    return {name: np.array(node.get_data()) for name, node in sources.items() if node.get_type_name() == "Constant"}


def make_room(network: OpenvinoModel, kernels: Mapping[str, np.ndarray], *, largest: int) -> None:
    """Bring the integers of kernels to -largest … largest, from NNCF's -127 … 127, with steps as much larger.

    NNCF's own way to do so (its `overflow_fix`) takes half a step more, where no largest weight lies: all weights of a
    filter that was rounded already would move.

    Args:
        network: that NNCF quantized.
        kernels: as they were before, by the names of their operations: what is rounded once errs less than twice.
        largest: of the integers.
    """
    keep_private()
    from openvino import opset13 as operations

    share, done = np.float32(largest / _NNCF_LARGEST), set[str]()
    for operation in _operations(network):
        scaled = operation.input_value(1).get_node()  # what is rounded: a product of integers and steps
        sources = {each.get_node().get_type_name(): each for each in scaled.input_values()}
        if set(sources) != {"Convert", "Constant"} or scaled.get_friendly_name() in done:
            continue
        done.add(scaled.get_friendly_name())  # two operations may share a kernel
        integers = sources["Convert"].get_node().input_value(0)
        nncf_s, steps = integers.get_node().get_data(), sources["Constant"].get_node().get_data() / share
        kernel = kernels.get(operation.get_friendly_name())
        if kernel is None or kernel.shape != nncf_s.shape:
            kernel = nncf_s * (steps * share)
        whole = np.clip(np.round(kernel / steps), -largest, largest).astype(np.int8)
        integers.replace(operations.constant(whole).output(0))
        sources["Constant"].replace(operations.constant(steps).output(0))


def _operations(network: OpenvinoModel) -> Iterator[OpenvinoNode]:
    """Yield the operations that have kernels."""
    return (each for each in network.get_ordered_ops() if each.get_type_name() in _OPERATIONS)
