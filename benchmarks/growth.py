"""How latency, the cost of a training step and its memory grow with image size, width, depth and batch.

`python benchmarks/growth.py [--csv FILE] [--plot FILE.png]` measures each network in a process of its own, on one
thread: milliseconds of a batch by its float32 `.tflite` file, milliseconds of a training step, and the peak memory of
that process, beside that of one that trains Keras's own layers. The exponent of an axis is the slope of the line
through the logarithms, of memory that of what is beyond a process that has built the network and not trained it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from processes import ONE_THREAD, figures_of, peak
from rows import write_rows

BASE: dict[str, Any] = {"name": "mobilenet_v1", "input_shape": (96, 96, 3), "alpha": 0.25}
AXES: dict[str, dict[float, tuple[dict[str, Any], int]]] = {  # what a network is built with, and the batch
    "image size": {size: ({**BASE, "input_shape": (size, size, 3)}, 16) for size in (64, 96, 128, 160, 192, 224)},
    "width": {alpha: ({**BASE, "alpha": alpha}, 16) for alpha in (0.25, 0.5, 0.75, 1.0)},
    "depth": {depth: ({"name": f"cifar_resnet{depth}"}, 16) for depth in (20, 32, 44, 56, 110)},
    "batch": {batch: (BASE, batch) for batch in (1, 2, 4, 8, 16, 32, 64)},
}
FIGURES = ("inference_ms", "training_ms", "training_mib")
STEPS, CALLS, TURNS = 5, 10, 7


@dataclasses.dataclass(frozen=True)
class Row:
    """One network at one batch."""

    axis: str
    value: float
    inference_ms: float
    training_ms: float
    training_mib: float
    keras_mib: float


def fastest(run: Callable[[], object], times: int) -> float:
    """Return the milliseconds of a call, the least of some turns."""
    found = []
    for _ in range(TURNS):
        start = time.perf_counter()
        for _ in range(times):
            run()
        found.append(1e3 * (time.perf_counter() - start) / times)
    return min(found)


def figures(side: str, settings: dict[str, Any], batch: int) -> tuple[float, ...]:
    """Return what training a network takes in this process, before a peak hides it, and of ours what its file takes."""
    import keras
    import numpy as np

    from sepzoo import applications, export, surgery
    from sepzoo.export import Tolerance

    model = applications.build(classes=10, **settings)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(batch * STEPS, *model.input_shape[1:])).astype("float32")
    y = generator.integers(0, 10, len(x))
    trained, _ = surgery.accelerate(model) if side == "ours" else surgery.to_keras(model)
    trained.compile(keras.optimizers.SGD(0.01, momentum=0.9), keras.losses.SparseCategoricalCrossentropy())
    before = peak()
    fit = {"batch_size": batch, "verbose": 0}
    trained.fit(x, y, **fit)
    training, memory = fastest(lambda: trained.fit(x, y, **fit), 1) / STEPS, peak() - before
    if side != "ours":
        return training, memory
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.tflite")
        export.tflite(model, path, batch_sizes=[batch], tolerance=Tolerance())
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(model_path=str(path), num_threads=1).get_signature_runner(
            "serving_default" if batch == 1 else f"serving_default_batch{batch}"
        )
        [name] = runner.get_input_details()
        given = {name: x[:batch]}
        inference = fastest(lambda: runner(**given), CALLS)
    return training, memory, inference


def measured(side: str, axis: str, value: float) -> tuple[float, ...]:
    """Return what another process finds, on one thread."""
    return figures_of(__file__, "--one", side, axis, str(value), settings=ONE_THREAD)


def exponent(rows: Sequence[Row], figure: str) -> float:
    """Return the slope of the line through the logarithms of a figure over the axis."""
    import numpy as np

    values = np.log([[row.value, max(getattr(row, figure), 0.1)] for row in rows])
    return float(np.polyfit(values[:, 0], values[:, 1], 1)[0])


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw each figure over each axis, both in logarithms, with its exponent."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    labels = ("ms a batch, .tflite", "ms a training step", "MiB of training")
    figure, panels = pyplot.subplots(1, len(AXES), figsize=(13, 3.6))
    for panel, axis in zip(panels, AXES, strict=True):
        of_axis = [row for row in rows if row.axis == axis]
        values = [row.value for row in of_axis]
        for name, label in zip(FIGURES, labels, strict=True):
            text = f"{label}: {exponent(of_axis, name):.2f}"
            panel.plot(values, [getattr(row, name) for row in of_axis], "o-", label=text, markersize=4)
        panel.set(xscale="log", yscale="log", xlabel=axis)
        panel.set_xticks(values, [f"{value:g}" for value in values])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7, title="exponent", title_fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def main() -> None:
    """Print the table, or in a process of its own one network's figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    if options.one:
        side, axis, value = options.one
        print(json.dumps(figures(side, *AXES[axis][float(value)])))
        return
    print(f"{'axis':12}{'value':>7}{'ms, .tflite':>13}{'ms, training':>14}{'MiB':>8}{'Keras, MiB':>12}{'ratio':>7}")
    rows = []
    for axis, points in AXES.items():
        for value in points:
            training, trained, inference = measured("ours", axis, value)
            _, keras_memory = measured("keras", axis, value)
            rows.append(row := Row(axis, value, inference, training, trained, keras_memory))
            times = f"{row.inference_ms:>13.2f}{row.training_ms:>14.1f}"
            memory = f"{row.training_mib:>8.0f}{row.keras_mib:>12.0f}{row.training_mib / row.keras_mib:>7.2f}"
            print(f"{axis:12}{value:>7g}{times}{memory}", flush=True)
        of_axis = [row for row in rows if row.axis == axis]
        slopes = [f"{exponent(of_axis, figure):.2f}" for figure in FIGURES]
        print(f"{'':12}{'power':>7}{slopes[0]:>13}{slopes[1]:>14}{slopes[2]:>8}", flush=True)
    if options.csv:
        write_rows(rows, options.csv)
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
