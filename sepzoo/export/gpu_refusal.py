"""What the GPU of a phone refuses of a file."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class GpuRefusal:
    """Operators of a `.tflite` file that TFLite's GPU delegate leaves to the CPU.

    Attributes:
        operator: such as "GATHER".
        reason: why.
        count: how many of them, in all graphs of the file.
    """

    operator: str
    reason: str
    count: int

    def __str__(self) -> str:
        return f"{self.count} {self.operator} ({self.reason})"
