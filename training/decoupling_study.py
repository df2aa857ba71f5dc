"""What decoupling a trained network costs in accuracy: both orders, T = 1 … 9, four ways to choose the terms.

    python training/decoupling_study.py runs/cifar_resnet20/best.keras --out runs/decoupling

Each network is measured as it comes out of the surgery and after one epoch of fine-tuning, and is one line of
OUT/arms.jsonl; the same command goes on where it was broken off. It ends with the table and the plot
(OUT/decoupling.txt, OUT/decoupling.png). CIFAR-10 is found in $TFDS_DATA_DIR.
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from decoupling_arms import METHODS, ORDERS, arms, layer_error, separated
from decoupling_table import show
from decoupling_tuning import tuned, tuning

from sepzoo import analysis, data
from sepzoo.artifact import model_file
from sepzoo.training import Sources

WATCHED = 500
"""Images on which the fine-tuning shows its accuracy; what counts is measured on all."""


def measured(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return the accuracy, and which images it had right (a bit each), so that networks can be compared in pairs."""
    right = model.predict(images, batch_size=256, verbose=0).argmax(axis=-1) == labels
    return {"accuracy": float(right.mean()), "correct": base64.b64encode(np.packbits(right).tobytes()).decode()}


def main() -> None:
    """Run the arms that are not there yet, then show all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a .keras file, trained, of ReLUs, that gives probabilities")
    parser.add_argument("--out", type=Path, default=Path("runs", "decoupling"))
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--terms", type=int, nargs="+", default=range(1, 10))
    parser.add_argument("--methods", nargs="+", default=METHODS, help="of choosing the terms")
    parser.add_argument("--orders", nargs="+", default=ORDERS, help="of the two steps")
    parser.add_argument("--samples", type=int, default=500, help="unlabelled training images that fits may see")
    parser.add_argument("--learning-rate", type=float, default=0.01, help="of the fine-tuning")
    parser.add_argument("--held-out", type=int, default=0, help="measure on so many training images, not tuned on")
    options = parser.parse_args()
    trained = model_file.load(options.model)
    preprocessing = model_file.metadata_of(trained).require_preprocessing()
    prepare = preprocessing.normalize
    sizes = {"image_size": trained.input_shape[1:3], "channels": trained.input_shape[3]}
    train, test = (data.open_source(options.data, split=split, **sizes) for split in ("train", "test"))
    samples = prepare(data.draw_samples(train, options.samples, seed=0).images)
    pixels, labels = train.images(np.arange(len(train))), train.labels
    test_images, test_labels = test.images(np.arange(len(test))), test.labels
    if options.held_out:
        test_images, test_labels = pixels[-options.held_out :], labels[-options.held_out :]
        pixels, labels = pixels[: -options.held_out], labels[: -options.held_out]
    classes = train.class_names
    watched = data.ArraySource(test_images[:WATCHED], test_labels[:WATCHED], classes)
    sources, settings = Sources(data.ArraySource(pixels, labels, classes), watched), tuning(options.learning_rate)
    test_images = prepare(test_images)
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "arms.jsonl"
    done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    for arm in arms(options.terms, options.orders, options.methods):
        if any(arm.items() <= row.items() for row in done):
            continue
        new, row = separated(trained, arm, samples), dict(arm)
        if new is not None:
            costs = analysis.profile(new)
            row |= {"macs": costs.macs, "params": costs.params, "layer_error": layer_error(trained, new, samples)}
            row |= {"count": len(test_labels), "plain": measured(new, test_images, test_labels)}
            row["tuned"] = measured(tuned(new, preprocessing, sources, settings), test_images, test_labels)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
        accuracies = {key: row[key]["accuracy"] for key in ("plain", "tuned") if key in row}
        print({**row, **accuracies}, flush=True)
    print(show(options.out))


if __name__ == "__main__":
    main()
