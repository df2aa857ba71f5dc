"""What int8 files keep of different networks, with and without what our conversion makes good.

`python benchmarks/int8_networks.py DATA MODEL ...` draws 200 training images to calibrate on, three times, and checks
on the first 2,000 of the test split, or of what validates. MODEL is a file, or a network's name with `@` and its
weights. The softmax is float in both rows; the columns are those of `benchmarks/int8_accuracy.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from int8_accuracy import Way, rows

import sepzoo
from sepzoo.data import Samples, choose_splits, draw_samples, open_source, split_names
from sepzoo.export import TARGETS, TfliteOptions
from sepzoo.export.formats.tflite import with_options
from sepzoo.inference.keras_model import KerasClassifier, from_model
from sepzoo.inference.opening import open as open_file

CALIBRATION, CHECKED = 200, 2_000


def opened(text: str) -> KerasClassifier:
    """Return the network of a file, or of a name with `@` and the weights' name."""
    name, _, weights = text.partition("@")
    if weights:
        return from_model(sepzoo.applications.build(name, weights=weights))
    found = open_file(Path(text))
    assert isinstance(found, KerasClassifier)
    return found


def drawn_rows(text: str, data: str, draws: int) -> Iterator[str]:
    """Yield two rows of the table a draw."""
    classifier = opened(text)
    height, width, _channels = classifier.input_shape
    crop = classifier.require_preparation()
    splits = choose_splits(split_names(data))
    train, test = (
        open_source(data, split=split, image_size=(height, width), crop_fraction=getattr(crop, "crop_fraction", 1.0))
        for split in ("train", splits.test or splits.validation)
    )
    shown = np.arange(min(CHECKED, len(test)))
    images, labels = test.images(shown), np.asarray(test.labels)[shown]
    right = np.asarray(classifier.predict(images))
    target = with_options(TARGETS["tflite:int8_float_io"], TfliteOptions(keep_float=classifier.model.layers[-1].name))
    ways = {"no": Way(target, correct=False, follows=False), "yes": Way(target)}
    for draw in range(draws):
        parts = draw_samples(train, CALIBRATION, seed=draw), Samples(images, labels, origin=data, seed=draw)
        for row in rows(classifier, ways, parts, right):
            yield f"{draw} | {row}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--draws", type=int, default=3)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    print("| network | draw | made good | KiB | accuracy, of float | same answer | KL, nats | change of KL |")
    print("|---|---|---|---|---|---|---|---|")
    for text in options.models:
        for row in drawn_rows(text, options.data, options.draws):
            print(f"| {Path(text).stem.partition('@')[0]} | {row} |", flush=True)


if __name__ == "__main__":
    main()
