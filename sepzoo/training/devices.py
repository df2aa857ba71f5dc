"""The devices that a training computes on: one, or the GPUs of one machine; those of several are in `processes`."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sepzoo.layers.cloning import parts_of
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.walk.rewriting import rewrite
from sepzoo.training.feeding import data_set
from sepzoo.training.networks import Networks


def require_backend(name: str, what: str, *, otherwise: str = "") -> None:
    """See that Keras runs on a backend.

    Args:
        name: of the backend.
        what: needs it.
        otherwise: what else could be done, in words that follow a command.

    Raises:
        SepzooError: it runs on another one.
    """
    found = keras.backend.backend()
    if found != name:
        raise SepzooError(
            f"expected the {name} backend for {what}. Received: {found}. Begin the command with "
            f"KERAS_BACKEND={name}{otherwise}."
        )


class Devices:
    """One device, the backend's own: the base of all others.

    Attributes:
        count: devices in all; each gets an equal part of every batch.
        writes: whether this process writes the run folder.
        alone: whether there is no other process.
    """

    count: int = 1
    writes: bool = True
    alone: bool = True

    @contextlib.contextmanager
    def home(self, out: Path) -> Iterator[Path]:
        """Yield the folder that this process works in: the run folder, or one of its own that is deleted at the end."""
        yield out

    def share(self, home: Path) -> None:
        """Give all processes the files of the first one's run folder."""

    @contextlib.contextmanager
    def agreed(self) -> Iterator[None]:
        """End all processes with the error of any of them that has one within the block."""
        yield

    def scope(self) -> AbstractContextManager[object]:
        """Return the context in which variables are made, and steps taken, on all devices."""
        return contextlib.nullcontext()

    def spread(self, networks: Networks) -> Networks:
        """Return networks of which the one that trains lies on all devices; the other is measured on one."""
        if self.count == 1:
            return networks
        with self.scope():
            training, _ = rewrite(networks.training, lambda site: None)
        return dataclasses.replace(networks, training=training)

    def check(self, batch_size: int) -> None:
        """See that a batch can be divided.

        Raises:
            SepzooError: it can't.
        """
        if batch_size % self.count:
            near = max(1, round(batch_size / self.count)) * self.count
            raise SepzooError(
                f"expected a batch_size that {self.count} devices divide. Received: batch_size={batch_size}. Say "
                f"batch_size={near}."
            )

    def require_one(self, what: str) -> None:
        """See that there is one device, for what does without others.

        Raises:
            SepzooError: there are more.
        """
        if self.count > 1 or not self.alone:
            raise SepzooError(
                f"expected one device with {what}. Received: {self.count}. Leave {what} or distribute out."
            )

    def steps(self, images: int, batch_size: int) -> int:
        """Return the steps of an epoch; of a last batch with fewer images than devices there is none."""
        steps = -(-images // batch_size)
        return steps - (0 < images % batch_size < self.count)

    def parts(self, batches: Iterator[tuple[np.ndarray, ...]]) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield what this process feeds of each batch; images left over by a last batch's division are left out."""
        for batch in batches:
            if len(batch[0]) >= self.count:
                yield batch if self.count == 1 else (*self._divided(batch),)

    def fed(self, batches: Callable[[], Iterator[tuple[np.ndarray, ...]]]) -> Any:
        """Return what `fit` takes.

        Args:
            batches: begins an epoch's anew, parts of this process alone.
        """
        return data_set(batches) if keras.backend.backend() == "tensorflow" else batches()

    def _divided(self, batch: tuple[np.ndarray, ...]) -> Iterator[np.ndarray]:
        used = len(batch[0]) - len(batch[0]) % self.count
        return (array[:used] for array in batch)


class Mirrored(Devices):
    """All GPUs of this machine, each with a copy of the weights, by `tf.distribute.MirroredStrategy`.

    Batch normalization goes over the whole batch, by Keras's `synchronized`.

    Args:
        devices: as TensorFlow names them; none: all GPUs, or the CPU where there is none.

    Raises:
        SepzooError: another backend than TensorFlow.
    """

    def __init__(self, devices: tuple[str, ...] = ()) -> None:
        require_backend("tensorflow", "mirrored", otherwise=", or say multihost, which goes by JAX")
        import tensorflow as tf

        self._strategy = tf.distribute.MirroredStrategy(list(devices) or None)
        self.count = self._strategy.num_replicas_in_sync

    def scope(self) -> AbstractContextManager[object]:
        """Return the strategy's scope."""
        return self._strategy.scope()

    def spread(self, networks: Networks) -> Networks:
        """Return networks whose training network is mirrored, with batch normalization over the whole batch."""
        spread = super().spread(networks)
        if self.count > 1:
            for layer in parts_of(spread.training):
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.synchronized = True
        return spread
