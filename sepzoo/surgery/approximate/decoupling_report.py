"""What decoupling did: beside the layers, the terms and errors of each, and what equal terms would have given."""

from __future__ import annotations

import dataclasses

from sepzoo.support.table import table
from sepzoo.surgery.walk.report import SurgeryReport


@dataclasses.dataclass(frozen=True)
class DecoupledLayer:
    """One layer that became a sum of separable ones.

    Attributes:
        layer: its name.
        terms: how many are summed.
        rank: with how many the sum would be exact.
        kernel_error: squared norm of what the decomposition of the kernel leaves out, as a share of the kernel's.
        output_error: squared error of the layer's outputs on the samples, its input coming through the layers decoupled
            before it, as a share of their variance; None where there were no samples.
        data_free_output_error: the same for the decomposition of the kernel; never less than `output_error`.
    """

    layer: str
    terms: int
    rank: int
    kernel_error: float
    output_error: float | None = None
    data_free_output_error: float | None = None


@dataclasses.dataclass(frozen=True)
class UniformChoice:
    """What the same number of terms in every layer gives.

    Attributes:
        terms: the number.
        macs: of the whole model.
        error: sum of the layers' errors, in the measure by which the budget was allocated.
    """

    terms: int
    macs: int
    error: float


@dataclasses.dataclass(frozen=True)
class DecouplingReport(SurgeryReport):
    """A `SurgeryReport` with the terms of each layer.

    Attributes:
        layers: the decoupled layers in the order of the graph.
        total_error: sum of the errors by which a budget is allocated: of the kernels, or with samples of the outputs
            that a first fit gives in the original model.
        uniform: what the same number of terms in every layer would give; empty where the model leaves sizes open.
    """

    layers: tuple[DecoupledLayer, ...] = ()
    total_error: float = 0.0
    uniform: tuple[UniformChoice, ...] = ()

    def __str__(self) -> str:
        text = f"{super().__str__()}\n\ntotal error {self.total_error:.4f}"
        if not self.uniform:
            return text
        rows = [[str(each.terms), f"{each.macs:,}", f"{each.error:.4f}"] for each in self.uniform]
        return f"{text}; with the same number of terms in every layer:\n" + table(
            ["terms", "MACs", "total error"], rows, left=0
        )
