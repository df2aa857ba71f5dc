"""Keras model files that know their labels and preprocessing."""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import keras

from sepzoo.artifact.activation_sizes import check_activations
from sepzoo.artifact.inspection.archive import read_member
from sepzoo.artifact.inspection.checking import check, is_trusted
from sepzoo.artifact.keras2 import archive as keras2_archive
from sepzoo.artifact.keras2 import reading as keras2_file
from sepzoo.artifact.model_format import ARCHIVE, HDF5, keras_format
from sepzoo.artifact.penalties import leave_penalties_out
from sepzoo.layers.weight_limit import limited_weights
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.support.atomic import atomic_write
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.clock import require_clock
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.greeting import start_keras
from sepzoo.support.recursion import deep_recursion

SUFFIXES = (".keras", ".h5", ".hdf5")
"""What `load` reads, which looks at the content alone; `save` writes the first."""

_ASSET = f"assets/{MEMBER}"
"""Where the metadata lie in an archive that Keras's own `model.save` wrote."""

_ATTRIBUTE = "sepzoo_metadata"


def attach(model: keras.Model, metadata: Metadata) -> keras.Model:
    """Give a model in memory its metadata, and return the model.

    Keras's own `model.save` then keeps them too, in a `.keras` file: an `.h5` file has no place for them.
    """
    object.__setattr__(model, _ATTRIBUTE, metadata)
    object.__setattr__(model, "save_assets", functools.partial(_save_asset, metadata))  # which Keras calls as it saves
    return model


def _save_asset(metadata: Metadata, folder: str) -> None:
    (Path(folder) / MEMBER).write_text(metadata.to_json(), encoding="utf-8")


def metadata_of(model: keras.Model) -> Metadata | None:
    """Return the metadata that a model in memory was given, or None."""
    return getattr(model, _ATTRIBUTE, None)


def save(model: keras.Model, path: str | os.PathLike[str], *, penalties: bool = False) -> Path:
    """Write a model whole as `.keras`; its metadata goes along as a member that Keras ignores.

    Args:
        model: any Keras model.
        path: of the file, which ends in `.keras`.
        penalties: keep the orthonormal penalty, as a checkpoint does. Else a network that differs from stock by it
            alone is written without, and opens where sepzoo is not installed.

    Raises:
        SepzooError: the name does not end in `.keras`, or the clock is before 1980.

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
    require_clock()
    metadata = metadata_of(model)
    with atomic_write(target) as temporary:
        model.save(temporary)
        if metadata is not None:
            with zipfile.ZipFile(temporary, "a") as archive:
                archive.writestr(MEMBER, metadata.to_json())
        if not penalties:
            leave_penalties_out(temporary)
    return target


def read_metadata(path: str | os.PathLike[str]) -> Metadata | None:
    """Return the metadata inside a `.keras` file, or None where it has none.

    Raises:
        SepzooError: the file is missing, no `.keras` archive, or its metadata are damaged or larger than a label file.
    """
    source = Path(path)
    if not source.is_file():
        raise SepzooError(f"expected a model file. Received: {source}, which does not exist.")
    try:
        with zipfile.ZipFile(source) as archive:
            name = next((name for name in (MEMBER, _ASSET) if name in archive.namelist()), None)
            text = read_member(archive, name, BOUNDS.labels) if name else None
    except Exception as error:  # zipfile and zlib let almost anything through
        raise SepzooError(
            f"{source}: expected a .keras archive, the file is damaged or another thing ({first_line(error)})."
        ) from None
    try:
        return None if text is None else Metadata.from_json(text)
    except SepzooError as error:
        raise SepzooError(f"{source}: {error}") from None


def load(path: str | os.PathLike[str], *, trust: bool = False) -> keras.Model:
    """Return the model of a `.keras` file, its metadata attached again; Keras's safe mode always.

    A whole-model HDF5 file (`.h5`, `.hdf5`), of Keras 2 too, is read as well; it has no metadata. Which of the two a
    file is, its content says, not its name.

    Args:
        path: of the file.
        trust: whether to load it without the check of `sepzoo.artifact.inspection`, which takes a process of its own.

    Raises:
        SepzooError: the file is missing, damaged, another thing, or holds what Keras cannot read.
    """
    source = Path(path)
    kind = keras_format(source)
    check(source, trust=trust)
    start_keras()
    metadata = read_metadata(source) if kind == ARCHIVE else None
    trusted = trust or is_trusted()
    with limited_weights(None if trusted else BOUNDS.allowed(source.stat().st_size)):
        model = _read(source, kind)
    if not trusted:
        check_activations(model, source)
    return model if metadata is None else attach(model, metadata)


def _read(path: Path, kind: str) -> keras.Model:
    if kind == HDF5:
        return keras2_file.read(path)
    _check_depth(path)
    return keras2_archive.read(path) if keras2_archive.is_keras2(path) else _read_keras_3(path)


def _read_keras_3(path: Path) -> keras.Model:
    try:
        with tempfile.TemporaryDirectory() as folder, deep_recursion():
            named = path if path.suffix == ARCHIVE else shutil.copyfile(path, Path(folder) / "model.keras")
            return keras.saving.load_model(named, compile=False, safe_mode=True)
    except Exception as error:  # whatever the constructors of layers say of a file's settings
        raise SepzooError(f"{path}: Keras cannot read this file: {first_line(error)}") from error


def _check_depth(path: Path) -> None:
    """See that an archive's JSON is no deeper than Python's own limit; where that is lifted, C code ends the process.

    Raises:
        SepzooError: it is, or it is no JSON, or cannot be unpacked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name in {"config.json", "metadata.json"} & set(archive.namelist()):
                json.loads(archive.read(name))
    except Exception as error:  # zipfile and zlib let almost anything through
        raise SepzooError(f"{path}: Keras cannot read this file: {first_line(error)}") from error
