"""How large the relative errors of exported values and maps are: 20 small networks, trained on the embedded digits.

`python benchmarks/relative_error.py [TASK …]` prints the table of docs/tolerances.md. Five tasks whose
outputs are no class scores, each by four kinds of network: the centre of the ink, its amount, a unit vector, the ink as
a map, and the picture without noise. 800 digits train, 200 calibrate, 300 check.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from sepzoo.data import Samples, open_source
from sepzoo.export import Tolerance, export
from sepzoo.records.inputs import Features
from sepzoo.support.errors import SepzooError
from sepzoo.support.table import table
from sepzoo.support.types import Tensor

layers = keras.layers
SIDE = 16
TARGETS = ("tflite:float32", "tflite:float16", "tflite:dynamic", "tflite:int8", "tflite:int16x8")


def pictures() -> np.ndarray:
    """Return digits as (n, 16, 16, 1), 0 to 1."""
    source = open_source("digits", split="train", image_size=(SIDE, SIDE), channels=1)
    return (source.images(np.arange(1300)) / 255).astype("float32")


def centre(x: np.ndarray) -> np.ndarray:
    """Return where the ink is on average, -1 to 1 along both axes."""
    places = np.linspace(-1, 1, SIDE)
    weight = x[..., 0] / x.sum(axis=(1, 2, 3))[:, None, None]
    return np.stack([(weight.sum(axis=2) * places).sum(axis=1), (weight.sum(axis=1) * places).sum(axis=1)], axis=1)


def unit(x: np.ndarray) -> np.ndarray:
    """Return a fixed random projection of length one."""
    values = x.reshape(len(x), -1) @ np.random.default_rng(1).normal(size=(SIDE * SIDE, 8))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


TASKS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], bool]] = {
    "centre": (centre, False),
    "amount": (lambda x: x.sum(axis=(1, 2, 3))[:, None], False),
    "unit vector": (unit, False),
    "ink": (lambda x: (x > 0.5).astype("float32"), True),
    "denoised": (lambda x: x, True),
}
"""Task -> its right outputs, and whether they are a map."""


def plain(x: Tensor) -> Tensor:
    """Two dense convolutions with batch norm."""
    for filters in (8, 16):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(x)))
    return x


def residual(x: Tensor) -> Tensor:
    """Two residual units."""
    x = layers.Conv2D(8, 3, padding="same")(x)
    for _ in range(2):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x)))
        x = layers.Add()([x, layers.Conv2D(8, 3, padding="same")(y)])
    return x


def separable(x: Tensor) -> Tensor:
    """Three depthwise separable convolutions with batch norm and a bounded activation."""
    x = layers.Conv2D(8, 3, padding="same")(x)
    for _ in range(3):
        x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
        x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(16, 1)(x)))
    return x


def hourglass(x: Tensor) -> Tensor:
    """Down and up again, with a path beside it."""
    wide = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = layers.Conv2D(16, 3, padding="same", activation="swish")(layers.MaxPooling2D()(wide))
    return layers.Concatenate()([wide, layers.UpSampling2D()(y)])


def trained(task: str, body: Callable[[Tensor], Tensor], x: np.ndarray) -> keras.Model:
    """Return a network for a task, trained for four epochs."""
    keras.utils.set_random_seed(0)
    answer, is_map = TASKS[task]
    source = keras.Input((SIDE, SIDE, 1))
    y = body(source)
    outputs = answer(x)
    if is_map:
        y = layers.Conv2D(1, 1, activation="sigmoid")(y)
    else:
        y = layers.Dense(outputs.shape[1])(layers.Flatten()(layers.AveragePooling2D(4)(y)))
        y = layers.UnitNormalization()(y) if task == "unit vector" else y
    model = keras.Model(source, y, name=task.replace(" ", "_"))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    noisy = x + (np.random.default_rng(2).normal(0, 0.3, x.shape) if task == "denoised" else 0)
    model.fit(noisy[:800], outputs[:800], batch_size=32, epochs=4, verbose=0)
    return model


def main() -> None:
    """Print a row for each network, as soon as it is measured, and the table of all."""
    x = pictures()
    calibration, check = (
        Samples(x[start:stop], None, origin="digits", seed=0) for start, stop in ((800, 1000), (1000, 1300))
    )
    rows = []
    for task in sys.argv[1:] or TASKS:
        for body in (plain, residual, separable, hourglass):
            model = trained(task, body, x)
            errors = []
            with tempfile.TemporaryDirectory() as folder:
                for target in TARGETS:
                    try:
                        report = export(
                            model,
                            target,
                            Path(folder) / "m.tflite",
                            calibration=calibration,
                            check=check,
                            tolerance=Tolerance(),
                            features=Features((SIDE, SIDE, 1)),
                            outputs="map" if TASKS[task][1] else "values",
                        )
                    except SepzooError:  # TFLite lacks some operators in 16 bits
                        errors.append("-")
                        continue
                    errors.append(f"{report.comparison.relative_error:.1e}")
            rows.append([task, body.__name__, *errors])
            print(*rows[-1], file=sys.stderr, flush=True)
    print(table(["outputs", "network", *(target.removeprefix("tflite:") for target in TARGETS)], rows, left=2))


if __name__ == "__main__":
    main()
