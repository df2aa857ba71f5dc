"""Open a file that was named on the command line."""

from __future__ import annotations

from pathlib import Path

from sepzoo import inference
from sepzoo.cli.description import parse_preprocessing, read_labels
from sepzoo.support.quiet import quiet


def open_file(path: Path, *, labels: Path | None = None, preprocessing: str | None = None) -> inference.Classifier:
    """Open a model file; the greetings of the framework that reads it are held back.

    Args:
        path: the file.
        labels: a file of labels, instead of its own.
        preprocessing: as `parse_preprocessing` reads it, instead of its own.
    """
    names, prepared = read_labels(labels), parse_preprocessing(preprocessing)
    with quiet():
        return inference.open(path, labels=names, preprocessing=prepared)
