"""Files of networks, measured: bytes, memory of activations, time, answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from sepzoo.analysis.profiling import profile
from sepzoo.data.samples import Samples
from sepzoo.export.comparison import Comparison, by_name, compare
from sepzoo.export.pipeline import write
from sepzoo.export.targets import TARGETS
from sepzoo.export.tolerance import Tolerance
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.opening import open as open_file


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """A file and what it costs.

    Attributes:
        path: of the file.
        costs: by resource: "macs", "kib", "ram_kib".
        comparison: its answers beside those of the original network.
    """

    path: Path
    costs: Mapping[str, float]
    comparison: Comparison


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """The network as it was, and what it answers, which files are held against.

    Attributes:
        classifier: the network, with what was said of it.
        samples: to compare answers on.
    """

    classifier: KerasClassifier
    samples: Samples

    @cached_property
    def answers(self) -> dict[str, np.ndarray]:
        """What it predicts for the samples."""
        return by_name(self.classifier, self.samples)

    def compared(self, file: Classifier) -> Comparison:
        """Return the answers of a file beside its own."""
        return compare(self.classifier, file, self.samples, expected=self.answers)


def measured_file(
    classifier: KerasClassifier, path: Path, *, runtime: str, reference: Reference, calibration: Samples
) -> Measured:
    """Write a network and measure its file.

    Args:
        classifier: the network, with what is said of it.
        path: of the file.
        runtime: a target of export.
        reference: what the file is held against.
        calibration: sets the ranges of integers.
    """
    write(classifier, TARGETS[runtime], path, calibration=calibration, check=reference.samples, tolerance=Tolerance())
    file = open_file(path, trust=True)
    costs = {
        "macs": float(profile(classifier.model).macs),
        "kib": path.stat().st_size / 1024,
        "ram_kib": activation_bytes(path.read_bytes()) / 1024,
    }
    return Measured(path, costs, reference.compared(file))


def activation_bytes(content: bytes) -> int:
    """Return the largest sum of the tensors of a `.tflite` file that are in memory at once.

    A tensor is in memory from the operator that computes it (an input from the first one on) to the last one that
    takes it. What a runtime's planner adds, alignment and gaps, is not in it.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    sizes = {}
    for number in range(graph.TensorsLength()):
        tensor = graph.Tensors(number)
        if not model.Buffers(tensor.Buffer()).DataLength():
            sizes[number] = int(np.prod(tensor.ShapeAsNumpy())) * _ITEM_BYTES.get(tensor.Type(), 4)
    count = graph.OperatorsLength()
    first = dict.fromkeys(graph.InputsAsNumpy().tolist(), 0)
    last = dict.fromkeys(graph.OutputsAsNumpy().tolist(), count - 1)
    for place in range(count):
        operator = graph.Operators(place)
        for tensor in operator.OutputsAsNumpy().tolist():
            first.setdefault(tensor, place)
            last.setdefault(tensor, place)
        for tensor in operator.InputsAsNumpy().tolist():
            last[tensor] = max(last.get(tensor, place), place)
    live = np.zeros(max(count, 1), np.int64)
    for tensor, size in sizes.items():
        if tensor in first:
            live[first[tensor] : last.get(tensor, first[tensor]) + 1] += size
    return int(live.max())


_ITEM_BYTES = {0: 4, 1: 2, 2: 4, 3: 1, 4: 8, 6: 1, 7: 2, 9: 1}
"""Of TFLite's types float32, float16, int32, uint8, int64, bool, int16, int8."""
