"""Fine-tune MobileNetV1 from ImageNet weights on tf_flowers (or a folder of class folders), with plain Keras.

    python training/finetune_flowers.py [--data tf_flowers] [--weights imagenet] [--out flowers.keras]

The recipe `finetune` does the same with checkpoints, metrics and resuming: `sepzoo train finetune`.
"""

from __future__ import annotations

import argparse

import keras
import numpy as np

import sepzoo
from sepzoo.artifact.model_file import attach, metadata_of, save
from sepzoo.records.metadata import Metadata

SIZE = (160, 160)


def main() -> None:
    """Train, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="tf_flowers", help="a TFDS name or a folder of class folders")
    parser.add_argument("--weights", default="imagenet", help="imagenet, or the path of a weight file")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="flowers.keras")
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)

    splits = sepzoo.data.choose_splits(sepzoo.data.split_names(options.data))
    train = sepzoo.data.open_source(options.data, split=splits.train, image_size=SIZE)
    validation = sepzoo.data.open_source(options.data, split=splits.validation, image_size=SIZE, crop_fraction=0.875)

    model = sepzoo.applications.build(
        "mobilenet_v1",
        alpha=0.25,
        weights=options.weights,
        input_shape=(*SIZE, 3),
        classes=len(train.class_names),
    )
    known = metadata_of(model)
    augment = keras.Sequential(
        [
            keras.layers.RandomTranslation(0.1, 0.1, seed=options.seed),
            keras.layers.RandomFlip("horizontal", seed=options.seed),
        ]
    )

    def arrays(source: sepzoo.data.Source) -> tuple[np.ndarray, np.ndarray]:
        images, labels = zip(*source.batches(256), strict=True)
        return known.require_preprocessing().normalize(np.concatenate(images)), np.concatenate(labels)

    inputs = keras.Input((*SIZE, 3))
    trained = keras.Model(inputs, model(augment(inputs)))
    steps = -(-len(train) // options.batch_size) * options.epochs
    trained.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    images, labels = arrays(train)
    trained.fit(
        images,
        labels,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=arrays(validation),
        verbose=2,
    )
    save(attach(model, Metadata(known.name, labels=train.class_names, preprocessing=known.preprocessing)), options.out)
    print(f"validated on {validation.name}, {len(validation)} images; written to {options.out}")


if __name__ == "__main__":
    main()
