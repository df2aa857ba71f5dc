"""How long one image takes before and after decoupling, as float32 TFLite files on one thread.

`python benchmarks/decoupled.py MODEL.keras` decouples by 1 to 4 terms in both orders (layers that would get more
expensive stay dense), writes the files, and runs them in turns: median and quartiles of 15 turns of 20 images each, and
the median ratio of a turn to the original's.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from timing import in_turns, ratio, spread

from sepzoo import analysis, export, inference, surgery
from sepzoo.artifact import model_file

TERMS = (1, 2, 3, 4)
TURNS, IMAGES = 15, 20


def milliseconds(classifier: inference.Classifier, tensor: np.ndarray) -> float:
    """Return the time of one image, the mean of some."""
    start = time.perf_counter()
    for _ in range(IMAGES):
        classifier.run(tensor)
    return 1e3 * (time.perf_counter() - start) / IMAGES


def main() -> None:
    """Print the table."""
    original = model_file.load(sys.argv[1])
    networks: dict[str, keras.Model] = {"original": original}
    networks |= {
        f"{order}, T = {terms}": surgery.decouple(original, order=order, terms=terms)[0]
        for order in ("pw_dw", "dw_pw")
        for terms in TERMS
    }
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{number}.tflite") for number in range(len(networks))]
        for network, file in zip(networks.values(), files, strict=True):
            export.tflite(network, file)
        classifiers = [inference.open(file) for file in files]
    image = np.random.default_rng(0).integers(0, 256, (1, *original.input_shape[1:]), "uint8")
    tensors = [classifier.prepare(image) for classifier in classifiers]
    pairs = zip(classifiers, tensors, strict=True)
    times = in_turns([functools.partial(milliseconds, *pair) for pair in pairs], TURNS)
    costs = [analysis.profile(network).macs for network in networks.values()]
    print(f"{'network':16}{'MACs':>8}{'ms':>24}{'ratio':>8}")
    for name, series, macs in zip(networks, times, costs, strict=True):
        print(f"{name:16}{macs / costs[0]:>8.3f}{spread(series, 2):>24}{ratio(series, times[0]):>8.2f}")


if __name__ == "__main__":
    main()
