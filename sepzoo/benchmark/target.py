"""What is measured: a file, a network by its name, or somebody else's network in PyTorch."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from sepzoo.support.errors import SepzooError
from sepzoo.support.packages import require_installed
from sepzoo.support.regular_file import why_missing
from sepzoo.support.types import Json

if TYPE_CHECKING:
    import keras

    Given: TypeAlias = str | os.PathLike[str] | keras.Model

Kind = Literal["file", "name", "timm", "bsconv"]
PYTORCH: tuple[Kind, ...] = ("timm", "bsconv")
"""Packages whose networks are measured too: `timm:NAME`, `bsconv:NAME`."""


@dataclasses.dataclass(frozen=True)
class Target:
    """One thing that is measured.

    Attributes:
        label: what tables call it.
        kind: what `text` is: a path, one of our names, or a name of another package's.
        text: by which a process finds it.
        settings: that one of our names is built with.
    """

    label: str
    kind: Kind
    text: str
    settings: Mapping[str, Json] = dataclasses.field(default_factory=dict)

    @property
    def size(self) -> int | None:
        """Bytes of the file, or of all files in the folder; None of what is in none."""
        if self.kind != "file" or self.label != Path(self.text).name:
            return None
        path = Path(self.text)
        files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
        weights = path.with_suffix(".bin")
        if path.suffix == ".xml" and weights.is_file():  # OpenVINO's
            files.append(weights)
        return sum(each.stat().st_size for each in files)


@contextlib.contextmanager
def as_targets(given: Sequence[Given], settings: Mapping[str, Json] | None = None) -> Iterator[list[Target]]:
    """Give what is to be measured; Keras models lie in files of their own meanwhile.

    Args:
        given: paths of models' files and folders, names, `timm:NAME`, `bsconv:NAME`, or Keras models.
        settings: that our names are built with, such as `{"alpha": 0.5}`.

    Raises:
        SepzooError: nothing is given, no such file, an unknown name, settings and no name, or a package is missing.

    Example:
        >>> with as_targets(["mobilenet_v1", "timm:mobilenetv2_100"], {"alpha": 0.5}) as targets:
        ...     [(each.label, each.kind) for each in targets]
        [('mobilenet_v1', 'name'), ('timm:mobilenetv2_100', 'timm')]
    """
    if not given:
        raise SepzooError("expected one target or more. Received: none.")
    with tempfile.TemporaryDirectory() as folder:
        targets = [_target(each, number, Path(folder), settings or {}) for number, each in enumerate(given)]
        if settings and all(each.kind != "name" for each in targets):
            raise SepzooError(
                f"expected settings beside a network's name. Received: {', '.join(settings)} for "
                f"{', '.join(each.label for each in targets)}, built already."
            )
        yield targets


def _target(given: Given, number: int, folder: Path, settings: Mapping[str, Json]) -> Target:
    from sepzoo.catalog.model_paths import names_file
    from sepzoo.catalog.registry import find

    if not isinstance(given, str | os.PathLike):
        from sepzoo.artifact import model_file

        path = model_file.save(given, folder / f"{number}.keras")
        return Target(given.name, "file", str(path))
    text = os.fspath(given)
    package, colon, name = text.partition(":")
    for kind in PYTORCH:
        if colon and package == kind:
            require_installed(text, ["torch", kind], "parity")
            return Target(text, kind, name)
    if isinstance(given, str) and not names_file(text):
        find(text)
        return Target(text, "name", text, settings)
    missing = why_missing(Path(text))
    if missing is not None:
        raise SepzooError(f"expected a model's file or folder. Received: {text}, which {missing}.")
    return Target(Path(text).name, "file", str(Path(text).absolute()))
