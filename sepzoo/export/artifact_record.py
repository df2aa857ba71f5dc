"""What an exported file says of itself for a later check: what it was made of and by, and a few of its answers."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata

import keras
import numpy as np

from sepzoo.export.answers import SEED, answers_of
from sepzoo.export.comparison import Comparison
from sepzoo.export.target import Target
from sepzoo.export.target_names import named
from sepzoo.inference.classifier import Classifier
from sepzoo.support.types import Json

VERSION = 1

_EXACT, _ROUNDED = 1e-3, 0.05
"""Relative errors beyond which answers count as others: of files in float32, and of those that round."""
_PACKAGES = ("sepzoo", "keras", "tensorflow", "numpy", "ai-edge-litert")
_DISTRIBUTIONS = {"jax": ("jax", "jaxlib"), "ai_edge_quantizer": ("ai-edge-quantizer",)}
"""Module -> what pip calls it, where that is another name."""


def artifact_record(model: keras.Model, file: Classifier, target: Target, comparison: Comparison) -> dict[str, Json]:
    """Return the record of a file that was compared with its model. It holds no time and no path: files stay alike.

    Args:
        model: as it was given.
        file: as it was opened.
        target: the format.
        comparison: of the two.
    """
    packages = (
        *_PACKAGES,
        *(name for each in named(target.name).packages for name in _DISTRIBUTIONS.get(each, [each])),
    )
    return {
        "version": VERSION,
        "target": target.name,
        "name": file.name,
        "weights": f"sha256:{weights_hash(model)}",
        "inputs": [{"name": each.name, "shape": list(each.shape), "dtype": each.dtype} for each in file.input_tensors],
        "outputs": [
            {"name": each.name, "shape": list(each.shape), "kind": output.kind}
            for each, output in zip(file.output_tensors, file.outputs, strict=True)
        ],
        "labels": len(file.labels or ()),
        "versions": _versions(packages),
        "check": {key: value for key, value in dataclasses.asdict(comparison).items() if value not in (None, ())},
        "answers": {
            "seed": SEED,
            "relative_error": _ROUNDED if target.rounds else _EXACT,
            "values": {name: rows.tolist() for name, rows in answers_of(file).items()},
        },
    }


def weights_hash(model: keras.Model) -> str:
    """Return the SHA-256 of a model's weights: of shape, type and bytes of each, in the model's order.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
        >>> before = weights_hash(model)
        >>> model.set_weights([array + 1 for array in model.get_weights()])
        >>> len(before), before == weights_hash(model)
        (64, False)
    """
    found = hashlib.sha256()
    for variable in model.weights:
        value = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
        found.update(f"{value.shape}{value.dtype.name}".encode())
        found.update(value.tobytes())
    return found.hexdigest()


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in dict.fromkeys(packages):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # run from its sources
            import sepzoo

            found[name] = sepzoo.__version__ if name == "sepzoo" else "unknown"
    return found
