"""What an int8 file of the official MobileNetV1 keeps on photographs, with each way to make good what rounding does.

`python benchmarks/int8_accuracy.py WEIGHTS PHOTOGRAPHS --alpha 0.25` draws 100 photographs to calibrate on and checks
on the others, three times. WEIGHTS is the official Keras file, or an .npz of its arrays; the name of a photograph
begins with the four digits of its class. The change of KL is to the row above, photograph by photograph, with the
standard error of 2,000 bootstrap draws of the photographs. `--modes` prints one draw of every mode that rounds instead,
`--only tflite:int16x8` some of them, as they are exported, for all draws, and `--exported` the file of `tflite:int8` as
it is exported, below one whose biases alone make good the rounding of weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np

import sepzoo
from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import TARGETS, Target, TfliteOptions, Tolerance
from sepzoo.export.formats.tflite import with_options
from sepzoo.export.pipeline import write
from sepzoo.export.rounding import EIGHT_BITS, Rounding
from sepzoo.inference.keras_model import KerasClassifier, from_model

CALIBRATION = 100
_LEAST = 1e-7


@dataclasses.dataclass(frozen=True)
class Way:
    """A target, whether weights make good what its rounding does, and whether it follows from the row above."""

    target: Target
    correct: bool = True
    follows: bool = True


def corrections() -> dict[str, Way]:
    """Return one way more a row of what is made good."""
    int8 = TARGETS["tflite:int8"]
    kept = with_options(TARGETS["tflite:int8_float_io"], TfliteOptions(keep_float="predictions"))
    nearest = Rounding(inputs=True)
    extremes = dataclasses.replace(kept.rounding, narrows=False)
    unscaled = dataclasses.replace(extremes, equalizes=False)
    return {
        "no correction": Way(int8, correct=False, follows=False),
        "biases, for rounded weights": Way(dataclasses.replace(int8, rounding=EIGHT_BITS)),
        "for rounded inputs too": Way(dataclasses.replace(int8, rounding=nearest)),
        "the softmax float too": Way(dataclasses.replace(kept, rounding=nearest)),
        "weights rounded by outputs too": Way(dataclasses.replace(kept, rounding=unscaled)),
        "channels scaled too, where better": Way(dataclasses.replace(kept, rounding=extremes)),
        "ranges by error too, where better": Way(kept),
    }


def exported() -> dict[str, Way]:
    """Return what corrected biases alone keep, and what `tflite:int8` does."""
    biases = corrections()["biases, for rounded weights"]
    return {
        "biases, for rounded weights": dataclasses.replace(biases, follows=False),
        "tflite:int8, as exported": Way(TARGETS["tflite:int8"]),
    }


def modes() -> dict[str, Way]:
    """Return each target whose files have rounded weights, which go to the nearest, then by what layers give."""
    found = {}
    for name, target in TARGETS.items():
        if target.rounding.by_outputs and target.rounds_from is not None and not name.startswith("browser"):
            nearest = dataclasses.replace(target.rounding, by_outputs=False, equalizes=False, narrows=False)
            found[f"{name}, to the nearest"] = Way(dataclasses.replace(target, rounding=nearest), follows=False)
            found[f"{name}, by outputs"] = Way(target)
    least = TfliteOptions(keep_float="auto", agreement=0.95)
    return {**found, "tflite:int8, agreement=.95": Way(with_options(TARGETS["tflite:int8"], least), follows=False)}


def probabilities(classifier: KerasClassifier, way: Way, parts: tuple[Samples, Samples]) -> tuple[np.ndarray, int]:
    """Return what a file gives for the samples of the check, and its bytes."""
    calibration, check = parts
    shown = check if way.target.search is not None else check.taken(slice(20))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"net{way.target.suffix}"
        settings = {"calibration": calibration, "check": shown, "tolerance": Tolerance()}
        report = write(classifier, way.target, path, correct_bias=way.correct, **settings)
        return np.asarray(inference.open(path).predict(check.images)), report.size


def divergences(right: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return each photograph's KL divergence in nats."""
    p, q = (np.clip(each, _LEAST, 1) for each in (right, found))
    return np.asarray((p * np.log(p / q)).sum(axis=1))


def bootstrap_error(values: np.ndarray) -> float:
    """Return the standard error of a mean."""
    drawn = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
    return float(values[drawn].mean(axis=1).std())


def rows(
    classifier: KerasClassifier, ways: Mapping[str, Way], parts: tuple[Samples, Samples], right: np.ndarray
) -> Iterator[str]:
    """Yield a row a way: its name, KiB, accuracy and that of float, same answer, KL, its change to the row above.

    Args:
        classifier: of which files are made.
        ways: by name.
        parts: images to calibrate and to check on.
        right: what the network itself gives for the latter.
    """
    truth, before = parts[1].labels, np.zeros(1)
    for name, way in ways.items():
        found, size = probabilities(classifier, way, parts)
        kl, top, of_float = divergences(right, found), found.argmax(axis=1), right.argmax(axis=1)
        change = f"{(kl - before).mean():+.4f} ± {bootstrap_error(kl - before):.4f}" if way.follows else ""
        accuracies = f"{(top == truth).mean():.4f}, {(of_float == truth).mean():.4f}"
        yield f"{name} | {size / 1024:.0f} | {accuracies} | {(top == of_float).mean():.4f} | {kl.mean():.4f} | {change}"
        before = kl


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--alpha", type=float, default=0.25)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--modes", action="store_true")
    parser.add_argument("--exported", action="store_true")
    parser.add_argument("--only", default="", help="modes, by commas")
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    network = sepzoo.applications.build("mobilenet_v1", alpha=options.alpha, weights=options.weights)
    classifier, files = from_model(network), sorted(options.photographs.iterdir())
    images, labels = classifier.pixels(files), np.array([int(file.name[:4]) for file in files])
    float_answers = np.asarray(classifier.predict(images))
    print("| draw | what is made good | KiB | accuracy, of float | same answer | KL, nats | change of KL |")
    print("|---|---|---|---|---|---|---|")
    if options.only:
        ways = {name: Way(TARGETS[name], follows=False) for name in options.only.split(",")}
    elif options.exported:
        ways = exported()
    else:
        ways = modes() if options.modes else corrections()
    for draw in range(1 if options.modes else options.draws):
        order = np.random.default_rng(draw).permutation(len(files))
        cal, rest = order[:CALIBRATION], order[CALIBRATION:]
        parts = tuple(Samples(images[part], labels[part], origin="photographs", seed=draw) for part in (cal, rest))
        for row in rows(classifier, ways, parts, float_answers[rest]):
            print(f"| {draw} | {row} |", flush=True)


if __name__ == "__main__":
    main()
