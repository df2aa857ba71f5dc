"""Every network of the zoo leaves as float and as 8-bit `.tflite` and in one further format, and answers as it did.

A network that is done is a row of the record. `REMAINING=1` before the command leaves out those that have one of the
same versions: the whole takes hours, and goes on where it was broken off.
"""

from __future__ import annotations

import datetime
import gc
import itertools
import math
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from filelock import FileLock

from sepzoo.applications import build, list_models
from sepzoo.catalog.index import index
from sepzoo.catalog.registry import find
from sepzoo.data import Samples
from sepzoo.export import ExportReport, Tolerance
from sepzoo.export.batch_export import export_all
from sepzoo.export.noise import noise_of
from sepzoo.export.samples import ExportSamples
from sepzoo.export.targets import TARGETS
from sepzoo.inference.keras_model import from_model
from sepzoo.layers.graph import maker
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Operation
from sepzoo.surgery import fold_batch_norm, fuse_branches, recalibrate_batch_norm
from tests.layers.twin_comparison import in_float64
from tests.nightly.record import FOLDER, versions, write_record

pytestmark = pytest.mark.nightly
NAMES = list_models()
ALWAYS = ("tflite:float32", "tflite:int8")
FURTHER = dict(zip(NAMES, itertools.cycle([name for name in TARGETS if name not in ALWAYS]), strict=False))
FURTHER |= {name: "onnx" for name, target in FURTHER.items() if "browser" in target and find(name)[1].takes != "image"}
NONE = Tolerance()  # the likeliest class of an untrained network says nothing
UNKNOWN = {"convnext": "SquaredDifference only supports FLOAT32"}
"""What LiteRT can't run of 16-bit activations, by a part of the name of networks that have it."""
PIXELS = 64
MOST = 2e9
"""Multiply-accumulates, above which a network that takes small images, or series, gets them at half the size: it takes
hours."""
OPERATOR = 1024
"""Bytes that an operator takes in a file, at most, beside its weights."""
CHANNEL = 28
"""Bytes of a channel in an int8 file, at most: a bias, and scale and zero point of that and of the kernel."""
COLUMNS = f"{'network':44}{'input':>14}{'day':>12}{'float KiB':>11}{'error':>9}{'int8 KiB':>10}{'error':>9}  "


def smallest(name: str) -> tuple[int, ...]:
    """Return the input that a network is built for: images of 64 pixels where it takes larger ones, else as listed."""
    _, spec = find(name)
    *sizes, channels = spec.input_shape
    if (spec.takes != "image" or max(sizes) < PIXELS) and index()[name].macs > MOST:
        return (*(size // 2 for size in sizes), channels)
    if spec.takes != "image":
        return spec.input_shape
    return (*(min(size, max(PIXELS, spec.minimum_size)) for size in sizes), channels)


def numbers(network: Operation) -> int:
    """Return how many numbers the kernels of a network or a layer have, which int8 makes three bytes smaller each."""
    return sum(math.prod(each.shape) for each in getattr(network, "weights", ()) if len(each.shape) > 1)


def channels(network: keras.Model) -> int:
    """Return how many channels the kernels give; a depthwise one gives some of each that it takes.

    A batch normalization behind no kernel, as in MobileOne's third branch, becomes a depthwise one.
    """
    kernels = [each for each in network.weights if len(each.shape) > 1]
    alone = [
        layer.gamma.shape[0]
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization) and not numbers(maker(layer.input))
    ]
    found = [math.prod(each.shape[-2:]) if "depthwise" in each.path else each.shape[-1] for each in kernels]
    return sum(found) + sum(alone)


def rows() -> dict[str, str]:
    """Return the rows of the record that were made with the packages of today, by their networks."""
    path = FOLDER / "registry.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else [""]
    return {line.split()[0]: line for line in lines[4:]} if lines[0].endswith(versions()) else {}


def keep(name: str, row: str) -> None:
    """Put a row into the record, which several processes (`-n 2`) may share."""
    with FileLock(Path(tempfile.gettempdir(), "sepzoo-registry.lock")):
        done = {**rows(), name: row}
        table = "\n".join(done[each] for each in NAMES if each in done)
        write_record("registry", f"{COLUMNS}further format, of {len(done)} of {len(NAMES)} networks\n{table}\n")


def cell(report: ExportReport, width: int) -> str:
    """Return a file's size and the relative error of its answers."""
    return f"{report.size / 1024:>{width},.0f}{report.comparison.relative_error:>9.1e}"


def fitted(name: str, network: keras.Model, samples: Samples) -> keras.Model:
    """Return a network whose signal doesn't die out on the way, and which answers samples differently.

    Batch normalization sees to the first, where a network has any. Fused branches have the weights of those that they
    were, and a classifier that says the same of all samples gets other biases.
    """
    branched = name.removesuffix("_fused")
    if branched == name:
        network, _ = recalibrate_batch_norm(network, samples)
    else:
        whole, _ = recalibrate_batch_norm(build(branched, input_shape=network.input_shape[1:], classes=10), samples)
        network.set_weights(fold_batch_norm(fuse_branches(whole)[0])[0].get_weights())
    answers = from_model(network).predict(samples.images)
    if answers.ndim == 2 and len(set(answers.argmax(axis=1))) == 1:
        scores = np.log(np.maximum(answers, np.finfo(np.float32).tiny))
        classifier = next(layer for layer in reversed(network.layers) if layer.weights)
        kernel, bias = classifier.get_weights()
        spread = (scores - scores.mean(axis=0)).std()
        classifier.set_weights([kernel / spread, (bias - scores.mean(axis=0)) / spread])
    return network


def rounding(network: keras.Model, images: np.ndarray) -> float:
    """Return how far a file may be from its model by rounding alone.

    That is as far as two float32 programs, Keras's of the network and of its folded form, are from float64 together.
    """
    exact = keras.models.clone_model(network, clone_function=in_float64)
    exact.set_weights(network.get_weights())
    expected = exact.predict(images.astype("float64"), verbose=0)
    both = (each.predict(images, verbose=0) for each in (network, fold_batch_norm(network)[0]))
    return sum(float(np.linalg.norm(each - expected)) for each in both) / float(np.linalg.norm(expected))


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    """Give back what a network took."""
    yield
    keras.backend.clear_session()
    gc.collect()


@pytest.mark.parametrize("name", NAMES)
def test_a_network_leaves_and_answers_as_it_did(name: str, tmp_path: Path) -> None:
    if os.environ.get("REMAINING") and name in rows():
        pytest.skip("a row of the record has it")
    shape, further = smallest(name), FURTHER[name]
    keras.utils.set_random_seed(0)
    network = build(name, input_shape=shape, classes=10)
    samples = noise_of(from_model(network))
    network = fitted(name, network, samples)
    classifier = from_model(network)
    both = ExportSamples(samples, samples)
    unknown = [words for part, words in UNKNOWN.items() if part in name and further == "tflite:int16x8"]
    reason = unknown[0] if unknown else ""
    wanted = ALWAYS if reason else (*ALWAYS, further)
    made = export_all(classifier, wanted, tmp_path / "network", samples=both, tolerance=NONE)
    plain, rounded, *rest = made.reports
    assert plain.comparison.relative_error is not None
    if plain.comparison.relative_error >= 1e-3:  # after so many layers rounding alone takes answers as far
        assert plain.comparison.relative_error < rounding(network, classifier.tensor(samples.images))
    beside = CHANNEL * channels(network) + OPERATOR * sum(rounded.operators.values())
    assert rounded.size < plain.size - 3 * numbers(network) + beside
    if reason:
        with pytest.raises(SepzooError, match=re.escape(reason)):
            export_all(classifier, [further], tmp_path / "further", samples=both, tolerance=NONE)
        last = f"{further}: {reason}"
    else:
        [report] = rest
        assert report.comparison.relative_error is not None
        assert math.isfinite(report.comparison.relative_error)
        last = f"{further}, {report.size / 1024:,.0f} KiB, {report.comparison.relative_error:.1e}"
    day = datetime.datetime.now(tz=datetime.UTC).date()
    size = " x ".join(map(str, shape))
    keep(name, f"{name:44}{size:>14}{day!s:>12}{cell(plain, 11)}{cell(rounded, 10)}  {last}")
