"""Learning curves, as a picture and for TensorBoard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from sepzoo.support.figure_file import figure_file
from sepzoo.training.finished_run import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CUT = 2.0
"""An axis may be so many times as long as the curves without their spikes."""
SHORT = 5
"""Curves of fewer epochs are shown whole."""


def plot_curves(history: Sequence[Epoch], path: Path, *, title: str) -> None:
    """Write a PNG of loss and accuracy over the epochs, of training and of validation.

    A value that stands alone, far from the rest, does not flatten the curves: the axis ends before it, a triangle marks
    it at the edge, and the farthest one is written beside its triangle.
    """
    from matplotlib.ticker import MaxNLocator

    epochs = [record.epoch for record in history]
    with figure_file(path, size=(9, 3.5)) as figure:
        for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
            curves = {
                label: [getattr(record, prefix + quantity) for record in history]
                for label, prefix in (("training", ""), ("validation", "val_"))
            }
            for label, values in curves.items():
                axes.plot(epochs, values, label=label, marker=".")
            axes.set(xlabel="epoch", ylabel=quantity)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)
            _cut(axes, epochs, list(curves.values()))
            axes.legend()
        figure.suptitle(title)


def limits(curves: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """Return the least and the greatest value that an axis shows so that spikes do not flatten the curves.

    What must be seen is where the middle half of each curve lies, and where the curves start and end, as far as they
    agree in it. The axis grows to the values beyond up to `CUT` times that. None where nothing is finite.

    Example:
        >>> limits([[2.2, 0.6, 0.4, 0.3, 0.2, 0.1, 0.1], [2.3, 21.6, 9.5, 0.5, 0.3, 0.2, 0.2, 0.2, 0.1]])
        (0.1, 2.3)
        >>> limits([[2.2, 0.6, 0.4, 0.3, 0.2, 0.1, 0.1], [2.3, 2.5, 1.9, 0.5, 0.3, 0.2, 0.2]])
        (0.1, 2.5)
    """
    finite = [[value for value in curve if math.isfinite(value)] for curve in curves]
    finite = [curve for curve in finite if curve]
    if not finite:
        return None
    least, greatest = min(map(min, finite)), max(map(max, finite))
    if min(map(len, finite)) < SHORT:
        return least, greatest
    starts, ends = [curve[0] for curve in finite], [curve[-1] for curve in finite]
    quarters = [quantiles(curve, n=4, method="inclusive") for curve in finite]
    low = min(max(starts), max(ends), *(first for first, _, _ in quarters))
    high = max(min(starts), min(ends), *(third for _, _, third in quarters))
    values = [value for curve in finite for value in curve]
    return (
        min(value for value in values if high - value <= CUT * (high - low)),
        max(value for value in values if value - low <= CUT * (high - low)),
    )


def _cut(axes: Axes, epochs: Sequence[int], curves: Sequence[Sequence[float]]) -> None:
    """End the axis of values at its limits, and mark what lies beyond."""
    found = limits(curves)
    if found is None or found[0] == found[1]:
        return
    low, high = found
    margin = 0.05 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    for line, values in zip(axes.get_lines(), curves, strict=True):
        for beyond, edge, marker in (
            ([(value, epoch) for epoch, value in zip(epochs, values, strict=True) if value > high + margin], 1.0, "^"),
            ([(value, epoch) for epoch, value in zip(epochs, values, strict=True) if value < low - margin], 0.0, "v"),
        ):
            if not beyond:
                continue
            places = [epoch for _, epoch in beyond]
            across = axes.get_xaxis_transform()
            axes.plot(places, [edge] * len(places), marker, color=line.get_color(), transform=across, clip_on=False)
            value, epoch = max(beyond) if edge else min(beyond)
            text = axes.annotate(f"{value:,.3g}", (epoch, edge), (0, 5), xycoords=across, textcoords="offset points")
            text.set(ha="center", fontsize=8)


class TensorBoardLog:
    """TensorBoard event files; they need TensorFlow, so there are none on another backend.

    Args:
        folder: where the files go.
        backend: Keras's backend.
    """

    def __init__(self, folder: Path, *, backend: str) -> None:
        self._writer = None
        if backend == "tensorflow":
            import tensorflow

            self._writer = tensorflow.summary.create_file_writer(str(folder))

    @property
    def active(self) -> bool:
        """Whether anything is written."""
        return self._writer is not None

    def add(self, record: Epoch) -> None:
        """Write the numbers of an epoch."""
        if self._writer is None:
            return
        import tensorflow

        kind = tensorflow.compat.v1.SummaryMetadata(data_class="DATA_CLASS_SCALAR")
        kind.plugin_data.plugin_name = "scalars"
        scalars = {
            "loss/training": record.loss,
            "loss/validation": record.val_loss,
            "accuracy/training": record.accuracy,
            "accuracy/validation": record.val_accuracy,
            "learning_rate": record.learning_rate,
            "images_per_second": record.images_per_second,
        }
        with self._writer.as_default(step=record.epoch):
            for name, value in scalars.items():
                tensorflow.summary.write(name, tensorflow.constant(value), metadata=kind)
        self._writer.flush()
