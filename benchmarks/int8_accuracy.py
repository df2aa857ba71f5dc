"""What an int8 file of the official MobileNetV1 keeps on photographs, with each way to correct its biases.

`python benchmarks/int8_accuracy.py WEIGHTS PHOTOGRAPHS --alpha 0.25` draws 100 photographs to calibrate on and checks
on the others, three times. WEIGHTS is the official Keras file, or an .npz of its arrays; the name of a photograph
begins with the four digits of its class. The change of KL is to the row above, photograph by photograph, with the
standard error of 2,000 bootstrap draws of the photographs.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path

import keras
import numpy as np

import sepzoo
from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import TARGETS, Target, TfliteOptions, Tolerance
from sepzoo.export.bias_correction import EIGHT_BITS
from sepzoo.export.formats.tflite import with_options
from sepzoo.export.pipeline import write
from sepzoo.inference.keras_model import KerasClassifier, from_model

CALIBRATION = 100
_LEAST = 1e-7


def ways() -> dict[str, tuple[Target, bool]]:
    """Return what is compared: a target, and whether biases are corrected."""
    int8, floats = TARGETS["tflite:int8"], TARGETS["tflite:int8_float_io"]
    kept = with_options(floats, TfliteOptions(keep_float="predictions"))
    return {
        "no correction": (int8, False),
        "for rounded weights": (dataclasses.replace(int8, rounding=EIGHT_BITS), True),
        "for rounded inputs too": (int8, True),
        "the softmax float too": (kept, True),
    }


def probabilities(classifier: KerasClassifier, way: tuple[Target, bool], parts: tuple[Samples, Samples]) -> np.ndarray:
    """Return what a file gives for the samples of the check."""
    (target, correct), (calibration, check) = way, parts
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.tflite"
        settings = {"calibration": calibration, "check": check.taken(slice(20)), "tolerance": Tolerance()}
        write(classifier, target, path, correct_bias=correct, **settings)
        return np.asarray(inference.open(path).predict(check.images))


def divergences(right: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return each photograph's KL divergence in nats."""
    p, q = (np.clip(each, _LEAST, 1) for each in (right, found))
    return np.asarray((p * np.log(p / q)).sum(axis=1))


def bootstrap_error(values: np.ndarray) -> float:
    """Return the standard error of a mean."""
    drawn = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
    return float(values[drawn].mean(axis=1).std())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--alpha", type=float, default=0.25)
    parser.add_argument("--draws", type=int, default=3)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    network = sepzoo.applications.build("mobilenet_v1", alpha=options.alpha, weights=options.weights)
    classifier, files = from_model(network), sorted(options.photographs.iterdir())
    images, labels = classifier.pixels(files), np.array([int(file.name[:4]) for file in files])
    float_answers = np.asarray(classifier.predict(images))
    print("| draw | biases | accuracy, of float | same answer | KL, nats | change of KL |\n|---|---|---|---|---|---|")
    for draw in range(options.draws):
        order, before = np.random.default_rng(draw).permutation(len(files)), None
        cal, rest = order[:CALIBRATION], order[CALIBRATION:]
        parts = tuple(Samples(images[part], labels[part], origin="photographs", seed=draw) for part in (cal, rest))
        right, truth = float_answers[rest], labels[rest]
        for name, way in ways().items():
            found = probabilities(classifier, way, parts)
            kl, top = divergences(right, found), found.argmax(axis=1)
            change = "" if before is None else f"{(kl - before).mean():+.4f} ± {bootstrap_error(kl - before):.4f}"
            accuracies = f"{(top == truth).mean():.4f}, {(right.argmax(axis=1) == truth).mean():.4f}"
            same = (top == right.argmax(axis=1)).mean()
            print(f"| {draw} | {name} | {accuracies} | {same:.4f} | {kl.mean():.4f} | {change} |", flush=True)
            before = kl


if __name__ == "__main__":
    main()
