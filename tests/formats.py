"""Formats that networks of the zoo leave in, and how far a file's answers may be from its network's."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras

from sepzoo.applications import build
from sepzoo.catalog.registry import find
from sepzoo.export import ExportReport, Tolerance
from sepzoo.export.batch_export import export_all
from sepzoo.export.noise import noise_of
from sepzoo.export.results import ExportResults
from sepzoo.export.samples import ExportSamples
from sepzoo.export.targets import TARGETS
from sepzoo.export.tolerance import EXACT, QUANTIZED, QUANTIZED_WEIGHTS, ROUNDED
from sepzoo.inference.keras_model import from_model
from tests.untrained import telling_apart

ALWAYS = ("tflite:float32", "tflite:int8")
FARTHEST = {ROUNDED: 0.02, QUANTIZED_WEIGHTS: 0.04, QUANTIZED: 0.1}
"""Mean difference of a probability, at most, by the default tolerance of a format: of five classes, of a network of
`telling_apart`, on random pixels. In eight families the answers for other samples are .17 to .24 away, on average."""
FARTHEST_OF_4_BITS = 0.16
HARD = frozenset({"mobilenet_v2"})
"""Families in which 8 bits lose as much as 4 do elsewhere: untrained linear bottlenecks, of eight channels."""


def fits(target: str, name: str) -> bool:
    """Return whether a format is made for a network of a name: pages show pictures, and take no other."""
    return "browser" not in target or find(name)[1].takes == "image"


def refusal(target: str, name: str) -> str | None:
    """Return with which words LiteRT refuses a format of a network; None: it takes it."""
    return "SquaredDifference only supports FLOAT32" if "convnext" in name and target == "tflite:int16x8" else None


def further_formats(names: Iterable[str]) -> dict[str, str]:
    """Return one format for each network, beside those that all have: all formats in turn."""
    further = itertools.cycle([name for name in TARGETS if name not in ALWAYS])
    return {name: target if fits(target, name) else "onnx" for name, target in zip(names, further, strict=False)}


def left(name: str, arguments: dict[str, Any], targets: Sequence[str], folder: Path) -> ExportResults:
    """Return what became of an untrained network that tells samples apart, in several formats."""
    keras.utils.set_random_seed(7)
    network = build(name, **arguments)
    samples = noise_of(from_model(network))
    classifier = from_model(telling_apart(network, samples))
    both = ExportSamples(samples, samples)
    return export_all(classifier, targets, folder / "network", samples=both, tolerance=Tolerance())


def answers_as_it_did(report: ExportReport, family: str = "") -> bool:
    """Return whether a file of a network of `telling_apart` answers as the network itself does.

    Files of floats do so to rounding, as their default tolerance has it, all others within `FARTHEST`, or what is said
    of `HARD` families. Where scores of steps get no softmax the limits are those of the product, of the relative error.
    """
    comparison, limits = report.comparison, TARGETS[report.target].tolerance
    assert comparison.note is None or not comparison.scores, comparison.note
    if limits is EXACT or not comparison.scores:
        return not limits.problems(comparison)
    coarse = "int4" in report.target or (limits is QUANTIZED and family in HARD)
    return comparison.mean_error < (FARTHEST_OF_4_BITS if coarse else FARTHEST[limits])
