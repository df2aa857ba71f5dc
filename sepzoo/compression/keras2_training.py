"""A network that is trained in a process of its own, which has tensorflow-model-optimization and its Keras 2."""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.compression.keras2_process import carry_out
from sepzoo.compression.training_settings import TrainingSettings
from sepzoo.data.samples import Samples
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.tensors import OutputTensor
from sepzoo.layers.cloning import parts_of
from sepzoo.layers.graph import graph_of, layers_of
from sepzoo.records.outputs import Output
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Arrays, Json
from sepzoo.surgery.walk.comparison import HALF_ROUNDING, is_half

CLOSE = 1e-5
"""How far, as a share of their norm, outputs may be from those of the process."""
_AT_ONCE = 256


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the process does to a network.

    Attributes:
        arguments: of the method, as `sepzoo.compression.keras2.program` takes them.
        layers: the names of those that become Keras 2 layers.
        first_epoch: the first after which the network may be kept; 0: as it is before any.
        close: how far, as a share of their norm, outputs may be from those of the process; in half precision further.
    """

    arguments: Json
    layers: Sequence[str]
    first_epoch: int
    close: float = CLOSE


def train(
    model: keras.Model,
    teacher: KerasClassifier,
    samples: Samples,
    split: tuple[np.ndarray, np.ndarray],
    plan: Plan,
    settings: TrainingSettings,
) -> tuple[float, ...]:
    """Train a network, and give it the weights that come back.

    Args:
        model: what is trained; it takes the same as the teacher.
        teacher: what it is held to, unless labels are its targets; it says what samples become, and what outputs are.
        samples: to train on.
        split: the numbers of those that judge, and of those that train.
        plan: what is done to it.
        settings: of the training.

    Returns:
        The loss on those that judge, after each epoch, and where it may be kept as it is also before.

    Raises:
        SepzooError: a layer that the other process can't load or compute, outputs that differ there, or a loss that is
            not finite.
    """
    held, trained = split
    close = max(plan.close, HALF_ROUNDING) if is_half(model) else plan.close
    task = {
        **dataclasses.asdict(settings),
        "modules": _modules(model),
        "method": plan.arguments,
        "layers": list(plan.layers),
        "outputs": [_kind(each) for each in zip(teacher.outputs, teacher.output_tensors, strict=True)],
        "first_epoch": plan.first_epoch,
        "close": close,
        "steps": settings.steps(len(trained)),
        "name": model.name,
    }
    with tempfile.TemporaryDirectory(prefix="sepzoo-") as place:
        folder = Path(place)
        model_file.save(model, folder / "model.keras")
        if teacher.model is not model:
            model_file.save(teacher.model, folder / "teacher.keras")
        _write(folder, teacher, samples, settings)
        np.savez(folder / "split.npz", held=held, trained=trained)
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        end = carry_out(folder, task["steps"], "batches")
        with np.load(folder / "weights.npz") as weights:
            model.set_weights(list(weights.values()))
        with np.load(folder / "probe.npz") as probe:
            _require_equal(model, probe, close)
    return tuple(end["losses"])


def arrays_of(classifier: KerasClassifier, batch: Arrays) -> list[np.ndarray]:
    """Return what a batch holds for each of a network's inputs, in their order."""
    if not isinstance(batch, Mapping):
        return [batch]
    return [batch[str(each.name)] for each in classifier.input_tensors]


def _write(folder: Path, classifier: KerasClassifier, data: Samples, settings: TrainingSettings) -> None:
    """Write samples as a network takes them, and their classes where they are the targets."""
    files: list[np.ndarray] = []
    first = 0
    for batch in classifier.batches(data.images, _AT_ONCE):
        arrays = arrays_of(classifier, batch)
        for number, each in enumerate(arrays):
            if not first:
                path, shape = folder / f"input{number:03}.npy", (len(data), *each.shape[1:])
                files.append(np.lib.format.open_memmap(path, "w+", each.dtype, shape))
            files[number][first : first + len(each)] = each
        first += len(arrays[0])
    del files  # which writes them
    if settings.targets == "labels":
        np.save(folder / "labels.npy", np.asarray(data.labels))


def _modules(model: keras.Model) -> list[str]:
    """Return the modules that the other process must import to know the network's layers.

    Raises:
        SepzooError: a layer that it can't load.
    """
    found: dict[str, None] = {}
    for name, layer in layers_of(model):
        for part in parts_of(layer):
            module = type(part).__module__
            if isinstance(part, keras.layers.Lambda) or module == "__main__":
                raise SepzooError(
                    f"expected layers that another process can load. Received: {name!r} ({type(part).__name__}), whose "
                    "code is in this program. Put a layer class into a module, or write it in keras.ops."
                )
            if module.partition(".")[0] not in ("keras", "sepzoo"):
                found[module] = None
    return list(found)


def _kind(output: tuple[Output, OutputTensor]) -> str:
    """Return what an output is held to its targets by, as `sepzoo.compression.keras2.program` calls it."""
    said, tensor = output
    if said.kind == "logits":
        return "logit" if math.prod(tensor.shape) == 1 else "logits"
    return {"softmax": "softmax", "sigmoid": "binary", "multilabel": "binary"}.get(said.kind, "values")


def _require_equal(model: keras.Model, probe: Mapping[str, np.ndarray], close: float) -> None:
    """See that a network answers as it did in the other process.

    Raises:
        SepzooError: it doesn't.
    """
    graph = graph_of(model)
    inputs = [keras.ops.convert_to_tensor(probe[f"input{number}"]) for number in range(len(graph.inputs))]
    answers = keras.tree.flatten(model(keras.tree.pack_sequence_as(graph.input, inputs), training=False))
    for number, answer in enumerate(answers):
        wanted, found = probe[f"output{number}"], np.asarray(keras.ops.convert_to_numpy(answer), "float32")
        error = float(np.linalg.norm(found - wanted)) / max(float(np.linalg.norm(wanted)), 1e-6)
        if not error <= close:
            raise SepzooError(
                f"expected {model.name!r} to answer as in the process that trained it, to {close:g} of its outputs' "
                f"size. Received: {error:.1e}. No model is returned; please report this."
            )
