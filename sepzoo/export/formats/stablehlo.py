"""Export to StableHLO by `jax.export`: one function for CPUs, GPUs and TPUs, for JAX and other compilers."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import keras

from sepzoo.data.samples import Samples
from sepzoo.export.formats.served import add_member
from sepzoo.export.pipeline import write
from sepzoo.export.prepared import Prepared
from sepzoo.export.report import ExportReport
from sepzoo.export.target import Target
from sepzoo.export.tolerance import EXACT, Tolerance
from sepzoo.inference.keras_model import from_model
from sepzoo.inference.stablehlo_file import ABOUT
from sepzoo.records.inputs import Features
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.exit_status import why_ended
from sepzoo.support.types import Arrays

Weights = Literal["inside", "beside"]

_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from sepzoo.export.formats.stablehlo_program import main; main()"
)
_ENVIRONMENT = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_TRACEBACK_FILTERING": "off",  # which leaves out the frames of layers
}


def convert(prepared: Prepared, path: Path, *, weights: Weights = "inside") -> None:
    """Save the network, and let a process with Keras on JAX write it as StableHLO.

    Args:
        prepared: the network.
        path: of the folder.
        weights: where they lie.

    Raises:
        RuntimeError: Keras on JAX cannot load or trace it.
    """
    source = prepared.once("network.keras", prepared.model.save)
    path.mkdir()
    places = json.dumps([place for place in sys.path if place])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PROGRAM, places, str(source), str(path), weights],
        env={**os.environ, **_ENVIRONMENT},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    print(done.stdout, done.stderr)  # noqa: T201  (into the log of the conversion)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"Keras on JAX: {why_ended(done.returncode, done.stderr)}")
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(path.iterdir())}
    about = {**json.loads(lines[-1]), "weights": weights, "sha256": hashes}
    (path / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")


STABLEHLO_TARGET = Target(
    name="stablehlo", suffix="_stablehlo", convert=convert, add_metadata=add_member, tolerance=EXACT, folder=True
)


def stablehlo(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    weights: Weights = "inside",
    check: Samples | Arrays | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
    embed_preprocessing: bool = False,
) -> ExportReport:
    """Write a model as a folder with a function of StableHLO that was run by JAX and compared with the model.

    The function is portable, of a versioned format, compiled for the CPU, CUDA or TPU that it meets, and takes any
    number of samples: `jax.export.deserialize(bytes).call(image=images)["probability"]`, with inputs and outputs by
    their names, where there is JAX and neither Keras nor sepzoo. The folder also holds `sepzoo.json` (labels,
    preprocessing) and `about.json`: hashes, platforms, operators, and floating-point operations, bytes and
    fusions for one sample by XLA's own analysis. A process with Keras on JAX writes it: built-in layers alone. Needs
    the extra `jax`.

    Args:
        model: a functional model; it is only read. Where it has several inputs or outputs, samples and what is said
            of them are dictionaries by their names.
        path: of the folder.
        weights: `"inside"` the function, or `"beside"` it in `weights.npz`, which is its first argument then:
            `call(dict(np.load("weights.npz")), image=images)`.
        check: samples, or an array as the network takes it, to compare on; None: random pixels, as the report says.
        tolerance: beyond it the export is refused; None: probabilities within 1e-4.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows; see `sepzoo.export.tflite`.
        embed_preprocessing: whether the file takes pixels of 0 … 255 as uint8, and normalizes them itself.

    Raises:
        SepzooError: the extra is not installed, a layer that Keras on JAX cannot load, samples that show nothing, or a
            file whose outputs differ too much. Nothing is written then but the process's own words, if it fails.

    Example:
        >>> import sepzoo, tempfile
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> report = stablehlo(network, tempfile.mkdtemp() + "/small", labels=["cat", "dog"])
        >>> report.target, report.labels, report.cost.flops > report.cost.macs > 0
        ('stablehlo', 2, True)
    """
    classifier = from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
    target = dataclasses.replace(STABLEHLO_TARGET, convert=functools.partial(convert, weights=weights))
    return write(classifier, target, path, check=check, tolerance=tolerance, embed_preprocessing=embed_preprocessing)
