"""Accuracy against measured time of trained networks and of what surgery makes of them, float32 and int8, one thread.

`python benchmarks/accuracy_per_time.py MODEL [...] --csv FILE --plot FILE.png` takes names of networks of which the
package has weights for CIFAR-10, and files that were trained on it (where one does not say how, its pixels go in as
they are). Each is decoupled and pruned to shares of its multiply-accumulates, fitted to 500 unlabelled training images
and not trained (`--as-trained`: only what the files hold); the TFLite files answer the test images, and run in turns:
the fastest of 15 turns of 20 images. A `*` is on the front: no other file of its type of numbers is as fast and better.
With `--rows FILE` instead of networks, the plot is drawn again from rows that `--csv` wrote.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
from decoupled import TURNS, milliseconds
from rows import read_rows, write_rows
from timing import in_turns

from sepzoo import analysis, applications, export, inference, surgery
from sepzoo.artifact import model_file
from sepzoo.data import Samples, draw_samples, open_source
from sepzoo.export import Tolerance
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import AS_THEY_ARE
from sepzoo.support.errors import SepzooError

SHARES = (0.75, 0.5, 0.35)
TYPES = ("float32", "int8")
PANELS = (("float32", "macs"), ("float32", "ms"), ("int8", "ms"))
COSTS = {"macs": "multiply-accumulates, millions", "ms": "ms an image, one thread"}
MARKERS = {"trained": "o", "decoupled": "^", "pruned": "s"}


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

    def cost(self, kind: str) -> float:
        """Return what an image takes, as a plot has it."""
        return self.ms if kind == "ms" else self.macs / 1e6


def trained(text: str) -> keras.Model:
    """Return the network of a name, with the package's weights, or of a file."""
    if not Path(text).is_file():
        return applications.build(text, weights="cifar10")
    model = model_file.load(text)
    if model_file.metadata_of(model) is None:
        model_file.attach(model, Metadata(Path(text).stem, preprocessing=AS_THEY_ARE))
    return model


def forms(model: keras.Model, samples: Samples | None) -> Iterator[tuple[str, keras.Model]]:
    """Yield what is made of a network, itself first, and tell what can't be; without samples nothing is made."""
    yield "trained", model
    if samples is None:
        return
    wanted = {f"decoupled {share:.2f}": functools.partial(surgery.decouple, macs=share) for share in SHARES}
    for share in SHARES[:2]:
        wanted[f"pruned {share:.2f}"] = functools.partial(surgery.prune_channels, macs=share, multiple_of=8)
    for form, made in wanted.items():
        try:
            yield form, made(model, data=samples)[0]
        except SepzooError as reason:
            print(f"{form} is left out: {reason}", file=sys.stderr)


def on_the_front(row: Row, rows: Sequence[Row], cost: str = "ms") -> bool:
    """Tell whether no other file of the same type of numbers is as fast, or has as few operations, and is better."""
    least, best = row.cost(cost), row.accuracy
    return not any(other.type == row.type and other.cost(cost) <= least and other.accuracy > best for other in rows)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw accuracy over operations and times: a colour a network, a marker a kind of form, the front as a line."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot, ticker

    figure, panels = pyplot.subplots(1, len(PANELS), figsize=(14, 5), sharey=True)
    colors = {network: f"C{number}" for number, network in enumerate(dict.fromkeys(row.network for row in rows))}
    for axes, (kind, cost) in zip(panels, PANELS, strict=True):
        of_kind = [row for row in rows if row.type == kind]
        for row in of_kind:
            marker = MARKERS[row.form.split()[0]]
            axes.scatter(row.cost(cost), 100 * row.accuracy, c=colors[row.network], marker=marker, s=40, zorder=2)
        front = sorted((row.cost(cost), 100 * row.accuracy) for row in of_kind if on_the_front(row, rows, cost))
        axes.step(*zip(*front, strict=True), where="post", color="gray", linewidth=1, zorder=1)
        axes.set(xscale="log", xlabel=COSTS[cost], title=f"{kind} files")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.grid(alpha=0.3, which="both")
    panels[0].set_ylabel("top-1 on CIFAR-10's test images, %")
    keys = [pyplot.Line2D([], [], color=color, marker="o", linestyle="", label=name) for name, color in colors.items()]
    keys += [pyplot.Line2D([], [], color="k", marker=each, linestyle="", label=form) for form, each in MARKERS.items()]
    keys.append(pyplot.Line2D([], [], color="gray", label="none that costs as little is better"))
    figure.legend(handles=keys, loc="lower center", ncols=4, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.14, 1, 1))
    figure.savefig(path, dpi=130)


def main() -> None:
    """Write the files, measure them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--as-trained", action="store_true")
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--test-images", type=int, default=10_000)
    options = parser.parse_args()
    if options.rows:
        plot(read_rows(Row, options.rows), options.plot)
        return
    train, held = (open_source("cifar10", split=split, image_size=(32, 32), channels=3) for split in ("train", "test"))
    samples = dataclasses.replace(draw_samples(train, 500, 0), labels=None)
    test = draw_samples(held, options.test_images, 0)
    found, classifiers = [], []
    with tempfile.TemporaryDirectory() as folder:
        for text in options.models:
            for form, network in forms(trained(text), None if options.as_trained else samples):
                macs = analysis.profile(network).macs
                for kind in TYPES:
                    file = Path(folder, f"{len(found)}.tflite")
                    calibration = samples if kind == "int8" else None
                    settings = {"calibration": calibration, "check": samples, "tolerance": Tolerance()}
                    report = export.tflite(network, file, quantize=kind, **settings)
                    classifier = inference.open(file)
                    right = classifier.predict(test.images).argmax(axis=1) == test.labels
                    found.append(Row(Path(text).stem, form, kind, macs, report.size / 1024, 0.0, float(right.mean())))
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
