"""What became of a network's export to several files, as a table."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from sepzoo.export.comparison import Comparison
from sepzoo.export.report import GPU_REFUSES, ExportReport
from sepzoo.inference.latency import Latency
from sepzoo.support.table import table
from sepzoo.support.types import Json


@dataclasses.dataclass(frozen=True)
class ExportFailure:
    """A format that was asked for, and of which there is no file.

    Attributes:
        target: its name.
        reason: why, in one line, and what to do.
        refused: whether a file was made, and not kept since its answers strayed beyond the tolerance; else there can be
            none, of this network or on this machine.
        named: whether it was asked for by its name, and not by `all`.
    """

    target: str
    reason: str
    refused: bool = False
    named: bool = False


@dataclasses.dataclass(frozen=True)
class ExportResults:
    """A network and the files that were made of it. `print` shows them as a table.

    Attributes:
        saved: the network's own file; None where it has none.
        latency: of the network in Keras.
        reports: one for each file.
        failures: formats of which there is no file.
        least_accuracy: the gate: what each file should have; None: nobody asked.
    """

    saved: Path | None
    latency: Latency
    reports: tuple[ExportReport, ...]
    failures: tuple[ExportFailure, ...] = ()
    least_accuracy: float | None = None

    @property
    def accuracy(self) -> float | None:
        """The network's own, on the samples that the files were checked on; None where it was not measured."""
        return next((report.comparison.model_accuracy for report in self.reports), None)

    @property
    def passed(self) -> bool:
        """Whether files were written, of each format that was named, and each has the accuracy that was asked for.

        A format of `all` that this network or this machine can't have does not count; one whose file was refused misses
        any accuracy that was asked for.
        """
        return not (self._missed() or self.lacking) and (bool(self.reports) or not self.failures)

    @property
    def lacking(self) -> tuple[str, ...]:
        """The formats that were named, and of which there is no file."""
        return tuple(failure.target for failure in self.failures if failure.named)

    def is_below(self, report: ExportReport) -> bool:
        """Return whether a file has less accuracy than was asked for, or none that was measured."""
        accuracy = report.comparison.file_accuracy
        return self.least_accuracy is not None and (accuracy is None or accuracy < self.least_accuracy)

    def _missed(self) -> list[str]:
        """Return the targets that miss the accuracy that was asked for, if any was."""
        below = [report.target for report in self.reports if self.is_below(report)]
        gated = self.least_accuracy is not None
        return below + [failure.target for failure in self.failures if gated and failure.refused]

    def to_dict(self) -> dict[str, Json]:
        """Return all of it as JSON can hold it."""
        own = {
            "path": None if self.saved is None else str(self.saved),
            "accuracy": self.accuracy,
            "latency": dataclasses.asdict(self.latency),
        }
        files = [{**json.loads(report.to_json()), "passed": not self.is_below(report)} for report in self.reports]
        return {
            "keras": own,
            "files": files,
            "failures": [dataclasses.asdict(failure) for failure in self.failures],
            "least_accuracy": self.least_accuracy,
            "passed": self.passed,
        }

    def rows(self) -> list[list[str]]:
        """Return the table as text, its header first: the network itself, each file, each format without one.

        A file's status is what its export found, pass, or FAIL where it has less than the least accuracy.
        """
        file = ["", ""] if self.saved is None else [str(self.saved), _kib(self.saved.stat().st_size)]
        rows = [["Keras", *file, _share(self.accuracy), "", "", _ms(self.latency), ""]]
        for report in self.reports:
            seen = report.comparison
            compared = [_share(seen.file_accuracy), _share(seen.agreement), _nats(seen.kl_divergence)]
            status = "FAIL" if self.is_below(report) else "pass"
            rows.append([report.target, str(report.path), _kib(report.size), *compared, _ms(report.latency), status])
        rows += [[failure.target, *[""] * 6, "no file"] for failure in self.failures]
        return [["", "file", "KiB", "accuracy", "same answer", "KL, nats", "ms/image", "status"], *rows]

    def notes(self) -> list[str]:
        """Return what the table has no column for, a line each."""
        notes = []
        for report in self.reports:
            seen = report.comparison
            matched = "" if seen.file_accuracy is None else f", classes matched {seen.matched or 'by number'}"
            notes.append(f"checked on {seen.origin}{matched}")
            notes += [f"{report.target}{text}" for text in map(_differences, seen.outputs or (seen,)) if text]
            notes += [f"{report.target}: {what} {value}" for what, value in report.rows() if what in _NOTED]
            notes += [f"{report.target} calibrated on {report.calibration}"] if report.calibration else []
        notes += [f"{failure.target}: {failure.reason}" for failure in self.failures]
        if self.least_accuracy is not None:
            notes.append(f"least accuracy {self.least_accuracy:g}: {self._said_of_accuracy()}")
        return list(dict.fromkeys(notes))

    def _said_of_accuracy(self) -> str:
        """Return which files miss the least accuracy, and how many formats have none to measure it of."""
        missed, kept, without = self._missed(), len(self.reports), len(self.failures)
        if missed or not without:
            said = f"missed by {', '.join(missed)}" if missed else "kept by all files"
        else:
            said = f"kept by {kept or 'no'} file{'s' * (kept > 1)}"
        none = f"; {without} format{'s have' if without > 1 else ' has'} none"
        return f"{said}{none if without else ''}"

    def __str__(self) -> str:
        header, *rows = self.rows()
        return "\n".join([table(header, rows, left=2), *self.notes()])


_NOTED = ("float layers", "samples at a time", "C array", "worst layers", GPU_REFUSES)
"""Rows of a report that the table has no column for."""


def _differences(seen: Comparison) -> str:
    """Return in words what the table has no column for: how far an output strays without agreement.

    Of one of several outputs agreement and KL divergence too.
    """
    alone = seen.name is None or seen.kl_divergence is None
    parts = [] if alone else [f"KL divergence {_nats(seen.kl_divergence)} nats"]
    if seen.relative_error is not None and (seen.agreement is None or seen.name is not None):
        why = seen.note if seen.agreement is None else f"same answer {seen.agreement:.4f}"
        parts.append(f"relative error {seen.relative_error:.2g}, largest difference {seen.max_error:.2g} ({why})")
    return f"{'' if seen.name is None else f', output {seen.name}'}: {', '.join(parts)}" if parts else ""


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _nats(divergence: float | None) -> str:
    return "-" if divergence is None else f"{divergence:.5f}"


def _kib(size: int) -> str:
    return f"{size / 1024:,.0f}"


def _ms(latency: Latency) -> str:
    return f"{latency.median_ms:.2f}"
