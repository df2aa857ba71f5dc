"""What decoupling a trained network costs in accuracy: both orders, T = 1 … 9, four ways to choose the terms.

    python training/decoupling_study.py runs/vgg_cifar10/best.keras --out runs/decoupling

Each arm is one line of OUT/arms.jsonl; the same command goes on where it was broken off, and ends with the table and
the plot (OUT/decoupling.png). CIFAR-10 is found in $TFDS_DATA_DIR.
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from decoupling_arms import arms, layer_error, separated
from decoupling_table import show

from sepzoo import analysis, data, surgery
from sepzoo.catalog import model_file


def tuned(model: keras.Model, source: data.Source, prepare: Any, rate: float, images: int) -> keras.Model:
    """Return the network after one epoch, mirrored at random."""
    model = surgery.accelerate(model)[0]
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy")
    generator = np.random.default_rng(0)
    for number, (pixels, labels) in enumerate(source.shuffled(128, seed=0, epoch=0)):
        if number * 128 < images:
            mirrored = np.where(generator.random((len(pixels), 1, 1, 1)) < 0.5, pixels[:, :, ::-1], pixels)
            model.train_on_batch(prepare(mirrored), labels)
    return model


def main() -> None:
    """Run the arms that are not there yet, then show all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a .keras file, trained, of ReLUs, that gives probabilities")
    parser.add_argument("--out", type=Path, default=Path("runs", "decoupling"))
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--terms", type=int, nargs="+", default=range(1, 10))
    parser.add_argument("--samples", type=int, default=500, help="unlabelled training images that fits may see")
    parser.add_argument("--learning-rate", type=float, default=0.002, help="of the epoch of fine-tuning")
    parser.add_argument("--train-images", type=int, default=10**9, help="at most so many of them in that epoch")
    options = parser.parse_args()
    trained = model_file.load(options.model)
    prepare = model_file.metadata_of(trained).preprocessing.normalize
    sizes = {"image_size": trained.input_shape[1:3], "channels": trained.input_shape[3]}
    train, test = (data.open_source(options.data, split=split, **sizes) for split in ("train", "test"))
    samples = prepare(data.draw_samples(train, options.samples, seed=0).images)
    images = prepare(test.images(np.arange(len(test))))
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "arms.jsonl"
    done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    for arm in arms(list(options.terms)):
        if any(arm.items() <= row.items() for row in done):
            continue
        new, row = separated(trained, arm, samples), dict(arm)
        if new is not None:
            new = tuned(new, train, prepare, options.learning_rate, options.train_images) if arm["tuned"] else new
            right = new.predict(images, batch_size=256, verbose=0).argmax(axis=-1) == test.labels
            costs = analysis.profile(new)
            row |= {"macs": costs.macs, "params": costs.params, "layer_error": layer_error(trained, new, samples)}
            row |= {"accuracy": float(right.mean()), "count": len(right)}
            row["correct"] = base64.b64encode(np.packbits(right).tobytes()).decode()
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
        print({key: value for key, value in row.items() if key != "correct"}, flush=True)
    print(show(options.out))


if __name__ == "__main__":
    main()
