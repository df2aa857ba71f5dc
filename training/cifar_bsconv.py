"""Train a network of the BSConv paper on CIFAR-10 with plain Keras, by the authors' recipe or a short cosine.

    python training/cifar_bsconv.py cifar_mobilenetv1_w1d4_bsconvu --epochs 10
    python training/cifar_bsconv.py cifar_mobilenetv1_w1d4_bsconvu --epochs 200 --schedule step

The recipes `cifar10_short` and `cifar10_bsconv` do the same with checkpoints, metrics and resuming.
"""

from __future__ import annotations

import argparse
import time

import keras
import numpy as np

import sepzoo


class Crops(keras.utils.PyDataset):
    """CIFAR-10 in an order of its own every epoch, padded by 4, cropped at random, mirrored, in 0..1."""

    augmentation = sepzoo.data.Augmentation(padding=4, flip=True)

    def __init__(self, source: sepzoo.data.Source, batch_size: int, seed: int) -> None:
        super().__init__()
        self.source, self.batch_size, self.seed, self.epoch = source, batch_size, seed, 0

    def __len__(self) -> int:
        return -(-len(self.source) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.source))
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        random = np.random.default_rng([self.seed, self.epoch, index + 1])
        images = self.augmentation(self.source.images(chosen), self.source.image_size, random)
        return images.astype("float32") / 255, self.source.labels[chosen]

    def on_epoch_end(self) -> None:
        """Go on to the next order."""
        self.epoch += 1


def main() -> None:
    """Train and measure on the test images, as the authors' program does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="cifar_mobilenetv1_w1d4_bsconvu")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--schedule", choices=["cosine", "step"], default="cosine")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", help="of TFDS; otherwise the variable TFDS_DATA_DIR")
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)

    train = sepzoo.data.open_source("cifar10", split="train", data_dir=options.data_dir)
    test = sepzoo.data.open_source("cifar10", split="test", data_dir=options.data_dir)
    batches = Crops(train, batch_size=128, seed=options.seed)
    model = sepzoo.applications.build(options.name, classifier_activation=None)

    steps = options.epochs * len(batches)
    if options.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(0.1, steps)
    else:  # a tenth after 1/2, 3/4 and 9/10 of the epochs: 100, 150 and 180 of 200
        falls = [steps // 2 - 1, steps * 3 // 4 - 1, steps * 9 // 10 - 1]
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(falls, [0.1, 0.01, 0.001, 0.0001])
    decay = keras.regularizers.L2(0.5e-4)  # its gradient is PyTorch's decay of 1e-4
    for variable in model.trainable_variables:
        if variable.regularizer is None:
            variable.regularizer = decay
    model.compile(
        optimizer=keras.optimizers.SGD(rate, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    images = test.images(np.arange(len(test))).astype("float32") / 255
    started = time.perf_counter()
    model.fit(batches, epochs=options.epochs, validation_data=(images, test.labels), verbose=2)
    speed = options.epochs * len(train) / (time.perf_counter() - started)
    print(f"{options.name}: {speed:.0f} images/s, validation included")


if __name__ == "__main__":
    main()
