"""Classify every picture of a folder with an exported file, into a CSV of picture, label and probability."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from sepzoo import inference
from sepzoo.support.errors import SepzooError

Row = tuple[str, str, str]


def pictures(folder: Path) -> list[Path]:
    """Return all picture files in the folder and its subfolders, by their suffixes."""
    known = Image.registered_extensions()
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in known and path.is_file())


def classified(model: Path, folder: Path) -> Iterator[Row]:
    """Yield a row for each picture; one that cannot be read is named on standard error and left out."""
    classifier = inference.open(model)
    for path in pictures(folder):
        try:
            image = inference.load_images([path])
        except SepzooError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        [[best]] = classifier.top(classifier.predict(image), k=1)
        yield str(path.relative_to(folder)), best.label, f"{best.probability:.4f}"


def main() -> None:
    """Read the command line, classify, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a file that `sepzoo train` or `sepzoo export` wrote")
    parser.add_argument("folder", type=Path, help="of pictures, with subfolders or without")
    parser.add_argument("csv", type=Path, help="to write")
    asked = parser.parse_args()
    try:
        rows = list(classified(asked.model, asked.folder))
    except SepzooError as error:
        parser.exit(2, f"error: {error}\n")
    if not rows:
        parser.exit(
            2, f"error: expected pictures in the folder. Received: {asked.folder} with none that can be read.\n"
        )
    with asked.csv.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("picture", "label", "probability"), *rows])
    print(f"{len(rows)} pictures: {asked.csv}")


if __name__ == "__main__":
    main()
