"""A training step on a processor: Keras's built-in layers, our twins of them, PyTorch eager and compiled.

`python benchmarks/training_step.py` trains the CIFAR pair on noise, batch 128, float32, all sides in turns: images a
second, median with quartiles, and the median ratio of the twins to each other side in the same turn. PyTorch's networks
are those of the BSConv authors' package, channels last, in a process of their own: beside TensorFlow's training PyTorch
is only half as fast. Keras's sides pay for the beginning of `fit` and for their input, PyTorch's have a batch there.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import keras
import numpy as np
from accelerate import BATCH, NAMES, STEPS, images_per_second
from gpu_sides import LEARNING_RATE, MOMENTUM, pytorch_jobs
from timing import in_turns, ratio, spread

from sepzoo.applications import build
from sepzoo.surgery import accelerate, to_keras

TURNS = 9
OURS = "Keras, twins"


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


def sides(network: Network, pytorch: ProcessPoolExecutor) -> dict[str, Callable[[], float]]:
    """Return what trains for some steps and gives images a second, by name."""
    builtin, _report = to_keras(build(network.name, classifier_activation=None))
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 1, (BATCH * STEPS, *builtin.input_shape[1:])).astype("float32")
    y = generator.integers(0, network.classes, len(x))
    found: dict[str, Callable[[], float]] = {}
    for name, model in {"Keras, built-in": builtin, OURS: accelerate(builtin)[0]}.items():
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM), loss)
        images_per_second(model, x, y)
        found[name] = functools.partial(images_per_second, model, x, y)
    names = pytorch.submit(_names, network).result()
    found |= {name: lambda name=name: pytorch.submit(_pytorch, network, name).result() for name in names}
    return found


@functools.cache
def _jobs(network: Network) -> dict[str, Callable[[], int]]:
    found = {}
    try:
        for variant, what, _batch, run in pytorch_jobs(network, "float32", ()):
            if what == "training":
                found[variant] = run
    except Exception as error:  # whatever a compiler that is missing makes PyTorch say
        print(
            f"{network.name}: PyTorch stopped at {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr
        )
    return found


def _names(network: Network) -> tuple[str, ...]:
    """Return what PyTorch could make of a network, in the process that this runs in."""
    return tuple(_jobs(network))


def _pytorch(network: Network, name: str) -> float:
    """Train for some steps in the process that this runs in, whose networks are kept."""
    run = _jobs(network)[name]
    start = time.perf_counter()
    return run() / (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    print("| network | side | images a second | twins to it |\n|---|---|---|---|")
    for name in sys.argv[1:] or NAMES:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pytorch:
            runs = sides(Network(name), pytorch)
            measured = dict(zip(runs, in_turns(list(runs.values()), TURNS), strict=True))
        for side, speeds in measured.items():
            faster = "" if side == OURS else f"{ratio(measured[OURS], speeds):.2f}"
            print(f"| `{name}` | {side} | {spread(speeds, 0)} | {faster} |", flush=True)


if __name__ == "__main__":
    main()
