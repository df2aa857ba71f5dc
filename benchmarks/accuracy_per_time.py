"""Accuracy against measured time of trained networks and of what surgery makes of them, float32 and int8, one thread.

`python benchmarks/accuracy_per_time.py MODEL [...] --csv FILE --plot FILE.png` takes files that were trained on
CIFAR-10, whose pixels go in as they are. Each is decoupled and pruned to shares of its multiply-accumulates, fitted to
500 unlabelled training images and not trained; the TFLite files answer the test images, and run in turns: the fastest
of 15 turns of 20 images. A `*` is on the front: no other file of its type of numbers is as fast and better.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
from decoupled import TURNS, milliseconds
from rows import write_rows
from timing import in_turns

from sepzoo import analysis, export, inference, surgery
from sepzoo.artifact import model_file
from sepzoo.data import Samples, draw_samples, open_source
from sepzoo.export import Tolerance
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import AS_THEY_ARE

SHARES = (0.75, 0.5, 0.35)
TYPES = ("float32", "int8")


@dataclasses.dataclass(frozen=True)
class Row:
    """One file.

    Attributes:
        network: which was trained.
        form: what was made of it.
        type: of the file's numbers.
        macs: multiply-accumulates.
        kib: size of the file.
        ms: fastest time of an image.
        accuracy: top-1 on the test images.
    """

    network: str
    form: str
    type: str
    macs: int
    kib: float
    ms: float
    accuracy: float


def forms(model: keras.Model, samples: Samples) -> Iterator[tuple[str, keras.Model]]:
    """Yield what is made of a network, itself first."""
    yield "as trained", model
    for share in SHARES:
        yield f"decoupled {share:.2f}", surgery.decouple(model, macs=share, data=samples)[0]
    for share in SHARES[:2]:
        yield f"pruned {share:.2f}", surgery.prune_channels(model, macs=share, multiple_of=8, data=samples)[0]


def on_the_front(row: Row, rows: Sequence[Row]) -> bool:
    """Tell whether no other file of the same type of numbers is as fast and better."""
    return not any(other.type == row.type and other.ms <= row.ms and other.accuracy > row.accuracy for other in rows)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw accuracy over time, a marker a network, a colour a type, the front as a line."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    markers = dict(zip(dict.fromkeys(row.network for row in rows), "osD^v", strict=False))
    for color, kind in zip(("tab:blue", "tab:orange"), TYPES, strict=True):
        of_kind = [row for row in rows if row.type == kind]
        for network, marker in markers.items():
            points = [row for row in of_kind if row.network == network]
            x, y = [row.ms for row in points], [100 * row.accuracy for row in points]
            axes.scatter(x, y, c=color, marker=marker, label=f"{network}, {kind}")
            for row in points:
                axes.annotate(row.form, (row.ms, 100 * row.accuracy), (4, -8), textcoords="offset points", fontsize=6)
        front = sorted((row.ms, 100 * row.accuracy) for row in of_kind if on_the_front(row, rows))
        axes.step(*zip(*front, strict=True), where="post", color=color, linewidth=0.8)
    axes.set(xscale="log", xlabel="ms an image, one thread", ylabel="top-1 on CIFAR-10's test images, %")
    for axis in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        axis("{x:g}")
    axes.tick_params(which="minor", labelsize=7)
    axes.margins(0.15, 0.05)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def main() -> None:
    """Write the files, measure them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--test-images", type=int, default=10_000)
    options = parser.parse_args()
    train, held = (open_source("cifar10", split=split, image_size=(32, 32), channels=3) for split in ("train", "test"))
    samples = dataclasses.replace(draw_samples(train, 500, 0), labels=None)
    test = draw_samples(held, options.test_images, 0)
    found, classifiers = [], []
    with tempfile.TemporaryDirectory() as folder:
        for path in options.models:
            model = model_file.load(path)
            model_file.attach(model, Metadata(path.stem, preprocessing=AS_THEY_ARE))
            for form, network in forms(model, samples):
                macs = analysis.profile(network).macs
                for kind in TYPES:
                    file = Path(folder, f"{len(found)}.tflite")
                    calibration = samples if kind == "int8" else None
                    settings = {"calibration": calibration, "preprocessing": AS_THEY_ARE, "tolerance": Tolerance()}
                    report = export.tflite(network, file, quantize=kind, check=samples, **settings)
                    classifier = inference.open(file)
                    right = classifier.predict(test.images).argmax(axis=1) == test.labels
                    found.append(Row(path.stem, form, kind, macs, report.size / 1024, 0.0, float(right.mean())))
                    classifiers.append(classifier)
    runs = [functools.partial(milliseconds, each, each.prepare(test.images[:1])) for each in classifiers]
    times = in_turns(runs, TURNS)
    rows = [dataclasses.replace(row, ms=min(series)) for row, series in zip(found, times, strict=True)]
    print(f"{'network':38}{'form':16}{'type':10}{'MACs':>12}{'KiB':>8}{'ms':>8}{'top-1':>8}")
    for row in rows:
        star = " *" if on_the_front(row, rows) else ""
        sizes = f"{row.macs:>12,}{row.kib:>8.1f}{row.ms:>8.3f}{row.accuracy:>8.4f}"
        print(f"{row.network:38}{row.form:16}{row.type:10}{sizes}{star}")
    if options.csv:
        write_rows(rows, options.csv)
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
