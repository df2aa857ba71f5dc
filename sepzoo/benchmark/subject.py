"""What is measured, opened: within the process that measures it alone."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from sepzoo.artifact.inspection.checking import unchecked
from sepzoo.benchmark.target import Kind, Target
from sepzoo.inference.classifier import Classifier
from sepzoo.support.errors import SepzooError, first_line

_RUNTIMES = {
    "TfliteClassifier": ("LiteRT", "ai-edge-litert"),
    "OnnxClassifier": ("ONNX Runtime", "onnxruntime"),
    "OpenvinoClassifier": ("OpenVINO", "openvino"),
    "SavedModelClassifier": ("TensorFlow", "tensorflow"),
    "StablehloClassifier": ("JAX", "jax"),
}
"""Class of an opened file -> what runs it, and the package with the version."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network that was opened.

    Attributes:
        runtime: what runs it, with its version.
        prepare: batch -> a function that runs the network once on a batch of noise, from arrays in memory to arrays.
    """

    runtime: str
    prepare: Callable[[int], Callable[[], object]]


def open_subject(target: Target, *, threads: int, trust: bool = False) -> Subject:
    """Open a target.

    Args:
        target: what is to be measured.
        threads: that it may use.
        trust: whether a file, of weights too, is opened without the check of `sepzoo.artifact.inspection`.

    Raises:
        SepzooError: it can't be opened.
    """
    if target.kind in ("timm", "bsconv"):
        return _pytorch(target, threads)
    if target.kind == "name":
        from sepzoo.applications import build
        from sepzoo.inference.keras_model import from_model

        with unchecked() if trust else contextlib.nullcontext():
            return _classifier(from_model(build(target.text, **target.settings)))
    from sepzoo import inference

    return _classifier(inference.open(target.text, threads=threads, trust=trust))


def _classifier(classifier: Classifier) -> Subject:
    def prepare(batch: int) -> Callable[[], object]:
        random = np.random.default_rng(0)
        arrays = {
            each.name: classifier.encode(random.standard_normal((batch, *each.shape)).astype(np.float32), each.name)
            for each in classifier.input_tensors
        }
        tensor = arrays if len(arrays) > 1 else next(iter(arrays.values()))
        return lambda: classifier.run(tensor)

    return Subject(_runtime(classifier), prepare)


def _runtime(classifier: Classifier) -> str:
    kind = type(classifier).__name__
    if kind in _RUNTIMES:
        name, package = _RUNTIMES[kind]
        return f"{name} {version(package)}"
    import keras

    backend = keras.backend.backend()
    return f"Keras {keras.__version__}, {backend} {version(backend)}"


def pytorch_network(kind: Kind, name: str) -> tuple[Any, tuple[int, int, int]]:
    """Return a network of timm or bsconv with initial weights, and the shape of an image for it: channels first.

    Raises:
        SepzooError: the package has no such network.
    """
    package = importlib.import_module("timm" if kind == "timm" else "bsconv.pytorch")
    try:
        if kind == "timm":
            network = package.create_model(name)
            return network, network.pretrained_cfg["input_size"]
        side, classes = (32, 10) if name.startswith("cifar") else (224, 1000)
        return package.get_model(name, num_classes=classes), (3, side, side)
    except Exception as error:  # whatever the packages say of a name that they don't have
        raise SepzooError(f"expected a network of {kind}. Received: {name!r} ({first_line(error)}).") from error


def _pytorch(target: Target, threads: int) -> Subject:
    import torch

    torch.set_num_threads(threads)
    network, shape = pytorch_network(target.kind, target.text)
    network.eval()

    def prepare(batch: int) -> Callable[[], object]:
        tensor = torch.randn(batch, *shape, generator=torch.Generator().manual_seed(0))

        def run() -> object:
            with torch.inference_mode():
                return network(tensor).numpy()

        return run

    return Subject(f"PyTorch {torch.__version__}", prepare)
