"""A training step on a processor: Keras's built-in layers, our twins of them, PyTorch eager and compiled.

`python benchmarks/training_step.py` trains the CIFAR pair on noise, batch 128, float32, all sides in turns: images a
second, median with quartiles, and the median ratio of ours to each other side in the same turn. Each side is a process
of its own, as it is installed and once more set as `sepzoo train` sets its own: memory that is freed is kept, and
TensorFlow computes by oneDNN. Ours is the twins in such a process. PyTorch's networks are those of the BSConv authors'
package, channels last. Keras's sides pay for the beginning of `fit` and for their input, PyTorch's have a batch there.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from accelerate import BATCH, NAMES
from accelerate import trainer as keras_trainer
from gpu_sides import pytorch_jobs
from timing import in_turns, ratio, spread

from sepzoo.training import set_for_processor

TURNS = 7
LIBRARIES = ("Keras, built-in", "Keras, twins", "PyTorch, eager", "PyTorch, compiled")


@dataclasses.dataclass(frozen=True)
class Network:
    """What `pytorch_jobs` is asked for."""

    name: str
    batch: int = BATCH
    classes: int = 10

    @property
    def pytorch(self) -> str:
        """Return the network's package and its name there."""
        return f"bsconv:{self.name}"


@dataclasses.dataclass(frozen=True)
class Side:
    """What trains, in a process of its own, which may be set for a processor."""

    library: str
    tuned: bool

    def __str__(self) -> str:
        return f"{self.library}, process set" if self.tuned else self.library


OURS = Side("Keras, twins", tuned=True)


@functools.cache
def trainer(network: Network, library: str) -> Callable[[], float]:
    """Return what trains for some steps in the process that this runs in and gives images a second."""
    return _pytorch(network, library) if library.startswith("PyTorch") else _keras(network, twins="twins" in library)


def _keras(network: Network, *, twins: bool) -> Callable[[], float]:
    from sepzoo.applications import build
    from sepzoo.surgery import accelerate, to_keras

    model, _report = to_keras(build(network.name, classifier_activation=None))
    return keras_trainer(accelerate(model)[0] if twins else model)


def _pytorch(network: Network, library: str) -> Callable[[], float]:
    jobs = pytorch_jobs(network, "float32", ())
    run = next(run for variant, what, _batch, run in jobs if (variant, what) == (library, "training"))

    def timed() -> float:
        start = time.perf_counter()
        return run() / (time.perf_counter() - start)

    return timed


def speed(network: Network, side: Side) -> float:
    """Train for some steps in the process that this runs in; return images a second."""
    if side.tuned:
        set_for_processor()
    return trainer(network, side.library)()


def in_process(process: ProcessPoolExecutor, network: Network, side: Side) -> float:
    """Return what `speed` gives in the process of a side."""
    return process.submit(speed, network, side).result()


def ready(network: Network, sides: list[Side], stack: ExitStack) -> dict[Side, Callable[[], float]]:
    """Return what trains each side, after a first turn; a side that can't is left out, and said."""
    found = {}
    for side in sides:
        process = stack.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))
        run = functools.partial(in_process, process, network, side)
        try:
            run()
        except Exception as error:  # whatever a compiler that is missing makes PyTorch say
            print(f"{side}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
        else:
            found[side] = run
    return found


def main() -> None:
    """Print the table."""
    print("| network | side | images a second | ours to it |\n|---|---|---|---|")
    sides = [Side(library, tuned) for library in LIBRARIES for tuned in (False, True)]
    for name in sys.argv[1:] or NAMES:
        with ExitStack() as stack:
            runs = ready(Network(name), sides, stack)
            measured = dict(zip(runs, in_turns(list(runs.values()), TURNS), strict=True))
        for side, speeds in measured.items():
            faster = "" if side == OURS else f"{ratio(measured[OURS], speeds):.2f}"
            print(f"| `{name}` | {side} | {spread(speeds, 0)} | {faster} |", flush=True)


if __name__ == "__main__":
    main()
