"""Pages that `sepzoo export --to browser` wrote: the network in them is run as the `.tflite` file that it is."""

from __future__ import annotations

from pathlib import Path

from sepzoo.artifact.browser_page import model_in
from sepzoo.inference.tflite_file import TfliteClassifier, read_content
from sepzoo.support.errors import SepzooError


def read(path: Path, threads: int) -> TfliteClassifier:
    """Open the network in a page; see `sepzoo.inference.open`."""
    try:
        content = model_in(path.read_bytes())
    except ValueError as error:
        raise SepzooError(f"{path}: expected a page with a network in it. Received: a damaged one ({error}).") from None
    return read_content(content, path, threads)
