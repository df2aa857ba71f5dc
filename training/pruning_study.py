"""Channels pruned from a trained network without training: every importance, spread evenly and by cost, fitted or not.

`python training/pruning_study.py FILE --data cifar10` prints a line for each network.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import keras
import numpy as np

from sepzoo import data, surgery
from sepzoo.artifact import model_file
from sepzoo.records.preprocessing import AS_THEY_ARE

IMPORTANCES = ("magnitude", "taylor", "output_error")


def accuracy(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images whose class is found."""
    return float(np.mean(model.predict(images, batch_size=250, verbose=0).argmax(axis=1) == labels))


def main() -> None:
    """Prune, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a trained network, such as mlperf_tiny_resnet8_cifar10.h5")
    parser.add_argument("--data", default="cifar10", help="what it was trained on; pixels go in as they are")
    parser.add_argument("--macs", type=float, nargs="+", default=[0.75, 0.5], help="shares that are left")
    parser.add_argument("--samples", type=int, default=256, help="unlabelled training images that are looked at")
    parser.add_argument("--test-images", type=int, default=2000, help="the first of the test images")
    options = parser.parse_args()
    trained = model_file.load(options.model)
    sizes = {"image_size": trained.input_shape[1:3], "channels": trained.input_shape[3]}
    train, test = (data.open_source(options.data, split=split, **sizes) for split in ("train", "test"))
    samples = AS_THEY_ARE.normalize(data.draw_samples(train, options.samples, seed=0).images)
    chosen = np.arange(options.test_images)
    images, labels = AS_THEY_ARE.normalize(test.images(chosen)), test.labels[chosen]
    print(f"original: accuracy {accuracy(trained, images, labels):.4f}", flush=True)
    print("budget  MACs   params  allocation  importance    accuracy  fitted again", flush=True)
    for macs, allocation, importance in itertools.product(options.macs, ("uniform", "global"), IMPORTANCES):
        settings = {"macs": macs, "allocation": allocation, "importance": importance, "data": samples}
        cut, _report = surgery.prune_channels(trained, **settings, refit_layers=False)
        fitted, report = surgery.prune_channels(trained, **settings)
        share = report.macs_after / report.macs_before
        found = [accuracy(each, images, labels) for each in (cut, fitted)]
        print(
            f"{macs:<6g}  {share:.3f}  {report.params_after:6,}  {allocation:10}  {importance:12}  {found[0]:8.4f}  "
            f"{found[1]:12.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
