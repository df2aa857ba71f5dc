"""A network and the files that were made of it, in one table."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from sepzoo.export import ExportReport
from sepzoo.inference.latency import Latency
from sepzoo.support.table import table


@dataclasses.dataclass(frozen=True)
class Exported:
    """What an export gave.

    Attributes:
        saved: the network's own file; None where it has none.
        latency: of the network in Keras.
        reports: one for each file.
    """

    saved: Path | None
    latency: Latency
    reports: tuple[ExportReport, ...]

    @property
    def accuracy(self) -> float | None:
        """The network's own, on the samples that the files were checked on; None where it was not measured."""
        return next((report.comparison.model_accuracy for report in self.reports), None)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        own = {
            "path": None if self.saved is None else str(self.saved),
            "accuracy": self.accuracy,
            "latency": dataclasses.asdict(self.latency),
        }
        return {"keras": own, "files": [json.loads(report.to_json()) for report in self.reports]}

    def __str__(self) -> str:
        file = ["", ""] if self.saved is None else [str(self.saved), _kib(self.saved.stat().st_size)]
        rows = [["Keras", *file, _share(self.accuracy), "", _ms(self.latency)]]
        notes = []
        for report in self.reports:
            seen = report.comparison
            answers = [_share(seen.file_accuracy), _share(seen.agreement)]
            rows.append([report.target, str(report.path), _kib(report.size), *answers, _ms(report.latency)])
            notes.append(f"checked on {seen.origin}")
            notes += [f"{report.target} calibrated on {report.calibration}"] if report.calibration else []
        text = table(["", "file", "KiB", "accuracy", "same answer", "ms/image"], rows, left=2)
        return "\n".join([text, *dict.fromkeys(notes)])


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _kib(size: int) -> str:
    return f"{size / 1024:,.0f}"


def _ms(latency: Latency) -> str:
    return f"{latency.median_ms:.2f}"
