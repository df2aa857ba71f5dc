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

from sepzoo.compression.keras2.rounding import Rounding
from sepzoo.compression.keras2.twin import Twin, give_back, in_keras_2
from sepzoo.compression.keras2.wrappers import Clustering, Pruning
from sepzoo.layers.graph import graph_of
from sepzoo.support.batches import equal_batches
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.processor import keep_freed_memory
from sepzoo.support.types import Json, Tensor

_METHODS: dict[str, type[Pruning | Clustering | Rounding]] = {
    "prune": Pruning,
    "cluster": Clustering,
    "quantize": Rounding,
}


def main(folder: str) -> None:
    """Carry out the task of a folder; each line on standard output is JSON: a step is done, the end, or an error."""
    keep_freed_memory()
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
        folder: with `model.keras`, `teacher.keras` where it learns from another one, `task.json`, the samples as
            `input000.npy` …, where they are the targets the class numbers as `labels.npy`, and the numbers of the
            samples that are `held` out and `trained` on in `split.npz`.
        stepped: called after each step.
    """
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    for module in task["modules"]:
        importlib.import_module(module)
    tf_keras.utils.set_random_seed(task["seed"])
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    inputs = [np.load(path, mmap_mode="r") for path in sorted(folder.glob("input*.npy"))]
    taught = folder / "teacher.keras"
    teacher = keras.saving.load_model(taught, compile=False) if taught.exists() else model
    targets = _targets(teacher, inputs, task, folder)
    method = _METHODS[task["method"]["kind"]](task["method"])
    names = set(task["layers"])
    check = _Check(task, _probe(model))
    twin = Twin(model, names, method.wrap)
    same = twin if isinstance(method, Rounding) else Twin(model, names, in_keras_2)
    check(model, same.model, "as it is")
    with np.load(folder / "split.npz") as split:
        held, trained = split["held"], split["trained"]
    training = _Training(twin.model, inputs, targets, task)
    method.begin(twin)
    losses: list[float] = []
    best, least = None, np.inf
    generator = np.random.default_rng(task["seed"])
    for epoch in range(min(task["first_epoch"], 1), task["epochs"] + 1):
        if epoch:
            training.epoch(generator.permutation(trained), method.end_step, stepped)
            method.end_epoch()
        give_back(twin, {name: method.weights(name, wrapper) for name, wrapper in twin.wrapped.items()})
        losses.append(training.loss(held))
        if epoch >= task["first_epoch"] and losses[-1] < least:
            least, best = losses[-1], model.get_weights()
            answers = check(model, twin.model, "after training")
    if best is None:
        raise SepzooError(f"expected a finite loss. Received: {losses}. Pass a smaller learning_rate.")
    np.savez(folder / "weights.npz", *best)
    named: dict[str, Any] = {f"input{number}": each for number, each in enumerate(check.probe)}
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
        self.model.optimizer.build(self.model.trainable_variables)  # else TensorFlow traces the first step twice

    def epoch(self, order: np.ndarray, *stepped: Callable[[], object]) -> None:
        """Take a step for each batch, and call what is to be called after it."""
        for each in equal_batches(order, self.task["batch_size"]):
            loss = self.model.train_on_batch(*self._of(each))
            if not np.isfinite(np.ravel(loss)[0]):
                raise SepzooError(
                    f"expected a finite loss. Received: nan at learning_rate={self.task['learning_rate']:g}. Pass a "
                    "smaller one."
                )
            for call in stepped:
                call()

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


@dataclasses.dataclass(frozen=True)
class _Check:
    """Sees that a network and its twin give the same outputs of two samples."""

    task: Json
    probe: Sequence[np.ndarray]

    def __call__(self, model: keras.Model, twin: tf_keras.Model, when: str) -> list[np.ndarray]:
        """Return the outputs, or refuse them."""
        answers, close = _answers(model, self.probe), self.task["close"]
        for one, other in zip(answers, _listed(twin, self.probe), strict=True):
            size = max(float(np.linalg.norm(one)), 1e-6)
            error = float(np.linalg.norm(one - other)) / size if one.shape == other.shape else np.inf
            if not error <= close:
                raise SepzooError(
                    f"expected {self.task['name']!r} to give the same outputs in Keras 2 {when}, to {close:g} of their "
                    f"size. Received: {error:.1e}. Keep layers of other packages out of it, or please report this."
                )
        return answers
