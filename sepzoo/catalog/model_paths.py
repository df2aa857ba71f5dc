"""The path of a model, told from the name of a network, without reading a family."""

from __future__ import annotations

from pathlib import Path

from sepzoo.catalog.index import index
from sepzoo.support.paths import is_path

_MODEL_FOLDERS = ("recipe.yaml", "saved_model.pb")
"""A file that each folder with a model has: that of a run, a SavedModel."""


def names_file(text: str) -> bool:
    """Tell the path of a model from the name of a network.

    Where a folder is called as a network is, the network is meant, unless the folder is that of a run or a SavedModel.

    Example:
        >>> names_file("mobilenet_v1"), names_file("mobilenet_v1.keras")
        (False, True)
    """
    if not is_path(text):
        return False
    folder = Path(text)
    if folder.is_dir() and text in index():
        return any((folder / name).is_file() for name in _MODEL_FOLDERS)
    return True
