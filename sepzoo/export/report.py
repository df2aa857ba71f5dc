"""What an export hands back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from sepzoo.export.comparison import Comparison
from sepzoo.export.gpu_refusal import GpuRefusal
from sepzoo.export.layer_comparison import LayerErrors
from sepzoo.export.microcontroller import Microcontroller
from sepzoo.export.tolerance import Tolerance
from sepzoo.inference.latency import Latency
from sepzoo.inference.stablehlo_file import XlaCost
from sepzoo.records.outputs import Output

GPU_REFUSES = "mobile GPU refuses"
"""The row of what a phone's GPU leaves to the CPU."""


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """An exported file, and the proof that its outputs are its model's. `print` shows it as a table.

    Attributes:
        path: of the file.
        target: as `sepzoo export --to` names it.
        name: of the network.
        size: bytes.
        comparison: the file's outputs beside the model's.
        tolerance: the limits that it kept.
        latency: of one image on this machine, one thread where the format lets us choose.
        operators: operator name -> how often it stands in the file; empty where the format has none.
        calibration: what set the ranges of the integers, in words: images, or a training; None where there are none.
        labels: how many class names the file carries; 0: none.
        output: what the model gives, and how that is known; None where nobody asked. Of several outputs that of
            `comparison`.
        outputs: what each output gives; empty where nobody asked.
        cost: of one sample by XLA's own analysis; None of files that say none.
        operator_versions: operator name -> the highest of its versions in the file, which a runtime must know; empty
            where the format has none.
        batch_sizes: numbers of samples that the file takes at a time, a signature each; empty where any number will do.
        float_layers: names of the layers that were left float in a file that rounds, in the order of the graph.
        float_bytes: how much larger the file is by them.
        microcontroller: the C array beside the file, and the memory that it takes; None where nobody asked.
        layers: the error of each layer's output; None where nobody asked.
        gpu_refusals: what a phone's GPU leaves to the CPU, by TFLite's rules; None of files that are not for one.
    """

    path: Path
    target: str
    name: str
    size: int
    comparison: Comparison
    tolerance: Tolerance
    latency: Latency
    operators: dict[str, int]
    calibration: str | None
    labels: int
    output: Output | None = None
    outputs: tuple[Output, ...] = ()
    cost: XlaCost | None = None
    operator_versions: dict[str, int] = dataclasses.field(default_factory=dict)
    batch_sizes: tuple[int, ...] = ()
    float_layers: tuple[str, ...] = ()
    float_bytes: int = 0
    microcontroller: Microcontroller | None = None
    layers: LayerErrors | None = None
    gpu_refusals: tuple[GpuRefusal, ...] | None = None

    def rows(self) -> list[tuple[str, str]]:
        """Return the table's rows: what, and its value in words."""
        rows = [
            ("file", str(self.path)),
            ("target", self.target),
            ("network", f"{self.name}, {self.labels or 'no'} labels"),
            ("size", f"{self.size / 1024:.1f} KiB"),
        ]
        if self.comparison.outputs:
            rows.append(("checked on", self.comparison.origin))
            reasons = {output.name: f"{output.kind}, {output.reason}" for output in self.outputs}
            for seen in self.comparison.outputs:
                rows.append((f"output {seen.name}", reasons.get(seen.name, "")))
                rows += [(f"  {what}", value) for what, value in _compared(seen)[1:]]
        else:
            if self.output is not None:
                rows.append(("output", f"{self.output.kind}, {self.output.reason}"))
            rows += _compared(self.comparison)
        rows.append(("latency", str(self.latency)))
        if self.cost is not None:
            fused = "" if self.cost.fusions is None else f", {self.cost.fusions:,} fusions"
            counted = f"{self.cost.flops:,} operations, {self.cost.bytes:,} bytes for one sample{fused}"
            rows.append(("XLA's count", counted))
            rows.append(("sepzoo's count", f"{self.cost.macs:,} multiply-accumulates"))
        if self.calibration:
            rows.append(("calibrated on", self.calibration))
        if len(self.batch_sizes) > 1:
            rows.append(("samples at a time", f"{', '.join(map(str, self.batch_sizes))}, each compared"))
        if self.float_layers:
            cost = f"{self.float_bytes / 1024:+.1f} KiB"
            rows.append(("float layers", f"{', '.join(self.float_layers)} ({len(self.float_layers)}, {cost})"))
        if self.microcontroller is not None:
            rows.append(("C array", str(self.microcontroller)))
        if self.layers is not None:
            rows.append(("worst layers", f"{self.layers.worst()}; all in {self.path}.layers.csv, .png, .json"))
        if self.gpu_refusals is not None:
            refused = ", ".join(map(str, self.gpu_refusals))
            rows.append((GPU_REFUSES, refused) if refused else ("mobile GPU", "no operator is known to be refused"))
        if self.operators:
            rows.append(("operators", ", ".join(map(self._operator, self.operators))))
        return rows

    def _operator(self, name: str) -> str:
        version = self.operator_versions.get(name)
        return f"{self.operators[name]} {name}" + ("" if version is None else f" v{version}")

    def to_json(self) -> str:
        """Return all fields as JSON."""
        fields = dataclasses.asdict(self)
        fields["comparison"]["accuracy_drop"] = self.comparison.accuracy_drop
        return json.dumps(fields, indent=1, ensure_ascii=False, default=str)

    def __str__(self) -> str:
        width = max(len(what) for what, _ in self.rows())
        return "\n".join(f"{what:<{width}}  {value}" for what, value in self.rows())


def _compared(seen: Comparison) -> list[tuple[str, str]]:
    """Return the rows of a comparison."""
    differ = f"differ by {seen.max_error:.2g} at most, {seen.mean_error:.2g} on average"
    rows = [("checked on", seen.origin), ("probabilities" if seen.scores else "values", differ)]
    if seen.half_error is not None:
        rows.append(("half precision", f"the model as it is differs by {seen.half_error:.2g} at most"))
    if seen.agreement is not None:
        rows.append(("same top-1", f"{seen.agreement:.3f}"))
    else:
        rows.append(("same top-1", f"not measured: {seen.note}"))
    if seen.kl_divergence is not None:
        rows.append(("KL divergence", f"{seen.kl_divergence:.2g} nats"))
    if seen.relative_error is not None:
        rows.append(("relative error", f"{seen.relative_error:.2g}"))
    if seen.model_accuracy is not None and seen.file_accuracy is not None:
        change = seen.file_accuracy - seen.model_accuracy
        rows += [
            (
                "accuracy, model",
                f"{seen.model_accuracy:.3f}, labels matched {seen.matched or 'by number'}",
            ),
            ("accuracy, file", f"{seen.file_accuracy:.3f} ({change:+.3f} ± {seen.accuracy_drop_error:.3f})"),
        ]
    return rows
