"""Every network of the zoo leaves as float and as 8-bit `.tflite` and in one further format.

Files of floats, of each format, answer as the network did, to rounding. Those of float16, of 8-bit weights alone and of
16-bit activations are nearer to it than the int8 file, whose size has a limit. How far the answers of that and of other
files of integers are is in the record alone, since it says little: an untrained network of a hundred layers turns what
rounding does to random pixels into answers of its own, as far as 1.7 of their length in an EfficientNet. They are held
to limits in small members, whose classifier reads what images differ by most (`tests/export/test_families.py`,
`test_product.py`), and in trained networks (`tests/export/test_photographs.py`).

A network that is done is a row of the record. `REMAINING=1` before the command leaves out those that have one of the
same versions: the whole takes hours, and goes on where it was broken off.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.applications import build, list_models
from sepzoo.catalog.index import index
from sepzoo.catalog.registry import find
from sepzoo.data import Samples
from sepzoo.export import ExportReport, Tolerance
from sepzoo.export.batch_export import export_all
from sepzoo.export.noise import noise_of
from sepzoo.export.samples import ExportSamples
from sepzoo.export.targets import TARGETS
from sepzoo.export.tolerance import EXACT, QUANTIZED_WEIGHTS, ROUNDED
from sepzoo.inference.keras_model import from_model
from sepzoo.layers.graph import maker
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Operation
from sepzoo.surgery import fold_batch_norm, fuse_branches, recalibrate_batch_norm
from tests.formats import ALWAYS, further_formats, refusal
from tests.layers.twin_comparison import in_float64
from tests.nightly.record import KEY, Rows, today

pytestmark = [pytest.mark.nightly, pytest.mark.usefixtures("memory")]
NAMES = list_models()
FURTHER = further_formats(NAMES)
NONE = Tolerance()  # the likeliest class of an untrained network says nothing
PIXELS = 64
MOST = 2e9
"""Multiply-accumulates, above which a network that takes small images, or series, gets them at half the size: it takes
hours."""
LESS_ROUNDED = {name for name, each in TARGETS.items() if each.tolerance in (ROUNDED, QUANTIZED_WEIGHTS)} | {
    "tflite:int16x8"
}
"""Formats that round less than int8 does."""
OPERATOR = 1024
"""Bytes that an operator takes in a file, at most, beside its weights."""
CHANNEL = 28
"""Bytes of a channel in an int8 file, at most: a bias, and scale and zero point of that and of the kernel."""
COLUMNS = f"{'network':{KEY}}{'input':>14}{'day':>12}{'float KiB':>11}{'error':>9}{'int8 KiB':>10}{'error':>9}  "
ROWS = Rows("registry", f"{COLUMNS}further format, of {{done}} of {{all}} networks", tuple(NAMES))


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


def error(report: ExportReport) -> float:
    """Return the relative error of a file's answers."""
    assert report.comparison.relative_error is not None
    return report.comparison.relative_error


def cell(report: ExportReport, width: int) -> str:
    """Return a file's size and the relative error of its answers."""
    return f"{report.size / 1024:>{width},.0f}{error(report):>9.1e}"


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


@pytest.mark.parametrize("name", NAMES)
def test_a_network_leaves_and_answers_as_it_did(name: str, tmp_path: Path) -> None:
    ROWS.skip_if_done(name)
    shape, further = smallest(name), FURTHER[name]
    keras.utils.set_random_seed(0)
    network = build(name, input_shape=shape, classes=10)
    samples = noise_of(from_model(network))
    network = fitted(name, network, samples)
    classifier = from_model(network)
    both = ExportSamples(samples, samples)
    reason = refusal(further, name)
    wanted = ALWAYS if reason else (*ALWAYS, further)
    made = export_all(classifier, wanted, tmp_path / "network", samples=both, tolerance=NONE)
    plain, rounded, *rest = made.reports
    exact = [each for each in (plain, *rest) if TARGETS[each.target].tolerance is EXACT]
    if not all(error(each) < 1e-3 for each in exact):  # after so many layers rounding alone takes answers as far
        limit = rounding(network, classifier.tensor(samples.images))
        assert all(error(each) < limit for each in exact)
    assert all(error(each) < error(rounded) for each in rest if each.target in LESS_ROUNDED)
    beside = CHANNEL * channels(network) + OPERATOR * sum(rounded.operators.values())
    assert rounded.size < plain.size - 3 * numbers(network) + beside
    if reason:
        with pytest.raises(SepzooError, match=re.escape(reason)):
            export_all(classifier, [further], tmp_path / "further", samples=both, tolerance=NONE)
        last = f"{further}: {reason}"
    else:
        [report] = rest
        assert math.isfinite(error(report))
        last = f"{further}, {report.size / 1024:,.0f} KiB, {error(report):.1e}"
    size = " x ".join(map(str, shape))
    ROWS.keep(name, f"{size:>14}{today():>12}{cell(plain, 11)}{cell(rounded, 10)}  {last}")
