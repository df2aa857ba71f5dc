"""The state of a run at the end of an epoch or within one, to the last bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from keras.ops import convert_to_numpy

from sepzoo.artifact.inspection.checking import check
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.types import Kwargs, Optimizer, Variable
from sepzoo.training.optimizer import own_optimizer

_METRIC = "metric_"


class DamagedError(SepzooError):
    """A file of a run that is not as the run wrote it."""


@dataclasses.dataclass(frozen=True)
class State:
    """What `save_state` wrote.

    Attributes:
        path: of the file.
        epochs: that were done.
        steps: of the next epoch that were done.
        arrays: the value of each variable.
        metrics: what the metrics had summed in the epoch so far.
    """

    path: Path
    epochs: int
    steps: int
    arrays: Mapping[str, np.ndarray]
    metrics: tuple[np.ndarray, ...] = ()

    @classmethod
    def read(cls, path: Path) -> State:
        """Read a file.

        Raises:
            DamagedError: it is not whole.
        """
        arrays = read_arrays(path)
        try:
            epochs, steps = int(arrays.pop("epochs")), int(arrays.pop("steps", 0))
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, error) from None
        names = sorted(name for name in arrays if name.startswith(_METRIC))
        return cls(path, epochs, steps, arrays, tuple(arrays.pop(name) for name in names))

    def check(self, model: keras.Model, optimizer: Optimizer, *, steps_per_epoch: int) -> None:
        """See that the state is of this network, and that its numbers agree.

        Raises:
            DamagedError: it has another number of steps than its epochs take.
            SepzooError: it is of another network.
        """
        variables = _variables(model, optimizer)
        expected = {name: tuple(variable.shape) for name, variable in variables}
        if expected != {name: array.shape for name, array in self.arrays.items()}:
            raise SepzooError(
                f"{self.path}: expected the state of {model.name}. Received: that of another network. Name another "
                "folder."
            )
        counter = own_optimizer(optimizer).batches
        [name] = [name for name, variable in variables if variable is counter]
        steps, expected_steps = int(self.arrays[name]), self.epochs * steps_per_epoch + self.steps
        scaled = optimizer is not own_optimizer(optimizer)  # then batches whose gradients are infinite are not counted
        if steps > expected_steps or (steps < expected_steps and not scaled):
            raise DamagedError(
                f"{self.path}: expected {steps_per_epoch} steps an epoch. Received: {steps} in {self.epochs} epochs"
                f"{f' and {self.steps} steps' if self.steps else ''}."
            )

    def restore(self, model: keras.Model, optimizer: Optimizer) -> None:
        """Put network and optimizer back to where `save_state` left them."""
        for name, variable in _variables(model, optimizer):
            variable.assign(self.arrays[name])


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an `.npz` file of a run, which is checked first.

    Raises:
        DamagedError: it is not whole, or may not be loaded.
    """
    try:
        check(path)
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return dict(file)
    except Exception as error:  # NumPy, zipfile and zlib let almost anything through
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DamagedError:
    return DamagedError(f"{path}: expected the state of a run. Received: a damaged file ({first_line(error)}).")


def save_state(
    path: Path,
    model: keras.Model,
    optimizer: Optimizer,
    *,
    epochs: int,
    steps: int = 0,
    metrics: Sequence[Variable] = (),
    before: Path | None = None,
) -> None:
    """Write weights, moving statistics, seed generators and the optimizer's variables.

    With the order of the data keyed on the epoch this is all that a run is made of: one that goes on from here ends in
    the same bits as one that was never broken off (on a CPU; a GPU may add in another order each time).

    Args:
        path: of the file.
        model: in training.
        optimizer: of it.
        epochs: that are done.
        steps: of the next epoch that are done.
        metrics: variables of what the metrics have summed in it.
        before: where the file goes that this one replaces, once this one is whole; None: nowhere.
    """
    arrays = {name: convert_to_numpy(variable.value) for name, variable in _variables(model, optimizer)}
    sums = {f"{_METRIC}{number:04}": convert_to_numpy(each.value) for number, each in enumerate(metrics)}
    counts: Kwargs = {"epochs": np.int64(epochs), "steps": np.int64(steps)}
    with atomic_write(path) as temporary:
        with temporary.open("wb") as file:
            np.savez(file, **counts, **arrays, **sums)
        if before is not None and path.exists():
            path.replace(before)


def _variables(model: keras.Model, optimizer: Optimizer) -> list[tuple[str, Variable]]:
    return [
        (f"{part}_{number:04}", variable)  # no paths: Keras numbers layers without a name anew in every process
        for part, variables in (("model", model.variables), ("optimizer", optimizer.variables))
        for number, variable in enumerate(variables)
    ]
