"""How right the official MobileNetV1 is on photographs, in float, with a ReLU6 and with a ReLU in its place.

`python benchmarks/ceilings.py WEIGHTS PHOTOGRAPHS --alpha 0.25`; photographs begin with the number of their class.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras

import sepzoo
from sepzoo.inference.keras_model import from_model
from sepzoo.support.table import table
from sepzoo.support.types import Layer


def without_ceiling(layer: Layer) -> Layer:
    """Return a copy of a layer, of a ReLU6 one without a highest value."""
    highest = {"max_value": None} if isinstance(layer, keras.layers.ReLU) else {}
    return type(layer).from_config({**layer.get_config(), **highest})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--alpha", type=float, default=0.25)
    options = parser.parse_args()
    files = sorted(options.photographs.iterdir())
    network = sepzoo.applications.build("mobilenet_v1", alpha=options.alpha, weights=str(options.weights))
    opened = keras.models.clone_model(network, clone_function=without_ceiling)
    opened.set_weights(network.get_weights())
    rows = []
    for name, model in (("ReLU6", network), ("ReLU", opened)):
        classifier = from_model(model, preprocessing=from_model(network).require_preprocessing())
        answers = classifier.predict(files).argmax(axis=1)
        right = (answers == [int(file.name.split("_")[0]) for file in files]).mean()
        rows.append([name, str(len(files)), f"{right:.3f}"])
    print(table(["activation", "photographs", "accuracy"], rows))


if __name__ == "__main__":
    main()
