"""Keras model files that know their labels and preprocessing."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import keras

import sepzoo.layers.bsconv
import sepzoo.layers.drop_path
import sepzoo.layers.drop_path_join  # noqa: F401  (a file opens only after its layers are registered)
from sepzoo.artifact.inspection.checking import check
from sepzoo.artifact.keras2 import reading as keras2_file
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.greeting import start_keras

SUFFIXES = (".keras", ".h5")
"""What `load` reads; `save` writes the first."""

_ATTRIBUTE = "sepzoo_metadata"


def attach(model: keras.Model, metadata: Metadata) -> keras.Model:
    """Give a model in memory its metadata, and return the model."""
    object.__setattr__(model, _ATTRIBUTE, metadata)
    return model


def metadata_of(model: keras.Model) -> Metadata | None:
    """Return the metadata that a model in memory was given, or None."""
    return getattr(model, _ATTRIBUTE, None)


def save(model: keras.Model, path: str | os.PathLike[str]) -> Path:
    """Write a model whole as `.keras`; its metadata goes along as a member that Keras ignores.

    Raises:
        SepzooError: the name does not end in `.keras`.

    Example:
        >>> import tempfile, keras
        >>> from sepzoo.records.metadata import Metadata
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> path = save(attach(model, Metadata("tiny", labels=("no", "yes"))), tempfile.mkdtemp() + "/tiny.keras")
        >>> read_metadata(path).labels
        ('no', 'yes')
    """
    target = Path(path)
    if target.suffix != ".keras":
        raise SepzooError(f"expected a file name that ends in .keras. Received: {target.name}.")
    metadata = metadata_of(model)
    with atomic_write(target) as temporary:
        model.save(temporary)
        if metadata is not None:
            with zipfile.ZipFile(temporary, "a") as archive:
                archive.writestr(MEMBER, metadata.to_json())
    return target


def read_metadata(path: str | os.PathLike[str]) -> Metadata | None:
    """Return the metadata inside a `.keras` file, or None where it has none.

    Raises:
        SepzooError: the file is missing or is no `.keras` archive.
    """
    source = Path(path)
    if not source.is_file():
        raise SepzooError(f"expected a model file. Received: {source}, which does not exist.")
    try:
        with zipfile.ZipFile(source) as archive:
            return Metadata.from_json(archive.read(MEMBER)) if MEMBER in archive.namelist() else None
    except (zipfile.BadZipFile, OSError) as error:
        raise SepzooError(
            f"{source}: expected a .keras archive, the file is damaged or another thing ({error})."
        ) from None


def load(path: str | os.PathLike[str], *, trust: bool = False) -> keras.Model:
    """Return the model of a `.keras` file, its metadata attached again; Keras's safe mode always.

    A whole-model `.h5` file of Keras 2 is read too; it has no metadata.

    Args:
        path: of the file.
        trust: whether to load it without the check of `sepzoo.artifact.inspection`, which takes a process of its own.

    Raises:
        SepzooError: the file is missing, damaged, or holds what Keras cannot read.
    """
    check(path, trust=trust)
    start_keras()
    if Path(path).suffix == ".h5":
        return keras2_file.read(Path(path))
    metadata = read_metadata(path)
    model = _read(Path(path))
    return model if metadata is None else attach(model, metadata)


def _read(path: Path) -> Any:
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise SepzooError(f"{path}: Keras cannot read this file: {first_line(error)}") from error
