"""Open a network that was named on the command line, to look into it or to change it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sepzoo.support.errors import SepzooError

Network = Annotated[
    str, typer.Argument(metavar="MODEL", help="A .keras or whole-model .h5 file, a run folder, or a network's name.")
]
Weights = Annotated[str | None, typer.Option(help="Of a named network: `imagenet`, or a weight file.")]


def open_network(text: str, *, weights: str | None, settings: Sequence[str]) -> Any:
    """Return the Keras model of a file, of a run folder (its best one), or of a network's name.

    Raises:
        SepzooError: there is no such thing, or weights and settings are given to what is built already.
    """
    from sepzoo.applications import build
    from sepzoo.artifact import model_file
    from sepzoo.support.overrides import parse_override

    path = Path(text)
    if not (path.is_dir() or model_file.names_file(path)):
        return build(text, weights=weights, **dict(parse_override(setting) for setting in settings))
    if weights is not None or settings:
        raise SepzooError(f"expected --weights and --set beside a network's name. Received: {path}, which is built.")
    return model_file.load(path / "best.keras" if path.is_dir() else path)


def stem_of(text: str) -> str:
    """Return what files that are made of a network are called after."""
    path = Path(text)
    return path.name if path.is_dir() else path.stem
