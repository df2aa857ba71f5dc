"""Arrays of finished steps in a folder, so that work which was interrupted goes on where it was."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from sepzoo.support.atomic import atomic_write

Steps = dict[str, np.ndarray]
"""What a step gives, by name."""


@dataclasses.dataclass(frozen=True)
class KeptWork:
    """Where the arrays of finished steps are.

    Attributes:
        folder: of the files, one for each step; None: nothing is kept.
        key: of what the work is: a step of another key is another step.
    """

    folder: Path | None = None
    key: str = ""

    def of(self, *parts: object) -> KeptWork:
        """Return where steps of a part of the work are, which these values tell from other parts."""
        return dataclasses.replace(self, key=_hash(self.key, *parts))

    def once(self, name: str, make: Callable[[], Mapping[str, np.ndarray]]) -> Steps:
        """Return the arrays of a step: those in its file, or else those that are made now, and kept.

        Args:
            name: of the step.
            make: returns the arrays.

        Raises:
            SepzooError: the folder can't be written to.

        Example:
            >>> import tempfile
            >>> work = KeptWork(Path(tempfile.mkdtemp()), "first")
            >>> work.once("sum", lambda: {"x": np.ones(2)})["x"], work.once("sum", lambda: {})["x"]
            (array([1., 1.]), array([1., 1.]))
        """
        if self.folder is None:
            return dict(make())
        path = self.folder / f"{_hash(self.key, name)[:32]}.npz"
        if path.is_file():
            try:
                with path.open("rb") as opened, np.load(opened) as file:
                    return dict(file)
            except (ValueError, OSError, EOFError, zipfile.BadZipFile):  # somebody damaged it: it is made anew
                pass
        found = dict(make())
        with atomic_write(path) as temporary:
            np.savez(temporary, **found)  # type: ignore[arg-type]
        return found


NOTHING_KEPT = KeptWork()
"""All steps are made anew."""


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
