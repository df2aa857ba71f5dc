"""What is looked at after every training step: the loss, the time since the state was kept, and signals to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np

from sepzoo.support.errors import SepzooError
from sepzoo.support.stopping import Held
from sepzoo.support.types import Kwargs


class StepWatch(keras.callbacks.Callback):
    """Keras callback of one epoch: stops at a loss that is no number, and keeps the state by time and before it stops.

    Args:
        epoch: counted from 1, for the error.
        steps: of the epoch.
        done: steps of it that were taken before.
        metrics: values of the metrics' variables at that point; nothing at the start of an epoch.
        save: called with the steps that are done, to keep the state.
        minutes: between two such calls.
        held: signals to stop; one that waits goes on after such a call.
    """

    def __init__(
        self,
        *,
        epoch: int,
        steps: int,
        done: int = 0,
        metrics: Sequence[np.ndarray] = (),
        save: Callable[[int], None],
        minutes: float,
        held: Held,
    ) -> None:
        super().__init__()
        self._epoch = epoch
        self._of = steps
        self._steps = done
        self._kept = metrics
        self._save = save
        self._seconds = 60 * minutes
        self._since = time.monotonic()
        self._held = held

    def on_train_batch_end(self, batch: int, logs: Kwargs | None = None) -> None:
        """Look at the mean loss of the epoch so far.

        Raises:
            SepzooError: it is no number.
            KeyboardInterrupt: a signal to stop has come; the state is kept.
        """
        if self._kept:
            self._add_kept()
        self._saw((logs or {}).get("loss", 0.0))
        self._keep()

    def begin(self, model: keras.Model) -> None:
        """Put back what the metrics had summed when the epoch was broken off, where `fit` is not what trains."""
        self.set_model(model)
        for variable, value in zip(model.metrics_variables if self._kept else (), self._kept, strict=True):
            variable.assign(value)
        self._kept = ()

    def saw(self, losses: Sequence[float]) -> None:
        """Look at the mean losses of several steps that were one call.

        Raises:
            SepzooError: one is no number.
            KeyboardInterrupt: a signal to stop has come; the state is kept.
        """
        for loss in losses:
            self._saw(loss)
        self._keep()

    def _saw(self, loss: float) -> None:
        self._steps += 1
        if not math.isfinite(loss):
            raise SepzooError(
                f"expected a loss that is a number. Received: loss={loss} in epoch {self._epoch}, at step "
                f"{self._steps}. Lower optimizer.learning_rate, and name another folder; what was kept before stays."
            )

    def _keep(self) -> None:
        if self._steps == self._of:  # the epoch's end keeps it
            return
        if self._held.waits or time.monotonic() - self._since >= self._seconds:
            self._synchronize()
            self._save(self._steps)
            self._since = time.monotonic()
        self._held.release()

    def _add_kept(self) -> None:
        """Add what the metrics had summed when the epoch was broken off.

        They are sums, made by the first batch, and a sum of two numbers is the same in either order to the last bit.
        """
        self._synchronize()
        for variable, value in zip(self.model.metrics_variables, self._kept, strict=True):
            variable.assign(variable + value)
        self._kept = ()

    def _synchronize(self) -> None:
        """Let the model's variables hold the values of the moment; on JAX a step hands them on beside the model."""
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
