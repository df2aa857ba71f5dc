"""Learning curves, as a picture and for TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sepzoo.support.atomic import atomic_write
from sepzoo.training.record import Epoch


def plot_curves(history: Sequence[Epoch], path: Path, *, title: str) -> None:
    """Write a PNG of loss and accuracy over the epochs, of training and of validation."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    epochs = [record.epoch for record in history]
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, [getattr(record, quantity) for record in history], label="training", marker=".")
        axes.plot(epochs, [getattr(record, f"val_{quantity}") for record in history], label="validation", marker=".")
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(title)
    with atomic_write(path) as temporary:
        canvas.print_png(temporary)


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
