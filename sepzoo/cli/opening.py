"""Open a file that was named on the command line."""

from __future__ import annotations

from pathlib import Path

from sepzoo import inference
from sepzoo.inference.quiet import quiet


def open_file(path: Path) -> inference.Classifier:
    """Open a model file; the greetings of the framework that reads it are held back."""
    with quiet():
        return inference.open(path)
