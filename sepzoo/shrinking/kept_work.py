"""Arrays of finished steps in a folder, so that work which was interrupted goes on where it was."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

import sepzoo
from sepzoo.support.atomic import atomic_write
from sepzoo.training.checkpoint import DamagedError, read_arrays

Steps = dict[str, np.ndarray]
"""What a step gives, by name."""
STEP = "step"
"""The array in each file that says of which step it is: one that was damaged, or is another thing, is made anew."""
OF_STEP = "of/"
"""Before the names of what a step gives, which may be those of layers: `STEP`, or NumPy's own `file`."""


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
        step = _hash(self.key, name, sepzoo.__version__)  # another version may compute another thing
        path = self.folder / f"{step[:32]}.npz"
        if path.is_file():
            with contextlib.suppress(DamagedError):
                arrays = read_arrays(path)
                if str(arrays.pop(STEP, "")) == step:
                    return {each.removeprefix(OF_STEP): array for each, array in arrays.items()}
        found = dict(make())
        with atomic_write(path) as temporary:
            named = {f"{OF_STEP}{each}": array for each, array in found.items()}
            np.savez(temporary, **{STEP: np.array(step)}, **named)  # type: ignore[arg-type]
        return found


NOTHING_KEPT = KeptWork()
"""All steps are made anew."""


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
