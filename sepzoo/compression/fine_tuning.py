"""A network that is trained in a process of its own while tensorflow-model-optimization changes its kernels."""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.compression.compression_report import CompressionReport
from sepzoo.compression.file_sizes import file_sizes
from sepzoo.compression.keras2_process import carry_out, require_packages
from sepzoo.compression.kernels import kernel_of
from sepzoo.compression.training_settings import TrainingSettings, split
from sepzoo.data.samples import Samples
from sepzoo.export.preparation import require_float, require_stateless
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.tensors import OutputTensor
from sepzoo.layers.cloning import parts_of
from sepzoo.layers.graph import graph_of, layers_of
from sepzoo.records.outputs import Output
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json, Layer
from sepzoo.surgery.walk.comparison import SAMPLES, compare
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.report import Outcome, report_on
from sepzoo.surgery.walk.sites import sites

CLOSE = 1e-5
"""How far, as a share of their norm, outputs may be from those of the process."""
_AT_ONCE = 256


@dataclasses.dataclass(frozen=True, eq=False)
class Method:
    """What is done to the kernels of a network.

    Attributes:
        chosen: the layers to work on, by name.
        kept: why others stay, by name.
        arguments: as `sepzoo.compression.keras2.wrappers` takes them.
        first_epoch: the first after which all is done that is to be.
        told: what the report says of a kernel then.
    """

    chosen: Mapping[str, Layer]
    kept: Mapping[str, str]
    arguments: Json
    first_epoch: int
    told: Callable[[np.ndarray], str]


def fine_tuned(
    given: KerasClassifier, model: keras.Model, data: Samples, method: Method, settings: TrainingSettings
) -> tuple[keras.Model, CompressionReport]:
    """Train a network while its kernels are changed, and give it the weights that come back.

    Args:
        given: the network as it was given.
        model: a copy of it, of built-in layers, which gets the new weights.
        data: samples to train on.
        method: what is done to its kernels.
        settings: of the training.

    Raises:
        SepzooError: a layer that the other process can't load or compute, outputs that differ there, or a loss that is
            not finite.
    """
    require_packages(method.arguments["kind"])
    require_float(model)
    require_stateless(model)
    order = np.random.default_rng(settings.seed).permutation(len(data))
    held, trained = split(order)
    classifier = saying_inputs(dataclasses.replace(given, model=model), data.taken(held))
    settings.require_labels(classifier, data)
    task = {
        **dataclasses.asdict(settings),
        "modules": _modules(model),
        "method": method.arguments,
        "layers": list(method.chosen),
        "outputs": [_kind(each) for each in zip(classifier.outputs, classifier.output_tensors, strict=True)],
        "first_epoch": method.first_epoch,
        "steps": settings.steps(len(trained)),
        "name": model.name,
    }
    with tempfile.TemporaryDirectory(prefix="sepzoo-") as place:
        folder = Path(place)
        _write(folder, classifier, data, settings)
        np.savez(folder / "split.npz", held=held, trained=trained)
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        end = carry_out(folder, task["steps"], "batches")
        with np.load(folder / "weights.npz") as weights:
            model.set_weights(list(weights.values()))
        with np.load(folder / "probe.npz") as probe:
            _require_equal(model, probe)
        first = [np.load(path, mmap_mode="r")[held[:SAMPLES]] for path in sorted(folder.glob("input*.npy"))]
    kernels = [kernel_of(layer) for layer in method.chosen.values()]
    sizes, unmeasured = file_sizes(saying_inputs(given, data.taken(held)), classifier, data.taken(held))
    report = dataclasses.replace(
        report_on(model, model, _outcomes(model, method)),
        comparison=compare(given.model, model, ModelInputs(tuple(first))),
    )
    more = CompressionReport.of(
        report,
        weights=sum(kernel.size for kernel in kernels),
        zeros=sum(int((kernel == 0).sum()) for kernel in kernels),
        losses=tuple(end["losses"]),
        sizes=sizes,
        unmeasured=unmeasured,
    )
    return model, more


def _outcomes(model: keras.Model, method: Method) -> list[Outcome]:
    found = []
    for site in sites(model):
        if site.name in method.chosen:
            found.append(Outcome(site, method.told(kernel_of(site.layer)), (site.layer,)))
        elif site.name in method.kept:
            found.append(Outcome(site, "", (site.layer,), skipped=method.kept[site.name]))
    return found


def _write(folder: Path, classifier: KerasClassifier, data: Samples, settings: TrainingSettings) -> None:
    """Write the network, its samples as it takes them, and their classes where they are the targets."""
    model_file.save(classifier.model, folder / "model.keras")
    files: list[np.ndarray] = []
    first = 0
    for batch in classifier.batches(data.images, _AT_ONCE):
        arrays = [batch[str(each.name)] for each in classifier.input_tensors] if isinstance(batch, Mapping) else [batch]
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


def _require_equal(model: keras.Model, probe: Mapping[str, np.ndarray]) -> None:
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
        if not error <= CLOSE:
            raise SepzooError(
                f"expected {model.name!r} to answer as in the process that trained it, to {CLOSE:g} of its outputs' "
                f"size. Received: {error:.1e}. No model is returned; please report this."
            )
