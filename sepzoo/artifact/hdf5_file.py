"""HDF5 files of others: what in them would read other files is refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import h5py

from sepzoo.artifact.inspection.hdf5 import members
from sepzoo.support.errors import SepzooError


def check_self_contained(path: Path) -> None:
    """See that an HDF5 file holds all its values itself, and no links by name.

    A dataset may say that its bytes lie in any other file of the machine, and a link may point anywhere; Keras and h5py
    follow both. Nothing is read but the file's own structure.

    Args:
        path: of the file.

    Raises:
        SepzooError: external storage, an external or soft link, or a virtual dataset; it is named.
        OSError: no HDF5 file.
    """
    with h5py.File(path, "r") as file:
        for name, _member, problem in members(file):
            if problem:
                raise SepzooError(
                    f"{path}: expected a file that holds all its values itself. Received: {name}, {problem}. "
                    "It was not read; ask where the file comes from."
                )
