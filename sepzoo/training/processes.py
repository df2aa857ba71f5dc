"""Several processes, on one machine or many, that train one network together, by JAX."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import keras
import numpy as np

from sepzoo.support.errors import SepzooError
from sepzoo.support.packages import require_installed
from sepzoo.training.devices import Devices, Mirrored, require_backend
from sepzoo.training.distribution import Distribution, says_that_none_answers, says_that_one_is_lost
from sepzoo.training.run_folder import RUN_FILES

HEARTBEAT = 60
"""Seconds without a sign of life after which JAX ends all processes."""
_SIGNS = ("Gloo", "NCCL", "coordination", "Coordination", "UNAVAILABLE", "DEADLINE_EXCEEDED")
"""What is in the text of errors that come of another process's end."""


class Processes(Devices):
    """The devices of all processes, by `keras.distribution.DataParallel` over `jax.distributed`.

    Each does the same, on its part of every batch. What is read from the run folder comes from the first; the others
    work in folders of their own, so that all decide alike. Where one ends early JAX ends the others within a minute, by
    an error here or by ending the process itself (`sepzoo.training.supervision` makes one line of either).

    Args:
        said: which processes, completed.

    Attributes:
        said: likewise.
    """

    alone = False

    def __init__(self, said: Distribution) -> None:
        import jax

        self.said = said
        self.count = jax.device_count()
        self.writes = said.index == 0
        self._distribution = keras.distribution.DataParallel(
            devices=keras.distribution.list_devices(), auto_shard_dataset=False
        )

    @classmethod
    @contextlib.contextmanager
    def joined(cls, said: Distribution) -> Iterator[Processes]:
        """Come together with the other processes, and stay so within the block.

        Raises:
            SepzooError: another backend than JAX, which must not have computed anything before; or one that is lost.
        """
        require_installed("multihost", ["jax"], "jax")
        require_backend("jax", "multihost")
        import jax

        try:
            jax.distributed.initialize(
                said.coordinator,
                said.processes,
                said.index,
                initialization_timeout=max(1, round(said.wait)),
                heartbeat_timeout_seconds=HEARTBEAT,
                # It would ask Kubernetes, and warn where it can't; Slurm and MPI it asks for the coordinator.
                cluster_detection_method="deactivate" if said.coordinator else None,
            )
        except RuntimeError as error:
            if "before" in str(error):
                raise SepzooError(
                    "expected multihost before anything is computed on JAX. Received: a process that has. Begin a new "
                    "one."
                ) from None
            raise says_that_none_answers(said) from error
        try:
            yield cls(said)
        except SepzooError:
            raise
        except Exception as error:  # each backend of JAX has its own
            if any(sign in str(error) for sign in _SIGNS):
                raise says_that_one_is_lost(said) from error
            raise
        jax.distributed.shutdown()

    @contextlib.contextmanager
    def home(self, out: Path) -> Iterator[Path]:
        """Yield the run folder in the first process, and a folder that is deleted at the end in the others."""
        if self.writes:
            yield out
            return
        with tempfile.TemporaryDirectory(prefix="sepzoo-") as folder:
            yield Path(folder) / out.name

    def share(self, home: Path) -> None:
        """Give all processes the files of the first one's run folder."""
        there = [name for name in RUN_FILES if (home / name).is_file()] if self.writes else []
        for name in json.loads(self._told(json.dumps(there).encode())):
            content = self._told((home / name).read_bytes() if self.writes else b"")
            if not self.writes:
                home.mkdir(parents=True, exist_ok=True)
                (home / name).write_bytes(content)

    @contextlib.contextmanager
    def agreed(self) -> Iterator[None]:
        """End all processes with the error of any of them that has one within the block."""
        from jax.experimental.multihost_utils import process_allgather

        own: SepzooError | None = None
        try:
            yield
        except SepzooError as error:
            own = error
        failed = np.ravel(process_allgather(np.array([own is not None])))
        if own is not None:
            raise own
        if failed.any():
            which = int(np.argmax(failed))
            raise SepzooError(f"expected all processes to begin. Received: an error in process {which}, which says it.")

    def scope(self) -> AbstractContextManager[object]:
        """Return the scope of Keras's distribution."""
        return self._distribution.scope()

    def parts(self, batches: Iterator[tuple[np.ndarray, ...]]) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the rows of this process of each batch."""
        return super().parts(_apart(batches))

    def _divided(self, batch: tuple[np.ndarray, ...]) -> Iterator[np.ndarray]:
        assert self.said.processes is not None
        assert self.said.index is not None
        whole = list(super()._divided(batch))
        own = len(whole[0]) // self.said.processes
        return (array[self.said.index * own : (self.said.index + 1) * own] for array in whole)

    def _told(self, content: bytes) -> bytes:
        """Return what the first process has."""
        from jax.experimental.multihost_utils import broadcast_one_to_all

        size = int(broadcast_one_to_all(np.array(len(content), np.int32)))
        given = np.frombuffer(content, np.uint8) if self.writes else np.zeros(size, np.uint8)
        return np.asarray(broadcast_one_to_all(given)).astype(np.uint8).tobytes()


def _apart(batches: Iterator[tuple[np.ndarray, ...]]) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield batches that are made on this process's own device, as where Keras's layers change the images."""
    while True:
        distribution = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        try:
            batch = next(batches, None)
        finally:
            keras.distribution.set_distribution(distribution)
        if batch is None:
            return
        yield batch


@contextlib.contextmanager
def devices_of(said: Distribution | None) -> Iterator[Devices]:
    """Yield the devices that a run is told to compute on; None: one."""
    if said is None:
        yield Devices()
    elif said.kind == "mirrored":
        yield Mirrored()
    else:
        with Processes.joined(said.completed()) as processes:
            yield processes
