"""Int8 files of one network made in three ways: rounded after training, and trained with rounding by either library.

    python training/rounding_study.py mlperf_tiny_resnet8_cifar10.h5 --data cifar10
    python training/rounding_study.py mobilenet_v1_0.25_224_imagenet_keras.h5 --data tf_flowers --fine-tune 4

Each seed draws its samples anew; their labels are not looked at. A row of OUT is a file of one seed; the same command
goes on where it was broken off. Seconds are those of one processor, of this process and the one that it starts.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

import keras
import numpy as np
from answers import Table, right_answers

from sepzoo import applications, compression, data, export
from sepzoo.artifact import model_file
from sepzoo.inference.keras_model import from_model
from sepzoo.records.preprocessing import AS_THEY_ARE

WAYS = ("post-training", "keras", "tfmot")
COLUMNS = ("data", "way", "seed", "images", "right", "gained", "lost", "seconds")


def seconds() -> float:
    """Return the processor's time so far."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def written(model: keras.Model, way: str, samples: data.Samples, options: argparse.Namespace, path: Path) -> None:
    """Write the int8 file of a network."""
    if way == "post-training":
        export.tflite(model, path, quantize="int8", calibration=samples)
        return
    settings = {"epochs": options.epochs, "batch_size": options.batch_size, "seed": samples.seed}
    compression.quantize_aware(model, samples, by=way, **settings).export_tflite(path)


def fine_tuned(options: argparse.Namespace, train: data.Source) -> keras.Model:
    """Return a MobileNetV1 that knows the classes of a data set, trained once."""
    path = options.out.with_name(f"{options.out.stem}_{options.data}.keras")
    if path.exists():
        return model_file.load(path)
    keras.utils.set_random_seed(0)
    size = {"input_shape": (options.size, options.size, 3), "classes": len(train.class_names)}
    model = applications.build("mobilenet_v1", alpha=0.25, weights=options.model, **size)
    pixels = model_file.metadata_of(model).require_preprocessing().normalize(train.images(np.arange(len(train))))
    steps = -(-len(train) // 32) * options.fine_tune
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(pixels, train.labels, batch_size=32, epochs=options.fine_tune, verbose=2)
    return model_file.save(model, path) and model_file.load(path)


def main() -> None:
    """Make the files that are not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a trained network of pixels, or with --fine-tune weights of MobileNetV1 0.25")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path, default=Path("training", "figures", "rounding.csv"))
    parser.add_argument("--fine-tune", type=int, default=0, metavar="EPOCHS", help="on the classes of --data, first")
    parser.add_argument("--size", type=int, default=96, help="of images, with --fine-tune")
    parser.add_argument("--samples", type=int, default=1000, help="unlabelled training images of a seed")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--test-images", type=int, default=2000, help="at most, the first ones")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    splits = data.choose_splits(data.split_names(options.data))
    network = None if options.fine_tune else model_file.load(options.model)
    shape = (options.size, options.size, 3) if network is None else network.input_shape[1:]
    sizes = {"image_size": shape[:2], "channels": shape[2]}
    train, test = (
        data.open_source(options.data, split=each, **sizes) for each in (splits.train, splits.test or splits.validation)
    )
    if network is None:
        network = fine_tuned(options, train)
    else:
        model_file.attach(network, from_model(network, labels=train.class_names, preprocessing=AS_THEY_ARE).metadata)
    chosen = np.arange(min(len(test), options.test_images))
    images, labels = test.images(chosen), test.labels[chosen]
    table = Table(COLUMNS, options.out)
    for seed in range(options.seeds):
        left = [way for way in WAYS if not table.has(data=options.data, way=way, seed=seed)]
        if not left:
            continue
        samples = data.draw_samples(train, options.samples, seed=seed)
        found: dict[str, np.ndarray] = {}
        for way in dict.fromkeys((WAYS[0], *left)):  # with whose answers the others' are compared
            with tempfile.TemporaryDirectory() as place:
                begun, path = seconds(), Path(place, "network.tflite")
                drawn = samples.taken(slice(200)) if way == WAYS[0] else samples
                written(network, way, drawn, options, path)
                spent = seconds() - begun
                found[way] = right_answers(path, images, labels)
            if way in left:
                first = found[WAYS[0]]
                gained, lost = int((found[way] & ~first).sum()), int((first & ~found[way]).sum())
                cells = (options.data, way, seed, len(labels), int(found[way].sum()), gained, lost, round(spent, 1))
                table.add(dict(zip(COLUMNS, cells, strict=True)))


if __name__ == "__main__":
    main()
