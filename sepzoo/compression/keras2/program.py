"""The program of the process: it reads a network and a task from a folder, trains, and writes the weights there."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from sepzoo.compression.keras2.twin import Twin, give_back
from sepzoo.compression.keras2.wrappers import METHODS
from sepzoo.layers.graph import graph_of
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.types import Json, Tensor

CLOSE = 1e-5
"""How far, as a share of their norm, the twin's outputs may be from the network's."""


def main(folder: str) -> None:
    """Carry out the task of a folder; each line on standard output is JSON: a step is done, the end, or an error."""
    with os.fdopen(os.dup(1), "w", buffering=1) as lines:
        os.dup2(2, 1)  # what libraries print is no answer

        def say(line: Json) -> None:
            lines.write(json.dumps(line) + "\n")

        try:
            say({"end": work(Path(folder), lambda: say({}))})
        except SepzooError as error:
            say({"error": str(error)})
        except BrokenPipeError:  # nobody listens any more
            raise
        except Exception as error:
            say({"failed": f"{type(error).__name__}: {first_line(error)}"})


def work(folder: Path, stepped: Callable[[], object]) -> Json:
    """Train the network of a folder as its task says, write `weights.npz` and `probe.npz`, and return the losses.

    Args:
        folder: with `model.keras`, `task.json`, the samples as `input000.npy` …, where they are the targets the class
            numbers as `labels.npy`, and the numbers of the samples that are `held` out and `trained` on in `split.npz`.
        stepped: called after each step.
    """
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    for module in task["modules"]:
        importlib.import_module(module)
    tf_keras.utils.set_random_seed(task["seed"])
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    inputs = [np.load(path, mmap_mode="r") for path in sorted(folder.glob("input*.npy"))]
    targets = _targets(model, inputs, task, folder)
    method = METHODS[task["method"]["kind"]](task["method"])
    names = set(task["layers"])
    probe = _probe(model)
    plain = Twin(model, names, lambda layer: layer).model
    _require_equal(task["name"], _answers(model, probe), _listed(plain, probe), "as it is")
    twin = Twin(model, names, method.wrap)
    with np.load(folder / "split.npz") as split:
        held, trained = split["held"], split["trained"]
    training = _Training(twin.model, inputs, targets, task)
    method.begin(twin.model)
    losses: list[float] = []
    best: list[np.ndarray] | None = None
    least = np.inf
    generator = np.random.default_rng(task["seed"])
    for epoch in range(task["epochs"]):
        training.epoch(generator.permutation(trained), stepped)
        method.end_epoch()
        give_back(twin, {name: method.weights(wrapper) for name, wrapper in twin.wrapped.items()})
        losses.append(training.loss(held))
        if epoch + 1 >= task["first_epoch"] and losses[-1] < least:
            least, best = losses[-1], model.get_weights()
            answers = _answers(model, probe)
            _require_equal(task["name"], answers, _listed(twin.model, probe), "after training")
    if best is None:
        raise SepzooError(f"expected a finite loss. Received: {losses}. Pass a smaller learning_rate.")
    np.savez(folder / "weights.npz", *best)
    named: dict[str, Any] = {f"input{number}": each for number, each in enumerate(probe)}
    named |= {f"output{number}": each for number, each in enumerate(answers)}
    np.savez(folder / "probe.npz", **named)
    return {"losses": losses}


@dataclasses.dataclass
class _Training:
    """The Keras 2 network, its samples, and what it ought to answer."""

    model: tf_keras.Model
    inputs: Sequence[np.ndarray]
    targets: Sequence[np.ndarray]
    task: Json

    def __post_init__(self) -> None:
        rate = tf_keras.optimizers.schedules.CosineDecay(self.task["learning_rate"], max(self.task["steps"], 1))
        losses = [_loss(kind, target) for kind, target in zip(self.task["outputs"], self.targets, strict=True)]
        self.model.compile(tf_keras.optimizers.Adam(rate, jit_compile=False), losses, jit_compile=False)

    def epoch(self, order: np.ndarray, stepped: Callable[[], object]) -> None:
        """Take a step for each batch."""
        size = self.task["batch_size"]
        for first in range(0, len(order), size):
            loss = self.model.train_on_batch(*self._of(order[first : first + size]))
            if not np.isfinite(np.ravel(loss)[0]):
                raise SepzooError(
                    f"expected a finite loss. Received: nan at learning_rate={self.task['learning_rate']:g}. Pass a "
                    "smaller one."
                )
            stepped()

    def loss(self, chosen: np.ndarray) -> float:
        """Return the mean loss in inference."""
        inputs, targets = self._of(chosen)
        return float(np.ravel(self.model.evaluate(inputs, targets, batch_size=self.task["batch_size"], verbose=0))[0])

    def _of(self, chosen: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        return [each[chosen] for each in self.inputs], [each[chosen] for each in self.targets]


def _targets(model: keras.Model, inputs: Sequence[np.ndarray], task: Json, folder: Path) -> list[np.ndarray]:
    """Return what each output ought to be: the classes of the samples, or what the network answers before training."""
    if task["targets"] == "labels":
        classes = graph_of(model).outputs[0].shape[-1]
        return [np.eye(classes, dtype="float32")[np.load(folder / "labels.npy")]]
    size = task["batch_size"]
    rows = [_answers(model, [each[i : i + size] for each in inputs]) for i in range(0, len(inputs[0]), size)]
    found = [np.concatenate(each) for each in zip(*rows, strict=True)]
    return [_probabilities(kind, each) for kind, each in zip(task["outputs"], found, strict=True)]


def _probabilities(kind: str, values: np.ndarray) -> np.ndarray:
    if kind == "logits":
        return np.asarray(tf.nn.softmax(values))
    return np.asarray(tf.sigmoid(values)) if kind == "logit" else values


def _loss(kind: str, targets: np.ndarray) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what an output is held to its targets by."""
    divergence = tf_keras.losses.KLDivergence()
    if kind == "softmax":
        return divergence
    if kind == "logits":
        return lambda wanted, found: divergence(wanted, tf.nn.softmax(found))
    if kind in ("binary", "logit"):
        return tf_keras.losses.BinaryCrossentropy(from_logits=kind == "logit")
    variance = max(float(np.var(targets)), 1e-12)
    return lambda wanted, found: tf.reduce_mean(tf.square(wanted - found)) / variance


def _probe(model: keras.Model) -> list[np.ndarray]:
    """Return two random samples: one of normal values and one of the range of pixels."""
    generator = np.random.default_rng(0)
    found = []
    for tensor in graph_of(model).inputs:
        shape = (2, *tensor.shape[1:])
        pixels = [generator.normal(size=shape[1:]), generator.uniform(0, 255, shape[1:])]
        values = np.stack(pixels) if "float" in tensor.dtype else generator.integers(0, 2, shape)
        found.append(np.asarray(values, tensor.dtype))
    return found


def _answers(model: keras.Model, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    given = keras.tree.pack_sequence_as(graph_of(model).input, [tf.convert_to_tensor(each) for each in inputs])
    return [np.asarray(each, "float32") for each in keras.tree.flatten(model(given, training=False))]


def _listed(twin: tf_keras.Model, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    found = twin([tf.convert_to_tensor(each) for each in inputs], training=False)
    return [np.asarray(each, "float32") for each in tf.nest.flatten(found)]


def _require_equal(name: str, expected: Sequence[np.ndarray], found: Sequence[np.ndarray], when: str) -> None:
    for one, other in zip(expected, found, strict=True):
        size = max(float(np.linalg.norm(one)), 1e-6)
        error = float(np.linalg.norm(one - other)) / size if one.shape == other.shape else np.inf
        if not error <= CLOSE:
            raise SepzooError(
                f"expected {name!r} to give the same outputs in Keras 2 {when}, to {CLOSE:g} of their size. Received: "
                f"{error:.1e}. Keep layers of other packages out of it, or please report this."
            )
