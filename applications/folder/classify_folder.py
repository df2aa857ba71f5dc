"""Classify every picture of a folder with an exported file, into a CSV of picture, label and probability."""

from __future__ import annotations

import argparse
import csv
import functools
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from answers import Answer, Answers

from sepzoo import inference
from sepzoo.data.picture_files import find_images, named
from sepzoo.support.atomic import atomic_write, check_target
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import printable
from sepzoo.support.progress import counted
from sepzoo.support.stopping import stopped_by_signals

BATCH = 32
CORES = os.cpu_count() or 1
"""So many pictures are decoded at a time, whatever their size."""
SOME_UNREADABLE = 1
USER_MISTAKE = 2


def write(model: Path, folder: Path, path: Path) -> tuple[int, int]:
    """Write the CSV whole, or not at all; return how many pictures are in it, and how many cannot be read."""
    check_target(path)
    classifier = inference.open(model, threads=CORES)
    classifier.require_labels()
    images = find_images(folder)
    if images.left_out:
        say(f"left out, since they are no pictures: {named(images.left_out)}")
    with Answers(path, title=f"{digest(model)} {folder.absolute()}") as answers:
        pictures = [picture for picture in images.found if str(picture.relative_to(folder)) not in answers.done]
        if answers.done:
            say(f"goes on after {len(answers.done)} pictures")
        try:
            for answer in counted(answered(classifier, pictures, folder), len(pictures), "pictures"):
                answers.add(answer)
            written = write_csv(path, answers)
        except KeyboardInterrupt:
            say(f"{len(answers.done)} pictures are done, the same command goes on from there")
            raise
        answers.remove()
    if not written:
        raise SepzooError(f"expected pictures in the folder. Received: {folder} with none that can be read.")
    return written, len(answers.done) - written


def answered(classifier: inference.Classifier, pictures: Sequence[Path], folder: Path) -> Iterator[Answer]:
    """Yield what each picture shows, in order; one that cannot be read is named on standard error.

    All cores read and resize them, and the network takes a batch at a time.
    """
    with ThreadPoolExecutor(CORES) as pool:
        for start in range(0, len(pictures), BATCH):
            batch = pictures[start : start + BATCH]
            read = list(pool.map(functools.partial(pixels_of, classifier), batch))
            readable = [pixels for pixels in read if isinstance(pixels, np.ndarray)]
            best = iter(classifier.top(classifier.predict(np.concatenate(readable)), k=1) if readable else [])
            for picture, pixels in zip(batch, read, strict=True):
                name = str(picture.relative_to(folder))
                if isinstance(pixels, SepzooError):
                    say(f"left out: {pixels}")
                    yield name, None, 0.0
                else:
                    [found] = next(best)
                    yield name, found.label, found.probability


def pixels_of(classifier: inference.Classifier, picture: Path) -> np.ndarray | SepzooError:
    """Return a picture at the size that the network takes, or why it cannot be read."""
    try:
        return classifier.pixels([picture])
    except SepzooError as error:
        return error


def write_csv(path: Path, answers: Answers) -> int:
    """Write a line for each picture that could be read, and return how many these are; no file where there are none."""
    readable = [(name, label, f"{probability:.4f}") for name, label, probability in answers.all() if label is not None]
    if readable:  # of names that are no text, the bytes are escaped
        with (
            atomic_write(path) as temporary,
            temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
        ):
            csv.writer(file).writerows([("picture", "label", "probability"), *readable])
    return len(readable)


def digest(model: Path) -> str:
    """Return what tells a model's file, or the files of its folder, from others."""
    found = hashlib.sha256()
    for file in sorted(model.rglob("*")) if model.is_dir() else [model]:
        if file.is_file():
            found.update(file.read_bytes())
    return found.hexdigest()


def say(text: str) -> None:
    """Show a line on standard error."""
    print(printable(text), file=sys.stderr)


def main() -> None:
    """Read the command line, classify, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a file that `sepzoo train` or `sepzoo export` wrote")
    parser.add_argument("folder", type=Path, help="of pictures, with subfolders or without")
    parser.add_argument("csv", type=Path, help="to write")
    asked = parser.parse_args()
    with stopped_by_signals() as stop:
        try:
            written, unreadable = write(asked.model, asked.folder, asked.csv)
        except KeyboardInterrupt:
            parser.exit(stop.exit_code, "interrupted\n")
        except OSError as error:
            parser.exit(USER_MISTAKE, f"error: {error.filename or asked.csv}: {error.strerror or error}\n")
        except SepzooError as error:
            parser.exit(USER_MISTAKE, f"error: {error}\n")
    print(f"{written} pictures: {asked.csv}")
    if unreadable:
        parser.exit(SOME_UNREADABLE, f"error: {unreadable} of {written + unreadable} pictures cannot be read\n")


if __name__ == "__main__":
    main()
