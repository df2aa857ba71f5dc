"""How right exported files are, and by how much more or less than the first of them on the very same images.

    python training/file_answers.py FIRST FILE … --data cifar10

Behind ± stands the standard error of the paired difference. Deflated is as in .zip, .gz and .apk files.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np
from answers import right_answers

from sepzoo import data, inference
from sepzoo.support.table import table


def difference(right: np.ndarray, first: np.ndarray) -> str:
    """Return how many points more are right than in the first file, and the standard error of that."""
    gained = right.astype(float) - first
    return f"{100 * gained.mean():+.2f} ± {100 * gained.std(ddof=1) / len(gained) ** 0.5:.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--data", required=True, help="its test split, where it has one; classes matched by number")
    options = parser.parse_args()
    splits = data.choose_splits(data.split_names(options.data))
    height, width, channels = inference.open(options.files[0]).input_shape
    split = splits.test or splits.validation
    test = data.open_source(options.data, split=split, image_size=(height, width), channels=channels)
    images = test.images(np.arange(len(test)))
    rows: list[list[str]] = []
    first: np.ndarray | None = None
    for path in options.files:
        right = right_answers(path, images, test.labels)
        content = path.read_bytes()
        sizes = [f"{each / 1024:.1f}" for each in (len(content), len(zlib.compress(content, 9)))]
        rows.append([path.name, *sizes, f"{right.mean():.4f}", "" if first is None else difference(right, first)])
        first = right if first is None else first
    print(table(["file", "KiB", "deflated", "accuracy", "to the first, points"], rows))


if __name__ == "__main__":
    main()
