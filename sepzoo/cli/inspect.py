"""`sepzoo inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sepzoo.cli.options import Json


def inspect(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of a model or of weights, or a folder; told by its content.")
    ],
    as_json: Json = False,
) -> None:
    """Show what is in a model's file without loading it.

    Its format, layers and arrays, and whether loading it would run code or read other files.

    Example: sepzoo inspect model.keras
    """
    from sepzoo.artifact import inspection
    from sepzoo.catalog.registry import listed
    from sepzoo.support.errors import SepzooError

    if not path.exists() and str(path) in listed():
        raise SepzooError(f"expected a file. Received: {path}, a network's name, of which `sepzoo card {path}` tells.")
    found = inspection.inspect(path)
    typer.echo(found.to_json() if as_json else str(found))
