"""Classify every picture of a folder with an exported file, into a CSV of picture, label and probability."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from sepzoo import inference
from sepzoo.support.atomic import atomic_write, check_target
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import counted

Line = tuple[str, str, str]


def pictures(folder: Path) -> list[Path]:
    """Return all picture files in the folder and its subfolders, by their suffixes."""
    known = Image.registered_extensions()
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in known and path.is_file())


def classified(classifier: inference.Classifier, folder: Path) -> Iterator[Line]:
    """Yield a line for each picture; one that cannot be read is named on standard error and left out."""
    found = pictures(folder)
    for path in counted(found, len(found), "pictures"):
        try:
            image = inference.load_images([path])
        except SepzooError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        [[best]] = classifier.top(classifier.predict(image), k=1)
        yield str(path.relative_to(folder)), best.label, f"{best.probability:.4f}"


def write(model: Path, folder: Path, path: Path) -> int:
    """Write the CSV whole, or not at all, and return how many pictures are in it."""
    check_target(path)
    classifier = inference.open(model)
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(("picture", "label", "probability"))
        count = 0
        for count, row in enumerate(classified(classifier, folder), start=1):  # noqa: B007  (counted beyond the loop)
            lines.writerow(row)
        if not count:
            raise SepzooError(f"expected pictures in the folder. Received: {folder} with none that can be read.")
    return count


def main() -> None:
    """Read the command line, classify, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a file that `sepzoo train` or `sepzoo export` wrote")
    parser.add_argument("folder", type=Path, help="of pictures, with subfolders or without")
    parser.add_argument("csv", type=Path, help="to write")
    asked = parser.parse_args()
    try:
        count = write(asked.model, asked.folder, asked.csv)
    except (SepzooError, OSError) as error:
        parser.exit(2, f"error: {error}\n")
    print(f"{count} pictures: {asked.csv}")


if __name__ == "__main__":
    main()
