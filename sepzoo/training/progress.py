"""What a user sees while a network trains: a bar with the time left on a terminal, else one plain line an epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sepzoo.training.finished_run import Epoch


class RunProgress:
    """Context manager that shows how far a run is, on standard error.

    Args:
        epochs: of the whole run.
        done: epochs that an earlier start has finished.
        steps_per_epoch: training steps.
        quiet: show nothing.
    """

    def __init__(self, *, epochs: int, done: int, steps_per_epoch: int, quiet: bool) -> None:
        self.epochs = epochs
        self._console = Console(stderr=True, quiet=quiet)
        self._started = time.monotonic()
        self._done = done
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=self._console, disable=quiet or not self._console.is_terminal)
        self._task = self._bar.add_task("", total=epochs * steps_per_epoch, completed=done * steps_per_epoch)

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Show a line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def counted(self, batches: Iterator[tuple[np.ndarray, ...]]) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield batches, and move the bar with each."""
        for batch in batches:
            yield batch
            self.advance(1)

    def begin(self, epoch: int, *, done: int = 0) -> None:
        """Show which epoch begins, so many steps of it done before."""
        self._bar.update(self._task, description=f"epoch {epoch}/{self.epochs}")
        self.advance(done)

    def advance(self, steps: int) -> None:
        """Move the bar."""
        self._bar.advance(self._task, steps)

    def epoch_done(self, record: Epoch) -> None:
        """Show what an epoch gave."""
        each = (time.monotonic() - self._started) / (record.epoch - self._done)
        left = round(each * (self.epochs - record.epoch))
        self.say(
            f"epoch {record.epoch}/{self.epochs}  loss {record.loss:.4f}  accuracy {record.accuracy:.4f}  "
            f"val_loss {record.val_loss:.4f}  val_accuracy {record.val_accuracy:.4f}  "
            f"{record.images_per_second:.0f} images/s  {left // 60}:{left % 60:02} left"
        )
